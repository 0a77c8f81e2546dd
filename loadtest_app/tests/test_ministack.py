# SPDX-License-Identifier: Apache-2.0
"""The real command against an independent emulator; botocore reads the items."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from ddbload.workload.items import item_bytes
from ports import free_port
from server import Server

pytest.importorskip("ministack")
SOURCE = Path(__file__).parents[1] / "src"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
CAPACITY = {"BillingMode": "PAY_PER_REQUEST"}
START_S = 60


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    settings = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "dynamodb", "IOT_MTLS_ENABLED": "0"}
    directory = tmp_path_factory.mktemp("ministack")
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory)} | settings
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ministack"], env=environment, cwd=directory, stdout=log, stderr=log
        )
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def client_of(url: str) -> Any:
    return botocore.session.get_session().create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
    )


@pytest.fixture(scope="module")
def client(url: str) -> Any:
    made = client_of(url)
    until = time.monotonic() + START_S
    while True:
        try:
            made.list_tables()
            return made
        except (BotoCoreError, ClientError):
            assert time.monotonic() < until, "the emulator does not start"
            time.sleep(0.2)


def create(client: Any, table: str, **schema: str) -> None:
    kinds = ["HASH", "RANGE"]
    client.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": name, "KeyType": kinds[position]} for position, name in enumerate(schema)],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": type_} for name, type_ in schema.items()],
        **CAPACITY,
    )


def run(url: str, table: str, *settings: str, run_id: str = "a-run") -> tuple[int, dict[str, dict]]:
    sets = [argument for setting in settings for argument in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-m", "ddbload", "run", "--table", table, "--run-id", run_id, *sets],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), "AWS_ENDPOINT_URL": url} | CREDENTIALS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, {event["event"]: event for event in map(json.loads, done.stdout.splitlines())}


def scan(client: Any, table: str) -> list[dict]:
    pages = client.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


@pytest.mark.parametrize("schema", [{"pk": "S"}, {"pk": "N", "sk": "S"}, {"pk": "B", "sk": "N"}])
def test_a_scan_finds_the_put_items(url: str, client: Any, schema: dict[str, str]) -> None:
    table = "table-" + "-".join(schema.values())
    create(client, table, **schema)
    plan = 'plan={"type":"closed","concurrency":8,"operations":300}'
    mix = 'mix={"put":2,"get":{"weight":1,"consistent":true}}'
    code, last = run(url, table, plan, mix, "item.size=333")
    assert code == 0
    operations = last["run.summary"]["operations"]
    items = scan(client, table)
    assert (operations["put"]["ok"], operations["get"]["ok"]) == (200, 100)
    assert len(items) == 200
    assert {item["run"]["S"] for item in items} == {"a-run"}
    if schema["pk"] != "B":  # botocore returns decoded binary values
        assert {item_bytes(item) for item in items} == {333}
    assert operations["get"]["found"] >= 90  # a get may run beside the put of its key


PARTIQL = {
    "insert": {"operation": "execute_statement", "weight": 4, "statement": "insert"},
    "update": {"operation": "execute_statement", "statement": "update", "keys": "zipfian"},
    "delete": {"operation": "execute_statement", "statement": "delete"},
    "select": {"operation": "execute_statement", "consistent": True, "keys": "latest"},
    "insert-several": {"operation": "batch_execute_statement", "statement": "insert", "items": 7},
    "update-several": {"operation": "batch_execute_statement", "statement": "update", "items": 3},
    "delete-several": {"operation": "batch_execute_statement", "statement": "delete", "items": 2},
    "select-several": {"operation": "batch_execute_statement", "items": 5},
    "insert-all": {"operation": "execute_transaction", "statement": "insert", "items": 3},
    "update-all": {"operation": "execute_transaction", "statement": "update", "keys": "latest"},
    "delete-all": {"operation": "execute_transaction", "statement": "delete"},
    "select-all": {"operation": "execute_transaction", "items": 4},
}


@pytest.mark.parametrize("schema", [{"pk": "S"}, {"pk": "N", "sk": "S"}, {"pk": "B", "sk": "N"}])
def test_statements_leave_what_the_journal_holds(url: str, client: Any, schema: dict[str, str]) -> None:
    """An independent implementation of PartiQL carries out every statement, and the check finds each write."""
    table = "partiql-" + "-".join(schema.values())
    create(client, table, **schema)
    operations = 20 * sum(entry.get("weight", 1) for entry in PARTIQL.values())
    plan = json.dumps({"type": "closed", "concurrency": 8, "operations": operations})
    code, last = run(url, table, f"plan={plan}", f"mix={json.dumps(PARTIQL)}", "item.size=333", run_id=table)
    summary = last["run.summary"]
    assert (code, last.get("run.failed")) == (0, None)
    figures = summary["operations"]
    assert {name: entry["failed"] for name, entry in figures.items()} == {name: {} for name in PARTIQL}
    # An UPDATE of a key that was deleted is refused; a DELETE is not.
    for name in set(PARTIQL) - {"update", "update-several", "update-all"}:
        assert (name, figures[name]["ok"]) == (name, figures[name]["sent"])
    for name in ("update", "update-several"):
        assert (name, figures[name]["ok"] + figures[name]["expected"]) == (name, 20)
    assert sum(figures["update-all"]["cancelled"].values()) + figures["update-all"]["ok"] == 20
    assert set(figures["update-several"]["items"]["failed"]) <= {"expected:ConditionalCheckFailed"}
    assert figures["insert-several"]["items"] == {"ok": 140, "unprocessed": 0, "failed": {}}
    assert figures["select"]["found"] > 0
    assert figures["select-all"]["found"] > 0
    assert figures["insert"]["consumed_write_units"] == 80
    assert len(scan(client, table)) == summary["verification"]["present"]


def test_the_test_server_answers_statements_as_ministack_does(url: str, client: Any) -> None:
    """The test server's PartiQL has the same responses and errors as an independent implementation."""
    create(client, "test-table", pk="S")
    with Server(process=False) as server:
        other = client_of(server.url)
        for one in (client, other):
            one.put_item(TableName="test-table", Item={"pk": {"S": "there"}})
        assert answers(client) == answers(other)


