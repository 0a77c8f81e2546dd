# SPDX-License-Identifier: Apache-2.0
"""The rate of the check and the cleanup: each of their loops waits for its turn."""

import asyncio
import time

import pytest
from ddbload.dynamo.client import Throttle

LOOPS = 8
ITEMS = 100
RATE = 2000.0
TURN_S = ITEMS / RATE


async def instants(turns: int, stop_after_s: float = 60.0) -> list[float]:
    """Return the seconds from the start to each turn of eight loops with this many turns in all."""
    throttle, granted = Throttle(RATE), []
    start_s = time.monotonic()

    async def work() -> None:
        while len(granted) < turns and await throttle.wait(ITEMS, lambda: time.monotonic() - start_s > stop_after_s):
            granted.append(time.monotonic() - start_s)

    await asyncio.gather(*(work() for _loop in range(LOOPS)))
    return granted


def test_turns_come_one_by_one() -> None:
    """No turn comes before the rate allows its items, and the first does not wait for those of all loops."""
    granted = asyncio.run(instants(2 * LOOPS))
    assert all(instant >= 0.99 * (turn + 1) * TURN_S for turn, instant in enumerate(granted))
    # Without turns the first eight come together, after eight turns.
    assert granted[LOOPS - 1] - granted[0] > 0.5 * (LOOPS - 1) * TURN_S


def test_a_stop_ends_the_wait_for_a_turn() -> None:
    granted = asyncio.run(instants(1000, stop_after_s=4 * TURN_S))
    assert 0 < len(granted) <= 5


def test_unused_time_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a stall of the table, the loops send no burst."""
    now_s, slept_s = 100.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now_s
        slept_s.append(seconds)
        now_s += seconds

    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    throttle = Throttle(RATE)

    async def turns() -> None:
        nonlocal now_s
        await throttle.wait(ITEMS, lambda: False)
        now_s += 60.0
        await throttle.wait(ITEMS, lambda: False)

    with asyncio.Runner() as runner:
        runner.run(turns())
    assert slept_s == [pytest.approx(TURN_S)] * 2


@pytest.mark.parametrize(
    ("rate", "most"), [(0.0, 25), (0.2, 1), (1.0, 1), (10.5, 10), (25.0, 25), (1000.0, 25)], ids=str
)
def test_a_turn_has_the_items_of_a_second_at_most(rate: float, most: int) -> None:
    assert Throttle(rate).most(25) == most


def test_without_a_rate_there_is_no_wait() -> None:
    assert asyncio.run(Throttle(0).wait(10**9, lambda: False))
    assert not asyncio.run(Throttle(0).wait(1, lambda: True))
