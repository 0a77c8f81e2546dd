# SPDX-License-Identifier: Apache-2.0
"""What one run of the loop carries out, what is under way in it, and why it may end early."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ddbload.engine.record import OperationRecord
from ddbload.engine.retries import Attempts, Retries
from ddbload.pacing.arrivals import OpenPacer
from ddbload.pacing.callers import ClosedPacer
from ddbload.pacing.segment import Segment
from ddbload.workload.mix import Mix
from ddbload.workload.operations.base import Operation

# What is under way on a connection: operation, its record, what it writes or reads, the instants at which it was
# planned and sent, and what is known of its attempts where retries are on.
Call = tuple[Operation, OperationRecord, object, int, int, Attempts | None]


class Stop(NamedTuple):
    """Why a run ended before its plan: signal, deadline, fatal, threshold, cost, breaker or internal; and in words."""

    cause: str
    text: str


@dataclass(frozen=True)
class Load:
    """What one run of the loop carries out."""

    pacer: OpenPacer | ClosedPacer
    mix: Mix
    operations: Mapping[str, Operation]
    segment: Segment
    timeout_s: float
    retries: Retries
    # The operations' numbers go on from here, where one load follows another.
    first_number: int = 0
    # What is planned within so many nanoseconds from the start is recorded apart.
    warm_up_ns: int = 0
