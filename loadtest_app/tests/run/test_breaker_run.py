# SPDX-License-Identifier: Apache-2.0
"""The breaker in a run: an outage of the server, and what the load tester makes of it."""

from typing import Any

import pytest
from command import Seen, adds_up, constant, rule, run
from server import Log, Server

RATE = 200
SECONDS = 3
OUTAGE = (0.8, 1.8)
LENGTH_S = OUTAGE[1] - OUTAGE[0]
BREAKER = {"failures": 20, "probe_interval": 0.2}
# So many that nothing has to wait for one, even in silence.
BASE = {"plan": constant(RATE, SECONDS), "connections": 100, "timeout": 0.3, "breaker": BREAKER, "item": {"size": 200}}
# Where nothing is silent no time-out is to add to what fails, on a machine that is busy with other work either.
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
def test_an_outage_opens_the_breaker_which_probes_and_closes_again(outage: dict[str, Any]) -> None:
    seen, log = through(outage, thresholds=["paused < 2s"])
    breaker, plan, put = seen.results["breaker"], seen.results["plan"], seen.operation()
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    (opening,) = breaker["openings"]
    # Twenty failures at 200 a second take a tenth of a second, and a time-out more where there is no answer.
    silent = 0.3 if "silent" in outage.values() else 0.0
    assert OUTAGE[0] + 0.09 + silent < opening["opened_s"] < OUTAGE[0] + 0.3 + silent
    assert OUTAGE[1] - 0.01 < opening["closed_s"] < OUTAGE[1] + BREAKER["probe_interval"] + 0.3 + silent
    assert breaker["paused_s"] == pytest.approx(opening["closed_s"] - opening["opened_s"])
    # What failed: what opened it, what was under way then, and every probe but the last.
    failed = sum(put["failed"].values())
    assert 20 + opening["probes"] - 1 <= failed <= 20 + opening["probes"] - 1 + RATE * silent + 10
    assert failed == sum(log.faults[name] for name in ("error", "lose_request"))
    assert 2 <= opening["probes"] <= LENGTH_S / BREAKER["probe_interval"] + 1
    # What came due meanwhile was passed over, all but the probes, and neither sent later nor called never sent.
    assert plan["passed_over"] == pytest.approx(RATE * breaker["paused_s"] - opening["probes"], abs=0.1 * RATE)
    assert (plan["planned"], plan["never_sent"], plan["kept"]) == (SECONDS * RATE, 0, True)
    assert log.requests["PutItem"] == plan["sent"] == SECONDS * RATE - plan["passed_over"]
    assert adds_up(seen.results)
    assert [event["state"] for event in seen.of("run.breaker")] == ["open", "closed"]
    assert seen.last("run.breaker")["probes"] == opening["probes"]
    # The outage is in no latency: neither are failures, nor does what was passed over wait for anything.
    assert put["latency_ms"]["p99"] < 100
    # The check is of the puts alone that were sent.
    check = seen.results["verification"]
    assert (check["present"], check["indeterminate"], check["checked"]) == (put["ok"], failed, plan["sent"])


def test_without_a_breaker_the_outage_is_run_into() -> None:
    seen, log = through(OUTAGES["server errors"], breaker={"failures": 0}, **PATIENT)
    failed = sum(seen.operation()["failed"].values())
    assert (seen.code, seen.results["breaker"], seen.results["plan"]["passed_over"]) == (0, None, 0)
    assert (log.requests["PutItem"], failed) == (SECONDS * RATE, log.faults["error"])
    assert failed == pytest.approx(RATE * LENGTH_S, abs=0.1 * RATE)


def test_throttles_are_answers_and_open_no_breaker() -> None:
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
    assert seen.results["elapsed_s"] < OUTAGE[0] + 0.6
    # What was under way then may fail as well, but not all that the outage would have met.
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
    assert 0.5 < opening["opened_s"] < 0.9 < 1.2 < opening["closed_s"] < 1.8
    assert sum(seen.operation()["failed"].values()) == server.log.faults["error"] <= 20 + 4 + opening["probes"]
    assert server.log.requests["PutItem"] == seen.results["plan"]["sent"]
    assert adds_up(seen.results)


RETRIES = {"retries": {"attempts": 100, "base_ms": 5, "cap_ms": 20}}


def test_retries_are_not_waited_for_where_the_outage_outlasts_the_plan() -> None:
    with Server([rule(OUTAGES["server errors"], operation="PutItem", numbers=[100, 10**9])]) as server:
        seen = run(server.url, BASE | PATIENT | RETRIES | {"plan": constant(RATE, 2)})
    (opening,) = seen.results["breaker"]["openings"]
    assert (seen.code, opening["closed_s"], seen.operation()["ok"]) == (0, None, 100)
    # One attempt at a time goes out to see; what then still waits for its next one has failed.
    assert seen.operation()["failed"]["server:InternalServerError"] == seen.results["plan"]["sent"] - 100
    assert adds_up(seen.results)


def test_callers_who_all_wait_for_their_next_attempt_find_out_that_the_outage_is_over() -> None:
    with Server([rule(OUTAGES["server errors"], operation="PutItem", window_s=(0.1, 0.6))]) as server:
        plan = {"type": "closed", "concurrency": 4, "duration": 2}
        seen = run(server.url, BASE | PATIENT | RETRIES | {"plan": plan, "verify": {"enabled": False}})
    (opening,) = seen.results["breaker"]["openings"]
    assert (seen.code, seen.operation()["failed"]) == (0, {})
    assert opening["probes"] >= 2
    assert opening["closed_s"] > 0.6
    assert adds_up(seen.results)
