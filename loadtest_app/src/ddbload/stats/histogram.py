# SPDX-License-Identifier: Apache-2.0
"""A log-linear counter in the layout of HdrHistogram: cheap to record in, lossless to convert.

Values are whole microseconds from 0 to one hour with three significant digits; the layout of slots is the one of
Gil Tene's HdrHistogram (https://hdrhistogram.github.io/HdrHistogram/), so that nothing is lost on the way to its
V2 encoding and back.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

from ddbload.stats import hdr
from ddbload.stats.hdr import MAX_US, SIGNIFICANT_DIGITS, SLOTS, highest_of, lowest_of, middle_of, slot_of

__all__ = ["MAX_US", "SIGNIFICANT_DIGITS", "SLOTS", "Histogram", "highest_of", "lowest_of", "slot_of"]


class Histogram:
    """Counts of microseconds by slot.

    A hot path may count by itself: `histogram.counts[slot_of(value)] += 1` is all that there is to recording.
    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        # Few of the slots ever count something: a run's times lie close together.
        self.counts: defaultdict[int, int] = defaultdict(int)

    @classmethod
    def from_values(cls, values: Iterable[int]) -> Histogram:
        """Count values in microseconds, each once."""
        histogram = cls()
        for value in values:
            histogram.counts[slot_of(value)] += 1
        return histogram

    @property
    def total(self) -> int:
        """How many values were counted."""
        return sum(self.counts.values())

    def record(self, value: int, count: int = 1) -> None:
        """Count a value of so many microseconds."""
        self.counts[slot_of(value)] += count

    def slots(self) -> Iterator[tuple[int, int]]:
        """Yield the slots that counted something, with their counts, from low to high."""
        return iter(sorted(item for item in self.counts.items() if item[1]))

    def add(self, other: Histogram) -> None:
        """Add another histogram's counts; nothing is lost."""
        for slot, count in other.counts.items():
            self.counts[slot] += count

    def copy(self) -> Histogram:
        """Return a histogram of the same counts that goes its own way from here."""
        copied = Histogram()
        copied.counts.update(self.counts)
        return copied

    def minus(self, other: Histogram) -> Histogram:
        """Return what came since an earlier copy of this histogram.

        Args:
            other: the earlier copy.

        Raises:
            ValueError: it counted something that this histogram does not hold.
        """
        since = Histogram()
        for slot in self.counts.keys() | other.counts.keys():
            came = self.counts.get(slot, 0) - other.counts.get(slot, 0)
            if came < 0:
                raise ValueError(f"no earlier copy: slot {slot} has {-came} values more than there are now")
            if came:
                since.counts[slot] = came
        return since

    def percentile(self, percentile: float) -> int:
        """Return the value in microseconds at or below which a share of values lies, as HdrHistogram defines it.

        The rank is rounded up, as in AbstractHistogram.getValueAtPercentile and hdr-histogram-js; the Python port
        rounds it to the nearest, which may leave less than the share at or below.

        Args:
            percentile: above 0, to 100.

        Returns:
            The highest value of the slot that holds it; 0 for an empty histogram.
        """
        # One step down, as in the original, so that 99.9 % of 10,000 is 9,990 whatever binary fractions make of it.
        wanted = max(1, math.ceil(math.nextafter(percentile, 0.0) * self.total / 100))
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
        total = self.total
        weighted = sum(count * middle_of(slot) for slot, count in self.counts.items())
        return weighted / total if total else 0.0

    def encode(self) -> str:
        """Return HdrHistogram V2, compressed, in base64."""
        return hdr.encode(self.counts)

    @classmethod
    def decode(cls, text: str) -> Histogram:
        """Read HdrHistogram V2 in base64, of this or of another writer.

        Raises:
            ValueError: the text is no such histogram.
        """
        histogram = cls()
        histogram.counts.update(hdr.decode(text))
        return histogram
