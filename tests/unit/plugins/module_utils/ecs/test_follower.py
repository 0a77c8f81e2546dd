# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The follower over ECS and CloudWatch Logs by a timetable, with what may go wrong between two looks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogEvent, LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follower import (
    EXPIRED_GRACE,
    FORGOTTEN_AFTER,
    LOG_GRACE,
    STOP_GRACE,
    UNREACHABLE_GRACE,
    Follower,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.start_up import StartUpFailure
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import task_of
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError

PASSED = json.dumps({"event": "run.summary", "verdict": "passed", "exit_code": 0})
FAILED_3 = json.dumps({"event": "run.failed", "exit_code": 3, "message": "p99 was 9 ms"})
RUNNING = {"lastStatus": "RUNNING", "startedAt": "then"}
PARAMS = {"wait_timeout": 600, "log_tail_wait": 5, "fail_on": ["nonzero"]}
UNREACHABLE = EndpointConnectionError(endpoint_url="http://x")


def refused(code: str, message: str = "no") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


def stopped(exit_code: int | None, **more: Any) -> dict[str, Any]:
    containers = [{"name": "main"} | ({} if exit_code is None else {"exitCode": exit_code})]
    base = {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "startedAt": "then", "stoppedAt": "now"}
    return {**base, "containers": containers, **more}


class Aws:
    """ECS and CloudWatch Logs: states and lines by the second of the run in which they appear."""

    def __init__(self, states: dict[float, dict[str, Any]], lines: dict[float, str] | None = None) -> None:
        self.now = 1000.0
        self.states, self.lines = states, lines or {}
        self.described: list[tuple[float, int]] = []
        self.read: list[float] = []
        self.stopped: dict[str, tuple[float, str]] = {}
        self.stop_takes: float | None = 2.0
        self.unknown_from = float("inf")
        self.trouble: dict[str, Callable[[float], Exception | None]] = {}

    @property
    def elapsed(self) -> float:
        return self.now - 1000.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def _fail(self, call: str) -> None:
        if call in self.trouble and (error := self.trouble[call](self.elapsed)):
            raise error

    def describe_tasks(self, **request: Any) -> dict[str, Any]:
        self._fail("describe_tasks")
        assert len(request["tasks"]) <= 100
        self.described.append((self.elapsed, len(request["tasks"])))
        if self.elapsed >= self.unknown_from:
            return {"tasks": [], "failures": [{"arn": arn, "reason": "MISSING"} for arn in request["tasks"]]}
        return {"tasks": [{"taskArn": arn, **self._state(arn)} for arn in request["tasks"]], "failures": []}

    def _state(self, arn: str) -> dict[str, Any]:
        if arn in self.stopped and self.stop_takes is not None:
            at, reason = self.stopped[arn]
            if self.elapsed >= at + self.stop_takes:
                return stopped(137, stopCode="UserInitiated", stoppedReason=reason)
        known: dict[str, Any] = {"lastStatus": "PROVISIONING"}
        for since, state in self.states.items():
            known = state if self.elapsed >= since else known
        return known

    def stop_task(self, **request: Any) -> None:
        self._fail("stop_task")
        self.stopped[request["task"]] = (self.elapsed, request["reason"])

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        self._fail("get_log_events")
        self.read.append(self.elapsed)
        there = [text for since, text in self.lines.items() if self.elapsed >= since]
        if not there:
            raise refused("ResourceNotFoundException", "no such stream")
        start = int(request.get("nextToken", "f/0").partition("/")[2])
        return {
            "events": [{"timestamp": number, "message": text} for number, text in enumerate(there)][start:],
            "nextForwardToken": f"f/{len(there)}",
            "nextBackwardToken": "b/0",
        }


