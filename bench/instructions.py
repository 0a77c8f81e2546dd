# SPDX-License-Identifier: Apache-2.0
"""The work of ddbload for a request, counted instead of timed: other load on the machine does not change a count.

Counts over ddbload's real loop on simulated connections (see ``bench.drive``):

- Python instructions (bytecodes) and calls of C functions, by a trace; what a C function does inside is not seen.
- Wakings of the loop, by the simulation: a request that shares none costs several times as much as one that does.
- ``--perf``: the processor's instructions by its hardware counter, where the machine permits it (most containers and
  small virtual machines do not).
- ``--valgrind``: the processor's instructions as valgrind counts them while it emulates; slow, but works everywhere.

The last two subtract a short run from a long one, so that start and imports do not count.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

from ddbload.dynamo.http1 import Connection
from ddbload.engine.engine import Engine

from bench import drive
from bench.processes import ROOT
from bench.server import BenchError, find

# The work for a request starts where its response arrives or, in an open plan, with the tick at which it is due.
ROOTS = (Connection.data_received.__code__, Engine._tick.__code__)
SHORT, LONG = 2_000, 6_000
TRACED = 2_000
SHOWN = 25


class Count(NamedTuple):
    """What one request took, on average."""

    bytecodes: float
    c_calls: float
    # Of the loop, for a response or for its timer: many requests may share one.
    wakings: float
    # Bytecodes by function.
    functions: dict[str, float]


class _Tracer:
    """Counts bytecodes and C calls in the frames under the roots."""

    def __init__(self) -> None:
        self.bytecodes: Counter[CodeType] = Counter()
        self.c_calls = 0
        self._root: FrameType | None = None

    def enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        """Trace function of a thread: called for each new frame."""
        if self._root is None:
            if frame.f_code not in ROOTS:
                return None
            self._root = frame
        if frame.f_code.co_filename == drive.__file__:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._step

    def profile(self, _frame: FrameType, event: str, _argument: Any) -> None:
        """Profile function of a thread: called for each C function, and for much else."""
        if event == "c_call" and self._root is not None:
            self.c_calls += 1

    def _step(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "opcode":
            self.bytecodes[frame.f_code] += 1
        elif event == "return" and frame is self._root:
            self._root = None
        return self._step


def count(requests: int = TRACED, rate: float | None = None) -> Count:
    """Count the bytecodes, C calls and wakings of a put, by 64 callers or at a rate (a second).

    The figure depends on the Python version, and not on the machine.
    """
    tracer = _Tracer()
    before = sys.gettrace(), sys.getprofile()
    sys.setprofile(tracer.profile)
    sys.settrace(tracer.enter)
    try:
        wakings = drive.drive(requests, rate).wakings
    finally:
        sys.settrace(before[0])
        sys.setprofile(before[1])
    functions = {
        f"{code.co_filename.rpartition('/')[2]}:{code.co_qualname}": number / requests
        for code, number in tracer.bytecodes.most_common()
    }
    return Count(tracer.bytecodes.total() / requests, tracer.c_calls / requests, wakings / requests, functions)


def by_perf(rate: float | None = None) -> float:
    """Count the processor's instructions for a request by its hardware counter.

    Raises:
        BenchError: perf is not installed, or has no permission to count.
    """
    command = [find("perf"), "stat", "-x,", "-e", "instructions:u", "--"]

    def instructions(requests: int) -> int:
        said = _driven(command, requests, rate)
        number = said.strip().splitlines()[-1].partition(",")[0]
        if not number.isdigit():
            raise BenchError(f"perf may not count instructions on this machine ({number})")
        return int(number)

    return (instructions(LONG) - instructions(SHORT)) / (LONG - SHORT)


def by_valgrind(rate: float | None = None) -> float:
    """Count the processor's instructions for a request by emulation.

    Raises:
        BenchError: valgrind is not installed, or fails.
    """
    command = [find("valgrind"), "--tool=cachegrind", "--cache-sim=no", f"--cachegrind-out-file={os.devnull}"]

    def instructions(requests: int) -> int:
        said = _driven(command, requests, rate)
        totals = [line.rpartition(":")[2] for line in said.splitlines() if "I   refs:" in line or "I refs:" in line]
        if not totals:
            raise BenchError(f"valgrind printed no count: {said[-200:]!r}")
        return int(totals[-1].replace(",", ""))

    return (instructions(LONG) - instructions(SHORT)) / (LONG - SHORT)


def _driven(command: Sequence[str], requests: int, rate: float | None) -> str:
    """Run this module under a counter of instructions, and return the counter's stderr."""
    ourselves = [
        sys.executable,
        "-m",
        "bench.instructions",
        "--drive",
        str(requests),
        *(["--rate", str(rate)] if rate else []),
    ]
    # A fixed hash seed keeps the order of dictionaries, and so the count, the same in every run.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    ended = subprocess.run(
        [*command, *ourselves], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        raise BenchError(f"{command[0]}: exit code {ended.returncode}: {said[-1] if said else 'it says nothing'}")
    return ended.stderr


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the counts; returns the exit code: 2 where one is not available."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--rate", type=float, help="puts at so many a second instead of by 64 callers")
    parser.add_argument("--perf", action="store_true", help="also the processor's instructions, by its counter")
    parser.add_argument("--valgrind", action="store_true", help="also the processor's instructions, by emulation")
    parser.add_argument("--drive", type=int, metavar="REQUESTS", help="only make the requests, for a counter outside")
    options = parser.parse_args(arguments)
    if options.drive:
        drive.drive(options.drive, options.rate)
        return 0
    counted = count(rate=options.rate)
    print(
        f"{counted.bytecodes:.1f} bytecodes, {counted.c_calls:.1f} calls of C functions and "
        f"{counted.wakings:.2f} wakings for a request"
    )
    for name, number in list(counted.functions.items())[:SHOWN]:
        print(f"{number:8.1f}  {name}")
    try:
        if options.perf:
            print(f"{by_perf(options.rate):,.0f} instructions for a request, by the processor's counter")
        if options.valgrind:
            print(f"{by_valgrind(options.rate):,.0f} instructions for a request, by valgrind")
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
