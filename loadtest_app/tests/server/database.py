# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's operations on one table: takes a request's document, returns the response's."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from typing import Any

from server import batches, reads, statements, writes
from server.capacity import Consumed, write_units
from server.errors import ApiError
from server.http import Answer, encode
from server.parameters import check_described
from server.table import Table
from server.values import Item

BATCHES = {
    "BatchWriteItem": batches.batch_write,
    "BatchGetItem": batches.batch_get,
    "BatchExecuteStatement": statements.batch_execute_statement,
}
PARTIQL = ("ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction")
READS = {"GetItem": reads.get_item, "Query": reads.query, "Scan": reads.scan}


# The control table, which every server has beside the table under test.
CONTROL: Mapping[str, Any] = {
    "TableName": "test-control",
    "KeySchema": [{"AttributeName": "run", "KeyType": "HASH"}, {"AttributeName": "part", "KeyType": "RANGE"}],
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("run", "part")],
}


class Database:
    """The table under test, the transactions that were done on it, and a control table.

    Where it is ``fast``, every PutItem has the response of a success, and no item is stored.
    """

    def __init__(self, specification: Mapping[str, Any], fast: bool = False) -> None:
        self.table = Table(specification)
        self.control = Table(CONTROL)
        consumed = Consumed(write_units(0)).document(self.table.schema.name, "TOTAL")
        self._stored = (Answer(encode({"ConsumedCapacity": consumed})), "ok") if fast else None
        self._transactions = batches.Transactions()

    def answer(self, operation: str, request: Mapping[str, Any], unprocessed_share: float = 0.0) -> tuple[Answer, str]:
        """Carry out a request; return its response, and the error's name or "ok"."""
        if self._stored and operation == "PutItem":
            return self._stored
        try:
            document = self.execute(operation, request, unprocessed_share)
        except ApiError as error:
            return of_error(error), error.name
        except Exception:  # an unexpected request: the test has to show the error
            traceback.print_exc()
            return of_error(ApiError("InternalFailure", "the test server failed: see its standard error")), "bug"
        return Answer(encode(document)), "ok"

    def execute(self, operation: str, request: Mapping[str, Any], unprocessed_share: float = 0.0) -> dict[str, Any]:
        """Carry out a request.

        Args:
            operation: its name.
            request: its document; what a put stores is taken from it uncopied.
            unprocessed_share: of a batch's entries, rounded up, that are returned unprocessed.

        Raises:
            ApiError: the response is an error.
        """
        table = self.control if request.get("TableName") == self.control.schema.name else self.table
        if operation in writes.WRITES:
            return writes.write(table, operation, request)
        if operation in READS:
            return READS[operation](table, request)
        if operation in BATCHES:
            count = len(keys_of(self.table, operation, request)) if unprocessed_share else 0
            return BATCHES[operation](self.table, request, math.ceil(count * unprocessed_share))
        if operation == "TransactWriteItems":
            return self._transactions.write(self.table, request)
        if operation == "TransactGetItems":
            return self._transactions.get(self.table, request)
        if operation == "ExecuteStatement":
            return statements.execute_statement(self.table, request)
        if operation == "ExecuteTransaction":
            return statements.execute_transaction(self.table, request, self._transactions)
        if operation == "DescribeTable":
            check_described(self.table, request)
            return {"Table": self.table.description()}
        raise ApiError("UnknownOperationException", "")


def of_error(error: ApiError) -> Answer:
    """Return the response of an error."""
    return Answer(encode(error.document), error.status)


def keys_of(table: Table, operation: str, request: Mapping[str, Any]) -> list[Item]:
    """Return the primary keys that a request names, as far as it is valid."""
    if operation in PARTIQL:
        try:
            entries: Any = [statement.request for statement in statements.statements_of(table, request)]
        except ApiError:
            entries = []
    elif operation.startswith("Batch"):
        part: Any = next(iter(request.get("RequestItems", {}).values()), [])
        entries = part.get("Keys", []) if isinstance(part, dict) else [next(iter(entry.values())) for entry in part]
    elif operation.startswith("Transact"):
        entries = [next(iter(action.values())) for action in request.get("TransactItems", [])]
    else:
        entries = [request]
    names = [attribute.name for attribute in table.schema.key]
    found = [entry.get("Key") or entry.get("Item") or entry for entry in entries]
    return [{name: entry[name] for name in names} for entry in found if all(name in entry for name in names)]
