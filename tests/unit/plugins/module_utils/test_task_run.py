# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.ddbload.aws.plugins.module_utils.ecs_task import RequestError
from ansible_collections.ddbload.aws.plugins.module_utils.log_cursor import LogEvent
from ansible_collections.ddbload.aws.plugins.module_utils.task_result import launched_result, run_result
from ansible_collections.ddbload.aws.plugins.module_utils.task_run import (
    FORGOTTEN_AFTER,
    STOP_GRACE,
    LaunchError,
    RunState,
    TaskRun,
    launch,
    verify,
)
from botocore.exceptions import ClientError, EndpointConnectionError

PARAMS: dict[str, Any] = {
    "cluster": "c",
    "task_definition": "t",
    "count": 1,
    "launch_type": "FARGATE",
    "wait_timeout": 60,
    "log_tail_wait": 5,
    "started_by": "me",
}
DEFINITION: dict[str, Any] = {
    "taskDefinitionArn": "arn:t:1",
    "status": "ACTIVE",
    "containerDefinitions": [
        {
            "name": "ddbload",
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {"awslogs-group": "/g", "awslogs-region": "r", "awslogs-stream-prefix": "p"},
            },
        }
    ],
}
PASSED = json.dumps({"event": "run.summary", "verdict": "passed", "exit_code": 0})
SUMMARY_3 = json.dumps({"event": "run.summary", "verdict": "failed", "exit_code": 3})
FAILED_3 = json.dumps({"event": "run.failed", "exit_code": 3, "message": "p99 was 9 ms"})


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Missing(Exception):
    pass


class Aws:
    """ECS and CloudWatch Logs by a schedule: seconds after the launch at which states and lines appear."""

    def __init__(
        self,
        clock: Clock,
        states: dict[float, dict[str, Any]],
        lines: dict[float, str] | None = None,
        count: int = 1,
        failures: list[dict[str, str]] | None = None,
    ) -> None:
        self.clock, self.started, self.states, self.lines = clock, clock.now, states, lines or {}
        self.count, self.failures = count, failures or []
        self.stopped: list[str] = []
        self.stop_takes: float | None = 2.0
        self.described: list[float] = []
        self.stop_at: float | None = None
        self.errors: list[Exception] = []
        self.unknown_from = float("inf")
        self.exceptions = type("Exceptions", (), {"ResourceNotFoundException": Missing})

    def elapsed(self) -> float:
        return self.clock.now - self.started

    def run_task(self, **request: Any) -> dict[str, Any]:
        tasks = [{"taskArn": f"arn:task/c/{n}", "lastStatus": "PROVISIONING"} for n in range(self.count)]
        return {"tasks": tasks, "failures": self.failures}

    def describe_clusters(self, **request: Any) -> dict[str, Any]:
        return {"clusters": [{"status": "ACTIVE"}] if request["clusters"] == ["c"] else []}

    def describe_task_definition(self, **request: Any) -> dict[str, Any]:
        return {"taskDefinition": DEFINITION}

    def describe_tasks(self, **request: Any) -> dict[str, Any]:
        self.described.append(self.elapsed())
        if self.errors:
            raise self.errors.pop(0)
        if self.elapsed() >= self.unknown_from:
            return {"tasks": [], "failures": [{"reason": "MISSING"}]}
        known: dict[str, Any] = {"lastStatus": "PROVISIONING"}
        for since, state in self.states.items():
            known = state if self.elapsed() >= since else known
        if (
            self.stop_at is not None
            and self.stop_takes is not None
            and self.elapsed() >= self.stop_at + self.stop_takes
        ):
            known = stopped(137, stopCode="UserInitiated", stoppedReason=self.stopped[0])
        return {"tasks": [{"taskArn": arn, **known} for arn in request["tasks"]], "failures": []}

    def stop_task(self, **request: Any) -> None:
        self.stopped.append(request["reason"])
        self.stop_at = self.elapsed()

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        assert request["logStreamName"].startswith("p/ddbload/")
        there = [text for since, text in self.lines.items() if self.elapsed() >= since]
        if not there:
            raise Missing
        start = int(request.get("nextToken", "0"))
        return {
            "events": [{"timestamp": 1, "message": text} for text in there[start:]],
            "nextForwardToken": f"{len(there)}",
        }


