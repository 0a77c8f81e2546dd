# SPDX-License-Identifier: Apache-2.0
"""Results: the events of many workers merge to those of one worker; missing parts are reported."""

import json
from pathlib import Path
from typing import Any

import pytest
from ddbload import cli
from ddbload.engine.totals import Totals
from ddbload.report.text import run as terminal
from ddbload.results import file, merge
from ddbload.results.events import EVENT_START, to_json
from ddbload.turns import at_once
from hypothesis import given, settings
from hypothesis import strategies as st
from run.test_progress import NAMES, Counted, Happening, happenings, look

LOADED_S = 10.0
OK = Happening("put", "ok", "", 5000, 100, 1.0, 0, 0, False)
TIMEOUT = Happening("put", "network", "Timeout", 5, 0, 0.0, 0, 0, False)
THROTTLE = Happening("put", "throttled", "Reason", 100, 0, 0.0, 0, 0, False)
seconds_of_load = st.lists(st.lists(happenings, max_size=6), min_size=1, max_size=3)


def verification(**counts: int) -> dict[str, Any]:
    """Return the result of a check; counts that are not given are 0."""
    found = dict.fromkeys(("present", "absent", "lost", "corrupt", "phantom", "indeterminate"), 0) | counts
    examples = {kind: [f"key 0: {kind}"] * found[kind] for kind in ("lost", "corrupt", "phantom")}
    whole = {"checked": sum(found.values()), "keys": sum(found.values()), "share": 1.0, "complete": True}
    return found | whole | {"examples": examples, "consumed_read_units": 0.5 * whole["checked"]}


def figures(engine: Counted, **more: Any) -> dict[str, Any]:
    """Return the figures of run.summary and run.checkpoint."""
    sent = sum(record.sent for record in engine.recorder.records.values())
    plan = {
        "rate_asked": 10.0,
        "rate_reached": round(sent / LOADED_S, 3),
        "planned": engine.planned,
        "sent": sent,
        "never_sent": engine.planned - sent,
        "passed_over": 0,
        "late_ms": engine.recorder.lateness(),
        "busy": 0.25,
        "kept": True,
    }
    cost = {"currency": "USD", "total": 0.5, "requests": 0.25, "compute": 0.25, "read_units": 1.0, "write_units": 2.0}
    cost["refused_write_units"] = 0.5
    return {
        "partial": False,
        "started_at": "2026-01-31T12:00:00.000Z",
        "ended_at": "2026-01-31T12:00:10.000Z",
        "elapsed_s": LOADED_S,
        "warm_up_s": 0.0,
        "plan": plan,
        "operations": {name: record.summary(LOADED_S, 10.0) for name, record in engine.recorder.records.items()},
        "warnings": [],
        "connections": {"opened": 1},
        "clock_corrections": 1,
        "duplicates": None,
        "breaker": None,
        "keys": {"acknowledged": sent, "indeterminate": 0, "refused": 1, "below": sent},
        "verification": None,
        "cleanup": None,
        "search": None,
        "cost": cost | {"estimated": 1.5, "note": ""},
    } | more


def events(
    task: str,
    *seconds: list[Happening],
    run_id: str = "run-1",
    ending: str = "run.summary",
    code: int = 0,
    thresholds: str = "failed == 0",
    worker: int = 0,
    **more: Any,
) -> list[str]:
    """Return the log of one worker: its start, a progress event for every second, and its end."""
    context = {"run_id": run_id, "task_id": task, "worker": worker}
    engine, before = Counted(), Totals()
    lines: list[dict[str, Any]] = [
        {"event": "run.started", "scenario": {"thresholds": [thresholds]}, "table": {"name": "test-table"}}
    ]
    for second, happened in enumerate(seconds, start=1):
        for one in happened:
            one.count(engine)
        now = look(engine)
        lines.append({"event": "run.progress", "elapsed_s": float(second), "interval": at_once(now.since(before, 1.0))})
        before = now
    if ending:
        ends = {"exit_code": code} if ending == "run.summary" else {"partial": True, "keys": None}
        lines.append({"event": ending} | figures(engine, **more) | ends)
    return [to_json({"ts": f"2026-01-31T12:00:{at:02d}.000Z"} | context | line) for at, line in enumerate(lines)]


