# SPDX-License-Identifier: Apache-2.0
"""Whether each process may open the connections that a scenario requests."""

from __future__ import annotations

from ddbload.pacing.segment import Segment
from ddbload.scenario.plan import ClosedPlan
from ddbload.scenario.scenario import Scenario


def excess(scenario: Scenario, tasks: int, limit: float) -> str:
    """Say in one line by how far the connections exceed the limit of open files; empty where they do not.

    Args:
        scenario: with the processes and the connections of each task.
        tasks: how many tasks share the plan.
        limit: connections that one process may have open.
    """
    plan, processes = scenario.plan, scenario.processes
    if isinstance(plan, ClosedPlan):
        try:
            # The first worker has the largest share.
            each = plan.pacer(Segment(0, tasks * processes), scenario.seed).callers
        except ValueError:
            # The plan is refused for another reason.
            return ""
        field, remedy = f"plan: {plan.concurrency:,} callers", "lower the concurrency, use more processes or tasks"
    else:
        each = -(-scenario.connections // processes)
        field, remedy = f"connections: {scenario.connections:,}", "lower connections, use more processes"
    if each <= limit:
        return ""
    return (
        f"scenario: {field} in {processes} process{'es' if processes > 1 else ''} are {each:,} connections for each, "
        f"and the limit of open files allows {limit:,.0f} -> {remedy}, or raise the limit (ulimit -Hn)"
    )
