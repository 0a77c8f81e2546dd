# SPDX-License-Identifier: Apache-2.0
"""The check after the run, compared with the server's faults: each finding, and no false alarm."""

import re
from collections.abc import Iterable
from typing import Any

import pytest
from command import Seen, adds_up, apart_from_lateness, closed, rule, run
from server import Injection, Request, Server

PUTS = 200
BASE = {"connections": 16, "timeout": 0.3, "keys": {"count": 1_000_000}, "item": {"size": 200}}
WRITES = ["PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"]
BAD = ("lost", "corrupt", "phantom")


def index_of(key: dict[str, Any]) -> int:
    return int(key["pk"]["S"].rpartition("#")[2])


def indexes(injected: Iterable[Injection]) -> list[int]:
    return sorted(index_of(key) for injection in injected for key in injection.keys)


def named(examples: Iterable[str]) -> list[int]:
    return sorted(int(re.match(r"key ([0-9]+): ", text)[1]) for text in examples)


def findings(seen: Seen) -> dict[str, int]:
    kinds = ("present", "absent", "lost", "corrupt", "phantom", "indeterminate")
    found = {kind: seen.results["verification"][kind] for kind in kinds}
    return {kind: count for kind, count in found.items() if count}


def is_whole(seen: Seen) -> bool:
    check = seen.results["verification"]
    counted = sum(findings(seen).values())
    return check["complete"] and check["checked"] == check["keys"] == counted and adds_up(seen.results)


# ---- Inserts: a key is written once


def test_a_table_without_faults_has_no_finding() -> None:
    with Server() as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS), "thresholds": ["lost == 0", "corrupt == 0"]})
        assert len(server.table) == PUTS
    assert (seen.code, seen.message, findings(seen)) == (0, "", {"present": PUTS})
    assert is_whole(seen)
    assert seen.results["verification"]["consumed_read_units"] == PUTS


def test_dropped_puts_are_found_and_named() -> None:
    with Server([rule({"drop_write": True}, operation="PutItem", every=15)]) as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS)})
    dropped = indexes(server.log.of("drop_write"))
    assert len(dropped) == 14
    assert (seen.code, findings(seen)) == (4, {"present": PUTS - 14, "lost": 14})
    assert named(seen.results["verification"]["examples"]["lost"]) == dropped
    assert re.search(
        r"of 200 keys read again: 14 lost \(key [0-9]+: expected version [0-9]+, found no item\)", seen.message
    )
    assert (seen.results["verdict"], is_whole(seen)) == ("failed", True)


def test_at_most_twenty_examples_are_reported() -> None:
    with Server([rule({"drop_write": True}, operation="PutItem", every=2)]) as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS)})
    examples = named(seen.results["verification"]["examples"]["lost"])
    assert (seen.code, findings(seen)) == (4, {"present": 100, "lost": 100})
    assert (len(examples), set(examples) <= set(indexes(server.log.of("drop_write")))) == (20, True)


def test_corrupt_items_are_found_and_named() -> None:
    with Server([rule({"corrupt": True}, operation="PutItem", every=50, offset=7)]) as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS)})
    assert (seen.code, findings(seen)) == (4, {"present": PUTS - 4, "corrupt": 4})
    assert named(seen.results["verification"]["examples"]["corrupt"]) == indexes(server.log.of("corrupt"))


UNCERTAIN = {
    "answer lost by a reset": ({"lose_answer": "reset"}, "network:ConnectionReset"),
    "answer lost in silence": ({"lose_answer": "silent"}, "network:Timeout"),
    "request lost by a reset": ({"lose_request": "reset"}, "network:ConnectionReset"),
    "request lost in silence": ({"lose_request": "silent"}, "network:Timeout"),
    "done late, after the time-out": ({"apply_late": {"ms": 400}}, "network:Timeout"),
    "done late, after a reset": ({"apply_late": {"ms": 50, "then": "reset"}}, "network:ConnectionReset"),
    "done long after the run": ({"apply_late": {"ms": 60_000}}, "network:Timeout"),
    "server error 500": ({"error": {"type": "InternalServerError"}}, "server:InternalServerError"),
    "server error 503": ({"error": {"type": "ServiceUnavailable"}}, "server:ServiceUnavailable"),
    "reset within the answer": ({"reset": True}, "network:ConnectionReset"),
    "answer with a wrong checksum": ({"bad_crc": True}, "network:BadChecksum"),
    "answer that comes too late": ({"delay_ms": 500}, "network:Timeout"),
}


