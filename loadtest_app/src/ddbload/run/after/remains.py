# SPDX-License-Identifier: Apache-2.0
"""What a worker that died may have left in the table: its journal is gone, its plan and the time of its death are not.

A worker sends no operation before it is due, so a plan of arrivals bounds its writes by the time at which it died, and
a closed plan by the operations that it has. Each key in this range is deleted on the condition that its item bears the
run's id, so a range that is too wide costs write units and deletes nothing of anyone else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import uvloop

from ddbload.dynamo.endpoint import SettingsError, Target, TargetError, open_target
from ddbload.dynamo.pool import Pool, Unreachable
from ddbload.pacing.segment import Segment
from ddbload.run.costs import budget, cost
from ddbload.run.task import NO_TASK
from ddbload.scenario.plan import FindMaxPlan
from ddbload.scenario.scenario import Scenario
from ddbload.verify.cleanup import LATE_WRITES_S, clean_conditionally
from ddbload.verify.meter import MeteredBulk
from ddbload.workload import build as workload

CONNECTIONS = 16


def sent_at_most(scenario: Scenario, segment: Segment, lived_ns: int) -> int | None:
    """Return how many operations a worker may have sent in its life; None where only time ended its plan.

    Args:
        scenario: the worker's.
        segment: its part of the plan.
        lived_ns: nanoseconds from the start of the load to its death.
    """
    if isinstance(scenario.plan, FindMaxPlan):
        return None
    return scenario.plan.pacer(segment, scenario.seed).sent_at_most(lived_ns)


class Remains:
    """What one worker of a run may have left."""

    def __init__(self, scenario: Scenario, target: Target, run_id: str, segment: Segment, lived_ns: int) -> None:
        self._scenario = scenario
        self._target = target
        self._segment = segment
        self._workload = workload.build(scenario, target, run_id, segment).workload
        sent = sent_at_most(scenario, segment, lived_ns)
        self._numbers = None if sent is None else range(segment.index, segment.number(sent), segment.count)

    def keys(self) -> dict[str, int]:
        """Return the counts of its keys, as in run.summary: any of them may have been written."""
        count, below = 0, 0
        for index in self._workload.sequence.written_by(self._numbers):
            count, below = count + 1, max(below, index + 1)
        return {"acknowledged": 0, "indeterminate": count, "refused": 0, "below": below}

    async def clean(self, dollars: float, is_stopped: Callable[[], bool]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Delete its items.

        Args:
            dollars: that this may cost.
            is_stopped: called before each request.

        Returns:
            The figures of ``cleanup`` and of ``cost``.
        """
        scenario, target = self._scenario, self._target
        prices = cost.load_prices(target.region)
        pool = Pool(target.host, target.port, target.tls_context(), CONNECTIONS)
        await pool.open()
        each = budget.aftermath_units(scenario, len(target.indexes))
        bulk = MeteredBulk(pool, target.signer(), scenario.timeout, self._workload, *each)

        def is_dear() -> bool:
            return not target.provisioned and cost.request_cost(0.0, bulk.write_units, prices) >= dollars

        try:
            # What the worker had under way may still be done, a moment after its death.
            await asyncio.sleep(LATE_WRITES_S)
            document = await clean_conditionally(
                self._workload,
                self._workload.sequence.written_by(self._numbers),
                scenario.cleanup.rate / self._segment.count,
                bulk,
                lambda: is_stopped() or is_dear(),
            )
        finally:
            await pool.close()
            await asyncio.sleep(0)
        if is_dear():
            document["error"] = f"the cleanup after a worker that died came to its share of max_cost, ${dollars:,.4f}"
        spent = budget.Spent(
            write_units=document["consumed_write_units"], uncertain_write_units=bulk.uncertain_write_units
        )
        return document, budget.actual(spent, target, NO_TASK, 0.0)


def recover(
    scenario: Scenario,
    endpoint_url: str | None,
    region: str | None,
    environment: Mapping[str, str],
    run_id: str,
    segment: Segment,
    lived_ns: int,
    spent: float,
    is_stopped: Callable[[], bool],
) -> dict[str, Any]:
    """Find the items that a dead worker may have written, and delete them where the scenario has a cleanup.

    Args:
        scenario: the worker's.
        endpoint_url: DynamoDB's; overrides the environment's.
        region: overrides the environment's.
        environment: of the process.
        run_id: in its items and keys.
        segment: its part of the plan.
        lived_ns: nanoseconds from the start of the load to its death.
        spent: dollars that it is known to have cost.
        is_stopped: called before each request.

    Returns:
        ``keys``, ``cleanup`` and ``cost`` as in run.summary: keys are None where the table does not answer, the others
        where there is no cleanup.
    """
    found: dict[str, Any] = {"keys": None, "cleanup": None, "cost": None}
    try:
        target = open_target(scenario.table, endpoint_url, region, environment)
        remains = Remains(scenario, target, run_id, segment, lived_ns)
        found["keys"] = remains.keys()
        if scenario.cleanup.enabled and found["keys"]["indeterminate"]:
            dollars = max(0.0, scenario.max_cost / segment.count - spent)
            found["cleanup"], found["cost"] = uvloop.run(remains.clean(dollars, is_stopped))
    except (SettingsError, TargetError, Unreachable) as error:
        text = f"the table could not be cleaned after a worker that died: {error}"
        nothing = {"deleted": 0, "consumed_write_units": 0.0, "complete": False, "error": text}
        found["cleanup"] = nothing if scenario.cleanup.enabled else None
    return found
