# SPDX-License-Identifier: Apache-2.0
"""Pacers: when which operation is due, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from ddbload.scenario import Closed, ConstantRate

NANOSECONDS = 1_000_000_000


@dataclass(frozen=True)
class ConstantRatePacer:
    """Operation n is due at n / rate, whatever became of those before it."""

    rate: float
    duration: float

    @property
    def operations(self) -> int:
        """How many operations there are in all."""
        return max(1, round(self.rate * self.duration))

    @property
    def duration_ns(self) -> int:
        """How long arrivals go on, in nanoseconds."""
        return round(self.duration * NANOSECONDS)

    def due(self, elapsed_ns: int) -> int:
        """Return how many operations are due after so many nanoseconds."""
        if elapsed_ns < 0:
            return 0
        count = int(elapsed_ns * self.rate / NANOSECONDS) + 1
        # Floating point and the rounding to whole nanoseconds may be one off, either way, at the very instant.
        while count and self.planned_ns(count - 1) > elapsed_ns:
            count -= 1
        while count < self.operations and self.planned_ns(count) <= elapsed_ns:
            count += 1
        return min(count, self.operations)

    def planned_ns(self, number: int) -> int:
        """Return the instant at which operation ``number`` is due, in nanoseconds from the start."""
        return round(number * NANOSECONDS / self.rate)


@dataclass(frozen=True)
class ClosedPacer:
    """So many callers; each one's next operation is due when its last one was answered.

    Seen from the pacer everything is due at once: the callers, one connection each, hold it back.
    """

    concurrency: int
    operations: int

    def due(self, elapsed_ns: int) -> int:
        """Return how many operations are due after so many nanoseconds: all of them, from the start on."""
        return self.operations if elapsed_ns >= 0 else 0


def pacer(plan: ConstantRate | Closed) -> ConstantRatePacer | ClosedPacer:
    """Build the pacer of a plan."""
    if isinstance(plan, Closed):
        return ClosedPacer(min(plan.concurrency, plan.operations), plan.operations)
    return ConstantRatePacer(plan.rate, plan.duration)


class Mix:
    """Which operation comes at which place, exactly by weight in every cycle, and how many came before it.

    A cycle has one place for every unit of weight; the operations are spread over it as evenly as can be (each at the
    middles of equal parts of the cycle). Both questions have closed answers, so that any worker can answer them.
    """

    def __init__(self, weights: Mapping[str, int]) -> None:
        self.weights = dict(weights)
        order = sorted(((place + 0.5) / weight, name) for name, weight in weights.items() for place in range(weight))
        self.cycle = [name for _middle, name in order]
        self._before = {name: list(accumulate((other == name for other in self.cycle), initial=0)) for name in weights}

    def operation(self, number: int) -> str:
        """Return the operation at a place."""
        return self.cycle[number % len(self.cycle)]

    def before(self, name: str, number: int) -> int:
        """Return how many operations of a name have places before ``number``."""
        if name not in self.weights:
            return 0
        cycles, place = divmod(number, len(self.cycle))
        return cycles * self.weights[name] + self._before[name][place]
