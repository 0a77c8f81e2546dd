# SPDX-License-Identifier: Apache-2.0
"""When each worker started, and what the differences do to the curve of the plan."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import ceil
from typing import NamedTuple

# A line is written some milliseconds after the figures that it has: smaller differences are not measured.
PRECISION_S = 0.05
# Beyond it a clock is wrong, and nothing is gained by counting its seconds.
LONGEST_LATE_S = 1_000_000.0
# Above these, the curve that the table received is not the plan's.
WARNED_DISTORTION = 0.02
BROKEN_DISTORTION = 0.05
# A closed plan has no curve: this is how far apart its starts may be.
WARNED_SKEW_S = 1.0


class Interval(NamedTuple):
    """What one worker reports of a stretch of time.

    Attributes:
        end_s: seconds from its own start to the end of the stretch.
        seconds: the length of the stretch.
        planned: operations that fell due in it.
        sent: operations sent in it.
    """

    end_s: float
    seconds: float
    planned: float
    sent: float


def offsets(starts_s: Collection[float]) -> list[float]:
    """Return by how many seconds each start is after the earliest; 0 where the difference is not measurable."""
    earliest_s = min(starts_s, default=0.0)
    late_s = (min(LONGEST_LATE_S, start_s - earliest_s) for start_s in starts_s)
    return [seconds if seconds >= PRECISION_S else 0.0 for seconds in late_s]


def spread(found: dict[int, float], end_s: float, seconds: float, amount: float) -> None:
    """Add an amount to the seconds that a stretch overlaps, to each its share of the stretch.

    Args:
        found: amounts by second; second 1 is the first.
        end_s: where the stretch ends, in seconds from the common start.
        seconds: its length.
        amount: to be added.
    """
    start_s = max(0.0, end_s - seconds)
    first, last = int(start_s) + 1, max(1, ceil(end_s))
    if last <= first or seconds <= 0:
        found[last] = found.get(last, 0.0) + amount
        return
    for second in range(first, last + 1):
        overlap_s = min(end_s, float(second)) - max(start_s, second - 1.0)
        if overlap_s > 0:
            found[second] = found.get(second, 0.0) + amount * overlap_s / (end_s - start_s)


def by_second(
    workers: Iterable[tuple[float, Iterable[Interval]]], amount_of: Callable[[Interval], float]
) -> dict[int, float]:
    """Return an amount of all workers by wall second.

    Args:
        workers: each one's offset from the common start in seconds, and its intervals.
        amount_of: the amount of an interval.
    """
    found: dict[int, float] = defaultdict(float)
    for offset_s, intervals in workers:
        for interval in intervals:
            if amount := amount_of(interval):
                spread(found, offset_s + interval.end_s, interval.seconds, amount)
    return found


def distortion(requested: Mapping[int, float], received: Mapping[int, float]) -> float | None:
    """Return the sum of the differences by second, as a share of all that was requested; None without a request."""
    whole = sum(requested.values())
    if whole <= 0:
        return None
    seconds = requested.keys() | received.keys()
    return sum(abs(requested.get(second, 0.0) - received.get(second, 0.0)) for second in seconds) / whole


def distortion_of_starts(expected: Callable[[float], float], duration_s: float, late_s: Sequence[float]) -> float:
    """Return the distortion of a curve whose workers start at different times, whatever the table does.

    Args:
        expected: operations up to a number of seconds from the start; 0 before it.
        duration_s: of the curve.
        late_s: seconds from the common start to that of each worker.
    """
    if not late_s or not any(late_s):
        return 0.0
    # A worker that starts after the others' end is off by the whole of its part, however late it is.
    late_s = [min(offset_s, ceil(duration_s)) for offset_s in late_s]
    shares = {offset_s: count / len(late_s) for offset_s, count in Counter(late_s).items()}
    whole = before = off = shifted_before = 0.0
    for second in range(1, ceil(duration_s + max(late_s)) + 1):
        now = expected(float(second))
        shifted = sum(share * expected(second - offset_s) for offset_s, share in shares.items())
        off += abs((now - before) - (shifted - shifted_before))
        before, shifted_before = now, shifted
        whole = now
    return off / whole if whole else 0.0