def answers(client: Any) -> list[Any]:
    """Return what a table answers to each kind of statement, alone, in a batch and in a transaction."""
    there, missing, new = {"S": "there"}, {"S": "missing"}, {"S": "new"}
    where = 'WHERE "pk" = ?'
    select, delete = f'SELECT * FROM "test-table" {where}', f'DELETE FROM "test-table" {where}'
    insert = "INSERT INTO \"test-table\" VALUE {'pk': ?, 'a b': ?}"
    update = f'UPDATE "test-table" SET "a b" = ? SET "data" = ? {where}'
    a = {"S": "a"}
    single: list[tuple[str, list[Any]]] = [
        *((select, [there]), (select, [missing])),
        *((insert, [new, a]), (insert, [new, a]), (select, [new])),
        *((update, [a, a, new]), (select, [new]), (update, [a, a, missing])),
        *((delete, [new]), (delete, [new]), (select, [new])),
    ]
    found = [tried(client.execute_statement, Statement=text, Parameters=values) for text, values in single]
    for texts in (
        [(insert, [new, a]), (insert, [there, a]), (update, [a, a, missing]), (delete, [{"S": "gone"}])],
        [(select, [new]), (select, [missing])],
        [(delete, [new])],
    ):
        statements = [{"Statement": text, "Parameters": values} for text, values in texts]
        found.append(tried(client.batch_execute_statement, Statements=statements))
    for texts in (
        [(insert, [new, a]), (update, [a, a, there])],
        [(select, [new]), (select, [missing])],
        [(delete, [new]), (update, [a, a, missing])],
        [(delete, [new]), (delete, [missing])],
    ):
        statements = [{"Statement": text, "Parameters": values} for text, values in texts]
        found.append(tried(client.execute_transaction, TransactStatements=statements))
    return found


def tried(call: Any, **request: Any) -> Any:
    """Return the parts of a response that both have: items, codes of errors, reasons of a cancellation."""
    try:
        answer = call(**request)
    except ClientError as error:
        reasons = [reason["Code"].removesuffix("Exception") for reason in error.response.get("CancellationReasons", [])]
        return error.response["Error"]["Code"], reasons
    parts = answer.get("Responses", [])
    return answer.get("Items"), [(part.get("Item"), part.get("Error", {}).get("Code")) for part in parts]


def test_keys_repeat_after_the_last_one(url: str, client: Any) -> None:
    create(client, "table-again", pk="S")
    code, last = run(url, "table-again", "plan.rate=100", "plan.duration=1", "keys.count=30")
    assert (code, last["run.summary"]["operations"]["put"]["ok"]) == (0, 100)
    assert len(scan(client, "table-again")) == 30


def test_a_missing_table_is_exit_code_5(url: str, client: Any) -> None:
    code, last = run(url, "no-such-table")
    assert (code, last["run.failed"]["reason"]) == (5, "target_unusable")
    assert f"there is no table no-such-table at {url}" in last["run.failed"]["message"]