@pytest.mark.parametrize(("what", "reason"), UNCERTAIN.values(), ids=UNCERTAIN)
def test_a_put_with_an_unknown_outcome_is_indeterminate(what: dict[str, Any], reason: str) -> None:
    """A put with an unknown outcome is indeterminate, and no false alarm."""
    with Server([rule(what, operation="PutItem", every=20, offset=3)]) as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS)})
    assert (seen.code, seen.message) == (0, "")
    assert seen.operation()["failed"] == {reason: 10}
    assert findings(seen) == {"present": PUTS - 10, "indeterminate": 10}
    assert is_whole(seen)


@pytest.mark.parametrize("reason", ["TableWriteProvisionedThroughputExceeded", "TableWriteKeyRangeThroughputExceeded"])
def test_a_throttled_put_is_not_missing(reason: str) -> None:
    with Server([rule({"throttle": {"reason": reason}}, operation="PutItem", every=4)]) as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS)})
    assert (seen.code, findings(seen)) == (0, {"present": 150, "absent": 50})
    assert seen.operation()["throttled"] == {reason: 50}


def test_a_lost_put_is_found_among_unknown_outcomes() -> None:
    script = [
        rule({"drop_write": True}, operation="PutItem", every=40),
        rule({"lose_answer": "reset"}, operation="PutItem", every=10, offset=1),
        rule({"apply_late": {"ms": 100, "then": "reset"}}, operation="PutItem", every=10, offset=2),
        rule({"error": {"type": "InternalServerError"}}, operation="PutItem", every=10, offset=3),
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS)})
    assert (seen.code, findings(seen)) == (4, {"present": 135, "lost": 5, "indeterminate": 60})
    assert named(seen.results["verification"]["examples"]["lost"]) == indexes(server.log.of("drop_write"))


# ---- Keys that are written repeatedly


# Two sweeps write each of these keys twice: the second write must remain.
KEYS = 50


class DroppedSeconds:
    """A script, for a server in a thread, that drops every third write of one kind to a key last written by another."""

    def __init__(self, first: str, second: str) -> None:
        self._kinds = (first, second)
        self._latest: dict[int, str] = {}
        self._met = 0

    def __call__(self, request: Request) -> dict[str, Any] | None:
        if request.operation not in self._kinds:
            return None
        (key,) = request.keys
        kinds = (self._latest.get(index_of(key)), request.operation)
        self._latest[index_of(key)] = request.operation
        self._met += kinds == self._kinds
        return {"drop_write": True} if kinds == self._kinds and self._met % 3 == 0 else None


SECONDS = {
    "a put by an update": ("put", "update", "lost", "expected version [0-9]+, found run 'r' seq '[0-9]+'"),
    "an update by a put": ("update", "put", "lost", "expected version [0-9]+, found run 'r' seq '[0-9]+'"),
    "a put by a put": ("put", "put", "lost", "expected version [0-9]+, found run 'r' seq '[0-9]+'"),
    "a delete by a put": ("delete", "put", "lost", "expected version [0-9]+, found no item"),
    "a delete by an update": ("delete", "update", "lost", "expected version [0-9]+, found no item"),
    "a put by a delete": ("put", "delete", "phantom", "expected no item .delete [0-9]+., found run 'r' seq '[0-9]+'"),
}


