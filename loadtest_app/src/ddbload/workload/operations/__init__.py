# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's operations: the request of operation number n, and what its response means.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
"""

from __future__ import annotations

from ddbload.scenario.entries import PARTIQL, MixEntry
from ddbload.workload.choice import Chooser
from ddbload.workload.operations import statements
from ddbload.workload.operations.base import KeyChoice, Operation, Workload
from ddbload.workload.operations.batches import BatchGetItem, BatchWriteItem
from ddbload.workload.operations.reads import GetItem, Query, Scan
from ddbload.workload.operations.transactions import TransactGetItems, TransactWriteItems
from ddbload.workload.operations.writes import DeleteItem, DuplicatingPut, PutItem, UpdateItem


def build(name: str, entry: MixEntry, workload: Workload, chooser: Chooser) -> Operation:
    """Build the operation of an entry of the mix.

    Raises:
        ValueError: the table does not have the entry's index.
    """
    choice = KeyChoice(workload, chooser)
    if entry.index and entry.index not in workload.indexes:
        known = ", ".join(workload.indexes) or "none"
        raise ValueError(f"mix.{name}.index: table {workload.table} has no index {entry.index}; it has {known}")
    if entry.operation in PARTIQL:
        return statements.build(entry, workload, choice)
    match entry.operation:
        case "put" if workload.mix.duplicates:
            return DuplicatingPut(workload)
        case "put":
            return PutItem(workload, choice if entry.keys else None, entry.condition)
        case "update":
            return UpdateItem(workload, choice, entry.condition)
        case "delete":
            return DeleteItem(workload, choice, entry.condition)
        case "get":
            return GetItem(workload, choice, entry.consistent)
        case "query":
            return Query(workload, choice, entry.consistent, entry.limit, entry.index)
        case "scan":
            return Scan(workload, name, entry.consistent, entry.limit, entry.index, entry.segments)
        case "batch_write":
            return BatchWriteItem(workload, entry.items)
        case "batch_get":
            return BatchGetItem(workload, choice, entry.items, entry.consistent)
        case "transact_write":
            return TransactWriteItems(workload, entry.items, entry.condition)
        case "transact_get":
            return TransactGetItems(workload, choice, entry.items)
    raise ValueError(f"mix.{name}: there is no operation {entry.operation}")
