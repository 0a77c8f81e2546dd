# SPDX-License-Identifier: Apache-2.0
"""The estimated cost of a scenario, and the cost of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ddbload.dynamo.endpoint import Target
from ddbload.engine.engine import Engine
from ddbload.engine.record import OperationRecord, Sum
from ddbload.run.costs import cost
from ddbload.run.task import Task
from ddbload.scenario.entries import MixEntry
from ddbload.scenario.plan import FindMaxPlan, OpenPlan
from ddbload.scenario.scenario import Scenario
from ddbload.workload.sizes import Sizes, mean_units, sizes_of

# For start and end, and for the load of a plan without an end in time, which is a small part of the compute.
BESIDE_S = 60.0
# A page of a Query or Scan ends there:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
PAGE_BYTES = 1_048_576
# After these outcomes the units of an attempt are known: those of the response, those expected, or none.
KNOWN_UNITS = frozenset({"ok", "expected", "throttled", "fatal"})


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
        case "execute_statement" | "batch_execute_statement":
            # A statement consumes what the operation without PartiQL does: one item of its own.
            # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ConsumedCapacity.html
            return (0.0, entry.items * write) if entry.writes else (entry.items * read * share, 0.0)
        case "execute_transaction":
            units = entry.items * (write if entry.writes else read) * cost.TRANSACTIONAL
            return (0.0, units) if entry.writes else (units, 0.0)
        case "query":
            return _page_units(min(entry.limit, per_partition) * sizes.mean) * share, 0.0
        case _:
            return _page_units(entry.limit * sizes.mean) * share, 0.0


def _page_units(size_bytes: float) -> float:
    """Return the read units of a page: its items are added up before they are rounded."""
    return max(1.0, math.ceil(min(size_bytes, PAGE_BYTES) / cost.READ_UNIT_BYTES))


class Requests(NamedTuple):
    """The requests of a scenario: those of its load, by entry of the mix, and those of its check and its cleanup."""

    load: list[cost.Expected]
    aftermath: list[cost.Expected]

    @property
    def whole(self) -> list[cost.Expected]:
        """All of them."""
        return self.load + self.aftermath


def expected(scenario: Scenario) -> Requests | None:
    """Return the requests of the whole scenario; None where it is unlimited."""
    plan = scenario.plan
    if isinstance(plan, FindMaxPlan) or plan.operations is None:
        return None
    sizes = sizes_of(scenario.item.size, scenario.seed)
    whole = sum(entry.weight for entry in scenario.mix.values())
    load, written = [], 0.0
    for name, entry in scenario.mix.items():
        count = plan.operations * entry.weight / whole
        load.append(cost.Expected(name, count, *units_each(entry, sizes, scenario.keys.per_partition)))
        written += count * keys_written(entry)
    return Requests(load, aftermath(scenario, written))


def keys_written(entry: MixEntry) -> int:
    """Return how many keys one operation of an entry writes.

    Keys that are written again count as often as they are, since how often the same ones are is not known.
    """
    return entry.items if entry.writes else 0


def aftermath(scenario: Scenario, written: float, workers: int = 1) -> list[cost.Expected]:
    """Return the requests of the check and the cleanup after ``written`` writes of one of ``workers`` workers."""
    sizes = sizes_of(scenario.item.size, scenario.seed)
    kinds, keys = [], min(written, scenario.keys.count)
    if scenario.verify.enabled:
        checked = min(keys * scenario.verify.share, scenario.verify.limit / workers)
        kinds.append(cost.Expected("verification", checked, mean_units(sizes, cost.READ_UNIT_BYTES), 0.0))
    if scenario.cleanup.enabled:
        kinds.append(cost.Expected("cleanup", keys, 0.0, mean_units(sizes, cost.WRITE_UNIT_BYTES)))
    return kinds


def aftermath_s(scenario: Scenario, kinds: Sequence[cost.Expected], workers: int = 1) -> float:
    """Return the seconds that the check and the cleanup of one of ``workers`` workers take at their rates.

    Args:
        scenario: the run's.
        kinds: the requests of `aftermath`; those without a rate take as long as the table does, which is not known.
        workers: how many there are.
    """
    rates = {"verification": scenario.verify.rate, "cleanup": scenario.cleanup.rate}
    return sum(kind.count * workers / rates[kind.name] for kind in kinds if rates[kind.name])


def least_s(scenario: Scenario) -> float:
    """Return the seconds that a run takes at least: by its plan, and by the rates of its check and its cleanup."""
    plan, requests = scenario.plan, expected(scenario)
    planned_s = 0.0 if isinstance(plan, FindMaxPlan) else plan.duration_s or 0.0
    return planned_s + (aftermath_s(scenario, requests.aftermath) if requests else 0.0)


def aftermath_units(scenario: Scenario, indexes: int) -> tuple[float, float]:
    """Return what a key consumes: read units in the check, and write units in the cleanup with ``indexes`` indexes."""
    sizes = sizes_of(scenario.item.size, scenario.seed)
    return mean_units(sizes, cost.READ_UNIT_BYTES), mean_units(sizes, cost.WRITE_UNIT_BYTES) * (1 + indexes)


def units_of(kinds: Sequence[cost.Expected], indexes: int) -> tuple[float, float]:
    """Add up read and write units, each write once more for each of ``indexes`` secondary indexes."""
    reads = sum(kind.count * kind.read_units_each for kind in kinds)
    return reads, sum(kind.count * kind.write_units_each for kind in kinds) * (1 + indexes)


def peak_units(scenario: Scenario) -> tuple[float, float]:
    """Return the read and write units a second at the plan's highest rate; 0 where callers set the rate."""
    plan = scenario.plan
    if not isinstance(plan, OpenPlan):
        return 0.0, 0.0
    sizes = sizes_of(scenario.item.size, scenario.seed)
    whole = sum(entry.weight for entry in scenario.mix.values())
    read = write = 0.0
    for entry in scenario.mix.values():
        each = units_each(entry, sizes, scenario.keys.per_partition)
        rate = plan.curve.peak * entry.weight / whole
        read, write = read + rate * each[0], write + rate * each[1]
    return read, write


