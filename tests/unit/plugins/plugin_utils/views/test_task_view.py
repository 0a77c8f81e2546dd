# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.task_view import LiveView
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.terminal import CLEAR, INDENT, Shown
from hypothesis import given
from hypothesis import strategies as st

TASK, OTHER = "0cc175b9c0f1b6a8", "92eb5ffee6ae2fec"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def status(state: str, elapsed_s: float = 0.0, task_id: str = TASK, **timings: float) -> dict[str, Any]:
    return {"kind": "status", "task_id": task_id, "status": state, "elapsed_s": elapsed_s, "timings": timings}


def tick(elapsed_s: float, **states: int) -> dict[str, Any]:
    return {"kind": "tick", "elapsed_s": elapsed_s, "states": states or {"RUNNING": 1}}


def log(message: str, task_id: str = TASK) -> dict[str, Any]:
    return {"kind": "log", "task_id": task_id, "timestamp": 0, "message": message}


def note(text: str) -> dict[str, Any]:
    return {"kind": "note", "text": text}


def event(name: str, task_id: str = TASK, **fields: Any) -> dict[str, Any]:
    return log(json.dumps({"event": f"run.{name}", **fields}), task_id)


def progress(elapsed_s: float, sent: int = 5, **more: Any) -> dict[str, Any]:
    return event("progress", elapsed_s=elapsed_s, planned_duration_s=300, total={"sent": sent}, **more)


def plain_lines(*records: dict[str, Any], show: str = "progress", verbosity: int = 0) -> list[str]:
    """Return the displayed lines where no line is redrawn."""
    view = LiveView(columns=80, refreshes=False, show=show)
    shown = [one for record in records for one in view.take(record)] + view.end()
    assert all(one.newline for one in shown)
    return [one.text.removeprefix(INDENT) for one in shown if one.verbosity <= verbosity]


class Terminal:
    """A terminal with the needed features: lines, the cursor at a line's end, wrapping, and erasing a line."""

    def __init__(self, columns: int, verbosity: int = 0) -> None:
        self.columns, self.verbosity, self.lines, self.redraws = columns, verbosity, [""], 0

    def show(self, shown: Iterable[Shown]) -> None:
        for one in shown:
            if one.verbosity > self.verbosity:
                continue
            text = one.text
            if text.startswith(CLEAR):
                self.redraws += 1
                self.lines[-1], text = "", text.removeprefix(CLEAR)
            assert text.isprintable()
            for character in text:
                if len(self.lines[-1]) == self.columns:
                    self.lines.append("")
                self.lines[-1] += character
            if one.newline:
                self.lines.append("")


def test_of_many_ends_the_first_are_shown_the_others_counted() -> None:
    """Ten lines show how tasks ended in one way, and one line at the end counts the others."""
    ends = [("passed", "run.summary")] * 500 + [("failed", "run.summary")] * 12 + [("x", "run.failed")] * 3
    records = [
        log(json.dumps({"event": name, "verdict": verdict, "exit_code": 0}), f"task{number:04}")
        for number, (verdict, name) in enumerate(ends)
    ]
    lines = plain_lines(tick(1.0, RUNNING=523), *records)
    assert len([line for line in lines if "run.summary: passed" in line]) == 10
    assert len([line for line in lines if "run.summary: failed" in line]) == 10
    assert "490 more passed, 5 more failed" in lines


def test_both_last_events_of_a_failed_task_count_as_one_end() -> None:
    """The tasks after the tenth are counted once each, and both events of the first ten are shown."""
    texts = [json.dumps({"event": name, "verdict": "failed", "exit_code": 1}) for name in ("run.summary", "run.failed")]
    records = [log(text, f"task{number:04}") for number in range(12) for text in texts]
    lines = plain_lines(tick(1.0, RUNNING=12), *records)
    assert len([line for line in lines if "run.summary: failed" in line]) == 10
    assert "2 more failed" in lines


def test_the_states_count_the_tasks_that_are_not_launched() -> None:
    records = [status("RUNNING", 3.0), tick(3.1, RUNNING=1) | {"wanted": 20}]
    assert plain_lines(*records) == ["1 of 20 RUNNING after 3.1 s"]


def test_the_states_of_a_task_are_shown_as_they_come() -> None:
    records = [status("PENDING", 3.2), tick(4.0, PENDING=1), status("RUNNING", 8.1), tick(9.0), status("STOPPED", 12.0)]
    assert plain_lines(*records) == ["PENDING after 3.2 s", "RUNNING after 8.1 s", "STOPPED after 12.0 s"]


