# SPDX-License-Identifier: Apache-2.0
"""Tasks that start together, in any interleaving, with lost requests and responses, on a clock of the test's."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Callable
from typing import NamedTuple

import pytest
from ddbload.control.decisions import GO_DELAY_MS, LAST_LOOK_MS
from ddbload.control.items import Request
from ddbload.control.member import Member
from ddbload.control.problems import ControlError, NotStarted, Surplus
from ddbload.control.settings import Settings
from ddbload.control.table import ControlTable
from hypothesis import given, settings
from hypothesis import strategies as st
from table_double import NAME, Memory, table

TIMEOUT_S = 20.0


class Simulation:
    """Tasks on a simulated clock: whatever waits is woken in the order of its time, ties in any order."""

    def __init__(self, seed: int) -> None:
        self.now_ms = 1_800_000_000_000
        self._random = random.Random(seed)
        self._sleeping: list[tuple[int, float, asyncio.Future[None]]] = []

    def now(self) -> int:
        return self.now_ms

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        wake_ms = self.now_ms + max(1, round(seconds * 1000))
        heapq.heappush(self._sleeping, (wake_ms, self._random.random(), future))
        await future

    async def run(self, tasks: list[asyncio.Task[None]]) -> None:
        while not all(task.done() for task in tasks):
            for _turn in range(5):
                await asyncio.sleep(0)
            if self._sleeping:
                self.now_ms, _order, future = heapq.heappop(self._sleeping)
                future.set_result(None)
        for task in tasks:
            task.result()


class Outcome(NamedTuple):
    """How a task ended: its index, its start or None, and the reason."""

    index: int | None
    start_ms: int | None
    text: str = ""
    at_ms: int = 0


class Rehearsal(NamedTuple):
    """What all tasks did."""

    outcomes: list[Outcome]
    memory: Memory


def rehearse(
    arrivals_ms: list[int],
    count: int,
    start: str = "all",
    stop_ms: int | None = None,
    losses: Callable[[Request], str] = lambda _request: "",
    preparation_ms: int = 0,
    seed: int = 0,
) -> Rehearsal:
    """Let tasks arrive, and stop them at an instant if one is given; both count from the beginning."""
    simulation, memory = Simulation(seed), Memory()
    outcomes: list[Outcome] = []
    of_run = Settings(NAME, count, start, TIMEOUT_S)
    chance = random.Random(seed)

    def client() -> ControlTable:
        return table(memory, lose=losses)

    async def task(name: str, arrival_ms: int) -> None:
        await simulation.sleep(arrival_ms / 1000)
        control = client()
        member = Member(of_run, control, name, simulation.now, simulation.sleep)
        index = None
        try:
            index = await member.claim()
            await simulation.sleep(chance.random() * preparation_ms / 1000)
            start_ms = await member.gather(index, lambda: False)
            outcomes.append(Outcome(index, start_ms, at_ms=simulation.now_ms))
        except (NotStarted, Surplus, ControlError) as error:
            outcomes.append(Outcome(index, None, str(error), simulation.now_ms))

    async def stop(at_ms: int) -> None:
        await simulation.sleep(at_ms / 1000)
        control = client()
        await control.write(control.requests.stop("Ctrl-C", "launcher", "", simulation.now_ms))

    async def everything() -> None:
        tasks = [asyncio.create_task(task(f"task-{at}", arrival)) for at, arrival in enumerate(arrivals_ms)]
        if stop_ms is not None:
            tasks.append(asyncio.create_task(stop(stop_ms)))
        await simulation.run(tasks)

    asyncio.run(everything())
    return Rehearsal(outcomes, memory)


def lossy(seed: int, share: float) -> Callable[[Request], str]:
    """Lose requests and responses, never ten of one request in a row."""
    chance, in_a_row = random.Random(seed), [0]

    def lose(_request: Request) -> str:
        in_a_row[0] = in_a_row[0] + 1 if in_a_row[0] < 4 and chance.random() < share else 0
        return chance.choice(("request", "response")) if in_a_row[0] else ""

    return lose


arrivals = st.lists(st.integers(0, 30_000), min_size=1, max_size=9)
seeds = st.integers(0, 10_000)


@settings(max_examples=40)
@given(arrivals, st.sampled_from(["all", "any"]), seeds, st.sampled_from([0.0, 0.3]), st.integers(0, 2))
def test_one_start_whatever_the_order(
    arrivals_ms: list[int], start: str, seed: int, share: float, missing: int
) -> None:
    """All tasks that start do so at one instant, nobody before it, each with an index of its own."""
    count = len(arrivals_ms) + missing
    found = rehearse(arrivals_ms, count, start, losses=lossy(seed, share), preparation_ms=2000, seed=seed)
    started = [outcome for outcome in found.outcomes if outcome.start_ms is not None]
    assert len({outcome.start_ms for outcome in started}) <= 1
    assert all(outcome.start_ms is not None and outcome.at_ms <= outcome.start_ms for outcome in started)
    indexes = [outcome.index for outcome in found.outcomes if outcome.index is not None]
    assert len(set(indexes)) == len(indexes) and set(indexes) <= set(range(count))
    assert found.memory.states() in (["waiting"], ["waiting", "go"], ["waiting", "stop"])
    if start == "all":
        assert len(started) in (0, count)


@settings(max_examples=40)
@given(arrivals, st.integers(0, 40_000), seeds, st.sampled_from(["all", "any"]))
def test_nobody_starts_after_a_stop(arrivals_ms: list[int], stop_ms: int, seed: int, start: str) -> None:
    """A stop up to half a second before the start is obeyed by all."""
    found = rehearse(arrivals_ms, len(arrivals_ms), start, stop_ms=stop_ms, seed=seed)
    stop_at_ms = 1_800_000_000_000 + stop_ms
    for outcome in found.outcomes:
        assert outcome.start_ms is None or stop_at_ms >= outcome.start_ms - LAST_LOOK_MS
    assert found.memory.states()[-1] == "stop"


@settings(max_examples=40)
@given(seeds, st.integers(1, 3))
def test_every_index_is_used_although_numbers_are_lost(seed: int, surplus: int) -> None:
    """A number whose response was lost leaves no segment without a task, and a task too many ends."""
    count = 6
    found = rehearse([0] * (count + surplus), count, losses=lossy(seed, 0.4), seed=seed)
    assert sorted(outcome.index for outcome in found.outcomes if outcome.index is not None) == list(range(count))
    turned_away = [outcome for outcome in found.outcomes if outcome.index is None]
    assert len(turned_away) == surplus
    assert all("launched once too often" in outcome.text for outcome in turned_away)


def test_the_start_is_three_seconds_after_the_last_task() -> None:
    found = rehearse([0, 500, 8000], 3)
    (start_ms,) = {outcome.start_ms for outcome in found.outcomes}
    assert start_ms == pytest.approx(1_800_000_008_000 + GO_DELAY_MS, abs=5)


def test_a_missing_task_stops_the_run_with_one_line() -> None:
    found = rehearse([0] * 7, 8)
    assert {outcome.start_ms for outcome in found.outcomes} == {None}
    assert all("(7 of 8 tasks came within 20 s): nothing was sent" in outcome.text for outcome in found.outcomes)


def test_a_late_task_sends_nothing_and_says_how_late() -> None:
    """``start: any``: the seven start when the time is over, the eighth is 14 s late."""
    found = rehearse([0] * 7 + [37_000], 8, "any")
    *started, late = found.outcomes
    (start_ms,) = {outcome.start_ms for outcome in started}
    assert start_ms is not None and 1_800_000_023_000 <= start_ms <= 1_800_000_024_200
    assert (late.start_ms, late.text) == (None, "came 14 s late: the other tasks have started, nothing was sent")


def test_a_stop_before_the_first_task_is_obeyed() -> None:
    found = rehearse([100, 200], 2, stop_ms=0)
    assert [outcome.text for outcome in found.outcomes] == [
        "stopped before the start by launcher (Ctrl-C): nothing was sent"
    ] * 2
    assert found.memory.states() == ["stop"]


def test_a_task_stopped_while_it_waits_ends_at_once() -> None:
    simulation, memory = Simulation(0), Memory()

    async def wait() -> None:
        member = Member(Settings(NAME, 2), table(memory), "a", simulation.now, simulation.sleep)
        index = await member.claim()
        begun_ms = simulation.now_ms
        with pytest.raises(NotStarted, match="stopped before the start: nothing was sent"):
            await member.gather(index, lambda: simulation.now_ms > begun_ms + 3000)
        assert simulation.now_ms - begun_ms < 3300

    asyncio.run(_simulated(simulation, wait))


def test_tasks_must_agree_on_their_number() -> None:
    simulation, memory = Simulation(0), Memory()

    async def claim() -> None:
        await Member(Settings(NAME, 2), table(memory), "a", simulation.now).claim()
        with pytest.raises(ControlError, match="one of 3, the run has 2 -> give all tasks the same --tasks"):
            await Member(Settings(NAME, 3), table(memory), "b", simulation.now).claim()

    asyncio.run(claim())


async def _simulated(simulation: Simulation, work: Callable[[], object]) -> None:
    await simulation.run([asyncio.create_task(work())])  # type: ignore[arg-type]
