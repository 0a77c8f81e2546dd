# SPDX-License-Identifier: Apache-2.0
"""PartiQL's operations: the text of each statement, its parameters, and the end of each statement of a batch."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from ddbload.dynamo.responses.codes import KIND_OF_STATEMENT
from ddbload.dynamo.responses.documents import InvalidAnswer
from ddbload.dynamo.responses.errors import UNCERTAIN, Outcome, Unsuccessful, invalid
from ddbload.dynamo.table import KeyAttribute
from ddbload.scenario.entries import MOST_ITEMS, PARTIQL, STATEMENTS, MixEntry
from ddbload.workload.choice import Sequential
from ddbload.workload.journal.state import ABSENT, State
from ddbload.workload.journal.versions import VersionJournal
from ddbload.workload.operations import build
from ddbload.workload.operations.base import Operation, Workload
from ddbload.workload.operations.statements import text_of
from hypothesis import given
from hypothesis import strategies as st
from workload.operations.test_operations import (
    OK,
    TABLE,
    TIMEOUT,
    UNIFORM,
    check_ends,
    operation_of,
    prepared,
    workload_of,
)

WRITING = [statement for statement in STATEMENTS if statement != "select"]
# DynamoDB's own names may have any character.
names = st.text(min_size=1, max_size=9)


def entry_of(operation: str, statement: str, items: int = 1, **more: Any) -> MixEntry:
    keys = {} if statement == "insert" else UNIFORM
    return MixEntry(operation, 1, keys, items=items, statement=statement, **more)


def built(operation: str, statement: str, items: int = 1, **more: Any) -> tuple[Operation, Workload]:
    return operation_of(entry_of(operation, statement, items), **more)


def statements_of(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the statements of a request."""
    return list(document.get("Statements") or document.get("TransactStatements") or [document])


def answered(*responses: dict[str, Any], units: float = 1.0) -> bytes:
    capacity = [{"TableName": TABLE, "CapacityUnits": units}]
    return json.dumps({"Responses": list(responses), "ConsumedCapacity": capacity}).encode()


def failed(code: str, message: str = "so it is") -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": message}}


# ---- Requests


@given(st.sampled_from(STATEMENTS), names, st.lists(names, min_size=3, max_size=6, unique=True))
def test_a_statement_quotes_names_and_has_no_values(kind: str, table: str, attributes: list[str]) -> None:
    """Any name is read as a name, and each value is a question mark."""
    text = text_of(kind, table, attributes[:2], attributes[2:])
    quoted = re.findall(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'', text)
    read = [name[1:-1].replace(name[0] * 2, name[0]) for name in quoted]
    taken = {"insert": attributes, "update": [*attributes[2:], *attributes[:2]]}.get(kind, attributes[:2])
    assert read == [table, *taken]
    bare = re.sub(r'"(?:[^"]|"")*"|\'(?:[^\']|\'\')*\'', "x", text)
    assert bare.count("?") == len(taken)
    assert bare.replace("?", "x") == bare.replace("?", "x").translate({ord(sign): None for sign in ";\"'"})


def test_the_text_of_each_statement_is_that_of_the_documentation() -> None:
    parts = ("Music", ["Artist", "SongTitle"], ["Album", "Year"])
    where = '"Artist" = ? AND "SongTitle" = ?'
    assert text_of("select", *parts) == f'SELECT * FROM "Music" WHERE {where}'
    inserted = "{'Artist': ?, 'SongTitle': ?, 'Album': ?, 'Year': ?}"
    assert text_of("insert", *parts) == f'INSERT INTO "Music" VALUE {inserted}'
    assert text_of("update", *parts) == f'UPDATE "Music" SET "Album" = ? SET "Year" = ? WHERE {where}'
    assert text_of("delete", *parts) == f'DELETE FROM "Music" WHERE {where}'