@pytest.mark.parametrize(("first", "second", "finding", "words"), SECONDS.values(), ids=SECONDS)
def test_the_dropped_last_of_two_writes_to_a_key_is_found(first: str, second: str, finding: str, words: str) -> None:
    names = {"put": "PutItem", "update": "UpdateItem", "delete": "DeleteItem"}
    mix = {first: {"keys": "sequential"}, second: {"keys": "sequential"}}
    with Server(DroppedSeconds(names[first], names[second]), process=False) as server:
        seen = run(server.url, BASE | {"plan": closed(1, 2 * KEYS), "mix": mix, "keys": {"count": KEYS}})
    dropped = indexes(server.log.of("drop_write"))
    examples = seen.results["verification"]["examples"][finding]
    assert (seen.code, named(examples), findings(seen)[finding]) == (4, dropped, len(dropped))
    assert len(dropped) >= 3
    assert all(re.match(f"key [0-9]+: {words}", text) for text in examples)
    assert sum(findings(seen).get(kind, 0) for kind in BAD) == len(dropped)
    assert is_whole(seen)


DISTRIBUTIONS = {
    "zipfian": {"type": "zipfian", "exponent": 1.1},
    "hot set": {"type": "hot_set", "keys_share": 0.05, "operations_share": 0.8},
    "uniform": {"type": "uniform"},
    "latest": {"type": "latest"},
}
# Each fault is random, so that all combinations occur on a hot key.
STORM = [
    rule({"delay_ms": 20}, operation=WRITES, share=0.3, seed=1),
    rule({"delay_ms": 5}, operation=WRITES, share=0.5, seed=2),
    rule({"lose_answer": "reset"}, operation=WRITES, share=0.03, seed=3),
    rule({"lose_answer": "silent"}, operation=WRITES, share=0.01, seed=4),
    rule({"lose_request": "reset"}, operation=WRITES, share=0.03, seed=5),
    rule({"lose_request": "silent"}, operation=WRITES, share=0.01, seed=6),
    rule({"apply_late": {"ms": 150}}, operation=WRITES, share=0.02, seed=7),
    rule({"apply_late": {"ms": 30, "then": "reset"}}, operation=WRITES, share=0.03, seed=8),
    rule({"error": {"type": "InternalServerError"}}, operation=WRITES, share=0.04, seed=9),
    rule({"throttle": {}}, operation=WRITES, share=0.05, seed=10),
    rule({"bad_crc": True}, operation=WRITES, share=0.02, seed=11),
    rule({"reset": True}, operation=WRITES, share=0.02, seed=12),
]


