# SPDX-License-Identifier: Apache-2.0
"""Runs of PartiQL's statements against a server with faults: counts, retries, and the check of what was written."""

from collections import Counter
from typing import Any

import pytest
from command import adds_up, closed, rule, run
from server import Request, Server

BASE = {"connections": 8, "timeout": 1, "item": {"size": 200}}
CALLS = {
    "execute_statement": "ExecuteStatement",
    "batch_execute_statement": "BatchExecuteStatement",
    "execute_transaction": "ExecuteTransaction",
}
SEVERAL = ["batch_execute_statement", "execute_transaction"]


def mix_of(operation: str, statement: str = "insert", **more: Any) -> dict[str, Any]:
    return {"mix": {operation: {"statement": statement, **more, **({"items": 4} if operation in SEVERAL else {})}}}


def findings(seen: Any) -> dict[str, int]:
    check = seen.results["verification"]
    assert check["complete"]
    found = {kind: check[kind] for kind in ("present", "absent", "lost", "corrupt", "phantom", "indeterminate")}
    return {kind: count for kind, count in found.items() if count}


# ---- The check


@pytest.mark.parametrize("operation", CALLS)
def test_a_dropped_insert_is_lost(operation: str) -> None:
    with Server([rule({"drop_write": True}, operation=CALLS[operation], every=10)]) as server:
        seen = run(server.url, BASE | mix_of(operation) | {"plan": closed(8, 60)})
    items = 4 if operation in SEVERAL else 1
    assert (seen.code, findings(seen)) == (4, {"present": 54 * items, "lost": 6 * items})
    assert adds_up(seen.results)


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("statement", ["update", "delete"])
def test_a_dropped_change_is_found(operation: str, statement: str) -> None:
    """The check finds an UPDATE and a DELETE that were acknowledged and not done."""
    script = [rule({"drop_write": True}, operation=CALLS[operation], every=9, offset=8)]
    scenario = {"plan": closed(1, 120), "keys": {"count": 40}, "verify": {"enabled": True}}
    mix = mix_of(operation, statement, keys="sequential")["mix"] | {"put": {"weight": 2}}
    with Server(script) as server:
        seen = run(server.url, BASE | scenario | {"mix": mix})
    check = seen.results["verification"]
    # Later writes hide some of those that were dropped.
    assert (seen.code, check["complete"], check["lost"] + check["phantom"] > 0) == (4, True, True)


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("what", ["lose_answer", "lose_request"])
def test_an_insert_without_a_response_is_indeterminate(operation: str, what: str) -> None:
    with Server([rule({what: "reset"}, operation=CALLS[operation], every=10)]) as server:
        seen = run(server.url, BASE | mix_of(operation) | {"plan": closed(8, 60)})
    items = 4 if operation in SEVERAL else 1
    assert (seen.code, findings(seen)) == (0, {"present": 54 * items, "indeterminate": 6 * items})
    assert seen.operation(operation)["failed"] == {"network:ConnectionReset": 6}


@pytest.mark.parametrize("operation", CALLS)
def test_all_statements_under_faults_raise_no_false_alarm(operation: str) -> None:
    """All kinds of statements with retries, under faults, add up and have no bad finding."""
    name = CALLS[operation]
    script = [
        rule({"lose_answer": "reset"}, operation=name, share=0.03, seed=1),
        rule({"lose_request": "silent"}, operation=name, share=0.02, seed=2),
        rule({"error": {"type": "InternalServerError"}}, operation=name, share=0.03, seed=3),
        rule({"throttle": {}}, operation=name, share=0.05, seed=4),
        rule({"bad_crc": True}, operation=name, share=0.03, seed=5),
        *([rule({"unprocessed": {"share": 0.5}}, operation=name, share=0.3, seed=6)] if "batch" in operation else []),
    ]
    kinds = {"insert": 3, "update": 2, "delete": 1, "select": 1}
    mix = {
        kind: {"operation": operation, "statement": kind, "weight": weight}
        | ({"items": 4} if operation in SEVERAL else {})
        for kind, weight in kinds.items()
    }
    scenario = {"plan": closed(8, 300), "mix": mix, "keys": {"count": 200}, "retries": {"attempts": 3, "base_ms": 1}}
    with Server(script) as server:
        seen = run(server.url, BASE | scenario | {"cleanup": True})
        assert server.table == []
    assert (seen.code, seen.message, seen.errors) == (0, "", "")
    assert adds_up(seen.results)
    assert not findings(seen).keys() & {"lost", "corrupt", "phantom"}


def test_a_retried_transaction_of_statements_is_applied_once() -> None:
    script = [rule({"lose_answer": "reset"}, operation="ExecuteTransaction", every=10)]
    scenario = {"plan": closed(8, 60), "retries": {"attempts": 10, "base_ms": 1}}
    with Server(script) as server:
        seen = run(server.url, BASE | mix_of("execute_transaction") | scenario)
    assert (seen.code, findings(seen)) == (0, {"present": 240})
    assert seen.operation("execute_transaction")["ok"] == 60


# ---- Outcomes


def test_a_repeated_insert_is_expected_and_not_applied() -> None:
    """The second round of inserts finds the keys of the first: alone, in a batch and in a transaction."""
    for operation in CALLS:
        keys = {"keys": {"count": 80 if operation in SEVERAL else 20}}
        with Server() as server:
            seen = run(server.url, BASE | mix_of(operation) | keys | {"plan": closed(1, 40)})
        figures = seen.operation(operation)
        assert (seen.code, figures["ok"], findings(seen)) == (0, 20, {"present": keys["keys"]["count"]})
        if operation == "execute_transaction":
            assert figures["cancelled"] == {"DuplicateItem": 20}
        else:
            assert figures["expected"] == 20
        assert seen.results["cost"]["refused_write_units"] == (
            0 if operation == "execute_transaction" else keys["keys"]["count"]
        )