@pytest.mark.parametrize("operation", PARTIQL)
@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("types", ["S", "BN", "NS"])
def test_the_parameters_are_the_values_of_the_item(operation: str, statement: str, types: str) -> None:
    items = 3 if operation in MOST_ITEMS else 1
    indexes = [KeyAttribute("colour", "N")]
    kind, workload = built(operation, statement, items, types=types, indexes=indexes)
    document, _work = prepared(kind, 7)
    statements = statements_of(document)
    assert len(statements) == items
    for position, one in enumerate(statements):
        index = 7 * items + position
        key, item = workload.keys.key(index), workload.items.item(index, 7)
        others = {name: value for name, value in item.items() if name not in key}
        expected = {"insert": [*key.values(), *others.values()], "update": [*others.values(), *key.values()]}
        assert workload.items.attributes == tuple(others)
        assert one["Parameters"] == expected.get(statement, [*key.values()])
        assert one["Statement"] == text_of(statement, TABLE, list(key), list(others))
        assert "ConsistentRead" not in one or statement == "select"
    assert document["ReturnConsumedCapacity"] == "INDEXES"
    is_write_transaction = operation == "execute_transaction" and statement != "select"
    assert ("ClientRequestToken" in document) == is_write_transaction


@pytest.mark.parametrize("operation", ["execute_statement", "batch_execute_statement"])
@pytest.mark.parametrize("consistent", [True, False])
def test_a_select_is_as_consistent_as_requested(operation: str, consistent: bool) -> None:
    kind, _workload = operation_of(entry_of(operation, "select", consistent=consistent))
    assert [one["ConsistentRead"] for one in statements_of(prepared(kind, 0)[0])] == [consistent]


