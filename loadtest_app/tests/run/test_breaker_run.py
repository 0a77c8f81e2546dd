# SPDX-License-Identifier: Apache-2.0
"""The breaker in a run: the load tester during an outage of the server."""

from typing import Any

import pytest
from command import Seen, adds_up, constant, rule, run
from server import Log, Server

RATE = 200
SECONDS = 3
OUTAGE = (0.8, 1.8)
LENGTH_S = OUTAGE[1] - OUTAGE[0]
# Requests that a busy machine sends at once after it did not run the process for a while.
BUNCHED = 0.25 * RATE
BREAKER = {"failures": 20, "probe_interval": 0.2}
# Enough connections that no operation waits for one, even without responses.
BASE = {"plan": constant(RATE, SECONDS), "connections": 100, "timeout": 0.3, "breaker": BREAKER, "item": {"size": 200}}
# Without silent faults no timeout adds failures, also on a busy machine.
PATIENT = {"timeout": 5}
OUTAGES: dict[str, dict[str, Any]] = {
    "server errors": {"error": {"type": "InternalServerError"}},
    "resets": {"lose_request": "reset"},
    "silence": {"lose_request": "silent"},
}


def through(outage: dict[str, Any], **more: Any) -> tuple[Seen, Log]:
    with Server([rule(outage, operation="PutItem", window_s=OUTAGE)]) as server:
        seen = run(server.url, BASE | more)
        log = server.log
    return seen, log


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES)
def test_an_outage_opens_the_breaker_until_a_probe_succeeds(outage: dict[str, Any]) -> None:
    """An outage opens the breaker which probes and closes again."""
    seen, log = through(outage, thresholds=["paused < 2s"])
    breaker, plan, put = seen.results["breaker"], seen.results["plan"], seen.operation()
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    (opening,) = breaker["openings"]
    # Twenty failures at 200 a second take a tenth of a second, and a timeout more without a response.
    silent = 0.3 if "silent" in outage.values() else 0.0
    # A busy machine opens it later, but within the outage, and closes it later, but within the run; after a pause it
    # sends twenty requests at once. The outage is by the server's clock, some milliseconds before or after the run's.
    assert OUTAGE[0] - 0.01 + silent < opening["opened_s"] < OUTAGE[1]
    assert OUTAGE[1] - 0.01 < opening["closed_s"] < SECONDS
    assert breaker["paused_s"] == pytest.approx(opening["closed_s"] - opening["opened_s"])
    # The failures: those that opened it, the requests in flight, and every probe but the last.
    failed = sum(put["failed"].values())
    assert 20 + opening["probes"] - 1 <= failed <= 20 + opening["probes"] - 1 + RATE * silent + BUNCHED
    assert failed == sum(log.faults[name] for name in ("error", "lose_request"))
    assert 2 <= opening["probes"] <= LENGTH_S / BREAKER["probe_interval"] + 1
    # Operations due meanwhile are skipped, except the probes: neither sent later nor counted as never sent.
    assert plan["passed_over"] == pytest.approx(RATE * breaker["paused_s"] - opening["probes"], abs=0.1 * RATE)
    assert (plan["planned"], plan["never_sent"], plan["kept"]) == (SECONDS * RATE, 0, True)
    assert log.requests["PutItem"] == plan["sent"] == SECONDS * RATE - plan["passed_over"]
    assert adds_up(seen.results)
    assert [event["state"] for event in seen.of("run.breaker")] == ["open", "closed"]
    assert seen.last("run.breaker")["probes"] == opening["probes"]
    # No latency includes the outage: failures have none, and skipped operations do not wait.
    assert put["latency_ms"]["p99"] < 1000 * LENGTH_S / 2
    # Only the puts that were sent are checked.
    check = seen.results["verification"]
    assert (check["present"], check["indeterminate"], check["checked"]) == (put["ok"], failed, plan["sent"])


def test_without_a_breaker_the_run_sends_into_the_outage() -> None:
    seen, log = through(OUTAGES["server errors"], breaker={"failures": 0}, **PATIENT)
    failed = sum(seen.operation()["failed"].values())
    assert (seen.code, seen.results["breaker"], seen.results["plan"]["passed_over"]) == (0, None, 0)
    assert (log.requests["PutItem"], failed) == (SECONDS * RATE, log.faults["error"])
    assert failed == pytest.approx(RATE * LENGTH_S, abs=0.1 * RATE)


