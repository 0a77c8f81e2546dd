# SPDX-License-Identifier: Apache-2.0
"""The timers that wake the loop, and the longest silence that they measure."""

import asyncio
import time
from time import perf_counter_ns

import pytest
from ddbload.engine.timer import LoopTimer, TimerDescriptor, shared_tick_ns

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


@pytest.mark.parametrize("kind", [TimerDescriptor, LoopTimer])
def test_a_timer_calls_back_once_for_each_arming(kind: type[TimerDescriptor | LoopTimer]) -> None:
    """A timer calls back once for each arming, never early, whether or not the callback arms it again."""
    instants: list[tuple[int, int]] = []

    async def count() -> None:
        ended = asyncio.Event()
        due_ns = perf_counter_ns()

        def expire(now_ns: int) -> None:
            nonlocal due_ns
            instants.append((due_ns, now_ns))
            if len(instants) < 5:
                due_ns = now_ns + 1_000_000
                timer.arm(due_ns)
            else:
                asyncio.get_running_loop().call_later(0.02, ended.set)

        timer = kind(expire)
        timer.arm(due_ns)
        async with asyncio.timeout(10):
            await ended.wait()
        timer.close()

    asyncio.run(count())
    assert len(instants) == 5
    # The loop's own timer has its own, coarser clock.
    assert kind is LoopTimer or all(due_ns <= now_ns for due_ns, now_ns in instants)


@pytest.mark.parametrize(
    ("rate", "tick_ns"), [(0, 500_000), (1_000, 500_000), (16_000, 500_000), (20_000, 400_000), (50_000, 200_000)]
)
def test_a_tick_with_many_operations_is_shortened(rate: int, tick_ns: int) -> None:
    """Eight operations share a tick at most, where it is not the shortest one."""
    elapsed_ns = 50_000_000
    assert shared_tick_ns(rate * elapsed_ns // 10**9, elapsed_ns) == tick_ns
