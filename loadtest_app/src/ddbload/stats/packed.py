# SPDX-License-Identifier: Apache-2.0
"""A histogram that takes little memory: four bytes a slot between its lowest and its highest value."""

from __future__ import annotations

from array import array
from collections import defaultdict

from ddbload.stats.histogram import Histogram

# The array grows by this many slots beyond those that it needs.
SPARE = 128
LARGEST_OF_FOUR_BYTES = 2**32 - 1
FOUR_BYTES, EIGHT_BYTES = "I", "Q"


class PackedHistogram(Histogram):
    """Counts of microseconds by slot, to which others are added; read it as a histogram, and do not write `counts`."""

    __slots__ = ("_first", "_row", "_sum")

    def __init__(self) -> None:
        self._first = 0
        self._row = array(FOUR_BYTES)
        self._sum = 0

    @property
    def counts(self) -> defaultdict[int, int]:  # type: ignore[override]  # made anew at each access
        """The counts by slot, as a copy."""
        return defaultdict(int, {self._first + at: count for at, count in enumerate(self._row) if count})

    @property
    def total(self) -> int:
        """How many values were counted."""
        return self._sum

    def add(self, other: Histogram) -> None:
        """Add another histogram's counts; nothing is lost."""
        counts = other.counts
        if not counts:
            return
        self._cover(min(counts), max(counts))
        self._sum += sum(counts.values())
        if self._sum > LARGEST_OF_FOUR_BYTES and self._row.typecode == FOUR_BYTES:
            self._row = array(EIGHT_BYTES, self._row)
        row, first = self._row, self._first
        for slot, count in counts.items():
            row[slot - first] += count

    def _cover(self, lowest: int, highest: int) -> None:
        """Make room for slots."""
        if not self._row:
            self._first = max(0, lowest - SPARE)
        if lowest < self._first:
            start = max(0, lowest - SPARE)
            self._row = array(self._row.typecode, bytes(self._row.itemsize * (self._first - start))) + self._row
            self._first = start
        missing = highest + 1 - self._first - len(self._row)
        if missing > 0:
            self._row.frombytes(bytes(self._row.itemsize * (missing + SPARE)))
