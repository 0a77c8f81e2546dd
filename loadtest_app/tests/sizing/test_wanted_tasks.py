# SPDX-License-Identifier: Apache-2.0
"""Tasks of a rate: enough of them, none too many, never fewer for a higher rate."""

import pytest
from ddbload.sizing.fleet import VCPUS, Fleet, choices, fewest, tasks_for
from hypothesis import given
from hypothesis import strategies as st

RATES = st.floats(1, 5_000_000)
SIZES = st.sampled_from(VCPUS)
RATES_A_VCPU = st.floats(100, 100_000)


@pytest.mark.parametrize(
    ("rate", "counts"),
    [(40_000, [4, 2, 1, 1, 1]), (200_000, [20, 10, 5, 3, 2]), (1_000_000, [100, 50, 25, 13, 7])],
)
def test_tasks_of_the_documented_plans(rate: float, counts: list[int]) -> None:
    """docs/scale.md has these counts for 1, 2, 4, 8 and 16 vCPUs."""
    assert [tasks_for(rate, vcpu) for vcpu in (1, 2, 4, 8, 16)] == counts


@given(RATES, RATES, SIZES, RATES_A_VCPU)
def test_more_rate_never_wants_fewer_tasks(one: float, other: float, vcpu: float, each: float) -> None:
    """A higher rate wants as many tasks or more of any size, and no smaller fleet."""
    low, high = sorted((one, other))
    assert 1 <= tasks_for(low, vcpu, each) <= tasks_for(high, vcpu, each)
    assert fewest(low, each).rate(each) <= fewest(high, each).rate(each)


@given(RATES, SIZES, RATES_A_VCPU)
def test_tasks_are_enough_and_none_too_many(rate: float, vcpu: float, each: float) -> None:
    """The tasks send the rate; one task fewer does not."""
    count = tasks_for(rate, vcpu, each)
    assert count * vcpu * each >= rate * (1 - 1e-9)
    assert count == 1 or (count - 1) * vcpu * each < rate * (1 + 1e-9)


@given(RATES, SIZES, st.integers(1, 50), RATES_A_VCPU)
def test_choices_send_the_rate(rate: float, vcpu: float, tasks: int, each: float) -> None:
    """Each choice is enough: the launched size first, then the fewest tasks."""
    found = choices(rate, Fleet(tasks, vcpu, vcpu * 2), each)
    assert all(one.rate(each) >= rate * (1 - 1e-9) for one in found)
    assert (found[0].vcpu, found[-1]) == (vcpu, fewest(rate, each))
    assert found[-1].tasks <= found[0].tasks
    assert len(found) == len({one[:2] for one in found})
