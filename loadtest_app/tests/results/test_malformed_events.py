# SPDX-License-Identifier: Apache-2.0
"""Malformed events: counted and reported; they end neither the merge nor a report."""

import json
from pathlib import Path
from typing import Any

import pytest
from ddbload import cli
from ddbload.report.html import run_page
from ddbload.report.text import run as terminal
from ddbload.results import file, merge
from ddbload.results.event_shape import read_results
from ddbload.results.events import to_json
from hypothesis import given, settings
from hypothesis import strategies as st
from results.test_merge import events
from run.test_progress import Happening

OK = Happening("put", "ok", "", 5000, 100, 1.0, 0, 0, False)
LINES = events("task-0", [OK], [OK])
IGNORED = "1 malformed line ignored"


def changed(line: str, position: str, value: Any) -> str:
    """Return an event's line with one field, named by its dotted path, changed."""
    event = json.loads(line)
    *way, last = position.split(".")
    part = event
    for name in way:
        part = part[name]
    part[last] = value
    return json.dumps(event)


BROKEN = [
    ("elapsed_s", "ten"),
    ("elapsed_s", float("nan")),
    ("elapsed_s", float("inf")),
    ("elapsed_s", 10**400),
    ("partial", None),
    ("started_at", "yesterday"),
    ("plan", []),
    ("plan.late_ms", {}),
    ("operations", "none"),
    ("operations.put.histograms", {"ok": {"latency": "HIST", "service": "HIST"}}),
    ("operations.put.sent", float("-inf")),
    ("warnings", [[]]),
    ("keys", {"acknowledged": 1}),
    ("duplicates", {"sent": 1}),
    ("cost", {"total": "much"}),
    ("search", {"rate": 100.0}),
    ("search", {"answer": "none", "steps": [{"rate": 100.0}]}),
    ("scenario", {"thresholds": ["p99 is small"]}),
    ("exit_code", [0]),
]


@pytest.mark.parametrize(("position", "value"), BROKEN)
def test_a_malformed_summary_leaves_its_worker_without_one(position: str, value: Any) -> None:
    merged = merge.merge([*LINES[:-1], changed(LINES[-1], position, value), *events("task-1", [OK])])
    assert (merged["verdict"] == "passed", merged["exit_code"], merged["partial"]) == (False, 1, True)
    assert IGNORED in merged["warnings"]
    assert "worker 0 of 2 (task task-0) left no summary: its figures are missing" in merged["warnings"]
    assert merged["operations"]["put"]["ok"] == 1


def test_a_worker_with_one_malformed_line_is_still_missing() -> None:
    merged = merge.merge([*LINES, changed(events("task-1", [OK])[-1], "plan", None)])
    assert (merged["verdict"], merged["partial"]) == ("incomplete", True)


@pytest.mark.parametrize(
    ("position", "value"),
    [("elapsed_s", "1"), ("interval", []), ("interval.histograms", {"put": "HIST"}), ("interval.rate", 1e300)],
)
def test_a_malformed_second_is_ignored_and_the_rest_merges(position: str, value: Any) -> None:
    merged = merge.merge([LINES[0], changed(LINES[1], position, value), *LINES[2:]])
    assert (merged["verdict"], len(merged["series"])) == ("passed", 1)
    assert IGNORED in merged["warnings"]


@pytest.mark.parametrize("position", ["worker", "run_id", "task_id", "ts", "event"])
def test_a_context_of_the_wrong_type_is_a_malformed_line(position: str) -> None:
    merged = merge.merge([*LINES, *(changed(LINES[0], position, value) for value in ([], {}, 1.5))])
    assert "3 malformed lines ignored" in merged["warnings"]
    assert merged["verdict"] == "passed"


def test_an_infinite_number_is_a_malformed_line() -> None:
    line = LINES[-1].replace('"elapsed_s":10.0', '"elapsed_s":1e999')
    assert line != LINES[-1]
    assert IGNORED in merge.merge([*LINES[:-1], line])["warnings"]


def test_events_of_another_run_do_not_count() -> None:
    other = events("task-1", [OK], run_id="run-2")
    merged = merge.merge([*LINES, *other], run_id="run-1")
    assert (merged["run_id"], merged["verdict"], len(merged["tasks"])) == ("run-1", "passed", 1)
    assert f"{len(other)} log lines are no events of the run" in merged["warnings"]
    with pytest.raises(file.ResultsError, match="more than one run: run-1, run-2 -> name the one that counts"):
        merge.merge([*LINES, *other])


def test_malformed_lines_are_printed_and_in_the_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "events.jsonl", tmp_path / "results.json"
    source.write_text("\n".join([*LINES, changed(LINES[1], "interval", None)]))
    assert cli.main(["merge", str(source), "--output", str(output)]) == 0
    assert capsys.readouterr().err == f"ddbload merge: {IGNORED}\n"
    assert IGNORED in file.load(output)["warnings"]


FOREIGN: list[Any] = [{}, [], 1, {"schema": 2}, {"schema": 2, "operations": {}, "plan": 3, "series": [1]}]


@pytest.mark.parametrize("document", FOREIGN)
@pytest.mark.parametrize("command", ["report", "compare", "hlog"])
def test_other_json_is_refused_in_one_line(
    command: str, document: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(document))
    more = {"report": [], "compare": [str(path)], "hlog": ["--output", str(tmp_path / "log")]}[command]
    assert cli.main([command, str(path), *more]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "create it again with ddbload merge" in captured.err


def test_invalid_details_end_the_report_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    file.save(path, merge.merge(LINES) | {"search": {"rate": []}})
    assert cli.main(["report", str(path)]) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "cannot be shown" in captured.err


def test_two_workers_without_a_second_of_progress_are_shown() -> None:
    """Both started, and one ended: there is no rate over time to draw."""
    ended = json.loads(next(line for line in LINES if json.loads(line)["event"] == "run.summary"))
    started = next(line for line in LINES if json.loads(line)["event"] == "run.started")
    merged = merge.merge([started, json.dumps(ended | {"worker": 1})])
    assert len(merged["fleet"]["starts"]) == 2 and merged["plan"]["rate_asked"]
    assert "over time" not in terminal.render(merged)


# ---- Any bytes

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def paths_of(part: Any, way: tuple[str, ...] = ()) -> list[str]:
    found = [".".join(way)] if way else []
    if isinstance(part, dict):
        for name, value in part.items():
            found += paths_of(value, (*way, name))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> str:
    line = draw(st.sampled_from(LINES))
    position = draw(st.sampled_from(paths_of(json.loads(line))))
    return changed(line, position, draw(values))


anything = st.lists(mutated() | st.sampled_from(LINES) | st.text(max_size=20) | values.map(json.dumps), max_size=6)


@settings(max_examples=150, deadline=None)
@given(anything)
def test_any_lines_merge_and_show_or_end_in_one_line(lines: list[str]) -> None:
    """Any lines merge into a report, or end in one line."""
    try:
        merged = merge.merge(lines)
    except file.ResultsError as error:
        assert "\n" not in str(error)
        return
    merged = json.loads(to_json(merged, indent=1), parse_constant=pytest.fail)
    assert read_results(merged)
    terminal.render(merged).encode()
    if merged["verdict"] == "passed":
        assert not merged["partial"]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_can_be_merged(data: bytes) -> None:
    merged = merge.merge(data.decode("utf-8", "replace").split("\n"))
    assert merged["verdict"] == "incomplete"
    assert run_page.render(merged)
