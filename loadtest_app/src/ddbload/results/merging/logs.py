# SPDX-License-Identifier: Apache-2.0
"""What each worker wrote, read in one pass: the small is kept, the large as text until its turn."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ddbload.pacing.segment import Segment
from ddbload.results.events import EventReader
from ddbload.results.merging.clock import Interval
from ddbload.results.merging.coverage import read_segment
from ddbload.results.merging.series import Series

Event = Mapping[str, Any]
# Lines from which a worker's start is measured: enough for a short delay, few enough for a clock that is set later.
MEASURED_LINES = 30
# Fields of run.started and run.summary that are the same of all workers, or of no use here.
LARGE = ("scenario", "table", "operations")


class Name(NamedTuple):
    """A worker: its task (None outside ECS), and its number."""

    task_id: str | None
    worker: int

    @property
    def machine(self) -> Name | str:
        """What starts all of its workers at the same instant: an ECS task; outside ECS each worker stands alone."""
        return self if self.task_id is None else self.task_id


class Log:
    """The lines of one worker.

    Attributes:
        first_ts, last_ts: of its earliest and its latest line.
        exit_code: the latest that it reported.
        started: its run.started without what all of them have.
        died: its run.died.
        telemetry: its run.telemetry.
        summary, checkpoint: texts of its latest ones.
        failures: its run.failed, each with its time.
        is_surplus: whether it found all indexes taken, and ended.
    """

    def __init__(self, name: Name) -> None:
        self.name = name
        self.first_ts = self.last_ts = ""
        self.exit_code: int | None = None
        self.started: dict[str, Any] | None = None
        self.died: Event | None = None
        self.telemetry: Event | None = None
        self.summary = self.checkpoint = ""
        self.failures: list[tuple[str, str]] = []
        self.is_surplus = False
        self._times = {"exit_code": "", "summary": "", "checkpoint": ""}
        self._intervals = array("d")
        # How many workers share the intervals, each with an equal part.
        self._sharing = 1

    @property
    def segment(self) -> Segment | None:
        """Its segment of the plan; None where no event says so."""
        return read_segment(self.started.get("segment")) if self.started else None

    def is_later(self, what: str, ts: str) -> bool:
        """Return whether a line is the latest of its kind so far, and note it."""
        if ts < self._times[what]:
            return False
        self._times[what] = ts
        return True

    def add_interval(self, end_s: float, interval: Event) -> None:
        """Keep the counts of one progress line."""
        self._intervals.extend((end_s, interval["seconds"], interval["planned"], interval["sent"]))

    def intervals(self) -> Iterator[Interval]:
        """Yield what its progress lines report, in their order."""
        values = iter(self._intervals)
        for end_s, seconds, planned, sent in zip(values, values, values, values, strict=True):
            yield Interval(end_s, seconds, planned / self._sharing, sent / self._sharing)

    def share_intervals(self, first: Log, count: int) -> None:
        """Have an equal part of the intervals that the first of a task's workers reports for all of them."""
        self._intervals, self._sharing = first._intervals, count

    @property
    def stalled_s(self) -> float:
        """Seconds by which it missed the instant of a common start, from which it counts its seconds."""
        start = (self.started or {}).get("start") or {}
        return float(start.get("late_s") or 0.0)

    @property
    def last_s(self) -> float:
        """Seconds from its start to the last figures that it reported; 0 without any."""
        if self.died and "elapsed_s" in self.died:
            return float(self.died["elapsed_s"])
        return max(self._intervals[::4], default=0.0)


