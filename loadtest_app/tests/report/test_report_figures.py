# SPDX-License-Identifier: Apache-2.0
"""What a report shows and only the events know comes through into the results, of all workers together."""

import json
from typing import Any

from ddbload.results import merge
from ddbload.run.task import NO_TASK, Task
from ddbload.stats.histogram import Histogram
from hypothesis import given, settings
from hypothesis import strategies as st
from results.test_merge import OK, events
from run.test_progress import Happening, happenings


def told(lines: list[str], **more: Any) -> list[str]:
    """Return a log whose start tells more."""
    start, *rest = lines
    return [json.dumps(json.loads(start) | more), *rest]


@settings(max_examples=30)
@given(st.lists(st.lists(happenings, max_size=6), min_size=1, max_size=3))
def test_service_times_of_all_workers_merge_without_loss(workers: list[list[Happening]]) -> None:
    lines = [line for number, happened in enumerate(workers) for line in events(f"task-{number}", happened)]
    (second,) = merge.merge(lines)["series"]
    everything = [one.latency_us for happened in workers for one in happened if one.outcome == "ok"]
    merged = Histogram.decode(second["service_histogram"])
    assert dict(merged.slots()) == dict(Histogram.from_values(everything).slots())


def test_service_times_are_left_out_where_a_worker_of_an_earlier_version_did_not_tell_them() -> None:
    earlier = [json.loads(line) for line in events("task-0", [OK])]
    del earlier[1]["interval"]["service_histogram"]
    (second,) = merge.merge([*map(json.dumps, earlier), *events("task-1", [OK])])["series"]
    assert "service_histogram" not in second
    assert second["ok"] == 2


def test_where_a_run_was_and_what_its_tasks_were_made_of_is_kept() -> None:
    hardware = Task("t", vcpu=0.5, memory_gb=1.0, architecture="ARM64").hardware()
    where = {"version": "9.9", "endpoint": "https://example.invalid", "region": "eu-west-1"}
    lines = [*told(events("task-0", [OK]), hardware=hardware, **where), *told(events("task-1", [OK]), hardware=None)]
    merged = merge.merge(lines)
    assert {name: merged[name] for name in where} == where
    assert [task["hardware"] for task in merged["tasks"]] == [hardware, None]
    assert hardware == {"vcpu": 0.5, "memory_gb": 1.0, "architecture": "ARM64"}
    assert NO_TASK.hardware() is None


def test_a_run_of_which_nothing_is_known_was_nowhere() -> None:
    merged = merge.merge([], {"task-0": 137})
    assert (merged["version"], merged["endpoint"], merged["region"]) == (None, None, None)
    assert merged["tasks"] == [{"task_id": "task-0", "worker": 0, "exit_code": 137, "hardware": None}]
