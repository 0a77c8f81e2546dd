# SPDX-License-Identifier: Apache-2.0
"""The connections to the table: opened before the clock starts, spread over its addresses, opened again when lost."""

from __future__ import annotations

import asyncio
import itertools
import resource
import socket
import ssl
import time
from collections import deque
from typing import NoReturn

from ddbload.dynamo.http1 import Connection, Handler, Layout
from ddbload.dynamo.tls import TlsConnection
from ddbload.stats.histogram import Histogram

CONNECT_TIMEOUT_S = 5.0
RECONNECT_DELAYS_S = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
# DynamoDB's addresses change; they are resolved again at most this often.
RESOLVE_INTERVAL_NS = 1_000_000_000
SPARE_FILES = 64


class Unreachable(Exception):
    """No connection could be opened before the start."""


class Pool:
    """All connections of one worker; a handler takes the responses of the requests on them, or their loss."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, size: int) -> None:
        self.host = host
        self.port = port
        self.size = size
        self.layout = Layout()
        self.live: set[Connection] = set()
        # The longest idle connection is used first, so that all stay warm and all addresses get their share.
        self.idle: deque[Connection] = deque()
        self.opened = 0
        self.reopened = 0
        self.missing_at_start = 0
        self.connect_times = Histogram()
        self.tls_times = Histogram()
        self.last_live_ns = 0
        self.serve(_Unserved())
        self._tls = tls
        self._addresses: list[str] = []
        self._turns = itertools.count()
        self._resolved_ns = 0
        self._reconnecting: set[asyncio.Task[None]] = set()
        self._closed = False

    def serve(self, handler: Handler) -> None:
        """Pass responses and losses to a handler from now on, instead of to an earlier one."""
        # Bound methods, not methods of the pool: those would cost each response a call.
        self.succeeded = handler.succeeded
        self.answered = handler.answered
        self._lost_request = handler.lost

    async def open(self) -> None:
        """Open the connections.

        Raises:
            Unreachable: not one could be opened.
        """
        _allow_files(self.size + SPARE_FILES)
        await self._resolve()
        outcomes = await asyncio.gather(*(self._connect() for _each in range(self.size)), return_exceptions=True)
        failures = [outcome for outcome in outcomes if outcome is not None]
        if not self.live:
            cause = str(failures[0]) or type(failures[0]).__name__
            raise Unreachable(
                f"no connection to {self.host}:{self.port} could be opened ({cause}): check the network path: "
                "routes, security groups, endpoint"
            )
        self.missing_at_start = len(failures)
        for _failure in failures:
            self._reconnect(replaces=False)

    async def close(self) -> None:
        """Close all connections; requests under way are reported as lost."""
        self._closed = True
        for task in self._reconnecting:
            task.cancel()
        for connection in list(self.live):
            connection.abort("Unfinished")
        await asyncio.sleep(0)
        await asyncio.gather(*self._reconnecting, return_exceptions=True)

    def abort_busy(self, reason: str) -> None:
        """Close the connections on which a request is under way, which is reported as lost with this reason."""
        for connection in list(self.live):
            if connection.busy:
                connection.abort(reason)

    def lost(self, connection: Connection, reason: str) -> None:
        """Report the request under way as lost, and open the connection again (called by the connection)."""
        if connection not in self.live:
            return  # lost while it was being opened: _connect raises
        self.live.remove(connection)
        if not self.live:
            self.last_live_ns = time.perf_counter_ns()
        if connection in self.idle:
            self.idle.remove(connection)
        if connection.busy:
            connection.busy = False
            self._lost_request(connection, reason)
        if not self._closed:
            self._reconnect()

    async def _resolve(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unreachable(f"{self.host} has no address: {error}") from error
        self._addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        self._resolved_ns = time.perf_counter_ns()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        address = self._addresses[next(self._turns) % len(self._addresses)]
        connection = TlsConnection(self, self._tls, self.host) if self._tls else Connection(self)
        begun = time.perf_counter_ns()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await loop.create_connection(lambda: connection, address, self.port)
                connected = time.perf_counter_ns()
                if isinstance(connection, TlsConnection):
                    await connection.secured
            if not connection.usable:
                raise ConnectionResetError(f"{address} closed the connection at once")
        except BaseException:
            connection.abort("NotOpened")
            raise
        self.connect_times.record((connected - begun) // 1000)
        if self._tls:
            self.tls_times.record((time.perf_counter_ns() - connected) // 1000)
        self.opened += 1
        self.live.add(connection)
        self.idle.append(connection)

    def _reconnect(self, replaces: bool = True) -> None:
        task = asyncio.get_running_loop().create_task(self._keep_connecting(replaces))
        self._reconnecting.add(task)
        task.add_done_callback(self._reconnecting.discard)

    async def _keep_connecting(self, replaces: bool) -> None:
        for attempt in itertools.count():
            await asyncio.sleep(RECONNECT_DELAYS_S[min(attempt, len(RECONNECT_DELAYS_S) - 1)])
            try:
                if attempt and time.perf_counter_ns() - self._resolved_ns > RESOLVE_INTERVAL_NS:
                    await self._resolve()
                await self._connect()
            except (OSError, Unreachable):  # TimeoutError and the errors of TLS are OSErrors
                continue
            self.reopened += replaces
            return


class _Unserved:
    """The handler of a pool before its first request."""

    def succeeded(self, connection: Connection, body: bytes) -> None:
        self._unexpected_response()

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        self._unexpected_response()

    def lost(self, connection: Connection, reason: str) -> None:
        pass

    def _unexpected_response(self) -> NoReturn:
        raise AssertionError("a response without a request")


def _allow_files(wanted: int) -> None:
    """Raise the limit of open files, as far as it may be raised, where it is lower than wanted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
