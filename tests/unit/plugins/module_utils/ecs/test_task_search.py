# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.task_search import describe_tasks, find_tasks
from botocore.stub import Stubber


@pytest.fixture
def ecs() -> Any:
    return boto3.client("ecs", region_name="eu-west-1", aws_access_key_id="a" * 20, aws_secret_access_key="b" * 40)


def arn(number: int) -> str:
    return f"arn:aws:ecs:eu-west-1:123456789012:task/c/{number}"


def test_tasks_are_found_by_their_mark_the_stopped_ones_too_and_each_once(ecs: Any) -> None:
    with Stubber(ecs) as stubber:
        for status, numbers in (("RUNNING", [2, 1]), ("STOPPED", [1, 0])):
            first, second = ([arn(number)] for number in numbers)
            request = {"cluster": "c", "startedBy": "me/1", "desiredStatus": status}
            stubber.add_response("list_tasks", {"taskArns": first, "nextToken": "more"}, request)
            stubber.add_response("list_tasks", {"taskArns": second}, request | {"nextToken": "more"})
        tasks = [
            {"taskArn": arn(number), "createdAt": datetime(2026, 1, 1, 12, number, tzinfo=UTC)} for number in (2, 1, 0)
        ]
        stubber.add_response("describe_tasks", {"tasks": tasks}, {"cluster": "c", "tasks": [arn(2), arn(1), arn(0)]})
        assert [one["taskArn"] for one in find_tasks(ecs, "c", "me/1")] == [arn(0), arn(1), arn(2)]
        stubber.assert_no_pending_responses()


def test_nothing_is_described_where_nothing_is_found(ecs: Any) -> None:
    with Stubber(ecs) as stubber:
        for _status in range(2):
            stubber.add_response("list_tasks", {"taskArns": []})
        assert find_tasks(ecs, "c", "me/1") == []


def test_tasks_are_described_a_hundred_a_call_and_unknown_ones_named(ecs: Any) -> None:
    asked = [arn(number) for number in range(150)]
    with Stubber(ecs) as stubber:
        for part in (asked[:100], asked[100:]):
            answer = {
                "tasks": [{"taskArn": one} for one in part[1:]],
                "failures": [{"arn": part[0], "reason": "MISSING"}],
            }
            stubber.add_response("describe_tasks", answer, {"cluster": "c", "tasks": part})
        described, missing = describe_tasks(ecs, "c", asked)
        assert len(described) == 148
        assert missing == [asked[0], asked[100]]