# ---- Merged as one


@settings(max_examples=40)
@given(st.lists(seconds_of_load, min_size=1, max_size=4))
def test_many_workers_merge_to_one(workers: list[list[list[Happening]]]) -> None:
    lines = [line for number, seconds in enumerate(workers) for line in events(f"task-{number}", *seconds)]
    merged = merge.merge(lines)
    longest = max(map(len, workers))
    together = [
        [one for seconds in workers if second < len(seconds) for one in seconds[second]] for second in range(longest)
    ]
    whole = merge.merge(events("task-0", *together))
    for name in NAMES:
        one, other = merged["operations"][name], whole["operations"][name]
        # The requested rate is the same for each here, and the longest wait is not added up.
        assert one.pop("rate_asked") == len(workers) * other.pop("rate_asked")
        assert one.pop("rate_reached") == pytest.approx(other.pop("rate_reached"))
        assert one == other
    for name in ("planned", "sent", "never_sent", "passed_over"):
        assert merged["plan"][name] == whole["plan"][name]
    assert merged["plan"]["late_ms"]["max"] == whole["plan"]["late_ms"]["max"]
    assert len(merged["series"]) == len(whole["series"]) == longest
    for one, other in zip(merged["series"], whole["series"], strict=True):
        # An index is reported from the first second on in which a worker used it.
        for second in (one, other):
            second["indexes"] = {name: units for name, units in second["indexes"].items() if any(units.values())}
        # Each worker rounds its rate.
        assert one.pop("rate") == pytest.approx(other.pop("rate"), abs=0.05 * len(workers))
        assert one == other


@settings(max_examples=20)
@given(st.lists(seconds_of_load, min_size=1, max_size=3), st.randoms())
def test_the_order_of_the_logs_does_not_matter(workers: list[list[list[Happening]]], random: Any) -> None:
    logs = [events(f"task-{number}", *seconds) for number, seconds in enumerate(workers)]
    merged = merge.merge([line for log in logs for line in log])
    lines = [line for log in logs for line in log]
    random.shuffle(lines)
    again = merge.merge(lines)
    for name in ("verdict", "exit_code", "partial", "keys", "cost", "thresholds", "started_at", "elapsed_s"):
        assert again[name] == merged[name]
    for name in NAMES:
        assert again["operations"][name]["latency_ms"] == merged["operations"][name]["latency_ms"]
    assert [second["sent"] for second in again["series"]] == [second["sent"] for second in merged["series"]]


def test_workers_of_one_task_are_as_many_workers() -> None:
    lines = [line for number in range(3) for line in events("task-0", [OK] * number, worker=number)]
    merged = merge.merge(lines)
    assert merged["operations"]["put"]["ok"] == 3
    assert [task["worker"] for task in merged["tasks"]] == [0, 1, 2]
    assert len(merged["connections"]) == 3


