# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proxies of databases: each forwards the connections to its own address to a server, and pools nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

Endpoint = tuple[str, int]
Result = TypeVar("Result")
CHUNK_BYTES = 1 << 16
# A client's first packet: three bytes of length, one of sequence, four of capabilities, the least first.
# https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_ssl_request.html
CAPABILITIES = slice(4, 8)
WANTS_TLS = 0x0800


class Proxy:
    """One proxy; without a target it closes each new connection."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.target: Endpoint | None = None
        self.requires_tls = False
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, port: int) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._forward, self.host, port)

    async def close(self) -> None:
        """Listen no longer, and end the connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if self.target is not None:
                await self._connect(self.target, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client finds its connection closed
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _connect(self, target: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # From its own address, so that the server sees the proxy, as on AWS.
        inner, outer = await asyncio.open_connection(*target, local_addr=(self.host, 0))
        ways = [asyncio.ensure_future(self._send(reader, outer)), asyncio.ensure_future(_copy(inner, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            outer.close()

    async def _send(self, reader: asyncio.StreamReader, outer: asyncio.StreamWriter) -> None:
        """Forward what the client sends; nothing where it must encrypt and does not request it."""
        first = await reader.readexactly(CAPABILITIES.stop)
        if not self.requires_tls or int.from_bytes(first[CAPABILITIES], "little") & WANTS_TLS:
            outer.write(first)
            await _copy(reader, outer)


class Proxies:
    """The proxies of one embedded AWS, on an event loop in a thread of their own; the first one starts it."""

    def __init__(self) -> None:
        self._proxies: dict[str, Proxy] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def open(self, arn: str, host: str, port: int) -> None:
        """Open a proxy without a target.

        Raises:
            OSError: it cannot listen on the address.
        """
        proxy = Proxy(host)
        self._wait(proxy.open(port))
        self._proxies[arn] = proxy

    def require_tls(self, arn: str, *, required: bool) -> None:
        """Set whether new connections must be encrypted."""
        self._proxies[arn].requires_tls = required

    def aim(self, arn: str, target: Endpoint | None) -> None:
        """Set the target of new connections."""
        self._proxies[arn].target = target

    def close(self, arn: str) -> None:
        """Close a proxy and its connections."""
        if proxy := self._proxies.pop(arn, None):
            self._wait(proxy.close())

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="database-proxies", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
