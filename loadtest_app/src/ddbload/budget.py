# SPDX-License-Identifier: Apache-2.0
"""What a scenario will cost, as far as it can be told before, and what a run has cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ddbload import cost
from ddbload.dynamo.endpoint import Target
from ddbload.engine import Engine
from ddbload.entries import WRITES, MixEntry
from ddbload.plan import ClosedPlan, FindMaxPlan, OpenPlan, Plan
from ddbload.scenario import Scenario
from ddbload.sizes import Sizes, mean_units
from ddbload.task import Task

# What a plan without an end in time is taken to last, for the estimate of compute: it is a small part of the whole.
UNKNOWN_S = 60.0
# A page of a Query or Scan ends there:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
PAGE_BYTES = 1_048_576


def units_each(entry: MixEntry, sizes: Sizes, per_partition: int) -> tuple[float, float]:
    """Return the read and write units that one operation of an entry consumes, secondary indexes left out."""
    write, read = mean_units(sizes, cost.WRITE_UNIT_BYTES), mean_units(sizes, cost.READ_UNIT_BYTES)
    share = 1.0 if entry.consistent else 0.5
    match entry.operation:
        case "put" | "update" | "delete":
            return 0.0, write
        case "batch_write":
            return 0.0, entry.items * write
        case "transact_write":
            return 0.0, entry.items * write * cost.TRANSACTIONAL
        case "get":
            return read * share, 0.0
        case "batch_get":
            return entry.items * read * share, 0.0
        case "transact_get":
            return entry.items * read * cost.TRANSACTIONAL, 0.0
        case "query":
            return _page_units(min(entry.limit, per_partition) * sizes.mean) * share, 0.0
        case _:
            return _page_units(entry.limit * sizes.mean) * share, 0.0


def _page_units(size_bytes: float) -> float:
    """Return the read units of a page: its items are added up before they are rounded."""
    return max(1.0, math.ceil(min(size_bytes, PAGE_BYTES) / cost.READ_UNIT_BYTES))


def expected(scenario: Scenario) -> list[cost.Expected] | None:
    """Return what the whole scenario asks of the table, its check and its cleanup included; None where it is open."""
    plan = scenario.plan
    if isinstance(plan, FindMaxPlan) or plan.operations is None:
        return None
    sizes = scenario.sizes()
    whole = sum(entry.weight for entry in scenario.mix.values())
    kinds, written = [], 0.0
    for name, entry in scenario.mix.items():
        count = plan.operations * entry.weight / whole
        kinds.append(cost.Expected(name, count, *units_each(entry, sizes, scenario.keys.per_partition)))
        # Keys that are written again count as often as they are, since how often the same ones are is not known.
        written += count * (entry.inserts or (entry.operation in WRITES))
    keys = min(written, scenario.keys.count)
    if scenario.verify.enabled:
        checked = min(keys * scenario.verify.share, scenario.verify.limit)
        kinds.append(cost.Expected("verification", checked, mean_units(sizes, cost.READ_UNIT_BYTES), 0.0))
    if scenario.cleanup.enabled:
        kinds.append(cost.Expected("cleanup", keys, 0.0, mean_units(sizes, cost.WRITE_UNIT_BYTES)))
    return kinds


def peak_units(scenario: Scenario) -> tuple[float, float]:
    """Return the read and write units a second at the plan's highest rate; 0 where callers set the rate."""
    plan = scenario.plan
    if not isinstance(plan, OpenPlan):
        return 0.0, 0.0
    sizes = scenario.sizes()
    whole = sum(entry.weight for entry in scenario.mix.values())
    read = write = 0.0
    for entry in scenario.mix.values():
        each = units_each(entry, sizes, scenario.keys.per_partition)
        rate = plan.curve.peak * entry.weight / whole
        read, write = read + rate * each[0], write + rate * each[1]
    return read, write


def estimate(scenario: Scenario, target: Target, task: Task, workers: int = 1) -> dict[str, Any] | None:
    """Say what a run will cost, all its workers together; None where its plan does not tell how much it asks for.

    Args:
        scenario: what is asked.
        target: the table.
        task: one worker's share of its task.
        workers: how many there are.
    """
    kinds = expected(scenario)
    if kinds is None:
        return None
    seconds = _seconds(scenario.plan)
    return _document(kinds, target, task, seconds, workers) | {
        "operations": {kind.name: round(kind[1]) for kind in kinds}
    }


@dataclass
class Spent:
    """Units that were consumed: those that DynamoDB told of, and those of refused writes, which no answer tells."""

    read_units: float = 0.0
    write_units: float = 0.0
    refused_write_units: float = 0.0

    def add(self, engine: Engine, units_each: Mapping[str, tuple[float, float]]) -> None:
        """Add what the operations of an engine consumed.

        A write whose condition does not hold consumes what it would have consumed otherwise, near enough
        (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).

        Args:
            engine: that sent them.
            units_each: by entry of the mix, what one operation is expected to consume: read and write units.
        """
        for recorder in (engine.warm_up, engine.recorder):
            for name, record in recorder.records.items():
                consumed = record.consumed()
                self.read_units += consumed.read_units
                self.write_units += consumed.write_units
                self.refused_write_units += record.count("expected") * units_each[name][1]


def actual(spent: Spent, target: Target, task: Task, seconds: float) -> dict[str, Any]:
    """Say what a run has cost.

    Args:
        spent: what was consumed.
        target: the table.
        task: whose time it took.
        seconds: since the process began.
    """
    kinds = [
        cost.Expected("told", 1, spent.read_units, spent.write_units),
        cost.Expected("refused", 1, 0.0, spent.refused_write_units),
    ]
    refused = round(spent.refused_write_units, 1)
    document = _document(kinds, target, task, seconds)
    return document | {"write_units": round(spent.write_units, 1), "refused_write_units": refused}


def refusal(estimated: Mapping[str, Any] | None, scenario: Scenario) -> str:
    """Say why a run would cost too much; empty where it would not."""
    if not estimated or estimated["total"] <= scenario.max_cost:
        return ""
    return (
        f"max_cost: the run would cost about ${estimated['total']:,.2f} ({estimated['write_units']:,.0f} write and "
        f"{estimated['read_units']:,.0f} read units), more than ${scenario.max_cost:,.2f}: "
        "ask for less, or raise max_cost"
    )


def _document(
    kinds: list[cost.Expected], target: Target, task: Task, seconds: float, workers: int = 1
) -> dict[str, Any]:
    prices = cost.load_prices(target.region)
    result = cost.estimate(
        kinds, prices, target.provisioned, seconds, task.vcpu, task.memory_gb, task.architecture, workers
    )
    return {
        "currency": "USD",
        "total": round(result.total, 6),
        "requests": round(result.requests, 6),
        "compute": round(result.compute, 6),
        "read_units": round(result.read_units, 1),
        "write_units": round(result.write_units, 1),
        "prices_of": prices.date,
        "note": result.note,
    }


def _seconds(plan: Plan) -> float:
    if isinstance(plan, ClosedPlan):
        return plan.duration_s or UNKNOWN_S
    return UNKNOWN_S if isinstance(plan, FindMaxPlan) else plan.duration_s + UNKNOWN_S
