# SPDX-License-Identifier: Apache-2.0
"""What happened since the last look, and so far: the figures of run.progress."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ddbload.dynamo.errors import FAILURES
from ddbload.engine.engine import Engine
from ddbload.engine.record import OperationRecord
from ddbload.stats.histogram import Histogram

COUNTS = ("sent", "ok", "expected", "throttled", "contention", "cancelled", "failed")


class Totals:
    """The figures of a run so far, its warm-up included; the difference of two is what happened between them."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.read_units = 0.0
        self.write_units = 0.0
        self.indexes: dict[str, tuple[float, float]] = {}
        self.latency: dict[str, Histogram] = {}
        self.service = Histogram()
        self.late = Histogram()
        if engine:
            self.counts["planned"] = engine.planned
            for recorder in (engine.warm_up, engine.recorder):
                self.late.add(recorder.late)
                for name, record in recorder.records.items():
                    self._add(name, record)

    def _add(self, name: str, record: OperationRecord) -> None:
        self.counts["sent"] += record.sent
        for outcome in ("ok", "expected", "throttled", "contention", "cancelled"):
            self.counts[outcome] += record.count(outcome)
        self.counts["failed"] += sum(record.count(outcome) for outcome in FAILURES)
        consumed = record.consumed()
        self.counts["items_unprocessed"] += consumed.unprocessed
        self.counts["retried"] += record.retried.total()
        self.throttled.update(record.reasons("throttled"))
        self.read_units += consumed.read_units
        self.write_units += consumed.write_units
        for index, (read, write) in consumed.indexes.items():
            known = self.indexes.get(index, (0.0, 0.0))
            self.indexes[index] = (known[0] + read, known[1] + write)
        self.latency.setdefault(name, Histogram()).add(record.latency["ok"])
        self.service.add(record.service["ok"])

    def document(self) -> dict[str, int]:
        """Return the counts so far."""
        return {name: self.counts[name] for name in ("planned", *COUNTS)}

    def since(self, before: Totals, seconds: float) -> dict[str, Any]:
        """Sum up what happened since an earlier look, so many seconds ago."""
        counts = {
            name: self.counts[name] - before.counts[name]
            for name in ("planned", *COUNTS, "items_unprocessed", "retried")
        }
        throttled = self.throttled - before.throttled
        latency = {
            name: histogram.minus(before.latency.get(name, Histogram())) for name, histogram in self.latency.items()
        }
        together = Histogram()
        for histogram in latency.values():
            together.add(histogram)
        answered = sum(counts[name] for name in COUNTS if name != "sent")
        indexes = {
            name: {
                "consumed_read_units": read - before.indexes.get(name, (0.0, 0.0))[0],
                "consumed_write_units": write - before.indexes.get(name, (0.0, 0.0))[1],
            }
            for name, (read, write) in sorted(self.indexes.items())
        }
        return counts | {
            "seconds": round(seconds, 6),
            "throttled": dict(throttled),
            "rate": round(answered / seconds, 1) if seconds else 0.0,
            "late_ms_max": self.late.minus(before.late).maximum() / 1000,
            "p50_ms": together.percentile(50) / 1000,
            "p99_ms": together.percentile(99) / 1000,
            "max_ms": together.maximum() / 1000,
            "consumed_read_units": self.read_units - before.read_units,
            "consumed_write_units": self.write_units - before.write_units,
            "indexes": indexes,
            "histograms": {name: histogram.encode() for name, histogram in latency.items() if histogram.counts},
            "service_histogram": self.service.minus(before.service).encode(),
        }
