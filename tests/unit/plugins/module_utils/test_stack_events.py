# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.ddbload.aws.plugins.module_utils.stack_events import first_failure, remedy

STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/ddbload-dev-table/1"


def event(resource: str, status: str, reason: str = "", type_: str = "AWS::DynamoDB::Table") -> dict[str, Any]:
    return {
        "stack_id": STACK,
        "physical_resource_id": STACK if type_ == "AWS::CloudFormation::Stack" else resource,
        "logical_resource_id": resource,
        "resource_type": type_,
        "resource_status": status,
        "resource_status_reason": reason,
    }


def stack(status: str, reason: str = "") -> dict[str, Any]:
    return event("ddbload-dev-table", status, reason, "AWS::CloudFormation::Stack")


def test_the_first_cause_is_found_among_its_consequences() -> None:
    newest_first = [
        stack("ROLLBACK_COMPLETE"),
        stack("ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Table, Topic]."),
        event("Topic", "CREATE_FAILED", "Resource creation cancelled", "AWS::SNS::Topic"),
        event("Table", "CREATE_FAILED", "Table already exists: ddbload-dev"),
        event("Table", "CREATE_IN_PROGRESS"),
        stack("CREATE_IN_PROGRESS", "User Initiated"),
    ]
    cause = first_failure(newest_first)
    assert (cause["resource"], cause["type"], cause["status"]) == ("Table", "AWS::DynamoDB::Table", "CREATE_FAILED")
    assert cause["reason"] == "Table already exists: ddbload-dev"
    assert "the name is taken" in cause["remedy"]


def test_failures_of_earlier_operations_are_left_alone() -> None:
    newest_first = [
        stack("UPDATE_COMPLETE"),
        stack("UPDATE_IN_PROGRESS", "User Initiated"),
        event("Table", "CREATE_FAILED", "of old"),
        stack("CREATE_IN_PROGRESS", "User Initiated"),
    ]
    assert first_failure(newest_first) == {}


def test_a_consequence_is_better_than_nothing() -> None:
    assert first_failure([event("Topic", "CREATE_FAILED", "Resource creation\n cancelled")])["reason"] == (
        "Resource creation cancelled"
    )


def test_no_events_no_failure() -> None:
    assert first_failure([]) == {}


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("User: arn:aws:iam::1:user/x is not authorized to perform: ecs:CreateCluster", "permission"),
        ("The maximum number of addresses has been reached", "Service Quotas"),
        ("ExpiredToken: The security token included in the request is expired", "log in again"),
        ("resource sg-1 has a dependent object (DependencyViolation)", "still uses it"),
        ("something else", ""),
    ],
)
def test_remedies(reason: str, words: str) -> None:
    assert words in remedy(reason)
    assert bool(remedy(reason)) == bool(words)