def test_counts_are_summed_and_limits_are_the_worst() -> None:
    parts = [
        {
            "warm_up_s": 1.0,
            "duplicates": {"sent": 4, "refused": 3, "accepted": 1},
            "breaker": {"action": "pause", "paused_s": 2.0, "openings": [{"opened_s": 5.0}, {"opened_s": 9.0}]},
            "verification": verification(present=3, lost=1),
            "cleanup": {"deleted": 5, "consumed_write_units": 5.0, "complete": True},
        },
        {
            "warm_up_s": 1.0,
            "ended_at": "2026-01-31T12:00:11.000Z",
            "elapsed_s": 11.0,
            "duplicates": {"sent": 5, "refused": 5, "accepted": 0},
            "breaker": {"action": "pause", "paused_s": 3.0, "openings": [{"opened_s": 7.0}]},
            "verification": verification(present=5, absent=1, phantom=1) | {"share": 0.5, "error": "gone"},
            "cleanup": {"deleted": 7, "consumed_write_units": 7.5, "complete": True},
            "clock_corrections": 0,
            "warnings": ["late"],
        },
    ]
    lines = [line for number, part in enumerate(parts) for line in events(f"task-{number}", [OK], **part)]
    merged = merge.merge(lines)
    assert merged["duplicates"] == {"sent": 9, "refused": 8, "accepted": 1}
    assert merged["breaker"]["paused_s"] == 3.0
    assert [opening["opened_s"] for opening in merged["breaker"]["openings"]] == [5.0, 7.0, 9.0]
    found = merged["verification"]
    assert (found["checked"], found["keys"], found["present"], found["absent"]) == (11, 11, 8, 1)
    assert (found["lost"], found["phantom"], found["corrupt"], found["consumed_read_units"]) == (1, 1, 0, 5.5)
    assert (found["share"], found["complete"], found["error"]) == (0.5, True, "gone")
    assert found["examples"] == {"lost": ["key 0: lost"], "corrupt": [], "phantom": ["key 0: phantom"]}
    assert merged["cleanup"] == {"deleted": 12, "consumed_write_units": 12.5, "complete": True}
    assert merged["keys"] == {"acknowledged": 2, "indeterminate": 0, "refused": 2, "below": 1}
    assert (merged["clock_corrections"], merged["warnings"], merged["warm_up_s"]) == (1, ["late"], 1.0)
    assert (merged["elapsed_s"], merged["ended_at"]) == (11.0, "2026-01-31T12:00:11.000Z")
    # The estimate is of all workers together.
    assert (merged["cost"]["total"], merged["cost"]["write_units"], merged["cost"]["estimated"]) == (1.0, 4.0, 1.5)


def test_one_incomplete_worker_makes_a_run_incomplete() -> None:
    done = {
        "verification": verification(present=1),
        "cleanup": {"deleted": 1, "consumed_write_units": 1.0, "complete": True},
    }
    merged = merge.merge(events("task-0", [OK], **done) + events("task-1", [OK]))
    assert (merged["verification"]["complete"], merged["verification"]["present"]) == (False, 1)
    assert merged["cleanup"]["complete"] is False
    neither = merge.merge(events("task-0", [OK]) + events("task-1", [OK]))
    assert (neither["verification"], neither["cleanup"], neither["breaker"]) == (None, None, None)


# ---- Cut off


def test_a_worker_without_summary_has_its_last_checkpoint() -> None:
    """A worker without a summary counts with its last checkpoint."""
    early = events("task-1", [OK], ending="run.checkpoint", elapsed_s=5.0)[-1]
    late = events("task-1", [OK] * 2, [OK] * 3, ending="run.checkpoint", elapsed_s=8.5)
    merged = merge.merge([*events("task-0", [OK] * 4), early, *late], {"task-1": 137})
    assert merged["operations"]["put"]["ok"] == 4 + 5
    assert (merged["partial"], merged["exit_code"], merged["verdict"]) == (True, 137, "incomplete")
    assert merged["warnings"] == ["worker 0 of 2 (task task-1) left no summary: its figures end 8.5 s after the start"]
    # Nothing is known of its keys.
    assert merged["keys"] is None


def test_a_checkpoint_of_an_earlier_version_has_the_scenario() -> None:
    """An events file without its first line has the run's context, if its checkpoints repeat it."""
    known = {"scenario": {"thresholds": ["p99 < 1s"]}, "table": {"name": "known-table"}}
    lines = events("task-0", [OK], ending="run.checkpoint", **known)
    assert merge.merge(lines)["table"] == {"name": "test-table"}
    merged = merge.merge(lines[1:])
    assert {name: merged[name] for name in known} == known


def test_a_summary_outranks_the_checkpoints_before_it() -> None:
    checkpoint = events("task-0", [OK], ending="run.checkpoint")[-1]
    merged = merge.merge([checkpoint, *events("task-0", [OK] * 3)])
    assert merged["operations"]["put"]["ok"] == 3
    assert (merged["partial"], merged["warnings"]) == (False, [])


