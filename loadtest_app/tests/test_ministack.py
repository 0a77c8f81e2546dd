# SPDX-License-Identifier: Apache-2.0
"""The real command against an independent emulator; botocore reads the items."""

from __future__ import annotations

import json
import os
import socket
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

pytest.importorskip("ministack")
SOURCE = Path(__file__).parents[1] / "src"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
CAPACITY = {"BillingMode": "PAY_PER_REQUEST"}
START_S = 60


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
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


@pytest.fixture(scope="module")
def client(url: str) -> Any:
    made: Any = botocore.session.get_session().create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30),
    )
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


def run(url: str, table: str, *settings: str) -> tuple[int, dict[str, dict]]:
    sets = [argument for setting in settings for argument in ("--set", setting)]
    done = subprocess.run(
        [sys.executable, "-m", "ddbload", "run", "--table", table, "--run-id", "a-run", *sets],
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


def test_keys_repeat_after_the_last_one(url: str, client: Any) -> None:
    create(client, "table-again", pk="S")
    code, last = run(url, "table-again", "plan.rate=100", "plan.duration=1", "keys.count=30")
    assert (code, last["run.summary"]["operations"]["put"]["ok"]) == (0, 100)
    assert len(scan(client, "table-again")) == 30


def test_a_missing_table_is_exit_code_5(url: str, client: Any) -> None:
    code, last = run(url, "no-such-table")
    assert (code, last["run.failed"]["reason"]) == (5, "target_unusable")
    assert f"there is no table no-such-table at {url}" in last["run.failed"]["message"]