def estimate(scenario: Scenario, target: Target, task: Task, workers: int = 1) -> dict[str, Any] | None:
    """Return the estimated cost of a run with all its workers; None where its plan has no number of operations.

    Args:
        scenario: the run's.
        target: the table.
        task: one worker's share of its task.
        workers: how many there are.

    Returns:
        What is expected where each operation takes one attempt, secondary indexes left out; and ``at_most``, dollars
        where each takes all of its attempts, each is done, and each secondary index takes each write.
    """
    requests = expected(scenario)
    if requests is None:
        return None
    kinds = requests.whole
    seconds = BESIDE_S + least_s(scenario)
    again = [kind._replace(count=kind.count * scenario.retries.attempts) for kind in requests.load]
    taken = 1 + len(target.indexes)
    most = [kind._replace(write_units_each=kind.write_units_each * taken) for kind in again + requests.aftermath]
    return _document(kinds, target, task, seconds, workers) | {
        "at_most": _document(most, target, task, seconds, workers)["total"],
        "operations": {kind.name: round(kind[1]) for kind in kinds},
    }


@dataclass
class Spent:
    """Units that were consumed.

    Attributes:
        read_units: those that DynamoDB reported.
        write_units: the same.
        refused_write_units: those of writes whose condition did not hold, which no response reports.
        uncertain_read_units: those of attempts that may have been done, which no response reports: it was lost, or an
            error of the server's, a conflict, the end of a transaction or a failed statement of a batch.
        uncertain_write_units: the same.
    """

    read_units: float = 0.0
    write_units: float = 0.0
    refused_write_units: float = 0.0
    uncertain_read_units: float = 0.0
    uncertain_write_units: float = 0.0

    def add(self, engine: Engine, units_each: Mapping[str, tuple[float, float]], indexes: int = 0) -> None:
        """Add the consumed units of an engine's operations.

        A write whose condition does not hold consumes what it would have consumed otherwise, near enough
        (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).

        Args:
            engine: that sent them.
            units_each: by entry of the mix, what one operation is expected to consume: read and write units.
            indexes: how many secondary indexes the table has, each of which takes a write, too.
        """
        for recorder in (engine.warm_up, engine.recorder):
            for name, record in recorder.records.items():
                consumed = record.consumed()
                self.read_units += consumed.read_units
                self.write_units += consumed.write_units
                self.refused_write_units += record.count("expected") * units_each[name][1]
                uncertain = _uncertain_attempts(record) + _failed_statements(record, consumed)
                self.uncertain_read_units += uncertain * units_each[name][0]
                self.uncertain_write_units += uncertain * units_each[name][1] * (1 + indexes)


def _uncertain_attempts(record: OperationRecord) -> int:
    """Return how many attempts may have consumed units that no response reports, retries included."""
    last = sum(reasons.total() for outcome, reasons in record.outcomes.items() if outcome not in KNOWN_UNITS)
    return last + sum(count for reason, count in record.retried.items() if reason.partition(":")[0] not in KNOWN_UNITS)


def _failed_statements(record: OperationRecord, consumed: Sum) -> float:
    """Return how many whole batches the failed statements are of those that succeeded for the rest.

    AWS does not document whether the response reports the units of a statement whose condition does not hold.
    """
    failed = consumed.failed.total()
    answered = consumed.items + consumed.unprocessed + failed
    return record.count("ok") * failed / answered if failed else 0.0


def actual(spent: Spent, target: Target, task: Task, seconds: float) -> dict[str, Any]:
    """Return the cost of a run.

    Args:
        spent: what was consumed.
        target: the table.
        task: whose time it took.
        seconds: since the process started.
    """
    kinds = [
        cost.Expected("reported", 1, spent.read_units, spent.write_units),
        cost.Expected("refused", 1, 0.0, spent.refused_write_units),
    ]
    uncertain = cost.Expected("uncertain", 1, spent.uncertain_read_units, spent.uncertain_write_units)
    return _document(kinds, target, task, seconds) | {
        "at_most": _document([*kinds, uncertain], target, task, seconds)["total"],
        "write_units": round(spent.write_units, 1),
        "refused_write_units": round(spent.refused_write_units, 1),
        "uncertain_read_units": round(spent.uncertain_read_units, 1),
        "uncertain_write_units": round(spent.uncertain_write_units, 1),
    }


def compute(target: Target, task: Task, seconds: float) -> float:
    """Return the dollars that a task's time has cost, for a number of seconds since its start."""
    prices = cost.load_prices(target.region)
    return cost.fargate_cost(task.vcpu, task.memory_gb, seconds, task.architecture, prices)


def refusal(estimated: Mapping[str, Any] | None, scenario: Scenario) -> str:
    """Say why a run would cost too much; empty where it would not."""
    if not estimated or estimated["total"] <= scenario.max_cost:
        return ""
    most = f", at most ${estimated['at_most']:,.2f} with retries and indexes"
    return (
        f"max_cost: the run would cost about ${estimated['total']:,.2f} ({estimated['write_units']:,.0f} write and "
        f"{estimated['read_units']:,.0f} read units{most if estimated['at_most'] > estimated['total'] else ''}), "
        f"more than ${scenario.max_cost:,.2f}: "
        "lower the load, or raise max_cost"
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
