# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties that MiniStack's handlers drop: set after them where its API keeps them, refused where it does not.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import dynamodb, iam, sns
from ministack.services.cloudformation import provisioners

from embedded_aws.extension.api_shapes import PropertyError, request_shape, to_request

# The security of what a template makes would rest on these, or its data; a value of False says nothing.
REFUSED = {
    "AWS::DynamoDB::Table": ("ImportSourceSpecification", "KinesisStreamSpecification", "ResourcePolicy"),
    "AWS::EC2::VPC": ("VpcEncryptionControl",),
    "AWS::ECR::Repository": ("ImageTagMutabilityExclusionFilters",),
    "AWS::ECS::Cluster": ("ServiceConnectDefaults",),
    "AWS::IAM::Role": (),
    "AWS::Logs::LogGroup": ("DataProtectionPolicy", "DeletionProtectionEnabled"),
    "AWS::SNS::Topic": ("DataProtectionPolicy", "FifoTopic"),
}
# A table's properties and the calls that set them; what each is once the template names it no more.
TABLE_CALLS: dict[str, tuple[str, Any]] = {
    "OnDemandThroughput": ("UpdateTable", {}),
    "PointInTimeRecoverySpecification": ("UpdateContinuousBackups", {"PointInTimeRecoveryEnabled": False}),
    "SSESpecification": ("UpdateTable", {"SSEEnabled": False}),
    "TableClass": ("UpdateTable", "STANDARD"),
    "TimeToLiveSpecification": ("UpdateTimeToLive", None),
}
Settle = Callable[[str, Mapping[str, Any], Mapping[str, Any]], None]


def check(type_name: str, properties: Mapping[str, Any]) -> None:
    """Refuse a property that would be dropped.

    Raises:
        PropertyError: the template uses one.
    """
    for name in REFUSED[type_name]:
        if str(properties.get(name) or False).lower() != "false":
            raise PropertyError(f"{name} is not kept by the embedded AWS -> leave it out in this environment")
    backups = properties.get("PointInTimeRecoverySpecification")
    if isinstance(backups, Mapping) and "RecoveryPeriodInDays" in backups:
        raise PropertyError("RecoveryPeriodInDays is not kept by the embedded AWS -> leave it out in this environment")


def table_calls(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls of DynamoDB's API, without the table's name, that set what a template says of a table.

    Raises:
        PropertyError: a property is unknown, of another type, or missing.
    """
    calls = []
    for name, (operation, default) in TABLE_CALLS.items():
        if name not in new and name not in old:
            continue
        value = new.get(name, default)
        if value is None:
            value = {**old[name], "Enabled": False}
        shape = request_shape("dynamodb", operation).members[name]
        calls.append((operation, {name: to_request(shape, value, name)}))
    return calls


def install() -> None:
    """Let the properties arrive, or fail the resource."""
    settled: dict[str, Settle] = {
        "AWS::DynamoDB::Table": _set_table,
        "AWS::IAM::Role": _set_boundary,
        "AWS::SNS::Topic": _set_topic_key,
    }
    for type_name in REFUSED:
        handlers = provisioners._RESOURCE_HANDLERS[type_name]
        settle = settled.get(type_name, lambda *_: None)
        handlers.update(_mended(type_name, handlers["create"], handlers["update"], handlers["delete"], settle))


def _mended(type_name: str, make: Any, change: Any, remove: Any, settle: Settle) -> dict[str, Any]:
    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        check(type_name, properties)
        made = make(logical_id, properties, stack_name)
        try:
            settle(made[0], {}, properties)
        except ValueError:
            remove(made[0], properties)  # else it would stay behind, since the stack never had it
            raise
        return made

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, *logical_id: Any) -> Any:
        check(type_name, new)
        changed = change(physical_id, old, new, stack_name, *logical_id)
        settle(changed[0], old if changed[0] == physical_id else {}, new)
        return changed

    return {"create": create, "update": update}


def _set_table(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    operations = {
        "UpdateContinuousBackups": dynamodb._update_continuous_backups,
        "UpdateTable": dynamodb._update_table,
        "UpdateTimeToLive": dynamodb._update_ttl,
    }
    for operation, request in table_calls(old, new):
        status, _headers, body = operations[operation]({"TableName": name, **request})
        if status >= 400:
            raise ValueError(f"{operation}: {json.loads(body).get('message', status)}")


def _set_boundary(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    boundary = new.get("PermissionsBoundary")
    if boundary and iam._boundary_policy_error(boundary):
        raise PropertyError(f"PermissionsBoundary: {boundary} is no policy of the account -> create it first")
    if boundary or "PermissionsBoundary" in old:
        iam._roles[name]["PermissionsBoundary"] = boundary


def _set_topic_key(arn: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if new.get("KmsMasterKeyId"):
        sns._topics[arn]["attributes"]["KmsMasterKeyId"] = new["KmsMasterKeyId"]
    elif "KmsMasterKeyId" in old:
        sns._topics[arn]["attributes"].pop("KmsMasterKeyId", None)
