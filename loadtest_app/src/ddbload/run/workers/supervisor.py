# SPDX-License-Identifier: Apache-2.0
"""Several processes of one machine, each with its segment of the plan: started together, judged together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from ddbload.pacing.segment import Segment
from ddbload.results import exit_codes, merge
from ddbload.results.event_shape import decode, has_shape
from ddbload.results.events import ENDS, EventWriter
from ddbload.results.merging.coverage import Expected
from ddbload.run.workers.barrier import BARRIER, WORKER
from ddbload.run.workers.channel import Channel
from ddbload.run.workers.progress import MergedProgress

# From the last ready worker, or from a decision, to the common start at least: the workers read it meanwhile.
START_DELAY_NS = 50_000_000
# Events that the merged results need; progress of a long run would only fill memory.
KEPT = ("run.started", "run.summary", "run.failed")
# Events after which a worker reports no more progress.
LOAD_ENDS = ("run.phase", *ENDS)
CHECKPOINT = "run.checkpoint"
PROGRESS = "run.progress"

# Finds the items that a dead worker may have written, and cleans up: takes its segment, its lifetime in nanoseconds,
# its known cost in dollars, and a function that returns whether to stop.
Recovery = Callable[[Segment, int, float, Callable[[], bool]], dict[str, Any]]
# Waits for the run's other tasks: takes a function that returns whether this task is stopped, returns the instant of
# the start.
Meeting = Callable[[Callable[[], bool]], int]


# Serves the workers from their start on: takes their channels, and the instant of the start.
Service = Callable[[Sequence[Channel], int], None]


def supervise(
    arguments: Sequence[str],
    count: int,
    events: EventWriter,
    segment: Segment,
    recover: Recovery,
    meet: Meeting | None = None,
    serve: Service | None = None,
) -> int:
    """Run workers, pass their lines on, their progress merged, and judge what they reached together.

    Args:
        arguments: the command line of each worker, after ``python -m ddbload``.
        count: how many there are.
        events: where a failure of the whole is written.
        segment: which part of the plan they share.
        recover: is called once all have ended, for each that died while its load went on.
        meet: waits for the run's other tasks once all workers are ready.
        serve: is called once all have started, and returns when they need nothing more.

    Returns:
        The exit code.

    Raises:
        NotStarted: no worker sent anything, and all have ended.
        ControlError: so, since the control table cannot be used.
    """
    parts = [segment.within(Segment(number, count)) for number in range(count)]
    workers = [_Worker(arguments, number, part) for number, part in enumerate(parts)]
    is_stopped = threading.Event()

    def pass_on(number: int, _frame: object) -> None:
        is_stopped.set()
        for worker in workers:
            worker.process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    output = _Output(events, [part.index for part in parts])
    readers = [threading.Thread(target=worker.read, args=(output,)) for worker in workers]
    for reader in readers:
        reader.start()
    # A worker that ends before it is ready closes its pipe, which ends the wait for it.
    ready = [worker.channel.is_ready() for worker in workers]
    start_ns, instant = time.perf_counter_ns(), b""
    missed: Exception | None = None
    try:
        if all(ready):
            start_ns = meet(is_stopped.is_set) if meet else start_ns + START_DELAY_NS
            instant = b"%d" % start_ns
        for worker in workers:
            worker.channel.send(instant)
        if serve and instant:
            serve([worker.channel for worker in workers], start_ns)
    except Exception as error:  # whatever it is, the workers have to end
        missed = error
    if missed or not instant:
        pass_on(signal.SIGTERM, None)
    for worker in workers:
        worker.channel.close()
    for reader in readers:
        reader.join()
    for worker in workers:
        worker.process.wait()
    if missed:
        raise missed
    for worker in workers:
        if worker.died and worker.ended_ns > start_ns:
            recovered = recover(worker.part, worker.ended_ns - start_ns, worker.cost, is_stopped.is_set)
            writer = events.of_worker(worker.part.index)
            worker.kept.append(writer.write("run.died", "error", how=worker.end, **worker.reached, **recovered))
    lines = [line for worker in workers for line in (*worker.kept, worker.checkpoint) if line]
    merged = merge.merge(lines, expected=Expected(share=segment, is_one_start=True))
    return _conclude(merged, workers, events)


def _conclude(merged: dict[str, Any], workers: Sequence[_Worker], events: EventWriter) -> int:
    codes = [worker.process.returncode for worker in workers]
    died = [worker.end for worker in workers if worker.died]
    exit_code = exit_codes.INTERNAL if died or exit_codes.INTERNAL in codes else int(merged["exit_code"])
    if died:
        missing = [text for text in merged["warnings"] if merge.NO_SUMMARY in text]
        text = f"{len(died)} of {len(workers)} workers died: {', '.join(died)}"
        return events.fail(exit_code, "; ".join([text, *missing]))
    if exit_code and exit_code not in codes:
        # What no worker could know: together they missed a threshold.
        return events.fail(exit_code, merge.explain(merged))
    return exit_code


class _Output:
    """The supervisor's standard output: the lines of all workers, each whole, and their progress merged."""

    def __init__(self, events: EventWriter, workers: Sequence[int]) -> None:
        self._events = events
        self._progress = MergedProgress(workers)
        self._lock = threading.Lock()

    def pass_on(self, line: str) -> None:
        """Write a worker's line, an event by its number in this stream."""
        self._events.pass_on(line)

    def merge(self, event: dict[str, Any]) -> None:
        """Take a worker's run.progress, its histograms decoded."""
        with self._lock:
            self._write(self._progress.take(event))

    def end_load(self, worker: int) -> None:
        """Note that a worker reports no more progress."""
        with self._lock:
            self._write(self._progress.end(worker))
            if self._progress.is_over:
                self._events.end_following()

    def _write(self, seconds: Sequence[dict[str, Any]]) -> None:
        for fields in seconds:
            self._events.write(PROGRESS, **fields)


