# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database: an Aurora Serverless v2 cluster with its secret, its instances and its proxy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.keys import encryption_key, via
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.iam import allow, role
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import (
    MYSQL,
    group_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    Parts,
    name_tag,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.runbooks import with_runbook
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Database

CLUSTER, SECRET, PROXY, PROXY_ROLE = "Cluster", "Secret", "Proxy", "ProxyRole"
SUBNET_GROUP, PARAMETER_GROUP = "SubnetGroup", "ParameterGroup"
SUBNETS = Output("network", "PrivateSubnetIds", is_list=True)
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_LogAccess.Procedural.UploadtoCloudWatch.html
LOGS = ("error", "slowquery")
LOG_RETENTION_DAYS = 30
# UTC; the maintenance comes after the backup.
BACKUP_WINDOW, MAINTENANCE_WINDOW = "02:00-04:00", "sun:04:00-sun:05:00"
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Reference.ParameterGroups.html
SETTINGS: Mapping[str, str] = {
    "character_set_server": "utf8mb4",
    "collation_server": "utf8mb4_unicode_ci",
    # Seconds from which the slow query log has a query.
    "long_query_time": "2",
    "slow_query_log": "1",
    # Passwords and rows are encrypted between the subnets, too.
    "require_secure_transport": "ON",
}
# The most characters of a password that Aurora MySQL takes is 41.
PASSWORD_LENGTH = 32
# A final snapshot has the data of a cluster that is deleted: a kept cluster would keep its subnets and its groups.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
IN_A_SNAPSHOT: Mapping[str, str] = {"DeletionPolicy": "Snapshot", "UpdateReplacePolicy": "Snapshot"}
# The cluster has the data, and the password opens nothing else.
WITHOUT_DATA: Mapping[str, str] = {"DeletionPolicy": "Delete", "UpdateReplacePolicy": "Delete"}
# By kind: metric, percent and meaning.
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2-administration.html
ALARMS: Mapping[str, tuple[str, int, str]] = {
    "capacity": ("ACUUtilization", 90, "uses more than 90 % of its capacity"),
    "load": ("CPUUtilization", 90, "uses more than 90 % of its CPU"),
}


def database_parts(name: str, database: Database) -> Parts:
    """Return a database with all that belongs to it, in a stack of its own."""
    identifier = sub(f"{BASE}-{name}")
    found = Parts(
        {
            SECRET: _secret(name, database),
            SUBNET_GROUP: {
                "Type": "AWS::RDS::DBSubnetGroup",
                "Properties": {
                    "DBSubnetGroupName": identifier,
                    "DBSubnetGroupDescription": f"Private subnets of database {name}",
                    "SubnetIds": SUBNETS,
                    "Tags": name_tag(name),
                },
            },
            PARAMETER_GROUP: {
                "Type": "AWS::RDS::DBClusterParameterGroup",
                "Properties": {
                    "Description": f"Settings of database {name}",
                    "Family": f"{database['engine']}{'.'.join(database['engine_version'].split('.')[:2])}",
                    "Parameters": dict(SETTINGS),
                    "Tags": name_tag(name),
                },
            },
            **{_log_id(log): _log_group(f"/aws/rds/cluster/{BASE}-{name}/{log}") for log in LOGS},
            CLUSTER: _cluster(name, database),
            "SecretAttachment": {
                "Type": "AWS::SecretsManager::SecretTargetAttachment",
                "Properties": {
                    "SecretId": {"Ref": SECRET},
                    "TargetId": {"Ref": CLUSTER},
                    "TargetType": "AWS::RDS::DBCluster",
                },
            },
            **{each: _instance(name, number, database) for number, each in enumerate(_instances(database), start=1)},
            **{f"{kind.capitalize()}Alarm": _alarm(name, kind) for kind in ALARMS},
        },
        {
            "ClusterEndpoint": output("Host of the cluster's writer.", _attribute(CLUSTER, "Endpoint.Address")),
            "Port": output("Port of the database.", _attribute(CLUSTER, "Endpoint.Port")),
            "DatabaseName": output("Name of the database.", database["database_name"]),
            "SecretArn": output("ARN of the secret with the login.", {"Ref": SECRET}),
        },
    )
    return found | (_proxy(name, database) if database["proxy"] else _direct())


def _secret(name: str, database: Database) -> dict[str, Any]:
    key = encryption_key(database)
    return {
        "Type": "AWS::SecretsManager::Secret",
        **WITHOUT_DATA,
        "Properties": {
            "Name": sub("${Project}/${Environment}/database/" + name),
            "Description": f"Login of database {name}",
            **({"KmsKeyId": key} if key else {}),
            "GenerateSecretString": {
                "SecretStringTemplate": f'{{"username": "{database["username"]}"}}',
                "GenerateStringKey": "password",
                "PasswordLength": PASSWORD_LENGTH,
                "ExcludePunctuation": True,
            },
        },
    }


def _cluster(name: str, database: Database) -> dict[str, Any]:
    key = encryption_key(database)
    return {
        "Type": "AWS::RDS::DBCluster",
        **IN_A_SNAPSHOT,
        # RDS creates a log group that is missing, and keeps its lines for ever.
        "DependsOn": [_log_id(log) for log in LOGS],
        "Properties": {
            "DBClusterIdentifier": sub(f"{BASE}-{name}"),
            "Engine": database["engine"],
            "EngineVersion": database["engine_version"],
            "DatabaseName": database["database_name"],
            "Port": MYSQL,
            "MasterUsername": database["username"],
            "MasterUserPassword": sub("{{resolve:secretsmanager:${Secret}:SecretString:password}}"),
            "DBSubnetGroupName": {"Ref": SUBNET_GROUP},
            "DBClusterParameterGroupName": {"Ref": PARAMETER_GROUP},
            "VpcSecurityGroupIds": [group_of("database", name)],
            "ServerlessV2ScalingConfiguration": {
                "MinCapacity": database["capacity"]["min"],
                "MaxCapacity": database["capacity"]["max"],
            },
            "StorageEncrypted": True,
            **({"KmsKeyId": key} if key else {}),
            "BackupRetentionPeriod": database["backup_retention_days"],
            "PreferredBackupWindow": BACKUP_WINDOW,
            "PreferredMaintenanceWindow": MAINTENANCE_WINDOW,
            "CopyTagsToSnapshot": True,
            "EnableCloudwatchLogsExports": list(LOGS),
            "DeletionProtection": database["deletion_protection"],
            "Tags": name_tag(name),
        },
    }


def _instances(database: Database) -> Sequence[str]:
    """Return the logical ids of a database's instances."""
    return [f"Instance{number}" for number in range(1, database["instances"] + 1)]


def _instance(name: str, number: int, database: Database) -> dict[str, Any]:
    return {
        "Type": "AWS::RDS::DBInstance",
        **WITHOUT_DATA,
        "Properties": {
            "DBInstanceIdentifier": sub(f"{BASE}-{name}-{number}"),
            "DBInstanceClass": "db.serverless",
            "DBClusterIdentifier": {"Ref": CLUSTER},
            "Engine": database["engine"],
            "PubliclyAccessible": False,
            # The description names the version.
            "AutoMinorVersionUpgrade": False,
            # Readers of tiers 0 and 1 have the capacity of the writer, which they replace:
            # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless-v2.how-it-works.html
            "PromotionTier": 1,
            "Tags": name_tag(f"{name}-{number}"),
        },
    }


def _proxy(name: str, database: Database) -> Parts:
    """Return the proxy by which tasks connect; it pools their connections, and outlives a failover."""
    return Parts(
        {
            PROXY_ROLE: _proxy_role(database),
            _log_id("proxy"): _log_group(f"/aws/rds/proxy/{BASE}-{name}"),
            PROXY: {
                "Type": "AWS::RDS::DBProxy",
                "DependsOn": [_log_id("proxy")],
                "Properties": {
                    "DBProxyName": sub(f"{BASE}-{name}"),
                    "EngineFamily": "MYSQL",
                    "Auth": [{"AuthScheme": "SECRETS", "IAMAuth": "DISABLED", "SecretArn": {"Ref": SECRET}}],
                    "RequireTLS": True,
                    "RoleArn": _attribute(PROXY_ROLE, "Arn"),
                    "VpcSubnetIds": SUBNETS,
                    "VpcSecurityGroupIds": [group_of("proxy", name)],
                    "Tags": name_tag(name),
                },
            },
            "ProxyTargets": {
                "Type": "AWS::RDS::DBProxyTargetGroup",
                # A proxy takes a cluster that has an instance.
                "DependsOn": [*_instances(database)],
                "Properties": {
                    "DBProxyName": {"Ref": PROXY},
                    # The one name that RDS takes.
                    "TargetGroupName": "default",
                    "DBClusterIdentifiers": [{"Ref": CLUSTER}],
                },
            },
        },
        {"Endpoint": output("Host of the proxy, to which tasks connect.", _attribute(PROXY, "Endpoint"))},
    )


def _proxy_role(database: Database) -> dict[str, Any]:
    """Return the role with which the proxy reads the login of its database, and nothing else.

    https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/rds-proxy-iam-setup.html
    """
    key = encryption_key(database)
    statements = [
        allow("FetchTheLogin", ("secretsmanager:GetSecretValue",), {"Ref": SECRET}),
        *([allow("DecryptTheLogin", ("kms:Decrypt",), key, Condition=via("secretsmanager"))] if key else []),
    ]
    return role("Reads the login of the database", "rds.amazonaws.com", statements)


def _direct() -> Parts:
    return Parts(outputs={"Endpoint": output("Host to which tasks connect.", _attribute(CLUSTER, "Endpoint.Address"))})


def _alarm(name: str, kind: str) -> dict[str, Any]:
    metric, percent, meaning = ALARMS[kind]
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": sub(f"{BASE}-{name}-database-{kind}"),
            "AlarmDescription": with_runbook(kind, f"Database {name} {meaning}"),
            "Namespace": "AWS/RDS",
            "MetricName": metric,
            # The writer, whichever instance that is:
            # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/creating_alarms.html
            "Dimensions": [
                {"Name": "DBClusterIdentifier", "Value": {"Ref": CLUSTER}},
                {"Name": "Role", "Value": "WRITER"},
            ],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 5,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": percent,
            # A paused database sends no metrics.
            "TreatMissingData": "notBreaching",
        },
    }


def _log_id(log: str) -> str:
    return f"{log.capitalize()}LogGroup"


def _log_group(name: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": sub(name), "RetentionInDays": LOG_RETENTION_DAYS},
    }


def _attribute(resource: str, name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, name]}