def test_a_transaction_of_statements_keeps_its_token() -> None:
    def tokens() -> list[str]:
        kind, _workload = built("execute_transaction", "insert", 2)
        return [prepared(kind, number)[0]["ClientRequestToken"] for number in (0, 1, 10**12 // 2 - 1)]

    assert tokens() == tokens()
    assert len(set(tokens())) == 3
    assert all(1 <= len(token) <= 36 for token in tokens())


def test_fewer_keys_than_statements_that_write_are_refused() -> None:
    for operation in ("batch_execute_statement", "execute_transaction"):
        for statement in WRITING:
            with pytest.raises(ValueError, match=r"keys\.count: 4 keys of a worker are too few for 5 items"):
                built(operation, statement, 5, key_count=4)


# ---- Writes


@pytest.mark.parametrize("operation", PARTIQL)
@pytest.mark.parametrize("statement", WRITING)
def test_the_journal_records_each_end_of_a_statement(operation: str, statement: str) -> None:
    entry = entry_of(operation, statement)
    ok = OK if operation == "execute_statement" else answered({})

    def state_after(end: str) -> State:
        workload = replace(workload_of({"it": entry}, key_count=7), journal=VersionJournal())
        kind = build("it", entry, workload, Sequential())
        work = prepared(kind, 7)[1]
        if "unknown_outcome" in end:
            kind.unknown_outcome(work)
        if "ok" in end:
            consumed = kind.succeeded(work, ok)
            assert (consumed.write_units, consumed.items, consumed.unprocessed) == (1.0, 1, 0)
        elif end != "under way":
            kind.failed(work, TIMEOUT, end == "uncertain")
        return workload.journal.state(0)

    check_ends(state_after, -8 if statement == "delete" else 7)


codes = st.sampled_from(sorted(KIND_OF_STATEMENT))


@given(st.sampled_from(WRITING), st.lists(st.none() | codes, min_size=1, max_size=25))
def test_each_statement_of_a_batch_has_its_own_end(statement: str, ends: list[str | None]) -> None:
    """The journal notes each statement's end, also where the batch is none that succeeded."""
    kind, workload = built("batch_execute_statement", statement, len(ends))
    work = prepared(kind, 0)[1]
    kinds = ["ok" if code is None else KIND_OF_STATEMENT[code] for code in ends]
    body = answered(*({"TableName": TABLE} if code is None else failed(code) for code in ends))
    all_failed = "ok" not in kinds
    try:
        consumed = kind.succeeded(work, body)
    except Unsuccessful as error:
        outcome = invalid(error)
        assert all_failed or outcome.kind == "fatal"
        assert outcome.kind in kinds
        kind.failed(work, outcome, outcome.kind in UNCERTAIN)
        # All of them may be sent again, so that one that may have been applied makes all of them uncertain.
        may_be_sent_again = outcome.kind != "fatal"
    else:
        assert not all_failed
        assert "fatal" not in kinds
        may_be_sent_again = False
        assert (consumed.items, consumed.unprocessed) == (kinds.count("ok"), kinds.count("throttled"))
        assert sum(count for _reason, count in consumed.failed) == len(
            [end for end in kinds if end not in ("ok", "throttled")]
        )
    done = -1 if statement == "delete" else 0
    for index, end in enumerate(kinds):
        uncertain = "server" in kinds if may_be_sent_again else end == "server"
        expected = {done} if end == "ok" else {ABSENT, done} if uncertain else {ABSENT}
        assert workload.journal.state(index).legal == expected


def test_failed_statements_are_counted_by_outcome_and_reason() -> None:
    kind, _workload = built("batch_execute_statement", "insert", 6)
    ends = ("DuplicateItem", "ThrottlingError", "DuplicateItem", "InternalServerError")
    body = answered({}, *map(failed, ends), {"TableName": TABLE}, units=5.0)
    consumed = kind.succeeded(prepared(kind, 0)[1], body)
    assert (consumed.items, consumed.unprocessed, consumed.write_units) == (2, 1, 5.0)
    assert consumed.failed == (("expected:DuplicateItem", 2), ("server:InternalServerError", 1))
    assert not consumed.remembered


@pytest.mark.parametrize(
    ("ends", "outcome"),
    [
        (["ThrottlingError"] * 2, ("throttled", "ThrottlingError")),
        (["DuplicateItem", "RequestLimitExceeded"], ("throttled", "RequestLimitExceeded")),
        (["TransactionConflict", "ThrottlingError"], ("contention", "TransactionConflict")),
        (["InternalServerError", "DuplicateItem"], ("server", "InternalServerError")),
        (["DuplicateItem", "ConditionalCheckFailed"], ("expected", "DuplicateItem+ConditionalCheckFailed")),
        (["DuplicateItem", "AccessDenied"], ("fatal", "AccessDenied")),
        (["", "AccessDenied"], ("fatal", "AccessDenied")),
        (["", "BrandNew"], ("fatal", "BrandNew")),
    ],
)
def test_a_batch_without_a_success_has_one_outcome(ends: list[str], outcome: tuple[str, str]) -> None:
    """It is that of the most severe end; an error that ends the run is that of the batch in any case."""
    for statement in STATEMENTS:
        kind, _workload = built("batch_execute_statement", statement, 2)
        body = answered(*(failed(code, f"{code} it is") if code else {} for code in ends))
        with pytest.raises(Unsuccessful) as caught:
            kind.succeeded(prepared(kind, 0)[1], body)
        code = outcome[1].partition("+")[0]
        assert invalid(caught.value) == Outcome(*outcome, f"{code} it is")


@given(st.integers(1, 100), st.sampled_from(WRITING))
def test_a_transaction_of_statements_writes_all_or_nothing(count: int, statement: str) -> None:
    kind, workload = built("execute_transaction", statement, count)
    for body in (answered(), answered(*[{}] * count)):
        assert kind.succeeded(prepared(kind, 0)[1], body).items == count
    kind.failed(prepared(kind, 1)[1], Outcome("cancelled", "DuplicateItem"), False)
    kind.failed(prepared(kind, 2)[1], TIMEOUT, True)
    counts = workload.journal.counts()
    expected = {"acknowledged": count, "indeterminate": count, "refused": count}
    # A deleted key has no acknowledged item.
    assert counts == expected | ({"acknowledged": count} if statement != "delete" else {})


# ---- Reads


def test_a_select_of_a_key_reports_whether_it_exists() -> None:
    kind, workload = built("execute_statement", "select")
    work = prepared(kind, 12)[1]
    capacity = {"ConsumedCapacity": {"TableName": TABLE, "CapacityUnits": 0.5}}
    there = json.dumps({"Items": [{"pk": {"S": "x"}}]} | capacity).encode()
    gone = json.dumps({"Items": []} | capacity).encode()
    assert [kind.succeeded(work, body).found for body in (there, gone, there)] == [1, 0, 1]
    assert kind.succeeded(work, gone).read_units == 0.5
    kind.failed(work, TIMEOUT, True)
    kind.unknown_outcome(work)
    assert list(workload.journal.indexes()) == []


@given(st.lists(st.sampled_from(["found", "missing", "ThrottlingError", "InternalServerError"]), min_size=1))
def test_a_batch_of_selects_counts_found_and_failed(ends: list[str]) -> None:
    """A batch of SELECTs counts items that were found, and statements that failed."""
    ends = ["missing", *ends[:24]]
    kind, _workload = built("batch_execute_statement", "select", len(ends))
    responses = {"found": {"Item": {"pk": {"S": "x"}}, "TableName": TABLE}, "missing": {"TableName": TABLE}}
    body = answered(*(responses.get(end) or failed(end) for end in ends), units=2.5)
    consumed = kind.succeeded(prepared(kind, 0)[1], body)
    throttled, broken = ends.count("ThrottlingError"), ends.count("InternalServerError")
    assert (consumed.found, consumed.unprocessed) == (ends.count("found"), throttled)
    assert (consumed.items, consumed.read_units) == (len(ends) - throttled - broken, 2.5)
    assert consumed.failed == ((("server:InternalServerError", broken),) if broken else ())


# ---- Responses that are not DynamoDB's


ITEM = {"pk": {"S": "x"}}


@pytest.mark.parametrize(
    ("operation", "statement", "answer"),
    [
        ("execute_statement", "select", {}),
        ("execute_statement", "select", {"Items": None}),
        ("execute_statement", "select", {"Items": [ITEM, ITEM]}),
        ("execute_statement", "select", {"Items": ["x"]}),
        ("execute_statement", "select", {"Items": {}}),
        *[("execute_statement", statement, {"Items": [ITEM]}) for statement in WRITING],
        *[("batch_execute_statement", statement, {}) for statement in STATEMENTS],
        *[("batch_execute_statement", statement, {"Responses": [{}]}) for statement in STATEMENTS],
        *[("batch_execute_statement", statement, {"Responses": [{}] * 3}) for statement in STATEMENTS],
        ("batch_execute_statement", "insert", {"Responses": {"0": {}, "1": {}}}),
        ("batch_execute_statement", "insert", {"Responses": [{}, None]}),
        ("batch_execute_statement", "insert", {"Responses": [{}, {"Error": {}}]}),
        ("batch_execute_statement", "insert", {"Responses": [{}, {"Error": "DuplicateItem"}]}),
        ("batch_execute_statement", "insert", {"Responses": [{}, {"Error": {"Code": 7}}]}),
        ("batch_execute_statement", "insert", {"Responses": [{}, {"Item": ITEM}]}),
        ("batch_execute_statement", "insert", {"Responses": [{}, {"TableName": "another"}]}),
        ("batch_execute_statement", "select", {"Responses": [{}, {"Item": 5}]}),
        ("batch_execute_statement", "select", {"Responses": [{}, {"Item": ITEM, **failed("ThrottlingError")}]}),
        ("execute_transaction", "select", {}),
        ("execute_transaction", "select", {"Responses": [{}]}),
        *[("execute_transaction", statement, {"Responses": [{}]}) for statement in WRITING],
        *[("execute_transaction", statement, {"Responses": [{"Item": ITEM}, {}]}) for statement in WRITING],
        *[(operation, "insert", {"ConsumedCapacity": [{"CapacityUnits": -1}]}) for operation in PARTIQL],
    ],
)
def test_a_response_of_another_shape_acknowledges_nothing(
    operation: str, statement: str, answer: dict[str, Any]
) -> None:
    kind, workload = built(operation, statement, 2 if operation in MOST_ITEMS else 1)
    work = prepared(kind, 0)[1]
    with pytest.raises(InvalidAnswer) as caught:
        kind.succeeded(work, json.dumps(answer).encode())
    assert invalid(caught.value).kind == "invalid"
    assert invalid(caught.value).reason.startswith("Unexpected")
    kind.failed(work, invalid(caught.value), True)
    assert workload.journal.counts()["acknowledged"] == 0
