# SPDX-License-Identifier: Apache-2.0
"""Closed plans: a number of callers, each of which waits for its response before it sends again."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ddbload.pacing.segment import Segment

NANOSECONDS = 1_000_000_000


class Phase(NamedTuple):
    """A number of operations by a number of callers; no number of operations: until the duration is over."""

    concurrency: int
    operations: int | None


class ClosedPacer:
    """One worker's share of a closed plan.

    The operation of a position is due only while fewer than ``concurrency_at(position)`` are under way, so phases never
    overlap. ``Pacer`` describes the methods.

    Args:
        phases: The phases in their order; only the last may be without a number of operations.
        segment: Which worker of how many.
        duration_s: Seconds after which nothing more is sent; None: when all operations are done.

    Attributes:
        operations: This segment's operations; None where only the duration ends the plan.
        callers: The most operations that this segment has under way.
        callers_vary: Whether the plan has several phases.
        duration_ns: The duration in nanoseconds, or None.

    Raises:
        ValueError: A phase has fewer callers than there are workers, or is empty, or nothing ends the plan.
    """

    # A caller sends as soon as it has its response.
    planned_ns = None

    def __init__(self, phases: Sequence[Phase], segment: Segment, duration_s: float | None) -> None:
        if not phases:
            raise ValueError("a closed plan must have at least one phase")
        if duration_s is not None and not 0 < duration_s < float("inf"):
            raise ValueError(f"the duration must be above 0: found {duration_s}")
        if duration_s is None and phases[-1].operations is None:
            raise ValueError("a closed plan must have a number of operations or a duration")
        self.phases = tuple(phases)
        self.segment = segment
        self.duration_ns = None if duration_s is None else round(duration_s * NANOSECONDS)
        self.operations: int | None = 0
        self.callers = 0
        self.callers_vary = len(self.phases) > 1
        self._spans: list[tuple[int, float, int]] = []
        numbers = under_way = 0
        for concurrency, operations in self.phases:
            if self.operations is None:
                raise ValueError("only the last phase may be without a number of operations")
            if concurrency < segment.count:
                raise ValueError(
                    f"fewer callers than workers: {concurrency} for {segment.count};"
                    " use fewer workers or a higher concurrency"
                )
            share = concurrency // segment.count + (segment.index < concurrency % segment.count)
            first = self.operations
            if operations is None:
                self.operations = None
                self._spans.append((first, float("inf"), share))
                self.callers = max(self.callers, share)
                continue
            if operations < 1:
                raise ValueError(f"a phase must have at least 1 operation: found {operations}")
            numbers += operations
            self.operations = segment.count_below(numbers)
            if self.operations > first:
                self._spans.append((first, self.operations, share))
                # A phase with fewer operations than callers does not reach its share.
                under_way = min(share, under_way + self.operations - first)
                self.callers = max(self.callers, under_way)
        self._span = self._spans[0] if self._spans else (0, 0, 0)

    @property
    def expected(self) -> int | None:
        """This segment's operations; None where only the duration ends the plan."""
        return self.operations

    def due(self, elapsed_ns: int, sent: int = 0, under_way: int | None = None) -> int:
        """Return how many positions may be sent: as many more as there are callers without an operation."""
        if self.is_over(elapsed_ns, sent):
            return sent
        due = sys.maxsize
        if under_way is not None:
            due = sent + max(0, self.concurrency_at(sent) - under_way)
        return due if self.operations is None else min(due, self.operations)

    def instants(self, _position: int) -> Iterator[int]:
        """Yield nothing: no instant is planned."""
        return iter(())

    def is_over(self, elapsed_ns: int, sent: int) -> bool:
        """Return whether the duration is over or all operations were sent."""
        return sent == self.operations or (self.duration_ns is not None and elapsed_ns >= self.duration_ns)

    def sent_at_most(self, _elapsed_ns: int) -> int | None:
        """Return this segment's operations; None where only the duration ends the plan."""
        return self.operations

    def concurrency_at(self, position: int) -> int:
        """Return how many operations this segment may have under way, that of a position included.

        Raises:
            IndexError: The segment has no such position.
        """
        first, end, share = self._span
        if first <= position < end:
            return share
        for span in self._spans:
            if span[0] <= position < span[1]:
                self._span = span
                return span[2]
        raise IndexError(f"no position {position} in a segment of {self.operations} operations")


def constant(concurrency: int, operations: int | None) -> tuple[Phase, ...]:
    """Return the phases of one concurrency held.

    Args:
        concurrency: Callers.
        operations: Operations in all; None: until the duration is over.
    """
    return (Phase(concurrency, operations),)


def classic(concurrency_limit: int, total_items: int, max_concurrency_percentage: int) -> tuple[Phase, ...]:
    """Return the phases of the classic plan: up to ten rising steps, the last of them the peak.

    The peak is ``max_concurrency_percentage`` of the limit, and that percentage of the items runs at it, both rounded
    up. The other items run before it, evenly over the tenths of the peak below it (each rounded up to whole callers,
    equal ones taken together); with a peak of one caller there is nothing below, and all items run at it.

    Args:
        concurrency_limit: Callers, at least 1.
        total_items: Items to write, at least 1.
        max_concurrency_percentage: 1 to 100.

    Raises:
        ValueError: A value is out of its range.
    """
    if concurrency_limit < 1:
        raise ValueError(f"the concurrency limit must be at least 1: found {concurrency_limit}")
    if total_items < 1:
        raise ValueError(f"the items must be at least 1: found {total_items}")
    if not 1 <= max_concurrency_percentage <= 100:
        raise ValueError(f"the maximum concurrency percentage must be 1 to 100: found {max_concurrency_percentage}")
    peak = _ceiling(concurrency_limit * max_concurrency_percentage, 100)
    at_peak = _ceiling(total_items * max_concurrency_percentage, 100)
    below = sorted({_ceiling(peak * tenth, 10) for tenth in range(1, 10)} - {peak})
    if not below:
        return (Phase(peak, total_items),)
    rest, count = total_items - at_peak, len(below)
    shares = (rest * (step + 1) // count - rest * step // count for step in range(count))
    rising = (Phase(concurrency, share) for concurrency, share in zip(below, shares, strict=True) if share)
    return (*rising, Phase(peak, at_peak))


def _ceiling(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
