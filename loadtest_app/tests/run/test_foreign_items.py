# SPDX-License-Identifier: Apache-2.0
"""Items of others: with every type of key, the defaults do not write to an application's ids."""

import base64
import re
from typing import Any

import botocore.session
import pytest
from command import RUN_ID, after, closed, run
from ddbload.scenario.entries import MOST_ITEMS, WRITES, MixEntry
from ddbload.workload.choice import Chooser
from ddbload.workload.keys import own_first
from ddbload.workload.operations import build
from hypothesis import given
from hypothesis import strategies as st
from server import Server
from workload.operations.test_operations import choosers, prepared, workload_of

# Numbers of 64 bits, with or without a sign.
APPLICATIONS_IDS = range(-(2**63), 2**64)
SMALL = {"connections": 4, "item": {"size": 200}, "plan": closed(4, 40)}
CHOSEN = {"keys": "sequential"}
MIXES: dict[str, dict[str, Any]] = {
    "put": {"put": 1},
    "overwrite": {"put": CHOSEN},
    "update": {"update": CHOSEN},
    "delete": {"delete": CHOSEN},
    "batch_write": {"batch_write": {"items": 5}},
    "transact_write": {"transact_write": {"items": 5}},
    "statements": {
        "insert": {"operation": "batch_execute_statement", "statement": "insert", "items": 5},
        "update": {"operation": "execute_statement", "statement": "update"},
        "delete": {"operation": "execute_transaction", "statement": "delete", "items": 2},
    },
    "all": {"put": 1, "update": CHOSEN, "delete": {"keys": "zipfian"}, "batch_write": {"items": 2}},
}


def table(*types: str) -> dict[str, Any]:
    keys = [(name, kind, type_) for (name, kind), type_ in zip((("pk", "HASH"), ("sk", "RANGE")), types, strict=False)]
    return {
        "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind, _type in keys],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": type_} for name, _kind, type_ in keys],
    }


def store(server: Server, types: str) -> list[dict[str, Any]]:
    """Put five items of an application into the table, with the ids 1 to 5 in the key's type."""
    dynamodb = botocore.session.Session().create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id="test-key",
        aws_secret_access_key="test-secret",
    )
    for number in range(1, 6):
        values = {"S": str(number), "N": str(number), "B": str(number).encode()}
        key = {name: {type_: values[type_]} for name, type_ in zip(("pk", "sk"), types, strict=False)}
        dynamodb.put_item(TableName="test-table", Item=key | {"name": {"S": f"user {number}"}})
    return server.table


@pytest.mark.parametrize(
    ("mix", "types"), [*((mix, "N") for mix in MIXES), *(("all", types) for types in ("NN", "NS", "S", "B", "SN"))]
)
def test_a_run_leaves_the_items_of_others_alone(mix: str, types: str) -> None:
    with Server(table=table(*types)) as server:
        theirs = store(server, types)
        scenario = SMALL | {"mix": MIXES[mix], "keys": {"count": 20}, "cleanup": {"rate": 0}}
        seen = run(server.url, scenario)
        assert (seen.code, seen.message, server.table) == (0, "", theirs)
    assert seen.results["verification"]["checked"] == 20
    assert seen.results["cleanup"]["complete"]


def test_commands_after_a_run_leave_them_alone_too(tmp_path: Any) -> None:
    with Server(table=table("N")) as server:
        theirs = store(server, "N")
        seen = run(server.url, SMALL | {"keys": {"count": 20}})
        assert len(server.table) == 5 + 20
        code, found = after("verify", seen, server.url, tmp_path)
        assert (code, found["checked"], found["present"], found["lost_at_least"]) == (0, 20, 20, 0)
        code, found = after("clean", seen, server.url, tmp_path, "--rate", "0")
        assert (code, found["deleted"], server.table) == (0, 20, theirs)


def test_requested_numbers_are_written() -> None:
    with Server(table=table("N")) as server:
        store(server, "N")
        seen = run(server.url, SMALL | {"keys": {"count": 5, "first": 1}})
        assert {item["pk"]["N"]: item["run"]["S"] for item in server.table} == dict.fromkeys("12345", RUN_ID)
    assert (seen.code, seen.results["scenario"]["keys"]["first"]) == (0, 1)


def test_reads_may_use_the_items_of_others() -> None:
    with Server(table=table("N")) as server:
        theirs = store(server, "N")
        seen = run(server.url, SMALL | {"mix": {"get": CHOSEN}, "keys": {"count": 5, "first": 1}})
        assert server.table == theirs
    assert (seen.code, seen.operation("get")["found"]) == (0, 40)


def test_every_prefix_writes_different_numbers() -> None:
    with Server(table=table("N")) as server:
        run(server.url, SMALL | {"keys": {"count": 20}})
        seen = run(server.url, SMALL | {"keys": {"count": 20, "prefix": "{run_id}"}}, "--run-id", "other")
        assert (seen.code, len(server.table)) == (0, 40)
        written = {int(item["pk"]["N"]) for item in server.table}
    assert written == {own_first(prefix) + index for prefix in ("ddbload", "other") for index in range(20)}


def test_a_first_number_for_a_table_without_numbers_is_refused() -> None:
    with Server() as server:
        seen = run(server.url, SMALL | {"keys": {"first": 1}})
    assert seen.code == 2
    assert seen.message == (
        "scenario: keys.first: is for a partition key of type N, pk is of type S: leave it out, and set keys.prefix"
    )


def keys_written(request: dict[str, Any], name: str) -> list[dict[str, str]]:
    """Return the values of an attribute of all keys that a request writes or deletes."""
    if "RequestItems" in request:
        items = [entry["PutRequest"]["Item"] for entry in request["RequestItems"]["test-table"]]
    elif "TransactItems" in request:
        items = [entry["Put"]["Item"] for entry in request["TransactItems"]]
    else:
        items = [request.get("Item") or request["Key"]]
    return [item[name] for item in items]


@given(
    st.sampled_from(WRITES),
    st.booleans(),
    st.sampled_from("SNB"),
    st.none() | st.sampled_from("SNB"),
    st.sampled_from(["", "1", "ddbload"]) | st.text(max_size=3),
    choosers,
    st.integers(0, 10**12 - 1),
)
def test_no_written_key_is_an_application_s_id(
    operation: str, chosen: bool, type_: str, range_type: str | None, prefix: str, chooser: Chooser, number: int
) -> None:
    keys = {"type": "uniform"} if operation in ("update", "delete") or (operation == "put" and chosen) else {}
    entry = MixEntry(operation, 1, keys, items=min(3, MOST_ITEMS.get(operation, 1)))
    per_partition = 7 if range_type else 1
    workload = workload_of({"it": entry}, type_ + (range_type or ""), 1000, per_partition, prefix)
    request, _work = prepared(build("it", entry, workload, chooser), number)
    for value in keys_written(request, "pk"):
        if type_ == "N":
            assert int(value["N"]) not in APPLICATIONS_IDS
        else:
            text = value["S"] if type_ == "S" else base64.b64decode(value["B"]).decode()
            assert re.fullmatch(r".*#[0-9]{12}", text, re.DOTALL)
