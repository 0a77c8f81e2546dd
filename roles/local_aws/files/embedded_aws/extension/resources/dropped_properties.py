# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties that MiniStack's handlers drop: set after them where its API keeps them, refused where it does not.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-certificatemanager-certificate.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-route53-hostedzone.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedule.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import acm, dynamodb, iam, route53, sns
from ministack.services.cloudformation import provisioners

from embedded_aws.extension.api_shapes import PropertyError, request_shape, to_request

# The security of what a template makes would rest on these, or its data; a value of False says nothing.
REFUSED = {
    "AWS::CertificateManager::Certificate": ("CertificateAuthorityArn",),
    "AWS::DynamoDB::Table": ("ImportSourceSpecification", "KinesisStreamSpecification", "ResourcePolicy"),
    "AWS::EC2::VPC": ("VpcEncryptionControl",),
    "AWS::ECR::Repository": ("ImageTagMutabilityExclusionFilters",),
    "AWS::ECS::Cluster": ("ServiceConnectDefaults",),
    "AWS::IAM::Role": (),
    "AWS::Route53::HostedZone": ("HostedZoneFeatures", "QueryLoggingConfig", "VPCs"),
    "AWS::Logs::LogGroup": ("DataProtectionPolicy", "DeletionProtectionEnabled"),
    "AWS::SNS::Topic": ("DataProtectionPolicy", "FifoTopic"),
    "AWS::Scheduler::Schedule": (),
}
# A table's properties and the calls that set them; what each is once the template names it no more.
TABLE_CALLS: dict[str, tuple[str, Any]] = {
    "OnDemandThroughput": ("UpdateTable", {}),
    "PointInTimeRecoverySpecification": ("UpdateContinuousBackups", {"PointInTimeRecoveryEnabled": False}),
    "SSESpecification": ("UpdateTable", {"SSEEnabled": False}),
    "TableClass": ("UpdateTable", "STANDARD"),
    "TimeToLiveSpecification": ("UpdateTimeToLive", None),
}
# Where the validation records of ACM lead: https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html
VALIDATIONS = "acm-validations.aws."
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
    is_of_task = type_name == "AWS::Scheduler::Schedule" and "EcsParameters" in properties.get("Target", {})
    if is_of_task and properties.get("State", "ENABLED") != "DISABLED":
        raise PropertyError(
            "State is ENABLED, and the embedded AWS starts no task by a schedule -> DISABLED in this environment "
            "(schedule.enabled: false of a job)"
        )


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
        "AWS::CertificateManager::Certificate": _validate,
        "AWS::DynamoDB::Table": _set_table,
        "AWS::IAM::Role": _set_boundary,
        "AWS::Route53::HostedZone": _set_zone_tags,
        "AWS::SNS::Topic": _set_topic_key,
    }
    for type_name in REFUSED:
        handlers = provisioners._RESOURCE_HANDLERS[type_name]
        settle = settled.get(type_name, lambda *_: None)
        handlers.update(_checked(type_name, handlers["create"], handlers["update"], handlers["delete"], settle))


def _checked(type_name: str, make: Any, change: Any, remove: Any, settle: Settle) -> dict[str, Any]:
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


def _validate(arn: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Write the validation records of a certificate into the hosted zones that its template names.

    CloudFormation does, and leaves them there when it deletes the certificate.
    """
    options = {each["DomainName"]: each for each in acm._certificates[arn]["DomainValidationOptions"]}
    for each in new.get("DomainValidationOptions") or []:
        if "HostedZoneId" not in each:
            continue
        zone, domain = each["HostedZoneId"].removeprefix("/hostedzone/"), each["DomainName"]
        known = route53._zones.get(zone)
        if known is None or not f".{domain}.".endswith(f".{known['name']}"):
            raise ValueError(f"DomainValidationOptions: no hosted zone {zone} holds {domain}")
        token = hashlib.sha256(f"{arn}{domain}".encode()).hexdigest()[:32]
        record = {"Name": f"_{token}.{domain}.", "Type": "CNAME", "Value": f"_{token[::-1]}.{VALIDATIONS}"}
        options[domain]["ResourceRecord"] = record
        with route53._lock:
            others = [one for one in route53._records[zone] if one["Name"] != record["Name"]]
            values = {"TTL": "300", "ResourceRecords": [record["Value"]]}
            route53._records[zone] = [*others, {"Name": record["Name"], "Type": "CNAME", **values}]


def _set_zone_tags(zone: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    route53._tags["hostedzone", zone] = {each["Key"]: each["Value"] for each in new.get("HostedZoneTags") or []}


def _set_topic_key(arn: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if new.get("KmsMasterKeyId"):
        sns._topics[arn]["attributes"]["KmsMasterKeyId"] = new["KmsMasterKeyId"]
    elif "KmsMasterKeyId" in old:
        sns._topics[arn]["attributes"].pop("KmsMasterKeyId", None)
