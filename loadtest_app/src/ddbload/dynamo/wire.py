# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on one connection: a request out, its answer in, the next request.

RFC 9112. One request is under way at a time, since DynamoDB does not pipeline.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from typing import NamedTuple, Protocol, cast

MAX_HEAD_BYTES = 65_536
HEADERS = re.compile(rb"\r\n(content-length|transfer-encoding|connection|x-amz-crc32):[ \t]*([^\r\n]*)")


class WireError(Exception):
    """An answer that is not HTTP/1.1 as DynamoDB speaks it."""


class Head(NamedTuple):
    """What matters of an answer's status line and headers."""

    status: int
    length: int | None
    chunked: bool
    close: bool
    crc32: int | None


class Owner(Protocol):
    """Who is told what becomes of a connection."""

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        """A whole answer is there; ``intact`` tells whether its checksum is right."""

    def lost(self, connection: Connection, reason: str) -> None:
        """The connection is gone."""


class Connection(asyncio.Protocol):
    """A connection and the operation that is under way on it."""

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.transport: asyncio.Transport | None = None
        self.busy = False
        self.operation = ""
        self.planned_ns = 0
        self.sent_ns = 0
        self._buffer = b""
        self._head: Head | None = None
        self._body_at = 0
        self._gone = False
        self._close_reason = "ConnectionClosed"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass of it

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._gone = True
        reason = "ConnectionReset" if isinstance(exc, ConnectionResetError | BrokenPipeError) else self._close_reason
        self.owner.lost(self, reason)

    def begin(self, request: bytes, operation: str, planned_ns: int, now_ns: int) -> None:
        """Send a request; ``planned_ns`` and ``now_ns`` are on the engine's clock."""
        assert self.transport
        self.busy = True
        self.operation, self.planned_ns, self.sent_ns = operation, planned_ns, now_ns
        self.transport.write(request)

    def abort(self, reason: str) -> None:
        """Give the connection up; the owner is told so with this reason."""
        self._close_reason = reason
        if self.transport:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop with whatever came, however it was cut."""
        self._buffer = self._buffer + data if self._buffer else data
        try:
            if self._head is None and not self._read_head():
                return
            assert self._head
            if self._head.chunked:
                decoded = decode_chunked(self._buffer, self._body_at)
                if decoded is None:
                    return
                body, end = decoded
            else:
                end = self._body_at + (self._head.length or 0)
                if len(self._buffer) < end:
                    return
                body = self._buffer[self._body_at : end]
        except WireError as error:
            self.abort(f"BadAnswer: {error}")
            return
        head, self._head = self._head, None
        self._buffer = self._buffer[end:]
        if self._buffer or not self.busy:
            self.abort("BadAnswer: more than was asked for")
            return
        self.busy = False
        if head.close and self.transport:
            self.transport.close()
            self._gone = True
        self.owner.answered(self, head.status, body, head.crc32 is None or head.crc32 == zlib.crc32(body))

    @property
    def usable(self) -> bool:
        """Whether another request can go out on it."""
        return not self._gone

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise WireError("headers without end")
            return False
        self._head = parse_head(self._buffer[:end])
        self._body_at = end + 4
        return True


def parse_head(head: bytes) -> Head:
    """Read a status line and headers, without the empty line after them.

    Raises:
        WireError: no HTTP/1.1 answer, or one whose length is not told.
    """
    if not head.startswith(b"HTTP/1.") or not head[9:12].isdigit():
        raise WireError(f"no HTTP answer: {head[:40]!r}")
    status = int(head[9:12])
    headers = dict(HEADERS.findall(head.lower()))
    length = headers.get(b"content-length")
    chunked = b"chunked" in headers.get(b"transfer-encoding", b"")
    crc32 = headers.get(b"x-amz-crc32")
    if length is None and not chunked and status not in (204, 304):
        raise WireError("an answer without a length")
    try:
        return Head(
            status=status,
            length=None if length is None else int(length),
            chunked=chunked,
            close=b"close" in headers.get(b"connection", b""),
            crc32=None if crc32 is None else int(crc32),
        )
    except ValueError as error:
        raise WireError(f"a header that is no number: {error}") from error


def decode_chunked(buffer: bytes, start: int) -> tuple[bytes, int] | None:
    """Read a chunked body (RFC 9112, section 7.1).

    Returns:
        The body and where it ends in the buffer; None where more is to come.

    Raises:
        WireError: a chunk's size is no number.
    """
    parts: list[bytes] = []
    while True:
        line_end = buffer.find(b"\r\n", start)
        if line_end < 0:
            return None
        try:
            size = int(buffer[start:line_end].partition(b";")[0], 16)
        except ValueError as error:
            raise WireError("a chunk without a size") from error
        start = line_end + 2
        if size == 0:
            if buffer[start : start + 2] == b"\r\n":
                return b"".join(parts), start + 2
            trailers_end = buffer.find(b"\r\n\r\n", start)
            return None if trailers_end < 0 else (b"".join(parts), trailers_end + 4)
        if len(buffer) < start + size + 2:
            return None
        parts.append(buffer[start : start + size])
        start += size + 2
