# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import StackFollower, StackProgress
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.cfn.fake_cloudformation import (
    NAME,
    FakeCloudFormation,
    refused,
)
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st


def follower(cloud: FakeCloudFormation, live: Path, renewed: list[str] | None = None) -> StackFollower:
    patience = Deadline(3600, clock=cloud.clock, sleep=cloud.clock.sleep)
    renew = (renewed if renewed is not None else []).append
    return StackFollower(Stack(lambda: cloud, NAME), StackFeed(str(live)), patience, lambda: renew("again"))


def records(live: Path, kind: str) -> list[dict[str, Any]]:
    written = [json.loads(line) for line in live.read_text().splitlines()]
    return [one for one in written if one["kind"] == kind]


def test_each_event_of_the_operation_is_reported_once(tmp_path: Path) -> None:
    """Events of the operation before are not reported."""
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")
    following = follower(cloud, tmp_path / "live")
    progress = following.progress(cloud.stack_id)
    cloud.begin("it")
    end = following.follow(cloud.stack_id, progress, total=1)
    assert end.described and end.described["StackStatus"] == "UPDATE_COMPLETE"
    reported = [(one["resource"], one["status"]) for one in records(tmp_path / "live", "event")]
    assert reported == [
        (NAME, "UPDATE_IN_PROGRESS"),
        ("Table", "UPDATE_IN_PROGRESS"),
        ("Table", "UPDATE_COMPLETE"),
        (NAME, "UPDATE_COMPLETE"),
    ]
    assert len(end.events) == len(reported)
    last = records(tmp_path / "live", "progress")[-1]
    assert (last["done"], last["total"], last["in_work"]) == (1, 1, {})


def test_operation_that_has_not_started_has_not_ended(tmp_path: Path) -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE", "of old")
    following = follower(cloud, tmp_path / "live")
    progress = following.progress(cloud.stack_id)
    # AWS has accepted the request, and does not show the operation at first.
    cloud.before["describe_stacks"] = [lambda: None, lambda: None, lambda: cloud.begin("it")]
    following.follow(cloud.stack_id, progress)
    assert cloud.content == "it"


def expire() -> None:
    raise refused("The security token included in the request is expired", "ExpiredToken")


def test_new_credentials_are_awaited(tmp_path: Path) -> None:
    cloud, renewed = FakeCloudFormation(Clock()), list[str]()
    cloud.begin("it")
    cloud.before["describe_stacks"] = [expire, expire]
    end = follower(cloud, tmp_path / "live", renewed).follow(cloud.stack_id)
    assert end.described and renewed == ["again", "again"]
    (note,) = records(tmp_path / "live", "note")
    assert "log in again" in note["text"]


def test_credentials_that_stay_expired_end_the_wait(tmp_path: Path) -> None:
    cloud = FakeCloudFormation(Clock())
    cloud.begin("it")
    cloud.before["describe_stacks"] = [expire] * 1000
    with pytest.raises(ClientError, match="expired"):
        follower(cloud, tmp_path / "live").follow(cloud.stack_id)


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
    event(3, "A", "CREATE_IN_PROGRESS", 12),  # repeated once the resource has its name
    event(2, "B", "CREATE_IN_PROGRESS", 10.5),
    event(1, "A", "CREATE_IN_PROGRESS", 10),
]


def test_durations_of_resources_are_by_the_clock_of_aws() -> None:
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


def test_a_resource_in_a_second_operation_is_not_complete() -> None:
    progress = StackProgress()
    progress.take([event(5, "B", "DELETE_IN_PROGRESS", 40), *EVENTS])
    assert progress.done == set() and progress.in_work() == {"A": 30.0, "B": 0.0}


@given(st.lists(st.integers(0, len(EVENTS)), max_size=6))
def test_repeated_event_is_reported_once(looks: list[int]) -> None:
    progress = StackProgress()
    reported = [step.event["EventId"] for last in looks for step in progress.take(EVENTS[len(EVENTS) - last :])]
    assert reported == [str(number) for number in range(1, max(looks, default=0) + 1)]


def test_earlier_events_are_not_reported() -> None:
    progress = StackProgress()
    progress.skip(EVENTS[1:])
    assert [step.event["EventId"] for step in progress.take(EVENTS)] == ["4"]
