# SPDX-License-Identifier: Apache-2.0
"""Events of many tasks that share a plan, made from the plan: late, missing, doubled, killed, aborted or stopped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ddbload.pacing.segment import Segment
from ddbload.results.events import to_json
from ddbload.scenario import scenario
from ddbload.scenario.plan import ClosedPlan, FindMaxPlan
from ddbload.stats.histogram import Histogram
from results.test_merge import verification

START = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
SPIKE = {"type": "spike", "base": 40, "peak": 240, "duration": 30, "at": 10, "length": 5}
CHECKPOINT_S = 5
LATENCY_US = 5000


@dataclass
class Task:
    """One task of a run.

    Attributes:
        index: of its segment.
        late_s: seconds from the common start to its own.
        ends_s: after how many seconds of its own it ends early; None where it carries its segment out.
        ending: what it writes last: run.summary, run.failed alone, or nothing.
        code: its exit code.
        stall: its own seconds in which nothing is sent; what falls due in them is sent afterwards.
        name: its id; made of the index where it is empty.
    """

    index: int
    late_s: float = 0.0
    ends_s: float | None = None
    ending: str = "run.summary"
    code: int = 0
    stall: range = field(default_factory=lambda: range(0))
    name: str = ""

    @property
    def id(self) -> str:
        """The task's id."""
        return self.name or f"task-{self.index}"


def document(plan: dict[str, Any], thresholds: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """Return a whole scenario, as run.started has it."""
    requested = {"table": "test-table", "plan": plan, "thresholds": list(thresholds)} | more
    return scenario.parse(requested).to_document()


def log(task: Task, count: int, requested: dict[str, Any]) -> list[str]:
    """Return the lines of one task, as one of ``count``, each second of its own one progress line."""
    plan = scenario.parse(requested).plan
    assert not isinstance(plan, ClosedPlan | FindMaxPlan)
    pacer = plan.pacer(Segment(task.index, count), 1)
    whole_s = plan.duration_s
    loaded_s = whole_s if task.ends_s is None else min(whole_s, task.ends_s)
    lines = [_line(task, 0.0, "run.started", **_start(task, count, requested))]
    warm_up_s = float(requested["warm_up"])
    totals = {"planned": 0, "sent": 0, "warm": 0}
    second = 0
    while second < loaded_s:
        second += 1
        at_s = min(float(second), loaded_s)
        # What is due at the end of a second belongs to the next one.
        due = pacer.due(round(at_s * 1e9) - (at_s < whole_s)) - totals["planned"]
        totals["planned"] += due
        sent = 0 if second in task.stall else totals["planned"] - totals["sent"]
        totals["sent"] += sent
        if at_s <= warm_up_s:
            totals["warm"] = totals["planned"]
        lines.append(_line(task, at_s, "run.progress", elapsed_s=at_s, interval=_interval(due, sent, at_s, second)))
        if second % CHECKPOINT_S == 0:
            figures = _figures(task, totals, at_s, warm_up_s, at_s >= whole_s) | {"partial": True, "keys": None}
            lines.append(_line(task, at_s, "run.checkpoint", **figures))
    if task.ending == "run.summary":
        figures = _figures(task, totals, loaded_s, warm_up_s, loaded_s >= whole_s)
        lines.append(_line(task, loaded_s, "run.summary", **figures, exit_code=task.code))
    if task.ending == "run.failed" or task.code:
        message = f"{task.id} ended with {task.code}"
        lines.append(_line(task, loaded_s, "run.failed", exit_code=task.code, message=message))
    return lines


def fleet(tasks: Sequence[Task], count: int, requested: dict[str, Any] | None = None) -> list[str]:
    """Return the lines of several tasks."""
    requested = requested or document(SPIKE)
    return [line for task in tasks for line in log(task, count, requested)]


def all_but(count: int, *others: Task, without: Sequence[int] = ()) -> list[Task]:
    """Return ``count`` tasks that do as they should, but for some others."""
    replaced = {task.index: task for task in others}
    return [replaced.get(index, Task(index)) for index in range(count) if index not in without]


def _line(task: Task, at_s: float, event: str, **fields: Any) -> str:
    instant = START + timedelta(seconds=task.late_s + at_s)
    context = {"run_id": "run-1", "task_id": task.id, "worker": task.index}
    return to_json({"ts": _text(instant), "event": event} | context | fields)


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _start(task: Task, count: int, requested: dict[str, Any]) -> dict[str, Any]:
    segment = {"index": task.index, "count": count}
    return {"scenario": requested, "table": {"name": "test-table"}, "segment": segment, "version": "0.0.0"}


def _interval(planned: int, sent: int, at_s: float, second: int) -> dict[str, Any]:
    none = dict.fromkeys(("expected", "contention", "cancelled", "failed", "items_unprocessed", "retried"), 0)
    latency = Histogram.from_values([LATENCY_US] * sent)
    seconds = at_s - (second - 1)
    return none | {
        "planned": planned,
        "sent": sent,
        "ok": sent,
        "throttled": {},
        "indexes": {},
        "consumed_read_units": 0.0,
        "consumed_write_units": float(sent),
        "rate": sent / seconds,
        "seconds": seconds,
        "late_ms_max": 0.5,
        "histograms": {"put": latency},
        "service_histogram": latency,
    }


def _figures(task: Task, totals: dict[str, int], at_s: float, warm_up_s: float, is_whole: bool) -> dict[str, Any]:
    planned, sent = totals["planned"] - totals["warm"], totals["sent"] - totals["warm"]
    loaded_s = max(0.001, at_s - warm_up_s)
    latency = Histogram.from_values([LATENCY_US] * sent)
    put = {
        **dict.fromkeys(("expected", "contention", "found"), 0),
        "sent": sent,
        "ok": sent,
        "consumed_read_units": 0.0,
        "consumed_write_units": float(sent),
        **{name: {} for name in ("throttled", "cancelled", "failed", "indexes")},
        "items": {"ok": sent, "unprocessed": 0, "failed": {}},
        "attempts": {"retried": {}, "back_off_ms": None},
        "rate_asked": round(planned / loaded_s, 3),
        "rate_reached": round(sent / loaded_s, 3),
        "histograms": {"ok": {"latency": latency, "service": latency}},
    }
    cost = {"currency": "USD", "total": 0.5, "requests": 0.25, "compute": 0.25, "read_units": 0.0, "write_units": 1.0}
    return {
        "partial": not is_whole,
        "started_at": _text(START + timedelta(seconds=task.late_s)),
        "ended_at": _text(START + timedelta(seconds=task.late_s + at_s)),
        "elapsed_s": at_s,
        "warm_up_s": warm_up_s,
        "plan": {
            "rate_asked": round(planned / loaded_s, 3),
            "rate_reached": round(sent / loaded_s, 3),
            "planned": planned,
            "sent": sent,
            "never_sent": planned - sent,
            "passed_over": 0,
            "late_ms": {"p50": 0.1, "p99": 0.2, "max": 0.5},
            "busy": 0.2,
            "kept": True,
        },
        "operations": {"put": put},
        "warnings": [],
        "connections": {"opened": 1},
        "clock_corrections": 0,
        "duplicates": None,
        "breaker": None,
        "keys": {"acknowledged": sent, "indeterminate": 0, "refused": 0, "below": sent},
        "verification": verification(present=sent),
        "cleanup": None,
        "search": None,
        "cost": cost | {"refused_write_units": 0.0, "estimated": 4.0, "note": "", "prices_of": "2026-01-31"},
    }
