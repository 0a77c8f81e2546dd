# SPDX-License-Identifier: Apache-2.0
"""PutItem, UpdateItem, DeleteItem and a transaction's ConditionCheck: the requested change, then its execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from server.errors import ApiError, invalid
from server.expressions import Expressions
from server.parameters import CAPACITY, EXPRESSION, check
from server.schema import Key
from server.table import Table
from server.values import Item, checked_bytes

CONDITION = {*EXPRESSION, "ConditionExpression", "ReturnValuesOnConditionCheckFailure"}
ANSWER = {*CAPACITY, "ReturnItemCollectionMetrics", "ReturnValues"}


class Change(NamedTuple):
    """The new item of a key and its bytes; ``updated`` names the attributes that an update sets."""

    key: Key
    before: Item | None
    after: Item | None
    size: int = 0
    updated: frozenset[str] = frozenset()


def put(table: Table, request: Mapping[str, Any], alone: bool = True) -> Change:
    """Return what a PutItem, or the Put of a transaction, changes; raises ApiError where it may not."""
    check(table, request, {"Item", *CONDITION}, ANSWER if alone else set())
    item: Item = request.get("Item", {})
    size = checked_bytes(item)
    key = table.schema.key_of_item(item)
    before = table.get(key)
    if len(request) > 2:
        _fulfil(request, before)
    return Change(key, before, item, size)


def delete(table: Table, request: Mapping[str, Any], alone: bool = True) -> Change:
    """Return what a DeleteItem, or the Delete of a transaction, changes; raises ApiError where it may not."""
    key, before = _existing(table, request, ANSWER if alone else set())
    _fulfil(request, before)
    return Change(key, before, None)


def update(table: Table, request: Mapping[str, Any], alone: bool = True) -> Change:
    """Return what an UpdateItem, or the Update of a transaction, changes; raises ApiError where it may not."""
    key, before = _existing(table, request, {"UpdateExpression", *(ANSWER if alone else set())})
    expressions = Expressions(request)
    text = request.get("UpdateExpression")
    assigned = expressions.assignments(text, before or {}) if text is not None else {}
    _fulfil(request, before, expressions)
    for attribute in table.schema.key:
        if attribute.name in assigned:
            raise invalid(
                f"One or more parameter values were invalid: Cannot update attribute {attribute.name}. "
                "This attribute is part of the key"
            )
    after = (before or request["Key"]) | assigned
    size = checked_bytes(after)
    table.schema.check_indexes(after)
    return Change(key, before, after, size, frozenset(assigned))


def condition_check(table: Table, request: Mapping[str, Any]) -> Change:
    """Return the change, which is none, of a transaction's ConditionCheck; raises ApiError where it fails."""
    key, before = _existing(table, request, set())
    if "ConditionExpression" not in request:
        raise invalid("The expression can not be empty;")
    _fulfil(request, before)
    return Change(key, before, before, checked_bytes(before) if before else 0)


WRITES = {"PutItem": put, "UpdateItem": update, "DeleteItem": delete}


def write(table: Table, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a PutItem, UpdateItem or DeleteItem and return its response."""
    change = WRITES[operation](table, request)
    wanted = request.get("ReturnValues", "NONE")
    if wanted not in ("NONE", "ALL_OLD") and operation != "UpdateItem":
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    consumed = table.write(change.key, change.after, change.size)
    answer: dict[str, Any] = {}
    detail = request.get("ReturnConsumedCapacity", "NONE")
    if detail != "NONE":
        answer["ConsumedCapacity"] = consumed.document(table.schema.name, detail)
    if wanted != "NONE":
        attributes = _returned(change, wanted)
        if attributes:
            answer["Attributes"] = attributes
    return answer


def _returned(change: Change, wanted: str) -> Item:
    item = (change.before if wanted.endswith("OLD") else change.after) or {}
    if wanted.startswith("UPDATED"):
        return {name: value for name, value in item.items() if name in change.updated}
    return item


def _existing(table: Table, request: Mapping[str, Any], more: set[str]) -> tuple[Key, Item | None]:
    check(table, request, {"Key", *CONDITION}, more)
    checked_bytes(request.get("Key", {}))
    key = table.schema.key_of(request.get("Key", {}))
    return key, table.get(key)


def _fulfil(request: Mapping[str, Any], before: Item | None, expressions: Expressions | None = None) -> None:
    expressions = expressions or Expressions(request)
    text = request.get("ConditionExpression")
    holds = text is None or expressions.condition(text)(before or {})
    expressions.finish()
    if not holds:
        wanted = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        raise ApiError("ConditionalCheckFailedException", more={"Item": before} if wanted and before else None)
