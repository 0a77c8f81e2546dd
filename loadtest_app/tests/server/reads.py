# SPDX-License-Identifier: Apache-2.0
"""GetItem, Query and Scan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from server.capacity import Consumed, read_units
from server.errors import invalid
from server.expressions import Expressions, Node, conjunction
from server.parameters import CAPACITY, EXPRESSION, check
from server.schema import Index, KeyAttribute
from server.table import Page, Table
from server.values import Item, Scalar, Value, checked_bytes, scalar

PAGING = {"IndexName", "Limit", "ExclusiveStartKey", "ConsistentRead", "FilterExpression", "Select"}
RANGE_SIGNS = ("=", "<", "<=", ">", ">=", "BETWEEN", "begins_with")


def get_item(table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a GetItem."""
    check(table, request, ("Key", "ConsistentRead", "ProjectionExpression", "ExpressionAttributeNames"), CAPACITY)
    item = table.get(table.schema.key_of(request.get("Key", {})))
    expressions = Expressions(request)
    names = expressions.projection(request.get("ProjectionExpression"))
    expressions.finish()
    answer: dict[str, Any] = {} if item is None else {"Item": project(item, names)}
    size = 0 if item is None else checked_bytes(item)
    return answer | _capacity(table, request, size, None)


def query(table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a Query."""
    check(
        table,
        request,
        ("KeyConditionExpression", "ScanIndexForward", "ProjectionExpression"),
        *(PAGING, EXPRESSION, CAPACITY),
    )
    index = _index(table, request)
    expressions = Expressions(request)
    node = expressions.parse(request.get("KeyConditionExpression", ""), "KeyConditionExpression")
    hash_value, range_node = _key_condition(node, index.key if index else table.schema.key)
    accepts, names = _filter(request, expressions)

    page = table.query(
        hash_value=hash_value,
        in_range=expressions.predicate(range_node) if range_node else lambda _item: True,
        after=_start(table, request, index),
        forward=request.get("ScanIndexForward", True),
        index=index,
        limit=_limit(request),
        accepts=accepts,
    )
    return _answer(table, request, page, names, index)


def scan(table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out a Scan."""
    check(table, request, ("Segment", "TotalSegments", "ProjectionExpression"), PAGING, EXPRESSION, CAPACITY)
    index = _index(table, request)
    segment, segments = request.get("Segment"), request.get("TotalSegments")
    if (segment is None) is not (segments is None):
        missing = "Segment" if segment is None else "TotalSegments"
        raise invalid(f"The {missing} parameter is required but was not present in the request")
    if segment is not None and segments is not None and not 0 <= segment < segments <= 1_000_000:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {segments}"
        )
    accepts, names = _filter(request, Expressions(request))
    page = table.scan(
        after=_start(table, request, index),
        segment=segment or 0,
        segments=segments or 1,
        index=index,
        limit=_limit(request),
        accepts=accepts,
    )
    return _answer(table, request, page, names, index)


def project(item: Item, names: Sequence[str] | None) -> Item:
    """Return an item's named attributes; all where no names are given."""
    return item if names is None else {name: item[name] for name in names if name in item}


def _filter(request: Mapping[str, Any], expressions: Expressions) -> tuple[Callable[[Item], bool], list[str] | None]:
    names = expressions.projection(request.get("ProjectionExpression"))
    text = request.get("FilterExpression")
    accepts = expressions.condition(text, "FilterExpression") if text is not None else lambda _item: True
    expressions.finish()
    return accepts, names


def _index(table: Table, request: Mapping[str, Any]) -> Index | None:
    name = request.get("IndexName")
    if name is None:
        return None
    if name not in table.schema.indexes:
        raise invalid(f"The table does not have the specified index: {name}")
    if request.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    return table.schema.indexes[name]


def _limit(request: Mapping[str, Any]) -> int | None:
    limit: int | None = request.get("Limit")
    if limit is not None and limit < 1:
        raise invalid(
            f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )
    return limit


def _start(table: Table, request: Mapping[str, Any], index: Index | None) -> Item | None:
    start: Item | None = request.get("ExclusiveStartKey")
    if start is None:
        return None
    wanted = {attribute.name for attribute in (*table.schema.key, *(index.key if index else ()))}
    if set(start) != wanted:
        raise invalid("The provided starting key is invalid")
    return start


def _key_condition(node: Node, key: Sequence[KeyAttribute]) -> tuple[Scalar, Node | None]:
    hash_value: Value | None = None
    range_node: Node | None = None
    for part in conjunction(node):
        sign, *operands = part
        if sign not in RANGE_SIGNS or operands[0][0] != "path" or any(kind != "value" for kind, _ in operands[1:]):
            raise invalid("Query key condition not supported")
        name = operands[0][1]
        if name == key[0].name and hash_value is None:
            if sign != "=":
                raise invalid("Query key condition not supported")
            hash_value = operands[1][1]
        elif len(key) > 1 and name == key[1].name and range_node is None:
            range_node = part
        else:
            raise invalid(f"Query condition missed key schema element: {key[-1].name}")
    if hash_value is None:
        raise invalid(f"Query condition missed key schema element: {key[0].name}")
    if key[0].type not in hash_value:
        raise invalid("One or more parameter values were invalid: Condition parameter type does not match schema type")
    return scalar(hash_value), range_node


def _answer(
    table: Table, request: Mapping[str, Any], page: Page, names: Sequence[str] | None, index: Index | None
) -> dict[str, Any]:
    answer: dict[str, Any] = {"Count": len(page.items), "ScannedCount": page.scanned}
    if request.get("Select") != "COUNT":
        answer["Items"] = [project(item, names) for item in page.items]
    if page.last is not None:
        answer["LastEvaluatedKey"] = page.last
    return answer | _capacity(table, request, page.size, index)


def _capacity(table: Table, request: Mapping[str, Any], size: int, index: Index | None) -> dict[str, Any]:
    detail = request.get("ReturnConsumedCapacity", "NONE")
    if detail == "NONE":
        return {}
    units = read_units(size, request.get("ConsistentRead", False))
    consumed = Consumed(0.0, {index.name: units}) if index else Consumed(units)
    return {"ConsumedCapacity": consumed.document(table.schema.name, detail)}
