# SPDX-License-Identifier: Apache-2.0
"""Malformed responses: each has a separate outcome, and the run continues with its measurements."""

import json
from typing import Any

import pytest
from command import adds_up, closed, rule, run
from ddbload.dynamo.http1 import Connection, Layout
from ddbload.dynamo.responses.documents import InvalidAnswer
from ddbload.dynamo.responses.errors import OUTCOMES, UNCERTAIN, classify, invalid
from ddbload.scenario.entries import MOST_ITEMS, PARTIQL, STATEMENTS, MixEntry
from ddbload.workload.operations import build
from dynamodb_stub import Reply, Stub
from hypothesis import given
from hypothesis import strategies as st
from server import Server
from workload.operations.test_operations import TABLE, UNIFORM, Sequential, workload_of

BASE = {"connections": 8, "timeout": 0.5, "item": {"size": 300}}
CAPACITY = "UnexpectedConsumedCapacity"
UNITS = "UnexpectedCapacityUnits"
# The body of a response to PutItem with status 200 -> the reason by which it is counted.
BODIES = {
    "{not json": "NotJson",
    "<html>busy</html>": "NotJson",
    "": "NotJson",
    "\xff\xfe": "NotJson",
    "[" * 100_000: "NotJson",
    '{"ConsumedCapacity":{"CapacityUnits":NaN}}': "NotJson",
    "[]": "NotAnObject",
    "null": "NotAnObject",
    "5": "NotAnObject",
    '"ok"': "NotAnObject",
    '{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}': "ErrorDocument",
    '{"ConsumedCapacity":"x"}': CAPACITY,
    '{"ConsumedCapacity":[5]}': CAPACITY,
    '{"ConsumedCapacity":{"CapacityUnits":"many"}}': UNITS,
    '{"ConsumedCapacity":{"CapacityUnits":[1]}}': UNITS,
    '{"ConsumedCapacity":{"CapacityUnits":1e999}}': UNITS,
    '{"ConsumedCapacity":{"CapacityUnits":-1}}': UNITS,
    '{"ConsumedCapacity":{"CapacityUnits":true}}': UNITS,
    '{"ConsumedCapacity":{"CapacityUnits":1,"GlobalSecondaryIndexes":[]}}': "UnexpectedGlobalSecondaryIndexes",
    '{"ConsumedCapacity":{"CapacityUnits":1,"LocalSecondaryIndexes":{"a":5}}}': "UnexpectedLocalSecondaryIndexes",
}


def answered(text: str, **more: Any) -> dict[str, Any]:
    return {"answer": {"text": text} | more}


def test_a_malformed_success_is_counted() -> None:
    script = [
        rule(answered(text), operation="PutItem", numbers=[10 + position, 11 + position])
        for position, text in enumerate(BODIES)
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(4, 200), "cleanup": True})
        left = server.table
    figures, check = seen.operation(), seen.results["verification"]
    expected: dict[str, int] = {}
    for reason in BODIES.values():
        expected[f"invalid:{reason}"] = expected.get(f"invalid:{reason}", 0) + 1
    assert (seen.code, seen.errors, seen.results["verdict"]) == (0, "", "passed")
    assert (figures["ok"], figures["failed"]) == (200 - len(BODIES), expected)
    # It is unknown whether they were written; the server wrote none.
    assert (check["present"], check["indeterminate"], check["lost"]) == (200 - len(BODIES), len(BODIES), 0)
    assert (left, seen.results["cleanup"]["complete"]) == ([], True)
    assert figures["consumed_write_units"] == 200 - len(BODIES)
    assert adds_up(seen.results)


def test_a_malformed_error_is_counted() -> None:
    bodies = [
        answered('{"__type":5}', status=400),
        answered("[" * 100_000, status=400),
        answered("<html>", status=403),
        answered("", status=302),
        answered("", status=204),
        answered('{"__type":"#TransactionCanceledException","CancellationReasons":5}', status=400),
    ]
    script = [
        rule(what, operation="PutItem", numbers=[10 + position, 11 + position]) for position, what in enumerate(bodies)
    ]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(4, 100)})
    figures = seen.operation()
    assert (seen.code, seen.errors, figures["ok"], adds_up(seen.results)) == (0, "", 94, True)
    assert figures["failed"] == {
        f"invalid:HTTP{status}": count for status, count in {400: 2, 403: 1, 302: 1, 204: 1}.items()
    }
    assert figures["cancelled"] == {"TransactionCanceledException": 1}


def test_a_check_with_empty_responses_proves_nothing() -> None:
    with Server([rule(answered("{}"), operation="BatchGetItem")]) as server:
        seen = run(server.url, BASE | {"plan": closed(4, 50), "cleanup": True})
        left = server.table
    check = seen.results["verification"]
    assert (seen.code, seen.errors, seen.operation()["ok"]) == (5, "", 50)
    assert (check["checked"], check["lost"], check["complete"]) == (0, 0, False)
    assert "0 of 50 keys were read again" in seen.message
    assert "an answer that is not DynamoDB's: its Responses is missing" in seen.message
    assert (left, seen.results["cleanup"]["deleted"]) == ([], 50)


