# SPDX-License-Identifier: Apache-2.0
"""Early ends of a run: its results are correct, and say how much they cover."""

import re
import signal
from typing import Any

import pytest
from command import Running, Seen, adds_up, closed, constant, rule, run
from server import Server

SIGNALS = [signal.SIGTERM, signal.SIGINT]
BASE = {"connections": 16, "timeout": 0.5, "item": {"size": 200}}
LONG = {"plan": constant(200, 60)}


def is_partial(seen: Seen, words: str) -> bool:
    said = (seen.results["partial"], seen.results["verdict"], seen.errors)
    return seen.code == 6 and said == (True, "stopped", "") and words in seen.message and adds_up(seen.results)


# ---- Signals


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_the_load_keeps_what_was_measured(number: signal.Signals) -> None:
    scenario = BASE | LONG | {"cleanup": True, "thresholds": ["lost == 0"]}
    with Server() as server, Running(server.url, scenario) as running:
        running.wait_for("run.progress")
        running.send(number)
        seen = running.end()
        left = len(server.table)
    sent = server.log.requests["PutItem"]
    assert is_partial(seen, f"stopped early by {number.name} after")
    assert (seen.operation()["ok"], seen.results["plan"]["sent"], left) == (sent, sent, sent)
    assert 190 <= sent < 1000
    # There is no time to check the rest, and the results claim nothing about it.
    assert server.log.requests.keys() == {"DescribeTable", "PutItem"}
    assert (seen.results["verification"]["checked"], seen.results["verification"]["complete"]) == (0, False)
    assert (seen.results["cleanup"]["deleted"], seen.results["cleanup"]["complete"]) == (0, False)
    assert (seen.results["thresholds"][0]["value"], seen.results["thresholds"][0]["passed"]) == (None, False)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_the_check_keeps_the_whole_load(number: signal.Signals) -> None:
    scenario = BASE | {"plan": closed(16, 3000), "verify": {"rate": 400}}
    with Server() as server, Running(server.url, scenario) as running:
        running.wait_for("run.phase", lambda event: event["phase"] == "verification")
        running.send(number)
        seen = running.end()
    check = seen.results["verification"]
    assert is_partial(seen, f"stopped early by {number.name}")
    assert (seen.operation()["ok"], seen.results["plan"]["kept"]) == (3000, True)
    assert (check["keys"], check["complete"], check["lost"]) == (3000, False, 0)
    assert check["checked"] == check["present"] == 100 * server.log.requests["BatchGetItem"] < 3000
    assert f"the check was stopped after {check['checked']:,} keys" in seen.results["warnings"]


@pytest.mark.parametrize("phase", ["verification", "cleanup"])
def test_a_slow_rate_does_not_delay_a_signal(phase: str) -> None:
    # At this rate the first batches take minutes, and ECS kills a container that does not end in 30 seconds.
    slow = {"verify": {"rate": 5}} if phase == "verification" else {"cleanup": {"rate": 1}}
    with Server() as server, Running(server.url, BASE | {"plan": closed(16, 1000)} | slow) as running:
        running.wait_for("run.phase", lambda event: event["phase"] == phase)
        running.send(signal.SIGTERM)
        seen = running.end()
    assert is_partial(seen, "stopped early by SIGTERM")
    assert seen.results[phase]["complete"] is False


@pytest.mark.parametrize("phase", ["verification", "cleanup"])
def test_a_silent_table_does_not_delay_a_signal(phase: str) -> None:
    operation = {"verification": "BatchGetItem", "cleanup": "BatchWriteItem"}[phase]
    scenario = BASE | {"plan": closed(16, 1000), "cleanup": {"rate": 0}, "timeout": 30}
    with (
        Server([rule({"lose_request": "silent"}, operation=operation)]) as server,
        Running(server.url, scenario) as running,
    ):
        running.wait_for("run.phase", lambda event: event["phase"] == phase)
        running.send(signal.SIGTERM)
        seen = running.end()
    assert is_partial(seen, "stopped early by SIGTERM")
    assert seen.results[phase]["complete"] is False


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_the_cleanup_keeps_its_counts(number: signal.Signals) -> None:
    scenario = BASE | {"plan": closed(16, 1000), "cleanup": {"rate": 200}}
    with Server() as server, Running(server.url, scenario) as running:
        running.wait_for("run.phase", lambda event: event["phase"] == "cleanup")
        running.send(number)
        seen = running.end()
        left = len(server.table)
    cleanup = seen.results["cleanup"]
    assert is_partial(seen, f"stopped early by {number.name}")
    assert (seen.results["verification"]["present"], seen.results["verification"]["complete"]) == (1000, True)
    assert (cleanup["deleted"], cleanup["complete"]) == (1000 - left, False)
    assert cleanup["consumed_write_units"] == cleanup["deleted"] < 1000


