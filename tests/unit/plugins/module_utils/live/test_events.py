# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.live.events import (
    EVENTS,
    MAX_SHOWN,
    event_line,
    last_lines,
    parse_event,
    printable,
)
from hypothesis import given
from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
SUMMARY: dict[str, Any] = {
    "event": "run.summary",
    "level": "info",
    "worker": 0,
    "verdict": "passed",
    "exit_code": 0,
    "partial": False,
    "stopped": None,
    "elapsed_s": 300.2,
    "plan": {"planned": 150_000, "sent": 150_000, "never_sent": 0, "rate_reached": 499.97},
    "operations": {
        "put": {"ok": 99_990, "throttled": {"table": 7, "index": 3}, "failed": {}, "latency_ms": {"p99": 8.31}},
        "get": {"ok": 50_000, "throttled": {}, "failed": {}, "latency_ms": None},
    },
    "cost": {"total": 0.1234},
    "search": None,
    "warnings": [],
}
EVENT = {
    "run.summary": SUMMARY,
    "run.started": {
        "table": {"name": "t"},
        "planned_operations": 5000,
        "planned_duration_s": 60,
        "estimate": {"total": 2},
    },
    "run.trial": {"rate": 500, "passed": True, "reached": 499.8, "reason": "", "next_rate": 1000},
    "run.phase": {"phase": "verification"},
    "run.breaker": {"level": "warning", "state": "open", "elapsed_s": 61.2, "reason": "network:refused", "probes": 3},
    "run.failed": {"level": "error", "exit_code": 3, "reason": "threshold_failed", "message": "failed == 0: was 2"},
}


def line(name: str, **changed: Any) -> str:
    return event_line({**EVENT[name], "event": name, **changed})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "run.summary",
            "run.summary: passed, exit code 0, sent 150,000 of 150,000 in 5:00, 500/s, ok 149,990, throttled 10, "
            "failed 0, p99 8.31 ms (put), $0.1234",
        ),
        ("run.started", "run.started: table t, 5,000 operations, in 1:00, about $2.00"),
        ("run.trial", "run.trial: 500/s passed, reached 500/s, next 1,000/s"),
        ("run.phase", "run.phase: verification"),
        ("run.breaker", "run.breaker [warning]: open at 1:01, network:refused, 3 probes"),
        ("run.failed", "run.failed [error]: failed == 0: was 2"),
    ],
)
def test_events_are_put_into_words(name: str, text: str) -> None:
    assert line(name) == text


def test_a_summary_names_what_makes_it_less_reliable() -> None:
    text = line("run.summary", partial=True, stopped="SIGTERM", warnings=["the machine had too little CPU"])
    assert "exit code 0, partial: stopped by SIGTERM, sent" in text
    assert text.endswith("; warning: the machine had too little CPU")
    assert "12 never sent" in line("run.summary", plan={"never_sent": 12})


def test_a_search_shows_its_rate_and_where_a_trial_failed() -> None:
    assert line("run.summary", search={"answer": "700/s, limited by the table"}).endswith("700/s, limited by the table")
    failed = line("run.trial", passed=False, reason="p99 < 10 ms: was 12 ms", next_rate=None, reached=33.333)
    assert failed == "run.trial: 500/s failed (p99 < 10 ms: was 12 ms), reached 33.3/s, the search is over"


def test_workers_other_than_the_first_are_named() -> None:
    assert line("run.phase", worker=2) == "run.phase of worker 2: verification"


@given(st.sampled_from(sorted(EVENTS)), st.data())
def test_event_with_any_fields_is_one_plain_line(name: str, data: st.DataObject) -> None:
    """Events with fields of any type are still one plain line."""
    event = {**EVENT.get(name, {}), "event": name}
    changed = data.draw(st.dictionaries(st.sampled_from([*event, "worker", "level", "message"]), ANYTHING))
    text = event_line({**event, **changed})
    assert text.isprintable() and len(text) <= MAX_SHOWN


@given(st.sampled_from(["plan", "operations", "search", "cost"]), ANYTHING, ANYTHING)
def test_summaries_with_anything_within_are_still_one_plain_line(field: str, within: Any, entry: Any) -> None:
    inner = {**(SUMMARY[field] or {}), "put": entry}
    text = line("run.summary", **{field: dict.fromkeys(inner, within) | {"put": entry}})
    assert text.startswith("run.summary") and text.isprintable()


@pytest.mark.parametrize(
    "message",
    [
        "Traceback (most recent call last):",
        '{"event": "user.login", "level": "info"}',
        '{"event": ["run.failed"]}',
        '{"level": "info"}',
        '["run.failed"]',
        "{not json",
        '{"event":' * 100_000,
        "",
    ],
)
def test_lines_of_other_programs_are_no_events(message: str) -> None:
    assert parse_event(message) is None


def test_an_event_is_recognised() -> None:
    assert parse_event(json.dumps(SUMMARY)) == SUMMARY


@given(st.text() | st.text(st.characters(max_codepoint=0xA0)))
def test_no_text_moves_the_cursor(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable() and len(shown) <= MAX_SHOWN
    assert printable(text, None).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m\x07", "red"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;https://x.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\tb\r\n", "a       b"),
        ("up\x1b[1A\x9b2Kdown\rover", "up 2Kdown over"),
        ("\x1b]0;never ended", " ]0;never ended"),
        ("\u202eback", " back"),
        ("\x1b\x1b[[31mtwice", " 31mtwice"),
    ],
)
def test_terminal_sequences_are_left_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_lines_end_in_an_ellipsis() -> None:
    assert printable("x" * MAX_SHOWN) == "x" * MAX_SHOWN
    assert printable("x" * (MAX_SHOWN + 1)) == "x" * (MAX_SHOWN - 1) + "…"
    assert printable("\x1b[0m" * 10 * MAX_SHOWN + "end").endswith("…")
    assert printable("x" * 5000, None) == "x" * 5000


def test_last_lines_leave_figures_out_and_put_events_into_words() -> None:
    summary = json.dumps({**SUMMARY, "verdict": "failed", "exit_code": 3, "histograms": "x" * 100_000})
    figures = ['{"event": "run.progress"}', '{"event": "run.checkpoint"}', '{"_aws":{}}', " "] * 20
    messages = [*(f"line {number}" for number in range(20)), summary, *figures, "the end"]
    lines = last_lines(messages)
    assert len(lines) == 10 and lines[-1] == "the end" and lines[0] == "line 12"
    assert lines[-2].startswith("run.summary: failed, exit code 3") and len(lines[-2]) < 200
    assert last_lines(messages, 0) == []