class Feed:
    """Keeps what is told meanwhile."""

    def __init__(self) -> None:
        self.statuses: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.lines: list[str] = []
        self.ticks: list[tuple[float, dict[str, int]]] = []

    def status(self, task_id: str, status: str, elapsed_s: float, timings: Mapping[str, float]) -> None:
        self.statuses.append((task_id, status))

    def log(self, task_id: str, events: list[LogEvent]) -> None:
        self.lines += [event["message"] for event in events]

    def tick(self, elapsed_s: float, states: Mapping[str, int]) -> None:
        self.ticks.append((elapsed_s, dict(states)))

    def note(self, text: str) -> None:
        self.notes.append(text)


class Followed:
    """A run and its follower over a timetable."""

    def __init__(self, aws: Aws, count: int = 1, **changes: Any) -> None:
        self.aws, self.feed = aws, Feed()
        self.run = Run("c", "arn:t:1", {}, ["main"], count)
        for number in range(count):
            task = task_of({"taskArn": f"arn:task/c/{number}", "lastStatus": "PROVISIONING"}, ["main"])
            self.run.tasks.append(FollowedTask(task | {"index": None}, LogReader("/g", f"p/main/{number}")))
        self.renewed = 0
        options = {name: changes.pop(name) for name in ("replace", "surplus", "interrupted") if name in changes}
        self.follower = Follower(
            lambda: aws,
            lambda: aws,
            self.run,
            lambda described, one: task_of(described, ["main"]) | {"index": None},
            PARAMS | changes,
            self.feed,  # type: ignore[arg-type]
            renew=self._renew,
            clock=aws.clock,
            sleep=aws.sleep,
            **options,
        )

    def _renew(self) -> None:
        self.renewed += 1

    def to_the_end(self, limit: float = 3000) -> Followed:
        while not self.run.finished and not self.run.gave_up:
            self.follower.look()
            self.aws.sleep(0.25)
            assert self.aws.elapsed < limit, "never finished"
        return self

    @property
    def kept(self) -> list[str]:
        assert self.run.tasks[0].log
        return [event["message"] for event in self.run.tasks[0].log.events]


def test_a_run_is_followed_to_its_end_with_all_its_lines() -> None:
    aws = Aws({3: {"lastStatus": "PENDING"}, 8: RUNNING, 20: stopped(0)}, {9: "a", 10: "a", 20: "b", 22: PASSED})
    seen = Followed(aws).to_the_end()
    assert [status for _task, status in seen.feed.statuses] == ["PENDING", "RUNNING", "STOPPED"]
    assert seen.kept == seen.feed.lines == ["a", "a", "b", PASSED]
    assert seen.run.tasks[0].task["exit_code"] == 0
    assert seen.run.tasks[0].speaks_ddbload
    assert not aws.stopped
    # The last event came at 22 s: no waiting for the whole log_tail_wait after it.
    assert 22 <= seen.run.elapsed_s <= 26


@pytest.mark.parametrize("ends_at", [5.0, 61.3, 222.2])
def test_an_end_is_noticed_within_two_seconds(ends_at: float) -> None:
    seen = Followed(Aws({1: RUNNING, ends_at: stopped(1)}))
    while not seen.run.tasks[0].stopped:
        seen.follower.look()
        seen.aws.sleep(0.25)
    assert ends_at <= seen.aws.elapsed <= ends_at + 2


def test_without_a_last_event_the_log_is_read_until_it_is_quiet() -> None:
    seen = Followed(Aws({1: RUNNING, 5: stopped(1)}, {2: "a", 9: "late", 13: "later", 60: "too late"})).to_the_end()
    assert seen.kept == ["a", "late", "later"]
    assert 18 <= seen.run.elapsed_s <= 22


def test_the_load_testers_failure_is_kept_and_ends_the_waiting() -> None:
    seen = Followed(Aws({1: RUNNING, 5: stopped(3)}, {2: "line", 6: FAILED_3})).to_the_end()
    failure = seen.run.tasks[0].failure
    assert failure and failure["message"] == "p99 was 9 ms"
    assert seen.run.elapsed_s < 9


