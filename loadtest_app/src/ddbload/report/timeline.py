# SPDX-License-Identifier: Apache-2.0
"""The series of a run as a report shows it: at most ``MAX_POINTS`` points, merged without loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ddbload.stats.histogram import Histogram

# A screen shows no more points separately.
MAX_POINTS = 600
COUNTS = ("planned", "sent", "ok", "expected", "contention", "cancelled", "failed", "items_unprocessed", "retried")


@dataclass
class Point:
    """The figures of one or several consecutive seconds.

    Attributes:
        start_s: seconds from the load's start to this point's.
        length_s: its length in seconds.
        counts: operations by outcome.
        requested: operations that the plan lets fall due, if all tasks start together.
        throttled: operations by DynamoDB's reason.
        read_units: capacity units consumed.
        write_units: capacity units consumed.
        late_ms: how late the latest operation was sent.
        latency: of the ok responses, in microseconds from the planned instant.
        service: the same from the send; None where the run did not report it.
        by_operation: latency by entry of the mix.
    """

    start_s: float
    length_s: float
    counts: Counter[str] = field(default_factory=Counter)
    requested: float = 0.0
    throttled: Counter[str] = field(default_factory=Counter)
    read_units: float = 0.0
    write_units: float = 0.0
    late_ms: float = 0.0
    latency: Histogram = field(default_factory=Histogram)
    service: Histogram | None = None
    by_operation: dict[str, Histogram] = field(default_factory=dict)

    def rate(self, count: float) -> float:
        """Return a count as a rate a second."""
        return count / self.length_s

    def add(self, second: Mapping[str, Any]) -> None:
        """Add one second of the series."""
        self.counts.update({name: second[name] for name in COUNTS})
        # Results of earlier versions have what fell due by each worker's own clock.
        self.requested += second.get("requested", second["planned"])
        self.counts["throttled"] += sum(second["throttled"].values())
        self.throttled.update(second["throttled"])
        self.read_units += second["consumed_read_units"]
        self.write_units += second["consumed_write_units"]
        self.late_ms = max(self.late_ms, second["late_ms_max"])
        for name, histogram in second["histograms"].items():
            self.latency.add(histogram)
            self.by_operation.setdefault(name, Histogram()).add(histogram)
        if service := second.get("service_histogram"):
            self.service = self.service or Histogram()
            self.service.add(service)


def points(results: Mapping[str, Any], most: int = MAX_POINTS) -> list[Point]:
    """Return the run point by point, in order; stretches of which nothing is known have no point.

    Args:
        results: of the run.
        most: of longer runs, seconds are put together until there are no more points than this.
    """
    series: Sequence[Mapping[str, Any]] = results["series"]
    if not series:
        return []
    end_s = max(int(second["elapsed_s"]) for second in series)
    width = -(-end_s // most)
    found: dict[int, Point] = {}
    for second in series:
        number = (int(second["elapsed_s"]) - 1) // width
        point = found.setdefault(number, Point(float(number * width), 0.0))
        point.length_s += _length_s(second, end_s, results["elapsed_s"])
        point.add(second)
    return [found[number] for number in sorted(found)]


def _length_s(second: Mapping[str, Any], end_s: int, elapsed_s: float) -> float:
    """Return the length of an entry of the series in seconds: the last one ends with the run."""
    if second["elapsed_s"] < end_s or not end_s - 1 < elapsed_s < end_s + 1:
        return 1.0
    return max(0.1, elapsed_s - (end_s - 1))