def test_throttles_open_no_breaker() -> None:
    seen, log = through({"throttle": {}}, **PATIENT)
    assert (seen.code, seen.results["breaker"]["openings"], seen.results["breaker"]["paused_s"]) == (0, [], 0)
    assert sum(seen.operation()["throttled"].values()) == log.faults["throttle"] > 0.9 * RATE * LENGTH_S


def test_failures_that_are_not_in_a_row_open_no_breaker() -> None:
    script = [rule({"error": {"type": "InternalServerError"}}, operation="PutItem", every=3)]
    with Server(script) as server:
        seen = run(server.url, BASE | PATIENT | {"plan": constant(RATE, 1), "breaker": {"failures": 3}})
    assert (seen.code, seen.results["breaker"]["openings"]) == (0, [])
    assert seen.operation()["failed"] == {"server:InternalServerError": 67}


def test_an_outage_ends_the_run_where_the_breaker_is_to_abort() -> None:
    seen, log = through(OUTAGES["server errors"], breaker=BREAKER | {"action": "abort"}, **PATIENT)
    assert (seen.code, seen.results["partial"], seen.results["verdict"]) == (5, True, "failed")
    assert "20 failures in a row" in seen.message
    assert seen.results["elapsed_s"] < OUTAGE[1]
    # Requests in flight may fail too, but not all operations of the outage.
    assert 20 <= log.faults["error"] == sum(seen.operation()["failed"].values()) < RATE * LENGTH_S / 2
    assert log.requests["PutItem"] == seen.results["plan"]["sent"]
    assert adds_up(seen.results)


def test_an_outage_that_does_not_end_is_probed_to_the_end() -> None:
    with Server([rule(OUTAGES["server errors"], operation="PutItem", numbers=[100, 10**9])]) as server:
        seen = run(server.url, BASE | {"plan": constant(RATE, 2)})
    (opening,) = seen.results["breaker"]["openings"]
    assert (seen.code, opening["closed_s"]) == (0, None)
    assert seen.results["breaker"]["paused_s"] == pytest.approx(2 - opening["opened_s"], abs=0.2)
    assert [event["state"] for event in seen.of("run.breaker")] == ["open"]
    assert (seen.operation()["ok"], server.log.requests["PutItem"]) == (100, seen.results["plan"]["sent"])
    assert adds_up(seen.results)


def test_callers_pause_too() -> None:
    plan = {"type": "closed", "concurrency": 4, "duration": 2}
    script = [
        rule({"delay_ms": 10}, operation="PutItem"),
        rule(OUTAGES["server errors"], operation="PutItem", window_s=(0.5, 1.2)),
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": plan})
    (opening,) = seen.results["breaker"]["openings"]
    assert (seen.code, seen.results["plan"]["passed_over"], seen.results["plan"]["never_sent"]) == (0, 0, 0)
    assert 0.5 < opening["opened_s"] < 1.2 < opening["closed_s"] < plan["duration"]
    assert sum(seen.operation()["failed"].values()) == server.log.faults["error"] <= 20 + 4 + opening["probes"]
    assert server.log.requests["PutItem"] == seen.results["plan"]["sent"]
    assert adds_up(seen.results)


RETRIES = {"retries": {"attempts": 100, "base_ms": 5, "cap_ms": 20}}


def test_retries_end_where_the_outage_outlasts_the_plan() -> None:
    """Retries are not awaited where the outage outlasts the plan."""
    with Server([rule(OUTAGES["server errors"], operation="PutItem", numbers=[100, 10**9])]) as server:
        seen = run(server.url, BASE | PATIENT | RETRIES | {"plan": constant(RATE, 2)})
    (opening,) = seen.results["breaker"]["openings"]
    assert (seen.code, opening["closed_s"], seen.operation()["ok"]) == (0, None, 100)
    # One probe at a time is sent; operations that still wait for a retry fail.
    assert seen.operation()["failed"]["server:InternalServerError"] == seen.results["plan"]["sent"] - 100
    assert adds_up(seen.results)


def test_waiting_callers_notice_the_end_of_an_outage() -> None:
    """Callers that all wait for their next attempt notice the end of the outage."""
    with Server([rule(OUTAGES["server errors"], operation="PutItem", window_s=(0.1, 0.6))]) as server:
        plan = {"type": "closed", "concurrency": 4, "duration": 2}
        seen = run(server.url, BASE | PATIENT | RETRIES | {"plan": plan, "verify": {"enabled": False}})
    (opening,) = seen.results["breaker"]["openings"]
    assert (seen.code, seen.operation()["failed"]) == (0, {})
    assert opening["probes"] >= 2
    assert opening["closed_s"] > 0.6
    assert adds_up(seen.results)