def test_an_event_that_a_log_driver_cut_is_one_again() -> None:
    summary = json.dumps({"event": "run.summary", "exit_code": 0, "histograms": "x" * 40_000})
    cut = [summary[at : at + 16_384] for at in range(0, len(summary), 16_384)]
    seen = Followed(Aws({1: RUNNING, 5: stopped(0)}, dict(enumerate(cut, start=2)))).to_the_end()
    assert seen.feed.lines == [summary]
    assert seen.run.tasks[0].summary == json.loads(summary)


def test_an_event_whose_end_never_came_is_told_in_pieces() -> None:
    begin = '{"event": "run.summary", "x": "' + "x" * 20_000
    assert Followed(Aws({1: RUNNING, 5: stopped(137)}, {2: begin})).to_the_end().feed.lines == [begin]


def test_a_task_that_never_started_has_no_log_to_wait_for() -> None:
    end = stopped(None, stopCode="TaskFailedToStart", stoppedReason="CannotPullContainerError: x", startedAt=None)
    seen = Followed(Aws({4: end})).to_the_end()
    assert seen.run.elapsed_s < 7
    assert not seen.aws.read


def test_a_hundred_and_thirty_tasks_take_two_calls_a_look_and_their_logs_keep_within_the_quota() -> None:
    aws = Aws({1: RUNNING, 30: stopped(0)}, {2: "a", 29: PASSED})
    seen = Followed(aws, count=130).to_the_end()
    assert {count for _at, count in aws.described} == {100, 30}
    for at in aws.read:
        # 20 a second, and as many at once after a pause.
        assert sum(at <= other < at + 5 for other in aws.read) <= 5 * 20 + 20
    assert len(seen.feed.lines) == 260
    assert seen.feed.ticks[-1][1] == {"STOPPED": 130}


def test_looks_are_a_second_and_a_half_apart_at_most_and_half_a_second_after_a_change() -> None:
    aws = Aws({10: RUNNING, 40: stopped(0)}, {30: "a"})
    Followed(aws).to_the_end()
    pauses = [later[0] - earlier[0] for earlier, later in pairwise(aws.described)]
    assert min(pauses) >= 0.5 and max(pauses) <= 1.75
    assert len(aws.described) < 35


def test_a_task_that_fails_while_others_run_is_told_once() -> None:
    aws = Aws({1: RUNNING})
    ends = {"0": 5, "1": 9, "2": 9}
    aws._state = lambda arn: stopped(3) if aws.elapsed > ends[arn[-1]] else RUNNING  # type: ignore[method-assign]
    seen = Followed(aws, count=3).to_the_end()
    assert seen.feed.notes == [
        "task 0 has failed (exit code 3), and the run with it; the other 2 tasks run on to the end"
    ]


def test_a_task_stuck_behind_its_start_up_is_stopped() -> None:
    aws = Aws({1: {"lastStatus": "PENDING"}})
    seen = Followed(aws)
    seen.run.tasks[0].start_up = StartUpFailure("init", 4, "app", "SUCCESS")
    seen.run.tasks[0].start_up_at = aws.now
    seen.to_the_end()
    assert len(aws.stopped) == 1
    at, reason = next(iter(aws.stopped.values()))
    assert 30 < at < 33
    assert reason.startswith("start-up container init ended with exit code 4")
    assert seen.feed.notes == ["task 0 cannot start any more: stopping it"]


def test_a_run_that_overruns_is_stopped_and_its_tail_read() -> None:
    aws = Aws({1: RUNNING}, {2: "a", 22: "after the stop"})
    seen = Followed(aws, wait_timeout=20).to_the_end()
    assert [reason for _at, reason in aws.stopped.values()] == ["wait_timeout of 20 s is over"]
    assert seen.run.timed_out
    assert seen.run.stopped_by_us == 1
    assert seen.kept == ["a", "after the stop"]
    assert seen.feed.notes == ["wait_timeout of 20 s is over: stopping the tasks"]


