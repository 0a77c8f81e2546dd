# SPDX-License-Identifier: Apache-2.0
"""Duplicates: their number, their positions, and the rest for new keys."""

import math
from fractions import Fraction

import pytest
from ddbload.pacing.duplicates import Duplicates
from hypothesis import assume, given
from hypothesis import strategies as st

totals = st.integers(1, 2000)
percentages = st.integers(0, 100)


@given(totals, percentages)
def test_duplicates_have_the_exact_share_and_never_come_first(total: int, percentage: int) -> None:
    """The share of duplicates is exact, and the first operation is never one."""
    wanted = math.ceil(Fraction(total * percentage, 100))
    assume(wanted < total)
    duplicates = Duplicates(total, percentage)
    reported = [duplicates.is_duplicate(put) for put in range(total)]
    assert sum(reported) == duplicates.count == wanted
    assert not reported[0]


@given(totals, percentages)
def test_the_originals_are_counted_as_they_come(total: int, percentage: int) -> None:
    assume(math.ceil(Fraction(total * percentage, 100)) < total)
    duplicates = Duplicates(total, percentage)
    originals = 0
    for put in range(total):
        assert duplicates.originals_before(put) == originals
        originals += not duplicates.is_duplicate(put)
    assert duplicates.originals_before(total) == originals


@given(totals, percentages, st.integers(1, 2000))
def test_they_are_spread_evenly(total: int, percentage: int, length: int) -> None:
    assume(math.ceil(Fraction(total * percentage, 100)) < total)
    duplicates = Duplicates(total, percentage)
    length = min(length, total)
    windows = [
        length - duplicates.originals_before(start + length) + duplicates.originals_before(start)
        for start in range(total - length + 1)
    ]
    assert max(windows) - min(windows) <= 1


def test_a_trillion_puts_are_counted_exactly() -> None:
    duplicates = Duplicates(10**12 + 1, 10)
    assert duplicates.count == 10**11 + 1
    assert duplicates.originals_before(10**12 + 1) == 9 * 10**11


def test_a_percentage_may_be_a_fraction() -> None:
    assert Duplicates(1000, 0.1).count == 1
    assert Duplicates(1000, "2.55").count == 26


def test_no_puts_have_no_duplicates() -> None:
    assert Duplicates(0, 50).originals_before(0) == 0


@pytest.mark.parametrize(
    ("total", "percentage", "message"),
    [
        (10, 100, "no put that writes a key first"),
        (1, 1, "no put"),
        (-1, 5, "-1 puts"),
        (9, 101, "101 %"),
        (9, -1, "-1 %"),
    ],
)
def test_invalid_values_are_refused(total: int, percentage: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Duplicates(total, percentage)
