# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.ddbload.aws.plugins.module_utils.ecs_task import (
    OVERRIDES_LIMIT,
    RequestError,
    combined_exit_code,
    launch_failures,
    log_location,
    missing_containers,
    run_request,
    task_of,
)

PARAMS: dict[str, Any] = {"cluster": "c", "task_definition": "t", "count": 2, "launch_type": "FARGATE"}
AWSLOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "/g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"},
}


def test_request_holds_only_what_was_given() -> None:
    request = run_request(PARAMS, "token")
    assert request == {
        "cluster": "c", "taskDefinition": "t", "count": 2, "launchType": "FARGATE", "clientToken": "token",
    }  # fmt: skip


def test_request_in_full() -> None:
    more = {
        "network_configuration": {"subnets": ["s"], "security_groups": ["g"], "assign_public_ip": True},
        "overrides": [
            {"name": "a", "command": ["x", "y"], "environment": {"A": "1", "B": 2, "C": {"d": True}, "E": None}},
            {"name": "b", "command": None, "environment": None, "cpu": 256, "memory": 512},
        ],
        "started_by": "me",
        "group": "g",
        "tags": {"k": 1},
        "propagate_tags": "TASK_DEFINITION",
        "platform_version": "1.4.0",
    }
    request = run_request({**PARAMS, **more}, "token")
    assert request["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "ENABLED"
    assert request["overrides"]["containerOverrides"] == [
        {
            "name": "a",
            "command": ["x", "y"],
            "environment": [
                {"name": "A", "value": "1"},
                {"name": "B", "value": "2"},
                {"name": "C", "value": '{"d": true}'},
                {"name": "E", "value": ""},
            ],
        },
        {"name": "b", "cpu": 256, "memory": 512},
    ]
    assert request["tags"] == [{"key": "k", "value": "1"}]
    assert (request["startedBy"], request["group"], request["platformVersion"]) == ("me", "g", "1.4.0")


def test_overrides_beyond_the_limit_are_refused() -> None:
    long = [{"name": "a", "environment": {"A": "x" * OVERRIDES_LIMIT}}]
    with pytest.raises(RequestError, match=r"8,192.*SSM or S3"):
        run_request({**PARAMS, "overrides": long}, "token")


def test_overridden_containers_must_exist() -> None:
    definition = {"containerDefinitions": [{"name": "a"}]}
    assert missing_containers([{"name": "a"}, {"name": "b"}], definition) == ["b"]


def test_log_is_that_of_the_overridden_container_or_the_first_essential_one() -> None:
    definition = {
        "containerDefinitions": [
            {"name": "side", "essential": False, "logConfiguration": AWSLOGS},
            {"name": "plain"},
            {"name": "main", "logConfiguration": AWSLOGS},
        ]
    }
    assert log_location(definition) == {"group": "/g", "prefix": "p/main", "region": "eu-west-1"}
    assert log_location(definition, ["side"]) == {"group": "/g", "prefix": "p/side", "region": "eu-west-1"}
    assert log_location({"containerDefinitions": [{"name": "a", "logConfiguration": {"logDriver": "splunk"}}]}) is None


def test_task_in_our_shape() -> None:
    described = {
        "taskArn": "arn:aws:ecs:r:1:task/c/id",
        "lastStatus": "STOPPED",
        "stopCode": "",
        "startedAt": datetime(2026, 1, 31, tzinfo=UTC),
        "containers": [{"name": "side", "exitCode": 9}, {"name": "main", "exitCode": 0, "reason": "r"}],
    }
    task = task_of(described, ["main"])
    assert (task["task_id"], task["exit_code"], task["stop_code"]) == ("id", 0, None)
    assert task["started_at"] == "2026-01-31T00:00:00+00:00"
    assert task["containers"][1] == {"name": "main", "exit_code": 0, "reason": "r"}


@pytest.mark.parametrize(("codes", "combined"), [([], None), ([None], None), ([0, None], 0), ([0, 3, 4], 3)])
def test_combined_exit_code(codes: list[int | None], combined: int | None) -> None:
    assert combined_exit_code(codes) == combined


def test_launch_failures_on_one_line() -> None:
    failures = [{"reason": "RESOURCE:ENI", "arn": "a"}, {"reason": "RESOURCE:ENI", "arn": "a"}, {"reason": "AGENT"}]
    assert launch_failures(failures) == "RESOURCE:ENI, a; AGENT"
