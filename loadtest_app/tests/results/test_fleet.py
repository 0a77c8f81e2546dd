# SPDX-License-Identifier: Apache-2.0
"""Many tasks, one plan: a run of which a part is missing, late or doubled does not pass, and one line says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ddbload import cli
from ddbload.pacing.segment import Segment
from ddbload.results import file, merge
from ddbload.results.events import to_json
from ddbload.results.merging import clock
from ddbload.results.merging import fleet as fleet_of
from ddbload.results.merging.coverage import Expected, cover
from ddbload.results.merging.plan import Part, Plan
from ddbload.results.merging.shares import Shares
from hypothesis import given, settings
from hypothesis import strategies as st
from results.fleet import SPIKE, Task, all_but, document, fleet

COUNT = 8
STEADY = {"type": "constant_rate", "rate": 80, "duration": 30}
RULES = ["rate >= 95%", "lost == 0"]


def merged_of(
    tasks: list[Task], exit_codes: dict[str, int] | None = None, launched: int = COUNT, plan: dict[str, Any] = STEADY
) -> dict[str, Any]:
    """Return the results of tasks, each of as many segments as were launched."""
    requested = document(plan, RULES)
    return merge.merge(fleet(tasks, launched, requested), exit_codes, None, Expected(launched))


def outcome(merged: dict[str, Any]) -> tuple[str, int, bool]:
    """Return verdict, exit code, and whether the results are partial."""
    return merged["verdict"], merged["exit_code"], merged["partial"]


# ---- A part of the load is missing


def test_a_whole_fleet_passes() -> None:
    merged = merged_of(all_but(COUNT))
    assert outcome(merged) == ("passed", 0, False)
    assert (merged["plan"]["planned"], merged["plan"]["sent"], merged["warnings"]) == (2400, 2400, [])


@pytest.mark.parametrize("codes", [{}, {"task-3": 0}, {"task-3": 127}, {"task-3": 137}])
def test_a_task_that_sent_nothing_is_missed(codes: dict[str, int]) -> None:
    """A task that never started, ended with 0 without a line, or was killed before one is missed all the same."""
    merged = merged_of(all_but(COUNT, without=[3]), codes)
    code = codes.get("task-3") or 1
    assert outcome(merged) == ("incomplete", code, True)
    line = "segment 3 of 8 sent nothing: an eighth of the load is missing"
    assert (merged["fleet"]["missing"], merged["failures"]) == ([3], [line])
    assert line in merge.explain(merged)


def test_a_segment_that_two_workers_carried_out_is_told() -> None:
    merged = merged_of([Task(0), Task(0, name="again")], launched=2)
    assert outcome(merged) == ("incomplete", 1, True)
    assert merged["failures"] == [
        "segment 1 of 2 sent nothing: half of the load is missing",
        "more than one worker carried out segment 0 of 2: this part of the load was sent more than once",
    ]


def test_one_of_two_machines_alone_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The events file of one of two segments is a part of a run, and the merge says so with its exit code."""
    source, output = tmp_path / "events.jsonl", tmp_path / "results.json"
    source.write_text("\n".join(fleet([Task(0)], 2)))
    assert cli.main(["merge", str(source), "--output", str(output)]) == 1
    captured = capsys.readouterr()
    line = "segment 1 of 2 sent nothing: half of the load is missing"
    assert captured.err == f"ddbload merge: {line}\n"
    found = json.loads(captured.out)
    assert (found["verdict"], found["exit_code"], found["partial"]) == ("incomplete", 1, True)
    assert found["missed"].startswith(line)
    assert file.load(output)["fleet"]["missing"] == [1]


def test_where_no_task_sent_anything_all_is_missing() -> None:
    merged = merge.merge([], {"task-0": 0}, None, Expected(8))
    assert outcome(merged) == ("incomplete", 1, True)
    assert merged["failures"] == ["8 of 8 tasks sent nothing: all of the load is missing"]


@pytest.mark.parametrize("text", ["0", "-1", "many", "100001"])
def test_a_number_of_tasks_is_checked(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["merge", "events", "--output", "results", "--tasks", text])
    assert "must be a number of tasks from 1" in capsys.readouterr().err


def test_processes_are_segments_too() -> None:
    """Four tasks of two processes have eight segments; a task that is missing leaves two of them out."""
    merged = merge.merge(fleet(all_but(8, without=[3, 7]), 8), None, None, Expected(4))
    assert merged["failures"] == ["segments 3 and 7 of 8 sent nothing: 2 of 8 parts of the load are missing"]


