# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.plugin_utils.views.stack_view import MOST_LINES, UP, StackView
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.task_view import CLEAR, Shown
from hypothesis import given
from hypothesis import strategies as st


def event(status: str, reason: str = "", resource: str = "Table", **more: Any) -> dict[str, Any]:
    kind = "AWS::CloudFormation::Stack" if resource == "shop" else "AWS::DynamoDB::Table"
    seconds = None if status.endswith("PROGRESS") else 12.4
    record = {"kind": "event", "stack": "shop", "resource": resource, "type": kind, "status": status, "reason": reason}
    return record | {"elapsed_s": 75.0, "seconds": seconds} | more


def progress(elapsed_s: float = 75.0, status: str = "UPDATE_IN_PROGRESS", **more: Any) -> dict[str, Any]:
    record = {"kind": "progress", "stack": "shop", "status": status, "elapsed_s": elapsed_s, "done": 2, "total": 5}
    return record | {"in_work": {"A": 62.0, "B": 9.0, "C": 3.0, "D": 1.0}} | more


def view(refreshes: bool = False, columns: int = 200) -> StackView:
    return StackView(columns=columns, refreshes=refreshes)


def test_finished_resource_is_shown_with_its_time() -> None:
    """A resource that is done is always shown, and its start with -v."""
    assert view().take_all([event("CREATE_IN_PROGRESS"), event("CREATE_COMPLETE")]) == [
        Shown("  1:15 Table (AWS::DynamoDB::Table) CREATE_IN_PROGRESS", verbosity=1),
        Shown("  1:15 Table (AWS::DynamoDB::Table) CREATE_COMPLETE in 12 s"),
    ]


def test_failure_is_shown_with_its_reason() -> None:
    """A failure is always shown, and its consequences with -v."""
    shown = view().take_all(
        [event("CREATE_FAILED", "name taken"), event("CREATE_FAILED", "Resource creation cancelled")]
    )
    assert shown[0].text.endswith("CREATE_FAILED in 12 s: name taken") and shown[0].verbosity == 0
    assert shown[1].verbosity == 1


def test_the_record_of_a_validation_is_always_shown() -> None:
    """Until the domain is delegated, the deploy waits for ACM to find it."""
    reason = "Content of DNS Record is: {Name: _1a.shop.example.com.,Type: CNAME,Value: _2b.acm-validations.aws.}"
    kind = "AWS::CertificateManager::Certificate"
    requested, validated = event("CREATE_IN_PROGRESS", type=kind), event("CREATE_IN_PROGRESS", reason, type=kind)
    shown = view().take_all([requested, validated])
    assert [line.verbosity for line in shown] == [1, 0]
    assert shown[1].text.endswith(f"CREATE_IN_PROGRESS: {reason}")


def test_the_stack_s_event_has_the_reason_of_a_rollback() -> None:
    (line,) = view().take_all([event("ROLLBACK_IN_PROGRESS", "The following resource(s) failed", resource="shop")])
    assert line.text.endswith("ROLLBACK_IN_PROGRESS: The following resource(s) failed") and line.verbosity == 0


def test_a_log_rarely_gets_a_line_of_progress() -> None:
    shown = [view_line for second in range(0, 100, 5) for view_line in PLAIN.take_all([progress(float(second))])]
    assert [line.text for line in shown] == [
        f"  {clock} shop UPDATE_IN_PROGRESS, 2 of 5 done, in work: A 1:02, B 0:09, C 0:03 and 1 more"
        for clock in ("0:30", "1:00", "1:30")
    ]


PLAIN = view()


def test_terminal_redraws_one_line_and_clears_it() -> None:
    screen = view(refreshes=True, columns=40)
    (drawn,) = screen.take_all([progress()])
    assert not drawn.newline and len(drawn.text) - len(CLEAR) == 39
    assert screen.take_all([progress()]) == []
    lines = screen.take_all([event("CREATE_COMPLETE")])
    assert [line.newline for line in lines] == [False, True, False]
    assert screen.end() == [Shown(CLEAR, newline=False)]
    assert screen.end() == []


def test_no_line_of_progress_remains_at_the_end() -> None:
    screen = view(refreshes=True)
    screen.take_all([progress()])
    assert screen.take_all([event("UPDATE_COMPLETE", resource="shop"), progress(status="UPDATE_COMPLETE")])[-1].newline


def test_a_terminal_shows_a_line_for_each_active_stack() -> None:
    screen = StackView(columns=200, refreshes=True, names_stacks=True)
    (drawn,) = screen.take_all([progress(stack="network"), progress(stack="table")])
    assert [line.split()[1] for line in drawn.text.removeprefix(CLEAR).split("\n")] == ["network", "table"]
    shown = screen.take_all([event("CREATE_COMPLETE", stack="network"), progress(stack="network", status="X_COMPLETE")])
    assert [line.newline for line in shown] == [False, True, False]
    assert shown[0].text == CLEAR + UP
    assert shown[1].text == "  1:15 network Table (AWS::DynamoDB::Table) CREATE_COMPLETE in 12 s"
    assert shown[2].text.startswith(CLEAR + "  1:15 table UPDATE_IN_PROGRESS")
    assert screen.end() == [Shown(CLEAR, newline=False)]


def test_the_block_is_no_taller_than_its_limit() -> None:
    screen = view(refreshes=True)
    (drawn,) = screen.take_all([progress(stack=f"stack-{number}") for number in range(MOST_LINES + 3)])
    lines = drawn.text.split("\n")
    assert (len(lines), lines[-1]) == (MOST_LINES, "  and 4 more stacks")


def test_a_log_rarely_gets_lines_for_each_stack() -> None:
    plain = view()
    shown = [
        line.text.split()[1]
        for second in (29.0, 31.0, 40.0, 62.0)
        for line in plain.take_all([progress(second, stack="network"), progress(second, stack="table")])
    ]
    assert shown == ["network", "table"] * 2


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
            assert line.text.replace(CLEAR, "").replace(UP, "").isprintable()
