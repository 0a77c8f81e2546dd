# SPDX-License-Identifier: Apache-2.0
"""The cost of a merge of many tasks' events: seconds and memory, with generated logs."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from ddbload.stats.histogram import Histogram

START = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
RATE = 1000  # operations a second of a task
CHECKPOINT_S = 5
# Histograms of all lines: drawn once, so that lines are cheap; neighbouring seconds differ.
VARIANTS = 40
MEBIBYTE = 1 << 20
SCENARIO_RATE = {"arrivals": "uniform", "type": "constant_rate"}
OUTCOMES = ("expected", "contention", "cancelled", "failed", "items_unprocessed", "retried")


class Merged(NamedTuple):
    """The cost of one merge.

    Attributes:
        tasks: their number.
        events_bytes: of their lines.
        seconds: on the clock.
        cpu_s: of CPU time.
        peak_bytes: the peak of resident memory.
        verdict: of the run.
    """

    tasks: int
    events_bytes: int
    seconds: float
    cpu_s: float
    peak_bytes: int
    verdict: str


class Figures:
    """Parts of lines that all tasks share."""

    def __init__(self, seconds: int, seed: int = 1) -> None:
        """Draw the histograms of seconds and of the whole load, of some ms with a long tail."""
        draw = random.Random(seed)
        times = [[int(draw.lognormvariate(8.3, 0.35)) for _number in range(RATE)] for _variant in range(VARIANTS)]
        self.of_second = [Histogram.from_values(each).encode() for each in times]
        whole = Histogram.from_values(value for each in times for value in each)
        self.of_load = whole.encode()
        self.seconds = seconds
        self._draw = draw

    def interval(self) -> dict[str, Any]:
        """Return one second of a task."""
        return {
            **dict.fromkeys(OUTCOMES, 0),
            **dict.fromkeys(("planned", "sent", "ok"), RATE),
            "rate": float(RATE),
            "seconds": 1.0,
            "late_ms_max": 0.8,
            "throttled": {},
            "indexes": {},
            "consumed_read_units": 0.0,
            "consumed_write_units": float(RATE),
            "histograms": {"put": self._draw.choice(self.of_second)},
            "service_histogram": self._draw.choice(self.of_second),
        }

    def figures(self, second: int) -> dict[str, Any]:
        """Return the figures of a task up to a second, as run.checkpoint and run.summary have them."""
        sent = RATE * second
        put = {
            **dict.fromkeys(("expected", "contention", "found"), 0),
            **dict.fromkeys(("sent", "ok"), sent),
            **{name: {} for name in ("throttled", "cancelled", "failed", "indexes")},
            "consumed_read_units": 0.0,
            "consumed_write_units": float(sent),
            "items": {"ok": sent, "unprocessed": 0, "failed": {}},
            "attempts": {"retried": {}, "back_off_ms": None},
            "rate_asked": float(RATE),
            "rate_reached": float(RATE),
            "histograms": {"ok": {"latency": self.of_load, "service": self.of_load}},
        }
        plan = {
            "rate_asked": float(RATE),
            "rate_reached": float(RATE),
            **dict.fromkeys(("planned", "sent"), sent),
            **dict.fromkeys(("never_sent", "passed_over"), 0),
            "late_ms": {"p50": 0.1, "p99": 0.4, "max": 2.0},
            "busy": 0.2,
            "kept": True,
        }
        cost = dict.fromkeys(("total", "requests", "compute", "read_units", "write_units", "refused_write_units"), 0.1)
        nothing = ("duplicates", "breaker", "keys", "verification", "cleanup", "search")
        return {
            "started_at": _instant(0),
            "ended_at": _instant(second),
            "elapsed_s": float(second),
            "warm_up_s": 0.0,
            "plan": plan,
            "operations": {"put": put},
            "warnings": [],
            "connections": {"opened": 64},
            "clock_corrections": 0,
            **dict.fromkeys(nothing),
            "cost": {**cost, "estimated": 1.0, "note": "", "currency": "USD"},
        }


def lines(tasks: int, figures: Figures) -> Iterator[str]:
    """Yield the lines of all tasks, second by second, as a follower writes them."""
    plan = SCENARIO_RATE | {"rate": float(RATE * tasks), "duration": float(figures.seconds)}
    scenario = {"plan": plan, "thresholds": ["put.p99 < 1s"]}
    for task in range(tasks):
        segment = {"index": task, "count": tasks}
        yield _line(
            task, tasks, 0, "run.started", {"scenario": scenario, "table": {"name": "bench"}, "segment": segment}
        )
    for second in range(1, figures.seconds + 1):
        for task in range(tasks):
            progress = {"elapsed_s": float(second), "interval": figures.interval()}
            yield _line(task, tasks, second, "run.progress", progress)
            if second % CHECKPOINT_S == 0:
                yield _line(task, tasks, second, "run.checkpoint", {"partial": True} | figures.figures(second))
    for task in range(tasks):
        ends = {"partial": False, "exit_code": 0, "scenario": scenario}
        yield _line(task, tasks, figures.seconds, "run.summary", figures.figures(figures.seconds) | ends)


def measure(tasks: int, seconds: int, folder: Path) -> Merged:
    """Write the lines of some tasks, and merge them in a separate process."""
    events, output = folder / "events.jsonl", folder / "results.json"
    with events.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines(tasks, Figures(seconds)))
    command = [sys.executable, "-m", "ddbload", "merge", str(events), "--output", str(output), f"--tasks={tasks}"]
    started_s = time.perf_counter()
    with (folder / "outcome.json").open("w+", encoding="utf-8") as outcome:
        child = os.posix_spawn(
            command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, outcome.fileno(), 1)]
        )
        _pid, status, used = os.wait4(child, 0)
        elapsed_s = time.perf_counter() - started_s
        if status:
            raise SystemExit(f"the merge of {tasks} tasks ended with status {os.waitstatus_to_exitcode(status)}")
        outcome.seek(0)
        verdict = str(json.load(outcome)["verdict"])
    # https://man7.org/linux/man-pages/man2/getrusage.2.html: ru_maxrss is in kilobytes.
    return Merged(
        tasks, events.stat().st_size, elapsed_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024, verdict
    )


def table(found: Sequence[Merged]) -> str:
    """Return the measurements as a table in Markdown."""
    head = "| tasks | events | merge | CPU | peak memory | verdict |\n|---|---|---|---|---|---|"
    rows = (
        f"| {one.tasks} | {one.events_bytes / MEBIBYTE:,.0f} MiB | {one.seconds:.1f} s | {one.cpu_s:.1f} s | "
        f"{one.peak_bytes / MEBIBYTE:,.0f} MiB | {one.verdict} |"
        for one in found
    )
    return "\n".join([head, *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print the table; fails where a merge takes more memory than the limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.merge", description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=[10, 100, 500], help="numbers of tasks (10 100 500)")
    parser.add_argument("--seconds", type=int, default=600, help="of each task's load (600)")
    parser.add_argument("--most-memory", type=int, default=300, metavar="MIB", help="the most memory of a merge (300)")
    options = parser.parse_args(arguments)
    found = []
    for tasks in options.tasks:
        with tempfile.TemporaryDirectory(prefix="ddbload-merge-") as folder:
            found.append(measure(tasks, options.seconds, Path(folder)))
    print(table(found))
    return int(any(one.peak_bytes > options.most_memory * MEBIBYTE for one in found))


def _line(task: int, tasks: int, second: int, event: str, fields: Mapping[str, Any]) -> str:
    # Tasks write some milliseconds apart.
    instant = START + timedelta(seconds=second, milliseconds=10 * task / tasks)
    head = {"ts": _text(instant), "level": "info", "event": event, "run_id": "bench"}
    return json.dumps({**head, "task_id": f"task-{task:05}", "worker": task, **fields}, separators=(",", ":"))


def _instant(second: int) -> str:
    return _text(START + timedelta(seconds=second))


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    sys.exit(main())
