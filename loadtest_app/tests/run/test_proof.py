# SPDX-License-Identifier: Apache-2.0
"""A run passes by its proof: without a success, or without a checked write, it does not pass."""

from typing import Any

import pytest
from command import closed, constant, rule, run
from ddbload.results import verdict
from server import Server

BASE = {"connections": 16, "timeout": 0.5, "item": {"size": 200}}
UNCHECKED = BASE | {"verify": {"enabled": False}}
THROTTLED = {"throttle": {"type": "ProvisionedThroughputExceededException", "reason": "TableWrite"}}


@pytest.mark.parametrize(
    ("what", "reported"),
    [
        (THROTTLED, "60 throttled (TableWrite) -> give the table more capacity, or lower the load"),
        (
            {"error": {"type": "InternalServerError"}},
            "60 server (InternalServerError) -> check what answers at the endpoint",
        ),
        ({"lose_answer": "reset"}, "60 network (ConnectionReset) -> check what answers at the endpoint"),
        ({"answer": {"text": "<html>"}}, "60 invalid (NotJson) -> check what answers at the endpoint"),
    ],
)
def test_a_run_in_which_nothing_succeeded_has_not_passed(what: dict[str, Any], reported: str) -> None:
    with Server([rule(what, operation="PutItem")]) as server:
        seen = run(server.url, UNCHECKED | {"plan": closed(8, 60)})
    assert (seen.code, seen.errors, seen.results["verdict"]) == (5, "", "failed")
    assert seen.message == f"none of 60 put operations succeeded: {reported}"
    assert seen.results["failures"] == [seen.message]


def test_an_entry_of_which_nothing_succeeded_is_named() -> None:
    with Server([rule(THROTTLED, operation="GetItem")]) as server:
        seen = run(server.url, UNCHECKED | {"plan": closed(8, 60), "mix": {"put": 1, "get": 1}})
    assert (seen.code, seen.message.partition(":")[0]) == (5, "none of 30 get operations succeeded")


def test_failed_condition_is_a_success_of_its_entry() -> None:
    mix = {"put": 1, "never": {"operation": "update", "condition": "not_exists"}}
    with Server() as server:
        assert run(server.url, UNCHECKED | {"plan": closed(1, 60), "mix": mix}).code == 0
        again = run(
            server.url,
            UNCHECKED | {"plan": closed(4, 60), "mix": {"put": {"condition": "exists"}}, "keys": {"prefix": "x"}},
        )
    assert (again.code, "60 expected -> choose another keys.prefix" in again.message) == (5, True)


def test_a_missed_threshold_comes_first() -> None:
    with Server([rule(THROTTLED, operation="PutItem")]) as server:
        seen = run(server.url, UNCHECKED | {"plan": closed(8, 60), "thresholds": ["throttled < 1%"]})
    assert (seen.code, seen.message) == (3, "throttled < 1%: was 100 %")


def test_processes_that_reach_nothing_together_have_not_passed() -> None:
    with Server([rule(THROTTLED, operation="PutItem")]) as server:
        seen = run(server.url, UNCHECKED | {"plan": constant(100, 1), "processes": 2})
    assert (seen.code, len(seen.of("run.failed")), seen.results["verdict"]) == (5, 1, "failed")
    assert seen.message.startswith("none of 100 put operations succeeded: 100 throttled")
    assert [event["exit_code"] for event in seen.of("run.summary")] == [0, 0]


def test_a_trial_without_success_does_not_pass() -> None:
    """A search does not pass a trial without a success."""
    plan = {"type": "find_max", "start": 64, "ceiling": 64, "trial": 0.5, "settle": 0.2, "rest": 0.05}
    with Server([rule(THROTTLED, operation="PutItem")]) as server:
        seen = run(server.url, UNCHECKED | {"plan": plan, "thresholds": ["failed < 50%"]})
    assert (seen.code, seen.results["search"]["rate"]) == (3, None)
    assert not any(event["passed"] for event in seen.of("run.trial"))
    assert "none of" in seen.of("run.trial")[0]["reason"]


def test_a_breaker_open_all_the_time_proves_nothing() -> None:
    figures = {"plan": {"planned": 9, "passed_over": 9}, "operations": {"put": {"sent": 0}}}
    assert verdict.nothing_succeeded(figures).startswith("none of 9 due operations was sent: the circuit breaker")
    assert verdict.nothing_succeeded(figures | {"plan": {"planned": 0, "passed_over": 0}}) == ""


def test_the_smallest_sample_reads_one_key() -> None:
    with Server() as server:
        seen = run(server.url, BASE | {"plan": closed(4, 20), "verify": {"share": 0.000001}})
        none = run(server.url, BASE | {"plan": closed(4, 20), "verify": {"share": 0}})
    assert (seen.code, seen.results["verification"]["checked"]) == (0, 1)
    assert (none.code, none.results["verification"]["checked"]) == (0, 0)
