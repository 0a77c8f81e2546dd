# SPDX-License-Identifier: Apache-2.0
"""The cost ceiling: a run's known cost, its highest possible cost, and the stop before that exceeds the ceiling."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping
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
        """Count what an engine sends."""
        self._engines.append(engine)

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
        return self._excess(self.commitment())

    def _excess(self, found: Commitment, ahead: float = 0.0) -> str:
        """Say the same of a commitment.

        Args:
            found: the spent and the reserved dollars.
            ahead: dollars that will be spent before the next check.
        """
        if found.whole + ahead <= self.share:
            return ""
        text = f"its cost: ${found.known:,.4f} so far"
        if found.at_most - found.known >= LEAST_TOLD:
            text += f", ${found.at_most:,.4f} with requests without a response"
        if found.kept_back >= LEAST_TOLD:
            text += f", ${found.kept_back:,.4f} kept back for check and cleanup"
        return f"{text}; max_cost allows ${self.share:,.4f}"

    async def watch(self, stop: Callable[[str], None]) -> None:
        """Look as often as it takes to see the ceiling come, and call ``stop`` with the reason when it is reached."""
        before_s, before, rate, nap_s, late_s = time.monotonic(), 0.0, 0.0, SHORTEST_NAP_S, 0.0
        while True:
            await asyncio.sleep(nap_s)
            now_s = time.monotonic()
            # A busy event loop delays the check, and may delay the next one too.
            late_s = max(SHORTEST_NAP_S, late_s / 2, now_s - before_s - nap_s)
            found = self.commitment()
            if reason := self._excess(found, ahead=min(rate * (SHORTEST_NAP_S + late_s), self._left())):
                stop(reason)
                return
            now = found.whole
            rate = max(0.0, (now - before) / (now_s - before_s))
            nap_s = LONGEST_NAP_S
            if rate:
                nap_s = min(LONGEST_NAP_S, max(SHORTEST_NAP_S, (self.share - now) / rate / 2))
            before_s, before = now_s, now

    def _left(self) -> float:
        """Return the dollars of the rest of the plan, with its check and its cleanup, where all attempts are needed."""
        engine = self._engines[-1]
        expected, scenario = engine.load.pacer.expected, self._scenario
        if expected is None:
            return math.inf
        read, write = (units * engine.load.retries.attempts for units in self._dearest)
        keys = max(map(budget.keys_written, scenario.mix.values()))
        read_key, write_key = budget.aftermath_units(scenario, self._indexes)
        read += keys * read_key if scenario.verify.enabled else 0.0
        write = write * (1 + self._indexes) + (keys * write_key if scenario.cleanup.enabled else 0.0)
        # Those under way are sent again if their attempts fail.
        under_way = engine.load.retries.waiting + (engine.in_flight if engine.load.retries.enabled else 0)
        rest = max(0.0, expected - engine.next) + under_way
        return self._dollars(rest * read, rest * write)

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
