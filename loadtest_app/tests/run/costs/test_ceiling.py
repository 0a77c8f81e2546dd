# SPDX-License-Identifier: Apache-2.0
"""The ceiling: executed requests cost money, with or without a response, and max_cost limits all of them."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import ENVIRONMENT, Seen, closed, constant, rule, run
from ddbload.results.file import save
from server import Log, Server

# On demand in us-east-1, by the unit: https://aws.amazon.com/dynamodb/pricing/on-demand/
WRITE, READ = 0.625e-6, 0.125e-6
# The batches of the check or the cleanup in flight are additional.
OVERSHOOT = 1.25
BASE: dict[str, Any] = {"connections": 16, "timeout": 0.5, "item": {"size": 200}}
# Responses take longer than the scenario's timeout: every attempt is executed, and none has a response.
SLOW = [rule({"delay_ms": 150}, operation="PutItem")]
LOST: dict[str, Any] = {
    "plan": constant(25, 20),
    "item": {"size": 40_000},
    "timeout": 0.05,
    "connections": 500,
    "retries": {"attempts": 100, "base_ms": 1, "cap_ms": 1},
    "max_cost": 0.06,
}
UNITS = 40


def executed(log: Log, units: int = 1) -> float:
    """Return the dollars for the writes that a server executed, each of this many units."""
    return log.requests["PutItem"] * units * WRITE


def cost(seen: Seen) -> dict[str, Any]:
    """Return the cost that a run reported."""
    found: dict[str, Any] = seen.results["cost"]
    return found


def test_attempts_without_a_response_count_to_the_ceiling() -> None:
    with Server(SLOW) as server:
        seen = run(server.url, LOST)
    assert (seen.code, seen.results["partial"]) == (6, True)
    assert "stopped early by its cost: $0.0" in seen.message
    assert "with requests without a response" in seen.message
    spent = executed(server.log, UNITS) + server.log.requests["BatchGetItem"] * 100 * 10 * READ
    assert 0.5 * LOST["max_cost"] < executed(server.log, UNITS) <= LOST["max_cost"]
    assert spent <= OVERSHOOT * LOST["max_cost"]
    # Few have a response: the known cost is low, and the bound includes the executed requests.
    assert cost(seen)["total"] < 0.5 * spent
    assert executed(server.log, UNITS) - 1e-6 <= cost(seen)["at_most"] <= OVERSHOOT * LOST["max_cost"]
    # A retry that the stop left waiting was not sent: its last attempt counts once.
    counted = cost(seen)["uncertain_write_units"] + cost(seen)["write_units"]
    assert counted == UNITS * server.log.requests["PutItem"]


def test_estimate_reports_what_retries_may_add() -> None:
    with Server() as server:
        seen = run(server.url, LOST | {"plan": constant(50, 1), "timeout": 5, "max_cost": 1})
    (started,) = seen.of("run.started")
    verification = 50 * 10 * READ
    assert started["estimate"]["total"] == pytest.approx(50 * UNITS * WRITE + verification, abs=1e-6)
    assert started["estimate"]["at_most"] == pytest.approx(100 * 50 * UNITS * WRITE + verification, abs=1e-6)
    # No response was lost: the bound is the known cost.
    assert (seen.code, cost(seen)["at_most"]) == (0, cost(seen)["total"])


@pytest.mark.parametrize(
    "what",
    [
        {"lose_answer": "reset"},
        {"lose_answer": "silent"},
        {"bad_crc": True},
        {"error": {"type": "InternalServerError", "status": 500}},
    ],
)
def test_requests_without_response_are_in_the_upper_bound(what: dict[str, Any]) -> None:
    with Server([rule(what, operation="PutItem", every=4)]) as server:
        seen = run(server.url, BASE | {"plan": closed(8, 200), "retries": {"attempts": 3, "base_ms": 1}})
    sent = server.log.requests["PutItem"]
    assert (sent > 200, seen.operation()["sent"]) == (True, 200)
    check = 200 * READ
    assert cost(seen)["uncertain_write_units"] + cost(seen)["write_units"] == sent
    assert cost(seen)["at_most"] == pytest.approx(sent * WRITE + check, abs=1e-6)


def test_throttled_requests_cost_nothing() -> None:
    with Server([rule({"throttle": {}}, operation="PutItem", every=2)]) as server:
        seen = run(server.url, BASE | {"plan": closed(8, 200)})
    assert cost(seen)["at_most"] == cost(seen)["total"]
    assert server.log.answers["ok"] > 0


def test_lost_responses_of_check_and_cleanup_count_too() -> None:
    script = [
        rule({"lose_answer": "reset"}, operation="BatchGetItem", numbers=[0, 1]),
        rule({"lose_answer": "reset"}, operation="BatchWriteItem", numbers=[0, 2]),
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(8, 200), "cleanup": {"rate": 0}})
        assert server.table == []
    assert (seen.code, cost(seen)["uncertain_read_units"], cost(seen)["uncertain_write_units"]) == (0, 100, 50)


def test_secondary_indexes_are_in_the_bounds() -> None:
    colour = {"AttributeName": "colour", "AttributeType": "S"}
    table = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, colour],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-colour",
                "KeySchema": [{"AttributeName": "colour", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    }
    scenario = BASE | {"plan": closed(8, 100), "verify": {"enabled": False}}
    with Server([rule({"lose_answer": "reset"}, operation="PutItem", every=4)], table=table) as server:
        seen = run(server.url, scenario)
    (started,) = seen.of("run.started")
    reported = (started["estimate"]["total"], started["estimate"]["at_most"])
    assert reported == pytest.approx((100 * WRITE, 200 * WRITE), abs=1e-6)
    assert (cost(seen)["write_units"], cost(seen)["uncertain_write_units"]) == (150, 50)


# ---- Check and cleanup


def test_the_cost_of_check_and_cleanup_is_reserved() -> None:
    scenario = BASE | {"plan": {"type": "closed", "concurrency": 8, "duration": 30}, "cleanup": {"rate": 0}}
    with Server([rule({"delay_ms": 5}, operation="PutItem")]) as server:
        seen = run(server.url, scenario | {"max_cost": 0.001})
        assert server.table == []
    assert (seen.code, seen.results["partial"]) == (6, True)
    assert "kept back for check and cleanup" in seen.message
    # The load gets half of it at most: each item is written, read again and deleted.
    assert 400 < server.log.requests["PutItem"] <= 0.001 / (2 * WRITE + READ)
    assert (seen.results["verification"]["complete"], seen.results["cleanup"]["complete"]) == (True, True)
    assert cost(seen)["total"] <= 0.001


def clean(seen: Seen, url: str, folder: Path) -> dict[str, Any]:
    """Run the clean command on a run's results, and return its output."""
    file = folder / "results.json"
    save(file, seen.results)
    command = [sys.executable, "-m", "ddbload", "clean", str(file), "--endpoint-url", url, "--rate", "0"]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_an_expensive_cleanup_stops_at_the_ceiling(tmp_path: Path) -> None:
    # The first response to every deletion is lost: the cleanup costs twice the reserve.
    script = [rule({"lose_answer": "reset"}, operation="BatchWriteItem", every=2)]
    scenario = BASE | {"plan": closed(8, 2000), "verify": {"enabled": False}, "cleanup": {"rate": 2000}}
    ceiling = 2 * 2000 * WRITE * 1.01
    with Server(script) as server:
        seen = run(server.url, scenario | {"max_cost": ceiling})
        left = len(server.table)
        assert left > 0
        spent = server.log.requests["PutItem"] * WRITE + server.log.requests["BatchWriteItem"] * 25 * WRITE
        assert spent <= ceiling * OVERSHOOT
        assert clean(seen, server.url, tmp_path)["deleted"] == left
    assert (seen.code, seen.results["cleanup"]["complete"]) == (6, False)
    assert "stopped early by its cost: $" in seen.message
    deleted = seen.results["cleanup"]["deleted"]
    warning = f"the cleanup was stopped after {deleted:,} items: ddbload clean deletes the rest"
    assert warning in seen.results["warnings"]


def test_an_expensive_check_stops_at_the_ceiling() -> None:
    script = [rule({"lose_answer": "reset"}, operation="BatchGetItem", every=2)]
    scenario = BASE | {"plan": closed(8, 4000), "verify": {"rate": 4000}}
    ceiling = 4000 * (WRITE + READ) * 1.005
    with Server(script) as server:
        seen = run(server.url, scenario | {"max_cost": ceiling})
    assert (seen.code, seen.results["verification"]["complete"]) == (6, False)
    assert "stopped early by its cost: $" in seen.message
    assert 4000 * WRITE + server.log.requests["BatchGetItem"] * 100 * READ <= ceiling * OVERSHOOT