def test_statements_that_fail_are_counted_in_their_batch() -> None:
    """Half of the keys exist, so that half of the statements fail; a threshold may be about them."""
    several = {"operation": "batch_execute_statement", "statement": "update", "items": 3, "keys": "sequential"}
    base = BASE | {"plan": closed(1, 50), "keys": {"count": 100}}
    with Server() as server:
        run(server.url, base | {"verify": {"enabled": False}})
        thresholds = {"thresholds": ["several.items_failed > 0.5%", "items_failed >= 1"]}
        seen = run(server.url, base | {"plan": closed(1, 100), "mix": {"several": several}} | thresholds)
    figures = seen.operation("several")
    assert (seen.code, seen.message) == (0, "")
    failed = figures["items"]["failed"]["expected:ConditionalCheckFailed"]
    # 300 statements go over the 100 keys three times. A batch without a success is expected as a whole.
    assert figures["items"]["ok"] == figures["consumed_write_units"] == 150
    assert figures["items"]["ok"] + failed == 3 * figures["ok"]
    assert figures["ok"] + figures["expected"] == 100
    assert failed > 0
    assert seen.results["cost"]["uncertain_write_units"] == pytest.approx(failed)
    assert findings(seen) == {"present": 50, "absent": 50}


def test_throttled_statements_are_unprocessed() -> None:
    script = [
        rule({"unprocessed": {"share": 0.5}}, operation="BatchExecuteStatement", every=4),
        rule({"unprocessed": {"share": 1}}, operation="BatchExecuteStatement", every=4, offset=1),
    ]
    scenario = {"plan": closed(4, 80), "thresholds": ["items_throttled > 14%"]}
    with Server(script) as server:
        seen = run(server.url, BASE | mix_of("batch_execute_statement") | scenario)
    figures = seen.operation("batch_execute_statement")
    assert (seen.code, figures["ok"], figures["throttled"]) == (0, 60, {"ThrottlingError": 20})
    assert figures["items"] == {"ok": 200, "unprocessed": 40, "failed": {}}
    assert findings(seen) == {"present": 200, "absent": 120}


@pytest.mark.parametrize(
    ("code", "remedy"),
    [("AccessDenied", "task_operations"), ("ResourceNotFound", "deploy it"), ("ValidationError", "check what")],
)
def test_an_error_of_a_statement_that_repeats_ends_the_run(code: str, remedy: str) -> None:
    """The statements beside it succeeded, and are checked by a later command only."""

    def script(request: Request) -> dict[str, Any] | None:
        if request.operation != "BatchExecuteStatement" or request.number < 5:
            return None
        responses = [{}, {"Error": {"Code": code, "Message": "so it is"}}, {}, {}]
        return {"answer": {"document": {"Responses": responses}}}

    with Server(script, process=False) as server:
        seen = run(server.url, BASE | mix_of("batch_execute_statement") | {"plan": closed(1, 60)})
    assert (seen.code, seen.operation("batch_execute_statement")["failed"]) == (5, {f"fatal:{code}": 1})
    assert f"{code}: so it is" in seen.message
    assert remedy in seen.message


ITEM = {"pk": {"S": "x"}}


@pytest.mark.parametrize(
    ("operation", "document", "reason"),
    [
        ("execute_statement", {"Items": [ITEM]}, "UnexpectedItems"),
        ("batch_execute_statement", {}, "UnexpectedResponses"),
        ("batch_execute_statement", {"Responses": [{}] * 5}, "UnexpectedResponses"),
        ("batch_execute_statement", {"Responses": [{"TableName": "other"}] * 4}, "UnexpectedTableName"),
        ("batch_execute_statement", {"Responses": [{"Error": {"Code": 5}}] * 4}, "UnexpectedError"),
        ("execute_transaction", {"Responses": [{}] * 3}, "UnexpectedResponses"),
        ("execute_transaction", {"Responses": [], "ConsumedCapacity": 5}, "UnexpectedConsumedCapacity"),
    ],
)
def test_a_response_that_is_not_dynamodb_s_acknowledges_nothing(
    operation: str, document: dict[str, Any], reason: str
) -> None:
    """Its writes are indeterminate, and the run goes on."""
    script = [rule({"answer": {"document": document}}, operation=CALLS[operation], numbers=[5, 15])]
    script.append(rule({"bad_crc": True}, operation=CALLS[operation], numbers=[20, 22]))
    with Server(script) as server:
        seen = run(server.url, BASE | mix_of(operation) | {"plan": closed(4, 40)})
    figures, items = seen.operation(operation), 4 if operation in SEVERAL else 1
    assert (seen.code, figures["failed"]) == (0, {f"invalid:{reason}": 10, "network:BadChecksum": 2})
    assert findings(seen) == {"present": 28 * items, "indeterminate": 12 * items}


def test_workers_share_the_keys_of_statements() -> None:
    """Two processes insert every key once; those that also update have keys of their own."""
    scenario = {"plan": closed(8, 100), "processes": 2, "keys": {"count": 4000}}
    with Server() as server:
        seen = run(server.url, BASE | scenario | mix_of("batch_execute_statement"))
        assert len(server.table) == 400
    assert (seen.code, findings(seen)) == (0, {"present": 400})
    mix = mix_of("execute_transaction")["mix"] | {"change": {"operation": "execute_statement", "statement": "update"}}
    with Server() as server:
        seen = run(server.url, BASE | scenario | {"mix": mix})
        written = Counter(item["run"]["S"] for item in server.table)
    assert (seen.code, findings(seen)) == (0, {"present": 200})
    assert written.total() == 200
