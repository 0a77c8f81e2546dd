# SPDX-License-Identifier: Apache-2.0
"""A test's requests about the server, on a separate port without faults."""

from __future__ import annotations

import asyncio
from typing import cast

from server.http import encode
from server.service import Service


class Control(asyncio.Protocol):
    """One request, ``GET /log``, ``GET /table`` or ``GET /control``, and its response in JSON."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if b"\r\n\r\n" not in self._buffer:
            return
        path, database = self._buffer.split(b" ", 2)[1], self._service.database
        table = database.control if path == b"/control" else database.table
        document = self._service.log.to_document() if path == b"/log" else list(table.items())
        body = encode(document)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        self._transport.close()