def test_a_task_that_does_not_stop_is_given_up() -> None:
    aws = Aws({1: RUNNING})
    aws.stop_takes = None
    seen = Followed(aws, wait_timeout=20).to_the_end()
    assert seen.run.gave_up == "not seen to stop within 150 s"
    assert 20 + STOP_GRACE <= aws.elapsed <= 20 + STOP_GRACE + 5


def test_a_stop_that_is_refused_for_a_while_is_told_again() -> None:
    aws = Aws({1: RUNNING})
    aws.trouble["stop_task"] = lambda at: refused("ThrottlingException") if at < 40 else None
    seen = Followed(aws, count=3, wait_timeout=20).to_the_end()
    assert len(aws.stopped) == 3
    assert seen.run.finished and not seen.run.gave_up


def test_a_task_that_ecs_has_forgotten_need_not_be_stopped() -> None:
    aws = Aws({1: RUNNING, 30: stopped(0)})
    aws.trouble["stop_task"] = lambda at: refused("InvalidParameterException", "The referenced task was not found.")
    seen = Followed(aws, wait_timeout=20).to_the_end()
    assert seen.run.finished and not seen.run.gave_up


TROUBLE = [
    UNREACHABLE,
    ConnectionClosedError(endpoint_url="x"),
    refused("ThrottlingException"),
    refused("ServerException"),
]


@pytest.mark.parametrize("error", TROUBLE, ids=[type(error).__name__ + str(error)[:40] for error in TROUBLE])
@pytest.mark.parametrize("call", ["describe_tasks", "get_log_events"])
def test_trouble_that_passes_loses_nothing(call: str, error: Exception) -> None:
    aws = Aws({1: RUNNING, 90: stopped(0)}, {5: "a", 20: "b", 89: PASSED})
    aws.trouble[call] = lambda at: error if 10 < at < 60 else None
    seen = Followed(aws).to_the_end()
    assert seen.kept == ["a", "b", PASSED]
    assert not seen.run.gave_up and not seen.run.warnings
    assert seen.run.elapsed_s < 97


def test_trouble_that_does_not_pass_is_given_up_and_told() -> None:
    aws = Aws({1: RUNNING})
    aws.trouble["describe_tasks"] = lambda at: UNREACHABLE if at > 10 else None
    seen = Followed(aws).to_the_end()
    assert "cannot follow the tasks" in seen.run.gave_up
    assert UNREACHABLE_GRACE <= aws.elapsed <= UNREACHABLE_GRACE + 30
    assert len(seen.feed.notes) == 1


def test_trouble_does_not_hold_up_the_timeout() -> None:
    aws = Aws({1: RUNNING})
    for call in ("describe_tasks", "stop_task", "get_log_events"):
        aws.trouble[call] = lambda at: UNREACHABLE
    seen = Followed(aws, wait_timeout=30).to_the_end()
    assert seen.run.timed_out and seen.run.gave_up
    assert aws.elapsed <= 30 + STOP_GRACE + 10


def test_expired_credentials_are_read_anew_and_given_up_only_after_a_while() -> None:
    aws = Aws({1: RUNNING, 60: stopped(0)}, {59: PASSED})
    aws.trouble["describe_tasks"] = lambda at: refused("ExpiredTokenException", "expired") if 10 < at < 40 else None
    seen = Followed(aws).to_the_end()
    assert seen.renewed > 1 and not seen.run.gave_up
    aws = Aws({1: RUNNING})
    aws.trouble["describe_tasks"] = lambda at: refused("ExpiredTokenException", "expired") if at > 10 else None
    seen = Followed(aws).to_the_end()
    assert "expired" in seen.run.gave_up
    assert EXPIRED_GRACE <= aws.elapsed <= EXPIRED_GRACE + 20


def test_a_refusal_is_given_up_at_once() -> None:
    aws = Aws({1: RUNNING})
    aws.trouble["describe_tasks"] = lambda at: refused("AccessDeniedException")
    seen = Followed(aws).to_the_end()
    assert "AccessDenied" in seen.run.gave_up
    assert aws.elapsed < 2


