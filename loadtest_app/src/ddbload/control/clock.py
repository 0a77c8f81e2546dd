# SPDX-License-Identifier: Apache-2.0
"""The clocks: by how much this machine's differs from DynamoDB's, and instants on the clock of the send loop."""

from __future__ import annotations

import time
from datetime import datetime
from email.utils import parsedate_to_datetime

from ddbload.instants import epoch_text

# DynamoDB's Date header has whole seconds.
DATE_PRECISION_MS = 1000
LARGEST_OFFSET_MS = 1000


class Clock:
    """What the responses so far say about the difference between DynamoDB's clock and this machine's.

    A response's Date was taken between its request and its arrival, and is cut to the second: each response bounds the
    difference from both sides, and all of them together narrow it down.
    """

    def __init__(self) -> None:
        self._low_ms = float("-inf")
        self._high_ms = float("inf")

    def observe(self, date: str, sent_ms: float, arrived_ms: float) -> None:
        """Take a response's Date header, and when its request was sent and when it arrived by this machine's clock."""
        try:
            date_ms = parsedate_to_datetime(date).timestamp() * 1000
        except (TypeError, ValueError, OverflowError):
            return
        low_ms, high_ms = date_ms - arrived_ms, date_ms + DATE_PRECISION_MS - sent_ms
        if max(low_ms, self._low_ms) <= min(high_ms, self._high_ms):
            self._low_ms, self._high_ms = max(low_ms, self._low_ms), min(high_ms, self._high_ms)
        elif _distance_ms(low_ms, high_ms) < _distance_ms(self._low_ms, self._high_ms):
            # Either clock was set in between, or the server reuses a Date: the bounds that allow less count.
            self._low_ms, self._high_ms = low_ms, high_ms

    @property
    def offset_ms(self) -> int | None:
        """By how many milliseconds DynamoDB's clock is ahead at least, negative where behind; None if unknown."""
        if self._low_ms == float("-inf"):
            return None
        return round(max(0.0, self._low_ms) + min(0.0, self._high_ms))

    @property
    def apart_ms(self) -> float:
        """The milliseconds by which the clocks differ at least."""
        return _distance_ms(self._low_ms, self._high_ms)

    @property
    def is_usable(self) -> bool:
        """Whether the clocks may be close enough for a common start."""
        return self.apart_ms <= LARGEST_OFFSET_MS


def _distance_ms(low_ms: float, high_ms: float) -> float:
    """Return how far an interval is from zero; 0 where it holds it."""
    return max(0.0, low_ms, -high_ms)


def now_ms() -> int:
    """Return the present instant, in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def performance_ns(at_ms: int) -> int:
    """Return an instant of the epoch on the clock of ``perf_counter_ns``, which all processes of a machine share."""
    return time.perf_counter_ns() + at_ms * 1_000_000 - time.time_ns()


def instant_text(performance_counter_ns: int) -> str:
    """Return an instant of ``perf_counter_ns`` in RFC 3339, UTC, milliseconds."""
    epoch_ns = time.time_ns() + performance_counter_ns - time.perf_counter_ns()
    return epoch_text(epoch_ns / 1e9)


def read_instant(text: str) -> int:
    """Return an instant in milliseconds since the epoch.

    Args:
        text: ISO 8601, with its offset from UTC, such as ``2026-01-31T12:00:00Z``.

    Raises:
        ValueError: it is written otherwise, or has no offset.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("it has no offset from UTC")
    return round(instant.timestamp() * 1000)
