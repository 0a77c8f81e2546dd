# SPDX-License-Identifier: Apache-2.0
"""The load tester's figures compared with arithmetic: the real command against scripted servers."""

from collections.abc import Callable, Mapping

import pytest
import truth
from ddbload.stats.histogram import Histogram
from hypothesis import given, settings
from hypothesis import strategies as st

ATTEMPTS = 5
# Three significant digits of some milliseconds, in each of the compared figures.
ROUNDING_MS = 0.02
microseconds = st.one_of(st.integers(0, 5000), st.integers(0, 3_600_000_000))


def counts_add_up(case: truth.Case, seen: truth.Seen) -> bool:
    put, plan = seen.put, seen.summary["plan"]
    planned = case.rate * case.duration
    said = (plan["planned"], plan["sent"], plan["never_sent"], put["sent"], put["ok"], put["failed"])
    return said == (planned, planned, 0, planned, planned, {}) and seen.log.requests["PutItem"] == planned


def eventually(case: truth.Case, assert_times: Callable[[truth.Seen], None]) -> None:
    """Repeat a measurement until its times are correct, at most ATTEMPTS times, since other load passes.

    Args:
        case: the case to measure.
        assert_times: asserts the times. Counts are exact, and must be correct in each attempt.
    """
    for attempts_left in reversed(range(ATTEMPTS)):
        seen = truth.measure(case)
        assert (seen.exit_code, counts_add_up(case, seen)) == (0, True)
        try:
            assert_times(seen)
            return
        except AssertionError:
            if not attempts_left:
                raise


def mean_bounds(times: Mapping[str, float]) -> tuple[float, float]:
    """Return the least and the highest mean that times with these percentiles (p50, p99, max) can have."""
    p50, p99, most = times["p50"], times["p99"], times["max"]
    return 0.49 * p50 + 0.01 * p99, 0.5 * p50 + 0.49 * p99 + 0.01 * most


def test_a_stall_is_in_the_latency_of_all_delayed_operations() -> None:
    case = truth.STALLED_ON_THE_WIRE
    assert case.expected_ms()["p99"] == pytest.approx(900, rel=0.02)

    def assert_times(seen: truth.Seen) -> None:
        expected = pytest.approx(case.expected_ms()["p99"], rel=0.02)
        # Each operation has a connection: all are sent in time, so both latencies agree.
        assert seen.put["latency_ms"]["p99"] == expected == seen.put["service_ms"]["p99"]
        assert seen.put["latency_ms"]["max"] == pytest.approx(1000, rel=0.05)

    eventually(case, assert_times)


def test_the_latency_from_the_plan_includes_a_stall() -> None:
    case = truth.STALLED_IN_THE_QUEUE

    def assert_times(seen: truth.Seen) -> None:
        assert seen.log.faults["stall"] == case.connections
        # After the stall the queue drains, which takes about 20 ms for the slowest hundred.
        assert seen.put["latency_ms"]["p99"] == pytest.approx(case.expected_ms()["p99"], rel=0.05)
        # Of the slowest hundred operations, only as many as there are connections are on the wire.
        assert seen.put["service_ms"]["p99"] < 100
        assert seen.put["service_ms"]["max"] == pytest.approx(1000, rel=0.05)

    eventually(case, assert_times)


def test_a_fixed_service_time_is_measured() -> None:
    case = truth.FIXED
    assert case.expected_ms()["p50"] == pytest.approx(truth.FIXED_MS)

    def assert_times(seen: truth.Seen) -> None:
        assert seen.witness_ms > truth.FIXED_MS
        # The round trip and both wake-ups add as much as for a plain socket; a busy machine spreads them.
        assert seen.put["service_ms"]["p50"] == pytest.approx(seen.witness_ms, abs=max(0.3, seen.witness_spread_ms))
        least_ms, most_ms = mean_bounds(seen.summary["plan"]["late_ms"])
        # Latency from the plan is the lateness and the service time of each operation, so that their means add up;
        # their percentiles do not.
        late_ms = seen.put["latency_ms"]["mean"] - seen.put["service_ms"]["mean"]
        precision_ms = 0.001 * seen.put["latency_ms"]["mean"] + 0.001
        assert least_ms - precision_ms <= late_ms <= most_ms + precision_ms

    eventually(case, assert_times)


def test_a_rate_is_kept_and_every_operation_reaches_the_server() -> None:
    case = truth.STEADY

    def assert_times(seen: truth.Seen) -> None:
        rate = pytest.approx(case.rate, rel=0.005)
        assert seen.summary["plan"]["rate_reached"] == rate
        # The server's clock sees one interval fewer than operations.
        assert (seen.log.requests["PutItem"] - 1) / seen.log.last_s["PutItem"] == rate
        assert len(seen.keys) == case.rate * case.duration

    eventually(case, assert_times)


@settings(max_examples=50)
@given(st.lists(st.lists(microseconds, max_size=50), min_size=1, max_size=6), st.integers(1, 1000))
def test_workers_histograms_merge_to_that_of_all_their_values(workers: list[list[int]], permille: int) -> None:
    whole, merged = Histogram(), Histogram()
    for values in workers:
        part = Histogram()
        for value in values:
            part.record(value)
            whole.record(value)
        merged.add(Histogram.decode(part.encode()))
    assert dict(merged.slots()) == dict(whole.slots())
    percentile = merged.percentile(permille / 10)
    assert percentile == whole.percentile(permille / 10)
    values = sorted(value for values in workers for value in values)
    if values:
        exact = values[-(-permille * len(values) // 1000) - 1]
        # Three significant digits, rounded up to the end of the histogram's slot.
        assert exact <= percentile <= exact * 1.001
