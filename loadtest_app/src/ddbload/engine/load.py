# SPDX-License-Identifier: Apache-2.0
"""What one run of the loop carries out, what is under way on a connection, and why a run may end early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
