# SPDX-License-Identifier: Apache-2.0
"""The tasks of a run together: which segments they had, when they started, and how far the load was the plan's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ddbload.instants import epoch_text
from ddbload.results.merging.clock import BROKEN_DISTORTION, WARNED_DISTORTION, WARNED_SKEW_S
from ddbload.results.merging.coverage import Coverage
from ddbload.results.merging.logs import Log
from ddbload.results.merging.plan import Plan

Document = dict[str, Any]


def document(tasks: int, coverage: Coverage, plan: Plan, workers: Sequence[Log], starts_s: Sequence[float]) -> Document:
    """Return the fleet as results.json has it.

    Args:
        tasks: how many there are.
        coverage: of the segments.
        plan: what became of it.
        workers: in their order.
        starts_s: the instant from which each of them counts its seconds, since the epoch.
    """
    starts_s = [start_s + log.stalled_s for log, start_s in zip(workers, starts_s, strict=True)]
    earliest_s = min(starts_s, default=0.0)
    starts = [
        {
            "task_id": log.name.task_id,
            "worker": log.name.worker,
            "at": epoch_text(start_s),
            "after_s": round(start_s - earliest_s, 3),
        }
        for log, start_s in zip(workers, starts_s, strict=True)
    ]
    return {
        "tasks": tasks,
        **coverage.document(),
        "starts": starts,
        "skew_s": round(max(starts_s) - earliest_s, 3) if starts_s else None,
        "distortion": None if plan.distortion is None else round(plan.distortion, 4),
    }


def is_distorted(plan: Plan) -> bool:
    """Return whether the starts alone made another load of the plan than the scenario requests."""
    return plan.of_starts > BROKEN_DISTORTION


def warnings(fleet: Mapping[str, Any], plan: Plan, is_closed: bool) -> list[str]:
    """Say what different starts did to the load; nothing where they did too little to matter."""
    if plan.of_starts > WARNED_DISTORTION:
        kept = "the plan was not kept: " if is_distorted(plan) else ""
        return [
            f"{kept}the tasks started up to {fleet['skew_s']:.1f} s apart, which distorts the requested rate by "
            f"{100 * plan.of_starts:.1f} %: start them together"
        ]
    if is_closed and (fleet["skew_s"] or 0.0) > WARNED_SKEW_S:
        return [
            f"the tasks started up to {fleet['skew_s']:.1f} s apart: the callers were not all there at the start and "
            "at the end"
        ]
    return []
