# SPDX-License-Identifier: Apache-2.0
"""Laws of rate curves: areas, inverses, borders."""

from itertools import pairwise

import pytest
from ddbload.pacing.curve import Curve, Linear, Piece, Sine, constant, ramp, sine, spike, steps
from hypothesis import example, given
from hypothesis import strategies as st

rates = st.one_of(st.just(0.0), st.floats(0.001, 50_000))
durations = st.floats(0.1, 1000)
shares = st.floats(0, 1)


@st.composite
def ramps(draw: st.DrawFn) -> Linear:
    start = draw(rates)
    # The textbook formula for quadratics fails for slopes that are very small beside the rate.
    end = draw(st.one_of(rates, st.just(start), st.floats(-1e-9, 1e-9).map(lambda slope: start * (1 + slope))))
    return Linear(start, end, draw(durations))


@st.composite
def swings(draw: st.DrawFn) -> Sine:
    mean = draw(st.floats(0.001, 25_000))
    amplitude = draw(st.one_of(st.just(0.0), st.just(mean), st.floats(0, mean)))
    return Sine(mean, amplitude, draw(st.floats(0.1, 5000)), draw(durations))


pieces = st.lists(st.one_of(ramps(), swings()), min_size=1, max_size=5).filter(
    lambda parts: sum(part.area for part in parts) > 0.001
)


@given(pieces, shares)
@example([Linear(0, 0, 5), Linear(0, 10, 1), Linear(10, 0, 1), Linear(0, 0, 5)], 1.0)
@example([Sine(100, 100, 1, 3)], 0.25)
def test_the_instant_is_the_inverse_of_the_expected_count(parts: list[Piece], share: float) -> None:
    """The instant of a count is the inverse of the expected count."""
    curve = Curve(parts)
    count = curve.total * share
    instant = curve.instant(count)
    assert 0 <= instant <= curve.duration_s
    assert curve.expected(instant) == pytest.approx(count, abs=1e-6)


@given(pieces, st.lists(shares, min_size=2))
def test_counts_and_instants_rise_together(parts: list[Piece], shares: list[float]) -> None:
    curve = Curve(parts)
    instants = [curve.instant(round(curve.total * share)) for share in sorted(shares)]
    assert all(before <= after for before, after in pairwise(instants))
    counts = [curve.expected(curve.duration_s * share) for share in sorted(shares)]
    assert all(before <= after + 1e-6 for before, after in pairwise(counts))


@given(pieces, st.lists(shares, min_size=1))
def test_a_result_depends_on_its_argument_only(parts: list[Piece], shares: list[float]) -> None:
    requested = Curve(parts)
    for share in shares:
        assert requested.instant(requested.total * share) == Curve(parts).instant(requested.total * share)
        assert requested.expected(requested.duration_s * share) == Curve(parts).expected(requested.duration_s * share)


@given(pieces)
def test_a_curve_joins_its_pieces_exactly_at_their_borders(parts: list[Piece]) -> None:
    curve = Curve(parts)
    start = count = 0.0
    for piece in parts:
        if piece.area and count < curve.total and count + piece.area > count:
            assert curve.instant(count) == start
        assert curve.expected(start) == count
        assert curve.rate(start) == pytest.approx(piece.rate(0))
        start, count = start + piece.duration_s, count + piece.area
    assert (curve.duration_s, curve.total) == (start, count)
    assert (curve.instant(count), curve.expected(start)) == (start, count)


@given(pieces, shares)
def test_the_expected_count_is_the_area_under_the_rate(parts: list[Piece], share: float) -> None:
    curve = Curve(parts)
    middle, width = curve.duration_s * share, curve.duration_s / 1000
    low, high = max(middle - width, 0), min(middle + width, curve.duration_s)
    strips = 2000
    step = (high - low) / strips
    area = sum(curve.rate(low + (strip + 0.5) * step) for strip in range(strips)) * step
    # A strip with a border in it may be wrong by all of its area.
    assert curve.expected(high) - curve.expected(low) == pytest.approx(
        area, rel=1e-3, abs=(len(parts) + 1) * curve.peak * step + 1e-6
    )


