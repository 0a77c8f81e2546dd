# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the embedded RDS takes of a request; it refuses the rest, which would have no effect.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBProxy.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping

COMMON = frozenset({"Action", "Version"})
ENGINE = "aurora-mysql"
# Its own operations, with all parameters that MiniStack keeps; those of the list below stay as they are.
PARAMETERS: dict[str, frozenset[str]] = {
    "CreateDBCluster": frozenset(
        {
            "AvailabilityZones",
            "BackupRetentionPeriod",
            "CopyTagsToSnapshot",
            "DBClusterIdentifier",
            "DBClusterParameterGroupName",
            "DBSubnetGroupName",
            "DatabaseName",
            "DeletionProtection",
            "EnableCloudwatchLogsExports",
            "EnableHttpEndpoint",
            "EnableIAMDatabaseAuthentication",
            "Engine",
            "EngineLifecycleSupport",
            "EngineMode",
            "EngineVersion",
            "KmsKeyId",
            "ManageMasterUserPassword",
            "MasterUserPassword",
            "MasterUserSecretKmsKeyId",
            "MasterUsername",
            "NetworkType",
            "Port",
            "PreferredBackupWindow",
            "PreferredMaintenanceWindow",
            "ServerlessV2ScalingConfiguration",
            "StorageEncrypted",
            "Tags",
            "VpcSecurityGroupIds",
        }
    ),
    "ModifyDBCluster": frozenset(
        {
            "ApplyImmediately",
            "BackupRetentionPeriod",
            "CopyTagsToSnapshot",
            "DBClusterIdentifier",
            "DeletionProtection",
            "EnableHttpEndpoint",
            "EnableIAMDatabaseAuthentication",
            "EngineVersion",
            "MasterUserPassword",
            "PreferredBackupWindow",
            "PreferredMaintenanceWindow",
            "RotateMasterUserPassword",
            "ServerlessV2ScalingConfiguration",
            "VpcSecurityGroupIds",
        }
    ),
    "DeleteDBCluster": frozenset({"DBClusterIdentifier", "FinalDBSnapshotIdentifier", "SkipFinalSnapshot"}),
    "CreateDBProxy": frozenset(
        {
            "Auth",
            "DBProxyName",
            "DebugLogging",
            "EngineFamily",
            "IdleClientTimeout",
            "RequireTLS",
            "RoleArn",
            "Tags",
            "VpcSecurityGroupIds",
            "VpcSubnetIds",
        }
    ),
    "ModifyDBProxy": frozenset(
        {"Auth", "DBProxyName", "DebugLogging", "IdleClientTimeout", "RequireTLS", "RoleArn", "SecurityGroups"}
    ),
    "RegisterDBProxyTargets": frozenset({"DBClusterIdentifiers", "DBProxyName", "TargetGroupName"}),
    "DeregisterDBProxyTargets": frozenset({"DBClusterIdentifiers", "DBProxyName", "TargetGroupName"}),
}
# Operations of MiniStack's that are true of a DB cluster with a real server.
KEPT = frozenset(
    {
        "AddTagsToResource",
        "CreateDBClusterParameterGroup",
        "CreateDBInstance",
        "CreateDBParameterGroup",
        "CreateDBSubnetGroup",
        "DeleteDBClusterParameterGroup",
        "DeleteDBClusterSnapshot",
        "DeleteDBInstance",
        "DeleteDBParameterGroup",
        "DeleteDBProxy",
        "DeleteDBSubnetGroup",
        "DescribeDBClusterParameterGroups",
        "DescribeDBClusterParameters",
        "DescribeDBClusterSnapshots",
        "DescribeDBClusters",
        "DescribeDBEngineVersions",
        "DescribeDBInstances",
        "DescribeDBParameterGroups",
        "DescribeDBParameters",
        "DescribeDBProxies",
        "DescribeDBProxyEndpoints",
        "DescribeDBProxyTargetGroups",
        "DescribeDBProxyTargets",
        "DescribeDBSubnetGroups",
        "DescribeEvents",
        "DescribeOrderableDBInstanceOptions",
        "DescribePendingMaintenanceActions",
        "ListTagsForResource",
        "ModifyDBInstance",
        "ModifyDBProxyTargetGroup",
        "ModifyDBSubnetGroup",
        "RemoveTagsFromResource",
        *PARAMETERS,
    }
)
# Parameters with the one value that is followed here; a pattern, since a list's members have numbers.
VALUES = {
    re.compile(r"Engine"): ENGINE,
    re.compile(r"EngineFamily"): "MYSQL",
    re.compile(r"EngineMode"): "provisioned",
    re.compile(r"EnableHttpEndpoint"): "false",
    re.compile(r"EnableIAMDatabaseAuthentication"): "false",
    re.compile(r"NetworkType"): "IPV4",
    re.compile(r"Auth\..*\.IAMAuth"): "DISABLED",
    re.compile(r"Auth\..*\.AuthScheme"): "SECRETS",
}


def refused(operation: str, request: Mapping[str, str]) -> str:
    """Return why a request is refused; empty where it is taken.

    Args:
        operation: such as ``CreateDBCluster``.
        request: values by name, as the Query API spells them: ``Auth.member.1.IAMAuth``.
    """
    if operation not in KEPT:
        return f"{operation} is not supported by the embedded AWS -> it serves {', '.join(sorted(KEPT))}"
    known = PARAMETERS.get(operation)
    if known is None:
        return ""
    for name in request:
        if name.partition(".")[0] not in known | COMMON:
            return f"{name} has no effect in the embedded AWS -> leave it out in this environment"
    for pattern, value in VALUES.items():
        for name in filter(pattern.fullmatch, request):
            if request[name] != value:
                return f"{name} is followed by the embedded AWS only as {value} -> write {value} in this environment"
    if operation == "CreateDBCluster" and "Engine" not in request:
        return f"Engine is missing -> write {ENGINE}"
    return ""
