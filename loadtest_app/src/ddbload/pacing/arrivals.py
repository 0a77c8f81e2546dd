# SPDX-License-Identifier: Apache-2.0
"""Open plans: the instants at which one worker's operations are due, independent of the responses to earlier ones."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, count, islice, repeat, starmap
from math import isfinite, log1p
from operator import neg, sub
from pathlib import Path
from random import Random

from ddbload.files import MEGABYTE, read_text
from ddbload.pacing.curve import Curve
from ddbload.pacing.segment import Segment

NANOSECONDS = 1_000_000_000

# Instants that a steady plan computes at a time, and how many times so many between two looks: beyond, it estimates.
AHEAD = 16
FEW = 8
# Gaps that one generator of random numbers makes.
BLOCK = 4096
# Gaps that are computed at a time: a whole block would delay a tick of the engine.
PART = 256
# Tens of millions of lines.
LARGEST_BYTES = 256 * MEGABYTE
# The format of a line of recorded arrivals.
EXPECTED = 'a line begins with seconds such as 0.137, or is {"elapsed_s": 0.137}'


class OpenPacer(ABC):
    """What the pacers of open plans share; ``Pacer`` describes the methods.

    Attributes:
        duration_ns: all operations are due by this instant.
        expected: operations of this segment, a mean where arrivals are random.
    """

    duration_ns: int
    expected: float
    callers = None
    callers_vary = False

    @abstractmethod
    def planned_ns(self, position: int) -> int:
        """Return the instant, in nanoseconds from the start, at which a position is due.

        Args:
            position: not below the number of positions that ``due`` was called with as sent.
        """

    @abstractmethod
    def due(self, elapsed_ns: int, sent: int = 0, under_way: int | None = None) -> int:
        """Return how many of this segment's positions are due at or before an instant.

        Args:
            elapsed_ns: nanoseconds from the start, not before those of an earlier call.
            sent: how many positions were sent.
            under_way: has no effect: arrivals do not wait for responses.
        """

    def next_ns(self, position: int) -> int:
        """Return when a position is due; the end of the plan after the last one."""
        try:
            return self.planned_ns(position)
        except IndexError:
            return self.duration_ns

    def instants(self, position: int) -> Iterator[int]:
        """Yield the planned instants from a position on, then the end of the plan without end."""
        return map(self.next_ns, count(position))

    def is_over(self, elapsed_ns: int, sent: int) -> bool:
        """Return whether all operations are due."""
        return elapsed_ns >= self.duration_ns

    def sent_at_most(self, elapsed_ns: int) -> int:
        """Return how many operations are due by an instant: none is sent before."""
        return self.due(elapsed_ns)


class UniformPacer(OpenPacer):
    """Operations spaced evenly along the curve: number n is due when the curve expects n before it.

    Args:
        curve: The rate over time, of all workers together.
        segment: Which worker of how many.

    Attributes:
        duration_ns: How long arrivals go on, in nanoseconds.
        operations: This segment's operations: its part of the curve's total, rounded, at least 1.
        expected: The same.
    """

    def __init__(self, curve: Curve, segment: Segment) -> None:
        self.curve = curve
        self.segment = segment
        self.duration_ns = round(curve.duration_s * NANOSECONDS)
        self.operations = segment.count_below(max(1, round(curve.total)))
        self.expected = float(self.operations)
        self._index, self._count = segment
        self._instant = curve.instant
        self._rate = curve.steady_rate
        # The instants of the positions from _first on, and that of the position before it.
        self._first, self._before_ns = 0, 0
        self._known = self._instants(0)

    def planned_ns(self, position: int) -> int:
        """Return when a position is due, in nanoseconds from the start; the plan's end after the last one."""
        offset = position - self._first
        return self._known[offset] if 0 <= offset < len(self._known) else self._instants(position, 1)[0]

    next_ns = planned_ns

    def instants(self, position: int) -> Iterator[int]:
        """Yield the planned instants from a position on, then the end of the plan without end."""
        return chain.from_iterable(map(self._instants, count(position, AHEAD)))

    def due(self, elapsed_ns: int, sent: int = 0, under_way: int | None = None) -> int:
        """Return how many of this segment's positions are due at an instant, in nanoseconds from the start."""
        if elapsed_ns >= self.duration_ns:
            return self.operations
        for _each in range(FEW):
            if elapsed_ns < self._before_ns:
                break
            if elapsed_ns < self._known[-1]:
                return self._first + bisect_right(self._known, elapsed_ns)
            # The last one stays: it has become due, and was not sent yet.
            self._first += len(self._known) - 1
            self._before_ns = self._known[-2]
            self._known = self._instants(self._first)
        # The estimate may be one off at the instant itself, because of rounding.
        due = min(self.segment.count_below(int(self.curve.expected(elapsed_ns / 1e9)) + 1), self.operations)
        while due and self.planned_ns(due - 1) > elapsed_ns:
            due -= 1
        while due < self.operations and self.planned_ns(due) <= elapsed_ns:
            due += 1
        self._first, self._before_ns = due, self.planned_ns(due - 1) if due else 0
        self._known = self._instants(due)
        return due

    def _instants(self, first: int, count: int = AHEAD) -> list[int]:
        """Return the instants of ``count`` positions, or of fewer and the plan's end, which goes after the last one."""
        last = min(first + count, self.operations)
        numbers = range(self._index + self._count * first, self._index + self._count * last, self._count)
        rate = self._rate
        if rate and numbers and numbers[-1] / rate < self.curve.duration_s:
            # What the curve returns, without calls.
            instants = [round(number / rate * 1e9) for number in numbers]
        else:
            instants = [round(self._instant(number) * 1e9) for number in numbers]
        return instants if last == first + count else [*instants, self.duration_ns]


