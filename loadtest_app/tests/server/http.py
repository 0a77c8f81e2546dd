# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's HTTP/1.1 (RFC 9112): reads whole requests, sends responses in any shape."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import socket
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

HEADER = re.compile(rb"(?im)^(content-length|x-amz-target|x-amz-date|authorization):[ \t]*([^\r\n]*)")
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}
PIECE_PAUSE_S = 0.001

ENCODER = json.JSONEncoder(separators=(",", ":"))

request_ids = itertools.count(1)


@dataclass(frozen=True)
class Answer:
    """A response, and the shape in which it is sent.

    ``pieces``: bytes of each piece, with a pause of a millisecond after each; 0 for one piece. ``reset``: the
    connection is reset in the middle of it.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = False
    pieces: int = 0
    close: bool = False
    reset: bool = False
    bad_crc: bool = False

    @property
    def is_usual(self) -> bool:
        """Whether it is a 200 in the usual shape."""
        return self.status == 200 and not (
            self.headers or self.chunked or self.pieces or self.close or self.reset or self.bad_crc
        )


def encode(document: Any) -> bytes:
    """Return JSON as DynamoDB writes it: without spaces."""
    return ENCODER.encode(document).encode()


class Handler(Protocol):
    """Takes connections and their requests, and returns the time."""

    def date(self) -> bytes:
        """Return the present value of the Date header."""

    def connected(self, connection: Connection) -> None:
        """Take a new connection."""

    def disconnected(self, connection: Connection) -> None:
        """A connection is gone."""

    def requested(self, connection: Connection, head: Mapping[bytes, bytes], body: bytes) -> None:
        """Take a whole request; call ``connection.answer`` or close the connection, now or later."""


class Connection(asyncio.BufferedProtocol):
    """One connection; sends the responses to its requests in order, one at a time.

    ``received`` is the buffer of received bytes. All connections of a server may share it: it is emptied before
    the next bytes arrive. Without it, each read would allocate one.
    """

    def __init__(self, handler: Handler, received: memoryview) -> None:
        self._handler = handler
        self._received = received
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._waiting = False
        self._reading = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._handler.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._handler.disconnected(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._received[:nbytes])
        self._buffer = self._buffer + data if self._buffer else data
        self._read()

    def answer(self, answer: Answer) -> None:
        """Send a response, if the client is still connected."""
        if self._transport is None:
            return
        if answer.is_usual:
            self.ok(answer.body)
            return
        whole = self._encode(answer)
        if answer.reset:
            self._transport.write(whole[: len(whole) // 2])
            # The written bytes are sent first: a reset drops bytes that the client has not read.
            asyncio.get_running_loop().call_later(PIECE_PAUSE_S, self.reset)
        elif answer.pieces:
            self._send_pieces(whole, answer)
        else:
            self._transport.write(whole)
            self._finish(answer.close)

    def ok(self, body: bytes) -> None:
        """Send a response in the usual shape, without the cost of the others."""
        if self._transport is not None:
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nServer: Server\r\nDate: %b\r\nContent-Type: application/x-amz-json-1.0\r\n"
                b"Connection: keep-alive\r\nx-amzn-RequestId: %052d\r\nx-amz-crc32: %d\r\nContent-Length: %d\r\n\r\n%b"
                % (self._handler.date(), next(request_ids), zlib.crc32(body), len(body), body)
            )
            self._finish(False)

    def close(self) -> None:
        """End the connection, also during a response."""
        if self._transport is not None:
            self._transport.abort()

    def reset(self) -> None:
        """End the connection with RST."""
        if self._transport is not None:
            # A close without lingering sends RST.
            linger = struct.pack("ii", 1, 0)
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._transport.abort()

    def _read(self) -> None:
        if self._reading:
            return
        self._reading = True
        while self._buffer and not self._waiting and self._read_one():
            pass
        self._reading = False

    def _read_one(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self._buffer[:end]
        headers = {name.lower(): value for name, value in HEADER.findall(head)}
        body_end = end + 4 + int(headers.get(b"content-length", 0))
        if len(self._buffer) < body_end:
            return False
        body = self._buffer[end + 4 : body_end]
        self._buffer = self._buffer[body_end:]
        self._waiting = True
        self._handler.requested(self, headers, body)
        return True

    def _finish(self, close: bool) -> None:
        self._waiting = False
        if close and self._transport is not None:
            self._transport.close()
        elif self._buffer:
            self._read()

    def _send_pieces(self, whole: bytes, answer: Answer) -> None:
        if self._transport is None:
            return
        self._transport.write(whole[: answer.pieces])
        rest = whole[answer.pieces :]
        if rest:
            asyncio.get_running_loop().call_later(PIECE_PAUSE_S, self._send_pieces, rest, answer)
        else:
            self._finish(answer.close)

    def _encode(self, answer: Answer) -> bytes:
        crc = zlib.crc32(answer.body) ^ answer.bad_crc
        headers = {
            "Server": "Server",
            "Date": self._handler.date().decode(),
            "Content-Type": "application/x-amz-json-1.0",
            "Connection": "close" if answer.close else "keep-alive",
            "x-amzn-RequestId": f"{next(request_ids):052d}",
            "x-amz-crc32": str(crc),
        } | dict(answer.headers)
        body = answer.body
        if answer.chunked:
            headers["Transfer-Encoding"] = "chunked"
            middle = len(body) // 2
            parts = [b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:middle], body[middle:]) if part]
            body = b"".join(parts) + b"0\r\n\r\n"
        else:
            headers["Content-Length"] = str(len(body))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}\r\n{lines}\r\n".encode() + body
