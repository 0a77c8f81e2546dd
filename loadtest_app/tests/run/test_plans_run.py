# SPDX-License-Identifier: Apache-2.0
"""Every plan in a run: the number of operations at the server and their instants, compared with arithmetic."""

import math
import statistics
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from command import Arrivals, Seen, adds_up, closed, constant, rule, run
from server import Server

BASE = {"connections": 32, "verify": {"enabled": False}}
# Other work on this machine may delay arrivals by this time, and some of them by more.
NEAR_S = 0.05
ATTEMPTS = 6


def carried_out(plan: dict[str, Any], **more: Any) -> tuple[Seen, list[float]]:
    arrivals = Arrivals()
    with Server(arrivals, process=False) as server:
        seen = run(server.url, BASE | {"plan": plan} | more)
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert adds_up(seen.results)
    figures = seen.results["plan"]
    assert figures["planned"] == figures["sent"] == len(arrivals.instants)
    assert seen.operation()["ok"] == figures["sent"]
    return seen, arrivals.instants


def are_near(instants: Sequence[float], expected: Sequence[float]) -> bool:
    """Return whether most instants are as expected; the first one, to which all are relative, may be late."""
    off_s = [instant - due for instant, due in zip(instants, expected, strict=True)]
    middle_s = statistics.median(off_s)
    return sum(abs(off - middle_s) < NEAR_S for off in off_s) > 0.75 * len(off_s)


class Case(NamedTuple):
    """A plan, its number of operations, and when, in seconds from the start, number n is due."""

    plan: dict[str, Any]
    operations: int
    due_s: Callable[[int], float]


def in_pieces(*pieces: tuple[float, float]) -> Callable[[int], float]:
    """Return when number n is due at constant rates, each ``(rate, seconds)``."""

    def due_s(number: int) -> float:
        begun = 0.0
        for rate, seconds in pieces:
            if number < round(rate * seconds, 6):
                return begun + number / rate
            number -= round(rate * seconds)
            begun += seconds
        return begun

    return due_s


