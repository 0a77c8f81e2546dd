# SPDX-License-Identifier: Apache-2.0
"""What is told while a load runs: progress each second, a checkpoint every few, metrics, the breaker's openings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from ddbload.engine.engine import Engine
from ddbload.pacing.callers import ClosedPacer
from ddbload.results.events import EventWriter
from ddbload.run.progress import Totals
from ddbload.scenario import thresholds
from ddbload.scenario.scenario import Scenario
from ddbload.stats import emf
from ddbload.stats.histogram import Histogram

CHECKPOINT_S = 5


class Reporter:
    """Tells what an engine does, from its start to its end, and stops it where a rule of the scenario says so."""

    def __init__(
        self,
        engine: Engine,
        scenario: Scenario,
        events: EventWriter,
        figures: Callable[[], dict[str, Any]],
        begun_s: float = 0.0,
    ) -> None:
        """Get ready.

        Args:
            engine: that will run.
            scenario: with the rules.
            events: where to write.
            figures: gives the figures of the run so far, as run.summary has them.
            begun_s: seconds from the start of the run's first load to that of this one.
        """
        self._engine = engine
        self._scenario = scenario
        self._events = events
        self._figures = figures
        self._begun_s = begun_s
        self._before = Totals()
        self._before_s = 0.0
        self._metrics_before = Totals()
        self._metrics_s = 0.0
        self._told_openings: list[tuple[int, bool]] = []

    async def run(self) -> None:
        """Report each second until cancelled."""
        second = 0
        while True:
            second += 1
            # The engine's clock starts a moment after this task.
            begun_ns = self._engine.start_ns or time.perf_counter_ns()
            await asyncio.sleep(second - (time.perf_counter_ns() - begun_ns) / 1e9)
            self._progress()
            self._metrics(self._scenario.metrics.interval)
            figures = self._figures() if second % CHECKPOINT_S == 0 or self._needs_figures() else None
            if figures and second % CHECKPOINT_S == 0:
                self._events.write("run.checkpoint", partial=True, **figures)
            if figures:
                self._enforce(figures)

    def finish(self) -> None:
        """Report what happened since the last second."""
        now = Totals(self._engine)
        if now.counts != self._before.counts:
            self._progress(now)
        self._metrics(0.0)

    def _progress(self, now: Totals | None = None) -> None:
        now = now or Totals(self._engine)
        elapsed_s = self._engine.elapsed_s
        duration_ns = self._engine.load.pacer.duration_ns
        self._events.write(
            "run.progress",
            elapsed_s=round(self._begun_s + elapsed_s, 3),
            planned_duration_s=None if duration_ns is None else self._begun_s + duration_ns / 1e9,
            planned_operations=planned_operations(self._engine),
            warming_up=elapsed_s * 1e9 < self._engine.load.warm_up_ns,
            interval=now.since(self._before, elapsed_s - self._before_s),
            total=now.document(),
            in_flight=self._engine.in_flight,
        )
        self._before, self._before_s = now, elapsed_s
        self._tell_breaker()

    def _tell_breaker(self) -> None:
        breaker = self._engine.breaker
        for number, opening in enumerate(breaker.openings if breaker else []):
            for closed in (False, True):
                instant = opening.closed_ns if closed else opening.opened_ns
                if instant is None or (number, closed) in self._told_openings:
                    continue
                self._told_openings.append((number, closed))
                self._events.write(
                    "run.breaker",
                    "warning",
                    state="closed" if closed else "open",
                    elapsed_s=round(self._begun_s + (instant - self._engine.start_ns) / 1e9, 3),
                    reason=opening.reason,
                    probes=opening.probes,
                )

    def _metrics(self, interval_s: float) -> None:
        rules, elapsed_s = self._scenario.metrics, self._engine.elapsed_s
        if not rules.enabled or elapsed_s - self._metrics_s < max(interval_s, 1e-9):
            return
        now = Totals(self._engine)
        self._events.write_raw(metrics_document(now, self._metrics_before, self._scenario, self._events.context))
        self._metrics_before, self._metrics_s = now, elapsed_s

    def _needs_figures(self) -> bool:
        return self._engine.stopped is None and any(rule.abort for rule in self._scenario.thresholds)

    def _enforce(self, figures: dict[str, Any]) -> None:
        """End the run where a threshold that aborts is broken."""
        broken = thresholds.broken(self._scenario.thresholds, figures, self._engine.elapsed_s)
        if broken:
            self._engine.stop("threshold", f"the threshold {broken[0].threshold}")


def planned_operations(engine: Engine) -> int | None:
    """Return how many operations this worker expects to send; None where only time ends them."""
    pacer = engine.load.pacer
    return pacer.operations if isinstance(pacer, ClosedPacer) else round(pacer.expected)


def metrics_document(now: Totals, before: Totals, scenario: Scenario, context: dict[str, Any]) -> dict[str, Any]:
    """Return what happened since an earlier look as a line of CloudWatch's embedded metric format."""
    latency = Histogram()
    for name, histogram in now.latency.items():
        latency.add(histogram.minus(before.latency.get(name, Histogram())))
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
