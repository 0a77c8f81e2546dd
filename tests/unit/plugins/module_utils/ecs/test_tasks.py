# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks and task definitions as ECS describes them, and the module's values."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.log_location import log_location_of, log_notice
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.request import run_request
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import (
    INSTANTS,
    PHASES,
    combined_exit_code,
    describe_tasks,
    essential_containers,
    find_tasks,
    phases,
    task_of,
    token_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tokens import TOKEN_VARIABLE, token_value
from botocore.session import get_session
from botocore.stub import Stubber
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

ARN = "arn:aws:ecs:eu-west-1:123456789012:task/c/id"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TASK = get_session().get_service_model("ecs").shape_for("Task")
AWSLOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "/g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"},
}


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


FULL: dict[str, Any] = {
    "taskArn": ARN,
    "lastStatus": "STOPPED",
    "stopCode": "EssentialContainerExited",
    "stoppedReason": "Essential container in task exited",
    "launchType": "FARGATE",
    "capacityProviderName": "FARGATE_SPOT",
    "platformVersion": "1.4.0",
    "availabilityZone": "eu-west-1a",
    "cpu": "256",
    "memory": "512",
    "ephemeralStorage": {"sizeInGiB": 30},
    "createdAt": at(0),
    "pullStartedAt": at(12),
    "pullStoppedAt": at(21.8),
    "startedAt": at(23),
    "stoppingAt": at(64),
    "executionStoppedAt": at(65),
    "stoppedAt": at(74.2),
    "containers": [
        {"name": "side", "exitCode": 9, "imageDigest": ""},
        {"name": "main", "exitCode": 0, "reason": "r", "imageDigest": "sha256:1"},
    ],
}


def test_a_task_has_all_values() -> None:
    assert not ParamValidator().validate(FULL, TASK).has_errors()
    assert task_of(FULL, ["main"]) == {
        "task_arn": ARN,
        "task_id": "id",
        "index": None,
        "last_status": "STOPPED",
        "stop_code": "EssentialContainerExited",
        "stopped_reason": "Essential container in task exited",
        "exit_code": 0,
        "exit_container": "main",
        "containers": [
            {"name": "side", "exit_code": 9, "reason": None, "decides": False},
            {"name": "main", "exit_code": 0, "reason": "r", "decides": True},
        ],
        "launch_type": "FARGATE",
        "capacity_provider": "FARGATE_SPOT",
        "platform_version": "1.4.0",
        "availability_zone": "eu-west-1a",
        "cpu": 256,
        "memory": 512,
        "ephemeral_storage": 30,
        "image_digests": {"main": "sha256:1"},
        "created_at": "2026-01-31T12:00:00+00:00",
        "pull_started_at": "2026-01-31T12:00:12+00:00",
        "pull_stopped_at": "2026-01-31T12:00:21.800000+00:00",
        "started_at": "2026-01-31T12:00:23+00:00",
        "stopping_at": "2026-01-31T12:01:04+00:00",
        "execution_stopped_at": "2026-01-31T12:01:05+00:00",
        "stopped_at": "2026-01-31T12:01:14.200000+00:00",
        "phases": {
            "provisioning_s": 12.0,
            "pull_s": 9.8,
            "start_s": 1.2,
            "run_s": 42.0,
            "stop_s": 9.2,
            "total_s": 74.2,
        },
    }


@given(st.sets(st.sampled_from(sorted(FULL))))
def test_task_has_all_fields_and_can_be_written_as_json(left_out: set[str]) -> None:
    """A task has all its fields and can be written as JSON, whatever ECS leaves out."""
    described = {name: value for name, value in FULL.items() if name == "taskArn" or name not in left_out}
    task = task_of(described, ["main"])
    assert list(task) == list(task_of(FULL, ["main"]))
    assert json.loads(json.dumps(task)) == task


def test_a_task_of_runtask_may_have_few_fields() -> None:
    task = task_of({"taskArn": ARN}, ["main"])
    assert (task["last_status"], task["exit_code"], task["cpu"]) == ("UNKNOWN", None, None)
    assert set(task["phases"].values()) == {None}


@pytest.mark.parametrize(
    ("cpu", "memory", "units", "mebibytes"),
    [
        ("256", "512", 256, 512),
        (1024, 2048, 1024, 2048),
        ("1 vCPU", "3 GB", 1024, 3072),
        (".25 vcpu", "0.5GB", 256, 512),
        ("many", "", None, None),
    ],
)
def test_sizes_are_numbers(cpu: Any, memory: Any, units: int | None, mebibytes: int | None) -> None:
    task = task_of({"taskArn": ARN, "cpu": cpu, "memory": memory}, [])
    assert (task["cpu"], task["memory"]) == (units, mebibytes)


def test_sizes_that_the_launch_overrides_are_those_of_the_task() -> None:
    overrides = {"cpu": "1 vCPU", "memory": "4096", "ephemeralStorage": {"sizeInGiB": 100}}
    task = task_of({**FULL, "overrides": overrides}, ["main"])
    assert (task["cpu"], task["memory"], task["ephemeral_storage"]) == (1024, 4096, 100)


def test_phases_without_their_instants_are_unknown() -> None:
    described = {"createdAt": at(0), "startedAt": at(5), "stoppedAt": at(15)}
    unknown = {"provisioning_s": None, "pull_s": None, "start_s": None, "stop_s": None}
    assert phases(described) == {**unknown, "run_s": 10.0, "total_s": 15.0}


@given(st.lists(st.integers(0, 10**7), min_size=len(INSTANTS), max_size=len(INSTANTS)))
def test_the_phases_make_up_the_whole(milliseconds: list[int]) -> None:
    described = {name: at(when / 1000) for name, when in zip(INSTANTS, sorted(milliseconds), strict=True)}
    found = phases(described)
    parts = [found[name] for name in PHASES]
    assert sum(part for part in parts if part is not None) == pytest.approx(found["total_s"])


