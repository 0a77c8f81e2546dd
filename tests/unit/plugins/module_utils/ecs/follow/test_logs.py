# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logs of many tasks, over a CloudWatch Logs whose lines become readable late, out of order, or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogEvent, LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.logs import SECOND_PASSES, LogFollower, index_of
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import FollowedTask, Run
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import task_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from botocore.exceptions import ClientError, EndpointConnectionError

BEGIN_S = 1_700_000_000.0
COUNT, SECONDS = 12, 20
PAGE = 100  # events
NEVER = float("inf")


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "Call")


def line(number: int | None, event: str = "run.progress", **more: Any) -> str:
    return json.dumps({"event": event, "worker": 0, **({} if number is None else {"line": number}), **more})


class Logs:
    """CloudWatch Logs: each event becomes readable at a given second, by FilterLogEvents maybe never."""

    def __init__(self, numbers: bool = True, count: int = COUNT) -> None:
        self.now = BEGIN_S
        # Stream, second written, second readable, message, seconds after which FilterLogEvents finds it.
        self.events: list[tuple[str, float, float, str, float]] = []
        self.calls: list[tuple[float, str]] = []
        self.trouble: dict[str, Exception] = {}
        self.empty_pages = False
        self.expired_tokens = 0
        for task in range(count):
            for second in range(1, SECONDS):
                self.put(task, second, line(second if numbers else None, second_is=second))
            last = line(SECONDS if numbers else None, "run.summary", exit_code=0)
            self.put(task, SECONDS, last)

    def put(self, task: int, second: float, message: str, late_s: float = 0.3, found_s: float = 0.0) -> None:
        at = BEGIN_S + second + task / 1000
        self.events.append((f"p/main/{task}", at, at + late_s, message, found_s))

    def change(self, task: int, second: int, late_s: float = 0.3, found_s: float = 0.0) -> None:
        """Make the line of a task's second late, or one that FilterLogEvents does not find."""
        line_of = (f"p/main/{task}", self._at(task, second))
        at = next(number for number, one in enumerate(self.events) if one[:2] == line_of)
        stream, written, _readable, message, _found_s = self.events[at]
        self.events[at] = (stream, written, written + late_s, message, found_s)

    @staticmethod
    def _at(task: int, second: int) -> float:
        return BEGIN_S + second + task / 1000

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds

    def called(self, name: str) -> int:
        return sum(each == name for _at, each in self.calls)

    def most_in_a_second(self, name: str) -> int:
        """Return the largest number of calls of an operation within a second."""
        times = [at for at, each in self.calls if each == name]
        return max(sum(at <= other < at + 1 for other in times) for at in times)

    def _call(self, name: str) -> None:
        self.calls.append((self.now, name))
        if name in self.trouble:
            raise self.trouble[name]

    def _readable(self) -> list[tuple[str, float, float, str, float]]:
        return sorted((one for one in self.events if one[2] <= self.now), key=lambda one: one[1])

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        self._call("filter")
        start = int(request.get("nextToken") or 0)
        if self.expired_tokens and "nextToken" in request:
            self.expired_tokens -= 1
            raise refused("InvalidParameterException")
        if self.empty_pages and start % 2 == 0 and "nextToken" not in request:
            return {"events": [], "nextToken": "0"}
        readable = [one for one in self._readable() if one[2] + one[4] <= self.now]
        found = [one for one in readable if one[1] * 1000 >= request["startTime"]]
        page = [
            {"logStreamName": stream, "timestamp": round(at * 1000), "message": text, "eventId": f"{stream}{at}{text}"}
            for stream, at, _readable, text, _found in found[start : start + PAGE]
        ]
        more = {"nextToken": str(start + PAGE)} if len(found) > start + PAGE else {}
        return {"events": page, **more}

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        self._call("get")
        found = [one for one in self._readable() if one[0] == request["logStreamName"]]
        start = int(request.get("nextToken") or 0)
        events = [{"timestamp": round(at * 1000), "message": text} for _stream, at, _r, text, _f in found[start:]]
        return {"events": events, "nextForwardToken": str(len(found))}


class Feed:
    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}
        self.notes: list[str] = []

    def log(self, task_id: str, events: Iterable[LogEvent]) -> None:
        self.lines.setdefault(task_id, []).extend(event["message"] for event in events)

    def note(self, text: str) -> None:
        self.notes.append(text)


