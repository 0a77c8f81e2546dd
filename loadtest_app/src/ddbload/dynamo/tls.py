# SPDX-License-Identifier: Apache-2.0
"""TLS on a connection, between the bytes of HTTP and those of the network.

An event loop's own TLS asks for more until it is told by an exception that there is none, for every answer; here it is
known when an answer is whole. That is a third of what TLS costs.
"""

from __future__ import annotations

import asyncio
import ssl

from ddbload.dynamo.http1 import Connection, Owner


class TlsConnection(Connection):
    """A connection that speaks TLS; ``secured`` is done when requests can go out."""

    __slots__ = ("_decrypt", "_encrypt", "_incoming", "_outgoing", "_tls", "secured")

    def __init__(self, owner: Owner, context: ssl.SSLContext, host: str) -> None:
        super().__init__(owner)
        self.secured: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._encrypt = self._tls.write
        self._decrypt = self._tls.read

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
        """Called by the event loop with whatever came, however it was cut."""
        incoming = self._incoming
        incoming.write(data)
        if not self.secured.done() and not self._shake_hands():
            return
        try:
            # Decrypted it is shorter than it came, so that one reading is enough, but for what lay there before.
            most = incoming.pending
            while most:
                plain = self._decrypt(most)
                if not plain:
                    break
                Connection.data_received(self, plain)
                most = incoming.pending or self._tls.pending() if len(plain) == most else incoming.pending
        except ssl.SSLWantReadError:
            pass  # the rest of a record is still to come
        except ssl.SSLError as error:  # a closing that was announced is one too
            self.abort("ConnectionClosed" if isinstance(error, ssl.SSLZeroReturnError) else f"TLS: {error.reason}")
        if self._outgoing.pending > 0:
            self._flush()

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
        if not self.secured.done():
            self.secured.set_result(None)
        return True

    def _flush(self) -> None:
        if self._outgoing.pending and self.transport and not self.transport.is_closing():
            self.transport.write(self._outgoing.read())
