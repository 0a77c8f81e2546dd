# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The follower over a scripted ECS and CloudWatch Logs, with errors between two requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogEvent, LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.follower import (
    CONTROL_GRACE,
    EXPIRED_GRACE,
    FORGOTTEN_AFTER,
    STOP_GRACE,
    UNREACHABLE_GRACE,
    Follower,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.logs import LOG_GRACE
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, GaveUp, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.start_up import StartUpFailure
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
        self.own: dict[str, tuple[float, dict[str, Any]]] = {}  # states of single tasks
        self.heard: dict[str, float] = {}  # when a task read the stop in the control table
        self.stop_call_takes = self.describe_takes = 0.0
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
        self.now += self.describe_takes
        self.described.append((self.elapsed, len(request["tasks"])))
        if self.elapsed >= self.unknown_from:
            return {"tasks": [], "failures": [{"arn": arn, "reason": "MISSING"} for arn in request["tasks"]]}
        return {"tasks": [{"taskArn": arn, **self._state(arn)} for arn in request["tasks"]], "failures": []}

    def _state(self, arn: str) -> dict[str, Any]:
        if arn in self.stopped and self.stop_takes is not None:
            at, reason = self.stopped[arn]
            if self.elapsed >= at + self.stop_takes:
                return stopped(137, stopCode="UserInitiated", stoppedReason=reason)
        if self.elapsed >= self.heard.get(arn, float("inf")) + 2:
            return stopped(6)
        if arn in self.own and self.elapsed >= self.own[arn][0]:
            return self.own[arn][1]
        known: dict[str, Any] = {"lastStatus": "PROVISIONING"}
        for since, state in self.states.items():
            known = state if self.elapsed >= since else known
        return known

    def stop_task(self, **request: Any) -> None:
        self._fail("stop_task")
        self.now += self.stop_call_takes
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
    """Records the messages."""

    def __init__(self) -> None:
        self.statuses: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.stops: list[tuple[int, int]] = []
        self.lines: list[str] = []
        self.ticks: list[tuple[float, dict[str, int]]] = []

    def status(self, task_id: str, status: str, elapsed_s: float, timings: Mapping[str, float]) -> None:
        self.statuses.append((task_id, status))

    def log(self, task_id: str, events: list[LogEvent]) -> None:
        self.lines += [event["message"] for event in events]

    def tick(self, elapsed_s: float, states: Mapping[str, int], wanted: int) -> None:
        self.ticks.append((elapsed_s, dict(states)))

    def stop(self, requested: int, tasks: int) -> None:
        self.stops.append((requested, tasks))

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
        options = {
            name: changes.pop(name) for name in ("replace", "surplus", "interrupted", "control") if name in changes
        }
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
    assert seen.run.tasks[0].is_load_tester
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


def test_without_a_last_event_the_log_is_read_until_quiet() -> None:
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


def test_an_event_without_an_end_is_shown_in_pieces() -> None:
    begin = '{"event": "run.summary", "x": "' + "x" * 20_000
    assert Followed(Aws({1: RUNNING, 5: stopped(137)}, {2: begin})).to_the_end().feed.lines == [begin]


def test_a_task_that_never_started_has_no_log_to_wait_for() -> None:
    end = stopped(None, stopCode="TaskFailedToStart", stoppedReason="CannotPullContainerError: x", startedAt=None)
    seen = Followed(Aws({4: end})).to_the_end()
    assert seen.run.elapsed_s < 7
    assert not seen.aws.read


def test_130_tasks_take_two_calls_and_keep_the_logs_quota() -> None:
    """A hundred and thirty tasks take two calls a look, and the calls for their logs stay within the quota."""
    aws = Aws({1: RUNNING, 30: stopped(0)}, {2: "a", 29: PASSED})
    seen = Followed(aws, count=130).to_the_end()
    assert {count for _at, count in aws.described} == {100, 30}
    for at in aws.read:
        # 20 a second, and as many at once after a pause.
        assert sum(at <= other < at + 5 for other in aws.read) <= 5 * 20 + 20
    assert len(seen.feed.lines) == 260
    assert seen.feed.ticks[-1][1] == {"STOPPED": 130}


