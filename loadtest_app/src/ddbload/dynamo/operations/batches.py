# SPDX-License-Identifier: Apache-2.0
"""BatchWriteItem and BatchGetItem: many items a call, of which DynamoDB may leave some unprocessed.

What comes back unprocessed inside a success was throttled, so items are counted as well as calls.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

import json
from typing import Any

from ddbload.dynamo.capacity import Consumed, units
from ddbload.dynamo.errors import Verdict
from ddbload.dynamo.operations.base import API, KeyChoice, Workload, encode
from ddbload.dynamo.operations.reads import Read
from ddbload.record import OperationRecord

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_BATCH_WRITE = 25
MAX_BATCH_GET = 100

Writes = tuple[list[int], int]


class ManyWrites:
    """A write of several new items, whose keys follow each other."""

    def __init__(self, workload: Workload, count: int) -> None:
        """Take the number of items.

        Raises:
            ValueError: there are fewer keys, so that one would come twice.
        """
        if count > workload.sequence.count:
            raise ValueError(f"keys.count: {workload.sequence.count} keys of a worker are too few for {count} items")
        self.record = OperationRecord()
        self._workload = workload
        self._journal = workload.journal
        self._count = count

    def indexes(self, number: int) -> list[int]:
        """Return the keys that operation ``number`` writes, and tell the journal."""
        sequence = self._workload.sequence
        indexes = [sequence.new(number, self._count)]
        while len(indexes) < self._count:
            indexes.append(sequence.after(indexes[-1]))
        for index in indexes:
            self._journal.sent(index, number)
        return indexes

    def failed(self, work: Writes, _verdict: Verdict, uncertain: bool) -> None:
        """All of it was refused, or nobody knows."""
        indexes, number = work
        told = self._journal.indeterminate if uncertain else self._journal.refused
        for index in indexes:
            told(index, number)

    def doubted(self, work: Writes) -> None:
        """An attempt may have written all of it; the next one is another write."""
        indexes, number = work
        for index in indexes:
            self._journal.indeterminate(index, number)
            self._journal.sent(index, number)


class BatchWriteItem(ManyWrites):
    """Puts so many new items in one call."""

    target = f"{API}.BatchWriteItem"

    def __init__(self, workload: Workload, count: int) -> None:
        super().__init__(workload, count)
        capacity = workload.common()["ReturnConsumedCapacity"].encode()
        table = encode(workload.table)
        self._before = b'{"ReturnConsumedCapacity":"%b","RequestItems":{%b:[' % (capacity, table)

    def prepare(self, number: int) -> tuple[bytes, Writes] | None:
        """Return the request of operation ``number``."""
        indexes = self.indexes(number)
        item = self._workload.items.json
        puts = b",".join(b'{"PutRequest":{"Item":%b}}' % item(index, number) for index in indexes)
        return b"%b%b]}}" % (self._before, puts), (indexes, number)

    def succeeded(self, work: Writes, body: bytes) -> Consumed:
        """Read what was consumed; what is unprocessed was not written."""
        indexes, number = work
        document = json.loads(body)
        left = (document.get("UnprocessedItems") or {}).get(self._workload.table) or []
        unprocessed = {self._workload.keys.index_of(request["PutRequest"]["Item"]) for request in left}
        for index in indexes:
            if index in unprocessed:
                self._journal.refused(index, number)
            else:
                self._journal.acknowledged(index, number)
        read, write, by_index = units(document, writes=True)
        return Consumed(read, write, 0, len(indexes) - len(left), len(left), by_index)


class BatchGetItem(Read):
    """Reads so many chosen keys in one call."""

    target = f"{API}.BatchGetItem"

    def __init__(self, workload: Workload, choice: KeyChoice, count: int, consistent: bool) -> None:
        super().__init__(workload)
        self._choice = choice
        self._count = count
        self._request = BatchGetRequest(workload.table, consistent, workload.common()["ReturnConsumedCapacity"])

    def prepare(self, number: int) -> tuple[bytes, int] | None:
        """Return the request of operation ``number``."""
        keys = [self._workload.keys.json(index) for index in self._choice.indexes(number, self._count)]
        return self._request.body(keys), len(keys)

    def succeeded(self, asked: int, body: bytes) -> Consumed:
        """Read what was consumed, how many were found and how many left unprocessed."""
        document = json.loads(body)
        table = self._workload.table
        found = len((document.get("Responses") or {}).get(table) or [])
        left = len(((document.get("UnprocessedKeys") or {}).get(table) or {}).get("Keys") or [])
        read, write, by_index = units(document, writes=False)
        return Consumed(read, write, found, asked - left, left, by_index)


class BatchGetRequest:
    """The body of a BatchGetItem."""

    def __init__(self, table: str, consistent: bool, capacity: str) -> None:
        flag = b"true" if consistent else b"false"
        self._before = b'{"ReturnConsumedCapacity":"%b","RequestItems":{%b:{"ConsistentRead":%b,"Keys":[' % (
            capacity.encode(),
            encode(table),
            flag,
        )

    def body(self, keys: list[str]) -> bytes:
        """Return the request for keys, each given as the members of its JSON object."""
        return b"%b%b]}}}" % (self._before, ",".join(f"{{{key}}}" for key in keys).encode())


def unprocessed_keys(document: dict[str, Any], table: str) -> list[dict[str, Any]]:
    """Return the keys that a BatchGetItem left unread."""
    keys: list[dict[str, Any]] = ((document.get("UnprocessedKeys") or {}).get(table) or {}).get("Keys") or []
    return keys
