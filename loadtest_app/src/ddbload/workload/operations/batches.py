# SPDX-License-Identifier: Apache-2.0
"""BatchWriteItem and BatchGetItem: several items a call, of which DynamoDB may leave some unprocessed.

Unprocessed items in a success were throttled, so items are counted as well as calls.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from ddbload.dynamo.responses.capacity import Consumed, units
from ddbload.dynamo.responses.documents import Document, object_of, objects_of, read_success, unexpected
from ddbload.dynamo.responses.errors import Outcome
from ddbload.dynamo.sign import API
from ddbload.workload.operations.base import KeyChoice, Workload, encode
from ddbload.workload.operations.reads import Read

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MAX_BATCH_WRITE = 25
MAX_BATCH_GET = 100
RESPONSES = "Responses"
UNPROCESSED_ITEMS = "UnprocessedItems"
UNPROCESSED_KEYS = "UnprocessedKeys"

Writes = tuple[list[int], int]


class ManyWrites:
    """A write of several items: of new ones, whose keys follow each other, or of chosen ones."""

    duplicate_figures: dict[str, int] | None = None

    def __init__(self, workload: Workload, count: int, choice: KeyChoice | None = None, deletes: bool = False) -> None:
        """Take the number of items, how existing keys are chosen, and whether they are deleted.

        Raises:
            ValueError: there are fewer keys, so that one would be written twice.
        """
        if count > workload.sequence.count:
            raise ValueError(f"keys.count: {workload.sequence.count} keys of a worker are too few for {count} items")
        self._workload = workload
        self._count = count
        self._choice = choice
        journal = workload.journal
        self._sent, self._acknowledged, self._refused, self._indeterminate = (
            partial(note, delete=True) if deletes else note
            for note in (journal.sent, journal.acknowledged, journal.refused, journal.indeterminate)
        )

    def indexes(self, number: int) -> list[int]:
        """Return the keys that operation ``number`` writes, and note them in the journal."""
        if self._choice:
            indexes = self._choice.indexes(number, self._count)
        else:
            sequence = self._workload.sequence
            indexes = [sequence.new(number, self._count)]
            while len(indexes) < self._count:
                indexes.append(sequence.after(indexes[-1]))
        for index in indexes:
            self._sent(index, number)
        return indexes

    def failed(self, work: Writes, _outcome: Outcome, uncertain: bool) -> None:
        """Note that no item was written, or that this is unknown."""
        indexes, number = work
        note = self._indeterminate if uncertain else self._refused
        for index in indexes:
            note(index, number)

    def unknown_outcome(self, work: Writes) -> None:
        """Note that an attempt may have written all items; the next one is another write."""
        indexes, number = work
        for index in indexes:
            self._indeterminate(index, number)
            self._sent(index, number)


class BatchWriteItem(ManyWrites):
    """Puts ``count`` new items in one call."""

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
        """Read the consumed units; unprocessed items were not written."""
        indexes, number = work
        document = read_success(body)
        left = unprocessed_items(document, self._workload.table)
        items = [object_of(object_of(request, "PutRequest"), "Item") for request in left]
        unprocessed = some_of(indexes, map(self._workload.keys.index_of, items), UNPROCESSED_ITEMS)
        read, write, by_index = units(document, writes=True)
        for index in indexes:
            if index in unprocessed:
                self._refused(index, number)
            else:
                self._acknowledged(index, number)
        return Consumed(read, write, 0, len(indexes) - len(left), len(left), by_index)


class BatchGetItem(Read):
    """Reads ``count`` chosen keys in one call."""

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

    def succeeded(self, requested: int, body: bytes) -> Consumed:
        """Read the consumed units, and the counts of found and unprocessed keys."""
        document = read_success(body)
        table = self._workload.table
        left = len(unprocessed_keys(document, table))
        found = len(found_items(document, table))
        if found + left > requested:
            raise unexpected(RESPONSES)
        read, write, by_index = units(document, writes=False)
        return Consumed(read, write, found, requested - left, left, by_index)


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


def unprocessed_items(document: Document, table: str) -> list[Document]:
    """Return the requests that a BatchWriteItem left unprocessed.

    Raises:
        InvalidAnswer: the response is not DynamoDB's.
    """
    return objects_of(_part(document, UNPROCESSED_ITEMS, table), UNPROCESSED_ITEMS)


def unprocessed_keys(document: Document, table: str) -> list[Document]:
    """Return the keys that a BatchGetItem left unprocessed.

    Raises:
        InvalidAnswer: the response is not DynamoDB's.
    """
    part = _part(document, UNPROCESSED_KEYS, table)
    if part is not None and not isinstance(part, dict):
        raise unexpected(UNPROCESSED_KEYS)
    return objects_of((part or {}).get("Keys"), UNPROCESSED_KEYS)


def found_items(document: Document, table: str) -> list[Document]:
    """Return the items that a BatchGetItem found.

    Raises:
        InvalidAnswer: the response is not DynamoDB's, which lists every table that it read.
    """
    responses = object_of(document, RESPONSES)
    if table not in responses and not unprocessed_keys(document, table):
        raise unexpected(RESPONSES)
    return objects_of(responses.get(table), RESPONSES)


def _part(document: Document, member: str, table: str) -> Any:
    """Return a member's part for a table; a part for any other table is an error."""
    parts = object_of(document, member)
    if parts.keys() - {table}:
        raise unexpected(member)
    return parts.get(table)


def some_of(requested: Sequence[int], found: Iterable[int | None], member: str) -> set[int]:
    """Return the keys in a response, by index.

    Raises:
        InvalidAnswer: one of them was not requested, or comes twice.
    """
    indexes = list(found)
    known = {index for index in indexes if index is not None}
    if len(known) < len(indexes) or not known <= set(requested):
        raise unexpected(member)
    return known