def test_a_worker_without_either_is_reported_as_missing() -> None:
    merged = merge.merge(events("task-0", [OK]) + events("task-1", [OK], ending=""), {"task-1": 137})
    assert merged["operations"]["put"]["ok"] == 1
    assert (merged["partial"], merged["verdict"], merged["exit_code"]) == (True, "incomplete", 137)
    assert merged["warnings"] == [
        "worker 0 of 2 (task task-1) left no summary: its figures are missing",
        "by progress lines the plan counts worker 0 to 1 s after the start, without outcomes and histograms",
    ]
    # Its progress counts.
    assert merged["series"][0]["ok"] == 2
    assert "INCOMPLETE (exit code 137, partial)" in terminal.render(merged)


def test_checkpoints_alone_give_figures_but_no_verdict() -> None:
    merged = merge.merge(events("task-0", [OK] * 3, ending="run.checkpoint"))
    assert merged["operations"]["put"]["ok"] == 3
    assert (merged["verdict"], merged["exit_code"], merged["partial"]) == ("incomplete", 1, True)
    assert merged["thresholds"] == []


def test_no_events_are_incomplete() -> None:
    merged = merge.merge([], {"task-0": 2}, "run-1")
    assert (merged["verdict"], merged["exit_code"], merged["run_id"]) == ("incomplete", 2, "run-1")
    assert (merged["plan"], merged["operations"], merged["series"]) == (None, {}, [])
    assert "INCOMPLETE" in terminal.render(merged)


# ---- Lines


def test_foreign_and_repeated_lines_are_ignored() -> None:
    lines = events("task-0", [OK])
    merged = merge.merge([*lines, *lines, "a stack trace", '{"not": "an event"}', ""])
    assert merged["operations"]["put"]["sent"] == 1
    assert merged["warnings"] == ["2 log lines are no events of ddbload"]
    assert (merged["verdict"], merged["exit_code"], merged["partial"]) == ("passed", 0, False)


@settings(max_examples=10)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20), st.booleans())
def test_lines_that_a_log_driver_cut_are_joined(cuts: list[int], with_foreign: bool) -> None:
    whole = events("task-0", [OK] * 3)
    pieces = ["a line before"] * with_foreign
    for line in whole:
        rest = line
        for position in range(len(line)):
            size = max(len(EVENT_START), cuts[position % len(cuts)])
            pieces.append(rest[:size])
            rest = rest[size:]
            if not rest:
                break
    merged = merge.merge(pieces)
    assert merged == merge.merge(whole) | {"warnings": merged["warnings"]}
    assert merged["warnings"] == ["1 log lines are no events of ddbload"] * with_foreign


def test_a_piece_without_its_rest_is_a_foreign_line() -> None:
    whole = events("task-0", [OK])
    merged = merge.merge([whole[0][:50], "a stack trace", *whole, whole[-1][:50]])
    assert merged["warnings"] == ["3 log lines are no events of ddbload"]
    assert merged["operations"]["put"]["sent"] == 1


def test_two_runs_are_not_mixed() -> None:
    with pytest.raises(file.ResultsError, match="more than one run"):
        merge.merge(events("task-0", []) + events("task-1", [], run_id="run-2"))


# ---- The series


def progress(task: str, elapsed_s: float, count: int, seconds: float, latency_us: int = 1000) -> str:
    engine = Counted()
    for _operation in range(count):
        Happening("put", "ok", "", latency_us, 0, 1.0, 0, 0, False).count(engine)
    context = {"ts": f"2026-01-31T12:00:{elapsed_s:06.3f}Z", "run_id": "r", "task_id": task, "worker": 0}
    interval = at_once(look(engine).since(Totals(), seconds))
    return to_json(context | {"event": "run.progress", "elapsed_s": elapsed_s, "interval": interval})


