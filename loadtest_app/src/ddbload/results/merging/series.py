# SPDX-License-Identifier: Apache-2.0
"""The figures of all workers second by second, by the wall clock: an accumulator a second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

from ddbload.results.merging.clock import LONGEST_LATE_S
from ddbload.stats.histogram import Histogram
from ddbload.stats.packed import PackedHistogram

Document = dict[str, Any]
COUNTS = ("planned", "sent", "ok", "expected", "contention", "cancelled", "failed", "items_unprocessed", "retried")
UNITS = ("consumed_read_units", "consumed_write_units")


class Second:
    """The sum of what workers report of one second."""

    def __init__(self) -> None:
        self.sums: dict[str, float] = dict.fromkeys((*COUNTS, *UNITS), 0)
        self.throttled: Counter[str] = Counter()
        self.indexes: dict[str, dict[str, float]] = {}
        self.late_ms_max = 0.0
        self.latency: dict[str, Histogram] = {}
        # Events of earlier versions have none.
        self.service: Histogram | None = PackedHistogram()
        self.rate = 0.0

    def add(self, interval: Mapping[str, Any]) -> None:
        """Add one interval of a worker; its rate is added apart."""
        for name in self.sums:
            self.sums[name] += interval[name]
        self.throttled.update(interval["throttled"])
        for index, units in interval["indexes"].items():
            sums = self.indexes.setdefault(index, dict.fromkeys(UNITS, 0))
            for name in UNITS:
                sums[name] += units[name]
        self.late_ms_max = max(self.late_ms_max, interval["late_ms_max"])
        for entry, histogram in interval["histograms"].items():
            known = self.latency.get(entry)
            if known is None:
                known = self.latency[entry] = PackedHistogram()
            known.add(histogram)
        if "service_histogram" not in interval:
            self.service = None
        elif self.service is not None:
            self.service.add(interval["service_histogram"])

    def document(self) -> Document:
        """Return the second as results.json has it."""
        together = Histogram()
        for histogram in self.latency.values():
            together.add(histogram)
        p50, p99, most = together.percentiles((50, 99, 100))
        found = {
            **self.sums,
            "throttled": dict(self.throttled),
            "indexes": {name: self.indexes[name] for name in sorted(self.indexes)},
            "rate": round(self.rate, 1),
            "late_ms_max": self.late_ms_max,
            "p50_ms": p50 / 1000,
            "p99_ms": p99 / 1000,
            "max_ms": most / 1000,
            "histograms": self.latency,
        }
        return found if self.service is None else found | {"service_histogram": self.service}


class Series:
    """Adds intervals up as they come, of any worker and in any order.

    An interval counts whole, in the second of the wall clock that it lies in, to half a second: a histogram cannot be
    divided.
    """

    def __init__(self) -> None:
        self._seconds: dict[int, Second] = {}
        self._first_start_s: float | None = None
        # By worker: a second, and the number of responses and the length of its intervals that end there.
        self._rates: dict[Hashable, tuple[int, float, float]] = {}
        # From a machine's first interval on, so that none of its seconds is divided by a later measurement.
        self._shifts: dict[Hashable, int] = {}

    def add(self, worker: Any, start_s: float, end_s: float, interval: Mapping[str, Any]) -> None:
        """Add an interval.

        Args:
            worker: whose interval it is.
            start_s: when the worker started, in seconds since the epoch.
            end_s: seconds from that start to the interval's end.
            interval: as run.progress has it, its histograms decoded.
        """
        if self._first_start_s is None:
            self._first_start_s = start_s
        late_s = max(-LONGEST_LATE_S, min(LONGEST_LATE_S, start_s - self._first_start_s))
        shift = self._shifts.setdefault(worker.machine, round(late_s))
        # A run's last interval, under a second, falls to the second before it.
        number = shift + max(1, round(end_s))
        second = self._seconds.get(number)
        if second is None:
            second = self._seconds[number] = Second()
        second.add(interval)
        self._add_rate(worker, number, interval["rate"] * interval["seconds"], interval["seconds"])

    def documents(self, requested: Mapping[int, float]) -> list[Document]:
        """Return the seconds in their order; second 1 begins with the earliest start.

        Args:
            requested: operations that fall due in each second by the plan; empty for a plan that requests no rate.
        """
        for worker in list(self._rates):
            self._flush(worker)
        first = min(self._shifts.values(), default=0)
        found = [{"elapsed_s": number - first, **self._seconds[number].document()} for number in sorted(self._seconds)]
        if requested:
            for second in found:
                second["requested"] = round(requested.get(second["elapsed_s"], 0.0), 1)
        return found

    def _add_rate(self, worker: Hashable, number: int, answered: float, seconds: float) -> None:
        known = self._rates.get(worker)
        if known and known[0] == number:
            self._rates[worker] = (number, known[1] + answered, known[2] + seconds)
            return
        if known:
            self._flush(worker)
        self._rates[worker] = (number, answered, seconds)

    def _flush(self, worker: Hashable) -> None:
        number, answered, seconds = self._rates.pop(worker)
        self._seconds[number].rate += answered / (seconds or 1.0)
