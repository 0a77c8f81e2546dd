# SPDX-License-Identifier: Apache-2.0
"""A log-linear counter in the layout of HdrHistogram: cheap to record in, lossless to convert.

Values are whole microseconds from 0 to one hour with three significant digits; the layout of buckets is the one of
Gil Tene's HdrHistogram (https://hdrhistogram.github.io/HdrHistogram/), so that nothing is lost on the way to its
V2 encoding and back.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from hdrh.histogram import HdrHistogram

MAX_US = 3_600_000_000
SIGNIFICANT_DIGITS = 3
# 2,048 linear steps hold three digits; every doubling beyond them has 1,024 steps of its own.
HALF_BITS = 10
LINEAR_BITS = HALF_BITS + 1
LINEAR_MASK = (1 << LINEAR_BITS) - 1
HALF = 1 << HALF_BITS
SLOTS = ((MAX_US.bit_length() - LINEAR_BITS) << HALF_BITS) + 2 * HALF


def slot_of(value: int) -> int:
    """Return the slot that counts a value; values above one hour share the last one."""
    if value > MAX_US:
        value = MAX_US
    shift = (value | LINEAR_MASK).bit_length() - LINEAR_BITS
    return (shift << HALF_BITS) + (value >> shift)


def lowest_of(slot: int) -> int:
    """Return the lowest value that a slot counts, in microseconds."""
    if slot < 2 * HALF:
        return slot
    return ((slot & (HALF - 1)) + HALF) << ((slot >> HALF_BITS) - 1)


def highest_of(slot: int) -> int:
    """Return the highest value that a slot counts, in microseconds."""
    if slot < 2 * HALF:
        return slot
    return lowest_of(slot) + (1 << ((slot >> HALF_BITS) - 1)) - 1


class Histogram:
    """Counts of microseconds by slot."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        # Few of the slots ever count something: a run's times lie close together.
        self.counts: defaultdict[int, int] = defaultdict(int)
        self.total = 0

    def record(self, value: int, count: int = 1) -> None:
        """Count a value of so many microseconds."""
        self.counts[slot_of(value)] += count
        self.total += count

    def slots(self) -> Iterator[tuple[int, int]]:
        """Yield the slots that counted something, with their counts, from low to high."""
        return iter(sorted(self.counts.items()))

    def add(self, other: Histogram) -> None:
        """Add another histogram's counts; nothing is lost."""
        for slot, count in other.slots():
            self.counts[slot] += count
        self.total += other.total

    def percentile(self, percentile: float) -> int:
        """Return the value in microseconds at or below which a share of values lies, as HdrHistogram defines it.

        Args:
            percentile: above 0, to 100.

        Returns:
            The highest value of the slot that holds it; 0 for an empty histogram.
        """
        wanted = max(1, int(percentile * self.total / 100 + 0.5))
        for slot, count in self.slots():
            wanted -= count
            if wanted <= 0:
                return highest_of(slot)
        return 0

    def maximum(self) -> int:
        """Return the largest value's slot's highest value, in microseconds; 0 for an empty histogram."""
        return self.percentile(100)

    def mean(self) -> float:
        """Return the mean in microseconds, each slot taken at its middle; 0 for an empty histogram."""
        weighted = sum(count * (lowest_of(slot) + highest_of(slot)) / 2 for slot, count in self.slots())
        return weighted / self.total if self.total else 0.0

    def encode(self) -> str:
        """Return HdrHistogram V2, compressed, in base64."""
        histogram = HdrHistogram(1, MAX_US, SIGNIFICANT_DIGITS)
        for slot, count in self.slots():
            histogram.record_value(lowest_of(slot), count)
        text: bytes = histogram.encode()
        return text.decode()

    @classmethod
    def decode(cls, text: str) -> Histogram:
        """Read HdrHistogram V2 in base64, of this or of another writer.

        Raises:
            ValueError: the text is no such histogram.
        """
        try:
            recorded = HdrHistogram.decode(text)
        except Exception as error:  # the library raises a class of its own for each way to be wrong
            raise ValueError(f"not an HdrHistogram V2: {error}") from error
        histogram = cls()
        for entry in recorded.get_recorded_iterator():
            histogram.record(entry.value_iterated_to, entry.count_at_value_iterated_to)
        return histogram
