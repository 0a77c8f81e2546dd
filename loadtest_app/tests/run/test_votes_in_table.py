# SPDX-License-Identifier: Apache-2.0
"""The votes of several tasks in the control table: any of them judges, all of them get the same decision."""

import asyncio
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from ddbload.control import clock
from ddbload.control.items import Request
from ddbload.pacing.search import Trial
from ddbload.run.search import votes
from ddbload.run.search.jury import Decision, Round
from ddbload.run.search.table import InTable
from ddbload.scenario import scenario
from hypothesis import given, settings
from hypothesis import strategies as st
from table_double import Memory, table
from voting import voted

SCENARIO = scenario.parse(
    {
        "table": "test-table",
        "timeout": 1,
        "plan": {"type": "find_max", "start": 100, "ceiling": 3000, "precision": 0.2, "confirmations": 2, "rest": 0},
        "thresholds": ["put.p99 < 20ms", "throttled < 1%"],
    }
)


class Clock:
    """A clock that sleeps advance; one sleeper runs after the other, in a random order."""

    def __init__(self, chance: random.Random) -> None:
        self.now_ms = 1_000_000
        self._chance = chance

    async def sleep(self, seconds: float) -> None:
        wake_ms = self.now_ms + round(seconds * 1000)
        while self.now_ms < wake_ms:
            await asyncio.sleep(0)
            if self._chance.random() < 0.5:
                self.now_ms = min(wake_ms, self.now_ms + 50)


@contextmanager
def on_this_clock(time: Clock) -> Iterator[None]:
    """Replace the instants of the epoch by the test's clock."""
    patch = pytest.MonkeyPatch()
    patch.setattr(clock, "performance_ns", lambda at_ms: at_ms * 1_000_000)
    try:
        yield
    finally:
        patch.undo()


def search(
    workers: int, limit: float, chance: random.Random, lose: Callable[[Request], str] = lambda _request: ""
) -> tuple[list[list[Trial]], list[list[int]]]:
    """Run a search of several workers; returns each worker's trials and their starting instants."""
    time, memory = Clock(chance), Memory()
    starts: list[list[int]] = [[] for _worker in range(workers)]

    async def one(worker: int) -> list[Trial]:
        jury = InTable(SCENARIO, table(memory, lose=lose), worker, workers, lambda: time.now_ms, time.sleep)
        trials: list[Trial] = []
        while (rate := votes.search_of(SCENARIO.plan, trials).next_rate()) is not None:
            await time.sleep(chance.random())
            vote = voted([1000] * 20, throttled=0 if rate <= limit else 1)
            judged, start_ns = await jury.decide(Round(len(trials) + 1, rate), vote, trials)
            assert judged.trial is not None, judged
            starts[worker].append(start_ns)
            trials.append(judged.trial)
        return trials

    async def together() -> list[list[Trial]]:
        return await asyncio.gather(*(one(worker) for worker in range(workers)))

    with on_this_clock(time):
        return asyncio.run(together()), starts


@settings(max_examples=20)
@given(st.integers(1, 4), st.floats(20, 4000), st.integers(0, 2**32))
def test_all_workers_have_the_same_rounds(workers: int, limit: float, seed: int) -> None:
    found, starts = search(workers, limit, random.Random(seed))
    assert found == [found[0]] * workers
    assert starts == [starts[0]] * workers
    expected: list[Trial] = []
    while (rate := votes.search_of(SCENARIO.plan, expected).next_rate()) is not None:
        each = {worker: voted([1000] * 20, throttled=0 if rate <= limit else 1) for worker in range(workers)}
        judged = votes.judge(rate, each, SCENARIO.thresholds)
        assert judged.trial is not None
        expected.append(judged.trial)
    assert found[0] == expected


@pytest.mark.parametrize("seed", range(10))
def test_lost_requests_and_responses_change_no_round(seed: int) -> None:
    chance = random.Random(seed)

    def lose(_request: Request) -> str:
        return chance.choices(["", "request", "response"], [8, 1, 1])[0]

    found, _starts = search(3, 500, chance, lose)
    assert found == [found[0]] * 3


def decide_all(workers: int, *voters: tuple[int, dict[str, Any]], lose: Any = lambda _request: "") -> list[Decision]:
    """Return the decisions on a first trial; of each voter its number, and what is changed in its vote."""
    time, memory = Clock(random.Random(1)), Memory()

    async def one(worker: int, changed: dict[str, Any]) -> Decision:
        jury = InTable(SCENARIO, table(memory, lose=lose), worker, workers, lambda: time.now_ms, time.sleep)
        return await jury.decide(Round(1, 100.0), voted([1000] * 20, **changed), [])

    async def together() -> list[Decision]:
        return await asyncio.gather(*(one(worker, changed) for worker, changed in voters))

    with on_this_clock(time):
        return asyncio.run(together())


def test_a_vote_that_does_not_come_ends_the_search() -> None:
    first, second = decide_all(3, (0, {}), (2, {}))
    assert first.judged.incomplete == second.judged.incomplete == "no vote came from worker 1 of 3"


def test_a_worker_that_stopped_ends_the_search_of_all() -> None:
    first, second = decide_all(2, (0, {}), (1, {"stopped": "SIGTERM"}))
    assert (first.judged.trial, first.judged.stopped) == (None, "worker 1 stopped by SIGTERM")
    assert second.judged.trial is None and "SIGTERM" in second.judged.stopped


def test_a_judge_that_dies_is_replaced() -> None:
    """The worker that completed the votes ends before it wrote the decision: another one writes it after a while."""
    time, memory = Clock(random.Random(1)), Memory()

    async def one(worker: int) -> Decision:
        jury = InTable(SCENARIO, table(memory), worker, 2, lambda: time.now_ms, time.sleep)
        if worker == 1:
            # Its vote is written, and nothing after it.
            await time.sleep(1)
            await jury._vote(Round(1, 100.0), voted([1000] * 20))
            return Decision(votes.Judged())
        return await jury.decide(Round(1, 100.0), voted([1000] * 20), [])

    async def together() -> list[Decision]:
        return await asyncio.gather(one(0), one(1))

    with on_this_clock(time):
        decision = asyncio.run(together())[0]
    assert decision.judged.trial == Trial(100.0, True, 40.0)


def test_a_control_table_that_fails_ends_the_search() -> None:
    (decision,) = decide_all(2, (0, {}), lose=lambda _request: "request")
    assert "control table test-control at http://memory" in decision.judged.incomplete


def test_a_stop_ends_the_wait_for_votes() -> None:
    """A worker that is stopped does not wait for a vote that never comes."""
    time, memory = Clock(random.Random(1)), Memory()
    jury = InTable(SCENARIO, table(memory), 0, 2, lambda: time.now_ms, time.sleep, lambda: time.now_ms > 1_001_000)
    with on_this_clock(time):
        decision = asyncio.run(jury.decide(Round(1, 100.0), voted([1000] * 100), []))
    assert (decision.judged.trial, decision.judged.stopped) == (None, "a stop while the votes were awaited")
    assert time.now_ms < 1_002_000
