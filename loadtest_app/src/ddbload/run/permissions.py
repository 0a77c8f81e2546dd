# SPDX-License-Identifier: Apache-2.0
"""What the task's role lets a run do, by cluster_operations, and what a scenario lacks: said before any load."""

from __future__ import annotations

from collections.abc import Iterable

from ddbload.scenario.entries import WRITES
from ddbload.scenario.scenario import Scenario

# In a task's environment: the operations that its role was made for, with commas between.
VARIABLE = "DDBLOAD_OPERATIONS"
# What each operation calls; a transaction needs the actions of what is in it:
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
ACTIONS = {
    "put": {"PutItem"},
    "get": {"GetItem"},
    "update": {"UpdateItem"},
    "delete": {"DeleteItem"},
    "query": {"Query"},
    "scan": {"Scan"},
    "batch_write": {"BatchWriteItem"},
    "batch_get": {"BatchGetItem"},
    "transact_write": {"PutItem", "ConditionCheckItem"},
    "transact_get": {"GetItem"},
    "verify": {"BatchGetItem"},
    "cleanup": {"BatchWriteItem", "DeleteItem"},
}


def needed(scenario: Scenario) -> list[str]:
    """Return the operations of cluster_operations that a scenario needs: its mix's, and its check's and cleanup's."""
    mix = [entry.operation for entry in scenario.mix.values()]
    writes = any(operation in WRITES for operation in mix)
    rules = scenario.verify
    checks = writes and rules.enabled and rules.share > 0 and rules.limit > 0
    after = [("verify", checks), ("cleanup", writes and scenario.cleanup.enabled)]
    return [*dict.fromkeys(mix), *(name for name, is_needed in after if is_needed)]


def lacking(scenario: Scenario, operations: str) -> str:
    """Say in one line what of a scenario the task's role does not let it do; empty where it lets it do all.

    Args:
        scenario: what is asked.
        operations: as the variable of the environment has them; empty where nobody knows.
    """
    granted = _actions(name.strip() for name in operations.split(","))
    missing = {name: sorted(ACTIONS[name] - granted) for name in needed(scenario) if ACTIONS[name] - granted}
    if not operations or not missing:
        return ""
    listed = ", ".join(f"{name} (dynamodb:{', dynamodb:'.join(actions)})" for name, actions in missing.items())
    return (
        f"scenario: the task's role does not allow {listed} -> add {', '.join(missing)} to cluster_operations and "
        "deploy again, or leave them out of the scenario"
    )


def _actions(operations: Iterable[str]) -> set[str]:
    return set().union(*(ACTIONS.get(name, set()) for name in operations))