def test_a_log_that_may_not_be_read_is_told_and_the_end_still_seen() -> None:
    aws = Aws({1: RUNNING, 9: stopped(0)}, {2: "a"})
    aws.trouble["get_log_events"] = lambda at: refused("AccessDeniedException")
    seen = Followed(aws).to_the_end()
    assert seen.run.tasks[0].task["exit_code"] == 0 and not seen.run.gave_up
    assert len(seen.run.warnings) == 1 and "cannot read the tasks' log lines" in seen.run.warnings[0]
    assert seen.feed.notes == seen.run.warnings


def test_a_log_that_stays_out_of_reach_does_not_hold_up_the_end() -> None:
    aws = Aws({1: RUNNING, 9: stopped(0)}, {2: "a"})
    aws.trouble["get_log_events"] = lambda at: UNREACHABLE
    seen = Followed(aws).to_the_end()
    assert LOG_GRACE <= aws.elapsed <= LOG_GRACE + 15
    assert len(seen.run.warnings) == 1


def test_a_task_that_ecs_forgot_has_ended() -> None:
    aws = Aws({1: RUNNING})
    aws.unknown_from = 10
    seen = Followed(aws).to_the_end()
    assert FORGOTTEN_AFTER < seen.run.elapsed_s < FORGOTTEN_AFTER + 30
    assert seen.run.tasks[0].task["stopped_reason"] == "ECS does not know the task any more"


def test_an_interrupt_is_heard_at_once_and_the_end_of_what_is_stopped_still_seen() -> None:
    aws = Aws({1: RUNNING}, {2: "a", 11: "last words"})
    seen = Followed(aws, interrupted=lambda: aws.elapsed > 10)
    seen.follower.follow()
    assert aws.elapsed < 11
    assert seen.run.unfinished
    seen.follower.stop("the launcher was interrupted by SIGINT")
    seen.follower.see_the_end(30)
    assert seen.run.finished
    assert seen.kept == ["a", "last words"]


def test_what_kept_tasks_from_being_stopped_in_time_is_told() -> None:
    aws = Aws({1: RUNNING})
    aws.trouble["stop_task"] = lambda at: UNREACHABLE
    seen = Followed(aws)
    seen.follower.stop("the launcher was interrupted by SIGINT")
    seen.follower.see_the_end(30)
    assert 30 <= aws.elapsed < 32
    assert "Could not connect" in seen.run.gave_up


def test_a_spot_task_that_did_not_start_is_followed_no_more_once_it_is_replaced() -> None:
    end = stopped(None, stopCode="TaskFailedToStart", stoppedReason="no Spot capacity", startedAt=None)
    replaced: list[str] = []

    def replace(one: FollowedTask) -> bool:
        replaced.append(one.task_id)
        task = task_of({"taskArn": "arn:task/c/new", **stopped(0)}, ["main"]) | {"index": None}
        seen.run.tasks.append(FollowedTask(task, None, log_complete=True))
        return True

    seen = Followed(Aws({4: end}), replace=replace)
    seen.to_the_end()
    assert replaced == ["0"]
    assert [one.task_id for one in seen.run.tasks] == ["new"]


def test_tasks_that_are_too_many_are_stopped_once() -> None:
    aws = Aws({1: RUNNING, 20: stopped(0)})
    seen = Followed(aws, surplus=lambda: ["arn:task/c/double"]).to_the_end()
    assert list(aws.stopped) == ["arn:task/c/double"]
    assert seen.feed.notes == ["task double is a duplicate (ECS carried out the launch request twice): stopping it"]
    assert seen.run.stopped_by_us == 0


def test_where_the_run_stands_is_told_every_second() -> None:
    seen = Followed(Aws({5: RUNNING, 20: stopped(0)}, {19: PASSED})).to_the_end()
    told_at = [elapsed_s for elapsed_s, _states in seen.feed.ticks]
    pauses = [later - earlier for earlier, later in pairwise(told_at)]
    assert min(pauses) >= 1 and max(pauses) <= 1.3
