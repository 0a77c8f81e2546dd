# SPDX-License-Identifier: Apache-2.0
"""How figures are worded, in text and page alike."""

from __future__ import annotations

import math

from ddbload.stats.histogram import Histogram

SIGNIFICANT = 4


def percentile_ms(histogram: Histogram | None, percentile: float) -> float | None:
    """Return a percentile in milliseconds; None where nothing was counted."""
    if histogram is None or not histogram.counts:
        return None
    return histogram.percentile(percentile) / 1000


def rounded(value: float | None) -> float | None:
    """Round to the digits that a reader can distinguish, which keeps pages small."""
    if value is None or not value:
        return value
    return round(value, max(0, SIGNIFICANT - 1 - math.floor(math.log10(abs(value)))))


def number(value: float | None) -> str:
    """Write a value for a reader: four significant digits, thousands apart; a dash where there is none."""
    if value is None:
        return "-"
    short = rounded(value) or 0.0
    if abs(short) >= 1000 or short == int(short):
        return f"{short:,.0f}"
    return f"{short:.6f}".rstrip("0").rstrip(".")
