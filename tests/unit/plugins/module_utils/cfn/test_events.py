# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import (
    cause_of,
    cause_text,
    failures,
    first_failure,
    last_operation,
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


def told(events: list[dict[str, Any]]) -> str:
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
    assert told(newest_first) == TAKEN
    assert [one["LogicalResourceId"] for one in failures(newest_first)] == ["Table", "Late"]
    cause = cause_of(first_failure(newest_first) or {})
    assert (cause["resource"], cause["type"], cause["status"]) == ("Table", "AWS::DynamoDB::Table", "CREATE_FAILED")
    assert cause_text(cause, "ddbload-dev-table") == (
        f"Table (AWS::DynamoDB::Table) CREATE_FAILED: {TAKEN} -> {cause['remedy']}"
    )
    assert " of nested stack ddbload-dev-table CREATE_FAILED" in cause_text(cause, "ddbload-dev")


def test_failures_of_earlier_operations_are_left_alone() -> None:
    newest_first = [
        stack("UPDATE_COMPLETE"),
        stack("UPDATE_IN_PROGRESS", "User Initiated"),
        event("Table", "CREATE_FAILED", "of old"),
        stack("CREATE_IN_PROGRESS", "User Initiated"),
    ]
    assert first_failure(newest_first) is None
    assert len(list(last_operation(newest_first))) == 2


def test_a_rollback_that_was_continued_is_an_operation_of_its_own_and_one_that_follows_is_not() -> None:
    failed_update = [
        event("Table", "UPDATE_FAILED", "in the rollback"),
        stack("UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Table]."),
        event("Table", "UPDATE_FAILED", TAKEN),
        stack("UPDATE_IN_PROGRESS", "User Initiated"),
    ]
    assert told(failed_update) == TAKEN
    continued = [event("Table", "UPDATE_FAILED", "again"), stack("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")]
    assert told(continued + failed_update) == "again"


def test_a_consequence_is_better_than_nothing() -> None:
    assert told([event("Topic", "CREATE_FAILED", "Resource creation cancelled")]) == "Resource creation cancelled"


def test_a_stack_that_fails_without_a_resource_speaks_for_itself() -> None:
    newest_first = [stack("ROLLBACK_COMPLETE"), stack("CREATE_FAILED", "Not valid"), stack("CREATE_IN_PROGRESS")]
    assert told(newest_first) == "Not valid"


def test_a_stack_nested_in_this_one_is_a_resource_of_it() -> None:
    nested = event("Inner", "CREATE_FAILED", "Embedded stack was not created", "AWS::CloudFormation::Stack")
    nested["PhysicalResourceId"] = "arn:of:the:inner:one"
    assert told([nested, stack("CREATE_IN_PROGRESS")]) == "Embedded stack was not created"


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
def test_what_came_before_the_last_operation_changes_nothing(newer: list[dict[str, Any]], older: list[Any]) -> None:
    newest_first = [*newer, stack("UPDATE_IN_PROGRESS", "User Initiated")]
    assert first_failure(newest_first + older) == first_failure(newest_first)
