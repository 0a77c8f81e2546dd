# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 on one connection: a request, its response, the next request.

RFC 9112. One request is under way at a time, since DynamoDB does not pipeline.
"""

from __future__ import annotations

import asyncio
import re
from typing import NamedTuple, Protocol, cast
from zlib import crc32

MAX_HEAD_BYTES = 65_536
HEADERS = re.compile(rb"\r\n(content-length|transfer-encoding|connection|x-amz-crc32|date):[ \t]*([^\r\n]*)")
# Responses with these statuses end with the head, in spite of its headers (RFC 9112, section 6.3).
BODILESS = (204, 304)
DECIMAL = re.compile(rb"[0-9]{1,18}")
HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{1,15}")
END_OF_HEAD = b"\r\n\r\n"
CRC32 = b"\r\nx-amz-crc32: "


class WireError(Exception):
    """A response that is not HTTP/1.1 as DynamoDB speaks it."""


class Head(NamedTuple):
    """The status line and the headers of a response that the client needs."""

    status: int
    length: int | None
    chunked: bool
    close: bool
    crc32: int | None
    date: str


class Layout:
    """The offsets of checksum and body in a server's responses: learned from one, expected in the next.

    Servers send the same headers in the same order; those whose values change mostly keep their length.
    """

    __slots__ = ("body_at", "crc32_at", "crc32_end")

    def __init__(self) -> None:
        self.body_at = self.crc32_at = self.crc32_end = 0

    def learn(self, head: bytes) -> None:
        """Note the offsets in a head that ends with its last header."""
        lower = head.lower()
        found = lower.find(CRC32)
        if found < 0 or b"close" in lower or b"chunked" in lower:
            self.body_at = self.crc32_at = self.crc32_end = 0
            return
        self.body_at = len(head) + len(END_OF_HEAD)
        self.crc32_at = found + len(CRC32)
        self.crc32_end = self.crc32_at + len(lower[self.crc32_at :].partition(b"\r")[0]) + 1

    def read(self, data: bytes) -> bytes | None:
        """Return the body of a whole response of status 200.

        None where it is another response, or where an offset may differ from that of the one before. The checksum shows
        this: it matches the body only where both offsets are right and the response is whole. The end of the head is
        checked as well: without it, the body would be empty, and an empty body has a checksum too.
        """
        body_at = self.body_at
        if data[9:12] == b"200" and data[body_at - 4 : body_at] == END_OF_HEAD:
            body = data[body_at:]
            if data[self.crc32_at : self.crc32_end] == b"%d\r" % crc32(body):
                return body
        return None


class Handler(Protocol):
    """Takes the responses of requests, and the loss of their connections."""

    def succeeded(self, connection: Connection, body: bytes) -> None:
        """Take a whole response of status 200 with a right checksum."""

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        """Take any other whole response; ``intact``: whether its checksum is right."""

    def lost(self, connection: Connection, reason: str) -> None:
        """Take the loss of a connection."""


class Owner(Handler, Protocol):
    """What a connection belongs to."""

    layout: Layout


class Connection(asyncio.Protocol):
    """A connection, and whether a request is under way on it."""

    __slots__ = (
        "_body_at",
        "_buffer",
        "_chunks",
        "_close_reason",
        "_head",
        "busy",
        "call",
        "date",
        "owner",
        "transport",
        "usable",
    )

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.transport: asyncio.Transport | None = None
        self.busy = False
        # The handler's data for the request under way.
        self.call: object = None
        # Whether another request can be sent on it.
        self.usable = True
        # The Date header of the last response that was no success.
        self.date = ""
        # A second part turns the bytes into a bytearray, to which a further one is added in place.
        self._buffer: bytes | bytearray = b""
        self._head: Head | None = None
        self._chunks = ChunkedBody(0)
        self._body_at = 0
        self._close_reason = "ConnectionClosed"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass of it
        # A request is sent when it is written, not at the end of the loop's iteration.
        self.transport.set_write_buffer_limits(high=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self.usable = False
        reason = "ConnectionReset" if isinstance(exc, ConnectionResetError | BrokenPipeError) else self._close_reason
        self.owner.lost(self, reason)

    def begin(self, request: bytes) -> None:
        """Send a request."""
        self.busy = True
        self.transport.write(request)  # type: ignore[union-attr]  # it is there once the connection was made

    def abort(self, reason: str) -> None:
        """Close the connection; its loss is reported with this reason."""
        self._close_reason = reason
        if self.transport:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop with the bytes that came, which may be any part of a response."""
        if self.busy and not self._buffer:
            # The usual response comes whole, with the layout of the one before it.
            body = self.owner.layout.read(data)
            if body is not None:
                self.busy = False
                self.owner.succeeded(self, body)
                return
        self._receive(data)

    def _receive(self, data: bytes) -> None:
        if isinstance(self._buffer, bytearray):
            self._buffer += data
        else:
            self._buffer = bytearray(self._buffer) + data if self._buffer else data
        try:
            if self._head is None and not self._read_head():
                return
            assert self._head
            if self._head.chunked:
                decoded = self._chunks.read(self._buffer)
                if decoded is None:
                    return
                body, end = decoded
            else:
                end = self._body_at + (self._head.length or 0)
                if len(self._buffer) < end:
                    return
                body = bytes(memoryview(self._buffer)[self._body_at : end])
        except WireError as error:
            self.abort(f"BadAnswer: {error}")
            return
        head, self._head = self._head, None
        is_more = len(self._buffer) > end
        self._buffer = b""
        if is_more or not self.busy:
            self.abort("BadAnswer: more than was asked for")
            return
        self.busy = False
        self.date = head.date
        if head.close and self.transport:
            self.transport.close()
            self.usable = False
        intact = head.crc32 is None or head.crc32 == crc32(body)
        if intact and head.status == 200:
            self.owner.succeeded(self, body)
        else:
            self.owner.answered(self, head.status, body, intact)

    def _read_head(self) -> bool:
        while (end := self._buffer.find(END_OF_HEAD)) >= 0:
            raw = bytes(self._buffer[:end])
            if not is_interim(raw):
                self._head = parse_head(raw)
                self.owner.layout.learn(raw)
                self._body_at = end + len(END_OF_HEAD)
                self._chunks = ChunkedBody(self._body_at)
                return True
            self._buffer = self._buffer[end + len(END_OF_HEAD) :]
        if len(self._buffer) > MAX_HEAD_BYTES:
            raise WireError("headers without end")
        return False


