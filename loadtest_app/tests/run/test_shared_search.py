# SPDX-License-Identifier: Apache-2.0
"""The search over several processes or tasks: one rate, judged by the figures of all."""

import json
import os
import signal
from contextlib import ExitStack
from typing import Any

import pytest
from command import LIMITS, Limited, Running, Seen, is_checked, run, workers_of
from ddbload.results import merge
from server import Server

ATTEMPTS = 6
LIMIT = 300
# The share of a trial that a stall of a tenth of a second on the test machine affects.
BURST = 30
BASE = {"connections": 64, "timeout": 2, "item": {"size": 200}, "keys": {"count": 1_000_000}}
QUICK = {"precision": 0.05, "confirmations": 2, "trial": 3, "settle": 0.2, "rest": 0.05}


def search(**settings: Any) -> dict[str, Any]:
    return {"plan": {"type": "find_max", "start": 200, "ceiling": 10_000} | QUICK | settings}


def steps(seen: Seen) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = seen.results["search"]["steps"]
    return found


def is_disturbed(found: dict[str, Any]) -> bool:
    """Return whether other processes of a busy machine delayed a trial, so that it failed below the table's limit."""
    return any(
        step["generator_limited"]
        or "not kept" in step["reason"]
        or (not step["passed"] and step["rate"] < 0.95 * LIMIT)
        for step in found["steps"]
    )


def test_two_processes_find_the_limit_of_a_table() -> None:
    what, threshold = LIMITS["throttles"]
    for _attempt in range(ATTEMPTS):
        with Server(Limited(what, LIMIT, BURST), process=False) as server:
            seen = run(server.url, BASE | search() | {"thresholds": [threshold], "processes": 2})
            keys = len(server.table)
        found = seen.results["search"]
        if not is_disturbed(found):
            break
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert found["rate"] == pytest.approx(LIMIT, rel=0.05)
    assert (found["limited_by"], found["confidence"]["passes"]) == ("table", 2)
    # Both have the same search, and one of them writes the trials.
    assert [event["search"] for event in seen.of("run.summary")] == [found, found]
    assert [trial["rate"] for trial in seen.of("run.trial")] == [step["rate"] for step in steps(seen)]
    assert {trial["worker"] for trial in seen.of("run.trial")} == {0}
    # Each rate is that of both together: one process sends half of it.
    assert all(step["reached"] == pytest.approx(step["rate"], rel=0.05) for step in steps(seen) if step["passed"])
    sent = [event["plan"]["sent"] for event in seen.of("run.summary")]
    assert sent == [pytest.approx(found["rate"] * QUICK["trial"] / 2, abs=2)] * 2
    # No trial writes the keys of another, and all of them are checked.
    assert server.log.requests["PutItem"] == pytest.approx(sum(3.2 * step["rate"] for step in steps(seen)), rel=0.01)
    assert keys == server.log.requests["PutItem"] - server.log.faults["throttle"]
    assert is_checked(seen.results["verification"], keys)


def test_a_search_without_a_passing_rate_fails_processes_too() -> None:
    with Server() as server:
        seen = run(server.url, BASE | search(start=64, trial=0.5) | {"thresholds": ["put.p99 < 0ms"], "processes": 2})
    found = seen.results["search"]
    assert (seen.code, seen.results["verdict"], found["rate"], len(found["steps"])) == (3, "failed", None, 7)
    assert seen.message == "find_max: no rate down to 1 operations a second passed: limited by the table"


