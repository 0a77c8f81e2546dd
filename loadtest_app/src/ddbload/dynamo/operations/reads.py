# SPDX-License-Identifier: Apache-2.0
"""GetItem, Query and Scan."""

from __future__ import annotations

import json
from typing import Any

from ddbload.dynamo.capacity import AnswerReader, Consumed, units
from ddbload.dynamo.errors import Verdict
from ddbload.dynamo.operations.base import API, KeyChoice, Workload, encode, opened
from ddbload.record import OperationRecord


class Read:
    """A read: nothing has to be remembered of it."""

    def __init__(self, workload: Workload) -> None:
        self.record = OperationRecord()
        self._workload = workload

    def failed(self, work: Any, verdict: Verdict, uncertain: bool) -> None:
        """Nothing was read."""

    def doubted(self, work: Any) -> None:
        """Nothing was written."""


class GetItem(Read):
    """Reads a chosen key."""

    target = f"{API}.GetItem"

    def __init__(self, workload: Workload, choice: KeyChoice, consistent: bool) -> None:
        super().__init__(workload)
        self._choice = choice
        self._answers = AnswerReader(writes=False)
        self._before = opened(workload.common(ConsistentRead=consistent), "Key")

    def prepare(self, number: int) -> tuple[bytes, None] | None:
        """Return the request of operation ``number``."""
        key = self._workload.keys.json(self._choice.index(number))
        return b"%b{%b}}" % (self._before, key.encode()), None

    def succeeded(self, _work: None, body: bytes) -> Consumed:
        """Read what was consumed, and whether the item was there."""
        return self._answers.remembered.get(body) or self._answers.read(body)


class Query(Read):
    """Reads the first page of a chosen partition, of the table or of one of its secondary indexes."""

    target = f"{API}.Query"

    def __init__(self, workload: Workload, choice: KeyChoice, consistent: bool, limit: int, index: str) -> None:
        super().__init__(workload)
        self._choice = choice
        self._index = index
        self._hash = workload.indexes[index] if index else workload.key_name
        more: dict[str, Any] = {"ConsistentRead": consistent, "KeyConditionExpression": "#hash = :hash", "Limit": limit}
        if index:
            more["IndexName"] = index
        more["ExpressionAttributeNames"] = {"#hash": self._hash}
        self._before = opened(workload.common(**more), "ExpressionAttributeValues")

    def prepare(self, number: int) -> tuple[bytes, None] | None:
        """Return the request of operation ``number``."""
        index = self._choice.index(number)
        if self._hash == self._workload.key_name:
            value = self._workload.keys.hash_json(index).encode()
        else:
            value = encode(self._workload.items.item(index, 0)[self._hash])
        return b'%b{":hash":%b}}' % (self._before, value), None

    def succeeded(self, _work: None, body: bytes) -> Consumed:
        """Read what was consumed, and how many items were found."""
        return read_page(json.loads(body))


class Scan(Read):
    """Reads the table page by page, in so many segments side by side; from the start again after the last page."""

    target = f"{API}.Scan"

    def __init__(self, workload: Workload, name: str, consistent: bool, limit: int, index: str, segments: int) -> None:
        super().__init__(workload)
        self._name = name
        self._segments = segments
        more: dict[str, Any] = {"ConsistentRead": consistent, "Limit": limit, "TotalSegments": segments}
        if index:
            more["IndexName"] = index
        self._before = opened(workload.common(**more), "Segment")
        # Segment -> where its next page begins.
        self._next: dict[int, bytes] = {}

    def prepare(self, number: int) -> tuple[bytes, int] | None:
        """Return the request of operation ``number``."""
        segment = self._workload.mix.before(self._name, number) % self._segments
        start = self._next.get(segment)
        after = b',"ExclusiveStartKey":%b' % start if start else b""
        return b"%b%d%b}" % (self._before, segment, after), segment

    def succeeded(self, segment: int, body: bytes) -> Consumed:
        """Read what was consumed and found, and where the next page begins."""
        document = json.loads(body)
        key = document.get("LastEvaluatedKey")
        if key:
            self._next[segment] = encode(key)
        else:
            self._next.pop(segment, None)
        return read_page(document)


def read_page(document: dict[str, Any]) -> Consumed:
    """Read the answer of a Query or Scan."""
    read, write, indexes = units(document, writes=False)
    count = int(document.get("Count", 0))
    return Consumed(read, write, count, count, 0, indexes)
