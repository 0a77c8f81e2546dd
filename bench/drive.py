# SPDX-License-Identifier: Apache-2.0
"""ddbload's real loop on simulated connections and a simulated clock: a request's work without kernel or server."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from unittest.mock import patch

from ddbload.dynamo.endpoint import Target
from ddbload.dynamo.http1 import Connection
from ddbload.dynamo.pool import Pool
from ddbload.dynamo.sign import Credentials, Signer
from ddbload.dynamo.table import KeyAttribute
from ddbload.engine import engine as clocked
from ddbload.engine import timer as ticker
from ddbload.engine.engine import Engine
from ddbload.engine.load import Load
from ddbload.engine.retries import Retries
from ddbload.pacing.segment import Segment
from ddbload.scenario.load import load as load_scenario
from ddbload.workload import build as workload

from bench.clients.workload import CALLERS, RUN_ID, TABLE
from bench.comparison import closed_plan, open_plan
from bench.server import ANSWERS, CONTENT_TYPE, REQUEST_ID

URL = "http://127.0.0.1:8000"
REGION = "us-east-1"
# Nanoseconds from sending to the response.
SERVICE_NS = 100_000
# Of all signatures, in seconds since the epoch: another second would have the signer compute its parts again.
SIGNED_S = 1_767_225_600
WHOLE = Segment(0, 1)


def answer() -> bytes:
    """Return a complete response to PutItem, as the benchmark's server sends it."""
    body = json.dumps(ANSWERS["PutItem"], separators=(",", ":")).encode()
    head = (
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        f"Content-Type: {CONTENT_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: keep-alive\r\n"
        f"x-amzn-RequestId: {REQUEST_ID}\r\nx-amz-crc32: {zlib.crc32(body)}\r\n\r\n"
    )
    return head.encode() + body


class Driven(NamedTuple):
    """What a run came to: its successful requests, and how often the loop woke up, for responses or for its timer."""

    requests: int
    wakings: int


class Wire:
    """The queue of responses, and the loop's timer and clock, which goes on once all requests have responses.

    Counts then do not depend on the machine's speed: with a real clock, a loop that a profiler slows down sends more
    requests when it wakes.
    """

    def __init__(self) -> None:
        self.waiting: deque[Connection] = deque()
        # An attribute of the timer: this one never wakes late.
        self.longest_silence_ns = 0
        # A waking brings all responses that have come by then, a tick that is due, or both.
        self.wakings = 0
        self._now_ns = 1
        self._at_ns = 0
        self._wake: Callable[[int], None] = _no_operation

    def timer(self, callback: Callable[[int], None]) -> Wire:
        """Replace the loop's timer (``ddbload.engine.timer.make``)."""
        self._wake = callback
        return self

    def clock(self) -> int:
        """Replace the loop's clock (``perf_counter_ns``)."""
        return self._now_ns

    def arm(self, at_ns: int) -> None:
        """Set the instant of the next tick."""
        self._at_ns = at_ns

    async def carry(self, ended: asyncio.Task[None]) -> None:
        """Respond to all requests until the run has ended, and tick on time."""
        text = answer()
        await asyncio.sleep(0)
        while not ended.done():
            if self.waiting:
                self._now_ns += SERVICE_NS
                self.wakings += 1
            for _each in range(len(self.waiting)):
                self.waiting.popleft().data_received(text)
            if self._now_ns >= self._at_ns or not self.waiting:
                if self._now_ns < self._at_ns:
                    self._now_ns = self._at_ns
                    self.wakings += 1
                self._wake(self._now_ns)
            await asyncio.sleep(0)

    def close(self) -> None:
        """Run no more."""
        self._wake = _no_operation


def _no_operation(_now_ns: int) -> None:
    return


class DroppingTransport(asyncio.Transport):
    """The transport of a connection: drops the bytes of a request, and queues the response."""

    def __init__(self, wire: Wire, connection: Connection) -> None:
        super().__init__()
        self._ask = wire.waiting.append
        self._connection = connection

    def write(self, data: object) -> None:
        """Take a request."""
        self._ask(self._connection)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""

    def get_write_buffer_size(self) -> int:
        """Nothing is buffered."""
        return 0

    def is_closing(self) -> bool:
        """Return whether the connection is about to close: never."""
        return False

    def abort(self) -> None:
        """There is nothing to close."""

    def close(self) -> None:
        """There is nothing to close."""


def drive(requests: int, rate: float | None = None) -> Driven:
    """Make a number of puts, by 64 callers or at a rate (a second) on 64 connections.

    Raises:
        RuntimeError: not all of them were ok.
    """
    settings = open_plan(requests, rate) if rate else closed_plan(requests)
    loop = build(settings)
    wakings = asyncio.run(_run(loop))
    counted = loop.recorder.records["put"].count("ok")
    if counted != requests:
        raise RuntimeError(f"{counted:,} of {requests:,} requests were ok")
    return Driven(counted, wakings)


def build(settings: Mapping[str, Any]) -> Engine:
    """Build the loop of a scenario, given by field as on the command line, with its connections open."""
    scenario = load_scenario(None, [f"{name}={json.dumps(value)}" for name, value in settings.items()], {}, TABLE)
    target = Target(
        url=URL,
        region=REGION,
        table={"name": TABLE, "billing_mode": "PAY_PER_REQUEST"},
        key=[KeyAttribute("pk", "S")],
        indexes={},
        global_indexes=frozenset(),
        clock_skew_s=0.0,
        session_credentials=None,
    )
    work = workload.build(scenario, target, RUN_ID, WHOLE)
    pool = Pool(target.host, target.port, None, CALLERS)
    load = Load(
        pacer=scenario.plan.pacer(WHOLE, scenario.seed),  # type: ignore[union-attr]
        mix=work.workload.mix,
        operations=work.operations,
        segment=WHOLE,
        timeout_s=scenario.timeout,
        retries=Retries(scenario.retries.attempts, scenario.retries.base_ms, scenario.retries.cap_ms, scenario.seed),
    )
    return Engine(load, pool, Signer("127.0.0.1:8000", REGION, Credentials("AKIDEXAMPLE", "secret")))


def _at_one_second(signer: Signer) -> None:
    """Replace the signer's look at the clock (``Signer.at_now``)."""
    signer.at(SIGNED_S)


async def _run(loop: Engine) -> int:
    wire = Wire()
    for _number in range(CALLERS):
        connection = Connection(loop.pool)
        connection.connection_made(DroppingTransport(wire, connection))
        loop.pool.live.add(connection)
        loop.pool.idle.append(connection)
    with (
        patch.object(ticker, "make", wire.timer),
        patch.object(clocked, "perf_counter_ns", wire.clock),
        patch.object(Signer, "at_now", _at_one_second),
    ):
        loop.signer.at_now()
        run = asyncio.get_running_loop().create_task(loop.run())
        await wire.carry(run)
        await run
    return wire.wakings
