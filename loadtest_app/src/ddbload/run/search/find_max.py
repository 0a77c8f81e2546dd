# SPDX-License-Identifier: Apache-2.0
"""The search of a find_max: trials at one rate after the other, until the highest that passes is confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from ddbload.engine.engine import Engine
from ddbload.engine.load import Stop
from ddbload.pacing.search import Trial
from ddbload.results.events import EventWriter
from ddbload.run import summary
from ddbload.run.search import votes
from ddbload.run.search.jury import Jury, Round
from ddbload.run.search.votes import Vote
from ddbload.scenario.plan import FindMaxPlan


class Attempt(NamedTuple):
    """A trial that is over: its engine, and this worker's vote."""

    engine: Engine
    vote: Vote


class Found(NamedTuple):
    """The end of a search.

    Attributes:
        search: the outcome, as in run.summary.
        best: the engine of the last trial that passed; None where no rate was found.
        stopped: why another worker stopped, which ended the search; empty where none did.
    """

    search: dict[str, Any]
    best: Engine | None
    stopped: str = ""


async def find_max(
    plan: FindMaxPlan,
    attempt: Callable[[Round], Awaitable[Attempt]],
    jury: Jury,
    events: EventWriter,
    stop: Callable[[], Stop | None],
    start_ns: int = 0,
) -> Found:
    """Search for the highest rate that meets the thresholds.

    Args:
        plan: of the search.
        attempt: carries out this worker's part of a trial.
        jury: judges a trial by the votes of all workers.
        events: where the first of several workers writes each trial.
        stop: returns why this worker is to end; None while it is not.
        start_ns: the instant of the first trial, on the clock of ``perf_counter_ns``; 0 for now.
    """
    search = votes.search_of(plan)
    trials: list[Trial] = []
    best: Engine | None = None
    stopped = ""
    # One of several workers votes all the same, so that the others do not wait for it.
    while (rate := search.next_rate()) is not None and (start_ns or not stop()):
        this = Round(len(trials) + 1, rate, start_ns)
        done = await attempt(this)
        judged, start_ns = await jury.decide(this, done.vote, trials)
        if done.vote.stopped or (judged.stopped and stop()):
            break
        if judged.trial is None:
            stopped = judged.stopped
            search.abandon(judged.incomplete or judged.stopped)
            break
        search.observe(judged.trial)
        trials.append(judged.trial)
        if events.context["worker"] == 0:
            events.write("run.trial", **judged.trial._asdict(), plan=judged.plan, next_rate=search.next_rate())
        if judged.trial.passed:
            best = done.engine
        if not start_ns:
            await asyncio.sleep(plan.rest_s)
    if (own := stop()) and search.next_rate() is not None:
        search.abandon(f"stopped early by {own.text}")
    outcome = search.outcome()
    return Found(outcome, best if outcome["rate"] is not None else None, stopped)


def vote_of(engine: Engine, figures: Mapping[str, Any]) -> Vote:
    """Return a worker's vote on a trial that is over."""
    broken = summary.broken_plan(figures["plan"], engine)
    is_limited = summary.is_short_of_cpu(engine)
    return votes.vote(figures, broken, is_limited, engine.stopped.text if engine.stopped else "")
