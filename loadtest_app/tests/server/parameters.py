# SPDX-License-Identifier: Apache-2.0
"""The parameters of requests, and the errors of unknown ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from server.errors import ApiError, invalid
from server.table import Table

EXPRESSION = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
CAPACITY = {"ReturnConsumedCapacity"}
DETAILS = ("INDEXES", "TOTAL", "NONE")


def check(table: Table, request: Mapping[str, Any], *known: Iterable[str]) -> None:
    """Refuse a request, or a part of one, that is for another table or has parameters unknown here.

    DynamoDB ignores unknown parameters; the refusal shows a test its mistake.
    """
    check_whole(request, "TableName", *(name for names in known for name in names))
    if request.get("TableName") not in (table.schema.name, table.schema.arn):
        raise not_found()


def check_whole(request: Mapping[str, Any], *known: str) -> None:
    """Refuse parameters that are unknown here, and an invalid ReturnConsumedCapacity."""
    for name in request:
        if name not in known and name not in CAPACITY:
            raise invalid(f"This server does not know the parameter {name} here")
    detail = request.get("ReturnConsumedCapacity", "NONE")
    if detail not in DETAILS:
        raise invalid(
            f"1 validation error detected: Value '{detail}' at 'returnConsumedCapacity' failed to satisfy constraint: "
            "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"
        )


def check_described(table: Table, request: Mapping[str, Any]) -> None:
    """Refuse to describe another table, which has another message."""
    check_whole(request, "TableName")
    name = request.get("TableName")
    if name not in (table.schema.name, table.schema.arn):
        raise not_found(f": Table: {name} not found")


def not_found(more: str = "") -> ApiError:
    """Return the error about a missing table."""
    return ApiError("ResourceNotFoundException", f"Requested resource not found{more}")


def tables(table: Table, request: Mapping[str, Any]) -> Any:
    """Return the part of a batch that is for the table; all of it has to be."""
    parts = request.get("RequestItems", {})
    if not parts:
        raise invalid("The batch request is empty")
    if set(parts) - {table.schema.name, table.schema.arn}:
        raise not_found()
    check_whole(request, "RequestItems", "ReturnItemCollectionMetrics")
    ((_name, part),) = parts.items()
    return part
