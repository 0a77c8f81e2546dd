# SPDX-License-Identifier: Apache-2.0
"""What the load tester says, held against arithmetic: the real command against servers that answer to order."""

from collections.abc import Callable

import pytest
import truth
from ddbload.stats.histogram import Histogram
from hypothesis import given, settings
from hypothesis import strategies as st

ATTEMPTS = 5
microseconds = st.one_of(st.integers(0, 5000), st.integers(0, 3_600_000_000))


def counts_add_up(case: truth.Case, seen: truth.Seen) -> bool:
    put, plan = seen.put, seen.summary["plan"]
    planned = case.rate * case.duration
    said = (plan["planned"], plan["sent"], plan["never_sent"], put["sent"], put["ok"], put["failed"])
    return said == (planned, planned, 0, planned, planned, {}) and seen.log.requests["PutItem"] == planned


def hold(case: truth.Case, is_told: Callable[[truth.Seen], None]) -> None:
    """Measure until what is told is true, so many times at most: a busy machine's noise comes and goes, a lie stays.

    Args:
        case: what is measured.
        is_told: asserts what is about time. What is counted is exact, and has to be right each time.
    """
    for attempts_left in reversed(range(ATTEMPTS)):
        seen = truth.measure(case)
        assert (seen.exit_code, counts_add_up(case, seen)) == (0, True)
        try:
            is_told(seen)
            return
        except AssertionError:
            if not attempts_left:
                raise


def test_a_stall_is_seen_by_all_that_it_delays() -> None:
    case = truth.STALLED_ON_THE_WIRE
    assert case.foretold_ms()["p99"] == pytest.approx(900, rel=0.02)

    def is_told(seen: truth.Seen) -> None:
        foretold = pytest.approx(case.foretold_ms()["p99"], rel=0.02)
        # There is a connection for each: they were all sent in time, and the send hides nothing.
        assert seen.put["latency_ms"]["p99"] == foretold == seen.put["service_ms"]["p99"]
        assert seen.put["latency_ms"]["max"] == pytest.approx(1000, rel=0.05)

    hold(case, is_told)


def test_a_stall_that_the_send_hides_is_seen_from_the_plan() -> None:
    case = truth.STALLED_IN_THE_QUEUE

    def is_told(seen: truth.Seen) -> None:
        assert seen.log.faults["stall"] == case.connections
        # When the stall is over the queue has to be worked off, which takes some 20 ms for the hundred at the top.
        assert seen.put["latency_ms"]["p99"] == pytest.approx(case.foretold_ms()["p99"], rel=0.05)
        # Of a hundred operations at the top, no more than the connections were on the wire.
        assert seen.put["service_ms"]["p99"] < 100
        assert seen.put["service_ms"]["max"] == pytest.approx(1000, rel=0.05)

    hold(case, is_told)


def test_a_fixed_service_time_is_seen_as_it_is() -> None:
    case = truth.FIXED
    assert case.foretold_ms()["p50"] == pytest.approx(truth.FIXED_MS)

    def is_told(seen: truth.Seen) -> None:
        assert truth.FIXED_MS < seen.witness_ms < truth.FIXED_MS + 1
        late_ms = seen.summary["plan"]["late_ms"]["p50"]
        # The way there and back and waking up both sides come on top: as much as they do for a plain socket. From the
        # plan, so does the load tester's own lateness; it has to own up to it.
        assert seen.put["latency_ms"]["p50"] - late_ms == pytest.approx(seen.witness_ms, abs=0.3)
        assert seen.put["service_ms"]["p50"] == pytest.approx(seen.witness_ms, abs=0.3)

    hold(case, is_told)


def test_a_rate_is_kept_and_every_operation_reaches_the_server() -> None:
    case = truth.STEADY

    def is_told(seen: truth.Seen) -> None:
        rate = pytest.approx(case.rate, rel=0.005)
        assert seen.summary["plan"]["rate_reached"] == rate
        # One interval fewer than operations, as the server's own clock has it.
        assert (seen.log.requests["PutItem"] - 1) / seen.log.last_s["PutItem"] == rate
        assert len(seen.keys) == case.rate * case.duration

    hold(case, is_told)


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
        # Three significant digits, rounded up to the end of what counts as equal.
        assert exact <= percentile <= exact * 1.001
