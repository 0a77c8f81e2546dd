# SPDX-License-Identifier: Apache-2.0
"""The benchmark of many tasks: its fake of AWS, and the table that it prints."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import pytest

from bench import fleet
from bench.fleet import Measured
from bench.fleet_aws import QUOTAS, FleetAws, Task
from bench.server import BenchError


def events_of(task: Task, since: float, until: float) -> list[dict[str, Any]]:
    return [json.loads(task.message(line, 1)) for _at, line in task.lines(since, until)]


def test_a_task_writes_each_line_once_and_in_order() -> None:
    task = Task(0, created_at=100.0, starts_s=2.0, runs_s=10)
    windows = [events_of(task, float(at), at + 0.999) for at in range(100, 120)]
    lines = [event["line"] for window in windows for event in window]
    assert lines == list(range(1, task.whole_seconds + 3))
    whole = events_of(task, 0.0, 1000.0)
    assert [event["line"] for event in whole] == lines
    assert (whole[0]["event"], whole[-1]["event"]) == ("run.started", "run.summary")


def test_a_stopped_task_ends_with_its_exit_code() -> None:
    task = Task(0, created_at=100.0, starts_s=2.0, runs_s=10, stops_at=105.5)
    assert events_of(task, 0.0, 1000.0)[-1]["event"] == "run.failed"
    assert task.described(106.4)["lastStatus"] == "RUNNING"
    assert task.described(106.5)["containers"][0]["exitCode"] == 6


def test_pages_hold_each_event_once() -> None:
    """The pages of a sweep hold all events between its start and its first page, by time."""
    aws = FleetAws({}, starts_s=0.0, runs_s=30, delay_s=0.0, count=60)
    now = time.time()
    aws.tasks += [Task(number, now - 40 - number / 100, 0.0, 30) for number in range(60)]
    events: list[dict[str, Any]] = []
    request: dict[str, Any] = {"startTime": 0}
    pages = 0
    while True:
        page = aws.respond("FilterLogEvents", request)
        events += page["events"]
        pages += 1
        if "nextToken" not in page:
            break
        request["nextToken"] = page["nextToken"]
    assert pages > 2
    assert len({event["eventId"] for event in events}) == len(events) == aws.lines
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)


def test_calls_beyond_the_quota_are_throttled() -> None:
    aws = FleetAws({}, 0.0, 1, 0.0, 1)
    now = time.time()
    aws.calls += [(now, "FilterLogEvents")] * QUOTAS["FilterLogEvents"]
    assert not aws.exceeds("FilterLogEvents")
    aws.calls.append((now, "FilterLogEvents"))
    assert aws.exceeds("FilterLogEvents")


def test_the_table_has_a_column_a_run() -> None:
    one = Measured(
        tasks=100,
        launch_s=4.61,
        ages_s=[1.0, 2.0, 3.0],
        minutes=2.0,
        calls=Counter({"RunTask": 10, "FilterLogEvents": 300}),
        most=Counter({"FilterLogEvents": 4}),
        throttled=0,
        return_s=3.04,
        cpu_s=5.0,
        memory_mib=70.0,
        lines=(1000, 1000, 0),
        ordered=True,
        stopped_s=None,
    )
    interrupted = one._replace(tasks=500, stopped_s=(0.31, 3.2, 0.6), lines=(990, 1000, 2), ordered=False)
    lines = fleet.table([one, interrupted]).splitlines()
    assert lines[0] == "| tasks | 100 | 500 |"
    assert "| age of a line p50 / p99 / max | 2.0 / 3.0 / 3.0 s | 2.0 / 3.0 / 3.0 s |" in lines
    assert "| FilterLogEvents a minute, most in a second | 150, 4 | 150, 4 |" in lines
    assert "| lines that came | 1,000 of 1,000, 0 twice, in order | 990 of 1,000, 2 twice, out of order |" in lines
    assert "| Ctrl-C to write / last STOPPED / playbook's end |  | 0.3 / 3.2 / 0.6 s |" in lines


def test_a_failure_to_measure_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_arguments: object) -> None:
        raise BenchError("the playbook failed")

    monkeypatch.setattr(fleet, "run", fail)
    assert fleet.main(["--tasks", "2"]) == 2
    assert capsys.readouterr().err == "bench: the playbook failed\n"
