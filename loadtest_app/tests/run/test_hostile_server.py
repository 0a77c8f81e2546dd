# SPDX-License-Identifier: Apache-2.0
"""A server with names, lengths and tables that DynamoDB never returns: the measurements are kept."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from command import adds_up, closed, rule, run
from ddbload import files
from ddbload.dynamo import endpoint
from ddbload.dynamo.responses.errors import classify
from ddbload.engine.record import MOST_NAMES, OTHER
from ddbload.results import merge as results
from ddbload.results.events import MAX_EVENT_CHARACTERS
from dynamodb_stub import TABLE, Reply, Stub, error
from server import Server

BASE = {"connections": 4, "timeout": 0.5, "item": {"size": 300}}
# The length of the pieces into which Docker's log driver cuts a line.
PIECE = 16_384
REQUEST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def cut(seen_events: list[dict[str, Any]]) -> list[str]:
    """Return the lines of events as a log driver passes them on."""
    lines = [json.dumps(event, separators=(",", ":")) for event in seen_events]
    assert max(map(len, lines)) <= MAX_EVENT_CHARACTERS
    return [line[start : start + PIECE] for line in lines for start in range(0, len(line), PIECE)]


# ---- Endless names


def named(kind: str, number: int) -> Reply:
    name = f"E{number}" + "x" * 1000
    if kind == "failed":
        return error(name, status=500)
    if kind == "throttled":
        return error("ThrottlingException", ThrottlingReasons=[{"reason": name}])
    if kind == "cancelled":
        return error("TransactionCanceledException", CancellationReasons=[{"Code": name}])
    units = {name[:255]: {"CapacityUnits": 1}}
    return Reply(document={"ConsumedCapacity": {"CapacityUnits": 1, "GlobalSecondaryIndexes": units}})


@pytest.mark.parametrize("kind", ["failed", "throttled", "cancelled", "indexes"])
@pytest.mark.parametrize("attempts", [1, 2])
def test_any_number_of_names_keeps_the_summary(kind: str, attempts: int) -> None:
    scenario = {
        "plan": closed(4, 800),
        "verify": {"enabled": False},
        "retries": {"attempts": attempts, "base_ms": 1, "cap_ms": 1},
    }
    with Stub(lambda operation, number, body: named(kind, number) if number % 2 else Reply()) as stub:
        seen = run(stub.url, BASE | scenario)
    merged = results.merge(cut(seen.events))
    assert (merged["operations"], merged["warnings"]) == (seen.results["operations"], seen.results["warnings"])
    assert adds_up(merged)
    reported = merged["operations"]["put"][kind]
    others = [name for name in reported if OTHER in name]
    assert (len(reported), len(others)) == (MOST_NAMES + 1, 1)


def test_a_server_s_message_is_shortened() -> None:
    with Stub(lambda operation, number, body: error("AccessDeniedException", "z" * 500_000)) as stub:
        seen = run(stub.url, BASE | {"plan": closed(2, 50)})
    assert seen.code == 5
    assert "AccessDeniedException: zzz" in seen.message
    assert len(seen.message) < 2000
    assert results.merge(cut(seen.events))["failures"] == [seen.message]
    assert len(classify(400, json.dumps({"__type": "x#" + "A" * 9000}).encode()).reason) < 200


# ---- Other tables


@pytest.mark.parametrize(
    "text",
    [
        '{"UnprocessedItems":{"other":[{"PutRequest":{"Item":{"pk":{"S":"x"}}}}]}}',
        '{"UnprocessedItems":{"other":[]}}',
    ],
)
def test_a_batch_of_another_table_acknowledges_nothing(text: str) -> None:
    mix = {"many": {"operation": "batch_write", "weight": 1, "items": 3}}
    with Server([rule({"answer": {"text": text}}, operation="BatchWriteItem", numbers=[5, 15])]) as server:
        seen = run(server.url, BASE | {"mix": mix, "plan": closed(4, 40)})
    assert (seen.code, seen.operation("many")["failed"]) == (0, {"invalid:UnexpectedUnprocessedItems": 10})
    check = seen.results["verification"]
    assert (check["lost"], check["indeterminate"], check["present"]) == (0, 30, 90)


def test_a_check_of_another_table_proves_nothing() -> None:
    text = '{"Responses":{"test-table":[]},"UnprocessedKeys":{"other":{"Keys":[{"pk":{"S":"x"}}]}}}'
    with Server([rule({"answer": {"text": text}}, operation="BatchGetItem")]) as server:
        seen = run(server.url, BASE | {"plan": closed(4, 40)})
    assert (seen.code, seen.results["verification"]["lost"], seen.results["verification"]["checked"]) == (5, 0, 0)
    assert "its UnprocessedKeys is missing, or not what DynamoDB sends" in seen.message


# ---- Invalid descriptions


def described(**members: Any) -> dict[str, Any]:
    return {"Table": TABLE["Table"] | members}


def keyed(*kinds: str, names: tuple[Any, ...] = ("pk", "sk")) -> dict[str, Any]:
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, kinds, strict=False)]
    types = [{"AttributeName": name, "AttributeType": "S"} for name in names]
    return described(KeySchema=schema, AttributeDefinitions=types)


@pytest.mark.parametrize(
    "document",
    [
        described(ProvisionedThroughput={"ReadCapacityUnits": 1e999, "WriteCapacityUnits": 1}),
        described(WarmThroughput={"ReadUnitsPerSecond": 1e999}),
        keyed("HASH", names=(5,)),
        keyed("HASH", names=("\ud800",)),
        keyed(),
        keyed("RANGE"),
        keyed("RANGE", "HASH"),
        keyed("HASH", "HASH"),
        keyed("HASH", "RANGE", names=("pk", "pk")),
        keyed("HASH", "RANGE", "RANGE", names=("pk", "sk", "tk")),
    ],
)
def test_an_invalid_description_names_the_endpoint(document: dict[str, Any]) -> None:
    # JSON has no infinity: a number too large for a float becomes one.
    text = json.dumps(document).replace("Infinity", "1e999")
    with Server([rule({"answer": {"text": text}}, operation="DescribeTable")]) as server:
        seen = run(server.url, BASE | {"plan": closed(2, 10)})
    assert (seen.code, seen.errors, len(seen.of("run.failed"))) == (5, "", 1)
    assert seen.message.startswith(f"DynamoDB at {server.url} ")


@contextmanager
def answering(head: bytes, more: bytes = b"", pause_s: float = 0.0) -> Iterator[str]:
    """Serve one connection: a head, then the same bytes repeatedly until it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _address = listening.accept()
            with connection:
                try:
                    connection.recv(4096)
                    connection.sendall(head)
                    while more:
                        connection.sendall(more)
                        time.sleep(pause_s)
                except OSError:
                    return

        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.join(5)
        assert not server.is_alive()


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{"


@pytest.mark.parametrize(
    ("head", "more", "pause_s"),
    [
        (SIZED, b"", 0.0),
        (SIZED, b"x" * 65_536, 0.0),
        (CHUNKED, b"10000\r\n" + b"x" * 65_536 + b"\r\n", 0.0),
        (SIZED, b"x", 0.02),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.02),
    ],
)
def test_an_endless_description_ends_at_a_limit(
    head: bytes, more: bytes, pause_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "RESPONSE_TIMEOUT_S", 0.5)
    begun_s = time.monotonic()
    with answering(head, more, pause_s) as url, pytest.raises((OSError, HTTPException)):
        endpoint.exchange(url, REQUEST)
    assert time.monotonic() - begun_s < 20


# ---- Files that are written


def test_only_a_regular_file_is_replaced(tmp_path: Path) -> None:
    pipe, folder, loop = tmp_path / "pipe", tmp_path / "folder", tmp_path / "loop"
    os.mkfifo(pipe)
    folder.mkdir()
    loop.symlink_to(loop)
    for path in (pipe, folder, loop):
        before = path.lstat()
        with pytest.raises(OSError, match=r"name a regular file|Too many levels"):
            files.write_text(path, "text")
        assert (path.lstat().st_ino, path.lstat().st_mode) == (before.st_ino, before.st_mode)
    assert sorted(tmp_path.iterdir()) == sorted([pipe, folder, loop])


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    link.symlink_to(file)
    for text in ("one", "two\n"):
        files.write_text(link, text)
        assert (file.read_text(), link.is_symlink()) == (text, True)


def test_a_link_beside_the_file_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("kept")
    (tmp_path / "file.tmp").symlink_to(other)
    with pytest.raises(OSError, match="Too many levels"):
        files.write_text(tmp_path / "file", "text")
    assert other.read_text() == "kept"
