# SPDX-License-Identifier: Apache-2.0
"""Progress: the events of an interval; all intervals together are the whole run."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from ddbload.dynamo.responses.capacity import Consumed
from ddbload.dynamo.responses.errors import FAILURES, OUTCOMES
from ddbload.engine.engine import Engine
from ddbload.engine.record import Recorder
from ddbload.engine.totals import COUNTS, Totals
from ddbload.run.reporter import checkpoint_interval_s
from ddbload.stats.histogram import Histogram, slot_of
from ddbload.turns import at_once
from hypothesis import given
from hypothesis import strategies as st

NAMES = ("put", "get")


@dataclass
class Counted:
    """The part of an engine that the totals read."""

    planned: int = 0
    warm_up: Recorder = field(default_factory=lambda: Recorder(NAMES))
    recorder: Recorder = field(default_factory=lambda: Recorder(NAMES))


@dataclass(frozen=True)
class Happening:
    """One operation from its plan to its end."""

    name: str
    outcome: str
    reason: str
    latency_us: int
    late_us: int
    units: float
    unprocessed: int
    retried: int
    is_warm_up: bool

    def count(self, engine: Counted) -> None:
        """Count it as the engine does."""
        recorder = engine.warm_up if self.is_warm_up else engine.recorder
        record = recorder.records[self.name]
        engine.planned += 1
        record.sent += 1
        recorder.late.record(self.late_us)
        if self.retried:
            record.retried["throttled:R"] += self.retried
        if self.outcome == "ok":
            record.latency_ok[slot_of(self.latency_us)] += 1
            record.service_ok[slot_of(self.latency_us)] += 1
            record.add(Consumed(self.units, 2 * self.units, 1, 1, self.unprocessed, (("i", 0.0, self.units),)))
        else:
            record.ended(self.outcome, self.reason, self.latency_us, self.latency_us)


happenings = st.builds(
    Happening,
    name=st.sampled_from(NAMES),
    outcome=st.sampled_from(["ok", *OUTCOMES]),
    reason=st.sampled_from(["A", "B"]),
    latency_us=st.integers(0, 10**7),
    late_us=st.integers(0, 10**5),
    units=st.integers(0, 8).map(lambda quarters: quarters / 4),
    unprocessed=st.integers(0, 3),
    retried=st.integers(0, 2),
    is_warm_up=st.booleans(),
)


def look(engine: Counted) -> Totals:
    return at_once(Totals.of(cast(Engine, engine)))


@given(st.lists(st.lists(happenings, max_size=8), min_size=1, max_size=5))
def test_all_intervals_together_are_the_whole(seconds: list[list[Happening]]) -> None:
    engine, before = Counted(), Totals()
    intervals: list[dict[str, Any]] = []
    for happened in seconds:
        for one in happened:
            one.count(engine)
        now = look(engine)
        intervals.append(at_once(now.since(before, 1.0)))
        before = now
    everything = [one for happened in seconds for one in happened]
    whole = at_once(before.since(Totals(), float(len(seconds))))

    def together(name: str) -> float:
        return sum(interval[name] for interval in intervals)

    for name in ("planned", "sent", "ok", "expected", "contention", "cancelled", "failed", "items_unprocessed"):
        assert together(name) == whole[name]
    for name in ("retried", "consumed_read_units", "consumed_write_units"):
        assert together(name) == whole[name]
    ok = [one for one in everything if one.outcome == "ok"]
    assert (whole["sent"], whole["ok"]) == (len(everything), len(ok))
    assert whole["failed"] == sum(one.outcome in FAILURES for one in everything)
    assert whole["consumed_write_units"] == 2 * sum(one.units for one in ok)
    assert sum((Counter(interval["throttled"]) for interval in intervals), Counter()) == Counter(
        one.reason for one in everything if one.outcome == "throttled"
    )
    assert whole["indexes"].get("i", {"consumed_write_units": 0.0})["consumed_write_units"] == sum(
        one.units for one in ok
    )
    for operation in NAMES:
        histogram = Histogram()
        for interval in intervals:
            if operation in interval["histograms"]:
                histogram.add(interval["histograms"][operation])
        of_ok = Histogram.from_values(one.latency_us for one in ok if one.name == operation)
        assert dict(histogram.slots()) == dict(of_ok.slots())


@given(st.lists(happenings, max_size=8), st.lists(happenings, min_size=1, max_size=8))
def test_interval_reports_only_itself(earlier: list[Happening], happened: list[Happening]) -> None:
    engine = Counted()
    for one in earlier:
        one.count(engine)
    before = look(engine)
    for one in happened:
        one.count(engine)
    interval = at_once(look(engine).since(before, 2.0))
    latencies = Histogram.from_values(one.latency_us for one in happened if one.outcome == "ok")
    assert interval["p50_ms"] == latencies.percentile(50) / 1000
    assert interval["p99_ms"] == latencies.percentile(99) / 1000
    assert interval["max_ms"] == latencies.maximum() / 1000
    assert interval["late_ms_max"] == Histogram.from_values(one.late_us for one in happened).maximum() / 1000
    # Every end of an operation is a response.
    assert (interval["seconds"], interval["rate"]) == (2.0, round(len(happened) / 2, 1))


def test_a_snapshot_does_not_change() -> None:
    engine = Counted()
    one = Happening("put", "ok", "", 1000, 0, 1.0, 0, 0, False)
    one.count(engine)
    first = look(engine)
    reported = at_once(first.since(Totals(), 1.0))
    one.count(engine)
    assert at_once(first.since(Totals(), 1.0)) == reported
    assert first.document() == dict.fromkeys(("planned", "sent", "ok"), 1) | dict.fromkeys(
        [name for name in COUNTS if name not in ("sent", "ok")], 0
    )


def test_without_operations_all_figures_are_zero() -> None:
    nothing = at_once(Totals().since(Totals(), 0.0))
    assert (nothing["rate"], nothing["sent"], nothing["p99_ms"], nothing["histograms"]) == (0.0, 0, 0.0, {})
    assert set(Totals().document().values()) == {0}


@pytest.mark.parametrize("seconds", [0.001, 0.5, 3.0])
def test_a_rate_is_over_the_seconds_that_it_took(seconds: float) -> None:
    engine = Counted()
    for _operation in range(30):
        Happening("put", "throttled", "A", 1000, 0, 0.0, 0, 0, False).count(engine)
    assert at_once(look(engine).since(Totals(), seconds))["rate"] == round(30 / seconds, 1)


def test_a_copied_record_counts_no_further() -> None:
    record = Recorder(["put"]).records["put"]
    record.ended("throttled", "A", 5, 3)
    copied = record.copy()
    before = copied.summary(1.0, None)
    assert before == record.summary(1.0, None)
    record.sent += 1
    record.latency_ok[slot_of(9)] += 1
    record.ended("throttled", "A", 7, 3)
    assert copied.summary(1.0, None) == before != record.summary(1.0, None)


@pytest.mark.parametrize(("workers", "interval_s"), [(1, 5), (50, 5), (51, 6), (500, 50), (4000, 400)])
def test_checkpoints_of_many_workers_are_further_apart(workers: int, interval_s: int) -> None:
    assert checkpoint_interval_s(workers) == interval_s
