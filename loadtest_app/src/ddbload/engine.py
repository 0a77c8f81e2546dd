# SPDX-License-Identifier: Apache-2.0
"""The loop: what is due goes to a free connection, its answer is recorded, the next one goes out."""

from __future__ import annotations

import asyncio
import itertools
import resource
import socket
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from ddbload.dynamo.endpoint import Target
from ddbload.dynamo.errors import BAD_CHECKSUM, OK, Verdict, classify
from ddbload.dynamo.operations import Consumed, Operation
from ddbload.dynamo.sign import Signer
from ddbload.dynamo.wire import Connection
from ddbload.histogram import Histogram
from ddbload.plan import ClosedPacer, ConstantRatePacer, Mix
from ddbload.record import Recorder

# uvloop's timers have a resolution of a millisecond: all that is due is released at each tick.
TICK_S = 0.001
TIMEOUT_CHECK_NS = 50_000_000
STOP_DRAIN_S = 3.0
CONNECT_TIMEOUT_S = 5.0
RECONNECT_DELAYS_S = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
# DynamoDB's addresses come and go; so often at most they are asked for again.
RESOLVE_INTERVAL_NS = 1_000_000_000
# Without any connection for so long the target is gone.
GONE_AFTER_NS = 30_000_000_000
SPARE_FILES = 64
NOTHING = Consumed(0.0, 0.0, False)


class Unreachable(Exception):
    """No connection could be opened before the start."""


@dataclass
class Connections:
    """What is known of the connections, all of them together."""

    opened: int = 0
    reopened: int = 0
    missing_at_start: int = 0
    connect: Histogram = field(default_factory=Histogram)
    tls: Histogram = field(default_factory=Histogram)


