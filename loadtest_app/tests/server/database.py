# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's operations on one table: a request's document in, its answer's document out."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from typing import Any

from server import batches, reads, writes
from server.capacity import Consumed, write_units
from server.errors import ApiError
from server.http import Answer, encode
from server.parameters import check_described
from server.table import Table
from server.values import Item

BATCHES = {"BatchWriteItem": batches.batch_write, "BatchGetItem": batches.batch_get}
READS = {"GetItem": reads.get_item, "Query": reads.query, "Scan": reads.scan}


class Database:
    """One table and the transactions that were done on it.

    Where it is ``fast``, every PutItem is answered as though it had been stored, and none is.
    """

    def __init__(self, specification: Mapping[str, Any], fast: bool = False) -> None:
        self.table = Table(specification)
        consumed = Consumed(write_units(0)).document(self.table.schema.name, "TOTAL")
        self._stored = (Answer(encode({"ConsumedCapacity": consumed})), "ok") if fast else None
        self._transactions = batches.Transactions()

    def answer(self, operation: str, request: Mapping[str, Any], unprocessed_share: float = 0.0) -> tuple[Answer, str]:
        """Carry out a request; returns its answer, and the error's name or "ok"."""
        if self._stored and operation == "PutItem":
            return self._stored
        try:
            document = self.execute(operation, request, unprocessed_share)
        except ApiError as error:
            return of_error(error), error.name
        except Exception:  # a request in a shape that nobody thought of: whoever tests has to hear of it
            traceback.print_exc()
            return of_error(ApiError("InternalFailure", "the test server failed: see its standard error")), "bug"
        return Answer(encode(document)), "ok"

    def execute(self, operation: str, request: Mapping[str, Any], unprocessed_share: float = 0.0) -> dict[str, Any]:
        """Carry out a request.

        Args:
            operation: its name.
            request: its document; what a put stores is taken from it uncopied.
            unprocessed_share: of a batch's entries, rounded up, that are given back undone.

        Raises:
            ApiError: the answer is an error.
        """
        if operation in writes.WRITES:
            return writes.write(self.table, operation, request)
        if operation in READS:
            return READS[operation](self.table, request)
        if operation in BATCHES:
            count = len(keys_of(self.table, operation, request)) if unprocessed_share else 0
            return BATCHES[operation](self.table, request, math.ceil(count * unprocessed_share))
        if operation == "TransactWriteItems":
            return self._transactions.write(self.table, request)
        if operation == "TransactGetItems":
            return self._transactions.get(self.table, request)
        if operation == "DescribeTable":
            check_described(self.table, request)
            return {"Table": self.table.description()}
        raise ApiError("UnknownOperationException", "")


def of_error(error: ApiError) -> Answer:
    """Return the answer that is an error."""
    return Answer(encode(error.document), error.status)


def keys_of(table: Table, operation: str, request: Mapping[str, Any]) -> list[Item]:
    """Return the primary keys that a request names, as far as it is sound."""
    if operation.startswith("Batch"):
        part: Any = next(iter(request.get("RequestItems", {}).values()), [])
        entries = part.get("Keys", []) if isinstance(part, dict) else [next(iter(entry.values())) for entry in part]
    elif operation.startswith("Transact"):
        entries = [next(iter(action.values())) for action in request.get("TransactItems", [])]
    else:
        entries = [request]
    names = [attribute.name for attribute in table.schema.key]
    found = [entry.get("Key") or entry.get("Item") or entry for entry in entries]
    return [{name: entry[name] for name in names} for entry in found if all(name in entry for name in names)]
