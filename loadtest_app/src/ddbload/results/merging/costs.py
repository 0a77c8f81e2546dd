# SPDX-License-Identifier: Apache-2.0
"""The Fargate time of tasks that did not report it to the end: a task that is killed or silent costs all the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Document = dict[str, Any]
NOTHING: Mapping[str, Any] = {
    "currency": "USD",
    **dict.fromkeys(("total", "at_most", "requests", "compute"), 0.0),
    **dict.fromkeys(("read_units", "write_units", "refused_write_units"), 0.0),
    **dict.fromkeys(("uncertain_read_units", "uncertain_write_units"), 0.0),
    "estimated": None,
    "note": "",
    "prices_of": None,
}


class Reported(NamedTuple):
    """What a worker reports of its cost.

    Attributes:
        task_id: its task; None outside ECS.
        is_whole: whether it reported to its end.
        figures: its summary or last checkpoint.
    """

    task_id: str | None
    is_whole: bool
    figures: Mapping[str, Any] | None

    @property
    def cost(self) -> Mapping[str, Any] | None:
        """Its cost; None where it reported none."""
        return self.figures["cost"] if self.figures else None


def with_tasks(cost: Document | None, workers: Sequence[Reported], task_costs: Mapping[str, float]) -> Document | None:
    """Return the cost of a run, with ECS's own of the tasks that did not report to their end.

    Args:
        cost: the sum of what workers report.
        workers: what each of them reports.
        task_costs: dollars by task id, by ECS's times.
    """
    whole = {worker.task_id for worker in workers} - {worker.task_id for worker in workers if not worker.is_whole}
    unreported = {task: dollars for task, dollars in task_costs.items() if task not in whole}
    more = {task: dollars - _reported(task, workers) for task, dollars in unreported.items()}
    missing = sum(dollars for dollars in more.values() if dollars > 0)
    if not missing:
        return cost
    found = dict(cost or NOTHING)
    for name in ("total", "at_most", "compute"):
        found[name] = round(found[name] + missing, 6)
    count = len(unreported)
    said = f"The Fargate time of {count} task{'' if count == 1 else 's'} is by ECS's times."
    found["note"] = " ".join(text for text in (found.get("note"), said) if text)
    return found


def _reported(task: str, workers: Iterable[Reported]) -> float:
    return sum(float(worker.cost["compute"]) for worker in workers if worker.task_id == task and worker.cost)
