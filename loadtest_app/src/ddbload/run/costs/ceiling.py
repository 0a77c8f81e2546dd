# SPDX-License-Identifier: Apache-2.0
"""The cost ceiling: a run's known cost, its highest possible cost, and the stop before that exceeds the ceiling."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from ddbload.dynamo.endpoint import Target
from ddbload.engine.engine import Engine
from ddbload.pacing.segment import Segment
from ddbload.run.costs import budget, cost
from ddbload.run.task import Task
from ddbload.scenario.scenario import Scenario
from ddbload.verify.meter import MeteredBulk
from ddbload.workload.sizes import sizes_of

# Between two checks at most half of the remaining dollars is spent, and at most this time passes.
SHORTEST_NAP_S = 0.02
LONGEST_NAP_S = 0.5
# Dollars that show in four decimals.
LEAST_TOLD = 0.00005


class Commitment(NamedTuple):
    """Dollars: the known cost, the highest possible cost, and the reserve for the check and the cleanup."""

    known: float
    at_most: float
    kept_back: float

    @property
    def whole(self) -> float:
        """The most that the run costs if its load ends now."""
        return self.at_most + self.kept_back


class Account:
    """One worker's account: its share of the ceiling, and its cost."""

    def __init__(self, scenario: Scenario, target: Target, task: Task, segment: Segment) -> None:
        """Open the account; the task's time counts from here."""
        self._scenario = scenario
        self._target = target
        self._task = task
        self._segment = segment
        self._indexes = len(target.indexes)
        self._begun_s = time.monotonic()
        sizes, per_partition = sizes_of(scenario.item.size, scenario.seed), scenario.keys.per_partition
        self._units_each = {
            name: budget.units_each(entry, sizes, per_partition) for name, entry in scenario.mix.items()
        }
        self._dearest = tuple(max(each[kind] for each in self._units_each.values()) for kind in (0, 1))
        self._engines: list[Engine] = []
        self._settled: budget.Spent | None = None
        self._load_s: float | None = None
        self._bulk: MeteredBulk | None = None
        self._to_come = {"verification", "cleanup"}

    @property
    def share(self) -> float:
        """The dollars that this worker may spend."""
        return self._scenario.max_cost / self._segment.count

    def follow(self, engine: Engine) -> None:
        """Count what an engine sends, and allow it what the account has left."""
        self._engines.append(engine)
        engine.allow(max(0.0, self._affordable(self.commitment())))

    def settle(self, bulk: MeteredBulk) -> None:
        """Note the end of the load: all later requests are sent through ``bulk``."""
        self._settled = self._load()
        self._load_s = time.monotonic() - self._begun_s
        self._bulk = bulk

    def begin(self, phase: str) -> None:
        """Release the reserve of a phase that starts: verification or cleanup."""
        self._to_come.discard(phase)

    def document(
        self, verification: Mapping[str, Any] | None = None, cleanup: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the cost of the run so far.

        Args:
            verification: the check's figures, once it is over.
            cleanup: the same of the cleanup.
        """
        spent = self._load()
        if verification:
            spent.read_units += verification["consumed_read_units"]
        if cleanup:
            spent.write_units += cleanup["consumed_write_units"]
        if self._bulk:
            spent.uncertain_read_units += self._bulk.uncertain_read_units
            spent.uncertain_write_units += self._bulk.uncertain_write_units
        return budget.actual(spent, self._target, self._task, time.monotonic() - self._begun_s)

    def commitment(self) -> Commitment:
        """Return the spent and the reserved dollars."""
        spent = self._settled or self._load()
        in_flight = self._engines[-1].in_flight if self._engines and not self._settled else 0
        # A request under way may be applied without a response: it counts at the price of the most expensive kind.
        at_most_read = spent.read_units + spent.uncertain_read_units + in_flight * self._dearest[0]
        at_most_write = spent.write_units + spent.refused_write_units + spent.uncertain_write_units
        at_most_write += in_flight * self._dearest[1] * (1 + self._indexes)
        if self._bulk:
            at_most_read += self._bulk.read_units
            at_most_write += self._bulk.write_units
        aftermath = self._aftermath()
        kept_read, kept_write = budget.units_of(
            [kind for kind in aftermath if kind.name in self._to_come], self._indexes
        )
        known = self._dollars(spent.read_units, spent.write_units + spent.refused_write_units)
        elapsed_s = time.monotonic() - self._begun_s
        # The time of the check and the cleanup is reserved before them, and does not stop them afterwards.
        load_s = elapsed_s if self._load_s is None else self._load_s
        whole_s = load_s + budget.aftermath_s(self._scenario, aftermath, self._segment.count)
        compute = self._compute(load_s)
        return Commitment(
            known + self._compute(elapsed_s),
            self._dollars(at_most_read, at_most_write) + compute,
            self._dollars(kept_read, kept_write) + self._compute(whole_s) - compute,
        )

    def excess(self) -> str:
        """Say that the run has reached its ceiling; empty where it has not."""
        found = self.commitment()
        return self._reached(found) if found.whole > self.share else ""

    def _reached(self, found: Commitment) -> str:
        text = f"its cost: ${found.known:,.4f} so far"
        if found.at_most - found.known >= LEAST_TOLD:
            text += f", ${found.at_most:,.4f} with requests without a response"
        if found.kept_back >= LEAST_TOLD:
            text += f", ${found.kept_back:,.4f} kept back for check and cleanup"
        return f"{text}; max_cost allows ${self.share:,.4f}"

    async def watch(self, stop: Callable[[str], None]) -> None:
        """Allow the engine a number of requests, again and again, until it is too small: call ``stop`` with the reason.

        The engine sends no more than that until the next check, so a busy machine, which checks late, spends no more.
        """
        engine = self._engines[-1]
        before_s, before = time.monotonic(), self.commitment().whole
        sends, rate, dollars_rate = engine.allowance, 0.0, 0.0
        while True:
            now_s, found = time.monotonic(), self.commitment()
            if (passed_s := now_s - before_s) > 0:
                rate = (sends - engine.allowance) / passed_s if sends < math.inf else 0.0
                dollars_rate = max(0.0, found.whole - before) / passed_s
            room, sends = self.share - found.whole, self._affordable(found)
            # With less, the load would have to wait for each check.
            if room < 0 or sends < min(self._rest(), max(1.0, rate * SHORTEST_NAP_S)):
                stop(self._reached(found))
                return
            engine.allow(sends)
            before_s, before = now_s, found.whole
            until_s = min(_quotient(sends, rate), _quotient(room, dollars_rate))
            await asyncio.sleep(min(LONGEST_NAP_S, max(SHORTEST_NAP_S, until_s / 2)))

    def _affordable(self, found: Commitment) -> float:
        """Return how many requests more the account has the dollars for; below 0 where it has reached its ceiling."""
        room = self.share - found.whole
        return math.floor(room / self._each) if self._each else math.copysign(math.inf, room)

    @cached_property
    def _each(self) -> float:
        """The dollars of a request of the load at most, with the check and the cleanup of its keys."""
        keys = max(map(budget.keys_written, self._scenario.mix.values()))
        aftermath = budget.aftermath(self._scenario, keys, self._segment.count)
        kept_read, kept_write = budget.units_of(aftermath, self._indexes)
        read, write = self._dearest
        kept_s = budget.aftermath_s(self._scenario, aftermath, self._segment.count)
        requests = self._dollars(read + kept_read, write * (1 + self._indexes) + kept_write)
        return requests + self._compute(cost.HOUR_S) * kept_s / cost.HOUR_S

    def _rest(self) -> float:
        """Return how many requests the plan has left, without the retries of those under way."""
        load = self._engines[-1].load
        expected = load.pacer.expected
        return math.inf if expected is None else max(0.0, expected - self._engines[-1].next) + load.retries.waiting

    def _load(self) -> budget.Spent:
        spent = budget.Spent()
        for engine in self._engines:
            spent.add(engine, self._units_each, self._indexes)
        return spent

    def _aftermath(self) -> list[cost.Expected]:
        written = 0.0
        for engine in self._engines:
            for recorder in (engine.warm_up, engine.recorder):
                for name, record in recorder.records.items():
                    written += record.sent * budget.keys_written(self._scenario.mix[name])
        return budget.aftermath(self._scenario, written, self._segment.count)

    def _compute(self, seconds: float) -> float:
        return budget.compute(self._target, self._task, seconds)

    def _dollars(self, read_units: float, write_units: float) -> float:
        if self._target.provisioned:
            return 0.0
        return cost.request_cost(read_units, write_units, cost.load_prices(self._target.region))


def _quotient(rest: float, rate: float) -> float:
    return rest / rate if rate else math.inf
