# SPDX-License-Identifier: Apache-2.0
"""BatchWriteItem, BatchGetItem, TransactWriteItems and TransactGetItems."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from server.capacity import TRANSACTION, Consumed, read_units
from server.errors import ApiError, cancelled, invalid
from server.expressions import Expressions
from server.parameters import check, check_whole, tables
from server.reads import project
from server.schema import Key
from server.table import Table
from server.values import Item, checked_bytes
from server.writes import Change, condition_check, delete, put, update

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_BATCH_WRITES = 25
MAX_BATCH_READS = 100
MAX_TRANSACTION = 100
MAX_BATCH_ANSWER_BYTES = 16_777_216
MAX_TRANSACTION_BYTES = 4_194_304
TOKEN_LIFE_S = 600.0
NO_REASON = {"Code": "None"}
ACTIONS = {
    "Put": lambda table, action: put(table, action, alone=False),
    "Update": lambda table, action: update(table, action, alone=False),
    "Delete": lambda table, action: delete(table, action, alone=False),
    "ConditionCheck": condition_check,
}


def batch_write(table: Table, request: Mapping[str, Any], unprocessed: int = 0) -> dict[str, Any]:
    """Carry out a BatchWriteItem, except for its last ``unprocessed`` entries."""
    entries: Sequence[Mapping[str, Any]] = tables(table, request)
    check_count("requestItems", len(entries), MAX_BATCH_WRITES)
    name = table.schema.name
    changes = []
    for entry in entries:
        ((kind, action),) = entry.items()
        if kind == "PutRequest":
            changes.append(put(table, {"TableName": name, "Item": action["Item"]}))
        else:
            changes.append(delete(table, {"TableName": name, "Key": action["Key"]}))
    check_distinct([change.key for change in changes])
    _refuse_all(len(changes), unprocessed)
    done = len(changes) - unprocessed
    consumed = Consumed()
    for change in changes[:done]:
        consumed.add(table.write(change.key, change.after, change.size))
    left = {name: list(entries[done:])} if unprocessed else {}
    return {"UnprocessedItems": left} | _capacities(table, request, consumed)


def batch_get(table: Table, request: Mapping[str, Any], unprocessed: int = 0) -> dict[str, Any]:
    """Carry out a BatchGetItem, except for its last ``unprocessed`` keys."""
    part: Mapping[str, Any] = tables(table, request)
    keys: Sequence[Item] = part["Keys"]
    check_count("requestItems", len(keys), MAX_BATCH_READS)
    expressions = Expressions(part)
    names = expressions.projection(part.get("ProjectionExpression"))
    expressions.finish()
    positions = [table.schema.key_of(key) for key in keys]
    check_distinct(positions)
    _refuse_all(len(keys), unprocessed)
    consumed = Consumed()
    found: list[Item] = []
    size = done = 0
    for position in positions[: len(positions) - unprocessed]:
        item = table.get(position)
        bytes_read = checked_bytes(item) if item else 0
        if size + bytes_read > MAX_BATCH_ANSWER_BYTES:
            break
        size += bytes_read
        done += 1
        consumed.table += read_units(bytes_read, part.get("ConsistentRead", False))
        if item:
            found.append(project(item, names))
    left = {table.schema.name: {**part, "Keys": list(keys[done:])}} if done < len(keys) else {}
    return {"Responses": {table.schema.name: found}, "UnprocessedKeys": left} | _capacities(table, request, consumed)


class Transactions:
    """Transactions, and the completed ones by their token."""

    def __init__(self) -> None:
        self._done: dict[str, tuple[float, Any, int]] = {}

    def write(self, table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a TransactWriteItems: all of it, or nothing."""
        actions: Sequence[Mapping[str, Mapping[str, Any]]] = request.get("TransactItems", [])
        check_count("transactItems", len(actions), MAX_TRANSACTION)
        check_whole(request, "TransactItems", "ClientRequestToken")
        token = request.get("ClientRequestToken")
        if token is not None and token in self._done and self._done[token][0] > time.monotonic() - TOKEN_LIFE_S:
            _instant, known, size = self._done[token]
            if known != actions:
                raise ApiError(
                    "IdempotentParameterMismatchException",
                    "The client request token was used before with other parameters",
                )
            units = Consumed(sum([read_units(size, True) * TRANSACTION] * len(actions)))
            return _capacities(table, request, units, "Read")
        changes = _changes(table, actions)
        size = sum(change.size for change in changes)
        if size > MAX_TRANSACTION_BYTES:
            raise invalid("Collection size cannot be greater than 4MB")
        consumed = Consumed()
        for change in changes:
            consumed.add(table.write(change.key, change.after, change.size, TRANSACTION))
        if token is not None:
            self._done[token] = (time.monotonic(), actions, size // len(changes))
        return _capacities(table, request, consumed, "Write")

    def get(self, table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out a TransactGetItems."""
        actions: Sequence[Mapping[str, Mapping[str, Any]]] = request.get("TransactItems", [])
        check_count("transactItems", len(actions), MAX_TRANSACTION)
        check_whole(request, "TransactItems")
        keys: list[Key] = []
        responses: list[dict[str, Item]] = []
        consumed = Consumed()
        for action in actions:
            get = action["Get"]
            check(table, get, ("Key", "ProjectionExpression", "ExpressionAttributeNames"))
            expressions = Expressions(get)
            names = expressions.projection(get.get("ProjectionExpression"))
            expressions.finish()
            keys.append(table.schema.key_of(get["Key"]))
            item = table.get(keys[-1])
            consumed.table += read_units(checked_bytes(item) if item else 0, True) * TRANSACTION
            responses.append({} if item is None else {"Item": project(item, names)})
        if len(set(keys)) < len(keys):
            raise invalid("Transaction request cannot include multiple operations on one item")
        return {"Responses": responses} | _capacities(table, request, consumed, "Read")


def _changes(table: Table, actions: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[Change]:
    changes: list[Change] = []
    reasons: list[Mapping[str, Any]] = []
    keys: list[Key] = []
    for action in actions:
        ((kind, parameters),) = action.items()
        schema = table.schema
        keys.append(
            schema.key_of_item(parameters.get("Item", {})) if kind == "Put" else schema.key_of(parameters["Key"])
        )
        try:
            changes.append(ACTIONS[kind](table, parameters))
            reasons.append(NO_REASON)
        except ApiError as error:
            if error.name != "ConditionalCheckFailedException":
                raise
            item = {"Item": error.document["Item"]} if "Item" in error.document else {}
            reasons.append({"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"} | item)
    if len(set(keys)) < len(keys):
        raise invalid("Transaction request cannot include multiple operations on one item")
    if len(changes) < len(actions):
        raise cancelled(reasons)
    return changes


def check_count(member: str, count: int, most: int) -> None:
    """Refuse a list that is empty or too long."""
    if not 1 <= count <= most:
        bound = "greater than or equal to 1" if count < 1 else f"less than or equal to {most}"
        raise invalid(
            f"1 validation error detected: Value at '{member}' failed to satisfy constraint: "
            f"Member must have length {bound}"
        )


def check_distinct(keys: Sequence[Key]) -> None:
    """Refuse a key that comes twice."""
    if len(set(keys)) < len(keys):
        raise invalid("Provided list of item keys contains duplicates")


def _refuse_all(count: int, unprocessed: int) -> None:
    # A batch without processed items is a throttle.
    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
    if unprocessed >= count:
        raise ApiError("ProvisionedThroughputExceededException")


def _capacities(table: Table, request: Mapping[str, Any], consumed: Consumed, kind: str = "") -> dict[str, Any]:
    detail = request.get("ReturnConsumedCapacity", "NONE")
    return {} if detail == "NONE" else {"ConsumedCapacity": [consumed.document(table.schema.name, detail, kind)]}
