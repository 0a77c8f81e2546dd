# SPDX-License-Identifier: Apache-2.0
"""Work in slices between the turns of the event loop."""

import asyncio

import pytest
from ddbload import turns
from ddbload.engine.totals import Totals
from ddbload.stats.histogram import Histogram
from ddbload.turns import Sliced, Turns, at_once
from hypothesis import given
from hypothesis import strategies as st

microseconds = st.lists(st.integers(1, 3_600_000_000), max_size=20)


def halves(number: int) -> Sliced[list[int]]:
    """Return a number and its halves down to 1."""
    found = [number]
    while found[-1] > 1:
        yield
        found.append(found[-1] // 2)
    return found


@given(st.integers(1, 2**20))
def test_the_result_is_the_same_at_once_and_in_turns(number: int) -> None:
    assert asyncio.run(Turns().run(halves(number))) == at_once(halves(number))


def test_other_tasks_run_between_two_slices() -> None:
    async def both() -> list[int]:
        counted: list[int] = []

        async def count() -> None:
            while True:
                counted.append(len(counted))
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        await Turns().run(halves(2**20))
        counting.cancel()
        return counted

    assert len(asyncio.run(both())) >= 20


def test_a_slice_is_followed_by_four_times_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that fell due during a slice are sent before the next one."""
    clock = iter([0, 5_000_000, 30_000_000, 31_000_000, 50_000_000, 50_000_000])
    rests: list[float] = []

    async def sleep(seconds: float) -> None:
        rests.append(seconds)

    monkeypatch.setattr(turns, "perf_counter_ns", lambda: next(clock))
    monkeypatch.setattr(turns.asyncio, "sleep", sleep)
    assert asyncio.run(Turns().run(halves(4))) == [4, 2, 1]
    assert rests == [0.02, 0.004]


def test_the_longest_slice_is_measured() -> None:
    measured = Turns()
    with measured.slice():
        sum(range(200_000))
    longest_ns = measured.longest_ns
    with measured.slice():
        pass
    assert measured.longest_ns == longest_ns > 100_000


@given(st.dictionaries(st.text(max_size=3), st.tuples(microseconds, microseconds), max_size=4))
def test_each_histogram_of_an_interval_is_a_separate_slice(entries: dict[str, tuple[list[int], list[int]]]) -> None:
    """The load continues between two histograms, so that many entries delay it no longer than one."""
    before, now = Totals(), Totals()
    for name, (early, late) in entries.items():
        before.latency[name] = Histogram.from_values(early)
        now.latency[name] = Histogram.from_values([*early, *late])
        before.service.add(before.latency[name])
        now.service.add(now.latency[name])
    work = now.since(before, 1.0)
    slices = 0
    try:
        while True:
            next(work)
            slices += 1
    except StopIteration as end:
        interval = end.value
    assert slices == len(entries) + 1
    assert {name: dict(each.slots()) for name, each in interval["histograms"].items()} == {
        name: dict(Histogram.from_values(late).slots()) for name, (_early, late) in entries.items() if late
    }
