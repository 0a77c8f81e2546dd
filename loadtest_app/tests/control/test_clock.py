# SPDX-License-Identifier: Apache-2.0
"""Clocks: what Date headers bound, and instants between clocks."""

import time
from email.utils import formatdate

import pytest
from ddbload.control.clock import Clock, instant_text, now_ms, performance_ns, read_instant
from hypothesis import given
from hypothesis import strategies as st

EPOCH_MS = 1_800_000_000_000


def date(server_ms: float) -> str:
    return formatdate(server_ms // 1000, usegmt=True)


@given(
    st.integers(-5000, 5000),
    st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 300), st.integers(0, 300)), min_size=1, max_size=8),
)
def test_the_true_offset_is_never_excluded(offset_ms: int, requests: list[tuple[int, int, int]]) -> None:
    """A clock that is within a second is used, and one found to be apart is apart by at least as much."""
    clock = Clock()
    for at_ms, there_ms, back_ms in requests:
        sent_ms = EPOCH_MS + at_ms
        clock.observe(date(sent_ms + there_ms + offset_ms), sent_ms, sent_ms + there_ms + back_ms)
    assert clock.apart_ms <= abs(offset_ms)
    assert clock.is_usable or abs(offset_ms) > 1000
    assert clock.offset_ms is not None and abs(clock.offset_ms) <= abs(offset_ms) and clock.offset_ms * offset_ms >= 0


@pytest.mark.parametrize("offset_ms", [-60_000, -2001, 2001, 60_000])
def test_a_clock_two_seconds_off_is_refused_by_one_response(offset_ms: int) -> None:
    clock = Clock()
    clock.observe(date(EPOCH_MS + 400 + offset_ms), EPOCH_MS + 400, EPOCH_MS + 400)
    assert not clock.is_usable


def test_more_responses_narrow_the_offset_down() -> None:
    clock = Clock()
    for at_ms in range(0, 2000, 50):
        clock.observe(date(EPOCH_MS + at_ms + 300), EPOCH_MS + at_ms, EPOCH_MS + at_ms)
    assert clock.offset_ms == pytest.approx(300, abs=51)


def test_a_date_that_a_server_reuses_refuses_no_clock() -> None:
    """A server may compute its Date once a second, and so send one that is a second old."""
    clock = Clock()
    for at_ms in (990, 1990, 2500):
        clock.observe(date(EPOCH_MS + at_ms - 990), EPOCH_MS + at_ms, EPOCH_MS + at_ms)
    assert clock.is_usable


@pytest.mark.parametrize("text", ["", "yesterday", "Sat, 99 Nov 2026 11:27:14 GMT"])
def test_a_date_that_is_none_says_nothing(text: str) -> None:
    clock = Clock()
    clock.observe(text, EPOCH_MS, EPOCH_MS)
    assert (clock.offset_ms, clock.apart_ms, clock.is_usable) == (None, 0.0, True)


def test_instants_survive_the_way_between_the_clocks() -> None:
    at_ms = now_ms() + 3000
    start_ns = performance_ns(at_ms)
    assert (start_ns - time.perf_counter_ns()) / 1e9 == pytest.approx(3.0, abs=0.5)
    assert abs(read_instant(instant_text(start_ns)) - at_ms) <= 5


@pytest.mark.parametrize("text", ["2026-01-31T12:00:00Z", "2026-01-31T13:00:00+01:00", "2026-01-31T12:00:00.000Z"])
def test_an_instant_may_be_written_with_any_offset(text: str) -> None:
    assert read_instant(text) == 1_769_860_800_000


@pytest.mark.parametrize("text", ["", "soon", "2026-01-31T12:00:00", "12:00"])
def test_an_instant_without_an_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_instant(text)