def test_the_rest_of_a_second_does_not_distort_it() -> None:
    """The rest of a second belongs to it and does not distort it."""
    lines = [progress("t", 1.0, 100, 1.0), progress("t", 2.0, 99, 1.0), progress("t", 2.01, 1, 0.01, 9000)]
    first, second = merge.merge(lines)["series"]
    assert (first["elapsed_s"], first["sent"], first["rate"]) == (1, 100, 100.0)
    assert (second["elapsed_s"], second["sent"], second["rate"]) == (2, 100, pytest.approx(100 / 1.01, abs=0.1))
    assert (second["p50_ms"], second["max_ms"]) == (1.0, pytest.approx(9.0, rel=0.001))


def test_a_second_of_two_workers_is_merged() -> None:
    """A second of two workers is their sum with the percentiles of both."""
    lines = [progress("task-0", 1.0, 100, 1.0), progress("task-1", 1.1, 50, 1.1, 7000)]
    (second,) = merge.merge(lines)["series"]
    assert (second["sent"], second["rate"], second["consumed_write_units"]) == (150, 145.5, 300.0)
    assert (second["p50_ms"], second["p99_ms"]) == (1.0, pytest.approx(7.0, rel=0.001))


# ---- Verdicts


@pytest.mark.parametrize(("limit", "codes", "verdict"), [(2, (3, 0), "passed"), (1, (0, 0), "failed")])
def test_thresholds_apply_to_all_workers_together(limit: int, codes: tuple[int, int], verdict: str) -> None:
    rule = f"failed <= {limit}"
    both = [TIMEOUT, OK]
    lines = [line for at in (0, 1) for line in events(f"task-{at}", both, code=codes[at], thresholds=rule)]
    merged = merge.merge(lines)
    assert (merged["verdict"], merged["exit_code"]) == (verdict, 3 * (verdict == "failed"))
    assert merged["thresholds"][0]["value"] == 2
    if verdict == "failed":
        assert merge.explain(merged) == "failed <= 1: was 2"


def test_an_entry_without_a_success_has_not_passed() -> None:
    rule = "failed <= 2"
    nothing = [line for at in (0, 1) for line in events(f"task-{at}", [TIMEOUT], thresholds=rule)]
    merged = merge.merge(nothing)
    line = "none of 2 put operations succeeded: 2 network (Timeout) -> check what answers at the endpoint"
    assert (merged["verdict"], merged["exit_code"], merged["failures"]) == ("failed", 5, [line])
    assert merge.explain(merged) == line
    # One worker's share may fail where the others' succeed.
    one = events("task-0", [TIMEOUT], thresholds=rule) + events("task-1", [OK], thresholds=rule)
    assert merge.merge(one)["verdict"] == "passed"


def test_one_worker_that_misses_its_plan_misses_all() -> None:
    late = figures(Counted())["plan"] | {"kept": False}
    merged = merge.merge(events("task-0", [OK]) + events("task-1", [OK], code=3, plan=late))
    assert (merged["plan"]["kept"], merged["exit_code"], merged["verdict"]) == (False, 3, "failed")
    assert merge.explain(merged) == "the plan was not kept"


def test_the_most_severe_end_is_that_of_the_run() -> None:
    def code(*codes: int) -> int:
        lines = [line for at, one in enumerate(codes) for line in events(f"task-{at}", [OK], code=one)]
        return int(merge.merge(lines)["exit_code"])

    assert [code(3, 4), code(4, 5), code(0, 6), code(6, 4), code(5, 1), code(0, 0)] == [4, 5, 6, 4, 1, 0]


def test_exit_codes_of_ecs_outrank_the_events() -> None:
    merged = merge.merge(events("task-0", [OK]), {"task-0": 1, "task-9": 2})
    assert (merged["exit_code"], merged["verdict"]) == (1, "incomplete")
    assert [(task["task_id"], task["exit_code"]) for task in merged["tasks"]] == [("task-0", 1), ("task-9", 2)]


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, "passed"), (3, "failed"), (4, "failed"), (5, "failed"), (6, "stopped")]
)
def test_a_run_that_left_a_summary_has_a_verdict(code: int, verdict: str) -> None:
    merged = merge.merge(events("task-0", [OK], code=code)[1:])
    assert (merged["verdict"], merged["exit_code"]) == (verdict, code)


# ---- Files