@given(st.dictionaries(st.sampled_from(INSTANTS), st.none() | st.integers(-1000, 1000).map(at)))
def test_no_phase_is_negative(described: dict[str, datetime | None]) -> None:
    found = phases(described)
    assert list(found) == [*PHASES, "total_s"]
    assert all(seconds is None or seconds >= 0 for seconds in found.values())


@pytest.mark.parametrize(("codes", "combined"), [([], None), ([None], None), ([0, None], 0), ([0, 3, 4], 3)])
def test_the_first_nonzero_exit_code_is_the_task_s(codes: list[int | None], combined: int | None) -> None:
    assert combined_exit_code(codes) == combined


DEFINITION: dict[str, Any] = {
    "containerDefinitions": [
        {"name": "side", "essential": False, "logConfiguration": AWSLOGS},
        {"name": "plain"},
        {"name": "main", "logConfiguration": AWSLOGS},
    ]
}


def test_containers_are_essential_by_default() -> None:
    """Containers are essential unless the definition says otherwise."""
    assert essential_containers(DEFINITION) == ["plain", "main"]


@pytest.mark.parametrize(
    ("wanted", "prefix"), [([], "p/main"), (["side"], "p/side"), (["plain"], "p/main"), (["gone", "side"], "p/side")]
)
def test_the_log_of_the_named_or_essential_container(wanted: list[str], prefix: str) -> None:
    """The log is that of the named container, or else of the first essential one."""
    location = log_location_of(DEFINITION, {"overrides": {"containers": [{"name": name} for name in wanted]}})
    assert location and (location.group, location.prefix, location.region) == ("/g", prefix, "eu-west-1")


@pytest.mark.parametrize(
    "configuration",
    [
        None,
        {"logDriver": "splunk", "options": {}},
        {"logDriver": "awslogs"},
        {"logDriver": "awslogs", "options": {"awslogs-group": "/g"}},
    ],
)
def test_a_log_outside_cloudwatch_cannot_be_read(configuration: dict[str, Any] | None) -> None:
    assert log_location_of({"containerDefinitions": [{"name": "a", "logConfiguration": configuration}]}, {}) is None


def test_a_firelens_container_has_no_readable_log() -> None:
    routed = {"name": "app", "logConfiguration": {"logDriver": "awsfirelens"}}
    definition = {"containerDefinitions": [routed, {"name": "main", "logConfiguration": AWSLOGS}]}
    assert log_location_of(definition, {"log_container": "app"}) is None
    assert log_notice(definition, {"log_container": "app"}) == (
        "log",
        "the lines of container app are elsewhere (its log driver is awsfirelens), no log is shown",
        "see where its log router sends them",
    )
    assert "those of main are read" in str(log_notice(definition, {}))
    assert log_notice(definition, {"log_container": "main"}) is None


def test_a_launched_task_names_its_client_token() -> None:
    value = token_value("token", 3, 1)
    params = {"cluster": "c", "task_definition": "t", "overrides": {"containers": [{"name": "a", "command": ["x"]}]}}
    request = run_request(
        params, count=1, client_token="t", started_by="me", container="b", environment={TOKEN_VARIABLE: value}
    )
    assert token_of({"taskArn": ARN, "overrides": request["overrides"]}) == value


@pytest.mark.parametrize(
    "overrides", [None, {}, {"containerOverrides": [{"name": "a"}, {"environment": [{"name": "A", "value": "1"}]}]}]
)
def test_a_task_of_another_client_has_no_token(overrides: dict[str, Any] | None) -> None:
    assert token_of({"taskArn": ARN} | ({} if overrides is None else {"overrides": overrides})) is None


@pytest.fixture
def ecs() -> Any:
    return boto3.client("ecs", region_name="eu-west-1", aws_access_key_id="a" * 20, aws_secret_access_key="b" * 40)


def arn_of(number: int) -> str:
    return f"arn:aws:ecs:eu-west-1:123456789012:task/c/{number}"


def test_tasks_are_found_by_their_mark_once_each(ecs: Any) -> None:
    """Tasks are found by their mark, the stopped ones too, and each once."""
    with Stubber(ecs) as stubber:
        for status, numbers in (("RUNNING", [2, 1]), ("STOPPED", [1, 0])):
            first, second = ([arn_of(number)] for number in numbers)
            request = {"cluster": "c", "startedBy": "me/1", "desiredStatus": status}
            stubber.add_response("list_tasks", {"taskArns": first, "nextToken": "more"}, request)
            stubber.add_response("list_tasks", {"taskArns": second}, request | {"nextToken": "more"})
        tasks = [
            {"taskArn": arn_of(number), "createdAt": datetime(2026, 1, 1, 12, number, tzinfo=UTC)}
            for number in (2, 1, 0)
        ]
        stubber.add_response(
            "describe_tasks", {"tasks": tasks}, {"cluster": "c", "tasks": [arn_of(2), arn_of(1), arn_of(0)]}
        )
        assert [one["taskArn"] for one in find_tasks(ecs, "c", "me/1")] == [arn_of(0), arn_of(1), arn_of(2)]
        stubber.assert_no_pending_responses()


def test_an_empty_list_is_not_described(ecs: Any) -> None:
    with Stubber(ecs) as stubber:
        for _status in range(2):
            stubber.add_response("list_tasks", {"taskArns": []})
        assert find_tasks(ecs, "c", "me/1") == []


def test_tasks_are_described_by_the_hundred(ecs: Any) -> None:
    """One call describes a hundred tasks; unknown ones are named."""
    asked = [arn_of(number) for number in range(150)]
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
