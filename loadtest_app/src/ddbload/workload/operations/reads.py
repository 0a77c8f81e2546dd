# SPDX-License-Identifier: Apache-2.0
"""GetItem, Query and Scan."""

from __future__ import annotations

from typing import Any

from ddbload.dynamo.responses.capacity import AnswerReader, Consumed, units
from ddbload.dynamo.responses.documents import Document, key_of, read_success, unexpected
from ddbload.dynamo.responses.errors import Outcome
from ddbload.dynamo.sign import API
from ddbload.workload.operations.base import KeyChoice, Workload, encode, json_prefix

# A page has 1 MB at most, and an item a byte of key at least.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
MOST_ITEMS = 1_048_576


class Read:
    """A read, of which the journal holds nothing."""

    duplicate_figures: dict[str, int] | None = None

    def __init__(self, workload: Workload) -> None:
        self._workload = workload

    def failed(self, work: Any, outcome: Outcome, uncertain: bool) -> None:
        """Do nothing: nothing was read."""

    def unknown_outcome(self, work: Any) -> None:
        """Do nothing: nothing was written."""


class GetItem(Read):
    """Reads a chosen key."""

    target = f"{API}.GetItem"

    def __init__(self, workload: Workload, choice: KeyChoice, consistent: bool) -> None:
        super().__init__(workload)
        self._choice = choice
        self._answers = AnswerReader(writes=False)
        self._before = json_prefix(workload.common(ConsistentRead=consistent), "Key")

    def prepare(self, number: int) -> tuple[bytes, None] | None:
        """Return the request of operation ``number``."""
        key = self._workload.keys.json(self._choice.index(number))
        return b"%b{%b}}" % (self._before, key.encode()), None

    def succeeded(self, _work: None, body: bytes) -> Consumed:
        """Read the consumed units, and whether the item was found."""
        return self._answers.remembered.get(body) or self._answers.read(body)


class Query(Read):
    """Reads the first page of a chosen partition, of the table or of one of its secondary indexes."""

    target = f"{API}.Query"

    def __init__(self, workload: Workload, choice: KeyChoice, consistent: bool, limit: int, index: str) -> None:
        super().__init__(workload)
        self._choice = choice
        # An index may have several hash keys, and a query has to give a value to each.
        # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html
        self._hashes = tuple(workload.indexes[index]) if index else (workload.key_name,)
        self._aliases = [f"hash{number or ''}" for number in range(len(self._hashes))]
        condition = " AND ".join(f"#{alias} = :{alias}" for alias in self._aliases)
        more: dict[str, Any] = {"ConsistentRead": consistent, "KeyConditionExpression": condition, "Limit": limit}
        if index:
            more["IndexName"] = index
        more["ExpressionAttributeNames"] = {
            f"#{alias}": name for alias, name in zip(self._aliases, self._hashes, strict=True)
        }
        self._before = json_prefix(workload.common(**more), "ExpressionAttributeValues")

    def prepare(self, number: int) -> tuple[bytes, None] | None:
        """Return the request of operation ``number``."""
        index = self._choice.index(number)
        if self._hashes == (self._workload.key_name,):
            return b'%b{":hash":%b}}' % (self._before, self._workload.keys.hash_json(index).encode()), None
        attributes = self._workload.items.key_attributes(index)
        values = {f":{alias}": attributes[name] for alias, name in zip(self._aliases, self._hashes, strict=True)}
        return b"%b%b}" % (self._before, encode(values)), None

    def succeeded(self, _work: None, body: bytes) -> Consumed:
        """Read the consumed units, and the count of items."""
        return read_page(read_success(body))


class Scan(Read):
    """Reads the table page by page, in parallel segments; from the start again after the last page."""

    target = f"{API}.Scan"

    def __init__(self, workload: Workload, name: str, consistent: bool, limit: int, index: str, segments: int) -> None:
        super().__init__(workload)
        self._name = name
        self._segments = segments
        more: dict[str, Any] = {"ConsistentRead": consistent, "Limit": limit, "TotalSegments": segments}
        if index:
            more["IndexName"] = index
        self._before = json_prefix(workload.common(**more), "Segment")
        # Segment -> the start key of its next page.
        self._next: dict[int, bytes] = {}

    def prepare(self, number: int) -> tuple[bytes, int] | None:
        """Return the request of operation ``number``."""
        segment = self._workload.mix.before(self._name, number) % self._segments
        start = self._next.get(segment)
        after = b',"ExclusiveStartKey":%b' % start if start else b""
        return b"%b%d%b}" % (self._before, segment, after), segment

    def succeeded(self, segment: int, body: bytes) -> Consumed:
        """Read the consumed units, the count of items, and the start key of the next page."""
        document = read_success(body)
        consumed, key = read_page(document), key_of(document, "LastEvaluatedKey")
        if key:
            self._next[segment] = encode(key)
        else:
            self._next.pop(segment, None)
        return consumed


def read_page(document: Document) -> Consumed:
    """Read the response of a Query or Scan.

    Raises:
        InvalidAnswer: it is not DynamoDB's, which always counts the items.
    """
    read, write, indexes = units(document, writes=False)
    count = document.get("Count")
    if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST_ITEMS:
        raise unexpected("Count")
    return Consumed(read, write, count, count, 0, indexes)