def test_the_processes_of_one_task_are_not_the_whole() -> None:
    """The supervisor of task 1 of 4 sees the segments of its own two processes only."""
    found = cover([Segment(1, 8), Segment(5, 8)], 1, Expected(share=Segment(1, 4)))
    assert found.problems() == []
    assert cover([Segment(1, 8)], 1, Expected(share=Segment(1, 4))).missing == (5,)


def test_workers_that_divide_the_plan_differently_are_told() -> None:
    found = cover([Segment(0, 2), Segment(1, 3)], 2, Expected())
    assert found.problems()[0] == "the workers divided the plan into 2 and 3 segments: the load is not the plan's"
    found = cover([Segment(0, 1)], 1, Expected(8))
    assert "8 tasks were launched for a plan of 1 segment" in found.problems()[0]


def test_a_long_list_of_segments_is_cut() -> None:
    (line,) = cover([Segment(0, 500)], 1, Expected(500)).problems()
    assert line.startswith("segments 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 489 more of 500 sent nothing")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6).flatmap(lambda count: st.tuples(st.just(count), st.sets(st.integers(0, count - 1)))))
def test_any_missing_segment_is_never_passed(case: tuple[int, set[int]]) -> None:
    """Whatever subset of the segments is missing, the run does not pass; the whole of it does."""
    count, missing = case
    plan = {"type": "constant_rate", "rate": 60, "duration": 3}
    merged = merged_of(all_but(count, without=sorted(missing)), launched=count, plan=plan)
    assert (merged["verdict"] == "passed") == (not missing)
    assert (merged["exit_code"] == 0) == (not missing)
    assert merged["partial"] == bool(missing)


@pytest.mark.parametrize("code", [2, 4, 5, 6])
def test_a_missing_segment_is_incomplete_at_any_code(code: int) -> None:
    """The gravest code says why a part is missing; the verdict says that the run is not the whole plan."""
    ended = Task(2, ends_s=7.0, code=code)
    assert outcome(merged_of(all_but(COUNT, ended, without=[3]))) == ("incomplete", code, True)
    assert outcome(merged_of(all_but(COUNT, without=[3]), {"task-3": code})) == ("incomplete", code, True)
    killed = Task(3, ends_s=7.0, ending="")
    assert outcome(merged_of(all_but(COUNT, ended, killed))) == ("incomplete", code, True)


# ---- A worker ended early


def test_an_abort_threshold_in_one_worker_fails_the_run() -> None:
    merged = merged_of(all_but(COUNT, Task(3, ends_s=5.0, code=3)))
    assert outcome(merged) == ("failed", 3, True)


def test_the_stop_that_follows_an_abort_does_not_hide_it() -> None:
    """Where one worker's threshold ends the run for all, the run has failed, and was not merely stopped."""
    tasks = [Task(index, ends_s=7.0, code=6) for index in range(COUNT)]
    tasks[2] = Task(2, ends_s=5.0, code=3)
    assert outcome(merged_of(tasks)) == ("failed", 3, True)


def test_a_task_that_somebody_stopped_is_a_stopped_run() -> None:
    merged = merged_of(all_but(COUNT, Task(3, ends_s=7.0, code=6)), {"task-3": 6})
    assert outcome(merged) == ("stopped", 6, True)


def test_a_code_of_0_by_ecs_does_not_hide_a_stop() -> None:
    """An emulator may report 0 for a task that it stopped: the code of the summary counts."""
    merged = merged_of(all_but(COUNT, Task(3, ends_s=7.0, code=6)), {"task-3": 0})
    assert outcome(merged) == ("stopped", 6, True)


def test_a_killed_worker_leaves_the_run_incomplete() -> None:
    merged = merged_of(all_but(COUNT, Task(3, ends_s=7.0, ending="")), {"task-3": 137})
    assert outcome(merged) == ("incomplete", 137, True)


def test_a_spike_of_a_whole_fleet_passes() -> None:
    assert outcome(merged_of(all_but(4), launched=4, plan=SPIKE)) == ("passed", 0, False)


# ---- The plan counts whole


