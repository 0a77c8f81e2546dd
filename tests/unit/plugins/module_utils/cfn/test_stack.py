# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's responses about a stack, validated by botocore's stub."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from botocore.stub import Stubber

STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/1"
NESTED = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop-inner/2"
EARLY = "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]. See DescribeEvents"


@pytest.fixture
def stubber() -> Iterator[Stubber]:
    client = boto3.client(
        "cloudformation", region_name="eu-west-1", aws_access_key_id="an-access-key", aws_secret_access_key="a-secret"
    )
    with Stubber(client) as made:
        yield made
        made.assert_no_pending_responses()


def stack(stubber: Stubber) -> Stack:
    return Stack(lambda: stubber.client, "shop")


def event(stack_id: str, resource: str, status: str, reason: str = "", **more: Any) -> dict[str, Any]:
    return {
        "StackId": stack_id,
        "EventId": f"{resource}-{status}",
        "StackName": stack_id.split("/")[1],
        "LogicalResourceId": resource,
        "PhysicalResourceId": resource,
        "ResourceType": "AWS::DynamoDB::Table",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        "Timestamp": datetime(2026, 1, 31, tzinfo=UTC),
        **more,
    }


def own(stack_id: str, status: str, reason: str = "", **more: Any) -> dict[str, Any]:
    kind = {"PhysicalResourceId": stack_id, "ResourceType": "AWS::CloudFormation::Stack"}
    return event(stack_id, stack_id.split("/")[1], status, reason, **kind, **more)


def test_a_missing_stack_is_none(stubber: Stubber) -> None:
    stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id shop does not exist")
    assert stack(stubber).look() is None


def test_cause_is_found_in_the_nested_stack(stubber: Stubber) -> None:
    inner = {"ResourceType": "AWS::CloudFormation::Stack", "PhysicalResourceId": NESTED}
    failed = event(STACK_ID, "Inner", "CREATE_FAILED", f"Embedded stack {NESTED} was not successfully created", **inner)
    events = [event(NESTED, "Table", "CREATE_FAILED", "Table already exists"), own(NESTED, "CREATE_IN_PROGRESS")]
    stubber.add_response("describe_stack_events", {"StackEvents": events}, {"StackName": NESTED})
    cause = stack(stubber).cause([failed, own(STACK_ID, "CREATE_IN_PROGRESS")])
    assert cause and (cause["stack"], cause["resource"], cause["reason"]) == (
        "shop-inner",
        "Table",
        "Table already exists",
    )


def validation(mode: str, reason: str) -> dict[str, Any]:
    return {
        "EventType": "VALIDATION_ERROR",
        "LogicalResourceId": "Table",
        "ResourceType": "AWS::DynamoDB::Table",
        "ValidationName": "NAME_CONFLICT_VALIDATION",
        "ValidationFailureMode": mode,
        "ValidationStatus": "FAILED",
        "ValidationStatusReason": reason,
        "ValidationPath": "/Resources/Table",
    }


def test_invalid_change_set_names_the_resource(stubber: Stubber) -> None:
    events = [
        validation("WARN", "quota"),
        validation("FAIL", "Resource of type 'X' with identifier 'shop' already exists."),
    ]
    stubber.add_response(
        "describe_events",
        {"OperationEvents": events},
        {"ChangeSetName": "arn:cs/1", "Filters": {"FailedEvents": True}},
    )
    cause = stack(stubber).change_set_cause({"StatusReason": EARLY, "ChangeSetId": "arn:cs/1"})
    assert (cause["resource"], cause["status"]) == ("Table", "NAME_CONFLICT_VALIDATION")
    assert "already exists (/Resources/Table)" in cause["reason"] and "the name is taken" in cause["remedy"]


def test_without_describe_events_the_change_set_gives_the_reason(stubber: Stubber) -> None:
    """A caller without cloudformation:DescribeEvents gets the reason of the change set."""
    stubber.add_client_error("describe_events", "AccessDenied", "not authorized")
    cause = stack(stubber).change_set_cause({"StatusReason": EARLY, "ChangeSetId": "arn:cs/1"})
    assert cause["resource"] == "shop" and "EarlyValidation" in cause["reason"]


def test_validation_failure_of_a_stack_names_the_resource(stubber: Stubber) -> None:
    """A stack that fails the validation before its first resource names the resource that is wrong."""
    stubber.add_response("describe_events", {"OperationEvents": [validation("FAIL", "Invalid value")]})
    events = [
        own(STACK_ID, "CREATE_FAILED", "1 error", DetailedStatus="VALIDATION_FAILED"),
        own(STACK_ID, "CREATE_IN_PROGRESS"),
    ]
    cause = stack(stubber).cause(events)
    assert cause and cause["resource"] == "Table" and cause["reason"].startswith("Invalid value")


def test_warnings_of_a_change_set_are_returned(stubber: Stubber) -> None:
    stubber.add_response("describe_events", {"OperationEvents": [validation("WARN", "would exceed 5 addresses.")]})
    assert stack(stubber).change_set_warnings("arn:cs/1") == ["Table: would exceed 5 addresses"]


def test_events_are_read_page_by_page_to_the_start(stubber: Stubber) -> None:
    first = {"StackEvents": [event(STACK_ID, "Table", "UPDATE_COMPLETE")], "NextToken": "2"}
    second = {"StackEvents": [own(STACK_ID, "UPDATE_IN_PROGRESS"), own(STACK_ID, "CREATE_COMPLETE")], "NextToken": "3"}
    stubber.add_response("describe_stack_events", first, {"StackName": STACK_ID})
    stubber.add_response("describe_stack_events", second, {"StackName": STACK_ID, "NextToken": "2"})
    assert [one["ResourceStatus"] for one in stack(stubber).last_operation(STACK_ID)] == [
        "UPDATE_COMPLETE",
        "UPDATE_IN_PROGRESS",
    ]
