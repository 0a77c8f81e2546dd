# SPDX-License-Identifier: Apache-2.0
"""TLS on a connection, between the bytes of HTTP and those of the network.

The TLS of an event loop reads until an exception reports the end of the data, for every response; here the end is
known from the sizes. That saves a third of the cost of TLS.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

from ddbload.dynamo.http1 import Connection, Owner

# The most that one record holds (RFC 8446, section 5.1), and so the most that one read returns.
RECORD_BYTES = 16_384


class TlsConnection(Connection):
    """A connection that speaks TLS; ``secured`` is done when requests can go out."""

    __slots__ = ("_decrypt", "_encrypt", "_incoming", "_is_shaking_hands", "_outgoing", "_tls", "secured")

    def __init__(self, owner: Owner, context: ssl.SSLContext, host: str) -> None:
        super().__init__(owner)
        self.secured: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._is_shaking_hands = True
        # The methods beneath those of SSLObject, which cost each request two calls.
        native = getattr(self._tls, "_sslobj", self._tls)
        self._encrypt: Callable[[bytes], int] = native.write
        self._decrypt: Callable[[int], bytes] = native.read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the event loop."""
        super().connection_made(transport)
        self._shake_hands()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        if not self.secured.done():
            self.secured.set_exception(exc or ConnectionResetError("closed in the middle of TLS's handshake"))
        super().connection_lost(exc)

    def begin(self, request: bytes) -> None:
        """Send a request."""
        self.busy = True
        sent = self._encrypt(request)
        while sent < len(request):
            sent += self._encrypt(request[sent:])
        self.transport.write(self._outgoing.read())  # type: ignore[union-attr]  # it is there once it was made

    def data_received(self, data: bytes) -> None:
        """Called by the event loop with the bytes that came, which may be any part of a record."""
        self._incoming.write(data)
        if self._is_shaking_hands and not self._shake_hands():
            return
        try:
            plain = self._decrypt(len(data))
        except ssl.SSLWantReadError:
            # The rest of a record is still to come, or it holds no data, as a session ticket. The answer to an update
            # of keys goes out ahead of the next request (RFC 8446, section 4.6.3).
            return
        except ssl.SSLError as error:
            self.abort(f"TLS: {error.reason}")
            return
        # Plaintext is shorter than ciphertext: one read drains a record that came whole.
        if self._incoming.pending or not plain or len(plain) == len(data):
            self._read_on(plain)
        else:
            Connection.data_received(self, plain)

    def _read_on(self, plain: bytes) -> None:
        """Take all that has come after a first read: more records, the rest of a large one, or an announced close."""
        parts = [plain]
        reason = "" if plain else "ConnectionClosed"
        try:
            while not reason and (self._incoming.pending or self._tls.pending()):
                part = self._decrypt(RECORD_BYTES)
                parts.append(part)
                # OpenSSL returns nothing after a close_notify.
                reason = "" if part else "ConnectionClosed"
        except ssl.SSLWantReadError:
            pass  # the rest of a record is still to come
        except ssl.SSLError as error:
            reason = f"TLS: {error.reason}"
        if reason:
            # No further request: the server would not read it.
            self.usable = False
        if whole := b"".join(parts):
            # Together, since a body of 16 MB has a thousand records.
            Connection.data_received(self, whole)
        if self._outgoing.pending > 0:
            self._flush()
        if reason:
            self.abort(reason)
            # Not only when the loop says so, after other callbacks that would send on it.
            self.owner.lost(self, reason)

    def _shake_hands(self) -> bool:
        """Go on with the handshake; returns whether it is done."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._flush()
            if not self.secured.done():
                self.secured.set_exception(error)
            self.abort("NotOpened")
            return False
        self._flush()
        self._is_shaking_hands = False
        if not self.secured.done():
            self.secured.set_result(None)
        return True

    def _flush(self) -> None:
        if self._outgoing.pending and self.transport and not self.transport.is_closing():
            self.transport.write(self._outgoing.read())
