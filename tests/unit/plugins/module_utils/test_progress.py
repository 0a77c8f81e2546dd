# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.ddbload.aws.plugins.module_utils.progress import last_lines, parse_event, shown_line
from hypothesis import given
from hypothesis import strategies as st

PROGRESS: dict[str, Any] = {
    "event": "run.progress",
    "elapsed_s": 12.0,
    "planned_duration_s": 60,
    "planned_operations": 12000,
    "interval": {"rate": 199.6, "p99_ms": 4.13, "throttled": {}},
    "total": {"sent": 2400, "ok": 2390, "throttled": {"table_write": 7, "index": 1}, "failed": 2},
}


def test_progress_is_one_compact_line() -> None:
    line = shown_line(json.dumps(PROGRESS))
    assert line is not None
    words = " ".join(line.split())
    assert words == "12s/60s sent 2,400/12,000 200/s ok 2,390 throttled 8 failed 2 p99 4.1 ms left 48s"


def test_time_left_of_a_closed_plan_comes_from_the_rate() -> None:
    line = shown_line(json.dumps({**PROGRESS, "planned_duration_s": None}))
    assert line is not None and line.endswith("left 48s")


@given(
    st.dictionaries(
        st.sampled_from(list(PROGRESS)), st.none() | st.integers() | st.sampled_from(["", "x"]) | st.just({})
    )
)
def test_progress_that_lacks_or_bends_fields_is_still_shown(changed: dict[str, Any]) -> None:
    assert shown_line(json.dumps({**PROGRESS, **changed, "event": "run.progress"}))


@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(json.dumps))
def test_any_line_is_shown_on_one_line(line: str) -> None:
    shown = shown_line(line, show_all=True)
    assert shown is not None and shown.isprintable() and len(shown) <= 400
    assert parse_event(line) is None


@pytest.mark.parametrize(
    ("message", "progress", "everything"),
    [
        ("Traceback (most recent call last):", "Traceback (most recent call last):", None),
        ('{"event": "run.failed", "level": "error", "message": "no"}', "run.failed [error]: no", None),
        ('{"level": "info", "message": "x"}', None, '{"level": "info", "message": "x"}'),
        ("{not json", "{not json", None),
        ("\x1b[31mred\x07", " [31mred ", None),
        (
            '{"event": "run.summary", "verdict": "passed", "exit_code": 0, "elapsed_s": 9.9, "plan": {"sent": 5}}',
            "run.summary: passed, exit code 0, sent 5 of - in 10s",
            None,
        ),
        (
            '{"event": "run.started", "table": {"name": "t"}, "planned_operations": 5, "planned_duration_s": 2}',
            "run.started: table t, 5 operations in 2s",
            None,
        ),
    ],
)
def test_what_is_shown_of_a_line(message: str, progress: str | None, everything: str | None) -> None:
    assert shown_line(message) == progress
    assert shown_line(message, show_all=True) == (everything or progress)


def test_last_lines_leave_progress_out_and_cut_the_summary() -> None:
    summary = json.dumps({"event": "run.summary", "verdict": "failed", "exit_code": 3, "histograms": "x" * 100_000})
    messages = [*(f"line {n}" for n in range(20)), summary, *[json.dumps(PROGRESS)] * 20, "the end"]
    lines = last_lines(messages)
    assert len(lines) == 10 and lines[-1] == "the end" and lines[0] == "line 12"
    assert lines[-2].startswith("run.summary: failed, exit code 3") and len(lines[-2]) < 100