def test_a_process_that_dies_ends_the_search_as_incomplete() -> None:
    """The vote of a killed process is missing: the search ends with the last confirmed rate."""
    with Server() as server:
        changes = {"thresholds": ["failed == 0"], "processes": 2, "timeout": 5}
        with Running(server.url, BASE | search() | changes) as running:
            running.wait_for("run.trial")
            os.kill(workers_of(running)[1], signal.SIGKILL)
            seen = running.end()
    (summary,) = seen.of("run.summary")
    found = summary["search"]
    assert (seen.code, seen.results["verdict"], summary["verdict"]) == (1, "incomplete", "incomplete")
    assert (found["rate"], found["limited_by"]) == (None, "none")
    assert found["incomplete"] == "no vote came from worker 1 of 2"
    passed = [step for step in found["steps"] if step["passed"]]
    last = f"the last confirmed rate is {passed[-1]['rate']:,.6g} operations a second, with 1 of 2 trials"
    assert found["answer"] == f"incomplete: {found['incomplete']}; {last}"
    assert any(f"find_max: {found['answer']}" == text for text in seen.results["failures"])
    assert seen.message.startswith("1 of 2 workers died: SIGKILL; worker 1 of 2 left no summary")


def test_a_stopped_search_of_processes_keeps_its_trials() -> None:
    with Server() as server:
        changes = {"thresholds": ["failed == 0"], "processes": 2}
        with Running(server.url, BASE | search() | changes) as running:
            running.wait_for("run.trial")
            running.send(signal.SIGTERM)
            seen = running.end()
    assert (seen.code, seen.results["verdict"], seen.results["partial"]) == (6, "stopped", True)
    assert [event["search"]["incomplete"] for event in seen.of("run.summary")] == ["stopped early by SIGTERM"] * 2
    assert seen.results["search"]["answer"].startswith("incomplete: stopped early by SIGTERM; the last confirmed rate")
    assert len(steps(seen)) == len(seen.of("run.trial"))


# ---- Tasks


def tasks(url: str, scenario: dict[str, Any], *more: str, count: int = 3) -> list[Seen]:
    """Run a scenario in several tasks with a control table."""
    with ExitStack() as stack:
        command = ["--control-table", "test-control", "--tasks", str(count), *more]
        running = [stack.enter_context(Running(url, scenario, *command)) for _task in range(count)]
        return [each.end() for each in running]


def test_three_tasks_find_the_limit_of_a_table() -> None:
    """Three tasks judge the latency of all their operations, and find where the table becomes slow."""
    what, threshold = LIMITS["delays"]
    for _attempt in range(ATTEMPTS):
        with Server(Limited(what, LIMIT, BURST), process=False) as server:
            parts = tasks(server.url, BASE | search() | {"thresholds": [threshold]})
            keys = len(server.table)
        found = parts[0].results["search"]
        if not is_disturbed(found):
            break
    assert [part.code for part in parts] == [0, 0, 0], [part.message for part in parts]
    assert found["rate"] == pytest.approx(LIMIT, rel=0.05)
    assert [part.results["search"] for part in parts] == [found] * 3
    merged = merge.merge([json.dumps(event) for part in parts for event in part.events])
    assert (merged["verdict"], merged["search"], len(merged["tasks"])) == ("passed", found, 3)
    assert merged["plan"]["sent"] == pytest.approx(found["rate"] * QUICK["trial"], abs=3)
    assert is_checked(merged["verification"], keys) and keys == server.log.requests["PutItem"]
    # One of them writes the trials, and its figures are those of all.
    trials = [trial for part in parts for trial in part.of("run.trial")]
    assert [trial["rate"] for trial in trials] == [step["rate"] for step in found["steps"]]


def test_a_task_that_dies_ends_the_search_of_the_others() -> None:
    changes = {"thresholds": ["failed == 0"], "timeout": 0.2, "retries": {"attempts": 1}}
    command = ("--control-table", "test-control", "--tasks", "2")
    with Server() as server:
        scenario = BASE | search(trial=1) | changes
        with Running(server.url, scenario, *command) as first, Running(server.url, scenario, *command) as second:
            first.wait_for("run.started")
            second.wait_for("run.progress")
            second.process.kill()
            seen = first.end()
    found = seen.results["search"]
    assert (seen.code, seen.results["verdict"], found["rate"]) == (1, "incomplete", None)
    assert found["incomplete"].startswith("no vote came from worker")
    assert seen.message == f"find_max: {found['answer']}"
