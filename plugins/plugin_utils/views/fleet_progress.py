# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a run of many tasks stands, in one line: their newest progress put together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.live.events import printable
from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import (
    NOTHING,
    clock_text,
    count_text,
    milliseconds_text,
    number_of,
    total_of,
)

COLUMNS = 99
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
LIFECYCLE = (
    "PROVISIONING",
    "PENDING",
    "ACTIVATING",
    "RUNNING",
    "DEACTIVATING",
    "STOPPING",
    "DEPROVISIONING",
    "STOPPED",
)
OUTCOMES = ("ok", "throttled", "failed", "expected", "contention", "cancelled")
LONGEST_NAME = 40  # characters of a state's or a phase's name
FRESH_S = 3.0  # age of a figure that needs no mention: one line a second, and one poll a second


class Field(NamedTuple):
    """A part of the line; where the line is too long, the fields with the highest rank are left out first."""

    rank: int
    text: str


@dataclass
class Worker:
    """The newest progress of one of the load tester's processes.

    Attributes:
        elapsed_s: seconds since its load's start.
        duration_s: how long its load is planned to take; None where only the number of operations ends it.
        planned: operations that it has in all.
        sent: operations that it has sent.
        outcomes: how many operations ended how.
        rate: operations that ended, a second.
        p99_ms: latency of the answers that were ok in the last interval; None where there was none.
        warming_up: whether its warm-up goes on.
        written_s: when its line was written; s on the clock of the logs.
        loads: whether its load goes on.
        phase: what follows its load.
    """

    elapsed_s: float | None
    duration_s: float | None
    planned: float | None
    sent: float | None
    outcomes: Mapping[str, float | None]
    rate: float | None
    p99_ms: float | None
    warming_up: bool
    written_s: float = 0.0
    loads: bool = True
    phase: str = ""

    @property
    def left_s(self) -> float | None:
        """Seconds to the end of the load: by the clock where the plan has a duration, else by the present rate."""
        if self.elapsed_s is not None and self.duration_s:
            left_s = self.duration_s - self.elapsed_s
        elif self.planned is not None and self.sent is not None and self.rate and self.rate > 0:
            left_s = (self.planned - self.sent) / self.rate
        else:
            return None
        # What numbers beyond belief make of it may be infinite.
        known = number_of(left_s)
        return None if known is None else max(0.0, known)


class Share(NamedTuple):
    """What a started worker says of the plan.

    Attributes:
        part: its part of the whole plan, 0 to 1; 0 where it does not say.
        planned: operations of its part; None where only time ends it.
    """

    part: float
    planned: float | None


