# SPDX-License-Identifier: Apache-2.0
"""Figures of the report that only the events have are merged into the results."""

import json
from typing import Any

from ddbload.results import merge
from ddbload.run.task import NO_TASK, Task
from ddbload.stats.histogram import Histogram
from hypothesis import given, settings
from hypothesis import strategies as st
from results.test_merge import OK, events
from run.test_progress import Happening, happenings


def reported(lines: list[str], **more: Any) -> list[str]:
    """Return a log with more fields in its start."""
    start, *rest = lines
    return [json.dumps(json.loads(start) | more), *rest]


@settings(max_examples=30)
@given(st.lists(st.lists(happenings, max_size=6), min_size=1, max_size=3))
def test_service_times_of_all_workers_merge_without_loss(workers: list[list[Happening]]) -> None:
    lines = [line for number, happened in enumerate(workers) for line in events(f"task-{number}", happened)]
    (second,) = merge.merge(lines)["series"]
    everything = [one.latency_us for happened in workers for one in happened if one.outcome == "ok"]
    merged = second["service_histogram"]
    assert dict(merged.slots()) == dict(Histogram.from_values(everything).slots())


def test_service_times_need_all_workers_to_report_them() -> None:
    """Service times are left out where a worker of an earlier version did not report them."""
    earlier = [json.loads(line) for line in events("task-0", [OK])]
    del earlier[1]["interval"]["service_histogram"]
    (second,) = merge.merge([*map(json.dumps, earlier), *events("task-1", [OK])])["series"]
    assert "service_histogram" not in second
    assert second["ok"] == 2


def test_the_region_and_the_tasks_of_a_run_are_kept() -> None:
    hardware = Task("t", vcpu=0.5, memory_gb=1.0, architecture="ARM64").hardware()
    where = {"version": "9.9", "endpoint": "https://example.invalid", "region": "eu-west-1"}
    lines = [
        *reported(events("task-0", [OK]), hardware=hardware, **where),
        *reported(events("task-1", [OK]), hardware=None),
    ]
    merged = merge.merge(lines)
    assert {name: merged[name] for name in where} == where
    assert [task["hardware"] for task in merged["tasks"]] == [hardware, None]
    assert hardware == {"vcpu": 0.5, "memory_gb": 1.0, "architecture": "ARM64"}
    assert NO_TASK.hardware() is None


def test_a_run_without_context_has_no_region() -> None:
    merged = merge.merge([], {"task-0": 137})
    assert (merged["version"], merged["endpoint"], merged["region"]) == (None, None, None)
    assert merged["tasks"] == [{"task_id": "task-0", "worker": 0, "exit_code": 137, "hardware": None}]
