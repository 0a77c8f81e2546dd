# SPDX-License-Identifier: Apache-2.0
"""The highest rate that a plan asks for, before anything is measured."""

from __future__ import annotations

import bisect

from ddbload.scenario.plan import ClosedPlan, FindMaxPlan, OpenPlan, Plan, ReplayPlan

# A task is sized for a table that responds within this time. DynamoDB's own figure for single-item requests is below
# 10 ms: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Introduction.html
EXPECTED_LATENCY_S = 0.02
# A recording has a rate in each second.
RECORDED_WINDOW_S = 1.0


def peak_rate(plan: Plan) -> float:
    """Return the highest rate of a plan, in operations a second, all workers together.

    Args:
        plan: for a search the ceiling counts; for callers, one operation each ``EXPECTED_LATENCY_S``.
    """
    match plan:
        case OpenPlan():
            return plan.curve.peak
        case ReplayPlan():
            return _recorded_peak(plan)
        case FindMaxPlan():
            return plan.ceiling
        case ClosedPlan():
            return plan.concurrency / EXPECTED_LATENCY_S


def is_set_by_plan(plan: Plan) -> bool:
    """Return whether the plan sets its rate itself: callers wait for responses, and a search may end below."""
    return isinstance(plan, OpenPlan | ReplayPlan)


def _recorded_peak(plan: ReplayPlan) -> float:
    """Return the most arrivals of a recording within any second of the replay."""
    window, instants = RECORDED_WINDOW_S * plan.speed, plan.instants
    most = max(bisect.bisect_left(instants, start + window) - number for number, start in enumerate(instants))
    return most / RECORDED_WINDOW_S