@pytest.mark.parametrize(
    ("tasks", "sent"),
    [
        (all_but(COUNT, without=[3]), 2100),
        (all_but(COUNT, Task(3, ends_s=7.0, ending="")), 2170),
        (all_but(COUNT, Task(3, ends_s=3.0, ending="")), 2130),
        (all_but(COUNT, Task(3, ends_s=5.0, code=3)), 2150),
        (all_but(COUNT, Task(3, ends_s=7.0, code=6)), 2170),
    ],
    ids=["missing", "killed", "killed-early", "aborted", "stopped"],
)
def test_what_a_worker_did_not_send_was_never_sent(tasks: list[Task], sent: int) -> None:
    """The plan has the operations of the scenario, whoever carried them out."""
    merged = merged_of(tasks)
    plan = merged["plan"]
    assert (plan["planned"], plan["sent"], plan["never_sent"]) == (2400, sent, 2400 - sent)
    assert (plan["kept"], plan["rate_asked"]) == (False, 80.0)
    assert plan["rate_reached"] == pytest.approx(sent / 30, abs=0.001)
    assert sum(second["sent"] for second in merged["series"]) == sent
    assert "the plan was not kept" in merge.explain(merged)


def test_a_rate_is_that_of_the_whole_plan() -> None:
    merged = merged_of(all_but(COUNT, without=[3]))
    (rate, _lost) = merged["thresholds"]
    assert (rate["value"], rate["passed"]) == (87.5, False)
    # The keys of a worker whose log is missing are not known to be there.
    assert (merged["thresholds"][1]["value"], merged["keys"]) == (None, None)


def test_a_segment_that_came_twice_does_not_fill_the_gap() -> None:
    plan = merged_of([Task(0), Task(0, name="again")], launched=2)["plan"]
    assert (plan["planned"], plan["sent"], plan["never_sent"], plan["kept"]) == (2400, 2400, 1200, False)


def test_a_run_that_was_stopped_as_a_whole_ends_with_its_stop() -> None:
    merged = merged_of([Task(index, ends_s=10.0, code=6) for index in range(COUNT)])
    assert outcome(merged) == ("stopped", 6, True)
    assert (merged["plan"]["planned"], merged["plan"]["never_sent"], merged["plan"]["kept"]) == (800, 0, True)


def test_a_killed_worker_counts_to_its_last_line() -> None:
    """Its counts are those of its last progress, its histograms those of its last checkpoint, and a line says so."""
    merged = merged_of(all_but(COUNT, Task(3, ends_s=7.0, ending="")), {"task-3": 137})
    assert (merged["plan"]["sent"], merged["operations"]["put"]["sent"]) == (2170, 2150)
    assert merged["warnings"] == [
        "worker 3 of 8 (task task-3) left no summary: its figures end 5 s after the start",
        "by progress lines the plan counts worker 3 to 7 s after the start, without outcomes and histograms",
    ]


@pytest.mark.parametrize("warm_up", [0.0, 3.0])
def test_the_warm_up_is_not_part_of_the_plan(warm_up: float) -> None:
    requested = document(STEADY, warm_up=warm_up)
    whole = merge.merge(fleet(all_but(4), 4, requested))["plan"]
    part = merge.merge(fleet(all_but(4, Task(1, ends_s=7.0, ending=""), without=[2]), 4, requested))["plan"]
    assert whole["planned"] == whole["sent"] == part["planned"] == 2400 - 80 * warm_up
    assert part["sent"] == 1200 - 40 * warm_up + 20 * (7 - warm_up)
    assert whole["rate_asked"] == part["rate_asked"] == 80.0


