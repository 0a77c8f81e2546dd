# SPDX-License-Identifier: Apache-2.0
"""The timers that wake the loop, and the longest silence that they measure."""

import asyncio
import time
from time import perf_counter_ns

import pytest
from ddbload.engine.timer import LoopTimer, TimerDescriptor

BLOCKED_S = 0.05
LATER_NS = 10_000_000


@pytest.mark.parametrize("kind", [TimerDescriptor, LoopTimer])
def test_the_longest_silence_is_measured(kind: type[TimerDescriptor | LoopTimer]) -> None:
    """A blocked loop counts from the instant of the timer on."""

    async def measure() -> int:
        expired = asyncio.Event()
        timer = kind(lambda _now_ns: expired.set())
        due_ns = perf_counter_ns() + LATER_NS
        timer.arm(due_ns)
        while perf_counter_ns() < due_ns + BLOCKED_S * 1e9:
            time.thread_time()
        async with asyncio.timeout(10):
            await expired.wait()
        timer.close()
        return timer.longest_silence_ns

    assert asyncio.run(measure()) >= BLOCKED_S * 1e9