def test_a_state_of_many_tasks_is_shown_once_for_all() -> None:
    many = [status("RUNNING", 7.0 + number / 10, f"task{number}") for number in range(3)]
    records = [tick(1.0, PENDING=25), *many, tick(8.1, PENDING=22, RUNNING=3)]
    assert plain_lines(*records) == ["25 of 25 PENDING after 1.0 s", "3 of 25 RUNNING after 8.1 s"]


def test_verbosity_shows_the_states_of_each_task() -> None:
    record = status("RUNNING", 31.2, provisioning=12.0, pull_s=9.8, start=1.1)
    lines = plain_lines(record, verbosity=1)
    assert lines[0] == "task 0cc175b9 RUNNING after 31.2 s (provisioning 12.0 s, pull 9.8 s, start 1.1 s)"
    assert plain_lines(status("PENDING", 3.0), show="none", verbosity=1) == ["task 0cc175b9 PENDING after 3.0 s"]


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        ("Traceback (most recent call last):", ["Traceback (most recent call last):"]),
        ("a\n\n  b\n", ["a", "  b"]),
        ("\x1b[31mred\x1b[0m\x1b[2J", ["red"]),
        ("[1, 2]", ["[1, 2]"]),
        ('{"event": "user.login"}', ['{"event": "user.login"}']),
        ('{"event": "run.failed", "level": "error", "message": "no"}', ["run.failed [error]: no"]),
        ('{"event": "run.checkpoint", "plan": {}}', []),
    ],
)
def test_what_is_shown_of_a_log_line(message: str, lines: list[str]) -> None:
    for show in ("progress", "all"):
        assert plain_lines(log(message), show=show) == lines
    assert plain_lines(log(message), show="none") == []


def test_metrics_are_hidden_and_another_programs_log_is_shown() -> None:
    """The load tester's metrics are not shown, and another program's log is."""
    metrics = '{"_aws":{}}'
    assert plain_lines(log(metrics)) == [metrics]
    assert plain_lines(event("failed", message="no"), log(metrics)) == ["run.failed: no"]
    assert plain_lines(event("failed", message="no"), log(metrics, "other")) == ["run.failed: no", metrics]
    assert plain_lines(event("failed", message="no"), log(metrics), show="all") == ["run.failed: no", metrics]


def test_with_several_tasks_a_line_names_its_task() -> None:
    lines = plain_lines(tick(1.0, RUNNING=2), log("hello"), log("there", OTHER))
    assert lines[1:] == ["[0cc175b9] hello", "[92eb5ffe] there"]


def test_a_message_of_all_workers_is_shown_once() -> None:
    said = [event("phase", task_id, phase="cleanup", worker=worker) for task_id in (TASK, OTHER) for worker in (0, 1)]
    assert plain_lines(tick(1.0, RUNNING=2), *said)[1:] == ["run.phase: cleanup"]


def test_lines_of_a_task_are_between_its_start_and_end() -> None:
    records = [status("RUNNING", 1.0), status("STOPPED", 2.0), log("hello"), tick(2.5, STOPPED=1)]
    assert plain_lines(*records) == ["RUNNING after 1.0 s", "hello", "STOPPED after 2.0 s"]


@pytest.mark.parametrize("show", ["progress", "all", "none"])
def test_notes_are_always_shown_whole(show: str) -> None:
    assert plain_lines(note("long " * 200 + "end"), show=show) == ["long " * 200 + "end"]


def test_progress_line_is_kept_every_two_seconds_and_at_the_end() -> None:
    """A line of progress is kept every two seconds, and the last one always."""
    records = [record for second in range(1, 9) for record in (progress(second), tick(second + 10.0))]
    lines = [line for line in plain_lines(*records) if "sent" in line]
    assert [line.split("/")[0] for line in lines] == ["0:01", "0:03", "0:05", "0:07", "0:08"]


def test_unchanged_progress_is_not_shown_again() -> None:
    lines = plain_lines(progress(1), *(tick(float(second)) for second in range(10)))
    assert sum("sent" in line for line in lines) == 1


def test_no_progress_where_nothing_is_to_be_shown() -> None:
    assert plain_lines(progress(1), tick(1.0), show="none") == []


def test_tasks_of_other_programs_have_no_progress_line() -> None:
    assert plain_lines(tick(1.0), log("hello"), tick(5.0), tick(9.0)) == ["RUNNING after 1.0 s", "hello"]


