# SPDX-License-Identifier: Apache-2.0
"""The search for the highest rate, against a server whose limit is known."""

import signal
from typing import Any

import pytest
from command import LIMITS, Limited, Running, Seen, is_checked, rule, run
from server import Server

LIMIT = 300
BURST = 6
BASE = {"processes": 1, "connections": 64, "timeout": 2, "item": {"size": 200}, "keys": {"count": 1_000_000}}
ATTEMPTS = 8
QUICK = {"precision": 0.1, "confirmations": 2, "trial": 0.6, "settle": 0.2, "rest": 0.05}


def search(**settings: Any) -> dict[str, Any]:
    return {"plan": {"type": "find_max", "start": 100, "ceiling": 10_000} | QUICK | settings}


def planned(rate: float) -> int:
    return max(1, round(rate * (QUICK["trial"] + QUICK["settle"])))


def is_reported(seen: Seen) -> bool:
    """Return whether every trial is in an event, in the search's steps, and in the server's log by its operations."""
    steps, trials = seen.results["search"]["steps"], seen.of("run.trial")
    names = ("rate", "passed", "reached", "reason")
    return [[step[name] for name in names] for step in steps] == [[trial[name] for name in names] for trial in trials]


@pytest.mark.parametrize(("what", "threshold"), LIMITS.values(), ids=LIMITS)
def test_the_limit_of_a_table_is_found(what: dict[str, Any], threshold: str) -> None:
    # A percent may fail; a trial is short, so that a burst counts.
    lowest, highest = LIMIT / (1 + QUICK["precision"]) * 0.97, LIMIT / 0.99 + BURST / QUICK["trial"]
    # Where other processes use the CPU, the load tester is the limit, or a trial fails that passes alone.
    for _attempt in range(ATTEMPTS):
        with Server(Limited(what, LIMIT, BURST), process=False) as server:
            seen = run(server.url, BASE | search() | {"thresholds": [threshold]})
            keys = len(server.table)
        found = seen.results["search"]
        is_disturbed = any(step["generator_limited"] for step in found["steps"])
        if not is_disturbed and lowest <= (found["rate"] or 0) <= highest:
            break
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert lowest <= found["rate"] <= highest
    assert found["interval"][0] == found["rate"] < found["interval"][1] <= found["rate"] * (1 + QUICK["precision"])
    assert (found["limited_by"], found["confidence"]["passes"]) == ("table", 2)
    assert f"{found['rate']:,.6g} operations a second, limited by the table" == found["answer"]
    phases = [step["phase"] for step in found["steps"]]
    assert (phases[:3], phases[-1], is_reported(seen)) == (["grow"] * 3, "confirm", True)
    assert [step["rate"] for step in found["steps"][:3]] == [100, 200, 400]
    assert all(threshold in step["reason"] for step in found["steps"] if not step["passed"])
    # No trial writes the keys of another, and all of them are checked.
    assert server.log.requests["PutItem"] == sum(planned(step["rate"]) for step in found["steps"])
    assert keys == server.log.requests["PutItem"] - server.log.faults["throttle"]
    assert is_checked(seen.results["verification"], keys)
    # The figures are those of the last trial that passed, without its settling time.
    assert seen.results["plan"]["planned"] == pytest.approx(found["rate"] * QUICK["trial"], abs=1)
    assert seen.results["cost"]["write_units"] == keys


def test_a_search_without_a_passing_rate_fails_the_run() -> None:
    """A table that meets the threshold at no rate fails the run."""
    with Server([rule({"throttle": {}}, operation="PutItem")]) as server:
        seen = run(
            server.url, BASE | search(start=64, rest=0, trial=0.5, settle=0) | {"thresholds": ["throttled < 1%"]}
        )
    found = seen.results["search"]
    assert (seen.code, found["rate"], found["confidence"], found["limited_by"]) == (3, None, None, "table")
    assert [step["rate"] for step in found["steps"]] == [64, 32, 16, 8, 4, 2, 1]
    assert not any(step["passed"] for step in found["steps"])
    assert seen.message == "find_max: no rate down to 1 operations a second passed: limited by the table"
    assert is_reported(seen)
    assert server.log.requests["PutItem"] == 32 + 16 + 8 + 4 + 2 + 1 + 1


def test_a_table_without_a_limit_reaches_the_ceiling() -> None:
    with Server() as server:
        seen = run(server.url, BASE | search(ceiling=150) | {"thresholds": ["failed == 0"]})
    found = seen.results["search"]
    assert (seen.code, found["rate"], found["limited_by"], found["interval"]) == (0, 150, "ceiling", [150, None])
    assert [step["rate"] for step in found["steps"]] == [100, 150, 150]
    assert found["answer"].endswith("at the search's ceiling: the limit may lie above")
    assert server.log.requests["PutItem"] == 80 + 120 + 120 == seen.results["verification"]["present"]


def test_a_trial_whose_plan_was_not_kept_does_not_pass() -> None:
    # One connection and 20 ms carry 50 a second at most. Late operations are still sent for as long as one
    # request may take, and the first is sent at once, so that a short trial may keep a slightly higher rate.
    timeout_s, trial_s = 0.1, QUICK["trial"] + QUICK["settle"]
    highest = ((trial_s + timeout_s) * 50 + 1) / trial_s
    with Server([rule({"delay_ms": 20}, operation="PutItem")]) as server:
        changes = {"thresholds": ["failed == 0"], "connections": 1, "timeout": timeout_s}
        seen = run(server.url, BASE | search(start=20) | changes)
    found = seen.results["search"]
    assert 20 <= found["rate"] <= highest
    assert not all(step["passed"] for step in found["steps"])
    assert all("the plan was not kept" in step["reason"] for step in found["steps"] if not step["passed"])


def test_a_search_that_is_stopped_keeps_its_trials() -> None:
    with Server() as server, Running(server.url, BASE | search() | {"thresholds": ["failed == 0"]}) as running:
        running.wait_for("run.trial")
        running.wait_for("run.trial")
        running.send(signal.SIGTERM)
        seen = running.end()
    found = seen.results["search"]
    assert (seen.code, seen.results["partial"], seen.results["verdict"]) == (6, True, "stopped")
    assert (found["rate"], found["incomplete"], len(found["steps"])) == (None, "stopped early by SIGTERM", 2)
    assert found["answer"].startswith("incomplete: stopped early by SIGTERM; the last confirmed rate is ")
    assert is_reported(seen)