@given(pieces)
def test_the_peak_is_the_highest_rate(parts: list[Piece]) -> None:
    curve = Curve(parts)
    assert all(curve.rate(curve.duration_s * step / 500) <= curve.peak * (1 + 1e-9) for step in range(500))
    tops = [piece.rate(seconds) for piece in parts for seconds in _turning_points(piece)]
    assert curve.peak == pytest.approx(max(tops))


def _turning_points(piece: Piece) -> list[float]:
    quarters = [piece.period_s / 4] if isinstance(piece, Sine) else []
    return [0, piece.duration_s, *(quarter for quarter in quarters if quarter < piece.duration_s)]


@given(st.floats(0, 50_000), st.floats(0.01, 50_000), durations)
def test_a_ramp_keeps_its_area(start: float, end: float, duration: float) -> None:
    curve = Curve(ramp(start, end, duration))
    assert curve.total == pytest.approx((start + end) / 2 * duration)
    assert curve.rate(0) == start
    assert curve.rate(duration / 2) == pytest.approx((start + end) / 2)


@given(rates, st.floats(0.01, 50_000), st.integers(2, 50), durations)
def test_steps_go_from_start_to_end_in_equal_rises(start: float, end: float, count: int, duration: float) -> None:
    curve = Curve(steps(start, end, count, duration))
    middles = [curve.rate((step + 0.5) * duration / count) for step in range(count)]
    assert middles == pytest.approx([start + (end - start) * step / (count - 1) for step in range(count)], abs=1e-6)
    assert (middles[0], middles[-1]) == (start, end)
    assert curve.duration_s == pytest.approx(duration)


def test_a_spike_stands_on_its_base() -> None:
    curve = Curve(spike(100, 1000, 60, 20, 5))
    assert [curve.rate(second) for second in (0, 19.9, 20, 24.9, 25, 59)] == [100, 100, 1000, 1000, 100, 100]
    assert (curve.total, curve.peak, curve.duration_s) == (55 * 100 + 5 * 1000, 1000, 60)
    assert Curve(spike(100, 1000, 60, 0, 60)).total == 60_000
    assert Curve(spike(100, 1000, 3600, 7, 1e-6)).peak == 1000


def test_whole_swings_have_the_area_of_their_mean() -> None:
    curve = Curve(sine(100, 60, 10, 30))
    assert curve.total == pytest.approx(3000)
    assert [curve.rate(second) for second in (2.5, 7.5)] == pytest.approx([160, 40])


def test_nothing_is_due_during_a_pause() -> None:
    curve = Curve((Linear(0, 0, 5), *constant(10, 1), Linear(0, 0, 3), *constant(10, 1)))
    assert [curve.instant(count) for count in (0, 9, 10, 19)] == [5, pytest.approx(5.9), 9, pytest.approx(9.9)]
    assert [curve.expected(second) for second in (-1, 4, 6, 7, 9, 10, 11)] == [0, 0, 10, 10, 10, 20, 20]


def test_curve_is_zero_outside_of_its_time() -> None:
    curve = Curve(constant(10, 2))
    assert [curve.rate(second) for second in (-1, 0, 1.9, 2, 3)] == [0, 10, 10, 0, 0]
    assert (curve.instant(-5), curve.instant(20), curve.instant(21)) == (0, 2, 2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ramp(-1, 5, 1), "start must be at least 0: found -1"),
        (lambda: ramp(1, float("nan"), 1), "end must be at least 0: found nan"),
        (lambda: constant(1, 0), "duration must be above 0: found 0"),
        (lambda: steps(1, 2, 1, 10), "there must be at least 2 steps: found 1"),
        (lambda: spike(1, 2, 10, 8, 3), "a spike must end by the end, 10 s: found one from 8 s for 3 s"),
        (lambda: spike(1, 2, 10, -1, 3), "at must be at least 0: found -1"),
        (lambda: sine(1, 2, 10, 10), "amplitude must be at most the mean, 1: found 2"),
        (lambda: sine(0, 0, 10, 10), "mean must be above 0: found 0"),
        (lambda: Curve(()), "a rate curve must have at least one piece"),
        (lambda: Curve(constant(0, 10)), "a rate curve must have operations, and a finite number of them: found 0.0"),
    ],
)
def test_an_invalid_curve_is_one_line(make: object, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        make()  # type: ignore[operator]
    assert str(raised.value) == message
