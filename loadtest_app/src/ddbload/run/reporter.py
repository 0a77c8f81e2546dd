# SPDX-License-Identifier: Apache-2.0
"""Reports while a load runs: progress each second, a checkpoint every few, metrics, the breaker's openings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ddbload.engine.engine import Engine
from ddbload.engine.totals import Totals
from ddbload.pacing.pacer import planned_operations
from ddbload.results import judging
from ddbload.results.events import EventWriter, encoding
from ddbload.scenario.scenario import Scenario
from ddbload.stats import emf
from ddbload.stats.histogram import Histogram
from ddbload.turns import Sliced, at_once

CHECKPOINT_S = 5
# Beyond 50 workers, those of a run write as many checkpoints a second together as 50 do.
WORKERS_A_SECOND = 10


def checkpoint_interval_s(workers: int) -> int:
    """Return the seconds between the checkpoints of a worker, where a number of workers share the run."""
    return max(CHECKPOINT_S, -(-workers // WORKERS_A_SECOND))


class Look(NamedTuple):
    """The figures at one time, in seconds from the start of the load."""

    totals: Totals
    elapsed_s: float


class Reporter:
    """Writes what an engine does, from its start to its end, and stops it where a rule of the scenario demands it."""

    def __init__(
        self,
        engine: Engine,
        scenario: Scenario,
        events: EventWriter,
        figures: Callable[[], Sliced[dict[str, Any]]],
        begun_s: float = 0.0,
    ) -> None:
        """Prepare to report.

        Args:
            engine: that will run.
            scenario: with the rules.
            events: where to write.
            figures: returns the figures of the run so far, as run.checkpoint has them.
            begun_s: seconds from the start of the run's first load to that of this one.
        """
        self._engine = engine
        self._scenario = scenario
        self._events = events
        self._figures = figures
        self._begun_s = begun_s
        self._reported = Look(Totals(), 0.0)
        self._metered = Look(Totals(), 0.0)
        self._reported_openings: list[tuple[int, bool]] = []

    async def run(self) -> None:
        """Report each second until cancelled."""
        second = 0
        interval_s = checkpoint_interval_s(self._engine.load.segment.count)
        while True:
            second += 1
            # The engine's clock starts a moment after this task.
            start_ns = self._engine.start_ns or time.perf_counter_ns()
            await asyncio.sleep(second - (time.perf_counter_ns() - start_ns) / 1e9)
            # A cancellation meanwhile loses nothing: the second is then part of what finish reports.
            await self._report(is_checkpoint=second % interval_s == 0)

    async def _report(self, is_checkpoint: bool) -> None:
        """Write a second's progress, and what else is due; the load goes on between the slices of this work."""
        turns, elapsed_s = self._engine.turns, self._engine.elapsed_s
        look = Look(await turns.run(Totals.of(self._engine)), elapsed_s)
        progress = await turns.run(encoding(await turns.run(self._progress(look))))
        with turns.slice():
            self._write_progress(look, progress)
        if self._owes_metrics(look, self._scenario.metrics.interval):
            self._write_metrics(look, await turns.run(self._metrics(look)))
        if is_checkpoint or self._may_abort():
            figures = await turns.run(self._figures())
            with turns.slice():
                self._enforce(figures)
            if is_checkpoint:
                checkpoint = await turns.run(encoding(figures))
                with turns.slice():
                    self._events.write("run.checkpoint", partial=True, **checkpoint)

    def finish(self) -> None:
        """Report what happened since the last second."""
        elapsed_s = self._engine.elapsed_s
        look = Look(at_once(Totals.of(self._engine)), elapsed_s)
        if look.totals.counts != self._reported.totals.counts:
            self._write_progress(look, at_once(self._progress(look)))
        if self._owes_metrics(look, 0.0):
            self._write_metrics(look, at_once(self._metrics(look)))

    def _progress(self, look: Look) -> Sliced[dict[str, Any]]:
        """Return the fields of run.progress."""
        duration_ns = self._engine.load.pacer.duration_ns
        interval = yield from look.totals.since(self._reported.totals, look.elapsed_s - self._reported.elapsed_s)
        return {
            "elapsed_s": round(self._begun_s + look.elapsed_s, 3),
            "planned_duration_s": None if duration_ns is None else self._begun_s + duration_ns / 1e9,
            "planned_operations": planned_operations(self._engine.load.pacer),
            "warming_up": look.elapsed_s * 1e9 < self._engine.load.warm_up_ns,
            "interval": interval,
            "total": look.totals.document(),
            "in_flight": self._engine.in_flight,
        }

    def _write_progress(self, look: Look, fields: dict[str, Any]) -> None:
        self._events.write("run.progress", **fields)
        self._reported = look
        self._write_openings()

    def _write_openings(self) -> None:
        """Write each opening and closing of the breaker that is new."""
        breaker = self._engine.breaker
        for number, opening in enumerate(breaker.openings if breaker else []):
            for closed in (False, True):
                instant = opening.closed_ns if closed else opening.opened_ns
                if instant is None or (number, closed) in self._reported_openings:
                    continue
                self._reported_openings.append((number, closed))
                self._events.write(
                    "run.breaker",
                    "warning",
                    state="closed" if closed else "open",
                    elapsed_s=round(self._begun_s + (instant - self._engine.start_ns) / 1e9, 3),
                    reason=opening.reason,
                    probes=opening.probes,
                )

    def _owes_metrics(self, look: Look, interval_s: float) -> bool:
        """Return whether CloudWatch's metrics are due: the last line is that many seconds old."""
        return self._scenario.metrics.enabled and look.elapsed_s - self._metered.elapsed_s >= max(interval_s, 1e-9)

    def _metrics(self, look: Look) -> Sliced[dict[str, Any]]:
        return metrics_document(look.totals, self._metered.totals, self._scenario, self._events.context)

    def _write_metrics(self, look: Look, document: dict[str, Any]) -> None:
        self._events.write_raw(document)
        self._metered = look

    def _may_abort(self) -> bool:
        return self._engine.stopped is None and any(rule.abort for rule in self._scenario.thresholds)

    def _enforce(self, figures: dict[str, Any]) -> None:
        """End the run where a threshold that aborts is broken."""
        broken = judging.broken(self._scenario.thresholds, figures, self._engine.elapsed_s)
        if broken:
            self._engine.stop("threshold", f"the threshold {broken[0].threshold.expression}")


def metrics_document(
    now: Totals, before: Totals, scenario: Scenario, context: dict[str, Any]
) -> Sliced[dict[str, Any]]:
    """Return the figures since earlier totals as a line of CloudWatch's embedded metric format."""
    latency = Histogram()
    for name, histogram in now.latency.items():
        latency.add(histogram.minus(before.latency.get(name, Histogram())))
        yield
    counts = {name: now.counts[name] - before.counts[name] for name in ("planned", "sent", "ok", "throttled", "failed")}
    metrics: dict[str, tuple[str, float | Histogram]] = {
        name.capitalize(): ("Count", float(count)) for name, count in counts.items()
    }
    metrics["ConsumedReadUnits"] = ("Count", now.read_units - before.read_units)
    metrics["ConsumedWriteUnits"] = ("Count", now.write_units - before.write_units)
    if latency.counts:
        metrics["Latency"] = ("Milliseconds", latency)
    late = now.late.minus(before.late)
    if late.counts:
        metrics["Lateness"] = ("Milliseconds", late)
    return emf.document(
        int(time.time() * 1000), scenario.metrics.namespace, {"TableName": scenario.table}, metrics, dict(context)
    )
