# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.plugin_utils.stack_view import StackView
from ansible_collections.gantry.ecs.plugins.plugin_utils.task_view import CLEAR, Shown
from hypothesis import given
from hypothesis import strategies as st


def event(status: str, reason: str = "", resource: str = "Table", **more: Any) -> dict[str, Any]:
    kind = "AWS::CloudFormation::Stack" if resource == "shop" else "AWS::DynamoDB::Table"
    seconds = None if status.endswith("PROGRESS") else 12.4
    told = {"kind": "event", "stack": "shop", "resource": resource, "type": kind, "status": status, "reason": reason}
    return told | {"elapsed_s": 75.0, "seconds": seconds} | more


def progress(elapsed_s: float = 75.0, status: str = "UPDATE_IN_PROGRESS", **more: Any) -> dict[str, Any]:
    told = {"kind": "progress", "stack": "shop", "status": status, "elapsed_s": elapsed_s, "done": 2, "total": 5}
    return told | {"in_work": {"A": 62.0, "B": 9.0, "C": 3.0, "D": 1.0}} | more


def view(refreshes: bool = False, columns: int = 200) -> StackView:
    return StackView(columns=columns, refreshes=refreshes)


def test_what_is_done_is_shown_with_its_time_and_what_begins_to_who_looks_closer() -> None:
    assert view().take_all([event("CREATE_IN_PROGRESS"), event("CREATE_COMPLETE")]) == [
        Shown("  1:15 Table (AWS::DynamoDB::Table) CREATE_IN_PROGRESS", verbosity=1),
        Shown("  1:15 Table (AWS::DynamoDB::Table) CREATE_COMPLETE in 12 s"),
    ]


def test_a_failure_is_shown_with_its_reason_and_its_consequences_to_who_looks_closer() -> None:
    shown = view().take_all(
        [event("CREATE_FAILED", "name taken"), event("CREATE_FAILED", "Resource creation cancelled")]
    )
    assert shown[0].text.endswith("CREATE_FAILED in 12 s: name taken") and shown[0].verbosity == 0
    assert shown[1].verbosity == 1


def test_the_stack_itself_says_why_it_rolls_back() -> None:
    (line,) = view().take_all([event("ROLLBACK_IN_PROGRESS", "The following resource(s) failed", resource="shop")])
    assert line.text.endswith("ROLLBACK_IN_PROGRESS: The following resource(s) failed") and line.verbosity == 0


def test_a_log_gets_a_line_of_progress_seldom() -> None:
    told = [view_line for second in range(0, 100, 5) for view_line in PLAIN.take_all([progress(float(second))])]
    assert [line.text for line in told] == [
        f"  {clock} shop UPDATE_IN_PROGRESS, 2 of 5 done, in work: A 1:02, B 0:09, C 0:03 and 1 more"
        for clock in ("0:30", "1:00", "1:30")
    ]


PLAIN = view()


def test_a_terminal_draws_one_line_over_and_clears_it_at_the_end() -> None:
    screen = view(refreshes=True, columns=40)
    (drawn,) = screen.take_all([progress()])
    assert not drawn.newline and len(drawn.text) - len(CLEAR) == 39
    assert screen.take_all([progress()]) == []
    lines = screen.take_all([event("CREATE_COMPLETE")])
    assert [line.newline for line in lines] == [False, True, False]
    assert screen.end() == [Shown(CLEAR, newline=False)]
    assert screen.end() == []


def test_at_rest_no_line_of_progress_stays() -> None:
    screen = view(refreshes=True)
    screen.take_all([progress()])
    assert screen.take_all([event("UPDATE_COMPLETE", resource="shop"), progress(status="UPDATE_COMPLETE")])[-1].newline


ANYTHING = st.none() | st.text() | st.floats() | st.dictionaries(st.text(), st.floats(), max_size=5)


@given(
    st.lists(st.dictionaries(st.sampled_from([*event(""), *progress()]), ANYTHING)),
    st.sampled_from(["event", "progress", "note"]),
    st.booleans(),
)
def test_no_record_moves_the_cursor(records: list[dict[str, Any]], kind: str, refreshes: bool) -> None:
    screen = view(refreshes=refreshes)
    for record in records:
        for line in [*screen.take_all([record | {"kind": kind}]), *screen.end()]:
            assert line.text.replace(CLEAR, "").isprintable()
