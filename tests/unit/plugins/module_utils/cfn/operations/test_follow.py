# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Patience
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import StackFollower
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.cfn.fake_cloudformation import (
    NAME,
    Clock,
    FakeCloudFormation,
    refused,
)
from botocore.exceptions import ClientError


def follower(cloud: FakeCloudFormation, live: Path, renewed: list[str] | None = None) -> StackFollower:
    patience = Patience(3600, clock=cloud.clock, sleep=cloud.clock.sleep)
    renew = (renewed if renewed is not None else []).append
    return StackFollower(Stack(lambda: cloud, NAME), StackFeed(str(live)), patience, lambda: renew("again"))


def records(live: Path, kind: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in live.read_text().splitlines()]
    return [one for one in told if one["kind"] == kind]


def test_every_event_of_the_operation_is_told_once_and_none_of_the_one_before(tmp_path: Path) -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE")
    following = follower(cloud, tmp_path / "live")
    progress = following.progress(cloud.stack_id)
    cloud.begin("it")
    end = following.follow(cloud.stack_id, progress, total=1)
    assert end.described and end.described["StackStatus"] == "UPDATE_COMPLETE"
    told = [(one["resource"], one["status"]) for one in records(tmp_path / "live", "event")]
    assert told == [
        (NAME, "UPDATE_IN_PROGRESS"),
        ("Table", "UPDATE_IN_PROGRESS"),
        ("Table", "UPDATE_COMPLETE"),
        (NAME, "UPDATE_COMPLETE"),
    ]
    assert len(end.events) == len(told)
    last = records(tmp_path / "live", "progress")[-1]
    assert (last["done"], last["total"], last["in_work"]) == (1, 1, {})


def test_what_has_not_begun_yet_has_not_ended(tmp_path: Path) -> None:
    cloud = FakeCloudFormation(Clock(), "UPDATE_COMPLETE", "of old")
    following = follower(cloud, tmp_path / "live")
    progress = following.progress(cloud.stack_id)
    # AWS has taken the request, and shows nothing of it at first.
    cloud.before["describe_stacks"] = [lambda: None, lambda: None, lambda: cloud.begin("it")]
    following.follow(cloud.stack_id, progress)
    assert cloud.content == "it"


def expire() -> None:
    raise refused("The security token included in the request is expired", "ExpiredToken")


def test_new_credentials_are_waited_for(tmp_path: Path) -> None:
    cloud, renewed = FakeCloudFormation(Clock()), list[str]()
    cloud.begin("it")
    cloud.before["describe_stacks"] = [expire, expire]
    end = follower(cloud, tmp_path / "live", renewed).follow(cloud.stack_id)
    assert end.described and renewed == ["again", "again"]
    (note,) = records(tmp_path / "live", "note")
    assert "log in again" in note["text"]


def test_credentials_that_nobody_renews_end_it(tmp_path: Path) -> None:
    cloud = FakeCloudFormation(Clock())
    cloud.begin("it")
    cloud.before["describe_stacks"] = [expire] * 1000
    with pytest.raises(ClientError, match="expired"):
        follower(cloud, tmp_path / "live").follow(cloud.stack_id)