class _Worker:
    def __init__(self, arguments: Sequence[str], number: int, part: Segment) -> None:
        self.part = part
        # What its last progress says of its whole load.
        self.reached: dict[str, Any] = {}
        self.kept: list[str] = []
        self.checkpoint = ""
        self.ended_ns = 0
        self._has_ended = False
        self.channel = Channel()
        ends = self.channel.worker_ends
        environment = os.environ | {WORKER: str(number), BARRIER: ",".join(map(str, ends))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ddbload", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=ends,
            # Signals come through the supervisor alone, and once.
            start_new_session=True,
        )
        self.channel.hand_over()

    @property
    def died(self) -> bool:
        """Whether it ended, as it now has, without saying how."""
        return not self._has_ended

    @property
    def end(self) -> str:
        """How its process ended, in a few words."""
        code = self.process.returncode
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    @property
    def cost(self) -> float:
        """What it may have cost at most up to its last checkpoint, in dollars."""
        return float(json.loads(self.checkpoint)["cost"]["at_most"]) if self.checkpoint else 0.0

    def read(self, output: _Output) -> None:
        """Pass its lines on until it ends."""
        assert self.process.stdout
        for line in self.process.stdout:
            event = _event(line)
            kind = event.get("event", "")
            if kind in LOAD_ENDS:
                output.end_load(self.part.index)
            if kind == PROGRESS and has_shape(event) and decode(event):
                self.reached = {name: event[name] for name in ("elapsed_s", "total")}
                output.merge(event)
                continue
            output.pass_on(line)
            if kind in KEPT:
                self.kept.append(line)
            elif kind == CHECKPOINT:
                self.checkpoint = line
            self._has_ended |= kind in ENDS
        output.end_load(self.part.index)
        self.ended_ns = time.perf_counter_ns()


def _event(line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}