def test_losses_outrank_a_signal() -> None:
    scenario = BASE | {"plan": closed(16, 1000), "cleanup": {"rate": 100}}
    script = [rule({"drop_write": True}, operation="PutItem", every=100)]
    with Server(script) as server, Running(server.url, scenario) as running:
        running.wait_for("run.phase", lambda event: event["phase"] == "cleanup")
        running.send(signal.SIGTERM)
        seen = running.end()
    assert (seen.code, seen.results["verification"]["lost"], seen.results["partial"]) == (4, 10, True)


def test_a_run_that_was_killed_leaves_its_last_checkpoint() -> None:
    with Server() as server, Running(server.url, BASE | LONG) as running:
        checkpoint = running.wait_for("run.checkpoint")
        running.wait_for("run.progress")
        running.send(signal.SIGKILL)
        seen = running.end()
    assert (seen.code, seen.results["verdict"], seen.results["partial"]) == (-9, "incomplete", True)
    # The settings are in the first event, and in no checkpoint.
    assert not {"scenario", "table"} & checkpoint.keys()
    assert seen.results["scenario"]["plan"]["type"] == LONG["plan"]["type"]
    assert seen.results["table"]["name"] == "test-table"
    assert seen.results["exit_code"] == 1
    # The plan counts to the last line of progress, the operations to the checkpoint.
    reported = sum(event["interval"]["sent"] for event in seen.of("run.progress"))
    assert checkpoint["plan"]["sent"] < seen.results["plan"]["sent"] == reported <= server.log.requests["PutItem"]
    assert (seen.results["plan"]["planned"], seen.results["plan"]["kept"]) == (200 * 60, False)
    assert seen.operation()["ok"] == checkpoint["operations"]["put"]["ok"] >= 950
    assert seen.operation()["latency_ms"]["p99"] > 0
    warning = f"worker 0 of 1 left no summary: its figures end {checkpoint['elapsed_s']:g} s after the start"
    assert warning in seen.results["warnings"]
    # The series continues to the last reported second.
    assert len(seen.results["series"]) == len(seen.of("run.progress")) >= 6


def test_run_killed_at_once_leaves_its_events() -> None:
    with Server() as server, Running(server.url, BASE | LONG) as running:
        running.wait_for("run.progress")
        running.send(signal.SIGKILL)
        seen = running.end()
    assert (seen.results["verdict"], seen.results["partial"]) == ("incomplete", True)
    reported = sum(event["interval"]["sent"] for event in seen.of("run.progress"))
    assert seen.results["plan"]["sent"] == reported
    first, second = seen.results["warnings"]
    assert first == "worker 0 of 1 left no summary: its figures are missing"
    assert second.startswith("by progress lines the plan counts worker 0 to ")
    assert seen.results["scenario"]["plan"]["rate"] == 200


# ---- Deadlines


def test_the_deadline_ends_the_load() -> None:
    with Server() as server:
        seen = run(server.url, BASE | LONG | {"deadline": 1})
    assert is_partial(seen, "stopped early by its deadline of 1 s")
    # The plan takes a minute; a busy machine ends its requests late.
    assert 0.95 < seen.results["elapsed_s"] < 5
    assert seen.operation()["ok"] == seen.results["plan"]["sent"] == server.log.requests["PutItem"]