@pytest.mark.parametrize(
    ("plan", "planned"),
    [
        ({"type": "constant_rate", "rate": 40, "duration": 10, "arrivals": "poisson"}, 400),
        ({"type": "closed", "concurrency": 8, "operations": 400}, 400),
        ({"type": "closed", "concurrency": 8, "duration": 10}, None),
        ({"type": "replay", "file": "/nowhere", "speed": 1.0}, None),
        ({"type": "find_max"}, None),
        ("no plan", None),
        ({"type": "constant_rate", "rate": "much"}, None),
    ],
)
def test_a_share_comes_from_the_scenario_if_it_says(plan: Any, planned: int | None) -> None:
    shares = Shares({"plan": plan}, 0.0)
    segments = [shares.operations(Segment(index, 4)) for index in range(4)]
    assert segments == [None if planned is None else planned // 4] * 4


# ---- Late starts


@pytest.mark.parametrize(
    ("late_s", "distortion"), [(5.0, 0.269), (20.0, 0.412), (60.0, 0.504)], ids=["5s", "20s", "60s"]
)
def test_a_late_task_is_a_plan_that_was_not_kept(late_s: float, distortion: float) -> None:
    """One of four tasks is late: the curve that the table received is another, and the run does not pass."""
    merged = merged_of(all_but(4, Task(2, late_s=late_s)), launched=4, plan=SPIKE)
    assert outcome(merged) == ("failed", 3, False)
    fleet = merged["fleet"]
    assert (fleet["tasks"], fleet["skew_s"]) == (4, late_s)
    assert sorted((start["after_s"], start["task_id"]) for start in fleet["starts"])[-1] == (late_s, "task-2")
    assert fleet["distortion"] == pytest.approx(distortion, abs=0.04)
    assert (merged["plan"]["kept"], merged["plan"]["sent"]) == (False, 2200)
    span_s = 30.0 + late_s
    assert merged["elapsed_s"] == span_s
    assert merged["plan"]["rate_reached"] == pytest.approx(2200 / span_s, abs=0.01)
    assert merged["thresholds"][0]["value"] == pytest.approx(100 * 30 / span_s, abs=0.1)
    assert f"the tasks started up to {late_s:.1f} s apart" in merge.explain(merged)


def test_the_same_lateness_matters_less_to_a_long_steady_plan() -> None:
    """0.7 s apart: nothing against ten minutes of one rate, 8 % against a spike of five seconds."""
    tasks = [Task(index, late_s=0.1 * index) for index in range(COUNT)]
    spike = merged_of(tasks, plan=SPIKE)
    assert (outcome(spike), spike["plan"]["kept"]) == (("failed", 3, False), False)
    assert spike["fleet"]["distortion"] == pytest.approx(0.076, abs=0.005)
    steady = merged_of(tasks, plan={"type": "constant_rate", "rate": 80, "duration": 600})
    assert (outcome(steady), steady["warnings"]) == (("passed", 0, False), [])
    assert steady["fleet"]["distortion"] < 0.005


def test_a_distortion_between_2_and_5_percent_is_a_warning() -> None:
    merged = merged_of(all_but(4, Task(1, late_s=0.5)), launched=4, plan=SPIKE)
    assert outcome(merged) == ("passed", 0, False)
    (warning,) = merged["warnings"]
    assert warning.startswith("the tasks started up to 0.5 s apart, which distorts the requested rate by ")


def test_a_stall_of_the_table_is_not_held_against_the_starts() -> None:
    """Operations that wait for a slow table are late, and latency says so; tasks that start together keep the plan."""
    tasks = [Task(index, stall=range(12, 15)) for index in range(4)]
    merged = merged_of(tasks, launched=4)
    assert outcome(merged) == ("passed", 0, False)
    assert merged["fleet"]["distortion"] == pytest.approx(0.2, abs=0.01)
    alone = merged_of([Task(0, stall=range(12, 15))], launched=1)
    assert (outcome(alone), alone["warnings"]) == (("passed", 0, False), [])


def test_random_arrivals_of_one_task_are_no_distortion() -> None:
    merged = merged_of([Task(0)], launched=1, plan=STEADY | {"arrivals": "poisson"})
    assert (outcome(merged), merged["fleet"]["distortion"]) == (("passed", 0, False), 0.0)


def test_a_stall_appears_once_by_the_wall_clock() -> None:
    """A stall of the table at second 20 is one of each worker's own seconds, and one second of the run."""
    tasks = [Task(0, stall=range(20, 22)), Task(1, late_s=10.0, stall=range(10, 12))]
    series = merged_of(tasks, launched=2)["series"]
    assert [second["elapsed_s"] for second in series if not second["sent"]] == [20, 21]


def test_a_closed_plan_warns_of_starts_over_a_second_apart() -> None:
    shares = Shares(document({"type": "closed", "concurrency": 8, "operations": 400}), 0.0)
    coverage = cover([Segment(0, 2), Segment(1, 2)], 2, Expected(2))
    parts = [Part(Segment(index, 2), late, None, False, list, 0.0) for index, late in enumerate((0.0, 1.5))]
    plan = Plan(parts, coverage, shares)
    (line,) = fleet_of.warnings({"skew_s": 1.5}, plan, shares.is_closed)
    assert line.startswith("the tasks started up to 1.5 s apart: the callers were not all there")
    assert fleet_of.warnings({"skew_s": 0.9}, plan, shares.is_closed) == []


def stalled(lines: list[str], late_s: float, task_id: str) -> list[str]:
    """Return lines whose tasks share an instant of the start, at which one of them was not there yet."""
    at = json.loads(lines[0])["ts"]
    starts = {"barrier": True, "at": at}
    return [
        json.dumps(event | {"start": starts | {"late_s": late_s if event["task_id"] == task_id else 0.0}})
        if event["event"] == "run.started"
        else json.dumps(event)
        for event in map(json.loads, lines)
    ]


@pytest.mark.parametrize("late_s", [0.25, 2.0])
def test_a_stall_at_a_common_start_counts_once(late_s: float) -> None:
    """A worker that was not there at the common instant counts its seconds from that instant, as the others do."""
    lines = fleet(all_but(2, Task(1, stall=range(1, 1 + int(late_s)))), 2, document(STEADY))
    plain, found = merge.merge(lines), merge.merge(stalled(lines, late_s, "task-1"))
    for name in ("plan", "elapsed_s", "series", "verdict", "exit_code"):
        assert to_json({name: found[name]}) == to_json({name: plain[name]})
    assert found["fleet"]["distortion"] == plain["fleet"]["distortion"]
    assert [(one["at"], one["after_s"]) for one in found["fleet"]["starts"]] == [
        ("2026-01-31T12:00:00.000Z", 0.0),
        (f"2026-01-31T12:00:0{late_s:.3f}Z", late_s),
    ]
    assert found["fleet"]["skew_s"] == late_s


def test_clocks_that_are_years_apart_do_not_hold_the_merge_up() -> None:
    merged = merged_of(all_but(2, Task(1, late_s=3e8)), launched=2)
    assert (merged["verdict"], merged["plan"]["kept"]) == ("failed", False)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 40), st.none() | st.floats(0.5, 6), st.booleans()), min_size=1, max_size=5),
    st.sampled_from([0.0, 2.0]),
)
def test_the_seconds_add_up_to_the_counts(parts: list[tuple[float, float | None, bool]], warm_up: float) -> None:
    """Whenever workers start and end, the seconds by the wall clock have all that was sent, once."""
    plan = {"type": "constant_rate", "rate": 50, "duration": 6}
    tasks = [
        Task(index, late_s=round(late_s, 3), ends_s=ends_s, ending="run.summary" if has_summary else "")
        for index, (late_s, ends_s, has_summary) in enumerate(parts)
    ]
    lines = fleet(tasks, len(tasks), document(plan, warm_up=warm_up))
    progress = [event["interval"] for event in map(json.loads, lines) if event["event"] == "run.progress"]
    merged = merge.merge(lines)
    for name in ("planned", "sent", "ok"):
        assert sum(second[name] for second in merged["series"]) == sum(interval[name] for interval in progress)
    assert sum(second["service_histogram"].total for second in merged["series"]) == sum(one["ok"] for one in progress)
    plan_of = merged["plan"]
    assert plan_of["planned"] == plan_of["sent"] + plan_of["never_sent"] + plan_of["passed_over"]
    if not warm_up:
        assert plan_of["sent"] == sum(interval["sent"] for interval in progress)


