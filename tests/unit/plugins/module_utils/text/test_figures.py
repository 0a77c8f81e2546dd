# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import (
    clock_text,
    count_text,
    exact_count_text,
    milliseconds_text,
    number_of,
    total_of,
)
from hypothesis import given
from hypothesis import strategies as st

NO_FIGURES = st.none() | st.booleans() | st.text() | st.just(float("nan")) | st.just(10**400) | st.lists(st.integers())
UNITS = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.2, "0"),
        (9999.4, "9999"),
        (9999.5, "10.0k"),
        (99_949, "99.9k"),
        (99_950, "100k"),
        (999_500, "1.00M"),
        (1.5e6, "1.50M"),
        (9.99e14, "999T"),
        (1e300, ">999T"),
        (-12_345, "-12.3k"),
    ],
)
def test_counts_have_few_characters(value: float, text: str) -> None:
    assert count_text(value) == text


@given(st.floats(min_value=0, max_value=9.99e14))
def test_count_fits_its_column_within_half_a_percent(value: float) -> None:
    """A count is at most half a percent off, and never wider than its column."""
    text = count_text(value)
    shown = float(text.rstrip("kMGT")) * UNITS.get(text[-1], 1)
    assert len(text) <= 5
    assert abs(shown - value) <= max(0.5, value * 0.005)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (59.99, "0:59"), (60, "1:00"), (3723.2, "1:02:03"), (1e9, ">999 h"), (-1, "-")],
)
def test_seconds_are_shown_as_a_clock(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(8.308, "8.31 ms"), (9.996, "10.0 ms"), (99.96, "100 ms"), (999.6, "1.00 s"), (1e8, ">9999 s"), (-1, "-")],
)
def test_latencies_have_three_digits_and_their_unit(milliseconds: float, text: str) -> None:
    assert milliseconds_text(milliseconds) == text


@given(st.floats(min_value=0) | st.integers(min_value=0))
def test_no_latency_is_wider_than_its_column(milliseconds: float) -> None:
    assert len(milliseconds_text(milliseconds)) <= 7


def test_exact_counts_have_all_digits_while_there_is_room() -> None:
    assert [exact_count_text(value) for value in (150_000, 3.0, 1e300, None)] == ["150,000", "3", ">999T", "-"]


@given(NO_FIGURES)
def test_other_values_are_no_figure(value: object) -> None:
    assert number_of(value) is None
    assert {count_text(value), exact_count_text(value), clock_text(value), milliseconds_text(value)} == {"-"}


def test_counts_by_reason_are_added_up() -> None:
    assert total_of({"table_write": 7, "index": 1, "odd": "x"}) == 8
    assert total_of({"a": 1e308, "b": 1e308}) is None
    assert total_of(5) == 5
