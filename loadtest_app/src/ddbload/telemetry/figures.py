# SPDX-License-Identifier: Apache-2.0
"""What run.progress reports, added up between two requests to a collector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ddbload.stats.histogram import Histogram

COUNTS = ("planned", "sent", "ok", "expected", "contention", "cancelled", "failed", "items_unprocessed", "retried")
NS_IN_MS = 1_000_000


class Figures:
    """The figures of some seconds of a run.

    Attributes:
        start_ns, end_ns: when they begin and end, in nanoseconds since the epoch; 0 while there are none.
        counts: by the names of run.progress.
        throttled: by DynamoDB's reason.
        read_units, write_units: consumed capacity.
        latency: of successes by entry of the mix, from the planned instant.
        service: of all successes, from the send.
        late_ms: the longest wait of an operation for its send.
        in_flight: operations on the wire at the end.
    """

    def __init__(self, start_ns: int = 0) -> None:
        self.start_ns = self.end_ns = start_ns
        self.counts: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.read_units = self.write_units = 0.0
        self.latency: dict[str, Histogram] = {}
        self.service = Histogram()
        self.late_ms = 0.0
        self.in_flight = 0

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Figures:
        """Return the figures of a run.progress, its histograms encoded as in the log.

        Raises:
            KeyError, TypeError, ValueError: the event has another shape.
        """
        interval = event["interval"]
        end_ns = round(datetime.fromisoformat(event["ts"]).timestamp() * 1000) * NS_IN_MS
        figures = cls(end_ns - round(interval["seconds"] * 1000) * NS_IN_MS)
        figures.end_ns = end_ns
        figures.counts.update({name: interval[name] for name in COUNTS})
        figures.throttled.update(interval["throttled"])
        figures.read_units, figures.write_units = interval["consumed_read_units"], interval["consumed_write_units"]
        figures.latency = {name: Histogram.decode(text) for name, text in interval["histograms"].items()}
        figures.service = Histogram.decode(interval["service_histogram"])
        figures.late_ms, figures.in_flight = interval["late_ms_max"], event["in_flight"]
        return figures

    def add(self, later: Figures) -> None:
        """Add the figures of later seconds."""
        if not later.end_ns:
            return
        self.start_ns = self.start_ns or later.start_ns
        self.end_ns = max(self.end_ns, later.end_ns)
        self.counts.update(later.counts)
        self.throttled.update(later.throttled)
        self.read_units += later.read_units
        self.write_units += later.write_units
        for name, histogram in later.latency.items():
            self.latency.setdefault(name, Histogram()).add(histogram)
        self.service.add(later.service)
        self.late_ms = max(self.late_ms, later.late_ms)
        self.in_flight = later.in_flight
