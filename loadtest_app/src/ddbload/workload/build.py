# SPDX-License-Identifier: Apache-2.0
"""Builds what one worker carries out, from a scenario, a table, a run and a segment."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ddbload.dynamo.endpoint import Target
from ddbload.dynamo.table import KeyAttribute
from ddbload.pacing.segment import Segment
from ddbload.scenario.plan import ClosedPlan, FindMaxPlan, OpenPlan
from ddbload.scenario.scenario import Scenario, ScenarioError
from ddbload.workload import operations
from ddbload.workload.choice import chooser_of
from ddbload.workload.items import ItemFactory
from ddbload.workload.journal.inserts import InsertJournal
from ddbload.workload.journal.state import Journal
from ddbload.workload.journal.versions import VersionJournal
from ddbload.workload.keys import KeySpace
from ddbload.workload.mix import Mix
from ddbload.workload.operations.base import Operation, Workload
from ddbload.workload.sequence import KeySequence, OwnKeys, SharedKeys
from ddbload.workload.sizes import sizes_of

# In keys.prefix: keys of this run alone.
RUN_ID = "{run_id}"


@dataclass(frozen=True)
class Work:
    """A workload and its operations by entry."""

    workload: Workload
    operations: dict[str, Operation]


def build(scenario: Scenario, target: Target, run_id: str, segment: Segment) -> Work:
    """Build what a worker carries out.

    Raises:
        ScenarioError: the scenario does not fit the table.
    """
    try:
        mix = mix_of(scenario)
        rules = scenario.keys
        keys = KeySpace(target.key, rules.prefix.replace(RUN_ID, run_id), rules.per_partition, rules.first)
        expires_at = int(time.time()) + scenario.item.ttl if scenario.item.ttl else None
        sizes = sizes_of(scenario.item.size, scenario.seed)
        items = ItemFactory(keys, sizes, scenario.seed, run_id, _index_attributes(target), expires_at)
        journal = journal_for(scenario, mix)
        is_shared = segment.count == 1 or journal.inserts_only
        count = scenario.keys.count
        sequence: KeySequence = SharedKeys(mix, count) if is_shared else OwnKeys(mix, count, segment)
        workload = Workload(
            table=scenario.table,
            run_id=run_id,
            mix=mix,
            keys=keys,
            sequence=sequence,
            items=items,
            journal=journal,
            segment=segment,
            indexes=target.hash_keys,
        )
        for name, entry in scenario.mix.items():
            if entry.consistent and entry.index in target.global_indexes:
                raise ValueError(f"mix.{name}.consistent: {entry.index} is a global index, which is never consistent")
        kinds = {
            name: operations.build(name, entry, workload, chooser_of(entry.keys or {"type": "uniform"}, scenario.seed))
            for name, entry in scenario.mix.items()
        }
    except ValueError as error:
        raise ScenarioError([f"scenario: {error}"]) from error
    return Work(workload, kinds)


def mix_of(scenario: Scenario) -> Mix:
    """Return the mix of a scenario, with the duplicates of its plan."""
    return Mix(
        {name: entry.weight for name, entry in scenario.mix.items()},
        {name: entry.inserts for name, entry in scenario.mix.items()},
        scenario.plan.duplicates if isinstance(scenario.plan, ClosedPlan) else None,
    )


def journal_for(scenario: Scenario, mix: Mix) -> Journal:
    """Return a journal of inserts where every key is written once in the run, else one of versions."""
    rewrites = any(entry.writes and not entry.inserts for entry in scenario.mix.values())
    planned = None if isinstance(scenario.plan, FindMaxPlan) else scenario.plan.operations
    # Random arrivals may exceed their mean.
    is_random = isinstance(scenario.plan, OpenPlan) and scenario.plan.arrivals == "poisson"
    most = None if planned is None else round(planned) + (int(10 * planned**0.5) + 10 if is_random else 1)
    if rewrites or most is None or mix.inserted_before(most) > scenario.keys.count:
        return VersionJournal()
    return InsertJournal(mix.number_of)


def _index_attributes(target: Target) -> list[KeyAttribute]:
    """Return the attributes that secondary indexes need in addition to the table's own key."""
    own = {attribute.name for attribute in target.key}
    found = {attribute.name: attribute for schema in target.indexes.values() for attribute in schema}
    return [attribute for name, attribute in found.items() if name not in own]
