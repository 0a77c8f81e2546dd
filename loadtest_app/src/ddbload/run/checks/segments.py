# SPDX-License-Identifier: Apache-2.0
"""Whether a scenario can be shared by several workers: tasks, and the processes of each."""

from __future__ import annotations

from collections.abc import Iterator

from ddbload.scenario.plan import ClosedPlan, FindMaxPlan
from ddbload.scenario.scenario import Scenario
from ddbload.workload.build import journal_for, mix_of
from ddbload.workload.journal.inserts import InsertJournal


def unfit(scenario: Scenario, segments: int, has_control_table: bool = False) -> list[str]:
    """Return why a scenario cannot be carried out by several tasks together: one line a reason, none where it can.

    Args:
        scenario: what each task is given.
        segments: how many tasks share the plan, at least 1; each has the scenario's ``processes``, at least one.
        has_control_table: whether the tasks have a control table.
    """
    found = list(_reasons(scenario, segments * max(1, scenario.processes)))
    if isinstance(scenario.plan, FindMaxPlan) and segments > 1 and not has_control_table:
        found.append(f"plan: find_max in {segments} tasks needs a control table: deploy one, or use one task")
    return [f"scenario: {text}" for text in found]


def _reasons(scenario: Scenario, workers: int) -> Iterator[str]:
    plan = scenario.plan
    mix = mix_of(scenario)
    if isinstance(plan, ClosedPlan):
        fewest = min(phase.concurrency for phase in plan.phases)
        if fewest < workers:
            yield (
                f"plan: fewer callers than workers: {fewest} for {workers}; use fewer workers or a higher concurrency"
            )
    if mix.duplicates:
        # A worker's first put must write the key that its first duplicate repeats.
        first = next((put for put in range(workers) if mix.duplicates.is_duplicate(put)), workers)
        if first < workers:
            yield (
                f"plan.duplicate_percentage: each of at most {first} workers starts with a new key, here are "
                f"{workers}: use fewer workers or fewer duplicates"
            )
    if workers == 1 or isinstance(journal_for(scenario, mix), InsertJournal):
        return
    keys = scenario.keys.count // workers
    if not keys:
        yield f"keys.count: {scenario.keys.count} keys are too few for {workers} workers: use fewer, or more keys"
        return
    for name, entry in scenario.mix.items():
        if entry.writes and entry.items > keys:
            yield (
                f"mix.{name}.items: {entry.items} items need as many keys, each of {workers} workers has {keys}: "
                "use fewer workers or more keys"
            )