def test_a_terminal_shows_one_line_that_is_redrawn() -> None:
    view, terminal = LiveView(columns=100, refreshes=True), Terminal(100)
    for record in (status("PENDING", 1.0), tick(2.0, PENDING=1), status("RUNNING", 3.0), tick(3.0)):
        terminal.show(view.take(record))
    assert terminal.lines == ["  RUNNING  0:03"]
    for second in (4, 5, 6):
        terminal.show(view.take_all([progress(second), tick(float(second))]))
    assert terminal.lines == [
        "  0:06/5:00  left 4:54  sent     5      -/s  p99       -  ok     -  throttled -  failed -"
    ]


def test_lines_come_above_the_redrawn_line() -> None:
    view, terminal = LiveView(columns=100, refreshes=True), Terminal(100)
    for record in (tick(2.0), log("hello"), note("there"), tick(3.0)):
        terminal.show(view.take(record))
    assert terminal.lines == ["  hello", "  there", "  RUNNING  0:03"]
    terminal.show(view.end())
    assert terminal.lines == ["  hello", "  there", "  RUNNING  0:03", ""]
    assert view.end() == []


def test_records_that_come_together_are_drawn_once() -> None:
    view = LiveView(columns=100, refreshes=True)
    shown = view.take_all([tick(1.0), *[log("hello")] * 50, tick(2.0)])
    assert len(shown) == 51 and shown[-1].text == f"{CLEAR}{INDENT}RUNNING  0:02"


def test_the_line_is_drawn_once_a_second_at_most() -> None:
    view, terminal = LiveView(columns=100, refreshes=True), Terminal(100)
    for tenth in range(101):
        terminal.show(view.take(tick(tenth / 10)))
    assert 10 <= terminal.redraws <= 12


def test_nothing_is_drawn_where_nothing_is_shown() -> None:
    view = LiveView(columns=100, refreshes=True, show="none")
    assert view.take_all([progress(1), tick(1.0), log("hello")]) + view.end() == []
    assert view.take(note("trouble")) == [Shown("  trouble")]


def test_the_columns_may_change() -> None:
    view = LiveView(columns=100, refreshes=True)
    view.take_all([progress(1), tick(1.0)])
    view.columns = 30
    assert len(view.take(tick(2.0))[0].text.removeprefix(CLEAR)) < 30


RECORDS = st.one_of(
    st.builds(tick, st.floats(0, 100), RUNNING=st.integers(0, 30), STOPPED=st.integers(0, 2)),
    st.builds(
        status, st.sampled_from(["PENDING", "RUNNING", "STOPPED"]), st.floats(0, 100), st.sampled_from([TASK, OTHER])
    ),
    st.builds(progress, st.integers(0, 400), st.integers(0, 10**6), worker=st.integers(0, 2)),
    st.builds(
        log,
        st.text(max_size=60) | st.sampled_from(["\x1b[2A", "\r\n\r", "日本", "\x1b[2Kx\x08"]),
        st.sampled_from([TASK, OTHER]),
    ),
    st.builds(note, st.text(max_size=30)),
)


@given(st.lists(st.lists(RECORDS, max_size=6), max_size=8), st.integers(1, 130), st.integers(0, 1))
def test_terminal_ends_with_the_lines_and_one_progress_line(
    batches: list[list[dict[str, Any]]], columns: int, verbosity: int
) -> None:
    """A terminal ends with the lines that were shown and one line of progress."""
    view, terminal = LiveView(columns=columns, refreshes=True), Terminal(columns, verbosity)
    said = Terminal(columns, verbosity)
    for batch in batches:
        shown = view.take_all(batch)
        terminal.show(shown)
        said.show(one for one in shown if one.newline)
        assert terminal.lines[:-1] == said.lines[:-1]
        assert len(terminal.lines[-1]) < columns or not terminal.lines[-1]
    shown = view.end()
    terminal.show(shown)
    said.show(one for one in shown if one.newline)
    assert terminal.lines == said.lines


@given(
    st.lists(
        st.fixed_dictionaries(
            {"kind": st.sampled_from(["status", "log", "tick", "note", "odd", None])},
            optional=dict.fromkeys(
                ("task_id", "status", "elapsed_s", "timings", "message", "states", "text"), ANYTHING
            ),
        ),
        max_size=6,
    ),
    st.booleans(),
    st.sampled_from(["progress", "all", "none"]),
    st.integers(0, 200),
)
def test_records_with_any_fields_become_plain_lines(
    records: list[dict[str, Any]], refreshes: bool, show: str, columns: int
) -> None:
    view = LiveView(columns=columns, refreshes=refreshes, show=show)
    for one in [shown for record in records for shown in view.take(record)] + view.end():
        assert one.text.removeprefix(CLEAR).isprintable()
        assert one.newline or refreshes
