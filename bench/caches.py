# SPDX-License-Identifier: Apache-2.0
"""The time of ddbload's loop for a request where the processor's caches hold its data, and where they do not.

A request at a low rate pays for cold caches: the processor has slept, and has done the work of others. ddbload's real
loop runs on simulated connections (see ``bench.drive``); before each tick and each response, a buffer is written that
is larger than the caches.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, NamedTuple
from unittest.mock import patch

from ddbload.dynamo.http1 import Connection
from ddbload.engine.engine import Engine

from bench import drive

REQUESTS = 2_000
# A second: each request has a tick of its own.
RATE = 1_000.0
MEBIBYTE = 1 << 20
# Larger than the caches of one processor, which a virtual machine shares with others.
BUFFER_MIB = 64


class Times(NamedTuple):
    """Medians in microseconds: of a tick that sends one request, and of a response."""

    tick_us: float
    response_us: float

    @property
    def request_us(self) -> float:
        """Return the time of both."""
        return self.tick_us + self.response_us


def measure(buffer_mib: int, requests: int = REQUESTS) -> Times:
    """Measure the loop, with so much memory (MiB) written before each tick and each response; 0 leaves the caches warm.

    Raises:
        RuntimeError: not all requests were ok.
    """
    buffer, zeros = memoryview(bytearray(buffer_mib * MEBIBYTE)), bytes(buffer_mib * MEBIBYTE)

    def timed(function: Callable[..., None], taken_ns: list[int]) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            buffer[:] = zeros
            start_ns = time.perf_counter_ns()
            function(*arguments)
            taken_ns.append(time.perf_counter_ns() - start_ns)

        return call

    ticks_ns: list[int] = []
    responses_ns: list[int] = []
    with (
        patch.object(Engine, "_tick", timed(Engine._tick, ticks_ns)),
        patch.object(Connection, "data_received", timed(Connection.data_received, responses_ns)),
    ):
        drive.drive(requests, RATE)
    return Times(median(ticks_ns) / 1e3, median(responses_ns) / 1e3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the times with warm and with cold caches; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.caches", description=__doc__.partition("\n")[0])
    parser.add_argument("--buffer", type=int, default=BUFFER_MIB, help=f"MiB that are written ({BUFFER_MIB})")
    options = parser.parse_args(arguments)
    if options.buffer < 1:
        parser.error("--buffer: at least 1")
    print("| caches | tick us | response us | request us |\n|---|---|---|---|")
    for name, mib in (("warm", 0), (f"cold: {options.buffer} MiB written", options.buffer)):
        times = measure(mib)
        print(f"| {name} | {times.tick_us:.1f} | {times.response_us:.1f} | {times.request_us:.1f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
