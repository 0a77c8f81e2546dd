# SPDX-License-Identifier: Apache-2.0
"""The search of several processes of one task, as their supervisor has it: takes the votes, sends the decisions."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from ddbload.run.search import votes
from ddbload.run.search.jury import Decision, longest_s
from ddbload.run.search.votes import Judged
from ddbload.run.workers.channel import Channel
from ddbload.run.workers.supervisor import START_DELAY_NS, Service
from ddbload.scenario.plan import FindMaxPlan
from ddbload.scenario.scenario import Scenario


def service(scenario: Scenario) -> Service | None:
    """Return how a supervisor serves its workers; None where the plan is no search."""
    plan = scenario.plan
    return partial(lead, scenario, plan) if isinstance(plan, FindMaxPlan) else None


def lead(scenario: Scenario, plan: FindMaxPlan, channels: Sequence[Channel], start_ns: int) -> None:
    """Take the votes of the workers on each trial, and send them the decision, up to the end of the search.

    Args:
        scenario: with the thresholds.
        plan: of the search.
        channels: to the workers, in the order of their numbers.
        start_ns: the instant of the first trial, on the clock of ``perf_counter_ns``.
    """
    search = votes.search_of(plan)
    patience_s = plan.settle_s + plan.trial_s + longest_s(scenario)
    while (rate := search.next_rate()) is not None:
        judged = _judge(scenario, rate, channels, start_ns + round(patience_s * 1e9))
        start_ns = time.perf_counter_ns() + max(round(plan.rest_s * 1e9), START_DELAY_NS)
        for channel in channels:
            channel.send(Decision(judged, start_ns).to_text().encode() + b"\n")
        if judged.trial is None:
            return
        search.observe(judged.trial)


def _judge(scenario: Scenario, rate: float, channels: Sequence[Channel], until_ns: int) -> Judged:
    lines = {number: channel.receive(until_ns) for number, channel in enumerate(channels)}
    try:
        present = {number: votes.read(line) for number, line in lines.items() if line is not None}
    except ValueError as error:
        return Judged(incomplete=str(error))
    if len(present) < len(channels):
        return Judged(incomplete=votes.missing(present, len(channels)))
    return votes.judge(rate, present, scenario.thresholds)