@settings(max_examples=50, deadline=None)
@given(st.floats(0, 100), st.floats(0.01, 3), st.floats(0.1, 1e6))
def test_an_interval_is_divided_without_loss(end_s: float, seconds: float, amount: float) -> None:
    found: dict[int, float] = {}
    clock.spread(found, end_s, seconds, amount)
    assert sum(found.values()) == pytest.approx(amount)
    assert all(max(0.0, end_s - seconds) - 1 <= second <= end_s + 1 for second in found)


# ---- Tasks that start no load


def test_a_task_that_came_late_is_missing_once() -> None:
    """A task whose only line is its failure has no start, and what it did not send counts once."""
    failed = json.dumps(
        {
            "ts": "2026-01-01T00:00:20.000Z",
            "level": "error",
            "event": "run.failed",
            "run_id": "run-1",
            "task_id": "late",
        }
        | {"worker": 0, "exit_code": 6, "reason": "stopped", "message": "came 14 s late: nothing was sent"}
    )
    whole = merge.merge(fleet(all_but(4), 4, document(SPIKE)))
    missing = merge.merge(fleet(all_but(4, without=[2]), 4, document(SPIKE)))
    found = merge.merge([*fleet(all_but(4, without=[2]), 4, document(SPIKE)), failed])
    assert found["plan"] == missing["plan"]
    assert found["plan"]["planned"] == whole["plan"]["planned"]
    assert (found["fleet"]["missing"], len(found["fleet"]["starts"]), found["exit_code"]) == ([2], 3, 6)
    assert not any("apart" in text for text in found["warnings"])


