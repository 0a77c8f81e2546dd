# SPDX-License-Identifier: Apache-2.0
"""The figures of run.summary, and what has to be said beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ddbload.dynamo.endpoint import Target
from ddbload.dynamo.pool import Pool
from ddbload.engine.engine import Engine
from ddbload.pacing.callers import ClosedPacer
from ddbload.stats.histogram import Histogram
from ddbload.workload.operations.writes import DuplicatingPut

# Beyond this share of operations that were never sent, or of the rate, the plan was not kept.
PLAN_TOLERANCE = 0.005
LATE_WARNING_MS = 10.0
# A process that computes for so much of the time has no time left to be punctual.
BUSY = 0.95
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
BURST_CREDIT_S = 300.0


def plan_figures(engine: Engine) -> dict[str, Any]:
    """Sum up what was planned and what was sent, the warm-up left out."""
    pacer = engine.load.pacer
    warm_s = engine.load.warm_up_ns / 1e9
    loaded_s = max(0.0, engine.loaded_s - warm_s)
    if engine.is_warming_up:
        planned = passed_over = sent = 0
    else:
        planned = engine.planned - engine.warm_up_places
        passed_over = engine.passed_over - engine.warm_up_passed_over
        sent = engine.next - engine.warm_up_places - passed_over
    asked = None
    if not isinstance(pacer, ClosedPacer):
        planned_s = min(loaded_s, pacer.duration_ns / 1e9 - warm_s)
        asked = round(planned / planned_s, 3) if planned_s > 0 else None
    return {
        "rate_asked": asked,
        "rate_reached": round(sent / loaded_s, 3) if loaded_s else 0.0,
        "planned": planned,
        "sent": sent,
        "never_sent": max(0, planned - sent - passed_over),
        "passed_over": passed_over,
        "late_ms": engine.recorder.lateness(),
        "busy": round(engine.busy_ns / 1e9 / engine.elapsed_s, 3) if engine.busy_ns else None,
    }


def operation_figures(engine: Engine, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Sum every operation up; each has its share by weight of the rate that was asked."""
    loaded_s = max(0.0, engine.loaded_s - engine.load.warm_up_ns / 1e9)
    mix = engine.load.mix
    whole = len(mix.cycle)
    figures = {}
    for name, record in engine.recorder.records.items():
        asked = None if plan["rate_asked"] is None else round(plan["rate_asked"] * mix.weights[name] / whole, 3)
        figures[name] = record.summary(loaded_s, asked)
    return figures


def connection_figures(pool: Pool, tls: bool) -> dict[str, Any]:
    """Sum up how connections were opened; the times of connecting and of TLS stand apart from those of requests."""
    return {
        "opened": pool.opened,
        "reopened": pool.reopened,
        "missing_at_start": pool.missing_at_start,
        "connect_ms": _times(pool.connect_times),
        "tls_ms": _times(pool.tls_times) if tls else None,
    }


def duplicate_figures(engine: Engine) -> dict[str, int] | None:
    """Return what became of the duplicates that were injected; None where none were to be."""
    figures = [
        operation.figures for operation in engine.load.operations.values() if isinstance(operation, DuplicatingPut)
    ]
    return dict(figures[0]) if figures else None


def broken_plan(plan: Mapping[str, Any], engine: Engine) -> str:
    """Say why the generator did not keep its plan; empty where it did.

    What the breaker passed over is not the generator's doing, nor is a run that was stopped.
    """
    if not plan["planned"] or engine.stopped:
        return ""
    if plan["never_sent"] > PLAN_TOLERANCE * plan["planned"]:
        cause = _late_cause(plan, engine)
        return (
            f"the plan was not kept: {plan['never_sent']:,} of {plan['planned']:,} due operations were never sent; "
            f"{cause}"
        )
    starved = engine.starved_ticks > 0
    if not starved and (plan["busy"] or 0) > BUSY and plan["late_ms"]["p99"] > LATE_WARNING_MS and plan["rate_asked"]:
        return (
            f"the plan was not kept: operations were sent up to {plan['late_ms']['max']:g} ms late; "
            f"{_late_cause(plan, engine)}"
        )
    return ""


def warnings(engine: Engine, pool: Pool, target: Target, plan: Mapping[str, Any]) -> list[str]:
    """Say what makes the figures worth less than they seem."""
    found = []
    if broken := broken_plan(plan, engine):
        found.append(broken)
    elif plan["late_ms"]["p99"] > LATE_WARNING_MS and plan["rate_asked"] is not None:
        found.append(f"operations were sent up to {plan['late_ms']['max']:g} ms late; {_late_cause(plan, engine)}")
    if missing := pool.missing_at_start:
        found.append(
            f"{missing} of {pool.size} connections could not be opened before the start: check the "
            "limits of open files and of the network path"
        )
    if target.provisioned and engine.elapsed_s < BURST_CREDIT_S:
        found.append("a run under 300 s on provisioned capacity may live on burst credit: a longer one tells the truth")
    refused = (duplicate_figures(engine) or {}).get("originals_refused", 0)
    if refused:
        found.append(
            f"{refused:,} keys were in the table before the run: clean it up, or choose another keys.prefix, such as "
            "{run_id}"
        )
    skew_s = engine.signer.skew_s
    if skew_s:
        side = "behind" if skew_s > 0 else "ahead of"
        found.append(f"this machine's clock is {abs(skew_s):.0f} s {side} AWS's: requests were signed by AWS's clock")
    return found


def capacity_warnings(target: Target, peak_units: tuple[float, float]) -> list[str]:
    """Say where the plan asks for more than the table is ready for at once.

    Args:
        target: the table.
        peak_units: read and write units a second at the plan's highest rate.
    """
    ready = target.table["provisioned"] if target.provisioned else target.table["warm_throughput"]
    if not ready:
        return []
    kind = "provisioned" if target.provisioned else "warm"
    return [
        f"the plan asks for {asked:,.0f} {name} units a second at its peak, the table's {kind} throughput is "
        f"{ready[f'{name}_units']:,}: expect throttling"
        for name, asked in zip(("read", "write"), peak_units, strict=True)
        if ready[f"{name}_units"] and asked > ready[f"{name}_units"]
    ]


def _late_cause(plan: Mapping[str, Any], engine: Engine) -> str:
    if (plan["busy"] or 0) > BUSY:
        return "this machine had too little CPU: give the task more, or use more processes"
    if engine.starved_ticks:
        return "all connections were busy: the table is slow, or connections are too few"
    return "this machine had too little CPU"


def _times(histogram: Histogram) -> dict[str, float]:
    return {"p50": histogram.percentile(50) / 1000, "max": histogram.maximum() / 1000}
