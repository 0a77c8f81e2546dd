# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.drift.differences import (
    VALUE_LIMIT,
    is_ignored,
    resource_drift,
    resource_lines,
    stack_drift,
)
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.text("abcABC", min_size=1, max_size=5)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


def difference(path: str, expected: str, actual: str, kind: str = "NOT_EQUAL") -> dict[str, str]:
    return {"PropertyPath": path, "ExpectedValue": expected, "ActualValue": actual, "DifferenceType": kind}


def found(status: str, *differences: dict[str, str], name: str = "Table", **more: str) -> dict[str, Any]:
    return {
        "StackId": "arn:stack",
        "LogicalResourceId": name,
        "PhysicalResourceId": "shop",
        "ResourceType": "AWS::DynamoDB::Table",
        "StackResourceDriftStatus": status,
        "PropertyDifferences": list(differences),
        **more,
    }


def stack(detection: str = "DETECTION_COMPLETE", reason: str = "", *resources: str) -> dict[str, Any]:
    return {
        "name": "shop-table",
        "id": "arn:stack",
        "parent": None,
        "detection": detection,
        "reason": reason,
        "resources": [(name, "AWS::DynamoDB::Table") for name in resources],
    }


def lines(one: dict[str, Any]) -> list[str]:
    return resource_lines("shop-table", resource_drift(one))


def test_difference_is_one_line_with_expected_and_actual() -> None:
    assert lines(found("MODIFIED", difference("/BillingMode", "PAY_PER_REQUEST", "PROVISIONED"))) == [
        "shop-table: Table (AWS::DynamoDB::Table, shop) BillingMode: expected PAY_PER_REQUEST, is PROVISIONED"
    ]


def test_additions_and_removals_are_named() -> None:
    shown = lines(
        found("MODIFIED", difference("/Tags/0", "null", '{"Key": "a"}', "ADD"), difference("/B", "x", "null", "REMOVE"))
    )
    assert [line.partition(") ")[2] for line in shown] == [
        'Tags/0: expected none, is {"Key":"a"}',
        "B: expected x, is gone",
    ]


def test_deleted_resource_is_reported() -> None:
    assert lines(found("DELETED")) == ["shop-table: Table (AWS::DynamoDB::Table, shop) is gone"]


def test_modified_resource_without_differences_is_kept() -> None:
    assert lines(found("MODIFIED")) == [
        "shop-table: Table (AWS::DynamoDB::Table, shop) was changed, AWS does not say in what"
    ]


def test_a_resource_that_could_not_be_checked_says_why() -> None:
    one = found("UNKNOWN", DriftStatusReason="User is not authorized to perform: dynamodb:DescribeTable.")
    assert lines(one)[0].endswith("could not be checked: User is not authorized to perform: dynamodb:DescribeTable")


@pytest.mark.parametrize("status", ["IN_SYNC", "NOT_CHECKED", "UNSUPPORTED"])
def test_other_resources_have_no_line(status: str) -> None:
    assert lines(found(status)) == []


@given(st.text(max_size=2000), st.text(max_size=2000))
def test_line_has_a_bounded_length_whatever_the_values(expected: str, actual: str) -> None:
    (line,) = lines(found("MODIFIED", difference("/P", expected, actual)))
    assert line.isprintable()
    assert len(line) < 2 * VALUE_LIMIT + 100


@given(NAMES, PATHS, PATHS)
def test_a_pattern_means_all_that_is_below_it(name: str, path: str, below: str) -> None:
    assert is_ignored(name, path, [f"{name}/{path}"])
    assert is_ignored(name, f"{path}/{below}", [f"{name}/{path}"])
    assert is_ignored(name, path, ["*"])
    assert not is_ignored(name, path, [f"{name}/{path}/{below}"])
    assert not is_ignored(name, f"{path}x", [f"{name}/{path}"])
    assert not is_ignored(name, path, [])


def test_ignored_differences_leave_a_resource_in_sync() -> None:
    """Ignored differences are returned nevertheless."""
    capacity = difference("/ProvisionedThroughput/ReadCapacityUnits", "5", "50")
    one = resource_drift(found("MODIFIED", capacity), ["Table/ProvisionedThroughput"])
    assert (one["status"], one["differences"]) == ("IN_SYNC", [])
    assert one["ignored"][0]["actual"] == "50"
    both = resource_drift(found("MODIFIED", capacity, difference("/BillingMode", "a", "b")), ["Table/Prov*"])
    assert (both["status"], [each["property"] for each in both["differences"]]) == ("MODIFIED", ["BillingMode"])


def test_a_deleted_resource_cannot_be_ignored() -> None:
    assert resource_drift(found("DELETED"), ["*"])["status"] == "DELETED"


def test_a_stack_in_sync_names_what_aws_cannot_check() -> None:
    summed = stack_drift(stack("DETECTION_COMPLETE", "", "Table", "Route"), [found("IN_SYNC")])
    assert (summed["status"], summed["checked"], summed["unsupported"]) == ("IN_SYNC", 1, ["Route"])
    assert summed["lines"] == []


def test_a_failed_detection_never_counts_as_in_sync() -> None:
    summed = stack_drift(stack("DETECTION_FAILED", "Failed to detect drift on resources [Table]"), [found("UNKNOWN")])
    assert summed["status"] == "UNKNOWN"
    assert len(summed["lines"]) == 1
    silent = stack_drift(stack("UPDATE_IN_PROGRESS", "Stack is in UPDATE_IN_PROGRESS state"), [])
    assert silent["status"] == "UNKNOWN"
    assert silent["lines"] == ["shop-table: not checked (UPDATE_IN_PROGRESS): Stack is in UPDATE_IN_PROGRESS state"]


def test_drift_outranks_an_unknown_status() -> None:
    summed = stack_drift(stack("DETECTION_FAILED"), [found("DELETED"), found("UNKNOWN", name="Other")])
    assert (summed["status"], len(summed["lines"])) == ("DRIFTED", 2)
