# SPDX-License-Identifier: Apache-2.0
"""What one run of the loop carries out, how far it has come, and what is under way on a connection."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import NamedTuple

from ddbload.dynamo.http1 import Connection
from ddbload.engine.record import OperationRecord
from ddbload.engine.retries import Attempts, Retries
from ddbload.pacing.pacer import Pacer
from ddbload.pacing.segment import Segment
from ddbload.workload.mix import Mix
from ddbload.workload.operations.base import Operation

# What is under way on a connection: operation, its record, what it writes or reads, the instants at which it was
# planned and sent, and its attempts where retries are on. A plain tuple, since the hot path makes one for each request.
Call = tuple[Operation, OperationRecord, object, int, int, Attempts | None]


def call_of(connection: Connection) -> Call:
    """Return what is under way on a connection that the engine uses."""
    call: Call = connection.call  # type: ignore[assignment]
    return call


class Stop(NamedTuple):
    """Why a run ended before its plan: signal, deadline, fatal, threshold, cost, breaker or internal; and a text."""

    cause: str
    text: str


@dataclass(frozen=True)
class Load:
    """What one run of the loop carries out."""

    pacer: Pacer
    mix: Mix
    operations: Mapping[str, Operation]
    segment: Segment
    timeout_s: float
    retries: Retries
    # Number of the first operation: above 0 where one load follows another.
    first_number: int = 0
    # Operations planned within these nanoseconds from the start are recorded apart.
    warm_up_ns: int = 0
    # CPUs that this process may use at a time, above 0 and at most 1.
    cpus: float = 1.0


class Progress:
    """How far a load has come.

    A position counts this worker's operations from 0, a number those of all workers together. Positions below ``next``
    were sent, those below ``due`` should have been. Those in between wait for a connection; nothing is stored for them,
    since the pacer computes their planned instants.

    Attributes:
        start_ns: the start, by ``perf_counter_ns``; 0 before it.
        end_ns: the end; 0 before it.
        held_back: positions that are due beyond ``due``, and may not be sent yet.
        passed_over: positions that fell due while the breaker was open, and were not sent.
        stopped: why the run ended before its plan, if it did.
    """

    def __init__(self, load: Load, connections: int) -> None:
        self.load = load
        self._connections = connections
        self.due = self.next = self.held_back = self.passed_over = 0
        self.start_ns = self.end_ns = 0
        self.stopped: Stop | None = None
        self._stopped_ns = self._last_sent_ns = 0
        self._is_planned = load.pacer.planned_ns is not None
        # In an open plan: when ``next`` is due, by perf_counter_ns, and the positions after it.
        self._next_at_ns = 0
        self._instants: Iterator[int] = iter(())
        # The position up to which operations may be sent; that up to which all connections may send one.
        self._limit = self._free_to = math.inf

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, up to the end."""
        return ((self.end_ns or perf_counter_ns()) - self.start_ns) / 1e9 if self.start_ns else 0.0

    @property
    def loaded_s(self) -> float:
        """Seconds over which the plan put load on the table: the divisor of rates.

        It leaves out the drain, in which nothing is sent: one slow last response must not lower the rate.
        """
        duration_ns = self.load.pacer.duration_ns
        if duration_ns is None or not self.start_ns:
            return self.elapsed_s
        now = perf_counter_ns()
        end_ns = min(self.start_ns + duration_ns, self._stopped_ns or now, self.end_ns or now)
        return (max(end_ns, self._last_sent_ns) - self.start_ns) / 1e9

    @property
    def planned(self) -> int:
        """How many operations were due so far."""
        return self.due + self.held_back if self._is_planned else self.next

    @property
    def allowance(self) -> float:
        """How many requests may still be sent; infinite without a limit."""
        return self._limit - self.next

    def allow(self, requests: float) -> None:
        """Send at most so many requests more, retries included, until the next call."""
        self._limit = self.next + requests
        self._hold_back(self.due + self.held_back)

    def _hold_back(self, due: int) -> None:
        """Note which positions are due, those that may not be sent yet apart."""
        self.due = due if due <= self._limit else int(self._limit)
        self.held_back = due - self.due
        self._free_to = -1 if self.held_back else self._limit - self._connections

    def _go_on_from(self, position: int) -> None:
        """Make a position the next one."""
        self.next = position
        if self._is_planned:
            self._instants = map(self.start_ns.__add__, self.load.pacer.instants(position))
            self._next_at_ns = next(self._instants)
