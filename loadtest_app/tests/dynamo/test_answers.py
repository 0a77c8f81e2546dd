# SPDX-License-Identifier: Apache-2.0
"""Answers that are not DynamoDB's: each is an outcome of its own, and the run goes on with what it has measured."""

import json
from typing import Any

import pytest
from command import adds_up, closed, rule, run
from ddbload.dynamo.documents import InvalidAnswer
from ddbload.dynamo.errors import OUTCOMES, Verdict, classify
from ddbload.dynamo.http1 import Connection, Layout
from ddbload.scenario.entries import MixEntry
from ddbload.workload.operations import build
from dynamodb_stub import Reply, Stub
from hypothesis import given
from hypothesis import strategies as st
from server import Server
from workload.operations.test_operations import TABLE, UNIFORM, Sequential, workload_of

BASE = {"connections": 8, "timeout": 0.5, "item": {"size": 300}}
CAPACITY = "UnexpectedConsumedCapacity"
UNITS = "UnexpectedCapacityUnits"
# What a PutItem is answered with, status 200 -> the reason that it is counted by.
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


def test_a_success_that_is_none_is_counted_and_the_run_goes_on() -> None:
    script = [
        rule(answered(text), operation="PutItem", numbers=[10 + place, 11 + place]) for place, text in enumerate(BODIES)
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
    # Whether they were written nobody was told; the server wrote none.
    assert (check["present"], check["indeterminate"], check["lost"]) == (200 - len(BODIES), len(BODIES), 0)
    assert (left, seen.results["cleanup"]["complete"]) == ([], True)
    assert figures["consumed_write_units"] == 200 - len(BODIES)
    assert adds_up(seen.results)


def test_an_error_that_is_none_is_counted_and_the_run_goes_on() -> None:
    bodies = [
        answered('{"__type":5}', status=400),
        answered("[" * 100_000, status=400),
        answered("<html>", status=403),
        answered("", status=302),
        answered("", status=204),
        answered('{"__type":"#TransactionCanceledException","CancellationReasons":5}', status=400),
    ]
    script = [rule(what, operation="PutItem", numbers=[10 + place, 11 + place]) for place, what in enumerate(bodies)]
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(4, 100)})
    figures = seen.operation()
    assert (seen.code, seen.errors, figures["ok"], adds_up(seen.results)) == (0, "", 94, True)
    assert figures["failed"] == {
        f"invalid:HTTP{status}": count for status, count in {400: 2, 403: 1, 302: 1, 204: 1}.items()
    }
    assert figures["cancelled"] == {"TransactionCanceledException": 1}


def test_a_check_that_is_answered_with_nothing_proves_nothing() -> None:
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
def test_check_and_cleanup_outlast_answers_that_are_none(target: str) -> None:
    texts = ["[]", "null", "<html>", "[" * 100_000, '{"UnprocessedItems":5,"UnprocessedKeys":[]}', '{"__type":"x"}']
    script = [rule(answered(text), operation=target, numbers=[place, place + 1]) for place, text in enumerate(texts)]
    script.append(rule({"bad_crc": True}, operation=target, numbers=[6, 7]))
    with Server(script) as server:
        seen = run(server.url, BASE | {"plan": closed(4, 400), "cleanup": True})
        left = server.table
    check = seen.results["verification"]
    assert (seen.code, seen.errors, left) == (0, "", [])
    assert (check["present"], check["complete"], seen.results["cleanup"]["deleted"]) == (400, True, 400)


def test_an_answer_after_an_interim_one_is_read() -> None:
    heads = ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]
    owner = Told()
    connection = Connection(owner)
    for cut in (1, 7, 40, 10_000):
        connection.busy = True
        raw = "".join(heads).encode() + b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
        for start in range(0, len(raw), cut):
            connection.data_received(raw[start : start + cut])
    assert owner.told == [(200, b"{}")] * 4


# ---- Whatever comes


class Told:
    """An owner of a connection that notes what it is told."""

    def __init__(self) -> None:
        self.layout = Layout()
        self.told: list[tuple[int, bytes]] = []

    def succeeded(self, connection: Connection, body: bytes) -> None:
        self.told.append((200, body))

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        self.told.append((status, body))

    def lost(self, connection: Connection, reason: str) -> None:
        self.told.append((0, reason.encode()))


KINDS = {
    **{name: MixEntry(name, 1) for name in ("put", "scan")},
    **{name: MixEntry(name, 1, UNIFORM) for name in ("update", "delete", "get", "query")},
    **{name: MixEntry(name, 1, UNIFORM, items=2) for name in ("batch_get", "transact_get")},
    **{name: MixEntry(name, 1, items=2) for name in ("batch_write", "transact_write")},
}
MEMBERS = (
    *("ConsumedCapacity", "CapacityUnits", "ReadCapacityUnits", "GlobalSecondaryIndexes", "Item", "Responses", "Count"),
    *("LastEvaluatedKey", "UnprocessedItems", "UnprocessedKeys", "Keys", "PutRequest", "pk", "S", TABLE, "__type"),
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
def test_no_answer_is_too_odd_for_an_operation(name: str, body: bytes) -> None:
    workload = workload_of({"it": KINDS[name]})
    operation = build("it", KINDS[name], workload, Sequential())
    ready = operation.prepare(0)
    assert ready is not None
    try:
        consumed = operation.succeeded(ready[1], body)
    except InvalidAnswer as error:
        # It has told nobody of a success, so that it can be given up.
        operation.failed(ready[1], Verdict("invalid", error.reason), True)
        assert workload.journal.counts()["acknowledged"] == 0
    else:
        assert all(0 <= units < 1e9 for units in (consumed.read_units, consumed.write_units))
    assert operation.prepare(1) is not None


@given(st.integers(100, 599), BYTES)
def test_no_error_is_too_odd_to_be_classed(status: int, body: bytes) -> None:
    verdict = classify(status, body)
    assert verdict.outcome in OUTCOMES
    assert verdict.outcome != "ok"
    assert all(isinstance(text, str) for text in verdict)


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
def test_no_bytes_are_too_odd_for_a_connection(raw: bytes, cut: int) -> None:
    owner = Told()
    connection = Connection(owner)
    connection.busy = True
    for start in range(0, len(raw), cut):
        connection.data_received(raw[start : start + cut])
    assert len(owner.told) <= 1


def test_the_path_of_an_endpoint_is_asked_for_and_signed() -> None:
    with Stub(lambda operation, number, body: Reply()) as stub:
        seen = run(f"{stub.url}/some/path", BASE | {"plan": closed(2, 10), "verify": {"enabled": False}})
    assert (seen.code, stub.paths) == (0, {"/some/path"})
    with Stub() as stub:
        seen = run(f"{stub.url}/?a=b", BASE | {"plan": closed(2, 10)})
    assert (seen.code, "an endpoint has no query" in seen.message) == (5, True)
