# SPDX-License-Identifier: Apache-2.0
"""The task role's permissions by task_operations, and those that a scenario lacks: checked before any load."""

from __future__ import annotations

from collections.abc import Iterable

from ddbload.scenario.entries import WRITES
from ddbload.scenario.scenario import Scenario

# In a task's environment: the operations that its role allows, separated by commas.
VARIABLE = "DDBLOAD_OPERATIONS"
# The IAM actions of each operation; a transaction needs the actions of its items:
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
    """Return the operations of task_operations that a scenario needs: its mix's, and its check's and cleanup's."""
    mix = [entry.operation for entry in scenario.mix.values()]
    writes = any(operation in WRITES for operation in mix)
    rules = scenario.verify
    checks = writes and rules.enabled and rules.share > 0 and rules.limit > 0
    after = [("verify", checks), ("cleanup", writes and scenario.cleanup.enabled)]
    return [*dict.fromkeys(mix), *(name for name, is_needed in after if is_needed)]


def lacking(scenario: Scenario, operations: str) -> str:
    """Say in one line which permissions for a scenario the task role lacks; empty where it lacks none.

    Args:
        scenario: the run's.
        operations: as the variable of the environment has them; empty where they are unknown.
    """
    granted = _actions(name.strip() for name in operations.split(","))
    missing = {name: sorted(ACTIONS[name] - granted) for name in needed(scenario) if ACTIONS[name] - granted}
    if not operations or not missing:
        return ""
    listed = ", ".join(f"{name} (dynamodb:{', dynamodb:'.join(actions)})" for name, actions in missing.items())
    return (
        f"scenario: the task's role does not allow {listed} -> add {', '.join(missing)} to task_operations and "
        "deploy again, or leave them out of the scenario"
    )


def _actions(operations: Iterable[str]) -> set[str]:
    return set().union(*(ACTIONS.get(name, set()) for name in operations))
