# SPDX-License-Identifier: Apache-2.0
"""The figures of run.summary, and the notes on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ddbload.dynamo.endpoint import Target
from ddbload.dynamo.pool import Pool
from ddbload.engine.cpu_time import CpuTime
from ddbload.engine.engine import Engine
from ddbload.stats.histogram import Histogram
from ddbload.workload.operations.base import Workload

# Beyond this share of operations that were never sent, or of the rate, the plan was not kept.
PLAN_TOLERANCE = 0.005
LATE_WARNING_MS = 10.0
REPORT_WARNING_NS = 10_000_000
# A process that waits for a CPU for so much of the time adds to many latencies.
WAITED_WARNING = 0.25
# A run that is shorter than some seconds measures its start more than the machine.
LEAST_WAIT_S = 1.0
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html
BURST_CREDIT_S = 300.0
MORE_CPU = "give the task more CPU (task_cpu)"
MORE_PROCESSES = "use more processes, or more tasks"


def plan_figures(engine: Engine) -> dict[str, Any]:
    """Return the counts of planned and sent operations, without the warm-up."""
    pacer = engine.load.pacer
    warm_s = engine.load.warm_up_ns / 1e9
    loaded_s = max(0.0, engine.loaded_s - warm_s)
    window = engine.window
    if window.is_warming_up:
        planned = passed_over = sent = 0
    else:
        planned = engine.planned - window.first
        passed_over = engine.passed_over - window.passed_over
        sent = engine.next - window.first - passed_over
    requested = None
    if pacer.planned_ns and pacer.duration_ns is not None:
        planned_s = min(loaded_s, pacer.duration_ns / 1e9 - warm_s)
        requested = round(planned / planned_s, 3) if planned_s > 0 else None
    return {
        "rate_asked": requested,
        "rate_reached": round(sent / loaded_s, 3) if loaded_s else 0.0,
        "planned": planned,
        "sent": sent,
        "never_sent": max(0, planned - sent - passed_over),
        "passed_over": passed_over,
        "late_ms": engine.recorder.lateness(),
        "busy": round(engine.cpu.busy, 3) if engine.cpu else None,
    }


def operation_figures(engine: Engine, plan: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the figures of every operation; each has its share by weight of the requested rate.

    The figures are those at the time of the call, whenever they are taken.
    """
    loaded_s = max(0.0, engine.loaded_s - engine.load.warm_up_ns / 1e9)
    mix = engine.load.mix
    whole = len(mix.cycle)
    records = {name: record.copy() for name, record in engine.recorder.records.items()}

    def figures(name: str) -> dict[str, Any]:
        requested = None if plan["rate_asked"] is None else round(plan["rate_asked"] * mix.weights[name] / whole, 3)
        return records[name].summary(loaded_s, requested)

    return ((name, figures(name)) for name in records)


def connection_figures(pool: Pool, tls: bool) -> dict[str, Any]:
    """Return the figures of connections; requests' times do not include those of connecting and of TLS."""
    return {
        "opened": pool.opened,
        "reopened": pool.reopened,
        "missing_at_start": pool.missing_at_start,
        "connect_ms": _times(pool.connect_times),
        "tls_ms": _times(pool.tls_times) if tls else None,
    }


def key_figures(engine: Engine, workload: Workload) -> dict[str, int]:
    """Return what is known of the keys that were written, and below which index they all lie."""
    last = engine.load.first_number + engine.load.segment.number(engine.next)
    return workload.journal.counts() | {"below": workload.sequence.below(last)}


def duplicate_figures(engine: Engine) -> dict[str, int] | None:
    """Return what became of the duplicates that were injected; None where none were to be."""
    figures = (operation.duplicate_figures for operation in engine.load.operations.values())
    return next((dict(counts) for counts in figures if counts is not None), None)


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
    if engine.cpu and engine.cpu.is_exhausted and plan["late_ms"]["p99"] > LATE_WARNING_MS and plan["rate_asked"]:
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
    elif engine.cpu and engine.cpu.waited > WAITED_WARNING and (engine.cpu.waited_s or 0.0) > LEAST_WAIT_S:
        found.append(f"{_waiting(engine.cpu)}, and its latencies hold these waits: {MORE_CPU}")
    if engine.turns.longest_ns > REPORT_WARNING_NS and engine.longest_silence_ns > REPORT_WARNING_NS:
        found.append(
            f"the load tester's own reporting stopped the sending for {engine.turns.longest_ns / 1e6:.0f} ms: the "
            "latencies of what was due then hold it"
        )
    if missing := pool.missing_at_start:
        found.append(
            f"{missing} of {pool.size} connections could not be opened before the start: check the "
            "limits of open files and of the network path"
        )
    if target.provisioned and engine.elapsed_s < BURST_CREDIT_S:
        found.append("a run under 300 s on provisioned capacity may use burst credit: a longer one measures the table")
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
    """Say where the plan needs more than the table is ready for at once.

    Args:
        target: the table.
        peak_units: read and write units a second at the plan's highest rate.
    """
    ready = target.table["provisioned"] if target.provisioned else target.table["warm_throughput"]
    if not ready:
        return []
    kind = "provisioned" if target.provisioned else "warm"
    return [
        f"the plan needs {requested:,.0f} {name} units a second at its peak, the table's {kind} throughput is "
        f"{ready[f'{name}_units']:,}: expect throttling"
        for name, requested in zip(("read", "write"), peak_units, strict=True)
        if ready[f"{name}_units"] and requested > ready[f"{name}_units"]
    ]


def is_short_of_cpu(engine: Engine) -> bool:
    """Return whether the load tester had no CPU time left, so that its own limit was reached before the table's."""
    return engine.cpu is not None and engine.cpu.is_saturated


def generator_figures(engine: Engine) -> dict[str, float | None] | None:
    """Return the CPU time of the load tester, and its loop's longest silence; None while the load goes on."""
    if engine.cpu is None:
        return None
    return engine.cpu.figures() | {"longest_silence_ms": round(engine.longest_silence_ns / 1e6, 3)}


def _waiting(cpu: CpuTime) -> str:
    used = f"the load tester computed for {cpu.used_s:.1f} s of {cpu.elapsed_s:.1f} s"
    return f"{used} and waited {cpu.waited_s or 0:.1f} s for a CPU"


def _late_cause(plan: Mapping[str, Any], engine: Engine) -> str:
    if engine.cpu and (engine.cpu.is_saturated or engine.cpu.waited > WAITED_WARNING):
        remedy = MORE_CPU if engine.cpu.waited > WAITED_WARNING or engine.cpu.cpus < 1 else MORE_PROCESSES
        return f"this machine had too little CPU ({_waiting(engine.cpu)}): {remedy}"
    silence_ms = engine.longest_silence_ns / 1e6
    if silence_ms > plan["late_ms"]["max"] / 2:
        return f"the load tester did not run for {silence_ms:,.0f} ms: it was stopped, or had no CPU"
    if engine.starved_ticks:
        count, rate = engine.pool.size, plan["rate_asked"] or plan["rate_reached"]
        return (
            "all connections were busy: the table is slow, or connections are too few "
            f"({count:,} connections for {rate:,.0f} operations a second)"
        )
    return "this machine had too little CPU"


def _times(histogram: Histogram) -> dict[str, float]:
    return {"p50": histogram.percentile(50) / 1000, "max": histogram.maximum() / 1000}