class Engine:
    """One worker: a plan, its operations, and connections to carry them.

    ``number``s count operations from 0; those below ``next`` were sent, those below ``due`` should have been. What lies
    between waits for a connection: nothing is kept of it, since its planned instant can be computed.
    """

    def __init__(
        self,
        target: Target,
        signer: Signer,
        pacer: ClosedPacer | ConstantRatePacer,
        mix: Mix,
        operations: Mapping[str, Operation],
        recorder: Recorder,
        connections: int,
        timeout_s: float,
    ) -> None:
        self.target = target
        self.signer = signer
        self.pacer = pacer
        self.mix = mix
        self.operations = operations
        self.recorder = recorder
        self.size = pacer.concurrency if isinstance(pacer, ClosedPacer) else connections
        self.timeout_ns = round(timeout_s * 1e9)
        self.connections = Connections()
        self.due = 0
        self.next = 0
        self.in_flight = 0
        self.start_ns = 0
        self.end_ns = 0
        self.starved_ticks = 0
        self.stopped: str | None = None
        self.fatal: Verdict | None = None
        self._live: set[Connection] = set()
        # The one that rested longest goes first, so that all stay warm and all addresses get their share.
        self._idle: deque[Connection] = deque()
        self._addresses: list[str] = []
        self._turns = itertools.count()
        self._resolved_ns = 0
        self._reconnecting: set[asyncio.Task[None]] = set()
        self._tls = target.tls_context()
        self._finished: asyncio.Future[None] | None = None
        self._sending = True
        self._last_sent_ns = 0
        self._stopped_ns = 0
        self._drain_ns = 0
        self._last_live_ns = 0
        self._next_timeout_check_ns = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, up to the end."""
        return ((self.end_ns or time.perf_counter_ns()) - self.start_ns) / 1e9 if self.start_ns else 0.0

    @property
    def loaded_s(self) -> float:
        """Seconds over which the plan put load on the table: what a rate is reached over.

        An open plan's drain is left out, in which nothing is sent: one slow last answer must not lower the rate.
        """
        if isinstance(self.pacer, ClosedPacer) or not self.start_ns:
            return self.elapsed_s
        end_ns = self.start_ns + self.pacer.duration_ns
        if self._stopped_ns:
            end_ns = min(end_ns, self._stopped_ns)
        return (max(end_ns, self._last_sent_ns) - self.start_ns) / 1e9

    async def open(self) -> None:
        """Open the connections, before the clock starts.

        Raises:
            Unreachable: not one could be opened.
        """
        _allow_files(self.size + SPARE_FILES)
        await self._resolve()
        outcomes = await asyncio.gather(*(self._connect() for _place in range(self.size)), return_exceptions=True)
        failures = [outcome for outcome in outcomes if outcome is not None]
        if not self._live:
            cause = str(failures[0]) or type(failures[0]).__name__
            raise Unreachable(f"no connection to {self.target.url} could be opened ({cause}): check the way there")
        self.connections.missing_at_start = len(failures)
        for _failure in failures:
            self._reconnect(replaces=False)

    async def run(self) -> None:
        """Carry out the plan; returns when it is done, stopped, or cannot go on."""
        self._finished = asyncio.get_running_loop().create_future()
        self.start_ns = self._last_live_ns = time.perf_counter_ns()
        self._tick()
        await self._finished
        self.end_ns = time.perf_counter_ns()
        for task in self._reconnecting:
            task.cancel()
        for connection in list(self._live):
            # What is under way now has no answer: whether a write of it was done is unknown.
            connection.abort("Unfinished")
        await asyncio.sleep(0)
        await asyncio.gather(*self._reconnecting, return_exceptions=True)

    def stop(self, reason: str, drain_s: float = STOP_DRAIN_S) -> None:
        """Let nothing more go out, and wait for answers no longer than ``drain_s`` seconds."""
        if self.stopped is None:
            self.stopped = reason
            self._sending = False
            self._stopped_ns = time.perf_counter_ns()
            self._drain_ns = round(drain_s * 1e9)

    # ---- The loop

    def _tick(self) -> None:
        assert self._finished
        if self._finished.done():
            return
        try:
            if self._is_finished():
                self._finished.set_result(None)
                return
            self._release()
        except Exception as error:  # ours: whoever awaits the run has to hear of it
            self._crash(error)
            return
        asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _release(self) -> None:
        now = time.perf_counter_ns()
        self.signer.at(int(time.time() + self.target.clock_skew_s))
        if self._sending:
            self.due = self.pacer.due(now - self.start_ns)
            while self.next < self.due and self._idle:
                self._send(self._idle.popleft())
            if self.next < self.due:
                self.starved_ticks += 1
        if now >= self._next_timeout_check_ns:
            self._next_timeout_check_ns = now + TIMEOUT_CHECK_NS
            self._abort_overdue(now)

    def _send(self, connection: Connection) -> None:
        number = self.next
        self.next = number + 1
        name = self.mix.operation(number)
        operation = self.operations[name]
        request = self.signer.request(operation.target, operation.body(number))
        now = time.perf_counter_ns()
        planned = now if isinstance(self.pacer, ClosedPacer) else self.start_ns + self.pacer.planned_ns(number)
        self.in_flight += 1
        self._last_sent_ns = now
        self.recorder.sent(name, (now - planned) // 1000)
        connection.begin(request, name, planned, now)

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        """Record an answer and send what is due next (called by the connection)."""
        try:
            verdict = BAD_CHECKSUM if not intact else OK if status == 200 else classify(status, body)
            self._record(connection, verdict, body)
            if connection.usable:
                if self.next < self.due and self._sending:
                    self._send(connection)
                else:
                    self._idle.append(connection)
        except Exception as error:  # ours: whoever awaits the run has to hear of it
            self._crash(error)

    def lost(self, connection: Connection, reason: str) -> None:
        """Record what was under way and open the connection again (called by the connection)."""
        if connection not in self._live:
            return  # lost while it was being opened: who opens it sees that
        self._live.remove(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.busy:
            connection.busy = False
            self._record(connection, Verdict("network", reason), b"")
        if not self.end_ns:
            self._reconnect()

    def _record(self, connection: Connection, verdict: Verdict, body: bytes) -> None:
        now = time.perf_counter_ns()
        self.in_flight -= 1
        consumed = self.operations[connection.operation].consumed(body) if verdict is OK else NOTHING
        self.recorder.answer(
            connection.operation,
            verdict.outcome,
            verdict.reason,
            (now - connection.planned_ns) // 1000,
            (now - connection.sent_ns) // 1000,
            *consumed,
        )
        if verdict.outcome == "fatal" and self.fatal is None:
            self.fatal = verdict
            self.stop("fatal", drain_s=0.5)

    def _crash(self, error: Exception) -> None:
        if self._finished and not self._finished.done():
            self._finished.set_exception(error)

    def _abort_overdue(self, now: int) -> None:
        if self._live:
            self._last_live_ns = now
        elif now - self._last_live_ns > GONE_AFTER_NS and self.fatal is None:
            self.fatal = Verdict("network", "ConnectionsLost", f"no connection for {GONE_AFTER_NS // 10**9} s")
            self.stop("fatal", drain_s=0.0)
        for connection in list(self._live):
            if connection.busy and now - connection.sent_ns > self.timeout_ns:
                connection.abort("Timeout")

    def _is_finished(self) -> bool:
        now = time.perf_counter_ns()
        if self.stopped is not None:
            return not self.in_flight or now > self._stopped_ns + self._drain_ns
        if isinstance(self.pacer, ClosedPacer):
            return self.next == self.pacer.operations and not self.in_flight
        end_ns = self.start_ns + self.pacer.duration_ns
        all_sent = self.next == self.pacer.operations
        # What is late is still sent, for as long as one request may take; what is under way then has its own timeout.
        if now < end_ns or (not all_sent and now <= end_ns + self.timeout_ns):
            return False
        self._sending = False
        return not self.in_flight

    # ---- Connections

    async def _resolve(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self.target.host, self.target.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unreachable(f"{self.target.host} has no address: {error}") from error
        self._addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        self._resolved_ns = time.perf_counter_ns()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        address = self._addresses[next(self._turns) % len(self._addresses)]
        connection = Connection(self)
        begun = time.perf_counter_ns()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await loop.create_connection(lambda: connection, address, self.target.port)
                connected = time.perf_counter_ns()
                if self._tls:
                    assert connection.transport
                    transport = await loop.start_tls(
                        connection.transport, connection, self._tls, server_hostname=self.target.host
                    )
                    assert transport
                    connection.transport = transport
            if not connection.usable:
                raise ConnectionResetError(f"{address} closed the connection at once")
        except BaseException:
            connection.abort("NotOpened")
            raise
        self.connections.connect.record((connected - begun) // 1000)
        if self._tls:
            self.connections.tls.record((time.perf_counter_ns() - connected) // 1000)
        self.connections.opened += 1
        self._live.add(connection)
        self._idle.append(connection)

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
            self.connections.reopened += replaces
            return


def _allow_files(wanted: int) -> None:
    """Raise the limit of open files, as far as it may be raised, where it is lower than wanted."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
