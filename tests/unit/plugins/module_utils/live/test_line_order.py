# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.live.line_order import LineOrder, Numbered, numbered
from hypothesis import given
from hypothesis import strategies as st


def a(number: int) -> Numbered:
    return Numbered("0", number)


def take(order: LineOrder, *numbers: int, now: float = 0.0) -> list[Any]:
    return [line for number in numbers for line in order.take(number, a(number), now)]


@pytest.mark.parametrize("event", [None, {}, *({"event": "run.progress", "line": one} for one in (0, True, "1", 1.0))])
def test_a_line_without_a_number_has_none(event: dict[str, Any] | None) -> None:
    assert numbered(event) is None


def test_only_events_of_the_load_tester_have_numbers() -> None:
    """Other loggers write the line of their source code."""
    assert numbered({"event": "run.progress", "worker": 2, "line": 7}) == Numbered("2", 7)
    assert numbered({"event": "request", "line": 42}) is None
    assert numbered({"msg": "started", "line": 42}) is None


def test_lines_behind_a_gap_wait_for_the_missing_one() -> None:
    order = LineOrder()
    assert take(order, 1, 3, 4, now=7.0) == [1]
    assert (order.gap_since, order.whole) == (7.0, False)
    assert take(order, 2, now=9.0) == [2, 3, 4]
    assert (order.gap_since, order.whole) == (None, True)


def test_a_missing_first_line_is_a_gap() -> None:
    order = LineOrder()
    assert take(order, 2) == []
    assert take(order, 1) == [1, 2]


def test_lines_without_a_gap_come_out_in_order() -> None:
    order = LineOrder()
    take(order, 1, 5, 3)
    assert order.rest() == [3, 5]
    assert take(order, 6) == [6] and order.whole


def test_writers_have_separate_numbers_and_may_restart() -> None:
    order = LineOrder()
    assert take(order, 1, 2) == [1, 2]
    assert order.take("other", Numbered("1", 1), 0.0) == ["other"]
    assert take(order, 1, 2, 3) == [1, 2, 3]
    assert order.whole


def test_a_log_without_numbers_is_never_complete() -> None:
    order = LineOrder()
    assert order.take("text", None, 0.0) == ["text"]
    assert not order.whole


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11)))
def test_no_line_is_lost_and_numbers_rise(numbers: list[int], again: list[int]) -> None:
    """Every line comes out as often as it went in; without repetitions in the order of the numbers."""
    order = LineOrder()
    out = take(order, *numbers, *again) + order.rest()
    assert sorted(out) == sorted([*numbers, *again])
    assert out[:11] == list(range(1, 12))
