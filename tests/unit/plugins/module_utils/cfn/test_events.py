# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import (
    REASON_LIMIT,
    cause_of,
    cause_problem,
    failures,
    first_failure,
    last_operation,
    reason_text,
    remedy,
)
from hypothesis import given
from hypothesis import strategies as st

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/ddbload-dev-table/1"
TAKEN = "Table already exists: ddbload-dev"


def event(resource: str, status: str, reason: str = "", kind: str = "AWS::DynamoDB::Table") -> dict[str, Any]:
    return {
        "StackId": STACK,
        "StackName": "ddbload-dev-table",
        "PhysicalResourceId": STACK if kind == "AWS::CloudFormation::Stack" else resource,
        "LogicalResourceId": resource,
        "ResourceType": kind,
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def stack(status: str, reason: str = "") -> dict[str, Any]:
    return event("ddbload-dev-table", status, reason, "AWS::CloudFormation::Stack")


def first_reason(events: list[dict[str, Any]]) -> str:
    found = first_failure(events)
    return str(found["ResourceStatusReason"]) if found else ""


def test_the_first_cause_is_found_among_its_consequences() -> None:
    newest_first = [
        stack("ROLLBACK_COMPLETE"),
        stack("ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Table, Topic]."),
        event("Topic", "CREATE_FAILED", "Resource creation cancelled", "AWS::SNS::Topic"),
        event("Late", "CREATE_FAILED", "of its own"),
        event("Table", "CREATE_FAILED", TAKEN),
        event("Table", "CREATE_IN_PROGRESS"),
        stack("CREATE_IN_PROGRESS", "User Initiated"),
    ]
    assert first_reason(newest_first) == TAKEN
    assert [one["LogicalResourceId"] for one in failures(newest_first)] == ["Table", "Late"]
    cause = cause_of(first_failure(newest_first) or {})
    assert (cause["resource"], cause["type"], cause["status"]) == ("Table", "AWS::DynamoDB::Table", "CREATE_FAILED")
    problem = cause_problem(cause, "ddbload-dev-table", "it failed")
    what = f"it failed: Table (AWS::DynamoDB::Table) CREATE_FAILED: {TAKEN}"
    assert problem == ("failed", what, cause["remedy"])
    assert " of nested stack ddbload-dev-table CREATE_FAILED" in cause_problem(cause, "ddbload-dev", "it failed").what


def test_failures_of_earlier_operations_are_ignored() -> None:
    newest_first = [
        stack("UPDATE_COMPLETE"),
        stack("UPDATE_IN_PROGRESS", "User Initiated"),
        event("Table", "CREATE_FAILED", "of old"),
        stack("CREATE_IN_PROGRESS", "User Initiated"),
    ]
    assert first_failure(newest_first) is None
    assert len(list(last_operation(newest_first))) == 2


def test_a_continued_rollback_is_a_separate_operation() -> None:
    """A rollback that a caller continues is an operation; one that follows from a failure belongs to the update."""
    failed_update = [
        event("Table", "UPDATE_FAILED", "in the rollback"),
        stack("UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Table]."),
        event("Table", "UPDATE_FAILED", TAKEN),
        stack("UPDATE_IN_PROGRESS", "User Initiated"),
    ]
    assert first_reason(failed_update) == TAKEN
    continued = [event("Table", "UPDATE_FAILED", "again"), stack("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")]
    assert first_reason(continued + failed_update) == "again"


def test_without_a_cause_a_consequence_is_returned() -> None:
    assert (
        first_reason([event("Topic", "CREATE_FAILED", "Resource creation cancelled")]) == "Resource creation cancelled"
    )


def test_stack_event_explains_a_failure_without_a_resource() -> None:
    newest_first = [stack("ROLLBACK_COMPLETE"), stack("CREATE_FAILED", "Not valid"), stack("CREATE_IN_PROGRESS")]
    assert first_reason(newest_first) == "Not valid"


def test_a_stack_nested_in_this_one_is_a_resource_of_it() -> None:
    nested = event("Inner", "CREATE_FAILED", "Embedded stack was not created", "AWS::CloudFormation::Stack")
    nested["PhysicalResourceId"] = "arn:of:the:inner:one"
    assert first_reason([nested, stack("CREATE_IN_PROGRESS")]) == "Embedded stack was not created"


def test_no_events_no_failure() -> None:
    assert first_failure([]) is None


STATUSES = ["CREATE_IN_PROGRESS", "CREATE_FAILED", "CREATE_COMPLETE", "UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_FAILED"]
EVENTS = st.lists(
    st.builds(
        lambda resource, status, reason: event(resource, status, reason) if resource else stack(status, reason),
        st.sampled_from(["", "A", "B"]),
        st.sampled_from(STATUSES),
        st.sampled_from(["", "Resource creation cancelled", TAKEN, "User Initiated"]),
    )
)


@given(EVENTS, EVENTS)
def test_earlier_operations_change_nothing(newer: list[dict[str, Any]], older: list[Any]) -> None:
    newest_first = [*newer, stack("UPDATE_IN_PROGRESS", "User Initiated")]
    assert first_failure(newest_first + older) == first_failure(newest_first)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (
            "User: arn:aws:iam::1:user/x is not authorized to perform: ecs:CreateCluster on resource: *",
            "allow ecs:Create",
        ),
        ("User is not authorized to perform: a:B with an explicit deny in a service control policy", "on purpose"),
        ("Access denied (HandlerErrorCode: AccessDenied)", "this permission"),
        ("Table already exists: ddbload-dev", "the name is taken"),
        ("The maximum number of addresses has been reached", "Service Quotas"),
        ("You have exceeded the limit (HandlerErrorCode: ServiceLimitExceeded)", "Service Quotas"),
        ("ExpiredToken: The security token included in the request is expired", "log in again"),
        ("resource sg-1 has a dependent object (DependencyViolation)", "still uses"),
        ("The repository with name 'x' cannot be deleted because it still contains images: is not empty", "fills it"),
        ("Action denied by stack policy: Statement [#1] does not allow [Update:Replace]", "policy"),
        ("Unable to assume the service linked role. Please verify that it exists", "create-service-linked-role"),
        ('Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).', "neither aws nor ssm"),
        ("No access to reserved parameter name: /aws/x. AccessDeniedException", "neither aws nor ssm"),
        ("Parameters: [Nonsense] do not exist in the template", "the parameter that is named"),
        ("Requires capabilities : [CAPABILITY_NAMED_IAM]", "capabilities"),
        ("Exceeded attempts to wait", "what it waits for"),
        ("Rate exceeded (HandlerErrorCode: Throttling)", "repeat the command"),
        ("Stack [x] cannot be deleted while TerminationProtection is enabled", "termination_protection: false"),
        ("something else", ""),
    ],
)
def test_remedies(reason: str, words: str) -> None:
    assert words in remedy(reason)
    assert bool(remedy(reason)) == bool(words)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (
            'Resource handler returned message: "Resource of type X already exists." '
            "(RequestToken: 5e, HandlerErrorCode: AlreadyExists)",
            "Resource of type X already exists",
        ),
        (
            "Bad (Service: Ecs, Status Code: 400, Request ID: 1 (2)) (SDK Attempt Count: 1)",
            "Bad (SDK Attempt Count: 1)",
        ),
        ("No.\n Encoded authorization failure message: 4Zq-x", "No"),
        ("", "no reason given"),
        (None, "no reason given"),
    ],
)
def test_reasons_are_shown_without_noise(reason: str | None, text: str) -> None:
    assert reason_text(reason) == text


@given(st.text())
def test_a_reason_is_one_short_line(reason: str) -> None:
    text = reason_text(reason)
    assert text and text.isprintable() and len(text) <= REASON_LIMIT