def test_interval_between_looks_shortens_after_a_change() -> None:
    """Looks are 1.5 s apart at most, and 0.5 s after a change."""
    aws = Aws({10: RUNNING, 40: stopped(0)}, {30: "a"})
    Followed(aws).to_the_end()
    pauses = [later[0] - earlier[0] for earlier, later in pairwise(aws.described)]
    assert min(pauses) >= 0.5 and max(pauses) <= 1.75
    assert len(aws.described) < 35


def test_a_task_that_fails_while_others_run_is_reported_once() -> None:
    aws = Aws({1: RUNNING})
    ends = {"0": 5, "1": 9, "2": 9}
    aws._state = lambda arn: stopped(3) if aws.elapsed > ends[arn[-1]] else RUNNING  # type: ignore[method-assign]
    seen = Followed(aws, count=3).to_the_end()
    assert seen.feed.notes == [
        "task 0 has failed (exit code 3), so the run fails; the other 2 tasks continue to the end"
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
    assert seen.run.stops_requested == 1
    assert seen.kept == ["a", "after the stop"]
    assert seen.feed.notes == ["wait_timeout of 20 s is over: stopping the tasks"]


def test_a_task_that_does_not_stop_is_given_up() -> None:
    aws = Aws({1: RUNNING})
    aws.stop_takes = None
    seen = Followed(aws, wait_timeout=20).to_the_end()
    assert seen.run.gave_up == (GaveUp.UNSEEN, "not seen to stop within 150 s", "")
    assert 20 + STOP_GRACE <= aws.elapsed <= 20 + STOP_GRACE + 5


def test_a_refused_stop_is_retried() -> None:
    aws = Aws({1: RUNNING})
    aws.trouble["stop_task"] = lambda at: refused("ThrottlingException") if at < 40 else None
    seen = Followed(aws, count=3, wait_timeout=20).to_the_end()
    assert len(aws.stopped) == 3
    assert seen.run.finished and not seen.run.gave_up


def test_a_task_that_ecs_no_longer_lists_is_not_stopped() -> None:
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
def test_transient_errors_lose_no_line(call: str, error: Exception) -> None:
    aws = Aws({1: RUNNING, 90: stopped(0)}, {5: "a", 20: "b", 89: PASSED})
    aws.trouble[call] = lambda at: error if 10 < at < 60 else None
    seen = Followed(aws).to_the_end()
    assert seen.kept == ["a", "b", PASSED]
    assert not seen.run.gave_up and not seen.run.warnings
    assert seen.run.elapsed_s < 97


def test_a_permanent_error_ends_the_run_and_is_reported() -> None:
    aws = Aws({1: RUNNING})
    aws.trouble["describe_tasks"] = lambda at: UNREACHABLE if at > 10 else None
    seen = Followed(aws).to_the_end()
    assert seen.run.gave_up and "cannot follow the tasks" in seen.run.gave_up.what
    assert UNREACHABLE_GRACE <= aws.elapsed <= UNREACHABLE_GRACE + 30
    assert len(seen.feed.notes) == 1


def test_errors_do_not_delay_the_timeout() -> None:
    aws = Aws({1: RUNNING})
    for call in ("describe_tasks", "stop_task", "get_log_events"):
        aws.trouble[call] = lambda at: UNREACHABLE
    seen = Followed(aws, wait_timeout=30).to_the_end()
    assert seen.run.timed_out and seen.run.gave_up
    assert aws.elapsed <= 30 + STOP_GRACE + 10


def test_expired_credentials_are_read_anew_for_a_while() -> None:
    """Expired credentials are read anew, and given up only after a while."""
    aws = Aws({1: RUNNING, 60: stopped(0)}, {59: PASSED})
    aws.trouble["describe_tasks"] = lambda at: refused("ExpiredTokenException", "expired") if 10 < at < 40 else None
    seen = Followed(aws).to_the_end()
    assert seen.renewed > 1 and not seen.run.gave_up
    aws = Aws({1: RUNNING})
    aws.trouble["describe_tasks"] = lambda at: refused("ExpiredTokenException", "expired") if at > 10 else None
    seen = Followed(aws).to_the_end()
    assert seen.run.gave_up and "expired" in seen.run.gave_up.what
    assert EXPIRED_GRACE <= aws.elapsed <= EXPIRED_GRACE + 20


def test_a_refusal_ends_the_run_at_once() -> None:
    aws = Aws({1: RUNNING})
    aws.trouble["describe_tasks"] = lambda at: refused("AccessDeniedException")
    seen = Followed(aws).to_the_end()
    assert seen.run.gave_up and "AccessDenied" in seen.run.gave_up.what
    assert aws.elapsed < 2


def test_unreadable_log_is_reported_and_the_end_is_seen() -> None:
    """A log without permission to read it is reported, and the tasks' end is still seen."""
    aws = Aws({1: RUNNING, 9: stopped(0)}, {2: "a"})
    aws.trouble["get_log_events"] = lambda at: refused("AccessDeniedException")
    seen = Followed(aws).to_the_end()
    assert seen.run.tasks[0].task["exit_code"] == 0 and not seen.run.gave_up
    assert len(seen.run.warnings) == 1 and "cannot read the tasks' log lines" in seen.run.warnings[0].what
    assert seen.feed.notes == [warning.line() for warning in seen.run.warnings]


def test_an_unreachable_log_does_not_delay_the_end() -> None:
    aws = Aws({1: RUNNING, 9: stopped(0)}, {2: "a"})
    aws.trouble["get_log_events"] = lambda at: UNREACHABLE
    seen = Followed(aws).to_the_end()
    assert LOG_GRACE <= aws.elapsed <= LOG_GRACE + 15
    assert len(seen.run.warnings) == 1


def test_a_task_that_ecs_no_longer_lists_has_ended() -> None:
    aws = Aws({1: RUNNING})
    aws.unknown_from = 10
    seen = Followed(aws).to_the_end()
    assert FORGOTTEN_AFTER < seen.run.elapsed_s < FORGOTTEN_AFTER + 30
    assert seen.run.tasks[0].task["stopped_reason"] == "ECS does not know the task any more"


def test_interrupt_takes_effect_at_once_and_the_end_is_seen() -> None:
    """An interrupt takes effect at once, and the end of the stopped tasks is still seen."""
    aws = Aws({1: RUNNING}, {2: "a", 11: "last words"})
    seen = Followed(aws, interrupted=lambda: aws.elapsed > 10)
    seen.follower.follow()
    assert aws.elapsed < 11
    assert seen.run.unfinished
    seen.follower.stop("the launcher was interrupted by SIGINT")
    seen.follower.wait_until_stopped(30)
    assert seen.run.finished
    assert seen.kept == ["a", "last words"]


def test_the_reason_of_a_late_stop_is_reported() -> None:
    aws = Aws({1: RUNNING})
    aws.trouble["stop_task"] = lambda at: UNREACHABLE
    seen = Followed(aws)
    seen.follower.stop("the launcher was interrupted by SIGINT")
    seen.follower.wait_until_stopped(30)
    assert 30 <= aws.elapsed < 32
    assert seen.run.gave_up and "Could not connect" in seen.run.gave_up.what


def test_replaced_spot_task_is_no_longer_followed() -> None:
    """A Spot task that did not start is no longer followed once it is replaced."""
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


def test_surplus_tasks_are_stopped_once() -> None:
    aws = Aws({1: RUNNING, 20: stopped(0)})
    seen = Followed(aws, surplus=lambda: ["arn:task/c/double"]).to_the_end()
    assert list(aws.stopped) == ["arn:task/c/double"]
    assert seen.feed.notes == ["task double is a duplicate (ECS carried out the launch request twice): stopping it"]
    assert seen.run.stops_requested == 0


class Table:
    """A control table: the tasks of an `Aws` read its stop 2 s later."""

    table_name = "control"

    def __init__(self, aws: Aws, heard_by: int, errors: list[Exception] | None = None) -> None:
        self.aws, self.heard_by, self.errors = aws, heard_by, errors or []
        self.written: list[tuple[float, str]] = []

    def stop(self, reason: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.written.append((self.aws.elapsed, reason))
        for number in range(self.heard_by):
            self.aws.heard[f"arn:task/c/{number}"] = self.aws.elapsed


def test_one_write_stops_all_tasks_and_stop_task_the_rest() -> None:
    """Tasks that read the stop end by themselves; StopTask stops the two that do not."""
    aws = Aws({1: RUNNING})
    table = Table(aws, heard_by=498)
    seen = Followed(aws, count=500, control=table)
    for _look in range(40):
        seen.follower.look()
        aws.sleep(0.25)
    at = aws.elapsed
    seen.follower.stop("interrupted by SIGINT")
    seen.follower.wait_until_stopped(30)
    assert table.written == [(at, "interrupted by SIGINT")]
    assert set(aws.stopped) == {"arn:task/c/498", "arn:task/c/499"}
    assert all(since >= at + CONTROL_GRACE for since, _reason in aws.stopped.values())
    assert seen.run.stops_requested == 500 and not seen.run.unfinished and not seen.run.warnings
    assert [note for note in seen.feed.notes if "one write" in note] == [
        "stopping 500 task(s) by one write to the control table; StopTask follows after 5 s for those that still run"
    ]


def test_tasks_that_have_not_started_are_stopped_at_once() -> None:
    aws = Aws({100: RUNNING})
    seen = Followed(aws, count=3, control=Table(aws, heard_by=0))
    seen.follower.stop("interrupted")
    seen.follower.look()
    assert len(aws.stopped) == 3


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceNotFoundException"])
def test_without_the_table_stop_task_stops_all(code: str) -> None:
    aws = Aws({1: RUNNING})
    seen = Followed(aws, count=3, control=Table(aws, heard_by=3, errors=[refused(code)]))
    seen.follower.look()
    seen.follower.stop("interrupted")
    seen.follower.wait_until_stopped(30)
    assert len(aws.stopped) == 3 and not seen.run.unfinished
    (warning,) = seen.run.warnings
    assert "cannot write the stop to the control table, StopTask stops the tasks" in warning.line()


def test_stop_task_does_not_wait_for_an_unreachable_table() -> None:
    aws = Aws({1: RUNNING})
    aws.stop_takes = 20.0
    table = Table(aws, heard_by=3, errors=[UNREACHABLE])
    seen = Followed(aws, count=3, control=table)
    seen.follower.look()
    seen.follower.stop("interrupted")
    seen.follower.wait_until_stopped(30)
    assert len(aws.stopped) == 3 and len(table.written) == 1


def test_control_table_out_of_reach_does_not_slow_the_stop() -> None:
    """StopTask comes before the second write; writes are 5 s apart, and the error is reported once."""
    aws = Aws({1: RUNNING})
    aws.stop_takes, tries = 30.0, []

    class SlowTable(Table):
        def stop(self, reason: str) -> None:
            tries.append((aws.elapsed, len(aws.stopped)))
            aws.now += 10.0
            raise UNREACHABLE

    seen = Followed(aws, count=3, control=SlowTable(aws, heard_by=0))
    seen.follower.stop("interrupted")
    seen.follower.wait_until_stopped(60)
    assert len(tries) > 1 and all(count == 3 for _at, count in tries[1:])
    written_at = [at for at, _count in tries]
    assert all(after - before >= 15.0 for before, after in pairwise(written_at))
    assert len([note for note in seen.feed.notes if "control table" in note]) == 1
    assert not [note for note in seen.feed.notes if "trouble with AWS" in note]


def test_stop_at_once_sends_stop_task_despite_the_table() -> None:
    """Without a later look, all RUNNING tasks get StopTask too, although one look is limited in time."""
    aws = Aws({0: RUNNING})
    aws.stop_call_takes = 0.1
    seen = Followed(aws, count=50, control=Table(aws, heard_by=0))
    seen.follower.look()
    seen.follower.stop_at_once("the launcher failed")
    assert len(aws.stopped) == 50


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException"])
def test_stop_at_once_ends_where_stop_task_fails(code: str) -> None:
    aws = Aws({0: RUNNING})
    aws.trouble["stop_task"] = lambda elapsed: refused(code)
    seen = Followed(aws, count=2)
    seen.follower.stop_at_once("the launcher failed")
    assert not aws.stopped


def test_stopping_many_tasks_keeps_the_states_in_view() -> None:
    """Where StopTask is slow, tasks are described in between, and all are stopped after the timeout."""
    aws = Aws({1: RUNNING})
    aws.stop_call_takes = 0.15
    seen = Followed(aws, count=500)
    seen.follower.look()
    aws.sleep(1)
    seen.follower.stop("interrupted")
    seen.follower.wait_until_stopped(30)
    assert len(aws.stopped) == 500 and not seen.run.gave_up
    assert seen.feed.stops[0][0] < 20 and seen.feed.stops[-1] == (500, 500)
    looks = [at for at, _count in aws.described]
    assert max(later - earlier for earlier, later in pairwise(looks)) < 4


def test_the_loss_of_a_task_stops_the_others_where_requested() -> None:
    aws = Aws({1: RUNNING})
    aws.own["arn:task/c/1"] = (10.0, stopped(137))
    seen = Followed(aws, count=4, on_loss="stop").to_the_end()
    assert seen.run.lost == "1"
    assert set(aws.stopped) == {f"arn:task/c/{number}" for number in (0, 2, 3)}
    assert {reason for _at, reason in aws.stopped.values()} == {"task 1 has failed (exit code 137)"}
    assert seen.run.elapsed_s < 20


def test_an_early_failure_stops_the_launch() -> None:
    """A task that exits with an error while others are to be launched stops those that run."""
    aws = Aws({1: RUNNING})
    aws.own["arn:task/c/1"] = (3.0, stopped(2))
    seen = Followed(aws, count=4, on_early_failure="stop")
    seen.run.wanted, seen.follower.launching = 10, True
    seen.to_the_end()
    assert (seen.run.lost, seen.run.never_launched) == ("1", 6)
    assert seen.follower.ends
    assert "task 1 has failed (exit code 2) while 6 were still to be launched" in seen.feed.notes[0]


def test_early_failure_after_a_spot_loss_stops_the_launch() -> None:
    """A loss by Spot, which is reported only, does not hide the first failure by an exit code."""
    aws = Aws({1: RUNNING})
    aws.own["arn:task/c/0"] = (3.0, stopped(137, stopCode="SpotInterruption"))
    aws.own["arn:task/c/1"] = (6.0, stopped(2))
    seen = Followed(aws, count=4, on_early_failure="stop")
    seen.run.wanted, seen.follower.launching = 10, True
    seen.to_the_end()
    assert (seen.run.lost, seen.run.never_launched) == ("1", 6)


@pytest.mark.parametrize(
    ("end", "option", "launching"),
    [
        (stopped(2), "continue", True),
        (stopped(2), "stop", False),
        (stopped(137, stopCode="SpotInterruption"), "stop", True),
    ],
)
def test_a_failure_that_is_not_early_lets_the_others_go_on(end: dict[str, Any], option: str, launching: bool) -> None:
    aws = Aws({1: RUNNING, 20: stopped(0)})
    aws.own["arn:task/c/1"] = (3.0, end)
    seen = Followed(aws, count=4, on_early_failure=option)
    seen.run.wanted, seen.follower.launching = 10, launching
    seen.to_the_end()
    assert not aws.stopped and not seen.run.lost


def test_looks_between_launches_take_a_third_of_the_time() -> None:
    aws = Aws({1: RUNNING})
    aws.describe_takes = 1.0
    seen = Followed(aws, count=10)
    began = aws.elapsed
    for _look in range(400):
        seen.follower.look_between_launches()
        aws.sleep(0.1)
    assert 10 <= len(aws.described) * aws.describe_takes <= (aws.elapsed - began) / 3 + 1


def test_progress_is_reported_every_second() -> None:
    seen = Followed(Aws({5: RUNNING, 20: stopped(0)}, {19: PASSED})).to_the_end()
    reported_at = [elapsed_s for elapsed_s, _states in seen.feed.ticks]
    pauses = [later - earlier for earlier, later in pairwise(reported_at)]
    assert min(pauses) >= 1 and max(pauses) <= 1.3
