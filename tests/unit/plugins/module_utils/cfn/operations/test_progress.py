# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.progress import StackProgress
from hypothesis import given
from hypothesis import strategies as st


def event(number: int, resource: str, status: str, second: float) -> dict[str, Any]:
    return {
        "EventId": str(number),
        "StackId": "stack",
        "LogicalResourceId": resource,
        "PhysicalResourceId": resource,
        "ResourceType": "AWS::SNS::Topic",
        "ResourceStatus": status,
        "Timestamp": datetime(2026, 1, 31, tzinfo=UTC) + timedelta(seconds=second),
    }


EVENTS = [
    event(4, "B", "CREATE_COMPLETE", 30),
    event(3, "A", "CREATE_IN_PROGRESS", 12),  # said again once it has its name
    event(2, "B", "CREATE_IN_PROGRESS", 10.5),
    event(1, "A", "CREATE_IN_PROGRESS", 10),
]


def test_resources_are_timed_by_aws_own_clock() -> None:
    progress = StackProgress()
    steps = progress.take(EVENTS, now_s=1000.0)
    assert [(step.event["EventId"], step.seconds) for step in steps] == [
        ("1", None),
        ("2", None),
        ("3", None),
        ("4", 19.5),
    ]
    assert (progress.done, progress.in_work(now_s=1000.0)) == ({"B"}, {"A": 20.0})
    progress.take(EVENTS, now_s=1003.0)
    assert progress.in_work(now_s=1005.0) == {"A": 25.0}


def test_a_resource_that_is_worked_on_again_is_not_done() -> None:
    progress = StackProgress()
    progress.take([event(5, "B", "DELETE_IN_PROGRESS", 40), *EVENTS])
    assert progress.done == set() and progress.in_work() == {"A": 30.0, "B": 0.0}


@given(st.lists(st.integers(0, len(EVENTS)), max_size=6))
def test_an_event_that_comes_again_is_told_once(looks: list[int]) -> None:
    progress = StackProgress()
    told = [step.event["EventId"] for last in looks for step in progress.take(EVENTS[len(EVENTS) - last :])]
    assert told == [str(number) for number in range(1, max(looks, default=0) + 1)]


def test_what_was_before_is_not_told() -> None:
    progress = StackProgress()
    progress.skip(EVENTS[1:])
    assert [step.event["EventId"] for step in progress.take(EVENTS)] == ["4"]
