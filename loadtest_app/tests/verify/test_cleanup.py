# SPDX-License-Identifier: Apache-2.0
"""The cleanup after a run deletes all items of the run, and no others."""

import signal
from pathlib import Path
from typing import Any

import pytest
from command import Running, after, apart_from_lateness, closed, constant, rule, run
from server import Server

PUTS = 200
BASE = {"connections": 16, "timeout": 0.3, "item": {"size": 200}}
CLEAN = BASE | {"plan": closed(16, PUTS), "cleanup": {"rate": 0}}


def runs_in(table: list[dict[str, Any]]) -> set[str]:
    return {item["run"]["S"] for item in table}


def test_written_items_are_deleted_and_earlier_ones_stay() -> None:
    """The run's items are deleted, and earlier ones stay."""
    with Server() as server:
        run(server.url, BASE | {"plan": closed(16, 100), "keys": {"prefix": "theirs"}}, "--run-id", "theirs")
        seen = run(server.url, CLEAN)
        assert (len(server.table), runs_in(server.table)) == (100, {"theirs"})
    assert (seen.code, seen.results["verification"]["present"]) == (0, PUTS)
    assert seen.results["cleanup"] == {"deleted": PUTS, "consumed_write_units": PUTS, "complete": True}
    assert seen.results["cost"]["write_units"] == 2 * PUTS


def test_every_kind_of_write_is_cleaned_up() -> None:
    mix = {
        "put": 2,
        "update": {"keys": "zipfian"},
        "delete": {"keys": "uniform"},
        "batch_write": {"items": 3},
        "transact_write": {"items": 2},
    }
    with Server() as server:
        seen = run(server.url, CLEAN | {"plan": closed(8, 300), "mix": mix})
        assert server.table == []
    assert (seen.code, seen.results["cleanup"]["complete"]) == (0, True)
    # Batches and transactions have the keys of their items; the load's deletes remove some of them.
    check = seen.results["verification"]
    assert seen.results["cleanup"]["deleted"] == check["present"] == check["checked"] - check["absent"]


def test_a_cleanup_keeps_to_its_rate() -> None:
    with Server() as server:
        seen = run(server.url, CLEAN | {"cleanup": {"rate": 200}, "verify": {"enabled": False}})
        assert server.table == []
    assert (seen.code, server.log.requests["BatchWriteItem"]) == (0, PUTS / 25)
    assert server.log.last_s["BatchWriteItem"] - server.log.last_s["PutItem"] >= 0.95 * PUTS / 200


def test_a_cleanup_survives_faults() -> None:
    script = [
        rule({"unprocessed": {"share": 0.4}}, operation="BatchWriteItem", every=3),
        rule({"error": {"type": "InternalServerError"}}, operation="BatchWriteItem", every=12, offset=1),
        rule({"throttle": {}}, operation="BatchWriteItem", every=12, offset=2),
        rule({"lose_answer": "reset"}, operation="BatchWriteItem", every=12, offset=4),
        rule({"lose_request": "silent"}, operation="BatchWriteItem", every=12, offset=5),
        rule({"bad_crc": True}, operation="BatchWriteItem", every=12, offset=7),
    ]
    with Server(script) as server:
        seen = run(server.url, CLEAN | {"plan": closed(16, 500)})
        assert server.table == []
    assert (seen.code, seen.results["cleanup"]["deleted"], seen.results["cleanup"]["complete"]) == (0, 500, True)
    assert {"unprocessed", "error", "throttle", "lose_answer", "lose_request", "bad_crc"} <= server.log.faults.keys()


def test_refused_cleanup_is_reported() -> None:
    script = [rule({"error": {"type": "AccessDeniedException", "message": "no"}}, operation="BatchWriteItem")]
    with Server(script) as server:
        seen = run(server.url, CLEAN)
        assert len(server.table) == PUTS
    assert (seen.errors, seen.results["cleanup"]["deleted"], seen.results["cleanup"]["complete"]) == ("", 0, False)
    text = "the table could not be cleaned: AccessDeniedException: no"
    assert apart_from_lateness(seen.results["warnings"]) == [text]
    assert (seen.code, seen.results["verdict"]) == (5, "failed")
    assert seen.message == f"{text}; 0 items were deleted -> ddbload clean deletes the rest"