def test_a_file_is_saved_whole_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    merged = merge.merge(events("task-0", [OK]))
    assert merged["schema"] == 2
    file.save(path, merged)
    assert file.load(path) == merged
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot read"),
        ("{", "is no results file"),
        ("[2]", "no results file of schema 2"),
        ('{"schema": 1}', "no results file of schema 2: create it again with ddbload merge"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str | None, words: str) -> None:
    path = tmp_path / "results.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(file.ResultsError, match=words):
        file.load(path)


# ---- The table


def test_the_table_shows_what_happened() -> None:
    text = terminal.render(merge.merge(events("task-0", [OK] * 9 + [THROTTLE])))
    row = next(line for line in text.splitlines() if line.startswith("put")).split()
    assert row == ["put", "10", "9", "1", "0", "10.0", "1.0", "5.00", "5.00", "5.00", "5.00", "5.00"]
    assert "passed  failed == 0  was 0" in text
    assert text.endswith("verdict: PASSED (exit code 0)")
    assert max(map(len, text.splitlines())) <= terminal.WIDTH


def test_table_keeps_its_width_for_any_figures() -> None:
    slow = Happening("put", "ok", "", 60_000_000, 0, 1.0, 0, 0, False)
    merged = merge.merge(
        events(
            "task-0",
            [slow, THROTTLE],
            duplicates={"sent": 10**9, "refused": 10**9, "accepted": 10**9, "originals_refused": 10**9},
            breaker={"action": "pause", "paused_s": 12_345.6, "openings": [{"opened_s": 1.0}]},
            verification=verification(present=3, lost=2),
            cleanup={"deleted": 10**9, "consumed_write_units": 1.0, "complete": True},
        )
    )
    put = merged["operations"]["put"]
    put.update(sent=300_000_000, ok=299_999_999, throttled={"Reason": 1_000_000}, rate_asked=40_000.0)
    put.update(rate_reached=39_999.5, consumed_write_units=3e8)
    merged["plan"].update(planned=300_000_000, sent=300_000_000, never_sent=100_000_000, passed_over=10**9)
    merged["plan"]["late_ms"] = {"p50": 12_345.0, "p99": 123_456.0, "max": 1_234_567.0}
    merged["warnings"].append("so much to say " * 20)
    merged["failures"].append("x" * 300)
    text = terminal.render(merged)
    assert max(map(len, text.splitlines())) <= terminal.WIDTH
    assert "300,000,000" in text


# ---- The command


def test_merge_prints_the_outcome_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = [events(f"task-{number}", [TIMEOUT], code=3) for number in range(2)]
    source, output = tmp_path / "events.jsonl", tmp_path / "results.json"
    source.write_text("\n".join(line for log in logs for line in log) + "\n")
    assert cli.main(["merge", str(source), "--output", str(output)]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert outcome == {
        "run_id": "run-1",
        "verdict": "failed",
        "exit_code": 3,
        "partial": False,
        "missed": "failed == 0: was 2",
    }
    assert file.load(output)["verdict"] == "failed"


def test_merge_without_events_prints_only_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "events.jsonl", tmp_path / "results.json"
    source.write_text("no event\n")
    assert cli.main(["merge", str(source), "--output", str(output), "--exit-code", "task-0=41"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert (outcome["verdict"], outcome["exit_code"], outcome["missed"]) == ("incomplete", 41, "")


def test_a_deeply_nested_line_is_foreign(tmp_path: Path) -> None:
    lines = events("a", [OK])
    assert merge.merge([*lines, "[" * 30_000])["warnings"] == ["1 log lines are no events of ddbload"]
    path = tmp_path / "results.json"
    path.write_text("[" * 100_000)
    with pytest.raises(file.ResultsError, match="is no results file"):
        file.load(path)


def test_threshold_without_a_value_is_explained() -> None:
    threshold = {"expression": "get.p99 < 20ms", "value": None, "unit": "ms", "passed": False}
    merged = {"fleet": {"problems": []}, "thresholds": [threshold], "plan": None, "exit_code": 3}
    assert merge.explain(merged) == "get.p99 < 20ms: was no value"
