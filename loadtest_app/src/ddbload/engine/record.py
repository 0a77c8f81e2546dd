# SPDX-License-Identifier: Apache-2.0
"""What happened: counters and histograms by operation and outcome."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from ddbload.dynamo.capacity import Consumed
from ddbload.dynamo.errors import FAILURES
from ddbload.stats.histogram import Histogram

# So many reasons of an outcome, and so many indexes, are told apart; what answers chooses their names, and could choose
# more than an event has room for.
MOST_NAMES = 40
OTHER = "Other"
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9}


def milliseconds(histogram: Histogram) -> dict[str, float] | None:
    """Sum a histogram up in milliseconds: percentiles, maximum and mean; None where it is empty."""
    if not histogram.counts:
        return None
    figures = {name: histogram.percentile(percentile) / 1000 for name, percentile in PERCENTILES.items()}
    return figures | {"max": histogram.maximum() / 1000, "mean": round(histogram.mean() / 1000, 3)}


def known_name(names: Collection[str], name: str, other: str = OTHER) -> str:
    """Return a name under which there is room to count: its own, or that of all others once there are many."""
    return name if name in names or len(names) < MOST_NAMES else other


class Sum:
    """What answers told, added up."""

    def __init__(self) -> None:
        self.read_units = 0.0
        self.write_units = 0.0
        self.found = 0
        self.items = 0
        self.unprocessed = 0
        # Secondary index -> read units, write units.
        self.indexes: dict[str, tuple[float, float]] = {}

    def add(self, consumed: Consumed, times: int) -> None:
        """Add what so many answers told."""
        self.read_units += consumed.read_units * times
        self.write_units += consumed.write_units * times
        self.found += consumed.found * times
        self.items += consumed.items * times
        self.unprocessed += consumed.unprocessed * times
        for name, read_units, write_units in consumed.indexes:
            name = known_name(self.indexes, name)
            read, write = self.indexes.get(name, (0.0, 0.0))
            self.indexes[name] = (read + read_units * times, write + write_units * times)

    def copy(self) -> Sum:
        """Return the same sum, to be added to by itself."""
        same = Sum()
        vars(same).update(vars(self), indexes=dict(self.indexes))
        return same


class OperationRecord:
    """The record of one operation of the mix.

    The engine counts what is ok in ``latency_ok`` and ``service_ok`` itself, slot by slot: a call a request would cost
    as much as the counting.
    """

    __slots__ = (
        "_added",
        "back_off",
        "latency",
        "latency_ok",
        "outcomes",
        "retried",
        "sent",
        "service",
        "service_ok",
        "told",
    )

    def __init__(self) -> None:
        self.sent = 0
        # How often an answer told what: counted by the engine where it is remembered, else added up here.
        self.told: defaultdict[Consumed, int] = defaultdict(int)
        self._added = Sum()
        # Outcome -> reason -> count, ok left out.
        self.outcomes: dict[str, Counter[str]] = {}
        # Outcome -> time from the planned instant, and time from the send, in microseconds.
        ok, service_ok = Histogram(), Histogram()
        self.latency = {"ok": ok}
        self.service = {"ok": service_ok}
        self.latency_ok = ok.counts
        self.service_ok = service_ok.counts
        # Attempts that were not the last one, by outcome and reason; how long was waited before the next.
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

    def tried_again(self, outcome: str, reason: str, back_off_us: int) -> None:
        """Count an attempt that was not the last one, and the microseconds until the next."""
        self.retried[known_name(self.retried, f"{outcome}:{reason}", f"{outcome}:{OTHER}")] += 1
        self.back_off.record(back_off_us)

    def add(self, consumed: Consumed) -> None:
        """Add what an answer told that does not come again."""
        self._added.add(consumed, 1)

    def consumed(self) -> Sum:
        """Return what all answers told together."""
        whole = self._added.copy()
        for consumed, times in self.told.items():
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
        """How many operations came to their end."""
        return self.count("ok") + sum(reasons.total() for reasons in self.outcomes.values())

    def summary(self, loaded_s: float, rate_asked: float | None) -> dict[str, Any]:
        """Sum the operation up, over so many seconds of load; latencies are those of the answers that were ok."""
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
            "items": {"ok": consumed.items, "unprocessed": consumed.unprocessed},
            "attempts": {"retried": dict(self.retried), "back_off_ms": milliseconds(self.back_off)},
            "consumed_read_units": consumed.read_units,
            "consumed_write_units": consumed.write_units,
            "indexes": {
                name: {"consumed_read_units": read, "consumed_write_units": write}
                for name, (read, write) in sorted(consumed.indexes.items())
            },
            "rate_asked": rate_asked,
            "rate_reached": round(self.sent / loaded_s, 3) if loaded_s else 0.0,
            "latency_ms": milliseconds(self.latency["ok"]),
            "service_ms": milliseconds(self.service["ok"]),
            "histograms": {
                outcome: {"latency": self.latency[outcome].encode(), "service": self.service[outcome].encode()}
                for outcome in sorted(self.latency)
                if self.latency[outcome].counts
            },
        }


class Recorder:
    """The record of one worker over one stretch of time: an operation's own, and how late all were sent."""

    def __init__(self, operations: Iterable[str]) -> None:
        self.records = {operation: OperationRecord() for operation in operations}
        self.late = Histogram()

    def lateness(self) -> dict[str, float]:
        """Return how late operations were sent, in milliseconds."""
        late = milliseconds(self.late) or dict.fromkeys((*PERCENTILES, "max", "mean"), 0.0)
        return {name: late[name] for name in ("p50", "p99", "max")}