def stopped(exit_code: int | None, **more: Any) -> dict[str, Any]:
    containers = [{"name": "ddbload"} | ({} if exit_code is None else {"exitCode": exit_code})]
    base = {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "startedAt": "then", "stoppedAt": "now"}
    return {**base, "containers": containers, **more}


RUNNING = {"lastStatus": "RUNNING", "startedAt": "then"}


def follow(aws: Aws, limit: float = 600, **params: Any) -> tuple[RunState, dict[str, list[LogEvent]], list[str]]:
    """Observe to the end, with a new process for every observation: the state goes through JSON."""
    state = launch(aws, {**PARAMS, **params}, DEFINITION, "token", aws.clock)
    events: dict[str, list[LogEvent]] = {}
    changes: list[str] = []
    while not state.finished:
        run = TaskRun(aws, aws, RunState.from_dict(json.loads(json.dumps(state.to_dict()))), aws.clock, aws.clock.sleep)
        seen = run.observe(2.5)
        state = run.state
        changes += [change["status"] for change in seen.changes]
        for task_id, lines in seen.events.items():
            events.setdefault(task_id, []).extend(lines)
        assert aws.elapsed() < limit, "never finished"
    return state, events, changes


def test_a_run_that_passes() -> None:
    clock = Clock()
    aws = Aws(clock, {3: {"lastStatus": "PENDING"}, 8: RUNNING, 20: stopped(0)}, {9: "a", 10: "a", 20: "b", 22: PASSED})
    state, events, changes = follow(aws)
    result = run_result(state, events)
    assert changes == ["PENDING", "RUNNING", "STOPPED"]
    assert not result["failed"] and result["exit_code"] == 0 and not aws.stopped
    assert [event["message"] for event in result["tasks"][0]["log_events"]] == ["a", "a", "b", PASSED]
    assert result["tasks"][0]["log_stream"] == "p/ddbload/0"
    assert "exit code 0" in result["msg"]
    # The last event came at 22 s: no waiting for the whole log_tail_wait after it.
    assert 22 <= result["elapsed_s"] <= 26


def test_a_failed_run_tells_cause_and_last_lines() -> None:
    clock = Clock()
    aws = Aws(clock, {1: RUNNING, 5: stopped(3)}, {2: "line", 6: SUMMARY_3, 8: FAILED_3})
    state, events = follow(aws)[:2]
    result = run_result(state, events)
    assert result["failed"] and result["exit_code"] == 3
    first, *rest = result["msg"].split("\n")
    assert first == "task 0: a threshold failed (exit code 3): p99 was 9 ms"
    assert rest == [
        "  line",
        "  run.summary: failed, exit code 3, sent - of - in -",
        "  run.failed: p99 was 9 ms",
    ]
    assert run_result(state, events, fail_on_nonzero=False)["failed"] is False


def test_without_a_last_event_the_log_is_read_until_it_is_quiet() -> None:
    clock = Clock()
    aws = Aws(clock, {1: RUNNING, 5: stopped(1)}, {2: "a", 9: "late", 13: "later", 60: "too late"})
    state, events = follow(aws)[:2]
    assert [event["message"] for event in events["0"]] == ["a", "late", "later"]
    assert 18 <= state.elapsed <= 21


def test_a_task_that_never_started_has_no_log_to_wait_for() -> None:
    clock = Clock()
    reason = "CannotPullContainerError: x not found"
    aws = Aws(clock, {4: stopped(None, stopCode="TaskFailedToStart", stoppedReason=reason, startedAt=None)})
    state, events = follow(aws)[:2]
    result = run_result(state, events)
    assert result["failed"] and result["exit_code"] is None
    assert "image does not exist" in result["msg"] and state.elapsed < 9


def test_looks_at_provisioning_tasks_become_rarer() -> None:
    clock = Clock()
    aws = Aws(clock, {40: RUNNING, 50: stopped(0)}, {45: PASSED})
    follow(aws)
    assert len([at for at in aws.described if at < 40]) <= 14


def test_a_run_that_overruns_is_stopped_and_its_tail_read() -> None:
    clock = Clock()
    aws = Aws(clock, {1: RUNNING}, {2: "a", 22: "after the stop"})
    state, events = follow(aws, wait_timeout=20)[:2]
    result = run_result(state, events)
    assert aws.stopped == ["wait_timeout of 20 s is over"]
    assert result["failed"] and result["timed_out"]
    assert result["msg"].startswith("the task did not end within wait_timeout (20 s) and was stopped -> raise")
    assert [event["message"] for event in events["0"]] == ["a", "after the stop"]


