# SPDX-License-Identifier: Apache-2.0
"""The loop: what is due goes to a free connection, its answer is recorded, the next one goes out."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import time
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
RECONNECT_DELAYS_S = (0.05, 0.1, 0.2, 0.5, 1.0)
NOTHING = Consumed(0.0, 0.0, False)


class Unreachable(Exception):
    """No connection could be opened before the start."""


@dataclass
class Connections:
    """What is known of the connections, all of them together."""

    opened: int = 0
    reopened: int = 0
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
        self.start_ns = 0
        self.end_ns = 0
        self.starved_ticks = 0
        self.stopped: str | None = None
        self.fatal: Verdict | None = None
        self._live: set[Connection] = set()
        self._idle: list[Connection] = []
        self._reconnecting: set[asyncio.Task[None]] = set()
        self._tls = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE")) if target.tls else None
        self._finished: asyncio.Future[None] | None = None
        self._give_up_ns: int | None = None
        self._next_timeout_check_ns = 0

    @property
    def in_flight(self) -> int:
        """How many operations were sent and not answered yet."""
        return sum(connection.busy for connection in self._live)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, up to the end."""
        return ((self.end_ns or time.perf_counter_ns()) - self.start_ns) / 1e9 if self.start_ns else 0.0

    async def open(self) -> None:
        """Open the connections, before the clock starts.

        Raises:
            Unreachable: not one could be opened.
        """
        self._addresses = await self._resolve()
        outcomes = await asyncio.gather(*(self._connect(place) for place in range(self.size)), return_exceptions=True)
        if not self._live:
            raise Unreachable(str(next(outcome for outcome in outcomes if outcome is not None)))
        for place, outcome in enumerate(outcomes):
            if outcome is not None:
                self._reconnect(place)

    async def run(self) -> None:
        """Carry out the plan; returns when it is done, stopped, or cannot go on."""
        self._finished = asyncio.get_running_loop().create_future()
        self.start_ns = time.perf_counter_ns()
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
            self._give_up_ns = time.perf_counter_ns() + round(drain_s * 1e9)

    # ---- The loop

    def _tick(self) -> None:
        assert self._finished
        if self._finished.done():
            return
        try:
            self._release()
        except Exception as error:  # ours: whoever awaits the run has to hear of it
            self._crash(error)
            return
        if self._is_finished(time.perf_counter_ns()):
            self._finished.set_result(None)
        else:
            asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _release(self) -> None:
        now = time.perf_counter_ns()
        self.signer.at(int(time.time() + self.target.clock_skew_s))
        if self.stopped is None:
            self.due = self.pacer.due(now - self.start_ns)
            while self.next < self.due and self._idle:
                self._send(self._idle.pop())
            if self.next < self.due:
                self.starved_ticks += 1
        if now >= self._next_timeout_check_ns:
            self._next_timeout_check_ns = now + TIMEOUT_CHECK_NS
            self._abort_overdue(now)

    def _crash(self, error: Exception) -> None:
        if self._finished and not self._finished.done():
            self._finished.set_exception(error)

    def _send(self, connection: Connection) -> None:
        number = self.next
        self.next = number + 1
        name = self.mix.operation(number)
        operation = self.operations[name]
        request = self.signer.request(operation.target, operation.body(number))
        now = time.perf_counter_ns()
        planned = now if isinstance(self.pacer, ClosedPacer) else self.start_ns + self.pacer.planned_ns(number)
        connection.begin(request, number, name, planned, now)
        self.recorder.sent(name, (now - planned) // 1000)

    def answered(self, connection: Connection, status: int, body: bytes, intact: bool) -> None:
        """Record an answer and send what is due next (called by the connection)."""
        try:
            verdict = BAD_CHECKSUM if not intact else OK if status == 200 else classify(status, body)
            self._record(connection, verdict, body)
            if connection.usable:
                if self.next < self.due and self.stopped is None:
                    self._send(connection)
                else:
                    self._idle.append(connection)
        except Exception as error:  # ours: whoever awaits the run has to hear of it
            self._crash(error)

    def lost(self, connection: Connection, reason: str) -> None:
        """Record what was under way and open the connection again (called by the connection)."""
        self._live.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        if connection.busy:
            connection.busy = False
            self._record(connection, Verdict("network", reason), b"")
        if not self.end_ns:
            self._reconnect(connection.number)

    def _record(self, connection: Connection, verdict: Verdict, body: bytes) -> None:
        now = time.perf_counter_ns()
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

    def _abort_overdue(self, now: int) -> None:
        for connection in list(self._live):
            if connection.busy and now - connection.sent_ns > self.timeout_ns:
                connection.abort("Timeout")

    def _is_finished(self, now: int) -> bool:
        if self._give_up_ns is None and self.due == self.pacer.operations and isinstance(self.pacer, ConstantRatePacer):
            # What is late is still sent, for as long as one request may take.
            self._give_up_ns = self.start_ns + self.pacer.duration_ns + self.timeout_ns
        if self._give_up_ns is not None and now > self._give_up_ns:
            return True
        if self.in_flight:
            return False
        if self.stopped is not None:
            return True
        if self.next < self.pacer.operations:
            return False
        return isinstance(self.pacer, ClosedPacer) or now - self.start_ns >= self.pacer.duration_ns

    # ---- Connections

    async def _resolve(self) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self.target.host, self.target.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unreachable(f"{self.target.host} has no address: {error}") from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def _connect(self, place: int) -> None:
        loop = asyncio.get_running_loop()
        address = self._addresses[place % len(self._addresses)]
        begun = time.perf_counter_ns()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _transport, connection = await loop.create_connection(lambda: Connection(self), address, self.target.port)
            self.connections.connect.record((time.perf_counter_ns() - begun) // 1000)
            if self._tls:
                begun = time.perf_counter_ns()
                assert connection.transport
                transport = await loop.start_tls(
                    connection.transport, connection, self._tls, server_hostname=self.target.host
                )
                assert transport
                connection.transport = transport
                self.connections.tls.record((time.perf_counter_ns() - begun) // 1000)
        self.connections.opened += 1
        self._live.add(connection)
        self._idle.append(connection)

    def _reconnect(self, place: int) -> None:
        task = asyncio.get_running_loop().create_task(self._keep_connecting(place))
        self._reconnecting.add(task)
        task.add_done_callback(self._reconnecting.discard)

    async def _keep_connecting(self, place: int) -> None:
        attempt = 0
        while not self.end_ns:
            await asyncio.sleep(RECONNECT_DELAYS_S[min(attempt, len(RECONNECT_DELAYS_S) - 1)] if attempt else 0)
            attempt += 1
            try:
                await self._connect(place)
            except (OSError, TimeoutError):
                continue
            self.connections.reopened += 1
            return