def is_interim(head: bytes) -> bool:
    """Return whether a head is that of an interim response, for example 100 Continue.

    A client has to skip those that it did not expect (RFC 9110, section 15.2); 101 ends HTTP on the connection.
    """
    return head.startswith(b"HTTP/1.") and head[9:10] == b"1" and head[9:12].isdigit() and head[9:12] != b"101"


def parse_head(head: bytes) -> Head:
    """Read a status line and headers, without the empty line after them.

    Raises:
        WireError: it is no HTTP/1.1 response, or one without a length.
    """
    if not head.startswith(b"HTTP/1.") or not head[9:12].isdigit():
        raise WireError(f"no HTTP answer: {head[:40]!r}")
    status = int(head[9:12])
    if status < 200:
        raise WireError(f"status {status} is no answer")
    headers = dict(HEADERS.findall(head.lower()))
    length = headers.get(b"content-length")
    chunked = b"chunked" in headers.get(b"transfer-encoding", b"")
    checksum = headers.get(b"x-amz-crc32")
    if status in BODILESS:
        length, chunked = b"0", False
    elif length is None and not chunked:
        raise WireError("an answer without a length")
    try:
        return Head(
            status=status,
            length=None if chunked or length is None else _number(length, DECIMAL, 10),
            chunked=chunked,
            close=b"close" in headers.get(b"connection", b""),
            crc32=None if checksum is None else int(checksum),
            date=headers.get(b"date", b"").decode("latin-1"),
        )
    except ValueError as error:
        raise WireError(f"a header that is no number: {error}") from error


class ChunkedBody:
    """Reads a chunked body (RFC 9112, section 7.1) while it comes, each chunk once."""

    __slots__ = ("_next", "_parts")

    def __init__(self, start: int) -> None:
        """Start at the offset of the body in the buffer."""
        self._next = start
        self._parts: list[bytes] = []

    def read(self, buffer: bytes | bytearray) -> tuple[bytes, int] | None:
        """Read on in a buffer that holds all that came so far.

        Returns:
            The body and where it ends in the buffer; None where more is to come.

        Raises:
            WireError: a chunk's size is no number.
        """
        while True:
            line_end = buffer.find(b"\r\n", self._next)
            if line_end < 0:
                return None
            try:
                size = _number(bytes(buffer[self._next : line_end]).partition(b";")[0].strip(b" \t"), HEXADECIMAL, 16)
            except ValueError as error:
                raise WireError("a chunk without a size") from error
            start = line_end + 2
            if size == 0:
                if buffer[start : start + 2] == b"\r\n":
                    return b"".join(self._parts), start + 2
                trailers_end = buffer.find(END_OF_HEAD, start)
                return None if trailers_end < 0 else (b"".join(self._parts), trailers_end + 4)
            if len(buffer) < start + size + 2:
                return None
            self._parts.append(bytes(memoryview(buffer)[start : start + size]))
            self._next = start + size + 2


def _number(digits: bytes, pattern: re.Pattern[bytes], base: int) -> int:
    """Read a length; int() alone takes signs and underscores too, and a length below 0 would never end."""
    if not pattern.fullmatch(digits):
        raise ValueError(f"{digits[:20]!r} is no length")
    return int(digits, base)