def storm(seed: int, keys: dict[str, Any], **more: Any) -> Seen:
    mix = {
        "put": {"weight": 3, "keys": keys},
        "update": {"weight": 3, "keys": keys},
        "delete": {"weight": 2, "keys": keys},
        "careful": {"operation": "update", "weight": 1, "keys": keys, "condition": "exists"},
        "insert": {"operation": "put", "weight": 1, "keys": keys, "condition": "not_exists"},
        "get": {"weight": 1, "keys": keys, "consistent": True},
    }
    # Callers, since a busy machine may not keep a rate.
    plan = closed(48, 600)
    scenario = BASE | {"plan": plan, "mix": mix, "keys": {"count": 60}, "connections": 48, "seed": seed}
    with Server(STORM) as server:
        seen = run(server.url, scenario | {"timeout": 0.1} | more)
    assert sum(server.log.faults[what] for what in ("lose_answer", "lose_request", "apply_late")) > 30
    return seen


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("keys", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_overlapping_writes_under_faults_raise_no_false_alarm(seed: int, keys: dict[str, Any]) -> None:
    """Overlapping writes to few keys raise no false alarm, with any injected fault."""
    seen = storm(seed, keys)
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert is_whole(seen)
    assert not any(findings(seen).get(kind) for kind in BAD)


def test_retries_of_overlapping_writes_raise_no_false_alarm() -> None:
    seen = storm(4, DISTRIBUTIONS["zipfian"], retries={"attempts": 4, "base_ms": 5, "cap_ms": 20})
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert is_whole(seen)
    assert not any(findings(seen).get(kind) for kind in BAD)
    assert sum(seen.operation("update")["attempts"]["retried"].values()) > 0


def test_a_dropped_last_write_to_a_key_is_found() -> None:
    """A dropped write to a key that is written often is found if it was the last one."""
    # 40 sweeps over 7 keys; the puts of two keys in the last sweep are dropped.
    puts = 40 * 7
    script = [rule({"drop_write": True}, operation="PutItem", numbers=[puts - 7, puts], every=3)]
    with Server(script) as server:
        scenario = {"plan": closed(1, puts), "mix": {"put": {"keys": "sequential"}}, "keys": {"count": 7}}
        seen = run(server.url, BASE | scenario)
    dropped = indexes(server.log.of("drop_write"))
    assert (seen.code, findings(seen)) == (4, {"present": 7 - len(dropped), "lost": len(dropped)})
    assert named(seen.results["verification"]["examples"]["lost"]) == dropped != []


# ---- A sample of the keys


@pytest.mark.parametrize("rules", [{"share": 0.3}, {"limit": 300}])
def test_a_sample_finds_its_losses_and_reports_its_size(rules: dict[str, Any]) -> None:
    """A sample finds the writes that were lost in it, and reports its size."""
    with Server([rule({"drop_write": True}, operation="PutItem")]) as server:
        seen = run(server.url, BASE | {"plan": closed(16, 1000), "verify": rules})
    check = seen.results["verification"]
    assert (seen.code, check["keys"], check["share"], check["complete"]) == (4, 1000, 0.3, True)
    assert 250 < check["checked"] == check["lost"] < 350
    assert check["consumed_read_units"] == check["checked"]


def test_a_check_keeps_to_its_rate() -> None:
    with Server() as server:
        seen = run(server.url, BASE | {"plan": closed(16, 400), "verify": {"rate": 400}})
    assert (seen.code, findings(seen), server.log.requests["BatchGetItem"]) == (0, {"present": 400}, 4)
    assert server.log.last_s["BatchGetItem"] - server.log.last_s["PutItem"] >= 0.95


def test_a_check_that_is_stopped_early_has_read_its_share() -> None:
    """The keys that the rate allows until the stop are read: they do not wait for those of all readers."""
    with Server() as server:
        seen = run(server.url, BASE | {"plan": closed(16, 800), "verify": {"rate": 150}, "deadline": 3})
    check = seen.results["verification"]
    assert (check["complete"], check["checked"] == check["present"]) == (False, True)
    assert 150 <= check["checked"] <= 450


def test_no_check_runs_unless_requested() -> None:
    with Server([rule({"drop_write": True}, operation="PutItem", every=10)]) as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS), "verify": {"enabled": False}})
    assert (seen.code, seen.results["verification"], server.log.requests["BatchGetItem"]) == (0, None, 0)


# ---- Batches and transactions


def test_dropped_items_are_losses_unprocessed_ones_are_not() -> None:
    """Unprocessed items of batches are no losses, and dropped ones are."""
    script = [
        rule({"drop_write": True}, operation="BatchWriteItem", every=20),
        rule({"unprocessed": {"share": 0.2}}, operation="BatchWriteItem", every=4, offset=1),
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(8, 40), "mix": {"batch_write": {"items": 10}}})
    assert (seen.code, findings(seen)) == (4, {"present": 360, "absent": 20, "lost": 20})
    figures = seen.operation("batch_write")
    assert (figures["items"], figures["sent"], figures["ok"]) == ({"ok": 380, "unprocessed": 20, "failed": {}}, 40, 40)
    assert named(seen.results["verification"]["examples"]["lost"]) == indexes(server.log.of("drop_write"))


