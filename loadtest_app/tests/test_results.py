# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from ddbload import results
from ddbload.record import Recorder
from ddbload.report import terminal
from hypothesis import given, settings
from hypothesis import strategies as st

answers = st.lists(
    st.tuples(
        st.sampled_from([("ok", ""), ("throttled", "Reason"), ("network", "Timeout"), ("expected", "Condition")]),
        st.integers(1, 10**7),
    ),
    max_size=40,
)


def events(task: str, answered: list, run_id: str = "run-1", ending: bool = True, code: int = 0) -> list[str]:
    context = {"run_id": run_id, "task_id": task, "worker": 0}
    recorder = Recorder(["put"])
    for (outcome, reason), latency in answered:
        recorder.sent("put", 10)
        recorder.answer("put", outcome, reason, latency, latency, 0.0, 1.0)
    interval = {"planned": len(answered)} | recorder.interval(1.0)
    plan = {"rate_asked": 10.0, "rate_reached": 9.0, "planned": len(answered), "sent": len(answered), "never_sent": 0}
    summary = {
        "event": "run.summary",
        "partial": False,
        "exit_code": code,
        "started_at": "2026-01-31T12:00:00.000Z",
        "ended_at": "2026-01-31T12:00:10.000Z",
        "elapsed_s": 10.0,
        "plan": plan | {"late_ms": {"p50": 0.1, "p99": 0.2, "max": 0.3}},
        "operations": recorder.operations(10.0, {"put": 10.0}),
        "warnings": [],
        "connections": {},
    }
    started = {"event": "run.started", "scenario": {"thresholds": ["failed == 0"]}, "table": {"name": "test-table"}}
    lines = [started, {"event": "run.progress", "elapsed_s": 1.0, "interval": interval}] + [summary] * ending
    return [json.dumps({"ts": f"2026-01-31T12:00:0{at}.000Z"} | context | line) for at, line in enumerate(lines)]


@settings(max_examples=10, deadline=None)
@given(st.lists(answers, min_size=1, max_size=4))
def test_many_tasks_merge_to_what_one_would_have_seen(parts: list) -> None:
    lines = [line for number, part in enumerate(parts) for line in events(f"task-{number}", part)]
    merged = results.merge(lines)
    whole = results.merge(events("task-0", [answer for part in parts for answer in part]))
    for name in ("sent", "ok", "expected", "throttled", "failed", "latency_ms", "consumed_write_units"):
        assert merged["operations"]["put"][name] == whole["operations"]["put"][name]
    assert merged["series"][0]["sent"] == whole["series"][0]["sent"]


def test_foreign_and_repeated_lines_do_no_harm() -> None:
    lines = events("task-0", [(("ok", ""), 5)])
    merged = results.merge([*lines, *lines, "a stack trace", '{"not": "ours"}', ""])
    assert merged["operations"]["put"]["sent"] == 1
    assert merged["warnings"] == ["2 log lines are no events of ddbload"]
    assert (merged["verdict"], merged["exit_code"], merged["partial"]) == ("passed", 0, False)


def test_a_task_that_left_no_summary_makes_the_results_partial() -> None:
    lines = events("task-0", [(("ok", ""), 5)]) + events("task-1", [], ending=False)
    merged = results.merge(lines, {"task-1": 137})
    assert merged["partial"]
    assert (merged["verdict"], merged["exit_code"]) == ("incomplete", 137)
    assert "1 of 2 workers left no summary" in merged["warnings"][0]
    assert "INCOMPLETE (exit code 137, partial)" in terminal.render(merged)


def test_nothing_at_all_is_incomplete() -> None:
    merged = results.merge([], {"task-0": 2}, "run-1")
    assert (merged["verdict"], merged["exit_code"], merged["run_id"]) == ("incomplete", 2, "run-1")
    assert "INCOMPLETE" in terminal.render(merged)


def test_two_runs_are_not_mixed() -> None:
    with pytest.raises(results.ResultsError, match="more than one run"):
        results.merge(events("task-0", []) + events("task-1", [], run_id="run-2"))


def test_a_file_is_saved_whole_and_loaded(tmp_path) -> None:
    path = tmp_path / "results.json"
    merged = results.merge(events("task-0", [(("ok", ""), 5000)]))
    results.save(path, merged)
    assert results.load(path) == merged
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "words"), [(None, "cannot read"), ("{", "is no results file"), ('{"schema": 9}', "schema 1")]
)
def test_what_is_no_results_file_is_refused(tmp_path, text: str | None, words: str) -> None:
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(results.ResultsError, match=words):
        results.load(path)


def test_the_table_shows_what_happened() -> None:
    answered = [(("ok", ""), 5000)] * 9 + [(("throttled", "Reason"), 100)]
    text = terminal.render(results.merge(events("task-0", answered, code=0)))
    row = next(line for line in text.splitlines() if line.startswith("put")).split()
    assert row == ["put", "10", "9", "1", "0", "10.0", "1.0", "5.00", "5.00", "5.00", "5.00", "5.00"]
    assert "passed  failed == 0  was 0" in text
    assert text.endswith("verdict: PASSED (exit code 0)")
    assert max(map(len, text.splitlines())) <= 110
