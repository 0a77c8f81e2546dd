# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs found by their id alone, while ECS knows their tasks and afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.past_run import (
    FORGOTTEN,
    PastRun,
    find_run,
    past_job,
    run_lines,
    unknown_run,
)
from botocore.exceptions import ClientError

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=3)
JOBS = [past_job("oneshot", "dev", name) for name in ("other", "prompt")]
DEFINITION = "arn:aws:ecs:us-east-1:123456789012:task-definition/oneshot-dev-prompt:7"
TASK_ID = "0cc175b9c0f1b6a831c399e269772661"


class FakeEcs:
    """ECS with the tasks that it has not forgotten."""

    def __init__(self, *tasks: dict[str, Any], has_definition: bool = True) -> None:
        self.tasks, self.has_definition = tasks, has_definition

    def list_tasks(self, *, cluster: str, startedBy: str, desiredStatus: str) -> dict[str, Any]:
        assert cluster == "oneshot-dev"
        found = [each for each in self.tasks if each["startedBy"] == startedBy]
        return {"taskArns": [each["taskArn"] for each in found if desiredStatus in each["lastStatus"]]}

    def describe_tasks(self, *, cluster: str, tasks: Sequence[str]) -> dict[str, Any]:
        return {"tasks": [each for each in self.tasks if any(each["taskArn"].endswith(one) for one in tasks)]}

    def describe_task_definition(self, *, taskDefinition: str) -> dict[str, Any]:
        if not self.has_definition:
            raise ClientError({"Error": {"Code": "ClientException"}}, "DescribeTaskDefinition")
        assert taskDefinition in (DEFINITION, "oneshot-dev-prompt")
        return {"taskDefinition": {"cpu": "1024", "memory": "2048", "containerDefinitions": [{"name": "prompt"}]}}


class FakeLogs:
    """CloudWatch Logs with the streams of one group."""

    group = "/oneshot/dev/prompt"

    def __init__(self, **streams: Sequence[tuple[float, str]]) -> None:
        self.streams = {f"prompt/prompt/{task}": lines for task, lines in streams.items()}

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        lines = self.streams.get(request["logStreamName"], []) if not request.get("nextToken") else []
        events = [{"timestamp": millis(second), "message": text} for second, text in lines][: request.get("limit")]
        return {"events": events, "nextForwardToken": "end", "nextBackwardToken": "start"}

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        if request["logGroupName"] != self.group:
            return {"events": []}
        wanted = request["filterPattern"].strip('"')
        found = [
            {"logStreamName": stream, "timestamp": millis(second), "message": text}
            for stream, lines in self.streams.items()
            for second, text in lines
            if wanted in text and millis(second) >= request.get("startTime", 0)
        ]
        # One line a page, the first page empty.
        index = int(request.get("nextToken", -1))
        more = {"nextToken": str(index + 1)} if index + 1 < len(found) else {}
        return {"events": found[index : index + 1] if index >= 0 else [], **more}

    def describe_log_streams(self, *, logGroupName: str, logStreamNamePrefix: str, limit: int) -> dict[str, Any]:
        found = [name for name in self.streams if logGroupName == self.group and name.startswith(logStreamNamePrefix)]
        return {"logStreams": [{"logStreamName": name} for name in found[:limit]]}


def millis(second: float) -> int:
    return int((NOON + timedelta(seconds=second)).timestamp() * 1000)


def task(task_id: str = TASK_ID, **more: Any) -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:us-east-1:123456789012:task/oneshot-dev/{task_id}",
        "taskDefinitionArn": DEFINITION,
        "startedBy": "prompt/monday",
        "lastStatus": "STOPPED",
        "launchType": "FARGATE",
        "cpu": "1024",
        "memory": "2048",
        "createdAt": NOON,
        "pullStartedAt": NOON,
        "startedAt": NOON + timedelta(seconds=10),
        "executionStoppedAt": NOON + timedelta(seconds=100),
        "stoppedAt": NOON + timedelta(seconds=110),
        "stopCode": "EssentialContainerExited",
        "containers": [{"name": "prompt", "exitCode": 3}],
    } | more