SURPLUS = json.dumps(
    {"ts": "2026-01-01T00:00:20.000Z", "level": "warning", "event": "run.warning", "run_id": "run-1"}
    | {"task_id": "surplus", "worker": 0, "message": "launched once too often", "surplus": True}
)


@pytest.mark.parametrize("codes", [None, {"surplus": 0}], ids=["unknown", "0"])
@pytest.mark.parametrize("launched", [0, 4, 5])
def test_a_task_that_was_launched_once_too_often_changes_nothing(launched: int, codes: dict[str, int] | None) -> None:
    """A surplus task writes a warning, sends nothing and ends with 0: the run is whole without it, counted or not."""
    lines = fleet(all_but(4), 4, document(SPIKE))
    whole = merge.merge(lines)
    found = merge.merge([*lines, SURPLUS], codes, None, Expected(launched))
    for name in ("plan", "verdict", "exit_code", "warnings", "failures", "partial"):
        assert found[name] == whole[name]
    assert found["verdict"] == "passed"
    assert (found["fleet"]["starts"], found["fleet"]["problems"]) == (whole["fleet"]["starts"], [])


def test_a_surplus_task_does_not_stand_in_for_another() -> None:
    """A sixth task, which reports nothing, has no part of the plan; nor does a surplus task fill a missing segment."""
    lines = fleet(all_but(4), 4, document(SPIKE))
    merged = merge.merge([*lines, SURPLUS], None, None, Expected(6))
    assert merged["failures"] == ["5 tasks were launched for a plan of 4 segments: the others had no part of it"]
    merged = merge.merge([*fleet(all_but(4, without=[2]), 4), SURPLUS], None, None, Expected(4))
    assert outcome(merged) == ("incomplete", 1, True)
    failed = merge.merge([*lines, SURPLUS], {"surplus": 137}, None, Expected(4))
    assert outcome(failed) == ("incomplete", 137, True)


# ---- The cost


def test_the_time_of_a_killed_and_a_silent_task_costs() -> None:
    """ECS's own times count where a task did not report its cost to the end."""
    lines = fleet(all_but(4, Task(1, ends_s=7.0, ending=""), without=[2]), 4)
    codes = {f"task-{index}": 0 for index in range(4)} | {"task-1": 137}
    plain = merge.merge(lines, codes)["cost"]
    cost = merge.merge(lines, codes, task_costs=dict.fromkeys(codes, 0.4))["cost"]
    # The killed task reported 0.25 of its 0.4, the silent one nothing.
    assert cost["compute"] == pytest.approx(plain["compute"] + 0.15 + 0.4)
    assert cost["total"] == pytest.approx(plain["total"] + 0.55)
    assert cost["note"] == "The Fargate time of 2 tasks is by ECS's times."
    whole = merge.merge(fleet(all_but(4), 4), task_costs=dict.fromkeys(codes, 9.0))
    assert whole["cost"] == merge.merge(fleet(all_but(4), 4))["cost"]
    silent = merge.merge([], {"task-0": 0}, task_costs={"task-0": 0.3})
    assert (silent["cost"]["total"], silent["cost"]["requests"]) == (0.3, 0.0)


def test_the_command_takes_what_tasks_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, output = tmp_path / "events.jsonl", tmp_path / "results.json"
    source.write_text("\n".join(fleet(all_but(2, without=[1]), 2)))
    command = ["merge", str(source), "--output", str(output), "--tasks", "2"]
    assert cli.main([*command, "--task-cost", "task-0=0.9", "--task-cost", "task-1=0.4"]) == 1
    assert file.load(output)["cost"]["compute"] == 0.25 + 0.4
    for text in ("task-1", "task-1=", "=1", "task-1=-1", "task-1=nan", "task-1=inf"):
        with pytest.raises(SystemExit):
            cli.main([*command, "--task-cost", text])
        assert "must be TASK=DOLLARS" in capsys.readouterr().err
