# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties that a stack's security rests on: the embedded AWS has them, or refuses them."""

from __future__ import annotations

from typing import Any

import pytest
from embedded_aws.extension.resources.dropped_properties import REFUSED, TABLE_CALLS, table_calls
from emulators import IMAGE, Emulator, Stack

KEY = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-0000-0000-000000000000"
BOUNDARY = "arn:aws:iam::000000000000:policy/boundary"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
SECURED = {
    "SSESpecification": {"SSEEnabled": "true", "SSEType": "KMS", "KMSMasterKeyId": KEY},
    "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
    "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": True},
    "OnDemandThroughput": {"MaxReadRequestUnits": "10", "MaxWriteRequestUnits": 20},
    "TableClass": "STANDARD_INFREQUENT_ACCESS",
}
EXAMPLES: dict[str, Any] = {"ResourcePolicy": {"PolicyDocument": TRUST}, "DeletionProtectionEnabled": "true"}


def table(**properties: Any) -> dict[str, Any]:
    key = {"AttributeName": "pk"}
    said = {
        "AttributeDefinitions": [{**key, "AttributeType": "S"}],
        "KeySchema": [{**key, "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        **properties,
    }
    return {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": said}}


def role(**properties: Any) -> dict[str, Any]:
    return {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": TRUST, **properties}}}


def schedule(**properties: Any) -> dict[str, Any]:
    """Return a schedule that starts a task."""
    cluster, role_arn = "arn:aws:ecs:us-east-1:000000000000:cluster/a", "arn:aws:iam::000000000000:role/a"
    task = {"TaskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/a"}
    target = {"Arn": cluster, "RoleArn": role_arn, "EcsParameters": task}
    written = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    return {"Schedule": {"Type": "AWS::Scheduler::Schedule", "Properties": written | properties}}


def settings_of(emulator: Emulator, stack: Stack) -> dict[str, Any]:
    """Return what DynamoDB says of a stack's table."""
    dynamodb, name = emulator.client("dynamodb"), stack.ids["Table"]
    found = dynamodb.describe_table(TableName=name)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    encryption = found.get("SSEDescription", {})
    return {
        "encryption": (encryption.get("Status"), encryption.get("KMSMasterKeyArn")),
        "backups": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
        "expiry": (expiry["TimeToLiveStatus"], expiry.get("AttributeName")),
        "ceiling": found.get("OnDemandThroughput"),
        "class": found.get("TableClassSummary", {}).get("TableClass"),
    }


def test_a_table_is_as_secure_as_its_template_says(extended: Emulator) -> None:
    stack = extended.create(table(**SECURED))
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    assert settings_of(extended, stack) == {
        "encryption": ("ENABLED", KEY),
        "backups": "ENABLED",
        "expiry": ("ENABLED", "expires"),
        "ceiling": {"MaxReadRequestUnits": 10, "MaxWriteRequestUnits": 20},
        "class": "STANDARD_INFREQUENT_ACCESS",
    }


def test_ministack_alone_leaves_the_table_bare(plain: Emulator) -> None:
    """The day that this fails, the extension has one defect less to fix."""
    found = settings_of(plain, plain.create(table(**SECURED)))
    assert found["encryption"] == (None, None)
    assert (found["backups"], found["expiry"]) == ("DISABLED", ("DISABLED", None))


def test_an_update_sets_and_takes_back(extended: Emulator) -> None:
    stack = extended.create(table())
    extended.update(stack, table(**SECURED))
    assert settings_of(extended, stack)["encryption"] == ("ENABLED", KEY)
    updated = extended.update(stack, table())
    assert updated.status == "UPDATE_COMPLETE", updated.reasons
    found = settings_of(extended, stack)
    assert found["encryption"][0] == "DISABLED"
    assert (found["backups"], found["expiry"][0], found["class"]) == ("DISABLED", "DISABLED", "STANDARD")


def test_an_unknown_setting_fails_the_stack_and_leaves_no_table(extended: Emulator) -> None:
    stack = extended.create(table(TableName="left-behind", SSESpecification={"Enabled": True}))
    assert stack.status == "ROLLBACK_COMPLETE"
    assert stack.reasons == ["SSESpecification.Enabled is no property that the API knows -> write SSEEnabled"]
    assert "left-behind" not in extended.client("dynamodb").list_tables()["TableNames"]


def test_a_default_strategy_places_a_task(extended: Emulator) -> None:
    """A template's parameters are text: the strategy that they give has numbers, also after an update."""

    def cluster(base: str) -> dict[str, Any]:
        spot = {"CapacityProvider": "FARGATE_SPOT", "Weight": "1"}
        strategy = [{"CapacityProvider": "FARGATE", "Base": base, "Weight": "50"}, spot]
        properties = {"CapacityProviders": ["FARGATE", "FARGATE_SPOT"], "DefaultCapacityProviderStrategy": strategy}
        return {"Cluster": {"Type": "AWS::ECS::Cluster", "Properties": properties}}

    ecs = extended.client("ecs")
    definition = ecs.register_task_definition(
        family="placed",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "main", "image": IMAGE, "command": ["true"]}],
    )["taskDefinition"]["taskDefinitionArn"]
    stack = extended.create(cluster("1"))
    for base in (1, 2):
        [found] = ecs.describe_clusters(clusters=[stack.ids["Cluster"]])["clusters"]
        first = found["defaultCapacityProviderStrategy"][0]
        assert first == {"capacityProvider": "FARGATE", "base": base, "weight": 50}
        subnets = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
        started = ecs.run_task(cluster=stack.ids["Cluster"], taskDefinition=definition, networkConfiguration=subnets)
        assert [task["capacityProviderName"] for task in started["tasks"]] == ["FARGATE"], started["failures"]
        if base == 1:
            assert extended.update(stack, cluster("2")).status == "UPDATE_COMPLETE"


def test_a_role_has_its_permissions_boundary(extended: Emulator) -> None:
    def boundary(stack: Stack) -> Any:
        found = extended.client("iam").get_role(RoleName=stack.ids["Role"])["Role"]
        return found.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")

    stack = extended.create(role(PermissionsBoundary=BOUNDARY))
    assert boundary(stack) == BOUNDARY
    extended.update(stack, role(PermissionsBoundary=f"{BOUNDARY}2"))
    assert boundary(stack) == f"{BOUNDARY}2"
    extended.update(stack, role())
    assert boundary(stack) is None


def test_ministack_alone_leaves_the_role_unbounded(plain: Emulator) -> None:
    """The day that this fails, the extension has one defect less to fix."""
    stack = plain.create(role(PermissionsBoundary=BOUNDARY))
    assert "PermissionsBoundary" not in plain.client("iam").get_role(RoleName=stack.ids["Role"])["Role"]


def test_a_topic_has_its_key(extended: Emulator) -> None:
    def topic(**properties: Any) -> dict[str, Any]:
        return {"Topic": {"Type": "AWS::SNS::Topic", "Properties": properties}}

    stack = extended.create(topic(KmsMasterKeyId="alias/aws/sns"))
    arn = stack.ids["Topic"]
    attributes = extended.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["KmsMasterKeyId"] == "alias/aws/sns"
    extended.update(stack, topic(DisplayName="team"))
    assert "KmsMasterKeyId" not in extended.client("sns").get_topic_attributes(TopicArn=arn)["Attributes"]


@pytest.mark.parametrize(("type_name", "name"), [(kind, name) for kind, names in REFUSED.items() for name in names])
def test_a_property_that_would_be_dropped_fails_the_stack(extended: Emulator, type_name: str, name: str) -> None:
    stack = extended.create({"Made": {"Type": type_name, "Properties": {name: EXAMPLES.get(name, {"Any": "value"})}}})
    assert stack.status == "ROLLBACK_COMPLETE"
    assert stack.reasons == [f"{name} is not kept by the embedded AWS -> leave it out in this environment"]


def test_a_property_that_is_off_is_no_refusal(extended: Emulator) -> None:
    properties = {"LogGroupName": "/team/off", "DeletionProtectionEnabled": "false"}
    assert (
        extended.create({"Log": {"Type": "AWS::Logs::LogGroup", "Properties": properties}}).status == "CREATE_COMPLETE"
    )


def test_a_recovery_period_is_refused(extended: Emulator) -> None:
    backups = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    stack = extended.create(table(PointInTimeRecoverySpecification=backups))
    assert stack.reasons[0].startswith("RecoveryPeriodInDays is not kept by the embedded AWS")


@pytest.mark.parametrize("name", TABLE_CALLS)
def test_what_is_taken_out_is_set_back(name: str) -> None:
    [(operation, request)] = table_calls({name: SECURED[name]}, {})
    assert operation == TABLE_CALLS[name][0]
    assert request != dict(table_calls({}, {name: SECURED[name]}))[operation]


@pytest.mark.parametrize("state", [{}, {"State": "ENABLED"}])
def test_a_schedule_that_would_start_no_task_is_refused(extended: Emulator, state: dict[str, str]) -> None:
    stack = extended.create(schedule(**state))
    assert stack.status == "ROLLBACK_COMPLETE"
    [reason] = stack.reasons
    assert "State is ENABLED, and the embedded AWS starts no task by a schedule -> " in reason


def test_a_disabled_schedule_is_created_and_stays_disabled(extended: Emulator) -> None:
    stack = extended.create(schedule(State="DISABLED"))
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    assert extended.update(stack, schedule(State="ENABLED")).status == "UPDATE_ROLLBACK_COMPLETE"
    found = extended.client("scheduler").get_schedule(Name=stack.ids["Schedule"])
    assert found["State"] == "DISABLED"
    assert extended.delete(stack) == "DELETE_COMPLETE"


def certified(domain: str, zone: Any) -> dict[str, Any]:
    validation = [{"DomainName": domain, "HostedZoneId": zone}]
    properties = {"DomainName": domain, "ValidationMethod": "DNS", "DomainValidationOptions": validation}
    return {"Certificate": {"Type": "AWS::CertificateManager::Certificate", "Properties": properties}}


def test_a_hosted_zone_has_its_tags_and_validation_records(extended: Emulator) -> None:
    """A certificate's record stays in the zone when the certificate goes, as in AWS."""
    tags = [{"Key": "Project", "Value": "shop"}]
    zone = {
        "Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "example.com", "HostedZoneTags": tags}},
    }
    stack = extended.create({**zone, **certified("shop.example.com", {"Ref": "Zone"})})
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    client, zone_id = extended.client("route53"), stack.ids["Zone"]
    listed = client.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone_id)
    assert listed["ResourceTagSet"]["Tags"] == tags
    described = extended.client("acm").describe_certificate(CertificateArn=stack.ids["Certificate"])["Certificate"]
    (wanted,) = [each["ResourceRecord"] for each in described["DomainValidationOptions"]]
    for is_deleted in (False, True):
        if is_deleted:
            stack = extended.update(stack, zone)
            assert stack.status == "UPDATE_COMPLETE", stack.reasons
        records = client.list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
        (record,) = [each for each in records if each["Type"] == "CNAME"]
        assert (record["Name"], record["ResourceRecords"][0]["Value"]) == (wanted["Name"], wanted["Value"])
    extended.delete(stack)


def test_a_certificate_outside_of_its_zone_fails(extended: Emulator) -> None:
    stack = extended.create(certified("shop.example.com", "Z0123456789"))
    assert any("no hosted zone Z0123456789 holds shop.example.com" in each for each in stack.reasons), stack.reasons
