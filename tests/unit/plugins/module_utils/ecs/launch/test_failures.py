# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.failures import (
    RULES,
    explain_failures,
    is_capacity,
    may_pass,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import joined_line
from hypothesis import given
from hypothesis import strategies as st

INSTANCE = "arn:aws:ecs:us-east-1:111122223333:container-instance/cluster/"
NO_CAPACITY = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
REASONS = [
    (True, "spot_fallback", NO_CAPACITY),
    (True, "more zones", "UnfulfillableCapacity: Unable to fulfill capacity due to your request configuration"),
    (True, "more zones", "InsufficientInstanceCapacity"),
    (True, "higher quota", "You've reached the limit on the number of vCPUs you can run concurrently"),
    (True, "higher quota", "You've reached the limit on the number of spot tasks you can run concurrently"),
    (True, "higher quota", "VcpuLimitExceeded"),
    (False, "less cpu", "The requested CPU configuration is above your limit"),
    (True, "try again later", "Rate exceeded"),
    (False, "AWS Support", "Your account is currently blocked."),
    (False, "assume", "ECS was unable to assume the role 'arn:aws:iam::1:role/x' that was provided for this task."),
    (False, "permission", "User: x is not authorized to perform: ecs:RunTask"),
    (True, "larger subnet", "The subnet does not have enough free addresses"),
    (True, "trunking", "RESOURCE:ENI"),
    (True, "hostPort", "RESOURCE:PORTS"),
    (True, "larger ones", "RESOURCE:MEMORY"),
    (True, "larger ones", "RESOURCE:CPU"),
    (True, "larger ones", "RESOURCE:GPU"),
    (True, "ECS agent", "AGENT"),
    (True, "scale", "EMPTY CAPACITY PROVIDER"),
    (True, "scale", "NO ACTIVE INSTANCES"),
    (True, "add instances", "DistinctInstance placement constraint unsatisfied."),
    (False, "placementConstraints", "MemberOf placement constraint unsatisfied."),
    (False, "zones", "LOCATION"),
    (False, "network mode", "ATTRIBUTE"),
    (False, "cluster", "MISSING"),
    (False, "deregistered", "INACTIVE"),
    (False, "launch_type", "The selected task definition is not compatible with the selected compute strategy"),
    (True, "fault of AWS", "Internal error."),
]


@pytest.mark.parametrize(("passes", "words", "reason"), REASONS, ids=[reason[:32] for *others, reason in REASONS])
def test_a_reason_has_a_remedy_and_may_be_transient(passes: bool, words: str, reason: str) -> None:
    (problem,) = explain_failures([{"reason": reason, "arn": INSTANCE + "a"}])
    assert problem.what == f"{reason.rstrip('.')} (a)" and words in problem.remedy
    assert may_pass({"reason": reason}) is passes


def test_every_rule_applies_to_some_reason() -> None:
    advised = {explain_failures([{"reason": reason}])[0].remedy for *others, reason in REASONS}
    assert {rule.remedy for rule in RULES} == advised


def test_each_kind_is_listed_once_with_count_and_instances() -> None:
    failures: list[dict[str, Any]] = [
        *({"arn": INSTANCE + name, "reason": "RESOURCE:ENI"} for name in "abcd"),
        {"reason": NO_CAPACITY},
        {"reason": NO_CAPACITY},
        {"arn": INSTANCE + "e", "reason": "ATTRIBUTE", "detail": "ecs.capability.task-eni"},
    ]
    assert [problem.what for problem in explain_failures(failures)] == [
        "4 x RESOURCE:ENI (a, b and 2 more)",
        f"2 x {NO_CAPACITY}",
        "ATTRIBUTE: ecs.capability.task-eni (e)",
    ]


def test_unknown_reason_is_unchanged_and_may_be_transient() -> None:
    """An unknown reason is reported as it is, and may be transient."""
    assert explain_failures([{"reason": "something new"}]) == [("unknown", "something new", "")]
    assert explain_failures([{}]) == [("unknown", "ECS gave no reason", "")]
    assert may_pass({"reason": "something new"}) and may_pass({})


def test_no_failures_have_no_text() -> None:
    assert explain_failures([]) == []


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (NO_CAPACITY, True),
        (f"An error occurred (ClientException) when calling the RunTask operation: {NO_CAPACITY}", True),
        ("RESOURCE:MEMORY", False),
        ("EMPTY CAPACITY PROVIDER", False),
        ("The specified capacity provider was not found.", False),
        ("You've reached the limit on the number of vCPUs you can run concurrently", False),
        ("", False),
    ],
)
def test_only_lack_of_capacity_at_aws_is_capacity(reason: str, expected: bool) -> None:
    assert is_capacity({"reason": reason}) is expected


TEXTS = st.none() | st.text(max_size=1000) | st.sampled_from([reason for *others, reason in REASONS])
FAILURES = st.lists(st.fixed_dictionaries({}, optional={"reason": TEXTS, "detail": TEXTS, "arn": TEXTS}), max_size=12)


@given(FAILURES)
def test_any_failures_are_one_line_of_bounded_length(failures: list[dict[str, Any]]) -> None:
    line = joined_line(explain_failures(failures))
    assert line.isprintable() and len(line) < 3500 and bool(line) == bool(failures)
    assert all(isinstance(may_pass(failure), bool) for failure in failures)
