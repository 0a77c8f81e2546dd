# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.plugin_utils.state_lines import StateLines
from hypothesis import given
from hypothesis import strategies as st

STATES = ["PENDING", "RUNNING", "STOPPED"]


def test_every_state_of_one_task_is_told_with_its_own_instant() -> None:
    states = StateLines()
    states.take("a", "PENDING", 3.2)
    states.take("a", "RUNNING", 8.14)
    states.set_counts({"RUNNING": 1})
    assert states.lines(9.0) == ["PENDING after 3.2 s", "RUNNING after 8.1 s"]
    assert states.lines(10.0) == []


def test_of_many_tasks_the_first_and_the_last_to_run_are_told() -> None:
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


def test_the_end_waits_for_the_lines_that_came_before_it() -> None:
    states = StateLines()
    states.take("a", "RUNNING", 1.0)
    states.take("a", "STOPPED", 2.0)
    assert states.lines(2.0, before_lines=True) == ["RUNNING after 1.0 s"]
    assert states.lines(2.5) == ["STOPPED after 2.0 s"]


def test_who_knows_all_tasks_is_believed_over_those_that_were_heard_of() -> None:
    states = StateLines()
    states.set_counts({"PROVISIONING": 3})
    states.take("a", "RUNNING", 1.0)
    assert states.counts == {"PROVISIONING": 3} and states.total == 3


def test_a_task_in_place_of_one_that_did_not_start_makes_no_more_of_them() -> None:
    states = StateLines()
    for task_id in ("gone", "a"):
        states.take(task_id, "PENDING", 1.0)
    states.set_counts({"PENDING": 1})
    assert states.lines(1.0) == ["PENDING after 1.0 s"]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(STATES), st.booleans())))
def test_no_state_is_told_more_than_twice_nor_of_more_tasks_than_there_are(
    changes: list[tuple[int, str, bool]],
) -> None:
    states = StateLines()
    states.set_counts({"PENDING": 5})
    now = dict.fromkeys(range(5), "PENDING")
    told = []
    for second, (number, state, is_tick) in enumerate(changes):
        now[number] = state
        states.take(str(number), state, float(second))
        if is_tick:
            states.set_counts({each: list(now.values()).count(each) for each in STATES})
            told += states.lines(float(second))
    told += states.lines(len(changes))
    assert {state for number, state, is_tick in changes} | {"PENDING"} == {text.split()[3] for text in told}
    assert all(sum(text.split()[3] == state for text in told) <= 2 for state in STATES)
    assert all(1 <= int(text.split()[0]) <= int(text.split()[2]) == 5 for text in told)