class PoissonPacer(OpenPacer):
    """Arrivals of an inhomogeneous Poisson process that follows the curve.

    By change of time (Lewis & Shedler, 1979; Cinlar, 1975): arrivals of a process with unit rate, carried through the
    inverse of the curve's area. The schedule is a pure function of the seed and the operation's number, so that all
    segments together are exactly the schedule of one machine. Every worker computes all instants and keeps its own
    until they are sent.

    Args:
        curve: The rate over time, of all workers together.
        segment: Which worker of how many.
        seed: The seed of the schedule, the same for all workers.

    Attributes:
        duration_ns: How long arrivals go on, in nanoseconds.
        expected: The mean of this segment's number of operations.
    """

    def __init__(self, curve: Curve, segment: Segment, seed: int) -> None:
        self.curve = curve
        self.segment = segment
        self.duration_ns = round(curve.duration_s * NANOSECONDS)
        self.expected = curve.total / segment.count
        self._counts = _unit_arrivals(seed)
        self._planned = array("q")
        self._first = 0
        self._skip = segment.index
        self._latest_ns = 0
        self._over = False

    def planned_ns(self, position: int) -> int:
        """Return the instant, in nanoseconds from the start, at which a position is due.

        Raises:
            IndexError: The position was dropped, or the segment has no such position.
        """
        offset = position - self._first
        if offset < 0:
            raise IndexError(f"position {position} was dropped")
        while offset >= len(self._planned) and not self._over:
            self._extend()
        return self._planned[offset]

    def due(self, elapsed_ns: int, sent: int = 0, under_way: int | None = None) -> int:
        """Return how many of this segment's positions are due at an instant, in nanoseconds from the start."""
        while self._latest_ns <= elapsed_ns and not self._over:
            self._extend()
        due = self._first + bisect_right(self._planned, elapsed_ns)
        self._drop(sent)
        return due

    def _drop(self, position: int) -> None:
        """Drop the instants of the positions below one, in large lots: each time, the rest moves in memory."""
        if position - self._first >= BLOCK:
            count = min(position - self._first, len(self._planned))
            del self._planned[:count]
            self._first += count

    def _extend(self) -> None:
        total, instant, keep, latest_ns = self.curve.total, self.curve.instant, self._planned.append, self._latest_ns
        counts = list(islice(self._counts, PART))
        if counts[-1] >= total:
            self._over = True
            counts = [number for number in counts if number < total]
        for operations in counts[self._skip :: self.segment.count]:
            planned_ns = round(instant(operations) * 1e9)
            # Rounding must not reverse two instants that are very near.
            if planned_ns > latest_ns:
                latest_ns = planned_ns
            keep(latest_ns)
        self._skip = (self._skip - PART) % self.segment.count
        self._latest_ns = latest_ns