def found(ecs: FakeEcs, logs: FakeLogs, run_id: str = "monday", keep: int = 10) -> PastRun | None:
    return find_run(ecs, logs, JOBS, run_id, keep, LATER)


def test_a_task_that_ecs_knows_has_everything() -> None:
    run = found(FakeEcs(task()), FakeLogs(**{TASK_ID: [(11, "one"), (12, "two"), (13, "three")]}), keep=2)
    assert run is not None
    assert (run.job, run.source, run.attempts, run.unknown) == ("prompt", "ecs", 1, [])
    assert (run.task["exit_code"], run.duration_s) == (3, 90.0)
    assert "exit code 3" in run.cause
    assert run.cost is not None
    # 1 vCPU and 2 GB for 110 s.
    assert run.cost["usd"] == round((0.04048 + 2 * 0.004445) * 110 / 3600, 6)
    assert (run.log_lines, [each["message"] for each in run.log_events]) == (3, ["two", "three"])
    lines = "\n".join(run_lines("monday", run))
    assert lines.startswith(f"run monday of job prompt: STOPPED, exit code 3, task {TASK_ID}\ncause: ")
    assert "duration: 90 s" in lines
    assert "the last 2 follow" in lines


def test_the_id_of_a_task_finds_it() -> None:
    run = found(FakeEcs(task()), FakeLogs(), TASK_ID)
    assert run is not None
    assert (run.job, run.source) == ("prompt", "ecs")


def test_the_newest_task_of_a_message_counts() -> None:
    first, second = "a" * 32, "b" * 32
    ecs = FakeEcs(task(second, createdAt=NOON + timedelta(hours=1)), task(first))
    run = found(ecs, FakeLogs())
    assert run is not None
    assert (run.task["task_id"], run.attempts) == (second, 2)
    assert "2 tasks, of which this is the newest" in run_lines("monday", run)


def test_a_running_task_has_a_duration_and_no_cause() -> None:
    running = task(lastStatus="RUNNING", stopCode="", containers=[{"name": "prompt"}])
    run = found(FakeEcs({key: value for key, value in running.items() if "topped" not in key}), FakeLogs())
    assert run is not None
    assert (run.task["last_status"], run.cause, run.duration_s) == ("RUNNING", "", 3 * 3600 - 10)


@pytest.mark.parametrize("run_id", ["20261128T120000Z-0a1b2c", "monday", TASK_ID])
def test_a_task_that_ecs_has_forgotten_is_in_the_log(run_id: str) -> None:
    """Its log says how long it wrote; what nothing knows any more is named."""
    other = "c" * 32
    logs = FakeLogs(**{other: [(5, "another run")], TASK_ID: [(10, f"logs go to /data/{run_id}"), (70.5, "done")]})
    run = found(FakeEcs(), logs, run_id)
    assert run is not None
    assert (run.job, run.source, run.task["task_id"]) == ("prompt", "log", TASK_ID)
    assert (run.task["last_status"], run.task["exit_code"], run.task["stopped_at"], run.cause) == (None, None, None, "")
    assert run.duration_s == 60.5
    assert {*FORGOTTEN} < {*run.unknown}
    assert run.cost is not None and run.cost["billed_s"] == 61
    lines = "\n".join(run_lines(run_id, run))
    assert "status not known any more" in lines
    assert "duration: at least 60.5 s" in lines
    assert "not known any more: status, exit code, cause" in lines


def test_without_a_definition_the_cost_is_unknown() -> None:
    run = found(FakeEcs(has_definition=False), FakeLogs(**{TASK_ID: [(10, "run monday"), (20, "done")]}))
    assert run is not None
    assert run.cost is None


def test_a_run_that_nothing_knows_is_one_problem() -> None:
    assert found(FakeEcs(), FakeLogs(**{TASK_ID: [(10, "another")]})) is None
    assert found(FakeEcs(), FakeLogs(**{TASK_ID: [(10, "another")]}), "d" * 32) is None
    line = unknown_run("monday", JOBS).line()
    assert line.startswith("ECS knows no task of run monday (jobs: other, prompt), and no log line names it -> ")
