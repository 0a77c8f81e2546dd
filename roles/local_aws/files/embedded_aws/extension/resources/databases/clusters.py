# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DB clusters and their instances: each is what RDS's API would make of the properties.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbcluster.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services import rds
from ministack.services.cloudformation import provisioners

from embedded_aws.extension.api import call
from embedded_aws.extension.api_shapes import PropertyError, request_shape, to_request
from embedded_aws.extension.resources import kind
from embedded_aws.extension.resources.kind import Kind, Made, Properties

CLUSTER, INSTANCE = "AWS::RDS::DBCluster", "AWS::RDS::DBInstance"
NAME_LENGTH = 63
# Properties whose absence means a value again, and not the value before.
DEFAULTS = {"DeletionProtection": False, "CopyTagsToSnapshot": False}


def identifier(name: str) -> str:
    """Return a name as RDS takes it: lower case, 63 characters, a letter first; its end makes it unique."""
    return name.lower()[-NAME_LENGTH:].lstrip("-0123456789")


def changes(operation: str, old: Properties, new: Properties) -> dict[str, Any]:
    """Return the request that changes the properties that differ; empty where none does.

    Raises:
        PropertyError: a property cannot be changed by the operation.
    """
    wanted, before = ({**DEFAULTS, **properties} for properties in (_spelled(new), _spelled(old)))
    changed = {name: value for name, value in wanted.items() if before.get(name) != value and name != "Tags"}
    shape = request_shape("rds", operation)
    for name in changed:
        if name not in shape.members:
            raise PropertyError(f"{name} cannot be changed by the embedded AWS -> keep it, or replace the resource")
    return {name: to_request(shape.members[name], value, name) for name, value in changed.items()}


def _spelled(properties: Properties) -> dict[str, Any]:
    """Return properties with the API's names."""
    found = dict(properties)
    if key := (found.pop("MasterUserSecret", None) or {}).get("KmsKeyId"):
        found["MasterUserSecretKmsKeyId"] = key
    if "VPCSecurityGroups" in found:
        found["VpcSecurityGroupIds"] = found.pop("VPCSecurityGroups")
    return found


def _create_cluster(properties: Properties, name: str) -> Made:
    wanted = {"DBClusterIdentifier": identifier(name), **_spelled(properties)}
    request = to_request(request_shape("rds", "CreateDBCluster"), wanted)
    return _described_cluster(call("rds", "CreateDBCluster", **request)["DBCluster"])


def _update_cluster(name: str, old: Properties, new: Properties) -> Made:
    if changed := changes("ModifyDBCluster", old, new):
        call("rds", "ModifyDBCluster", DBClusterIdentifier=name, ApplyImmediately=True, **changed)
    cluster = call("rds", "DescribeDBClusters", DBClusterIdentifier=name)["DBClusters"][0]
    _update_tags(cluster["DBClusterArn"], old, new)
    return _described_cluster(cluster)


def _delete_cluster(name: str, _properties: Properties) -> None:
    # CloudFormation has taken the snapshot before, where DeletionPolicy wants one.
    call("rds", "DeleteDBCluster", DBClusterIdentifier=name, SkipFinalSnapshot=True)


def _described_cluster(cluster: Mapping[str, Any]) -> Made:
    attributes = {
        "DBClusterArn": cluster["DBClusterArn"],
        "DBClusterResourceId": cluster["DbClusterResourceId"],
        "Endpoint.Address": cluster["Endpoint"],
        "Endpoint.Port": str(cluster["Port"]),
        "ReadEndpoint.Address": cluster["ReaderEndpoint"],
    }
    if secret := cluster.get("MasterUserSecret"):
        attributes["MasterUserSecret.SecretArn"] = secret["SecretArn"]
    return cluster["DBClusterIdentifier"], attributes


def _create_instance(properties: Properties, name: str) -> Made:
    wanted = {"DBInstanceIdentifier": identifier(name), **_spelled(properties)}
    request = to_request(request_shape("rds", "CreateDBInstance"), wanted)
    return _described_instance(call("rds", "CreateDBInstance", **request)["DBInstance"])


def _update_instance(name: str, old: Properties, new: Properties) -> Made:
    if changed := changes("ModifyDBInstance", old, new):
        call("rds", "ModifyDBInstance", DBInstanceIdentifier=name, ApplyImmediately=True, **changed)
    instance = call("rds", "DescribeDBInstances", DBInstanceIdentifier=name)["DBInstances"][0]
    _update_tags(instance["DBInstanceArn"], old, new)
    return _described_instance(instance)


def _delete_instance(name: str, _properties: Properties) -> None:
    call("rds", "DeleteDBInstance", DBInstanceIdentifier=name, SkipFinalSnapshot=True)


def _described_instance(instance: Mapping[str, Any]) -> Made:
    attributes = {
        "DBInstanceArn": instance["DBInstanceArn"],
        "DbiResourceId": instance["DbiResourceId"],
        "Endpoint.Address": instance["Endpoint"]["Address"],
        "Endpoint.Port": str(instance["Endpoint"]["Port"]),
    }
    return instance["DBInstanceIdentifier"], attributes


def _update_tags(arn: str, old: Properties, new: Properties) -> None:
    before, after = ({tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])} for properties in (old, new))
    if removed := sorted(before.keys() - after.keys()):
        call("rds", "RemoveTagsFromResource", ResourceName=arn, TagKeys=removed)
    if added := [{"Key": key, "Value": value} for key, value in after.items() if before.get(key) != value]:
        call("rds", "AddTagsToResource", ResourceName=arn, Tags=added)


KINDS = {
    CLUSTER: Kind(
        _create_cluster,
        _delete_cluster,
        _update_cluster,
        (
            "AvailabilityZones",
            "DBClusterIdentifier",
            "DBSubnetGroupName",
            "DatabaseName",
            "Engine",
            "EngineMode",
            "KmsKeyId",
            "MasterUsername",
            "StorageEncrypted",
        ),
    ),
    INSTANCE: Kind(
        _create_instance,
        _delete_instance,
        _update_instance,
        ("DBClusterIdentifier", "DBInstanceIdentifier", "DBSubnetGroupName", "Engine"),
    ),
}


def install() -> None:
    """Let templates have DB clusters and instances as the API makes them, with no container for any."""
    kind.install(KINDS)
    provisioners._RESOURCE_HANDLERS[CLUSTER]["snapshot"] = provisioners._rds_db_cluster_snapshot
    rds._get_docker = lambda: None
