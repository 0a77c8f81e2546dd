# SPDX-License-Identifier: Apache-2.0
"""What happened: counters and histograms by operation and outcome, for the whole run and for the last second."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ddbload.histogram import Histogram

FAILURES = ("server", "network", "fatal")
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9}


def milliseconds(histogram: Histogram) -> dict[str, float] | None:
    """Sum a histogram up in milliseconds: percentiles, maximum and mean; None where it is empty."""
    if not histogram.total:
        return None
    figures = {name: histogram.percentile(percentile) / 1000 for name, percentile in PERCENTILES.items()}
    return figures | {"max": histogram.maximum() / 1000, "mean": round(histogram.mean() / 1000, 3)}


class OperationRecord:
    """The record of one operation."""

    def __init__(self) -> None:
        self.sent = 0
        self.found = 0
        self.read_units = 0.0
        self.write_units = 0.0
        # Outcome -> reason -> count.
        self.outcomes: dict[str, Counter[str]] = {}
        # Outcome -> time from the planned instant, and time from the send, in microseconds.
        self.latency: dict[str, Histogram] = {}
        self.service: dict[str, Histogram] = {}

    def count(self, outcome: str) -> int:
        """Return how many answers had an outcome."""
        return self.outcomes[outcome].total() if outcome in self.outcomes else 0

    def reasons(self, outcome: str) -> dict[str, int]:
        """Return an outcome's count by reason."""
        return dict(self.outcomes.get(outcome, {}))

    def summary(self, loaded_s: float, rate_asked: float | None) -> dict[str, Any]:
        """Sum the operation up, over so many seconds of load; latencies are those of the answers that were ok."""
        return {
            "sent": self.sent,
            "ok": self.count("ok"),
            "expected": self.count("expected"),
            "throttled": self.reasons("throttled"),
            "contention": self.count("contention"),
            "failed": {
                f"{outcome}:{reason}": count for outcome in FAILURES for reason, count in self.reasons(outcome).items()
            },
            "found": self.found,
            "consumed_read_units": self.read_units,
            "consumed_write_units": self.write_units,
            "rate_asked": rate_asked,
            "rate_reached": round(self.sent / loaded_s, 3) if loaded_s else 0.0,
            "latency_ms": milliseconds(self.latency["ok"]) if "ok" in self.latency else None,
            "service_ms": milliseconds(self.service["ok"]) if "ok" in self.service else None,
            "histograms": {
                outcome: {"latency": self.latency[outcome].encode(), "service": self.service[outcome].encode()}
                for outcome in sorted(self.latency)
            },
        }


class Recorder:
    """The record of one worker."""

    def __init__(self, operations: Sequence[str]) -> None:
        self.records = {operation: OperationRecord() for operation in operations}
        self.late = Histogram()
        self._start_interval()

    def _start_interval(self) -> None:
        self._counts: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()
        self._latency = Histogram()
        self._late_max = 0
        self._read_units = 0.0
        self._write_units = 0.0

    def sent(self, operation: str, late_us: int) -> None:
        """An operation was sent, so many microseconds after its planned instant."""
        self.records[operation].sent += 1
        self._counts["sent"] += 1
        self.late.record(late_us)
        if late_us > self._late_max:
            self._late_max = late_us

    def answer(
        self,
        operation: str,
        outcome: str,
        reason: str,
        latency_us: int,
        service_us: int,
        read_units: float = 0.0,
        write_units: float = 0.0,
        found: bool = False,
    ) -> None:
        """An operation came to its end.

        Args:
            operation: its name.
            outcome: ok, expected, throttled, contention, server, network or fatal.
            reason: the throttling reason or the error's name; empty for ok.
            latency_us: microseconds from the planned instant.
            service_us: microseconds from the send.
            read_units: read capacity units that DynamoDB says it consumed.
            write_units: write capacity units that DynamoDB says it consumed.
            found: whether a get found its item.
        """
        record = self.records[operation]
        if outcome not in record.outcomes:
            record.outcomes[outcome] = Counter()
            record.latency[outcome] = Histogram()
            record.service[outcome] = Histogram()
        record.outcomes[outcome][reason] += 1
        record.latency[outcome].record(latency_us)
        record.service[outcome].record(service_us)
        record.read_units += read_units
        record.write_units += write_units
        record.found += found
        self._read_units += read_units
        self._write_units += write_units
        self._counts[outcome] += 1
        if outcome == "ok":
            self._latency.record(latency_us)
        elif outcome == "throttled":
            self._throttled[reason] += 1

    def interval(self, seconds: float) -> dict[str, Any]:
        """Sum up what happened since the last call, so many seconds ago, and start anew."""
        counts, latency = self._counts, self._latency
        answered = sum(counts.values()) - counts["sent"]
        figures = {
            "sent": counts["sent"],
            "ok": counts["ok"],
            "expected": counts["expected"],
            "throttled": dict(self._throttled),
            "contention": counts["contention"],
            "failed": sum(counts[outcome] for outcome in FAILURES),
            "rate": round(answered / seconds, 1) if seconds else 0.0,
            "late_ms_max": self._late_max / 1000,
            "p50_ms": latency.percentile(50) / 1000,
            "p99_ms": latency.percentile(99) / 1000,
            "max_ms": latency.maximum() / 1000,
            "consumed_read_units": self._read_units,
            "consumed_write_units": self._write_units,
        }
        self._start_interval()
        return figures

    def totals(self) -> dict[str, int]:
        """Return the run's counts so far."""
        records = self.records.values()
        return {
            "sent": sum(record.sent for record in records),
            "ok": sum(record.count("ok") for record in records),
            "expected": sum(record.count("expected") for record in records),
            "throttled": sum(record.count("throttled") for record in records),
            "contention": sum(record.count("contention") for record in records),
            "failed": sum(record.count(outcome) for record in records for outcome in FAILURES),
        }

    def operations(self, loaded_s: float, rates_asked: Mapping[str, float | None]) -> dict[str, Any]:
        """Sum every operation up, over so many seconds of load."""
        return {name: record.summary(loaded_s, rates_asked.get(name)) for name, record in self.records.items()}

    def lateness(self) -> dict[str, float]:
        """Return how late operations were sent, in milliseconds."""
        return {
            "p50": self.late.percentile(50) / 1000,
            "p99": self.late.percentile(99) / 1000,
            "max": self.late.maximum() / 1000,
        }
