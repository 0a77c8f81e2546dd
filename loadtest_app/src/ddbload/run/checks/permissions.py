# SPDX-License-Identifier: Apache-2.0
"""The task role's permissions by task_operations, and those that a scenario lacks: checked before any load."""

from __future__ import annotations

from collections.abc import Iterable

from ddbload.scenario.entries import PARTIQL, MixEntry
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
    # A statement's action is that of its kind, alone, in a batch or in a transaction:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-iam.html
    "partiql_select": {"PartiQLSelect"},
    "partiql_insert": {"PartiQLInsert"},
    "partiql_update": {"PartiQLUpdate"},
    "partiql_delete": {"PartiQLDelete"},
    "verify": {"BatchGetItem"},
    "cleanup": {"BatchWriteItem", "DeleteItem"},
}


def needed(scenario: Scenario) -> list[str]:
    """Return the operations of task_operations that a scenario needs: its mix's, and its check's and cleanup's."""
    mix = [_permission(entry) for entry in scenario.mix.values()]
    writes = any(entry.writes for entry in scenario.mix.values())
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


def _permission(entry: MixEntry) -> str:
    return f"partiql_{entry.statement}" if entry.operation in PARTIQL else entry.operation


def _actions(operations: Iterable[str]) -> set[str]:
    return set().union(*(ACTIONS.get(name, set()) for name in operations))