class FleetProgress:
    """Combines the progress of the workers of all tasks of a run."""

    def __init__(self) -> None:
        self._workers: dict[tuple[str, str], Worker] = {}
        self._ended: set[str] = set()
        self._shares: dict[tuple[str, str], Share] = {}
        self._newest_s, self._newest_came_s = 0.0, 0.0
        # Workers of one task, each with the worker in whose name their progress is merged.
        self._merged: dict[tuple[str, str], tuple[str, str]] = {}

    @property
    def has_progress(self) -> bool:
        """Whether any progress has come."""
        return bool(self._workers)

    def take(self, task_id: str, event: Mapping[str, Any], written_s: float = 0.0, came_s: float = 0.0) -> None:
        """Take an event of the load tester.

        Args:
            task_id: the task in whose log it is.
            event: the event; fields that are missing, or are not what they should be, count as unknown.
            written_s: when it was written; s on the clock of the logs.
            came_s: when it was read; s since the run's launch.
        """
        name, key = event.get("event"), (task_id, repr(event.get("worker")))
        if name == "run.started":
            self._shares[key] = _share(event)
        if name == "run.progress":
            self._workers[key] = _worker(event, written_s)
            if written_s >= self._newest_s:
                self._newest_s, self._newest_came_s = written_s, came_s
            numbers = event.get("workers")
            self._merged |= {(task_id, repr(each)): key for each in numbers} if isinstance(numbers, list) else {}
            return
        worker = self._workers.get(self._merged.get(key, key))
        if worker and name in ("run.phase", "run.summary", "run.died", "run.failed"):
            worker.loads = False
            worker.phase = _name(event.get("phase")) if name == "run.phase" else ""

    def end(self, task_id: str) -> None:
        """Note that a task has ended, whatever its last progress."""
        self._ended.add(task_id)

    def line(self, elapsed_s: float, states: Mapping[str, int], columns: int = COLUMNS, wanted: int = 0) -> str:
        """Put where the run stands into one line of plain ASCII.

        Figures of a moment (rate, p99, time left) are those of the workers whose load goes on. A latency percentile of
        several workers cannot be made of theirs, so the worst is shown, and said to be.

        Args:
            elapsed_s: seconds since the run's launch; shown until there is progress.
            states: how many tasks are in which status.
            columns: characters that the line may have; fields that matter less are left out where it is too narrow.
            wanted: how many tasks the run shall have; those without a status are not launched yet.
        """
        fields = self._fields(elapsed_s, states, wanted)
        while len(_joined(fields)) > columns and any(field.rank for field in fields):
            fields.remove(max(fields, key=lambda field: field.rank))
        return _joined(fields)[: max(columns, 0)].encode("ascii", "replace").decode()

    def _fields(self, elapsed_s: float, states: Mapping[str, int], wanted: int) -> list[Field]:
        workers = list(self._workers.values())
        head = self._head(elapsed_s, states, wanted)
        fields = [Field(0, head)] if head else []
        if not workers:
            return [*fields, Field(0, clock_text(elapsed_s))]
        loading = [worker for (task_id, number), worker in self._workers.items() if self._loads(task_id, worker)]
        if activity := self._activity(loading):
            fields.append(Field(0, activity))
        planned = self._planned(max(wanted, sum(states.values())))
        sent = f"sent {count_text(_sum(worker.sent for worker in workers)):>5}"
        fields += [
            Field(0, _time(loading or workers)),
            *([_left(loading)] if loading else []),
            Field(2, sent + (f"/{count_text(planned)}" if planned else "")),
            *(_figures_of_the_moment(loading) if loading else []),
        ]
        counts = {name: _sum(worker.outcomes[name] for worker in workers) for name in OUTCOMES}
        failed = "FAILED" if counts["failed"] else "failed"
        fields += [
            Field(7, f"ok {count_text(counts['ok']):>5}"),
            Field(3, f"throttled {count_text(counts['throttled'])}"),
            Field(1, f"{failed} {count_text(counts['failed'])}"),
        ]
        # Most scenarios have none of these; where one has, the sum needs its count.
        fields += [Field(9, f"{name} {count_text(counts[name])}") for name in OUTCOMES[3:] if counts[name]]
        return fields

    def _loads(self, task_id: str, worker: Worker) -> bool:
        return worker.loads and task_id not in self._ended

    def _planned(self, tasks: int) -> float | None:
        """Return the operations that the whole run plans; None where they are not known.

        A started worker knows its share of the plan, so those that have not reported yet are counted too.

        Args:
            tasks: how many there are.
        """
        known = [share for share in self._shares.values() if share.part > 0]
        planned = [share.planned for share in known] or [worker.planned for worker in self._workers.values()]
        numbers = [number for number in planned if number is not None]
        if len(numbers) < len(planned) or not numbers:
            return None
        reporting = len({task_id for task_id, number in self._workers})
        part = sum(share.part for share in known) if known else reporting / max(tasks, reporting)
        # An exact sum where all have started: their parts add up to 1, but for rounding.
        total = _sum(numbers)
        return total if total is None or part > 1 - 1e-9 else number_of(round(total / part))

    def _oldest_s(self, elapsed_s: float) -> float:
        """Return the age of the oldest figure of the workers that are at their load, in s; 0 where none is."""
        written = [worker.written_s for key, worker in self._workers.items() if self._loads(key[0], worker)]
        return elapsed_s - self._newest_came_s + self._newest_s - min(written) if written and self._newest_s else 0.0

    def _head(self, elapsed_s: float, states: Mapping[str, int], wanted: int) -> str:
        """Say how many tasks report, or in which states they are; nothing where there is one and it runs."""
        total = max(wanted, sum(states.values()))
        reporting = len({task_id for task_id, number in self._workers})
        all_run = states.get("RUNNING") == total
        if not self.has_progress or states.get("STOPPED") or (reporting >= total and not all_run):
            return states_text(states)
        if total <= 1:
            return ""
        head = f"{reporting} of {total} reporting" if reporting < total else f"{total} tasks"
        oldest_s = self._oldest_s(elapsed_s)
        return head + (f", oldest figure {oldest_s:.0f} s" if oldest_s >= FRESH_S else "")

    def _activity(self, loading: Sequence[Worker]) -> str:
        """Say what the workers do where it is not the load that counts."""
        if loading:
            return "warming up" if any(worker.warming_up for worker in loading) else ""
        busy = (worker for (task_id, number), worker in self._workers.items() if task_id not in self._ended)
        return next((worker.phase for worker in busy if worker.phase), "")