class Reading:
    """A run of tasks that stop after their last line, and the reader of their logs."""

    def __init__(self, logs: Logs, count: int = COUNT, state: str = "run") -> None:
        self.logs, self.feed = logs, Feed()
        self.warnings: list[Problem] = []
        self.exit_codes = dict.fromkeys(range(count), 0)
        self.run = Run("c", "arn:t:1", {}, ["main"], count)
        for number in range(count):
            task = task_of({"taskArn": f"arn:task/c/{number}", "lastStatus": "RUNNING"}, ["main"])
            task["created_at"] = "2023-11-14T22:13:20+00:00"
            self.run.tasks.append(FollowedTask(task, LogReader("/g", f"p/main/{number}", 20)))
        self.follower = LogFollower(
            lambda: logs,
            self.run,
            {"log_tail_wait": 5, "state": state},
            self.feed,  # type: ignore[arg-type]
            renew=lambda: None,
            warn=self.warnings.append,
            ended=lambda: None,
            clock=logs.clock,
            sleep=logs.sleep,
            interrupted=lambda: False,
        )

    def to_the_end(self, stopped_after: float = SECONDS + 1) -> Reading:
        while not self.run.finished:
            if self.logs.now > BEGIN_S + stopped_after:
                for one in self.run.unfinished:
                    exit_code = self.exit_codes[int(one.task_id)]
                    one.task = {**one.task, "last_status": "STOPPED", "exit_code": exit_code}
                    one.last_line_at = max(one.last_line_at, self.logs.now)
            self.follower.read()
            self.logs.sleep(0.25)
            assert self.logs.now < BEGIN_S + 200, "never finished"
        return self

    def numbers(self, task: int) -> list[int]:
        return [json.loads(text)["line"] for text in self.feed.lines[str(task)]]

    @property
    def took_s(self) -> float:
        return self.logs.now - BEGIN_S - SECONDS


ALL = list(range(1, SECONDS + 1))


def test_many_logs_are_read_by_one_reader_alone() -> None:
    """Every line comes once and in order, without a call of GetLogEvents, within the quota, and soon."""
    seen = Reading(Logs()).to_the_end()
    assert all(seen.numbers(task) == ALL for task in range(COUNT))
    assert seen.logs.called("get") == 0
    assert seen.logs.most_in_a_second("filter") <= 5
    assert seen.took_s < 5
    assert not seen.feed.notes and not seen.warnings


def test_few_logs_are_read_stream_by_stream() -> None:
    seen = Reading(Logs(), count=3).to_the_end()
    assert seen.logs.called("filter") == 0
    assert all(seen.numbers(task) == ALL for task in range(3))


def test_a_late_stream_is_read_with_the_others() -> None:
    """A sweep starts where the slowest stream is: a log driver sends its lines every few seconds."""
    logs = Logs()
    for second in ALL:
        logs.change(4, second, late_s=4.0 - second % 4)
    seen = Reading(logs).to_the_end()
    assert seen.numbers(4) == ALL
    assert logs.called("get") == 0


@pytest.mark.parametrize("second", [1, 9, SECONDS - 1])
def test_a_gap_is_read_from_its_stream(second: int) -> None:
    """A line that the group's reader never returns is read by GetLogEvents of that stream only."""
    logs = Logs()
    logs.change(4, second, found_s=NEVER)
    seen = Reading(logs).to_the_end()
    assert seen.numbers(4) == ALL
    assert all(seen.numbers(task) == ALL for task in range(COUNT))
    assert 1 <= logs.called("get") <= 3


def test_a_line_that_both_calls_return_comes_once() -> None:
    """A gap is read by GetLogEvents; FilterLogEvents returns its line later, in a sweep for a stream that is behind."""
    logs = Logs()
    logs.change(4, 9, found_s=6.0)
    logs.events = [one for one in logs.events if one[0] != "p/main/0" or one[1] < logs._at(0, 5)]
    seen = Reading(logs).to_the_end()
    assert seen.numbers(4) == ALL
    assert logs.called("get") >= 1


def test_lines_before_a_task_is_seen_running_are_kept() -> None:
    logs = Logs()
    seen = Reading(logs)
    for one in seen.run.tasks[:6]:
        one.task = {**one.task, "last_status": "PENDING"}
    while logs.now < BEGIN_S + 6:
        seen.follower.read()
        logs.sleep(0.25)
    for one in seen.run.tasks:
        one.task = {**one.task, "last_status": "RUNNING"}
    seen.to_the_end()
    assert all(seen.numbers(task) == ALL for task in range(COUNT))
    assert logs.called("get") == 0


def test_a_process_that_ends_later_is_awaited() -> None:
    """The last line of one process of a task is not that of the others, which the log driver may send later."""
    logs = Logs()
    for number in range(1, SECONDS + 3):
        event = "run.summary" if number == SECONDS + 2 else "run.progress"
        logs.put(4, number - 0.5, line(number, event, exit_code=0).replace('"worker": 0', '"worker": 1'), late_s=3.0)
    seen = Reading(logs).to_the_end(SECONDS + 4)
    numbers = Counter(seen.numbers(4))
    assert numbers == Counter([*ALL, *ALL, SECONDS + 1, SECONDS + 2])