class Logs:
    """The lines of all workers of a run.

    Attributes:
        runs: the ids of the runs that events are of.
        foreign: events of other runs than the one that was named.
        start: the earliest run.started, or run.summary, without its figures.
        known: by name, the earliest scenario and table.
        series: the figures of all workers, second by second.
    """

    def __init__(self, reader: EventReader, run_id: str | None) -> None:
        self.runs: set[str] = set()
        self.foreign = 0
        self.workers: dict[Name, Log] = {}
        self.start: Event = {}
        self.series = Series()
        self._reader = reader
        self._run_id = run_id
        self._known: dict[str, tuple[tuple[int, str], Any]] = {}
        self._starts: dict[Name | str, list[float]] = {}

    def read(self, lines: Iterable[str]) -> None:
        """Read log lines, of one log after the other or of several in turn."""
        for event, text in self._reader.read(lines):
            if self._run_id not in (None, event["run_id"]):
                self.foreign += 1
                continue
            self.runs.add(event["run_id"])
            self._add(event, text)

    def known(self, field: str) -> Any:
        """Return what run.started says, else run.summary, else a checkpoint, which had it in earlier versions."""
        return self._known[field][1] if field in self._known else None

    def start_s(self, log: Log) -> float | None:
        """Return the instant from which a worker counts its seconds, since the epoch; None where it reported none."""
        start = (log.started or {}).get("start") or {}
        if start.get("barrier") and start.get("at"):
            return _seconds(start["at"])
        # A line is written after the figures that it has, never before: the smallest difference is the best.
        return min(self._starts.get(log.name.machine, ()), default=None)

    def in_order(self) -> list[Log]:
        """Return the workers by the time of their first line."""
        return sorted(self.workers.values(), key=lambda log: log.first_ts)

    def _add(self, event: dict[str, Any], text: str) -> None:
        name, ts = Name(event["task_id"], event["worker"]), str(event["ts"])
        log = self.workers.get(name)
        if log is None:
            log = self.workers[name] = Log(name)
        log.first_ts = min(log.first_ts or ts, ts)
        log.last_ts = max(log.last_ts, ts)
        if "exit_code" in event and log.is_later("exit_code", ts):
            log.exit_code = event["exit_code"]
        kind = event["event"]
        if kind == "run.progress":
            self._add_progress(log, event, ts)
        elif kind == "run.checkpoint" and log.is_later("checkpoint", ts):
            self._keep_known(event, 2, ts)
            log.checkpoint = text
        elif kind == "run.summary" and log.is_later("summary", ts):
            self._keep_known(event, 1, ts)
            log.summary = text
        elif kind == "run.started":
            self._keep_known(event, 0, ts)
            log.started = {name: value for name, value in event.items() if name not in LARGE}
        elif kind == "run.died":
            log.died = event
        elif kind == "run.telemetry":
            log.telemetry = event
        elif kind == "run.failed":
            log.failures.append((ts, event["message"]))
        elif kind == "run.warning":
            log.is_surplus |= event.get("surplus") is True
        if kind in ("run.started", "run.summary") and (not self.start or ts < self.start["ts"]):
            self.start = {name: value for name, value in event.items() if name not in LARGE}

    def _keep_known(self, event: Event, rank: int, ts: str) -> None:
        for field in ("scenario", "table"):
            if event.get(field) is not None and (field not in self._known or (rank, ts) < self._known[field][0]):
                self._known[field] = ((rank, ts), event[field])

    def _add_progress(self, log: Log, event: Event, ts: str) -> None:
        end_s, interval = event["elapsed_s"], event["interval"]
        starts = self._starts.setdefault(log.name.machine, [])
        # A line before the start of the load is of second 0.
        if (end_s > 0 or not starts) and len(starts) < MEASURED_LINES:
            starts.append(_seconds(ts) - end_s)
        log.add_interval(end_s, interval)
        numbers = event.get("workers", ())
        for number in numbers:
            shared = self.workers.setdefault(name := Name(log.name.task_id, number), Log(name))
            shared.first_ts, shared.last_ts = min(shared.first_ts or ts, ts), max(shared.last_ts, ts)
            shared.share_intervals(log, len(numbers))
        self.series.add(log.name, starts[0], end_s, interval)


def _seconds(ts: str) -> float:
    return datetime.fromisoformat(ts).timestamp()
