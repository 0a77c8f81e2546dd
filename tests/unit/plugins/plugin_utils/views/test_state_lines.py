# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.plugin_utils.views.task_view import StateLines
from hypothesis import given
from hypothesis import strategies as st

STATES = ["PENDING", "RUNNING", "STOPPED"]


def test_every_state_of_one_task_has_its_instant() -> None:
    states = StateLines()
    states.take("a", "PENDING", 3.2)
    states.take("a", "RUNNING", 8.14)
    states.set_counts({"RUNNING": 1})
    assert states.lines(9.0) == ["PENDING after 3.2 s", "RUNNING after 8.1 s"]
    assert states.lines(10.0) == []


def test_the_first_and_last_of_many_tasks_are_shown() -> None:
    states = StateLines()
    states.set_counts({"PENDING": 25})
    assert states.lines(1.0) == ["25 of 25 PENDING after 1.0 s"]
    for number in range(3):
        states.take(f"task{number}", "RUNNING", 7.0)
    states.set_counts({"PENDING": 22, "RUNNING": 3})
    assert states.lines(8.1) == ["3 of 25 RUNNING after 8.1 s"]
    states.set_counts({"PENDING": 2, "RUNNING": 23})
    assert states.lines(9.0) == []
    states.set_counts({"RUNNING": 25})
    assert states.lines(10.0) == ["25 of 25 RUNNING after 10.0 s"]
    assert states.lines(11.0) == []


def test_tasks_that_ran_and_ended_count_as_having_run() -> None:
    states = StateLines()
    states.set_counts({"PENDING": 2})
    states.lines(0.0)
    states.take("a", "RUNNING", 1.0)
    assert states.lines(1.0) == ["1 of 2 RUNNING after 1.0 s"]
    states.take("a", "STOPPED", 2.0)
    states.take("b", "RUNNING", 2.0)
    assert states.lines(2.0) == ["1 of 2 STOPPED after 2.0 s", "2 of 2 RUNNING after 2.0 s"]


def test_the_end_comes_after_earlier_lines() -> None:
    states = StateLines()
    states.take("a", "RUNNING", 1.0)
    states.take("a", "STOPPED", 2.0)
    assert states.lines(2.0, before_lines=True) == ["RUNNING after 1.0 s"]
    assert states.lines(2.5) == ["STOPPED after 2.0 s"]


def test_count_of_all_tasks_overrides_single_reports() -> None:
    """A count of all tasks overrides the reports of single ones."""
    states = StateLines()
    states.set_counts({"PROVISIONING": 3})
    states.take("a", "RUNNING", 1.0)
    assert states.counts == {"PROVISIONING": 3} and states.total == 3


def test_replacement_of_a_task_does_not_raise_the_count() -> None:
    """A task that replaces one that did not start does not raise the count."""
    states = StateLines()
    for task_id in ("gone", "a"):
        states.take(task_id, "PENDING", 1.0)
    states.set_counts({"PENDING": 1})
    assert states.lines(1.0) == ["PENDING after 1.0 s"]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(STATES), st.booleans())))
def test_state_is_reported_at_most_twice_and_within_the_count(
    changes: list[tuple[int, str, bool]],
) -> None:
    """No state is reported more than twice, nor for more tasks than exist."""
    states = StateLines()
    states.set_counts({"PENDING": 5})
    now = dict.fromkeys(range(5), "PENDING")
    shown = []
    for second, (number, state, is_tick) in enumerate(changes):
        now[number] = state
        states.take(str(number), state, float(second))
        if is_tick:
            states.set_counts({each: list(now.values()).count(each) for each in STATES})
            shown += states.lines(float(second))
    shown += states.lines(len(changes))
    assert {state for number, state, is_tick in changes} | {"PENDING"} == {text.split()[3] for text in shown}
    assert all(sum(text.split()[3] == state for text in shown) <= 2 for state in STATES)
    assert all(1 <= int(text.split()[0]) <= int(text.split()[2]) == 5 for text in shown)