def test_without_the_group_tasks_still_finish() -> None:
    """A log group that does not exist holds no line: the logs are complete after the wait for late lines."""
    logs = Logs()
    logs.trouble = {name: refused("ResourceNotFoundException") for name in ("filter", "get")}
    seen = Reading(logs).to_the_end()
    assert seen.took_s < 10
    assert not seen.feed.lines and not seen.feed.notes


def test_the_end_of_a_second_process_is_awaited() -> None:
    """Numbers show no gap where the last lines of one process are late, after the other has passed."""
    logs = Logs()
    second = [line(number).replace('"worker": 0', '"worker": 1') for number in ALL]
    for number, text in enumerate(second):
        logs.put(4, number + 0.5, text)
    late = {"late_s": 3.5, "found_s": 0.0}
    for number, event in ((SECONDS + 1, "run.summary"), (SECONDS + 2, "run.failed")):
        logs.put(4, number - 1, line(number, event, exit_code=3).replace('"worker": 0', '"worker": 1'), **late)
    seen = Reading(logs).to_the_end()
    assert Counter(seen.numbers(4)) == Counter([*ALL, *ALL, SECONDS + 1, SECONDS + 2])
    assert seen.run.tasks[4].failure


@pytest.mark.parametrize("count", [COUNT, 3])
def test_a_failure_after_passing_summaries_is_found(count: int) -> None:
    """The processes pass one by one and together miss a threshold: run.failed is the line after the last summary."""
    logs = Logs()
    logs.put(2, SECONDS + 0.5, line(SECONDS + 1, "run.failed", exit_code=3), late_s=4.0, found_s=NEVER)
    seen = Reading(logs, count)
    seen.exit_codes[2] = 3
    seen.to_the_end()
    assert seen.numbers(2) == [*ALL, SECONDS + 1]
    assert seen.run.tasks[2].failure


def test_a_late_line_without_a_number_is_found_after_a_failure() -> None:
    """A traceback has no number, so the log of a task that failed is read once more."""
    logs = Logs()
    logs.events = [one for one in logs.events if one[:2] != ("p/main/4", logs._at(4, SECONDS))]
    logs.put(4, SECONDS, line(SECONDS, "run.failed", exit_code=1))
    logs.put(4, SECONDS - 0.5, "Traceback", found_s=NEVER)
    seen = Reading(logs)
    seen.exit_codes[4] = 1
    seen.to_the_end()
    assert Counter(seen.feed.lines["4"])["Traceback"] == 1
    assert 1 <= logs.called("get") <= 3


@pytest.mark.parametrize(("ends", "exit_code"), [(True, 5), (False, 137)], ids=["failed", "killed"])
def test_many_failures_are_read_once_more_within_a_bound(ends: bool, exit_code: int) -> None:
    """All of many tasks fail: the logs of a few are read once more within the quota, the others go by their numbers."""
    count = 100
    logs = Logs(count=count)
    logs.events = [one for one in logs.events if "run.summary" not in one[3]]
    if ends:
        for task in range(count):
            logs.put(task, SECONDS, line(SECONDS, "run.failed", exit_code=exit_code))
    seen = Reading(logs, count)
    seen.exit_codes = dict.fromkeys(range(count), exit_code)
    seen.to_the_end()
    assert all(seen.numbers(task) == (ALL if ends else ALL[:-1]) for task in range(count))
    assert SECOND_PASSES <= logs.called("get") <= 3 * SECOND_PASSES
    assert logs.most_in_a_second("get") <= 25
    assert seen.took_s < 15
    (note,) = seen.feed.notes
    assert note.startswith(f"the logs of {SECOND_PASSES} failed tasks are read once more")


def test_second_passes_keep_to_the_quota() -> None:
    """Logs without numbers are all read once more; the calls stay within what an account may send in a second."""
    seen = Reading(Logs(numbers=False, count=100), 100).to_the_end()
    assert {len(lines) for lines in seen.feed.lines.values()} == {SECONDS}
    assert seen.logs.most_in_a_second("get") <= 25


def test_an_expired_token_keeps_the_group_reader() -> None:
    logs = Logs()
    logs.empty_pages, logs.expired_tokens = True, 1
    seen = Reading(logs).to_the_end()
    assert all(seen.numbers(task) == ALL for task in range(COUNT))
    assert not seen.feed.notes and logs.called("get") == 0


def test_a_line_that_does_not_exist_delays_nothing() -> None:
    logs = Logs()
    logs.events = [one for one in logs.events if one[:2] != ("p/main/4", logs._at(4, 9))]
    seen = Reading(logs).to_the_end()
    assert seen.numbers(4) == [number for number in ALL if number != 9]
    assert seen.took_s < 10