CASES = {
    "constant": Case(constant(200, 1.5), 300, lambda number: number / 200),
    "ramp up": Case(
        {"type": "ramp", "start": 0, "end": 400, "duration": 1.5}, 300, lambda number: 1.5 * math.sqrt(number / 300)
    ),
    "ramp down": Case(
        {"type": "ramp", "start": 400, "end": 0, "duration": 1.5},
        300,
        lambda number: 1.5 * (1 - math.sqrt(1 - number / 300)),
    ),
    "steps": Case(
        {"type": "steps", "start": 100, "end": 400, "count": 4, "duration": 2},
        500,
        in_pieces((100, 0.5), (200, 0.5), (300, 0.5), (400, 0.5)),
    ),
    "spike": Case(
        {"type": "spike", "base": 100, "peak": 500, "duration": 1.5, "at": 0.5, "length": 0.5},
        350,
        in_pieces((100, 0.5), (500, 0.5), (100, 0.5)),
    ),
    "stages": Case(
        {
            "type": "stages",
            "stages": [
                {"type": "constant_rate", "rate": 100, "duration": 0.5},
                {"type": "constant_rate", "rate": 300, "duration": 0.5},
                {"type": "steps", "start": 100, "end": 200, "count": 2, "duration": 1},
            ],
        },
        350,
        in_pieces((100, 0.5), (300, 0.5), (100, 0.5), (200, 0.5)),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_plan_sends_each_operation_at_its_instant(case: Case) -> None:
    """A plan sends exactly its operations and each at its instant."""
    # Where other processes take the CPU, operations are late.
    for _attempt in range(ATTEMPTS):
        seen, instants = carried_out(case.plan)
        assert len(instants) == case.operations
        if near := are_near(instants, list(map(case.due_s, range(case.operations)))):
            break
    assert near
    assert seen.results["plan"]["rate_asked"] == pytest.approx(
        case.operations / case.plan.get("duration", 2), rel=0.001
    )


def test_a_sine_sends_its_mean_and_more_of_it_while_it_is_high() -> None:
    plan = {"type": "sine", "mean": 200, "amplitude": 150, "period": 1, "duration": 2}
    _seen, instants = carried_out(plan)
    assert len(instants) == 400
    # The area over half a period: the mean's, and twice the amplitude over tau.
    high = sum(instant % 1 < 0.5 for instant in instants)
    assert high == pytest.approx(2 * (100 + 150 / math.pi), abs=400 * NEAR_S)


def test_random_arrivals_keep_their_rate_and_follow_the_seed() -> None:
    """Random arrivals keep their rate on average and their schedule by seed."""
    plan = constant(600, 1) | {"arrivals": "poisson"}
    _seen, instants = carried_out(plan, seed=11)
    assert len(instants) == pytest.approx(600, abs=5 * math.sqrt(600))
    gaps = [after - before for before, after in pairwise(instants)]
    # It is 1 in theory (test_arrivals.py), and more where other work on the machine delays operations.
    assert statistics.stdev(gaps) / statistics.mean(gaps) > 0.7
    _seen, again = carried_out(plan, seed=11)
    _seen, another = carried_out(plan, seed=12)
    assert len(instants) == len(again)
    assert are_near(instants, again)
    assert len(instants) != len(another)


def test_a_recording_is_replayed_faster_and_whole(tmp_path: Path) -> None:
    recording = tmp_path / "arrivals.txt"
    recorded = sorted(
        [0.0, *(0.5 + number / 200 for number in range(100)), *(2.0 + number / 500 for number in range(200))]
    )
    recording.write_text("# seconds\n" + "\n".join(f"{instant:.6f}" for instant in recorded) + "\n", encoding="utf-8")
    seen, instants = carried_out({"type": "replay", "file": str(recording), "speed": 2})
    assert len(instants) == 301
    assert are_near(instants, [due / 2 for due in recorded])
    assert recorded[-1] / 2 - 0.05 < seen.results["elapsed_s"] < recorded[-1] / 2 + 1


def test_a_rate_is_kept_to_half_a_per_cent() -> None:
    with Server() as server:
        seen = run(server.url, BASE | {"plan": constant(300, 3), "thresholds": ["rate >= 99.5%", "never_sent == 0"]})
    assert (seen.code, server.log.requests["PutItem"]) == (0, 900)
    assert seen.results["plan"]["rate_reached"] == pytest.approx(300, rel=0.005)
    assert seen.operation()["rate_reached"] == pytest.approx(300, rel=0.005)


def test_a_mix_is_kept_to_the_operation() -> None:
    mix = {"put": 5, "get": 3, "update": 2}
    with Server() as server:
        seen = run(server.url, BASE | {"plan": constant(200, 1), "mix": mix})
    sent = {name: seen.operation(name)["sent"] for name in mix}
    assert sent == {"put": 100, "get": 60, "update": 40}
    assert {name: server.log.requests[name] for name in ("PutItem", "GetItem", "UpdateItem")} == {
        "PutItem": 100,
        "GetItem": 60,
        "UpdateItem": 40,
    }
    requested = {name: seen.operation(name)["rate_asked"] for name in mix}
    assert requested == pytest.approx({"put": 100, "get": 60, "update": 40}, rel=0.005)


# ---- Callers


def test_all_callers_are_busy_and_never_exceeded() -> None:
    arrivals = Arrivals(delay_ms=20)
    with Server(arrivals, process=False) as server:
        seen = run(server.url, BASE | {"plan": closed(8, 200)})
    assert (seen.code, server.log.requests["PutItem"], max(arrivals.levels())) == (0, 200, 8)
    assert (seen.results["plan"]["planned"], seen.results["plan"]["rate_asked"]) == (200, None)
    # Little's law: 8 callers at 20 ms each.
    assert seen.results["plan"]["rate_reached"] <= 400
    assert adds_up(seen.results)


@pytest.mark.parametrize("operations", [None, 1_000_000])
def test_callers_stop_when_their_time_is_over(operations: int | None) -> None:
    plan = {"type": "closed", "concurrency": 4, "duration": 1} | ({"operations": operations} if operations else {})
    arrivals = Arrivals(delay_ms=20)
    with Server(arrivals, process=False) as server:
        seen = run(server.url, BASE | {"plan": plan})
    figures = seen.results["plan"]
    assert (seen.code, max(arrivals.levels())) == (0, 4)
    assert figures["planned"] == figures["sent"] == server.log.requests["PutItem"] == seen.operation()["ok"]
    assert 4 <= figures["sent"] <= 4 * (1 / 0.02 + 1)
    assert max(arrivals.instants) < 1 + NEAR_S
    assert 0.95 < seen.results["elapsed_s"] < 3


# ---- Warm-up, and plans that are not kept


def test_the_warm_up_is_sent_and_not_counted() -> None:
    scenario = {"plan": constant(200, 2), "warm_up": 0.5, "verify": {"enabled": True}}
    # Only the warm-up is slow, and no figure includes it.
    with Server([rule({"delay_ms": 100}, operation="PutItem", numbers=[0, 80])]) as server:
        seen = run(server.url, BASE | scenario)
    figures = seen.results["plan"]
    assert (seen.code, server.log.requests["PutItem"]) == (0, 400)
    assert (figures["planned"], figures["sent"], seen.operation()["ok"]) == (300, 300, 300)
    assert seen.operation()["service_ms"]["max"] < 100
    assert figures["rate_reached"] == pytest.approx(200, rel=0.02)
    # Its items are checked, and its units are in the cost.
    assert (seen.results["verification"]["present"], seen.results["cost"]["write_units"]) == (400, 400)
    assert seen.last("run.progress")["total"]["sent"] == 400
    assert [event["warming_up"] for event in seen.of("run.progress")][-1] is False


def test_callers_warm_up_too() -> None:
    plan = {"type": "closed", "concurrency": 4, "duration": 1}
    with Server([rule({"delay_ms": 10})]) as server:
        seen = run(server.url, BASE | {"plan": plan, "warm_up": 0.5})
    sent = server.log.requests["PutItem"]
    assert (seen.code, seen.last("run.progress")["total"]["sent"]) == (0, sent)
    assert 0.3 * sent < seen.results["plan"]["sent"] < 0.7 * sent
    assert seen.operation()["sent"] == seen.results["plan"]["sent"] == seen.results["plan"]["planned"]


def test_a_plan_that_cannot_be_kept_fails_the_run() -> None:
    scenario = {"plan": constant(100, 1.5), "connections": 2, "timeout": 0.5}
    # Where other processes take the CPU, the message names that first.
    for _attempt in range(ATTEMPTS):
        with Server([rule({"delay_ms": 200})]) as server:
            seen = run(server.url, BASE | scenario)
        if "too little CPU" not in seen.message:
            break
    figures, sent = seen.results["plan"], server.log.requests["PutItem"]
    assert (seen.code, figures["planned"], figures["sent"], figures["never_sent"]) == (3, 150, sent, 150 - sent)
    assert sent <= 2 * (2 / 0.2 + 1)
    assert figures["kept"] is False
    what, _semicolon, why = seen.message.partition("; ")
    assert what == f"the plan was not kept: {150 - sent} of 150 due operations were never sent"
    assert why.startswith("this machine had too little CPU") or why == (
        "all connections were busy: the table is slow, or connections are too few (2 connections for 100 operations a "
        "second)"
    )
    assert seen.results["verdict"] == "failed"
    assert adds_up(seen.results)