def states_text(states: Mapping[str, int]) -> str:
    """Put how many tasks are in which status into words: ``22 PENDING, 3 RUNNING``, or the status of the only one."""
    known = {_name(state): count for state, count in states.items() if count > 0}
    order = [*(state for state in LIFECYCLE if state in known), *sorted(known.keys() - set(LIFECYCLE))]
    if sum(known.values()) == 1:
        return order[0]
    return ", ".join(f"{known[state]} {state}" for state in order)


def _share(event: Mapping[str, Any]) -> Share:
    count = number_of(_mapping(event.get("segment")).get("count"))
    return Share(1 / count if count and count >= 1 else 0.0, number_of(event.get("planned_operations")))


def _worker(event: Mapping[str, Any], written_s: float) -> Worker:
    interval, total = _mapping(event.get("interval")), _mapping(event.get("total"))
    # Without a successful response the load tester reports 0, which would read as a very short latency.
    p99 = number_of(interval.get("p99_ms")) or None
    return Worker(
        elapsed_s=number_of(event.get("elapsed_s")),
        duration_s=number_of(event.get("planned_duration_s")),
        planned=number_of(event.get("planned_operations")),
        sent=number_of(total.get("sent")),
        outcomes={name: total_of(total.get(name)) for name in OUTCOMES},
        rate=number_of(interval.get("rate")),
        p99_ms=p99,
        warming_up=event.get("warming_up") is True,
        written_s=written_s,
    )


def _time(workers: Sequence[Worker]) -> str:
    """Say how far the load is, by the worker that is the furthest."""
    known = [worker for worker in workers if worker.elapsed_s is not None]
    elapsed = clock_text(max((worker.elapsed_s or 0.0 for worker in known), default=None))
    duration = max((worker.duration_s or 0.0 for worker in workers), default=0.0)
    planned = clock_text(duration) if duration > 0 else ""
    return f"{elapsed:>{len(planned)}}/{planned}" if planned else elapsed


def _figures_of_the_moment(loading: Sequence[Worker]) -> list[Field]:
    slowest = max((worker.p99_ms for worker in loading if worker.p99_ms is not None), default=None)
    return [
        Field(5, f"{count_text(_sum(worker.rate for worker in loading)):>5}/s"),
        Field(6, f"{'worst ' if len(loading) > 1 else ''}p99 {milliseconds_text(slowest):>7}"),
    ]


def _left(loading: Sequence[Worker]) -> Field:
    """Say when the last of the workers will be done."""
    longest = max((worker.left_s for worker in loading if worker.left_s is not None), default=None)
    # A second that has begun is still to be waited for.
    text = clock_text(longest if longest is None else math.ceil(longest))
    width = max(len(clock_text(worker.duration_s or 0.0)) for worker in loading)
    # Where the plan has a duration, the time says as much.
    has_duration = all(worker.duration_s for worker in loading)
    return Field(8 if has_duration else 4, f"left {text:>{width}}")


def _sum(numbers: Iterable[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return number_of(sum(known)) if known else None


def _name(value: Any) -> str:
    return printable(value, LONGEST_NAME).strip() or NOTHING if isinstance(value, str) else NOTHING


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _joined(fields: Iterable[Field]) -> str:
    return "  ".join(field.text for field in fields)