def test_writes_with_an_unknown_outcome_are_cleaned_up_too() -> None:
    script = [
        rule({"lose_answer": "reset"}, operation="PutItem", every=10),
        rule({"apply_late": {"ms": 20, "then": "reset"}}, operation="PutItem", every=10, offset=5),
        rule({"lose_request": "reset"}, operation="PutItem", every=10, offset=7),
    ]
    with Server(script) as server:
        seen = run(server.url, CLEAN)
        assert server.table == []
    assert (seen.code, seen.results["verification"]["indeterminate"]) == (0, 60)
    # Items that never existed are not counted.
    assert (seen.results["cleanup"]["deleted"], seen.results["cleanup"]["complete"]) == (PUTS - 20, True)


@pytest.mark.parametrize(
    "what", [{"throttle": {}}, {"lose_request": "reset"}, {"error": {"type": "InternalServerError"}}]
)
def test_an_item_of_another_run_stays(what: dict[str, Any]) -> None:
    """An item of another run, which this run did not overwrite, stays."""
    # The same keys: every tenth put of the second run is dropped, so that items of the first run remain.
    with Server([rule(what, operation="PutItem", numbers=[PUTS, 10**9], every=10)]) as server:
        run(server.url, BASE | {"plan": closed(16, PUTS)}, "--run-id", "theirs")
        seen = run(server.url, CLEAN)
        assert (len(server.table), runs_in(server.table)) == (20, {"theirs"})
    assert (seen.code, seen.results["cleanup"]["deleted"], seen.results["cleanup"]["complete"]) == (0, PUTS - 20, True)


def test_losses_are_found_before_the_cleanup() -> None:
    with Server([rule({"drop_write": True}, operation="PutItem", every=20)]) as server:
        seen = run(server.url, CLEAN)
        assert server.table == []
    assert (seen.code, seen.results["verification"]["lost"], seen.results["cleanup"]["complete"]) == (4, 10, True)


def test_processes_clean_up_only_their_own_items() -> None:
    scenario = CLEAN | {"plan": constant(200, 1), "processes": 2, "cleanup": {"rate": 400}}
    with Server() as server:
        seen = run(server.url, scenario)
        assert server.table == []
    assert (seen.code, seen.results["verification"]["present"], seen.results["cleanup"]["deleted"]) == (0, 200, 200)
    assert len(seen.of("run.summary")) == 2
    assert {event["cleanup"]["deleted"] for event in seen.of("run.summary")} == {100}


def test_the_warm_up_is_cleaned_up_too() -> None:
    with Server() as server:
        seen = run(server.url, CLEAN | {"plan": constant(200, 1), "warm_up": 0.5})
        assert server.table == []
    assert (seen.operation()["sent"], seen.results["cleanup"]["deleted"]) == (100, 200)


# ---- For a run that is over


def test_the_clean_command_deletes_what_a_stopped_run_left(tmp_path: Path) -> None:
    with Server() as server:
        run(server.url, BASE | {"plan": closed(16, 100), "keys": {"prefix": "theirs"}}, "--run-id", "theirs")
        with Running(server.url, BASE | {"plan": constant(200, 60)}) as running:
            running.wait_for("run.progress")
            running.send(signal.SIGTERM)
            seen = running.end()
        own = len(server.table) - 100
        # A later run has written some of the same keys: these items are no longer the first run's.
        run(server.url, BASE | {"plan": closed(16, 50)}, "--run-id", "later")
        code, found = after("clean", seen, server.url, tmp_path, "--rate", "0")
        assert runs_in(server.table) == {"theirs", "later"}
        assert len(server.table) == 150
    assert (code, found["deleted"], found["complete"]) == (0, own - 50, True)


def test_the_verify_command_counts_the_remaining_items(tmp_path: Path) -> None:
    script = [
        rule({"drop_write": True}, operation="PutItem", every=40),
        rule({"corrupt": True}, operation="PutItem", every=40, offset=1),
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS), "verify": {"enabled": False}})
        code, found = after("verify", seen, server.url, tmp_path)
    assert (code, found["checked"], found["present"], found["corrupt"], found["missing"]) == (4, PUTS, PUTS - 10, 5, 5)
    assert (found["acknowledged"], found["lost_at_least"]) == (PUTS, 5)
