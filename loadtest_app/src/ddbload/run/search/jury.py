# SPDX-License-Identifier: Apache-2.0
"""Where the votes on a trial come together: in one process, at a supervisor, or in the control table."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ddbload.pacing.search import Trial
from ddbload.run.search import votes
from ddbload.run.search.votes import Judged, Vote
from ddbload.run.workers.barrier import Barrier
from ddbload.scenario.scenario import Scenario

# A vote may come so much later than the operation timeout allows.
SPARE_S = 10.0
# The reports of a trial start this many seconds before it.
LEAD_S = 0.05


class Round(NamedTuple):
    """One trial of a search.

    Attributes:
        number: from 1.
        rate: of all workers together, in operations a second.
        start_ns: the instant of its start, on the clock of ``perf_counter_ns``; 0 for now.
    """

    number: int
    rate: float
    start_ns: int = 0

    async def near(self) -> int:
        """Wait until shortly before the start; returns its instant."""
        await asyncio.sleep((self.start_ns - time.perf_counter_ns()) / 1e9 - LEAD_S)
        return self.start_ns


class Decision(NamedTuple):
    """What follows a trial: its judgement, and when the next one starts (0 for once the rest is over)."""

    judged: Judged
    start_ns: int = 0

    def to_text(self) -> str:
        """Return the decision in JSON on one line."""
        return json.dumps(self.judged.to_document() | {"start_ns": self.start_ns})

    @classmethod
    def read(cls, text: str) -> Decision:
        """Read a decision back.

        Raises:
            ValueError: it is none.
        """
        document = json.loads(text)
        return cls(Judged.of_document(document), int(document["start_ns"]))


class Jury(Protocol):
    """Takes this worker's vote on a trial, and returns the judgement of all of them."""

    async def decide(self, trial: Round, vote: Vote, before: Sequence[Trial]) -> Decision:
        """Vote, and wait for the judgement.

        Args:
            trial: that is over.
            vote: of this worker.
            before: the trials before it.
        """


class Alone:
    """The jury of a worker that carries out the whole plan."""

    def __init__(self, scenario: Scenario) -> None:
        self._rules = scenario.thresholds

    async def decide(self, trial: Round, vote: Vote, _before: Sequence[Trial]) -> Decision:
        """Judge the one vote."""
        return Decision(votes.judge(trial.rate, {0: vote}, self._rules))


class Supervised:
    """The jury of one of several processes: its supervisor has the votes."""

    def __init__(self, barrier: Barrier) -> None:
        self._barrier = barrier

    async def decide(self, trial: Round, vote: Vote, _before: Sequence[Trial]) -> Decision:
        """Send the vote to the supervisor, and read its decision."""
        try:
            return Decision.read(await self._barrier.exchange(vote.to_text()))
        except (OSError, ValueError):
            return Decision(Judged(incomplete="the supervisor sent no decision"))


def longest_s(scenario: Scenario) -> float:
    """Return how many seconds after the end of its plan a trial's vote may come.

    Late operations are sent for as long as one request may take, and the last of them has all of its attempts.
    """
    rules = scenario.retries
    return scenario.timeout * (1 + rules.attempts) + (rules.attempts - 1) * rules.cap_ms / 1000 + SPARE_S
