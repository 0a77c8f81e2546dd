# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from ddbload import results
from ddbload.events import EVENT_START
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


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20), st.booleans())
def test_what_a_log_driver_cut_is_put_together_again(cuts: list[int], with_foreign: bool) -> None:
    whole = events("task-0", [(("ok", ""), 5)] * 3)
    pieces = ["a line before"] * with_foreign
    for line in whole:
        for place in range(len(line)):
            size = max(len(EVENT_START), cuts[place % len(cuts)])
            pieces.append(line[:size])
            line = line[size:]
            if not line:
                break
    merged = results.merge(pieces)
    assert merged == results.merge(whole) | {"warnings": merged["warnings"]}
    assert merged["warnings"] == ["1 log lines are no events of ddbload"] * with_foreign


def test_a_piece_without_its_rest_is_a_foreign_line() -> None:
    whole = events("task-0", [(("ok", ""), 5)])
    merged = results.merge([whole[0][:50], "a stack trace", *whole, whole[-1][:50]])
    assert merged["warnings"] == ["3 log lines are no events of ddbload"]
    assert merged["operations"]["put"]["sent"] == 1


def progress(task: str, elapsed_s: float, sent: int, rate: float, p50_ms: float = 1.0) -> str:
    interval = dict.fromkeys(("planned", "sent", "ok"), sent) | dict.fromkeys(("expected", "contention", "failed"), 0)
    interval |= {"throttled": {}, "rate": rate, "late_ms_max": 0.0, "p50_ms": p50_ms, "p99_ms": 2.0, "max_ms": 3.0}
    interval |= {"consumed_read_units": 0.0, "consumed_write_units": 0.0}
    context = {"ts": f"2026-01-31T12:00:{elapsed_s:06.3f}Z", "run_id": "r", "task_id": task, "worker": 0}
    return json.dumps(context | {"event": "run.progress", "elapsed_s": elapsed_s, "interval": interval})


def test_the_rest_of_a_second_belongs_to_it_and_does_not_distort_it() -> None:
    rest = progress("task-0", 2.01, 1, 100.0, p50_ms=9.0)
    first, second = results.merge([progress("task-0", 1.0, 100, 100.0), progress("task-0", 2.0, 99, 99.0), rest])[
        "series"
    ]
    assert (first["elapsed_s"], first["sent"], first["rate"]) == (1, 100, 100.0)
    assert (second["elapsed_s"], second["sent"], second["rate"], second["p50_ms"]) == (2, 100, 99.0, 1.0)


def test_a_second_of_two_workers_is_their_sum_with_the_worse_percentiles() -> None:
    (second,) = results.merge([progress("task-0", 1.0, 100, 100.0), progress("task-1", 1.1, 50, 45.5, 7.0)])["series"]
    assert (second["sent"], second["rate"], second["worst_p50_ms"]) == (150, 145.5, 7.0)
    assert "p50_ms" not in second


@pytest.mark.parametrize(("limit", "codes", "verdict"), [(2, (3, 0), "passed"), (1, (0, 0), "failed")])
def test_thresholds_hold_for_the_whole_and_not_for_each_worker(limit: int, codes: tuple, verdict: str) -> None:
    answered = [(("network", "Timeout"), 5)]
    lines = [line for number in (0, 1) for line in events(f"task-{number}", answered, code=codes[number])]
    lines = [line.replace("failed == 0", f"failed <= {limit}") for line in lines]
    merged = results.merge(lines)
    assert (merged["verdict"], merged["exit_code"]) == (verdict, 3 * (verdict == "failed"))


def test_a_refused_run_with_a_summary_has_failed() -> None:
    merged = results.merge(events("task-0", [(("fatal", "AccessDenied"), 5)], code=5)[1:])
    assert (merged["verdict"], merged["exit_code"]) == ("failed", 5)


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


def test_the_table_keeps_its_width_whatever_happened() -> None:
    merged = results.merge(events("task-0", [(("ok", ""), 60_000_000), (("throttled", "Reason"), 5)]))
    put = merged["operations"]["put"]
    put.update(sent=300_000_000, ok=299_999_999, throttled={"Reason": 1_000_000}, rate_asked=40_000.0)
    put.update(rate_reached=39_999.5, consumed_write_units=3e8)
    merged["plan"].update(planned=300_000_000, sent=300_000_000, never_sent=100_000_000)
    merged["plan"]["late_ms"] = {"p50": 12_345.0, "p99": 123_456.0, "max": 1_234_567.0}
    merged["warnings"].append("so much to say " * 20)
    merged["failures"].append("x" * 300)
    text = terminal.render(merged)
    assert max(map(len, text.splitlines())) <= 110
    assert "300,000,000" in text
