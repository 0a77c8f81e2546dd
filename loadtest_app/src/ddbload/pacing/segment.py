# SPDX-License-Identifier: Apache-2.0
"""Segments: which operations of the whole schedule are one worker's own."""

from __future__ import annotations

import re
from typing import NamedTuple


class Segment(NamedTuple):
    """Worker ``index`` of ``count``: every count-th operation, beginning with number ``index``.

    All segments of a count together are exactly the schedule that a single machine would run (k6's execution
    segments, here striped: https://grafana.com/docs/k6/latest/using-k6/k6-options/reference/#execution-segment).
    """

    index: int  # type: ignore[assignment]  # the tuple method of this name is of no use here
    count: int  # type: ignore[assignment]

    def number(self, position: int) -> int:
        """Return the number in the whole schedule of an operation of this segment.

        Args:
            position: counts this segment's operations from 0.
        """
        return self.index + self.count * position

    def count_below(self, numbers: int) -> int:
        """Return how many of the numbers 0 to ``numbers`` - 1 are this segment's.

        Args:
            numbers: How many operations the whole schedule has, 0 or more.
        """
        return (numbers - self.index + self.count - 1) // self.count

    def within(self, inner: Segment) -> Segment:
        """Return one part of this segment, where it is split again (a task over its processes).

        Args:
            inner: Which part of how many.
        """
        return Segment(self.index + self.count * inner.index, self.count * inner.count)


WHOLE = Segment(0, 1)


def parse(text: str) -> Segment:
    """Read a segment as written on a command line.

    Args:
        text: ``index/count``, the index from 0: ``0/4`` to ``3/4`` are the four workers of four.

    Raises:
        ValueError: It is written otherwise, or the index is not below the count.
    """
    match = re.fullmatch(r"\s*([0-9]{1,9})\s*/\s*([0-9]{1,9})\s*", text)
    if not match or int(match[1]) >= int(match[2]):
        raise ValueError(f"a segment is index/count with 0 <= index < count, such as 0/4: found {text!r}")
    return Segment(int(match[1]), int(match[2]))
