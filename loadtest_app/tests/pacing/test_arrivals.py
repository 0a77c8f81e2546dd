# SPDX-License-Identifier: Apache-2.0
"""Laws of open pacers: due instants, the union of segments, the statistics of random arrivals."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from ddbload.pacing.arrivals import BLOCK, EXPECTED, OpenPacer, PoissonPacer, ReplayPacer, UniformPacer, read_arrivals
from ddbload.pacing.curve import Curve, Piece, constant, ramp, sine, spike, steps
from ddbload.pacing.segment import WHOLE, Segment, parse
from hypothesis import given, settings
from hypothesis import strategies as st

NANOSECONDS = 1_000_000_000


@st.composite
def segments(draw: st.DrawFn, most: int = 9) -> Segment:
    count = draw(st.integers(1, most))
    return Segment(draw(st.integers(0, count - 1)), count)


rates = st.floats(0.5, 100)
lengths = st.floats(0.1, 10)
shapes: st.SearchStrategy[tuple[Piece, ...]] = st.one_of(
    st.builds(constant, rates, lengths),
    st.builds(ramp, st.floats(0, 100), rates, lengths),
    st.builds(ramp, rates, st.floats(0, 100), lengths),
    st.builds(steps, rates, rates, st.integers(2, 9), lengths),
    st.builds(spike, st.sampled_from([0.0, 1.0, 50.0]), rates, st.just(10.0), st.floats(0, 7), st.floats(0.1, 3)),
    st.builds(
        lambda mean, share, period, duration: sine(mean, mean * share, period, duration),
        rates,
        st.floats(0, 1),
        lengths,
        lengths,
    ),
)
curves = shapes.map(Curve)
recordings = st.lists(st.one_of(st.floats(0, 30), st.sampled_from([0.0, 1.0, 2.5])), min_size=1).map(sorted)
plans: st.SearchStrategy[Callable[[Segment], OpenPacer]] = st.one_of(
    curves.map(lambda curve: lambda segment: UniformPacer(curve, segment)),
    st.tuples(curves, st.integers(-5, 2**70)).map(lambda plan: lambda segment: PoissonPacer(plan[0], segment, plan[1])),
    st.tuples(recordings, st.floats(0.1, 10)).map(lambda plan: lambda segment: ReplayPacer(plan[0], segment, plan[1])),
)


def schedule(pacer: OpenPacer) -> list[int]:
    return [pacer.planned_ns(position) for position in range(pacer.due(pacer.duration_ns))]


@given(plans, segments())
def test_due_is_exact_at_every_planned_instant(plan: Callable[[Segment], OpenPacer], segment: Segment) -> None:
    planned = schedule(plan(segment))
    pacer = plan(segment)
    assert pacer.due(-1) == 0
    for position, instant in enumerate(planned):
        assert pacer.due(instant - 1) <= position
        assert pacer.due(instant) >= position + 1
        assert pacer.planned_ns(position) == instant
    assert pacer.due(pacer.duration_ns) == pacer.due(pacer.duration_ns * 2) == len(planned)
    assert all(before <= after for before, after in pairwise([0, *planned, pacer.duration_ns]))


@given(curves, segments(), st.lists(st.floats(0, 1)))
def test_uniform_instants_are_those_of_the_curve(curve: Curve, segment: Segment, looks: list[float]) -> None:
    """Uniform instants are those of the curve, whatever the pacer has been asked before."""
    pacer = UniformPacer(curve, segment)
    planned = [round(curve.instant(segment.number(position)) * 1e9) for position in range(pacer.operations)]
    for share in looks:
        pacer.due(round(share * pacer.duration_ns))
        assert [pacer.planned_ns(position) for position in range(pacer.operations)] == planned
        assert pacer.next_ns(pacer.operations) == pacer.duration_ns


@given(plans, segments(), st.lists(st.floats(0, 1.2)))
def test_due_counts_the_schedule_at_any_instants(
    plan: Callable[[Segment], OpenPacer], segment: Segment, instants: list[float]
) -> None:
    pacer, planned = plan(segment), schedule(plan(segment))
    for elapsed_ns in sorted(round(share * pacer.duration_ns) for share in instants):
        assert pacer.due(elapsed_ns) == sum(instant <= elapsed_ns for instant in planned)


@given(plans, st.integers(1, 9))
def test_all_segments_together_are_the_schedule_of_one(plan: Callable[[Segment], OpenPacer], count: int) -> None:
    whole = plan(WHOLE)
    planned = schedule(whole)
    found = {
        segment.number(position): instant
        for segment in (Segment(index, count) for index in range(count))
        for position, instant in enumerate(schedule(plan(segment)))
    }
    assert found == dict(enumerate(planned))
    assert sum(plan(Segment(index, count)).expected for index in range(count)) == pytest.approx(whole.expected)


def test_segments_of_random_arrivals_stay_in_step() -> None:
    """Segments of random arrivals stay in step over many blocks."""
    curve, workers = Curve(ramp(0, 10_000, 5)), 600
    planned = schedule(PoissonPacer(curve, WHOLE, 11))
    assert len(planned) > 5 * BLOCK
    for index in (0, 1, 299, 599):
        assert schedule(PoissonPacer(curve, Segment(index, workers), 11)) == planned[index::workers]


@given(plans, segments(), st.integers(0, 5000))
def test_dropping_sent_positions_changes_no_later_one(
    plan: Callable[[Segment], OpenPacer], segment: Segment, ahead: int
) -> None:
    planned = schedule(plan(segment))
    pacer = plan(segment)
    for position, instant in enumerate(planned):
        assert pacer.due(instant, sent=max(0, position - ahead)) > position
        assert (pacer.planned_ns(position), pacer.next_ns(position)) == (instant, instant)


@given(plans, segments(), st.floats(0, 1))
def test_instants_are_those_of_the_positions_then_the_end(
    plan: Callable[[Segment], OpenPacer], segment: Segment, share: float
) -> None:
    planned = schedule(plan(segment))
    pacer = plan(segment)
    first = round(share * len(planned))
    instants = pacer.instants(first)
    for position, instant in enumerate(planned[first:], first):
        assert next(instants) == instant
        # What the pacer is asked in between changes nothing.
        assert pacer.due(instant, sent=position) > position
    assert [next(instants) for _each in range(40)] == [pacer.duration_ns] * 40


@given(plans, segments())
def test_a_plan_is_over_when_all_positions_are_due(plan: Callable[[Segment], OpenPacer], segment: Segment) -> None:
    pacer = plan(segment)
    count = len(schedule(plan(segment)))
    assert not pacer.is_over(pacer.duration_ns - 1, count)
    assert pacer.is_over(pacer.duration_ns, 0)
    assert pacer.sent_at_most(pacer.duration_ns) == count
    assert pacer.next_ns(count) == pacer.duration_ns


@settings(max_examples=50)
@given(st.floats(200, 50_000), st.floats(0, 8))
def test_a_constant_rate_is_kept_in_any_second(rate: float, start: float) -> None:
    """A constant rate is kept within half a percent in any second."""
    pacer = UniformPacer(Curve(constant(rate, 10)), WHOLE)
    start_ns = round(start * NANOSECONDS)
    count = pacer.due(start_ns + NANOSECONDS) - pacer.due(start_ns)
    assert abs(count / rate - 1) <= 0.005


@given(curves)
def test_uniform_arrivals_are_the_curves_total_and_at_least_one(curve: Curve) -> None:
    pacer = UniformPacer(curve, WHOLE)
    assert pacer.due(pacer.duration_ns) == pacer.operations == pacer.expected == max(1, round(curve.total))


def test_uniform_arrivals_follow_a_long_schedule() -> None:
    """Uniform arrivals follow a long schedule to its last nanosecond."""
    pacer = UniformPacer(Curve(constant(1000 / 3, 86_400)), Segment(6, 7))
    last = pacer.operations - 1
    assert pacer.planned_ns(last) == 3_000_000 * (6 + 7 * last)
    assert (pacer.due(pacer.planned_ns(last) - 1), pacer.due(pacer.planned_ns(last))) == (last, last + 1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_arrivals_are_poisson(seed: int) -> None:
    """Random arrivals have the mean and the variance of a Poisson process."""
    windows, mean = 4000, 25.0
    pacer = PoissonPacer(Curve(constant(mean, windows)), WHOLE, seed)
    reached = [pacer.due(second * NANOSECONDS) for second in range(windows + 1)]
    counts = [after - before for before, after in pairwise(reached)]
    average = sum(counts) / windows
    variance = sum((count - average) ** 2 for count in counts) / (windows - 1)
    assert abs(average - mean) < 5 * (mean / windows) ** 0.5
    # The variance of a sample's variance: (fourth central moment - variance squared) / n = (mean + 2 mean^2) / n.
    assert abs(variance - mean) < 5 * ((mean + 2 * mean**2) / windows) ** 0.5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gaps_between_random_arrivals_are_exponential(seed: int) -> None:
    planned = schedule(PoissonPacer(Curve(constant(1000, 20)), WHOLE, seed))
    gaps = [(after - before) / 1e6 for before, after in pairwise(planned)]
    for bound, share in ((0.1, 0.0951626), (1, 0.6321206), (3, 0.9502129)):
        found = sum(gap <= bound for gap in gaps) / len(gaps)
        assert abs(found - share) < 5 * (share * (1 - share) / len(gaps)) ** 0.5
    # Neighbours are independent, also across the borders of blocks.
    products = [(before - 1) * (after - 1) for before, after in pairwise(gaps)]
    assert len(gaps) > 4 * BLOCK
    assert abs(sum(products) / len(products)) < 5 / len(products) ** 0.5


def test_random_arrivals_follow_the_curve() -> None:
    curve = Curve((*ramp(0, 2000, 10), *sine(1000, 1000, 5, 10)))
    pacer = PoissonPacer(curve, WHOLE, 7)
    for second in range(1, 21):
        expected = curve.expected(second)
        assert abs(pacer.due(second * NANOSECONDS) - expected) < 5 * expected**0.5


@given(st.integers(0, 1000), st.floats(1, 300), st.integers(1, 9))
def test_longer_random_schedule_starts_like_the_shorter_one(seed: int, rate: float, seconds: int) -> None:
    shorter = schedule(PoissonPacer(Curve(constant(rate, seconds)), WHOLE, seed))
    longer = schedule(PoissonPacer(Curve(constant(rate, 10)), WHOLE, seed))
    assert shorter == [instant for instant in longer if instant < seconds * NANOSECONDS]


def test_another_seed_is_another_schedule() -> None:
    curve = Curve(constant(100, 1))
    first, again, other = (schedule(PoissonPacer(curve, WHOLE, seed)) for seed in (1, 1, 2))
    assert first == again
    assert not set(first) & set(other)


def test_a_long_random_schedule_stays_flat_in_memory() -> None:
    pacer = PoissonPacer(Curve(constant(10_000, 60)), Segment(1, 3), 1)
    largest = sent = 0
    for elapsed_ns in range(0, 60 * NANOSECONDS, 50_000_000):
        sent = pacer.due(elapsed_ns, sent)
        largest = max(largest, len(pacer._planned))
    assert sent > 190_000
    assert largest < 2 * BLOCK


def test_a_dropped_position_has_no_instant() -> None:
    pacer = PoissonPacer(Curve(constant(10_000, 10)), WHOLE, 1)
    pacer.due(pacer.duration_ns, sent=50_000)
    with pytest.raises(IndexError):
        pacer.planned_ns(49_999)
    assert pacer.planned_ns(50_000) > 0


@given(recordings)
def test_a_replay_at_double_speed_takes_half_the_time(recording: list[float]) -> None:
    plain, quick = schedule(ReplayPacer(recording, WHOLE)), schedule(ReplayPacer(recording, WHOLE, 2.0))
    assert plain == [round(instant * NANOSECONDS) for instant in recording]
    assert all(abs(2 * half - full) <= 2 for half, full in zip(quick, plain, strict=True))


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_replay_goes_forwards(speed: float) -> None:
    with pytest.raises(ValueError, match="the speed must be above 0"):
        ReplayPacer([1.0], WHOLE, speed)


def test_an_empty_replay_is_refused() -> None:
    with pytest.raises(ValueError, match="no arrivals to replay"):
        ReplayPacer([], WHOLE)


def test_recorded_arrivals_are_read_from_csv_and_json_lines(tmp_path: Path) -> None:
    """Recorded arrivals are read from columns and from JSON lines."""
    path = tmp_path / "arrivals"
    path.write_text('# when, what\n0\n0.5,put,3\n\n 0.5 get\n1e0\tx\n{"elapsed_s": 2, "operation": "put"}\n')
    arrivals = read_arrivals(path)
    assert (list(arrivals), arrivals.itemsize) == ([0, 0.5, 0.5, 1, 2], 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f": no arrivals in it: {EXPECTED}"),
        ("# nothing\n\n", f": no arrivals in it: {EXPECTED}"),
        ("1\n2\nthree\n", f":3: no number of seconds: {EXPECTED}"),
        ("1\n,2\n", f":2: no number of seconds: {EXPECTED}"),
        ("nan\n", f":1: no number of seconds: {EXPECTED}"),
        ("inf,1\n", f":1: no number of seconds: {EXPECTED}"),
        ("-0.5\n", ":1: the number of seconds is negative: begin at 0"),
        ("1\n0.75\n", ":2: the number of seconds is before the arrival ahead of it: sort the file"),
        ('{"elapsed_s": 1\n', f":1: no JSON object: {EXPECTED}"),
        ('{"elapsed": 1}\n', f":1: elapsed_s is no number: {EXPECTED}"),
        ('{"elapsed_s": true}\n', f":1: elapsed_s is no number: {EXPECTED}"),
        ("\xff\n", f":1: no number of seconds: {EXPECTED}"),
    ],
)
def test_an_invalid_recording_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "arrivals"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError) as raised:
        read_arrivals(path)
    assert str(raised.value) == f"{path}{message}"


@given(st.integers(0, 1000), st.integers(1, 20))
def test_segments_share_out_all_numbers(numbers: int, count: int) -> None:
    shares = [
        [segment.number(position) for position in range(segment.count_below(numbers))]
        for segment in (Segment(index, count) for index in range(count))
    ]
    assert sorted(number for share in shares for number in share) == list(range(numbers))


@given(segments(), st.integers(1, 9), st.integers(0, 500))
def test_a_segments_parts_are_the_segment(outer: Segment, parts: int, numbers: int) -> None:
    inner = [outer.within(Segment(index, parts)) for index in range(parts)]
    found = sorted(segment.number(position) for segment in inner for position in range(segment.count_below(numbers)))
    assert found == [outer.number(position) for position in range(outer.count_below(numbers))]


@given(segments(), segments(), st.integers(0, 100))
def test_a_part_keeps_the_order_of_its_segment(outer: Segment, inner: Segment, position: int) -> None:
    assert outer.within(inner).number(position) == outer.number(inner.number(position))


@given(segments(1000))
def test_a_segment_is_read_as_it_is_written(segment: Segment) -> None:
    assert parse(f"{segment.index}/{segment.count}") == segment


@pytest.mark.parametrize("text", ["", "1", "4/4", "-1/4", "1/0", "0/0", "1/4/2", "a/b", "0.5/2"])
def test_an_invalid_segment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a segment is index/count with 0 <= index < count, such as 0/4: found '"):
        parse(text)