def test_empty_pages_end_no_sweep() -> None:
    logs = Logs()
    logs.empty_pages = True
    seen = Reading(logs).to_the_end()
    assert all(seen.numbers(task) == ALL for task in range(COUNT))
    assert logs.called("get") == 0


def test_without_the_permission_streams_are_read_one_by_one() -> None:
    logs = Logs()
    logs.trouble["filter"] = refused("AccessDeniedException")
    seen = Reading(logs).to_the_end()
    assert all(seen.numbers(task) == ALL for task in range(COUNT))
    assert logs.called("filter") == 1
    (note,) = seen.feed.notes
    assert "streams are read one by one" in note and not seen.warnings


def test_the_permission_may_end_in_the_middle() -> None:
    """Lines that the group's reader returned are not repeated by the streams' readers."""
    logs = Logs()
    seen = Reading(logs)
    while logs.now < BEGIN_S + 10:
        seen.follower.read()
        logs.sleep(0.25)
    logs.trouble["filter"] = refused("AccessDeniedException")
    seen.to_the_end()
    assert all(seen.numbers(task) == ALL for task in range(COUNT))


@pytest.mark.parametrize("error", [refused("ThrottlingException"), EndpointConnectionError(endpoint_url="http://x")])
def test_after_long_errors_the_group_is_read_by_streams(error: Exception) -> None:
    logs = Logs()
    logs.trouble["filter"] = error
    seen = Reading(logs).to_the_end(stopped_after=60)
    assert all(seen.numbers(task) == ALL for task in range(COUNT))
    assert logs.called("filter") <= 8


def test_a_log_without_numbers_is_read_once_more_at_its_end() -> None:
    logs = Logs(numbers=False)
    logs.change(4, 9, found_s=NEVER)
    seen = Reading(logs).to_the_end()
    assert {task: len(lines) for task, lines in seen.feed.lines.items()} == {str(n): SECONDS for n in range(COUNT)}
    assert COUNT <= logs.called("get") <= 3 * COUNT


def test_a_task_that_ends_without_its_last_line_is_awaited() -> None:
    """The log of a killed task is read once more after `log_tail_wait`, for lines that late."""
    logs = Logs()
    logs.events = [one for one in logs.events if one[:2] != ("p/main/4", logs._at(4, SECONDS))]
    logs.put(4, SECONDS - 0.5, "Killed", late_s=5.0, found_s=NEVER)
    seen = Reading(logs).to_the_end()
    assert Counter(seen.feed.lines["4"])["Killed"] == 1
    assert all(seen.numbers(task) == ALL for task in range(COUNT) if task != 4)


def test_lines_of_other_runs_are_left_out() -> None:
    logs = Logs()
    logs.put(77, 5, line(1))
    seen = Reading(logs).to_the_end()
    assert set(seen.feed.lines) == {str(task) for task in range(COUNT)}


@pytest.mark.parametrize(
    ("event", "index"),
    [
        ({"event": "run.started", "segment": {"index": 5, "count": 8}}, 5),
        ({"event": "run.started", "segment": {"index": 13, "count": 32}}, 5),
        ({"event": "run.started", "segment": {"index": 5, "count": 9}}, None),
        ({"event": "run.started", "segment": None}, None),
        ({"event": "run.ready", "index": 7}, 7),
        ({"event": "run.ready", "index": 8}, None),
        ({"event": "run.ready", "index": True}, None),
        ({"event": "run.progress", "index": 3}, None),
    ],
)
def test_the_index_of_a_task_is_that_of_its_segment(event: Mapping[str, Any], index: int | None) -> None:
    assert index_of(event, 8) == index


@pytest.mark.parametrize(("event", "index"), [("run.started", None), ("run.ready", 3)])
def test_the_tasks_found_do_not_give_an_index(event: str, index: int | None) -> None:
    """With `watch` the count of launched tasks is unknown: segment 3 of 4 is not that of task 1 of 2 found."""
    logs = Logs()
    logs.put(1, 0.5, line(None, event, segment={"index": 3, "count": 4}, index=3))
    seen = Reading(logs, count=2, state="watch").to_the_end()
    assert [one.task["index"] for one in seen.run.tasks] == [None, index]


@pytest.mark.parametrize("count", [1, 2])
def test_a_summary_is_kept_of_the_only_task(count: int) -> None:
    seen = Reading(Logs(), count).to_the_end()
    assert [bool(one.summary) for one in seen.run.tasks] == [count == 1] * count


def test_a_task_takes_its_index_from_its_start() -> None:
    logs = Logs()
    logs.put(4, 0.5, line(None, "run.started", segment={"index": 7, "count": COUNT}))
    seen = Reading(logs).to_the_end()
    assert [one.task["index"] for one in seen.run.tasks] == [None] * 4 + [7] + [None] * 7
