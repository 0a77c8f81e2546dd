# SPDX-License-Identifier: Apache-2.0
"""A server like DynamoDB for tests: responds with the bytes and after the delay of its script."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import struct
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

OK_PUT = {"ConsumedCapacity": {"TableName": "test-table", "CapacityUnits": 1.0}}
OK_GET = {"ConsumedCapacity": {"TableName": "test-table", "CapacityUnits": 0.5}, "Item": {"pk": {"S": "x"}}}
TABLE = {
    "Table": {
        "TableName": "test-table",
        "TableStatus": "ACTIVE",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"},
        "ItemCount": 0,
    }
}


@dataclass
class Reply:
    """One response: its content, its delay, and its fault."""

    status: int = 200
    document: Any = None
    delay_s: float = 0.0
    bad_crc: bool = False
    reset: bool = False
    silent: bool = False
    chunked: bool = False
    piece_bytes: int = 0
    close: bool = False
    headers: dict[str, str] = field(default_factory=dict)


def error(name: str, message: str = "no", status: int = 400, **more: Any) -> Reply:
    """An error as DynamoDB writes it."""
    return Reply(status, {"__type": f"com.amazonaws.dynamodb.v20120810#{name}", "message": message} | more)


@dataclass
class Stub:
    """The server.

    ``script`` returns the reply to data request number n (from 0) of an operation, ``describe`` the one to a
    DescribeTable with these headers, ``accept`` whether connection number n is kept; with ``tls`` it uses TLS.
    """

    script: Callable[[str, int, dict[str, Any]], Reply] = lambda operation, number, body: Reply()
    describe: Callable[[dict[str, str]], Reply] = lambda headers: Reply(document=TABLE)
    accept: Callable[[int], bool] = lambda number: True
    tls: ssl.SSLContext | None = None
    port: int = 0
    connections: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    keys: list[str] = field(default_factory=list)
    access_keys: list[str] = field(default_factory=list)
    paths: set[str] = field(default_factory=set)

    def __enter__(self) -> Stub:
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started,), daemon=True)
        self._thread.start()
        assert started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def _serve(self, started: threading.Event) -> None:
        async def main() -> None:
            self._stop = asyncio.Event()
            server = await asyncio.start_server(self._connection, "127.0.0.1", 0, ssl=self.tls)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
            await self._stop.wait()
            server.close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

        self._loop.run_until_complete(main())

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, self.connections = self.connections, self.connections + 1
        if not self.accept(number):
            _reset(writer)
            return
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.paths.add(head.split(b" ")[1].decode())
                headers = dict(line.partition(": ")[::2] for line in head.decode().lower().split("\r\n")[1:] if line)
                body = json.loads(await reader.readexactly(int(headers["content-length"])))
                operation = headers["x-amz-target"].rpartition(".")[2]
                number = self.requests[operation]
                self.requests[operation] += 1
                if operation == "describetable":
                    reply = self.describe(headers)
                else:
                    if operation == "putitem":
                        self.keys.append(body["Item"]["pk"]["S"])
                    self.access_keys.append(headers["authorization"].partition("credential=")[2].partition("/")[0])
                    reply = self.script(operation, number, body)
                await self._reply(writer, operation, reply)
                if reply.reset or reply.close:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _reply(self, writer: asyncio.StreamWriter, operation: str, reply: Reply) -> None:
        if reply.silent:
            await asyncio.sleep(3600)
        if reply.delay_s:
            await asyncio.sleep(reply.delay_s)
        if reply.reset:
            _reset(writer)
            return
        document = reply.document or (OK_GET if operation == "getitem" else OK_PUT)
        body = json.dumps(document).encode()
        crc = zlib.crc32(body) ^ (1 if reply.bad_crc else 0)
        lines = [f"HTTP/1.1 {reply.status} X", "Content-Type: application/x-amz-json-1.0", f"x-amz-crc32: {crc}"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        lines += ["Connection: close"] if reply.close else []
        if reply.chunked:
            lines.append("Transfer-Encoding: chunked")
            middle = len(body) // 2
            parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:middle], body[middle:])]
            body = b"".join(parts) + b"0\r\n\r\n"
        else:
            lines.append(f"Content-Length: {len(body)}")
        raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        step = reply.piece_bytes or len(raw)
        for start in range(0, len(raw), step):
            writer.write(raw[start : start + step])
            if step < len(raw):
                await asyncio.sleep(0.001)
        await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    # A close without lingering sends RST.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
