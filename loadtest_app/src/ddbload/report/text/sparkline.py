# SPDX-License-Identifier: Apache-2.0
"""Small charts of characters: a line over time, and the distribution of latencies."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ddbload.stats.histogram import Histogram, highest_of

BLOCKS = "▁▂▃▄▅▆▇█"
PLAIN = "._-=+*%#"
EMPTY = " "


def line(
    values: Sequence[float | None],
    width: int,
    blocks: str = BLOCKS,
    is_logarithmic: bool = False,
    most: float | None = None,
) -> str:
    """Draw values as one line of characters, from their lowest to their highest.

    Args:
        values: in their order; None is a gap.
        width: characters at most; of several values that share one, the highest is drawn.
        blocks: characters from low to high.
        is_logarithmic: whether equal ratios are equal heights; values not above 0 are then drawn as the lowest.
        most: draws from 0 to this value instead, so that several lines have one scale.
    """
    columns = [
        max((value for value in values[start:end] if value is not None), default=None)
        for start, end in _shares(len(values), width)
    ]
    known = [value for value in columns if value is not None and (value > 0 or not is_logarithmic)]
    if not known:
        return EMPTY * len(columns)
    low, high = _scaled(min(known), is_logarithmic), _scaled(max(known), is_logarithmic)
    if most is not None:
        low, high = 0.0, most
    return "".join(
        EMPTY if value is None else blocks[_height(_scaled(max(value, min(known)), is_logarithmic), low, high, blocks)]
        for value in columns
    )


def distribution(histogram: Histogram, width: int, blocks: str = BLOCKS) -> tuple[float, str, float]:
    """Draw the distribution of latencies, in columns of one constant ratio.

    Args:
        histogram: of microseconds.
        width: how many columns.
        blocks: characters from low to high; a column without values is empty, so that a single response is visible.

    Returns:
        The lowest latency in ms, the columns, the highest latency in ms.
    """
    slots = [(max(1, highest_of(slot)), count) for slot, count in histogram.slots()]
    if not slots:
        return 0.0, "", 0.0
    low, high = slots[0][0], slots[-1][0]
    span = math.log(high / low) or 1.0
    counts = [0] * width
    for value, count in slots:
        counts[min(width - 1, int(math.log(value / low) / span * width))] += count
    return low / 1000, line([count or None for count in counts], width, blocks, is_logarithmic=True), high / 1000


def _shares(count: int, width: int) -> list[tuple[int, int]]:
    """Distribute ``count`` values over at most ``width`` columns, in order and evenly."""
    columns = min(count, width)
    return [(count * column // columns, count * (column + 1) // columns) for column in range(columns)]


def _scaled(value: float, is_logarithmic: bool) -> float:
    return math.log(value) if is_logarithmic else value


def _height(value: float, low: float, high: float, blocks: str) -> int:
    share = (value - low) / (high - low) if high > low else 0.0
    return min(len(blocks) - 1, int(share * len(blocks)))