def test_a_task_that_does_not_stop_is_named() -> None:
    clock = Clock()
    aws = Aws(clock, {1: RUNNING})
    aws.stop_takes = None
    state, events = follow(aws, wait_timeout=20)[:2]
    result = run_result(state, events)
    assert state.gave_up and aws.elapsed() >= 20 + STOP_GRACE
    assert "aws ecs stop-task --cluster c --task 0" in result["msg"] and result["failed"]


def test_a_stopped_run_has_not_passed_even_if_the_exit_code_is_0() -> None:
    clock = Clock()
    aws = Aws(clock, {1: RUNNING, 3: stopped(0, stopCode="UserInitiated", stoppedReason="by hand")})
    state, events = follow(aws)[:2]
    assert run_result(state, events, fail_on_nonzero=False)["failed"]


def test_the_load_testers_exit_code_outweighs_a_0_that_contradicts_it() -> None:
    clock = Clock()
    aws = Aws(clock, {1: RUNNING, 3: stopped(0)}, {2: FAILED_3})
    state, events = follow(aws)[:2]
    result = run_result(state, events)
    assert result["exit_code"] == 3 and result["failed"]
    assert result["tasks"][0]["containers"][0]["exit_code"] == 0


def test_an_interrupt_ends_an_observation_at_once() -> None:
    clock = Clock()
    aws = Aws(clock, {1: RUNNING})
    state = launch(aws, PARAMS, DEFINITION, "token", clock)
    TaskRun(aws, aws, state, clock, clock.sleep, interrupted=lambda: True).observe(100)
    assert aws.elapsed() < 1


def test_failures_of_the_launch() -> None:
    clock = Clock()
    aws = Aws(clock, {}, count=1, failures=[{"reason": "Capacity is unavailable at this time", "arn": "x"}])
    with pytest.raises(LaunchError, match=r"launched 1 of 2 task\(s\): Capacity is unavailable") as caught:
        launch(aws, {**PARAMS, "count": 2}, DEFINITION, "token", clock)
    state = caught.value.state
    assert state is not None
    TaskRun(aws, aws, state, clock).stop("not all could be launched")
    assert aws.stopped == ["not all could be launched"]
    with pytest.raises(LaunchError, match="no reason"):
        launch(Aws(clock, {}, count=0), PARAMS, DEFINITION, "token", clock)


def test_a_connection_may_fail_for_a_while() -> None:
    clock = Clock()
    aws = Aws(clock, {1: RUNNING, 30: stopped(0)}, {5: PASSED})
    aws.errors = [EndpointConnectionError(endpoint_url="http://x")] * 5
    state, events = follow(aws)[:2]
    assert not run_result(state, events)["failed"]
    aws = Aws(clock, {})
    aws.errors = [EndpointConnectionError(endpoint_url="http://x")] * 500
    with pytest.raises(EndpointConnectionError):
        follow(aws)


def test_a_refusal_is_not_tolerated() -> None:
    aws = Aws(Clock(), {})
    aws.errors = [ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeTasks")]
    with pytest.raises(ClientError):
        follow(aws)


def test_a_task_that_ecs_forgot_has_ended() -> None:
    clock = Clock()
    aws = Aws(clock, {1: RUNNING})
    aws.unknown_from = 10
    state, events = follow(aws, wait_timeout=600)[:2]
    assert FORGOTTEN_AFTER < state.elapsed < FORGOTTEN_AFTER + 30
    result = run_result(state, events)
    assert result["failed"] and "does not know the task" in result["msg"]


def test_launched_and_left_alone() -> None:
    clock = Clock()
    state = launch(Aws(clock, {}, count=2), {**PARAMS, "count": 2}, DEFINITION, "token", clock)
    result = launched_result(state)
    assert not result["failed"] and result["changed"] and len(result["tasks"]) == 2
    assert result["tasks"][0]["cause"] is None and result["exit_code"] is None


def test_verification() -> None:
    aws = Aws(Clock(), {})
    assert verify(aws, PARAMS) == DEFINITION
    with pytest.raises(RequestError, match="cluster gone does not exist -> deploy"):
        verify(aws, {**PARAMS, "cluster": "gone"})
    with pytest.raises(RequestError, match=r"overrides name wrong, .* has ddbload"):
        verify(aws, {**PARAMS, "overrides": [{"name": "wrong"}]})