def _unit_arrivals(seed: int) -> Iterator[float]:
    """Yield the arrivals of an endless Poisson process with unit rate."""
    # No bytecode runs for a number: every worker computes all of them.
    uniforms = chain.from_iterable(_uniforms(seed, block) for block in count())
    return islice(accumulate(map(log1p, map(neg, uniforms)), sub, initial=0.0), 1, None)


def _uniforms(seed: int, block: int) -> Iterator[float]:
    return starmap(Random(f"arrivals {seed} {block}").random, repeat((), BLOCK))


class ReplayPacer(OpenPacer):
    """Arrivals as they were recorded, at the same or another speed.

    Args:
        instants_s: Seconds from the start, in ascending order, of all workers together.
        segment: Which worker of how many.
        speed: 2.0 plays in half the time.

    Attributes:
        duration_ns: The last arrival of all, in nanoseconds from the start.
        operations: This segment's operations.
        expected: The same.

    Raises:
        ValueError: There are no instants, or the speed is not above 0.
    """

    def __init__(self, instants_s: Sequence[float], segment: Segment, speed: float = 1.0) -> None:
        if not instants_s:
            raise ValueError("there are no arrivals to replay")
        if not (isfinite(speed) and speed > 0):
            raise ValueError(f"the speed must be above 0: found {speed}")
        own = islice(instants_s, segment.index, None, segment.count)
        self._planned = array("q", (round(instant / speed * 1e9) for instant in own))
        self.duration_ns = round(instants_s[-1] / speed * 1e9)
        self.operations = len(self._planned)
        self.expected = float(self.operations)

    def planned_ns(self, position: int) -> int:
        """Return the instant, in nanoseconds from the start, at which a position is due."""
        return self._planned[position]

    def instants(self, position: int) -> Iterator[int]:
        """Yield the planned instants from a position on, then the end of the plan without end."""
        return chain(islice(self._planned, position, None), repeat(self.duration_ns))

    def due(self, elapsed_ns: int, sent: int = 0, under_way: int | None = None) -> int:
        """Return how many of this segment's positions are due at an instant, in nanoseconds from the start."""
        return bisect_right(self._planned, elapsed_ns)


def read_arrivals(path: Path) -> array[float]:
    """Read recorded arrivals from a text file, one a line.

    A line is a number of seconds from the start, or a JSON object with the field ``elapsed_s``. Further columns after a
    comma or space, empty lines and lines that begin with # are ignored.

    Args:
        path: The file.

    Returns:
        Seconds from the start, in ascending order.

    Raises:
        ValueError: A line has another format, its number is negative or below that of the line before, or the file has
            no line, is no regular file or is too large. The text names file and line, and quotes no content.
    """
    arrivals = array("d")
    latest = 0.0
    for number, line in enumerate(read_text(path, LARGEST_BYTES, "replace").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        try:
            arrival = _seconds(text)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {error}: {EXPECTED}") from None
        if arrival < latest:
            wrong = "before the arrival ahead of it: sort the file" if arrivals else "negative: begin at 0"
            raise ValueError(f"{path}:{number}: the number of seconds is {wrong}")
        arrivals.append(arrival)
        latest = arrival
    if not arrivals:
        raise ValueError(f"{path}: no arrivals in it: {EXPECTED}")
    return arrivals


def _seconds(text: str) -> float:
    if text.startswith("{"):
        try:
            value = json.loads(text).get("elapsed_s")
        except (ValueError, RecursionError):
            raise ValueError("no JSON object") from None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError("elapsed_s is no number")
    else:
        value = re.split(r"[\s,]", text, maxsplit=1)[0]
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        raise ValueError("no number of seconds") from None
    if not isfinite(seconds):
        raise ValueError("no number of seconds")
    return seconds
