# SPDX-License-Identifier: Apache-2.0
"""The figures of a run so far, added up over its operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ddbload.dynamo.responses.errors import FAILURES
from ddbload.engine.engine import Engine
from ddbload.engine.record import OperationRecord
from ddbload.stats.histogram import Histogram
from ddbload.turns import Sliced

COUNTS = ("sent", "ok", "expected", "throttled", "contention", "cancelled", "failed")


class Totals:
    """The figures of a run so far, its warm-up included; the difference of two is what happened between them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.read_units = 0.0
        self.write_units = 0.0
        self.indexes: dict[str, tuple[float, float]] = {}
        self.latency: dict[str, Histogram] = {}
        self.service = Histogram()
        self.late = Histogram()

    @classmethod
    def of(cls, engine: Engine) -> Sliced[Totals]:
        """Return the totals of an engine as they are at the time of the call."""
        totals = cls()
        totals.counts["planned"] = engine.planned
        recorders = (engine.warm_up, engine.recorder)
        # Copying is quick beside adding up, for which the load does not have to wait.
        records = [(name, record.copy()) for recorder in recorders for name, record in recorder.records.items()]
        return totals._add_up([recorder.late.copy() for recorder in recorders], records)

    def _add_up(self, late: Sequence[Histogram], records: Sequence[tuple[str, OperationRecord]]) -> Sliced[Totals]:
        for histogram in late:
            self.late.add(histogram)
            yield
        for name, record in records:
            self._add(name, record)
            yield
        return self

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

    def since(self, before: Totals, seconds: float) -> Sliced[dict[str, Any]]:
        """Return the counts since earlier totals, taken ``seconds`` ago."""
        counts = {
            name: self.counts[name] - before.counts[name]
            for name in ("planned", *COUNTS, "items_unprocessed", "retried")
        }
        throttled = self.throttled - before.throttled
        latency: dict[str, Histogram] = {}
        together = Histogram()
        for name, histogram in self.latency.items():
            latency[name] = histogram.minus(before.latency.get(name, Histogram()))
            together.add(latency[name])
            yield
        service = self.service.minus(before.service)
        yield
        p50, p99, most = together.percentiles((50, 99, 100))
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
            "p50_ms": p50 / 1000,
            "p99_ms": p99 / 1000,
            "max_ms": most / 1000,
            "consumed_read_units": self.read_units - before.read_units,
            "consumed_write_units": self.write_units - before.write_units,
            "indexes": indexes,
            "histograms": {name: histogram for name, histogram in latency.items() if histogram.counts},
            "service_histogram": service,
        }