def test_a_deadline_in_the_check_fails_the_run() -> None:
    scenario = BASE | {"plan": closed(16, 1000), "verify": {"rate": 200}, "deadline": 1.5}
    with Server() as server:
        seen = run(server.url, scenario)
    check = seen.results["verification"]
    assert check["checked"] == check["present"] < check["keys"] == 1000
    assert (check["complete"], seen.operation()["ok"]) == (False, 1000)
    assert seen.code == 6
    assert "its deadline of 1.5 s" in seen.message


# ---- Thresholds that abort


def test_a_threshold_that_aborts_ends_the_run_after_its_grace() -> None:
    rules = [{"threshold": "failed < 10%", "abort": True, "grace": 1}, "ok > 0"]
    with Server([rule({"error": {"type": "InternalServerError"}}, operation="PutItem", every=2)]) as server:
        seen = run(server.url, BASE | LONG | {"thresholds": rules})
    assert (seen.code, seen.results["verdict"], seen.results["partial"]) == (3, "failed", True)
    assert 0.95 < seen.results["elapsed_s"] < 5
    assert re.match(r"ended early by the threshold failed < 10%: failed < 10%: was (49|50)(\.[0-9]+)? %$", seen.message)
    assert [threshold["passed"] for threshold in seen.results["thresholds"]] == [False, True]
    assert seen.results["plan"]["sent"] == server.log.requests["PutItem"]
    assert adds_up(seen.results)


@pytest.mark.parametrize("abort", [True, False])
def test_a_threshold_that_is_met_or_does_not_abort_ends_nothing(abort: bool) -> None:
    """A threshold that is kept in time or does not abort ends nothing."""
    # The grace period ignores the start; a rule without abort applies at the end only.
    threshold: Any = {"threshold": "failed < 15%", "abort": True, "grace": 1.5} if abort else "failed < 1%"
    script = [rule({"error": {"type": "InternalServerError"}}, operation="PutItem", numbers=[0, 40])]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": constant(200, 2), "thresholds": [threshold]})
    assert (seen.code, seen.results["partial"], server.log.requests["PutItem"]) == (0 if abort else 3, False, 400)
    assert seen.results["thresholds"][0]["value"] == 10


# ---- Cost


def test_a_run_that_would_cost_too_much_is_refused() -> None:
    """A run that would cost too much is refused before the start."""
    plan = constant(1000, 3600)
    with Server() as server:
        seen = run(server.url, BASE | {"plan": plan, "max_cost": 2, "verify": {"enabled": False}})
    # 3.6 million writes of one unit at $0.625 a million.
    assert (seen.code, server.log.requests.keys()) == (2, {"DescribeTable"})
    assert (
        "max_cost: the run would cost about $2.25 (3,600,000 write and 0 read units), more than $2.00" in seen.message
    )


def test_an_endless_run_stops_at_its_cost() -> None:
    plan = {"type": "closed", "concurrency": 8, "duration": 30}
    with Server([rule({"delay_ms": 5}, operation="PutItem")]) as server:
        # A request that waits longer than its timeout would be read again, for more than the check has reserved.
        seen = run(server.url, BASE | {"plan": plan, "max_cost": 0.0005, "timeout": 10})
    assert is_partial(seen, "stopped early by its cost: $0.")
    assert "max_cost allows $0.0005" in seen.message
    # 800 write units are $0.0005, less with their check: eight callers take half a second for them,
    # or some seconds on a busy machine.
    assert seen.results["elapsed_s"] < 15
    assert seen.results["cost"]["write_units"] == server.log.requests["PutItem"]
    assert 0.0004 < seen.results["cost"]["total"] <= 0.00052
    assert seen.results["verification"]["complete"]


def test_a_run_within_its_cost_is_not_disturbed() -> None:
    with Server() as server:
        seen = run(server.url, BASE | {"plan": closed(8, 800), "max_cost": 0.001, "thresholds": ["cost <= 0.001$"]})
    cost = seen.results["cost"]
    assert (seen.code, server.log.requests["PutItem"]) == (0, 800)
    assert (cost["total"], cost["estimated"]) == pytest.approx((800 * 0.75e-6, 800 * 0.75e-6))
