# SPDX-License-Identifier: Apache-2.0
"""Laws of closed plans: every item once, no more callers than requested."""

from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from ddbload.pacing.callers import ClosedPacer, Phase, classic, constant
from ddbload.pacing.pacer import planned_operations
from ddbload.pacing.segment import WHOLE, Segment
from hypothesis import example, given
from hypothesis import strategies as st

limits = st.integers(1, 2000)
totals = st.one_of(st.integers(1, 30), st.integers(1, 10_000_000))
percentages = st.integers(1, 100)


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[Phase], int]:
    workers = draw(st.integers(1, 6))
    phases = st.builds(Phase, st.integers(workers, 40), st.integers(1, 30))
    return draw(st.lists(phases, min_size=1, max_size=5)), workers


@given(limits, totals, percentages)
@example(1, 10, 50)
@example(7, 1_000_000, 100)
@example(50, 29, 58)
def test_classic_plan_covers_all_items_at_the_requested_peak(limit: int, total: int, percentage: int) -> None:
    phases = classic(limit, total, percentage)
    peak = ceil(Fraction(limit * percentage, 100))
    assert sum(phase.operations or 0 for phase in phases) == total
    assert all((phase.operations or 0) > 0 for phase in phases)
    assert phases[-1].concurrency == peak
    assert phases[-1].operations == (ceil(Fraction(total * percentage, 100)) if peak > 1 else total)


@given(limits, totals, percentages)
def test_the_classic_plan_rises_in_at_most_ten_steps_of_a_tenth(limit: int, total: int, percentage: int) -> None:
    phases = classic(limit, total, percentage)
    peak = phases[-1].concurrency
    assert len(phases) <= 10
    assert all(before.concurrency < after.concurrency for before, after in pairwise(phases))
    assert {phase.concurrency for phase in phases} <= {ceil(Fraction(peak * tenth, 10)) for tenth in range(1, 11)}
    rising = [phase.operations or 0 for phase in phases[:-1]]
    assert not rising or max(rising) - min(rising) <= 1


def test_the_classic_plan_of_a_hundred_callers() -> None:
    assert classic(100, 10_000, 91) == (
        *(Phase(tenth * 10 - tenth + 1, 100) for tenth in range(1, 10)),
        Phase(91, 9100),
    )
    assert classic(100, 10, 100) == (Phase(100, 10),)
    assert classic(4, 10, 40) == (Phase(1, 6), Phase(2, 4))
    assert classic(1, 10, 50) == (Phase(1, 10),)


@given(plans())
def test_segments_share_a_closed_plan_out(plan: tuple[list[Phase], int]) -> None:
    phases, workers = plan
    wanted = [phase.concurrency for phase in phases for _ in range(phase.operations or 0)]
    pacers = [ClosedPacer(phases, Segment(index, workers), None) for index in range(workers)]
    assert sum(pacer.operations or 0 for pacer in pacers) == len(wanted)
    for pacer in pacers:
        for position in range(pacer.operations or 0):
            number = pacer.segment.number(position)
            share, more = divmod(wanted[number], workers)
            assert pacer.concurrency_at(position) == share + (pacer.segment.index < more)


@given(plans())
def test_all_workers_together_have_the_concurrency_of_the_plan(plan: tuple[list[Phase], int]) -> None:
    phases, workers = plan
    endless = [*phases, Phase(phases[-1].concurrency, None)]
    pacers = [ClosedPacer(endless, Segment(index, workers), 1.0) for index in range(workers)]
    late = sum(phase.operations or 0 for phase in phases)
    assert sum(pacer.concurrency_at(late) for pacer in pacers) == phases[-1].concurrency
    assert sum(pacer.callers for pacer in pacers) >= phases[-1].concurrency


@given(plans())
def test_a_segment_never_exceeds_its_concurrency(plan: tuple[list[Phase], int]) -> None:
    phases, workers = plan
    for index in range(workers):
        pacer = ClosedPacer(phases, Segment(index, workers), None)
        most = under_way = 0
        for position in range(pacer.operations or 0):
            under_way = min(under_way, pacer.concurrency_at(position) - 1) + 1
            most = max(most, under_way)
        assert pacer.callers == most


@given(plans(), st.lists(st.integers(0, 200)))
def test_positions_are_read_in_any_order(plan: tuple[list[Phase], int], positions: list[int]) -> None:
    requested = ClosedPacer(plan[0], WHOLE, None)
    for position in positions:
        if position < (requested.operations or 0):
            assert requested.concurrency_at(position) == ClosedPacer(plan[0], WHOLE, None).concurrency_at(position)
        else:
            with pytest.raises(IndexError):
                requested.concurrency_at(position)


def test_a_duration_alone_ends_an_endless_plan() -> None:
    pacer = ClosedPacer(constant(5, None), Segment(1, 2), 2.5)
    assert (pacer.operations, pacer.callers, pacer.duration_ns) == (None, 2, 2_500_000_000)
    assert pacer.concurrency_at(10**12) == 2
    assert ClosedPacer(constant(5, 9), WHOLE, None).duration_ns is None


@given(plans())
def test_a_position_is_due_while_a_caller_has_no_operation(plan: tuple[list[Phase], int]) -> None:
    pacer = ClosedPacer(plan[0], WHOLE, None)
    operations = pacer.operations or 0
    for sent in range(operations):
        callers = pacer.concurrency_at(sent)
        assert pacer.due(0, sent, callers) == pacer.due(0, sent, callers + 3) == sent
        assert pacer.due(0, sent, callers - 1) == sent + 1
        assert pacer.due(0, sent, 0) == min(operations, sent + callers)
        assert pacer.due(0, sent) == operations
        assert not pacer.is_over(10**12, sent)
    assert pacer.is_over(0, operations)
    assert pacer.due(0, operations, 0) == operations
    assert (pacer.planned_ns, pacer.callers_vary) == (None, len(plan[0]) > 1)
    assert planned_operations(pacer) == pacer.sent_at_most(0) == operations


def test_a_duration_ends_a_closed_plan_early() -> None:
    pacer = ClosedPacer(constant(5, None), WHOLE, 2.0)
    assert pacer.due(1_999_999_999, 7) > 10**12
    assert pacer.due(2_000_000_000, 7) == 7
    assert (planned_operations(pacer), pacer.sent_at_most(10**9)) == (None, None)


@pytest.mark.parametrize(
    ("phases", "workers", "duration", "message"),
    [
        (
            constant(3, 10),
            4,
            None,
            "fewer callers than workers: 3 for 4; use fewer workers or a higher concurrency",
        ),
        (constant(3, None), 1, None, "a closed plan must have a number of operations or a duration"),
        (constant(3, 0), 1, None, "a phase must have at least 1 operation: found 0"),
        ((), 1, None, "a closed plan must have at least one phase"),
        ((Phase(1, None), Phase(2, 5)), 1, 3.0, "only the last phase may be without a number of operations"),
        (constant(3, 10), 1, 0.0, "the duration must be above 0: found 0.0"),
        (constant(3, 10), 1, float("nan"), "the duration must be above 0: found nan"),
    ],
)
def test_an_invalid_closed_plan_is_one_line(
    phases: tuple[Phase, ...], workers: int, duration: float | None, message: str
) -> None:
    with pytest.raises(ValueError) as raised:
        ClosedPacer(phases, Segment(0, workers), duration)
    assert str(raised.value) == message


@pytest.mark.parametrize("values", [(0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 101)])
def test_an_invalid_classic_plan_is_refused(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        classic(*values)
