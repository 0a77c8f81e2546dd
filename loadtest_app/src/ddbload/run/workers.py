# SPDX-License-Identifier: Apache-2.0
"""Several processes of one machine, each with its segment of the plan: started together, judged together."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import IO, Any

from ddbload.pacing.segment import Segment
from ddbload.results import exit_codes, merge
from ddbload.results.events import EventWriter

# From the last worker's being ready to the common start.
START_DELAY_NS = 50_000_000
# In a worker's environment: its number, and the descriptors of its barrier.
WORKER = "DDBLOAD_WORKER"
BARRIER = "DDBLOAD_BARRIER"
# From <sys/prctl.h>.
PARENT_DEATH_SIGNAL = 1
# Events that the merged results need; progress of a long run would only fill memory.
KEPT = ("run.started", "run.summary", "run.failed")
ENDS = ("run.summary", "run.failed")
CHECKPOINT = "run.checkpoint"

# Finds what a worker that died may have written, and cleans up: takes its segment, how long it lived in nanoseconds,
# what it is known to have cost in dollars, and whether that has to stop.
Recovery = Callable[[Segment, int, float, Callable[[], bool]], dict[str, Any]]


class Barrier:
    """Where a worker waits for the others: it says that it is ready, and is told the instant at which all start."""

    def __init__(self, ready: int, start: int) -> None:
        """Take the descriptors: of a pipe to say it on, and of one to hear it from."""
        self._ready = ready
        self._start = start

    @classmethod
    def inherited(cls) -> Barrier | None:
        """Return the barrier that this process was started with, if there is one."""
        text = os.environ.pop(BARRIER, "")
        if not text:
            return None
        _end_with_parent()
        ready, start = text.split(",")
        return cls(int(ready), int(start))

    async def wait(self) -> int:
        """Return the instant to start at, on the clock of ``perf_counter_ns``; now, where nobody tells.

        All processes of a machine share that clock: it is CLOCK_MONOTONIC.
        """
        os.write(self._ready, b"r")
        text = await asyncio.get_running_loop().run_in_executor(None, os.read, self._start, 32)
        return int(text) if text else time.perf_counter_ns()


def supervise(arguments: Sequence[str], count: int, events: EventWriter, segment: Segment, recover: Recovery) -> int:
    """Run workers, pass their lines on, and judge what they reached together.

    Args:
        arguments: the command line of each worker, after ``python -m ddbload``.
        count: how many there are.
        events: where a failure of the whole is told.
        segment: which part of the plan they share.
        recover: is called once all have ended, for each that died while its load went on.

    Returns:
        The exit code.
    """
    workers = [_Worker(arguments, number) for number in range(count)]
    is_stopped = threading.Event()

    def pass_on(number: int, _frame: object) -> None:
        is_stopped.set()
        for worker in workers:
            worker.process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    output = threading.Lock()
    readers = [threading.Thread(target=worker.read, args=(events.stream, output)) for worker in workers]
    for reader in readers:
        reader.start()
    # A worker that ends before it is ready closes its pipe, and nobody waits for it.
    ready = [worker.is_ready() for worker in workers]
    start_ns = time.perf_counter_ns()
    if all(ready):
        start_ns += START_DELAY_NS
        instant = b"%d" % start_ns
    else:
        instant = b""
        pass_on(signal.SIGTERM, None)
    for worker in workers:
        worker.start(instant)
    for reader in readers:
        reader.join()
    for worker in workers:
        worker.process.wait()
        if worker.died and worker.ended_ns > start_ns:
            part = segment.within(Segment(worker.number, count))
            found = recover(part, worker.ended_ns - start_ns, worker.cost, is_stopped.is_set)
            worker.kept.append(events.of_worker(part.index).write("run.died", "error", how=worker.end, **found))
    merged = merge.merge([line for worker in workers for line in (*worker.kept, worker.checkpoint) if line])
    return _conclude(merged, workers, events)


def _conclude(merged: dict[str, Any], workers: Sequence[_Worker], events: EventWriter) -> int:
    codes = [worker.process.returncode for worker in workers]
    broken = [worker.end for worker in workers if worker.died or worker.process.returncode == exit_codes.INTERNAL]
    exit_code = exit_codes.INTERNAL if broken else int(merged["exit_code"])
    if broken:
        missing = [text for text in merged["warnings"] if merge.NO_SUMMARY in text]
        text = f"{len(broken)} of {len(workers)} workers died: {', '.join(broken)}"
        return events.fail(exit_code, "; ".join([text, *missing]))
    if exit_code and exit_code not in codes:
        # What no worker could know: together they missed a threshold.
        return events.fail(exit_code, merge.explain(merged))
    return exit_code


class _Worker:
    def __init__(self, arguments: Sequence[str], number: int) -> None:
        self.number = number
        self.kept: list[str] = []
        self.checkpoint = ""
        self.ended_ns = 0
        self._has_told_its_end = False
        ready_read, ready_write = os.pipe()
        start_read, start_write = os.pipe()
        environment = os.environ | {WORKER: str(number), BARRIER: f"{ready_write},{start_read}"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ddbload", *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=(ready_write, start_read),
            # Signals come through the supervisor alone, and once.
            start_new_session=True,
        )
        os.close(ready_write)
        os.close(start_read)
        self._ready = ready_read
        self._start = start_write

    @property
    def died(self) -> bool:
        """Whether it ended, as it now has, without saying how."""
        return not self._has_told_its_end

    @property
    def end(self) -> str:
        """How its process ended, in a few words."""
        code = self.process.returncode
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    @property
    def cost(self) -> float:
        """What it may have cost at most up to its last checkpoint, in dollars."""
        return float(json.loads(self.checkpoint)["cost"]["at_most"]) if self.checkpoint else 0.0

    def is_ready(self) -> bool:
        """Wait until it is ready; False where it ended instead."""
        with os.fdopen(self._ready, "rb") as ready:
            return bool(ready.read(1))

    def start(self, instant: bytes) -> None:
        """Tell it when to start."""
        with os.fdopen(self._start, "wb", buffering=0) as start:
            try:
                start.write(instant)
            except BrokenPipeError:
                return

    def read(self, output: IO[str], lock: threading.Lock) -> None:
        """Pass its lines on, each whole."""
        assert self.process.stdout
        for line in self.process.stdout:
            with lock:
                output.write(line)
                output.flush()
            kind = _kind(line)
            if kind in KEPT:
                self.kept.append(line)
            elif kind == CHECKPOINT:
                self.checkpoint = line
            self._has_told_its_end |= kind in ENDS
        self.ended_ns = time.perf_counter_ns()


def _end_with_parent() -> None:
    """Have this process told to stop where its supervisor ends without telling it, as after a SIGKILL.

    https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, int(signal.SIGTERM))


def _kind(line: str) -> str:
    try:
        event = json.loads(line)
    except ValueError:
        return ""
    return str(event.get("event", "")) if isinstance(event, dict) else ""
