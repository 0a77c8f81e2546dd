# SPDX-License-Identifier: Apache-2.0
"""Counters and histograms of a run, by operation and outcome."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from ddbload.dynamo.responses.capacity import Consumed
from ddbload.dynamo.responses.errors import FAILURES
from ddbload.stats.histogram import PERCENTILES, Histogram

# Distinct names that are counted: reasons of an outcome, and indexes. Responses hold the names, and a server may send
# more than an event has room for.
MOST_NAMES = 40
OTHER = "Other"


def known_name(names: Collection[str], name: str, other: str = OTHER) -> str:
    """Return the name to count under: its own, or ``other`` once there are many names."""
    return name if name in names or len(names) < MOST_NAMES else other


class Sum:
    """What responses report, added up."""

    def __init__(self) -> None:
        self.read_units = 0.0
        self.write_units = 0.0
        self.found = 0
        self.items = 0
        self.unprocessed = 0
        # Secondary index -> read units, write units.
        self.indexes: dict[str, tuple[float, float]] = {}
        # Statements that failed in batches that succeeded, by outcome:reason.
        self.failed: Counter[str] = Counter()

    def add(self, consumed: Consumed, times: int) -> None:
        """Add what a number of equal responses report."""
        self.read_units += consumed.read_units * times
        self.write_units += consumed.write_units * times
        self.found += consumed.found * times
        self.items += consumed.items * times
        self.unprocessed += consumed.unprocessed * times
        for given, read_units, write_units in consumed.indexes:
            name = known_name(self.indexes, given)
            read, write = self.indexes.get(name, (0.0, 0.0))
            self.indexes[name] = (read + read_units * times, write + write_units * times)
        if consumed.failed:
            for reason, count in consumed.failed:
                self.failed[known_name(self.failed, reason)] += count * times

    def copy(self) -> Sum:
        """Return an independent copy."""
        same = Sum()
        vars(same).update(vars(self), indexes=dict(self.indexes), failed=Counter(self.failed))
        return same


class OperationRecord:
    """The record of one operation of the mix.

    The engine counts successes in ``latency_ok`` and ``service_ok`` itself, slot by slot: a call for each request would
    cost as much as the counting.
    """

    __slots__ = (
        "_added",
        "back_off",
        "by_consumed",
        "latency",
        "latency_ok",
        "outcomes",
        "retried",
        "sent",
        "service",
        "service_ok",
    )

    def __init__(self) -> None:
        self.sent = 0
        # Responses by what they report, where that is remembered: the engine counts these. The others are added up.
        self.by_consumed: defaultdict[Consumed, int] = defaultdict(int)
        self._added = Sum()
        # Outcome -> reason -> count, ok left out.
        self.outcomes: dict[str, Counter[str]] = {}
        # Outcome -> time from the planned instant, and time from the send, in microseconds.
        ok, service_ok = Histogram(), Histogram()
        self.latency = {"ok": ok}
        self.service = {"ok": service_ok}
        self.latency_ok = ok.counts
        self.service_ok = service_ok.counts
        # Attempts that were retried, by outcome and reason; the waits before the retries, as they were planned.
        self.retried: Counter[str] = Counter()
        self.back_off = Histogram()

    def ended(self, outcome: str, reason: str, latency_us: int, service_us: int) -> None:
        """Count an operation that ended with another outcome than ok.

        Args:
            outcome: expected, throttled, contention, cancelled, server, network or fatal.
            reason: the throttling reason or the error's name.
            latency_us: microseconds from the planned instant.
            service_us: microseconds from the send.
        """
        if outcome not in self.outcomes:
            self.outcomes[outcome] = Counter()
            self.latency[outcome] = Histogram()
            self.service[outcome] = Histogram()
        reasons = self.outcomes[outcome]
        reasons[known_name(reasons, reason)] += 1
        self.latency[outcome].record(latency_us)
        self.service[outcome].record(service_us)

    def copy(self) -> OperationRecord:
        """Return an independent copy, whose histograms count no further."""
        same = OperationRecord()
        same.sent, same._added = self.sent, self._added.copy()
        same.by_consumed.update(self.by_consumed)
        same.outcomes = {outcome: Counter(reasons) for outcome, reasons in self.outcomes.items()}
        same.latency = {outcome: histogram.copy() for outcome, histogram in self.latency.items()}
        same.service = {outcome: histogram.copy() for outcome, histogram in self.service.items()}
        same.latency_ok, same.service_ok = same.latency["ok"].counts, same.service["ok"].counts
        same.retried, same.back_off = Counter(self.retried), self.back_off.copy()
        return same

    def tried_again(self, outcome: str, reason: str, back_off_us: int) -> None:
        """Count an attempt that is retried, and the microseconds until the retry."""
        self.retried[known_name(self.retried, f"{outcome}:{reason}", f"{outcome}:{OTHER}")] += 1
        self.back_off.record(back_off_us)

    def gave_up(self, outcome: str, reason: str) -> None:
        """Take back that an attempt is retried: the run ends before the retry."""
        self.retried[known_name(self.retried, f"{outcome}:{reason}", f"{outcome}:{OTHER}")] -= 1

    def add(self, consumed: Consumed) -> None:
        """Add what a response reports that is not remembered."""
        self._added.add(consumed, 1)

    def consumed(self) -> Sum:
        """Return what all responses report together."""
        whole = self._added.copy()
        for consumed, times in self.by_consumed.items():
            whole.add(consumed, times)
        return whole

    def count(self, outcome: str) -> int:
        """Return how many operations ended with an outcome."""
        if outcome == "ok":
            return sum(self.latency_ok.values())
        return self.outcomes[outcome].total() if outcome in self.outcomes else 0

    def reasons(self, outcome: str) -> dict[str, int]:
        """Return an outcome's count by reason."""
        return dict(self.outcomes.get(outcome, {}))

    @property
    def answered(self) -> int:
        """How many operations have an outcome."""
        return self.count("ok") + sum(reasons.total() for reasons in self.outcomes.values())

    def summary(self, loaded_s: float, rate_asked: float | None) -> dict[str, Any]:
        """Return the operation's figures.

        Args:
            loaded_s: seconds of load, for the rate.
            rate_asked: the plan's rate for this operation, operations a second; None where it has none.

        Returns:
            Counts, units, rates, ``latency_ms`` and ``service_ms`` of the ok responses, and ``histograms``: the
            record's own, which go on counting.
        """
        consumed = self.consumed()
        return {
            "sent": self.sent,
            "ok": self.count("ok"),
            "expected": self.count("expected"),
            "throttled": self.reasons("throttled"),
            "contention": self.count("contention"),
            "cancelled": self.reasons("cancelled"),
            "failed": {
                f"{outcome}:{reason}": count for outcome in FAILURES for reason, count in self.reasons(outcome).items()
            },
            "found": consumed.found,
            "items": {"ok": consumed.items, "unprocessed": consumed.unprocessed, "failed": dict(consumed.failed)},
            "attempts": {"retried": dict(+self.retried), "back_off_ms": self.back_off.milliseconds()},
            "consumed_read_units": consumed.read_units,
            "consumed_write_units": consumed.write_units,
            "indexes": {
                name: {"consumed_read_units": read, "consumed_write_units": write}
                for name, (read, write) in sorted(consumed.indexes.items())
            },
            "rate_asked": rate_asked,
            "rate_reached": round(self.sent / loaded_s, 3) if loaded_s else 0.0,
            "latency_ms": self.latency["ok"].milliseconds(),
            "service_ms": self.service["ok"].milliseconds(),
            "histograms": {
                outcome: {"latency": self.latency[outcome], "service": self.service[outcome]}
                for outcome in sorted(self.latency)
                if self.latency[outcome].counts
            },
        }


class Recorder:
    """The records of one worker in one window: one for each operation, and how late operations were sent."""

    def __init__(self, operations: Iterable[str]) -> None:
        self.records = {operation: OperationRecord() for operation in operations}
        self.late = Histogram()

    def lateness(self) -> dict[str, float]:
        """Return how late operations were sent, in milliseconds."""
        late = self.late.milliseconds() or dict.fromkeys((*PERCENTILES, "max", "mean"), 0.0)
        return {name: late[name] for name in ("p50", "p99", "max")}
