# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short forms of counts, clock times and latencies, for any value that a log line holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

NOTHING = "-"
EXACT_BELOW = 9_999.5  # up to here a count is shown digit by digit
COUNT_UNITS = (("k", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12))
LONGEST_CLOCK_S = 999 * 3600


def number_of(value: Any) -> float | None:
    """Return a value as a number; None where it is none, or none that can be reckoned with (NaN, infinity)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def total_of(value: Any) -> float | None:
    """Return a count; what is counted by reason is added up. None where there is no number."""
    if not isinstance(value, Mapping):
        return number_of(value)
    # Each may be finite and their sum not.
    return number_of(sum(number for each in value.values() if (number := number_of(each)) is not None))


def count_text(value: Any) -> str:
    """Put a count into at most five characters, a sign aside: ``9999``, ``12.3k``, ``1.50M``."""
    number = number_of(value)
    if number is None:
        return NOTHING
    if number < 0:
        rest = count_text(-number)
        return rest if rest == "0" else f"-{rest}"
    if number < EXACT_BELOW:
        return f"{number:.0f}"
    for unit, size in COUNT_UNITS:
        if number / size < 999.5:
            return _three_digits(number / size) + unit
    return ">999T"


def exact_count_text(value: Any) -> str:
    """Put a count into all its digits: ``150,000``."""
    number = number_of(value)
    return NOTHING if number is None else f"{number:,.0f}" if abs(number) < 1e15 else count_text(number)


def clock_text(seconds: Any) -> str:
    """Put seconds into a clock time without fractions: ``0:42``, ``1:02:03``."""
    number = number_of(seconds)
    if number is None or number < 0:
        return NOTHING
    if number > LONGEST_CLOCK_S:
        return ">999 h"
    minutes, rest = divmod(int(number), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def milliseconds_text(milliseconds: Any) -> str:
    """Put milliseconds into three digits and a unit: ``8.31 ms``, ``831 ms``, ``1.23 s``."""
    number = number_of(milliseconds)
    if number is None or number < 0:
        return NOTHING
    if number < 999.5:
        return f"{_three_digits(number)} ms"
    return f"{_three_digits(number / 1000)} s" if number < 1e7 else ">9999 s"


def _three_digits(number: float) -> str:
    return f"{number:.2f}" if number < 9.995 else f"{number:.1f}" if number < 99.95 else f"{number:.0f}"
