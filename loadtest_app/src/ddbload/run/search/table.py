# SPDX-License-Identifier: Apache-2.0
"""The jury of several tasks: the votes come together in the control table, and whoever completes them judges.

The part ``vote#0001#00003`` is the vote of worker 3 on the first trial. The part ``round#0001`` counts the votes on it,
and has the decision on the trial before it, with the instant of its start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from ddbload.control import clock
from ddbload.control.items import LIFE_S, Request, Value
from ddbload.control.problems import ControlError
from ddbload.control.table import ControlTable
from ddbload.pacing.search import Trial
from ddbload.pacing.segment import Segment
from ddbload.run.search import votes
from ddbload.run.search.jury import Alone, Decision, Jury, Round, Supervised, longest_s
from ddbload.run.search.votes import Judged, Vote
from ddbload.run.workers.barrier import Barrier
from ddbload.scenario.plan import FindMaxPlan
from ddbload.scenario.scenario import Scenario

# Between two looks at the next round.
POLL_S = 0.25
# From a decision to the start of the next trial at least: a poll, a slow response, and the clocks' difference.
START_DELAY_S = 2.0


class InTable:
    """One worker of several tasks.

    Args:
        scenario: with the plan and the thresholds.
        table: the control table, opened.
        worker: the number of this worker.
        workers: how many there are, of all tasks.
        now_ms: returns the present instant, in milliseconds since the epoch.
        sleep: waits for a number of seconds.
        is_stopped: whether this worker is to end, also while it waits for the others.
    """

    def __init__(
        self,
        scenario: Scenario,
        table: ControlTable,
        worker: int,
        workers: int,
        now_ms: Callable[[], int] = clock.now_ms,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        assert isinstance(scenario.plan, FindMaxPlan)
        self._plan = scenario.plan
        self._rules = scenario.thresholds
        self._patience_ms = round(longest_s(scenario) * 1000)
        self._table = table
        self._worker = worker
        self._workers = workers
        self._now_ms = now_ms
        self._sleep = sleep
        self._is_stopped = is_stopped

    async def decide(self, trial: Round, vote: Vote, before: Sequence[Trial]) -> Decision:
        """Vote, judge where this vote is the last, else wait for the decision."""
        until_ms = self._now_ms() + self._patience_ms
        try:
            is_last = await self._vote(trial, vote)
            # A task that is stopped ends: the others read so in its vote.
            if vote.stopped and not is_last:
                return Decision(Judged(stopped=vote.stopped))
            if is_last:
                await self._announce(trial)
            while (decision := await self._read(trial.number + 1, before)) is None:
                if self._is_stopped():
                    return Decision(Judged(stopped="a stop while the votes were awaited"))
                if self._now_ms() >= until_ms:
                    # A vote is missing, or the worker that was to judge has ended.
                    await self._announce(trial)
                    continue
                await self._sleep(POLL_S)
        except (ControlError, ValueError) as error:
            return Decision(Judged(incomplete=str(error)))
        return decision

    async def _vote(self, trial: Round, vote: Vote) -> bool:
        """Write the vote; returns whether it is the last."""
        part = f"{_votes(trial.number)}{self._worker:05d}"
        await self._table.write(self._request(part, {"vote": vote.to_text()}))
        added: dict[str, Value] = {"votes": frozenset({self._worker})}
        item = await self._table.write(
            self._table.requests.update(_round(trial.number), kept=self._life(), added=added)
        )
        present = (item or {}).get("votes")
        return isinstance(present, frozenset) and len(present) >= self._workers

    async def _announce(self, trial: Round) -> None:
        """Judge the trial by the votes that are there, unless another worker did."""
        items = await self._table.query(_votes(trial.number))
        present = {int(str(item["part"]).rpartition("#")[2]): votes.read(str(item["vote"])) for item in items}
        if len(present) < self._workers:
            judged = Judged(incomplete=votes.missing(present, self._workers))
        else:
            judged = votes.judge(trial.rate, present, self._rules)
        go_at_ms = self._now_ms() + round(max(self._plan.rest_s, START_DELAY_S) * 1000)
        fields: dict[str, Value] = {"decision": Decision(judged).to_text(), "go_at_ms": go_at_ms}
        await self._table.write(self._request(_round(trial.number + 1), fields, "attribute_not_exists(#part)"))

    async def _read(self, number: int, before: Sequence[Trial]) -> Decision | None:
        """Return the decision that a round has; None where there is none yet."""
        for item in await self._table.query(_round(number)):
            judged, go_at_ms = Decision.read(str(item["decision"])).judged, int(str(item["go_at_ms"]))
            late_s = (self._now_ms() - go_at_ms) / 1000
            if late_s > 0 and self._goes_on(judged, before):
                return Decision(Judged(incomplete=f"worker {self._worker} came {late_s:.1f} s late to a trial"))
            return Decision(judged, clock.performance_ns(go_at_ms))
        return None

    def _goes_on(self, judged: Judged, before: Sequence[Trial]) -> bool:
        after = [*before, judged.trial] if judged.trial else None
        return after is not None and votes.search_of(self._plan, after).next_rate() is not None

    def _request(self, part: str, fields: dict[str, Value], condition: str = "") -> Request:
        return self._table.requests.update(part, assigned=fields | self._life(), condition=condition)

    def _life(self) -> dict[str, Value]:
        return {"expires_at": self._now_ms() // 1000 + LIFE_S}


def _round(number: int) -> str:
    return f"round#{number:04d}"


def _votes(number: int) -> str:
    return f"vote#{number:04d}#"


def jury_of(
    scenario: Scenario,
    segment: Segment,
    table: ControlTable | None,
    barrier: Barrier | None,
    is_stopped: Callable[[], bool],
) -> Jury:
    """Return the jury of a worker: in the control table, at its supervisor, or the worker itself."""
    if table:
        return InTable(scenario, table, segment.index, segment.count, is_stopped=is_stopped)
    return Supervised(barrier) if barrier else Alone(scenario)