@pytest.mark.parametrize("target", ["BatchGetItem", "BatchWriteItem"])
def test_check_and_cleanup_survive_malformed_responses(target: str) -> None:
    texts = ["[]", "null", "<html>", "[" * 100_000, '{"UnprocessedItems":5,"UnprocessedKeys":[]}', '{"__type":"x"}']
    script = [
        rule(answered(text), operation=target, numbers=[position, position + 1]) for position, text in enumerate(texts)
    ]
    script.append(rule({"bad_crc": True}, operation=target, numbers=[6, 7]))
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(4, 400), "cleanup": True})
        left = server.table
    check = seen.results["verification"]
    assert (seen.code, seen.errors, left) == (0, "", [])
    assert (check["present"], check["complete"], seen.results["cleanup"]["deleted"]) == (400, True, 400)


def test_a_response_after_an_interim_one_is_read() -> None:
    heads = ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]
    owner = RecordingOwner()
    connection = Connection(owner)
    for cut in (1, 7, 40, 10_000):
        connection.busy = True
        raw = "".join(heads).encode() + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        for start in range(0, len(raw), cut):
            connection.data_received(raw[start : start + cut])
    assert owner.reported == [(200, b"{}")] * 4


# ---- Any bytes


class RecordingOwner:
    """An owner of a connection that records its calls."""

    def __init__(self) -> None:
        self.layout = Layout()
        self.reported: list[tuple[int, bytes]] = []

    def succeeded(self, connection: Connection, body: bytes) -> None:
        self.reported.append((200, body))

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        self.reported.append((status, body))

    def lost(self, connection: Connection, reason: str) -> None:
        self.reported.append((0, reason.encode()))


KINDS = {
    **{name: MixEntry(name, 1) for name in ("put", "scan")},
    **{name: MixEntry(name, 1, UNIFORM) for name in ("update", "delete", "get", "query")},
    **{name: MixEntry(name, 1, UNIFORM, items=2) for name in ("batch_get", "transact_get")},
    **{name: MixEntry(name, 1, items=2) for name in ("batch_write", "transact_write")},
    **{
        f"{name} {statement}": MixEntry(
            name, 1, {} if statement == "insert" else UNIFORM, items=2 if name in MOST_ITEMS else 1, statement=statement
        )
        for name in PARTIQL
        for statement in STATEMENTS
    },
}
MEMBERS = (
    *("ConsumedCapacity", "CapacityUnits", "ReadCapacityUnits", "GlobalSecondaryIndexes", "Item", "Responses", "Count"),
    *(
        "LastEvaluatedKey",
        "Items",
        "Error",
        "Message",
        "UnprocessedItems",
        "UnprocessedKeys",
        "Keys",
        "PutRequest",
        "pk",
        "S",
        TABLE,
        "__type",
    ),
    *("CancellationReasons", "Code", "ThrottlingReasons", "reason", "message"),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=4),
    max_leaves=12,
)
BYTES = st.binary(max_size=60) | VALUES.map(lambda value: json.dumps(value).encode())


@pytest.mark.parametrize("name", KINDS)
@given(body=BYTES)
def test_an_operation_accepts_any_response(name: str, body: bytes) -> None:
    workload = workload_of({"it": KINDS[name]})
    operation = build("it", KINDS[name], workload, Sequential())
    ready = operation.prepare(0)
    assert ready is not None
    try:
        consumed = operation.succeeded(ready[1], body)
    except InvalidAnswer as error:
        # No success was reported, so that the operation can be abandoned.
        outcome = invalid(error)
        operation.failed(ready[1], outcome, outcome.kind in UNCERTAIN)
        # A statement with an error that ends the run may stand beside others that succeeded.
        assert workload.journal.counts()["acknowledged"] == 0 or outcome.kind == "fatal"
    else:
        assert all(0 <= units < 1e9 for units in (consumed.read_units, consumed.write_units))
    assert operation.prepare(1) is not None


@given(st.integers(100, 599), BYTES)
def test_any_error_has_a_class(status: int, body: bytes) -> None:
    outcome = classify(status, body)
    assert outcome.kind in OUTCOMES
    assert outcome.kind != "ok"
    assert all(isinstance(text, str) for text in outcome)


HEADS = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1_0\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-4\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 101 X\r\n\r\n",
        b"HTTP/1.1 100 X\r\n\r\n",
        b"HTTP/1.1 204 X\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-amz-crc32: x\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 999 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 2",
    ]
)


@given(st.lists(HEADS | st.binary(max_size=40), max_size=4).map(b"".join), st.integers(1, 50))
def test_a_connection_accepts_any_bytes(raw: bytes, cut: int) -> None:
    owner = RecordingOwner()
    connection = Connection(owner)
    connection.busy = True
    for start in range(0, len(raw), cut):
        connection.data_received(raw[start : start + cut])
    assert len(owner.reported) <= 1


def test_path_of_an_endpoint_is_requested_and_signed() -> None:
    with Stub(lambda operation, number, body: Reply()) as stub:
        seen = run(f"{stub.url}/some/path", BASE | {"plan": closed(2, 10), "verify": {"enabled": False}})
    assert (seen.code, stub.paths) == (0, {"/some/path"})
    with Stub() as stub:
        seen = run(f"{stub.url}/?a=b", BASE | {"plan": closed(2, 10)})
    assert (seen.code, "an endpoint has no query" in seen.message) == (5, True)
