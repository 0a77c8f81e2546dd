# SPDX-License-Identifier: Apache-2.0
"""A log-linear counter in the layout of HdrHistogram: recording is cheap, and conversion lossless.

Values are whole microseconds from 0 to one hour with three significant digits; the layout of slots is the one of
Gil Tene's HdrHistogram (https://hdrhistogram.github.io/HdrHistogram/), so that nothing is lost on the way to its
V2 encoding and back.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ddbload.stats import hdr
from ddbload.stats.hdr import MAX_US, SIGNIFICANT_DIGITS, SLOTS, highest_of, lowest_of, middle_of, slot_of

# In the summary of a histogram, by name.
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9}

__all__ = ["MAX_US", "PERCENTILES", "SIGNIFICANT_DIGITS", "SLOTS", "Histogram", "highest_of", "lowest_of", "slot_of"]


class Histogram:
    """Counts of microseconds by slot.

    A hot path may record a value without the call of ``record``: `histogram.counts[slot_of(value)] += 1`.
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

    def __eq__(self, other: object) -> bool:
        """Return whether both counted the same values equally often."""
        return isinstance(other, Histogram) and list(self.slots()) == list(other.slots())

    # Equal while their counts are: no key of a mapping.
    __hash__ = None  # type: ignore[assignment]

    @property
    def total(self) -> int:
        """How many values were counted."""
        return sum(self.counts.values())

    def record(self, value: int, count: int = 1) -> None:
        """Record a value in microseconds ``count`` times."""
        self.counts[slot_of(value)] += count

    def slots(self) -> Iterator[tuple[int, int]]:
        """Yield the slots that counted something, with their counts, from low to high."""
        return iter(sorted(item for item in self.counts.items() if item[1]))

    def add(self, other: Histogram) -> None:
        """Add another histogram's counts; nothing is lost."""
        if not self.counts:
            # A hundredth of the time of the loop.
            self.counts.update(other.counts)
            return
        for slot, count in other.counts.items():
            self.counts[slot] += count

    def copy(self) -> Histogram:
        """Return an independent copy."""
        copied = Histogram()
        copied.counts.update(self.counts)
        return copied

    def minus(self, other: Histogram) -> Histogram:
        """Return the counts since an earlier copy of this histogram.

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
        return self.percentiles((percentile,))[0]

    def percentiles(self, wanted: Sequence[float]) -> list[int]:
        """Return several percentiles in microseconds, each as ``percentile`` does, from one pass over the counts.

        Args:
            wanted: above 0, to 100, in ascending order.
        """
        total, below = self.total, 0
        # One step down, as in the original, so that 99.9 % of 10,000 is 9,990 whatever binary fractions make of it.
        ranks = [max(1, math.ceil(math.nextafter(percentile, 0.0) * total / 100)) for percentile in wanted]
        found: list[int] = []
        for slot, count in self.slots():
            below += count
            while len(found) < len(ranks) and below >= ranks[len(found)]:
                found.append(highest_of(slot))
        return found or [0] * len(ranks)

    def maximum(self) -> int:
        """Return the largest value's slot's highest value, in microseconds; 0 for an empty histogram."""
        return max((highest_of(slot) for slot, count in self.counts.items() if count), default=0)

    def mean(self) -> float:
        """Return the mean in microseconds, each slot taken at its middle; 0 for an empty histogram."""
        total = self.total
        weighted = sum(count * middle_of(slot) for slot, count in self.counts.items())
        return weighted / total if total else 0.0

    def milliseconds(self) -> dict[str, float] | None:
        """Return percentiles, maximum and mean in milliseconds; None where nothing was counted."""
        if not self.counts:
            return None
        *percentiles, most = self.percentiles((*PERCENTILES.values(), 100.0))
        named = {name: value / 1000 for name, value in zip(PERCENTILES, percentiles, strict=True)}
        return named | {"max": most / 1000, "mean": round(self.mean() / 1000, 3)}

    def encode(self) -> str:
        """Return HdrHistogram V2, compressed, in base64."""
        return hdr.encode(self.counts)

    @classmethod
    def decode(cls, text: str) -> Histogram:
        """Read HdrHistogram V2 in base64, of this or of another writer.

        Raises:
            ValueError: the text is no HdrHistogram V2.
        """
        histogram = cls()
        histogram.counts.update(hdr.decode(text))
        return histogram
