# SPDX-License-Identifier: Apache-2.0
"""What a task decides before the start."""

import pytest
from ddbload.control.decisions import RUNNING_POLL_S, Step, before_start, free_index, poll_s
from ddbload.control.items import RunItem
from hypothesis import given
from hypothesis import strategies as st

WAITING = RunItem("waiting", count=3, ready=frozenset({0, 1}), ready_by_ms=10_000)
GOING = WAITING._replace(state="go", go_at_ms=20_000)


def decide(run: RunItem, now_ms: int) -> Step:
    return before_start(run, now_ms, 10.0)


def test_tasks_wait_for_each_other() -> None:
    assert decide(WAITING, 9_999) == Step("wait")


def test_the_last_ready_task_sets_the_start_in_three_seconds() -> None:
    assert decide(WAITING._replace(ready=frozenset({0, 1, 2})), 500) == Step("go", 3500)


def test_start_all_gives_up_when_a_task_is_missing() -> None:
    assert decide(WAITING, 10_000) == Step("give_up", text="2 of 3 tasks came within 10 s")


def test_start_any_goes_with_the_tasks_that_came() -> None:
    assert decide(WAITING._replace(start="any"), 10_000) == Step("go", 13_000)


def test_start_any_waits_until_the_time_is_over() -> None:
    assert decide(WAITING._replace(start="any"), 9_999) == Step("wait")


@pytest.mark.parametrize(
    ("now_ms", "step"),
    [
        (19_999, Step("start", 20_000)),
        (20_000, Step("start", 20_000)),
        (21_300, Step("late", 20_000, "came 1.3 s late")),
        (34_000, Step("late", 20_000, "came 14 s late")),
    ],
)
def test_a_task_starts_at_the_instant_or_not_at_all(now_ms: int, step: Step) -> None:
    assert decide(GOING, now_ms) == step


def test_a_stop_says_who_and_why() -> None:
    run = GOING._replace(state="stop", reason="Ctrl-C", stopped_by="launcher")
    assert decide(run, 0) == Step("stopped", text="launcher (Ctrl-C)")


@given(st.frozensets(st.integers(0, 9)), st.integers(1, 10))
def test_a_free_index_is_the_lowest_that_nobody_has(taken: frozenset[int], count: int) -> None:
    index = free_index(taken, count)
    if index is None:
        assert taken >= set(range(count))
    else:
        assert index not in taken and index < count and taken >= set(range(index))


@given(st.floats(0, 1))
def test_a_stop_is_heard_within_two_seconds(chance: float) -> None:
    assert 1.2 < poll_s(RUNNING_POLL_S, chance) < 2.0