def test_a_dropped_transaction_loses_all_its_items() -> None:
    script = [
        rule({"drop_write": True}, operation="TransactWriteItems", every=20),
        rule(
            {"cancel": {"code": "TransactionConflict", "index": 1}}, operation="TransactWriteItems", every=5, offset=1
        ),
        rule({"lose_answer": "reset"}, operation="TransactWriteItems", every=10, offset=2),
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(8, 60), "mix": {"transact_write": {"items": 4}}})
    assert (seen.code, findings(seen)) == (4, {"present": 156, "absent": 48, "lost": 12, "indeterminate": 24})
    assert named(seen.results["verification"]["examples"]["lost"]) == indexes(server.log.of("drop_write"))


def test_a_retried_transaction_is_applied_once() -> None:
    script = [rule({"lose_answer": "reset"}, operation="TransactWriteItems", every=10)]
    scenario = {"plan": closed(8, 60), "mix": {"transact_write": {"items": 3, "condition": "not_exists"}}}
    with Server(script) as server:
        seen = run(server.url, BASE | scenario | {"retries": {"attempts": 10, "base_ms": 1}})
    assert (seen.code, findings(seen)) == (0, {"present": 180})
    assert seen.operation("transact_write")["ok"] == 60
    assert server.log.requests["TransactWriteItems"] == 60 + len(server.log.injected)


# ---- A check that fails or meets faults


def test_refused_check_is_reported_and_proves_nothing() -> None:
    script = [rule({"error": {"type": "AccessDeniedException", "message": "no reading"}}, operation="BatchGetItem")]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(16, PUTS)})
        judged = run(server.url, BASE | {"plan": closed(16, PUTS), "thresholds": ["lost == 0"]})
    warning = (
        "the table could not be read again: AccessDeniedException: no reading -> grant the task role "
        'dynamodb:BatchGetItem (task_operations: "verify"), or set verify.enabled to false'
    )
    assert (seen.code, seen.errors, apart_from_lateness(seen.results["warnings"])) == (5, "", [warning])
    assert seen.message == f"the writes could not be checked, 0 of {PUTS} keys were read again: {warning}"
    assert (seen.results["verdict"], seen.results["failures"]) == ("failed", [seen.message])
    assert (seen.results["verification"]["checked"], seen.results["verification"]["complete"]) == (0, False)
    (threshold,) = judged.results["thresholds"]
    assert (judged.code, threshold["value"], threshold["passed"]) == (3, None, False)
    assert "lost == 0: was no value" in judged.message


def test_a_check_survives_faults() -> None:
    script = [
        rule({"unprocessed": {"share": 0.5}}, operation="BatchGetItem", every=3),
        rule({"error": {"type": "InternalServerError"}}, operation="BatchGetItem", every=12, offset=1),
        rule({"throttle": {}}, operation="BatchGetItem", every=12, offset=2),
        rule({"reset": True}, operation="BatchGetItem", every=12, offset=4),
        rule({"bad_crc": True}, operation="BatchGetItem", every=12, offset=5),
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(16, 1500), "thresholds": ["lost == 0"]})
    assert (seen.code, findings(seen), is_whole(seen)) == (0, {"present": 1500}, True)
    assert {"unprocessed", "error", "throttle", "reset", "bad_crc"} <= server.log.faults.keys()


def test_items_of_another_run_are_neither_this_runs_nor_lost() -> None:
    """Items of another run count neither as this run's nor as lost."""
    with Server([rule({"throttle": {}}, operation="PutItem", numbers=[PUTS, 2 * PUTS], every=10)]) as server:
        first = run(server.url, BASE | {"plan": closed(16, PUTS)})
        second = run(server.url, BASE | {"plan": closed(16, PUTS)}, "--run-id", "another")
    assert (first.code, findings(first)) == (0, {"present": PUTS})
    # Where the second run is refused, the first one's items remain.
    assert (second.code, findings(second)) == (0, {"present": PUTS - 20, "absent": 20})
