# SPDX-License-Identifier: Apache-2.0
"""Groups of runs: their difference, its error, and the number of independent figures."""

import random

import pytest
from ddbload.stats import groups
from hypothesis import given
from hypothesis import strategies as st

values = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8)


def test_a_textbook_example_has_its_standard_error() -> None:
    # Means 3 and 7, sums of squares 8 and 2, four degrees of freedom.
    found = groups.difference([1.0, 3.0, 5.0], [6.0, 7.0, 8.0])
    assert (found.change, found.degrees) == (4.0, 4)
    assert found.spread == pytest.approx(2.5**0.5)
    assert found.error == pytest.approx((2.5 * 2 / 3) ** 0.5)
    assert found.residuals == [-2.0, 0.0, 2.0, -1.0, 0.0, 1.0]


def test_one_run_takes_the_spread_of_the_other_side() -> None:
    found = groups.difference([1.0, 3.0, 5.0], [9.0])
    assert (found.spread, found.degrees) == (2.0, 2)
    assert found.error == pytest.approx((4 + 4 / 3) ** 0.5)


@given(values, values, st.floats(-10.0, 10.0))
def test_a_change_moves_the_difference_alone(first: list[float], second: list[float], change: float) -> None:
    """A change of all runs of a group moves the difference, and neither its error nor the spread."""
    found = groups.difference(first, second)
    moved = groups.difference(first, [value + change for value in second])
    swapped = groups.difference(second, first)
    assert moved.change == pytest.approx(found.change + change, abs=1e-6)
    assert moved.error == pytest.approx(found.error, abs=1e-6)
    assert (swapped.change, swapped.error) == pytest.approx((-found.change, found.error), abs=1e-6)


@given(st.lists(st.lists(st.floats(-1.0, 1.0), min_size=6, max_size=6), min_size=1, max_size=6), st.integers(1, 4))
def test_the_effective_count_is_between_one_and_all(residuals: list[list[float]], degrees: int) -> None:
    assert 1.0 <= groups.effective_count(residuals, degrees) <= len(residuals) + 1e-9


def test_figures_that_move_together_count_as_one() -> None:
    chance = random.Random(1)
    level = [chance.gauss(0.0, 1.0) for _run in range(10)]
    together = [[factor * value for value in level] for factor in (1.0, 2.0, -3.0)]
    assert groups.effective_count(together, 8) == pytest.approx(1.0)
    apart = [[chance.gauss(0.0, 1.0) for _run in range(400)] for _figure in range(4)]
    assert groups.effective_count(apart, 398) == pytest.approx(4.0, abs=0.1)
    assert groups.effective_count([*together, [0.0] * 10], 8) > 2.0


def test_too_few_runs_count_every_figure() -> None:
    assert groups.effective_count([[1.0, -1.0, 0.0]] * 3, 1) == 3.0
