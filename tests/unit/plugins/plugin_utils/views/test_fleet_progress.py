# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.fleet_progress import (
    COLUMNS,
    LIFECYCLE,
    FleetProgress,
    states_text,
)
from hypothesis import given
from hypothesis import strategies as st

ONE = {"RUNNING": 1}
PROGRESS: dict[str, Any] = {
    "event": "run.progress",
    "worker": 0,
    "elapsed_s": 42.0,
    "planned_duration_s": 300.0,
    "planned_operations": 150_000,
    "warming_up": False,
    "interval": {"rate": 500.0, "p99_ms": 8.31, "throttled": {}},
    "total": {
        "planned": 21_020,
        "sent": 21_000,
        "ok": 20_900,
        "expected": 0,
        "throttled": 12,
        "contention": 0,
        "cancelled": 0,
        "failed": 0,
    },
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def progress(interval: dict[str, Any] | None = None, total: dict[str, Any] | None = None, **changed: Any) -> Any:
    more = {"interval": PROGRESS["interval"] | (interval or {}), "total": PROGRESS["total"] | (total or {})}
    return PROGRESS | more | changed


def line(*events: dict[str, Any], states: dict[str, int] | None = None, columns: int = COLUMNS) -> str:
    fleet = FleetProgress()
    for number, event in enumerate(events):
        fleet.take(f"task{number}", event)
    return fleet.line(3.2, ONE if states is None else states, columns)


def test_one_task_has_one_line_of_steady_columns() -> None:
    early = line(progress(elapsed_s=1.0, total={"sent": 5, "ok": 5, "throttled": 0}, interval={"p99_ms": 1234.0}))
    late = line(PROGRESS)
    assert early == "0:01/5:00  left 4:59  sent     5/150k    500/s  p99  1.23 s  ok     5  throttled 0  failed 0"
    assert late == "0:42/5:00  left 4:18  sent 21.0k/150k    500/s  p99 8.31 ms  ok 20.9k  throttled 12  failed 0"


def test_failures_are_highlighted() -> None:
    assert line(progress(total={"failed": 3})).endswith("  FAILED 3")


def test_rare_outcomes_are_shown_where_they_occur() -> None:
    text = line(progress(total={"expected": 7, "contention": 2}), columns=200)
    assert text.endswith("failed 0  expected 7  contention 2")


def test_progress_adds_up_tasks_and_names_the_worst_percentile() -> None:
    """Progress adds up the tasks' counts, and labels the worst percentile as the worst."""
    slow = progress(interval={"p99_ms": 250.0}, elapsed_s=40.0)
    text = line(PROGRESS, slow, states={"RUNNING": 2})
    assert text == ("2 tasks  0:42/5:00  sent 42.0k/300k   1000/s  worst p99  250 ms  ok 41.8k  throttled 24  failed 0")


def test_workers_of_one_task_are_counted_separately() -> None:
    fleet = FleetProgress()
    for worker in (0, 1, 1):
        fleet.take("task", progress(worker=worker))
    assert "sent 42.0k/300k" in fleet.line(1, ONE)


def started(index: int, count: int, planned: float | None = 100.0) -> dict[str, Any]:
    return {
        "event": "run.started",
        "worker": index,
        "segment": {"index": index, "count": count},
        "planned_operations": planned,
    }


def test_tasks_that_have_not_reported_are_counted() -> None:
    assert line(PROGRESS, states={"RUNNING": 3}).startswith("1 of 3 reporting  0:42/5:00")


def test_tasks_that_are_not_launched_yet_are_counted() -> None:
    fleet = FleetProgress()
    fleet.take("a", PROGRESS)
    text = fleet.line(3.2, {"RUNNING": 2, "PENDING": 98}, 200, wanted=500)
    assert text.startswith("1 of 500 reporting  0:42/5:00") and "sent 21.0k/75.0M" in text


def test_the_plan_is_that_of_all_tasks() -> None:
    """The plan is scaled from the started segments to all of them."""
    fleet = FleetProgress()
    for index in (0, 1, 5):
        fleet.take(f"task{index}", started(index, 8, 150.0))
        fleet.take(f"task{index}", progress(worker=index, planned_operations=150))
    assert "sent 63.0k/1200 " in fleet.line(3.2, {"RUNNING": 8}, 200)


def test_the_plan_of_several_processes_a_task_is_whole() -> None:
    """The segments of a task's processes count as parts of the plan, also where one line reports for the task."""
    fleet = FleetProgress()
    for index in range(4):
        fleet.take(f"task{index % 2}", started(index, 4, 25.0))
    fleet.take("task0", progress(worker=0, planned_operations=50))
    assert "sent 21.0k/100 " in fleet.line(3.2, {"RUNNING": 2}, 200)


def test_a_plan_without_a_count_has_no_total() -> None:
    fleet = FleetProgress()
    fleet.take("a", started(0, 2, None))
    fleet.take("a", progress(planned_operations=None))
    assert "sent 21.0k  " in fleet.line(3.2, {"RUNNING": 2}, 200)


def test_an_old_figure_is_marked_as_old() -> None:
    fleet = FleetProgress()
    for number, written_s in enumerate((100.0, 107.0, 108.0)):
        fleet.take(f"task{number}", PROGRESS, written_s, came_s=9.0)
    assert fleet.line(9.5, {"RUNNING": 3}, 200).startswith("3 tasks, oldest figure 8 s  0:42")
    assert fleet.line(9.5, {"RUNNING": 4}, 200).startswith("3 of 4 reporting, oldest figure 8 s  0:42")
    fleet.end("task0")
    assert fleet.line(9.5, {"RUNNING": 3}, 200).startswith("3 tasks  0:42")


def test_merged_progress_of_processes_is_one_and_ends_with_them() -> None:
    """The merged progress of processes counts once, with its percentile, and ends with the last of them."""
    fleet = FleetProgress()
    fleet.take("task", progress(worker=0, workers=[0, 1]))
    assert "sent 21.0k/150k    500/s  p99 8.31 ms" in fleet.line(1, ONE)
    fleet.take("task", {"event": "run.phase", "worker": 0, "phase": "verification"})
    fleet.take("task", progress(worker=0, workers=[0, 1], total={"sent": 22_000}))
    fleet.take("task", {"event": "run.phase", "worker": 1, "phase": "verification"})
    text = fleet.line(1, ONE)
    assert (text.startswith("verification"), "sent 22.0k/150k  ok" in text) == (True, True)


@pytest.mark.parametrize(
    ("states", "text"),
    [
        ({"PENDING": 1}, "PENDING  0:03"),
        ({"RUNNING": 1}, "RUNNING  0:03"),
        ({"RUNNING": 3, "PENDING": 22}, "22 PENDING, 3 RUNNING  0:03"),
        ({}, "0:03"),
    ],
)
def test_without_progress_there_are_the_states_and_the_time(states: dict[str, int], text: str) -> None:
    assert line(states=states) == text


def test_states_are_shown_where_not_all_tasks_run() -> None:
    assert line(PROGRESS, states={"STOPPING": 1}).startswith("STOPPING  0:42/5:00")
    assert line(PROGRESS, PROGRESS, states={"STOPPED": 1, "RUNNING": 1}).startswith("1 RUNNING, 1 STOPPED  0:42")


def test_the_warm_up_is_shown() -> None:
    assert line(progress(warming_up=True)).startswith("warming up  0:42/5:00")


@pytest.mark.parametrize("last", [{"event": "run.summary"}, {"event": "run.failed"}, {"event": "run.phase"}])
def test_after_the_load_there_are_no_current_figures(last: dict[str, Any]) -> None:
    fleet = FleetProgress()
    fleet.take("a", PROGRESS)
    fleet.take("a", {**last, "worker": 0, "phase": "verification"})
    head = "verification  " if last["event"] == "run.phase" else ""
    assert fleet.line(1, ONE) == f"{head}0:42/5:00  sent 21.0k/150k  ok 20.9k  throttled 12  failed 0"


def test_an_ended_task_has_no_rate_and_keeps_its_counts() -> None:
    fleet = FleetProgress()
    fleet.take("a", PROGRESS)
    fleet.take("b", progress(interval={"rate": 100.0}))
    fleet.end("a")
    text = fleet.line(1, {"RUNNING": 1, "STOPPED": 1})
    assert "    100/s  p99 8.31 ms" in text and "sent 42.0k/300k" in text


def test_the_time_left_is_the_longest() -> None:
    by_rate = progress(planned_duration_s=None, planned_operations=121_000)
    assert "  left 3:20  " in line(by_rate)
    assert "left 4:58" in line(progress(elapsed_s=2.0), by_rate, columns=200, states={"RUNNING": 2})


def test_an_incomputable_time_left_is_unknown() -> None:
    assert "left    -" in line(progress(planned_operations=1e308, interval={"rate": 1e-300}, planned_duration_s=None))
    assert "left " in line(progress(elapsed_s=-1.7e308, planned_duration_s=1.7e308))


def test_a_total_needs_the_plan_of_every_worker() -> None:
    text = line(PROGRESS, progress(planned_operations=None), states={"RUNNING": 2})
    assert "sent 42.0k  " in text


def test_a_percentile_without_samples_is_none() -> None:
    assert "p99       -" in line(progress(interval={"p99_ms": 0}))


def test_a_narrow_line_keeps_what_matters_most() -> None:
    assert line(PROGRESS, columns=77) == ("0:42/5:00  sent 21.0k/150k    500/s  p99 8.31 ms  throttled 12  failed 0")
    assert line(PROGRESS, columns=40) == "0:42/5:00  sent 21.0k/150k  failed 0"
    assert line(PROGRESS, columns=5) == "0:42/"


@given(st.integers(-1, 150), st.sampled_from([ONE, {"RUNNING": 20, "STOPPED": 5}]))
def test_no_line_is_longer_than_it_may_be(columns: int, states: dict[str, int]) -> None:
    assert len(line(progress(warming_up=True), PROGRESS, states=states, columns=columns)) <= max(columns, 0)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"event": st.sampled_from(["run.progress"] * 5 + ["run.phase", "run.summary"])},
            optional={name: ANYTHING for name in [*PROGRESS, "phase"] if name != "event"},
        ),
        min_size=1,
        max_size=4,
    ),
    st.lists(st.sampled_from([*PROGRESS["total"], "rate", "p99_ms"]), max_size=4),
    ANYTHING,
    st.sampled_from([ONE, {"RUNNING": 4}, {"\x1b[2J": 1}]),
)
def test_progress_with_any_fields_is_one_plain_line(
    events: list[dict[str, Any]], odd: list[str], value: Any, states: dict[str, int]
) -> None:
    fleet = FleetProgress()
    for event in events:
        fleet.take("a", event)
        within = dict.fromkeys(odd, value)
        fleet.take("b", progress(within, within) | {name: event[name] for name in event if name == "worker"})
    text = fleet.line(1.0, states)
    assert text.isascii() and text.isprintable() and 0 < len(text) <= COLUMNS


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 10_000)), min_size=1))
def test_only_the_newest_progress_of_each_worker_counts(reports: list[tuple[int, int]]) -> None:
    fleet = FleetProgress()
    for worker, sent in reports:
        fleet.take("task", progress(worker=worker, total={"sent": sent}, planned_operations=None))
    total = sum(dict(reports).values())
    other = FleetProgress()
    other.take("task", progress(total={"sent": total}, planned_operations=None))
    sent_text = other.line(1, ONE, 200).partition("sent")[2].split()[0]
    assert fleet.line(1, ONE, 200).partition("sent")[2].split()[0] == sent_text


@given(st.dictionaries(st.sampled_from(LIFECYCLE), st.integers(1, 50), min_size=1))
def test_states_come_in_the_order_of_a_tasks_life(states: dict[str, int]) -> None:
    names = [part.split()[-1] for part in states_text(states).split(", ")]
    assert names == [state for state in LIFECYCLE if state in states]


def test_an_unknown_state_is_shown_too() -> None:
    assert states_text({"HIBERNATING": 2, "STOPPED": 1, "RUNNING": 0}) == "1 STOPPED, 2 HIBERNATING"
