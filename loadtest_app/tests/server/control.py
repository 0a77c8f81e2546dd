# SPDX-License-Identifier: Apache-2.0
"""What a test asks the server itself, on a port of its own that no fault can touch."""

from __future__ import annotations

import asyncio
from typing import cast

from server.http import encode
from server.service import Service


class Control(asyncio.Protocol):
    """One question, ``GET /log`` or ``GET /table``, and its answer in JSON."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if b"\r\n\r\n" not in self._buffer:
            return
        asks_log = self._buffer.startswith(b"GET /log ")
        document = self._service.log.to_document() if asks_log else list(self._service.database.table.items())
        body = encode(document)
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        self._transport.close()
