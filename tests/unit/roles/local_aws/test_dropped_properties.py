# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties that a stack's security rests on: the embedded AWS has them, or refuses them."""

from __future__ import annotations

from typing import Any

import pytest
from embedded_aws.extension.dropped_properties import REFUSED, TABLE_CALLS, table_calls
from emulators import Emulator, Stack

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
    """The day that this fails, the extension has one thing less to mend."""
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
    """The day that this fails, the extension has one thing less to mend."""
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
    stack = extended.create({"Made": {"Type": type_name, "Properties": {name: EXAMPLES.get(name, {"Any": "thing"})}}})
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
