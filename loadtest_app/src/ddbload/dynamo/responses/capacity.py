# SPDX-License-Identifier: Apache-2.0
"""What the response of a success reports: capacity units by table and index, items found, items left unprocessed.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ConsumedCapacity.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ddbload.dynamo.responses.documents import Document, object_of, objects_of, read_success, unexpected

# Responses up to this size are remembered with what they report: most puts have the same response, byte for byte.
REMEMBERED_BYTES = 512
REMEMBERED_ANSWERS = 1024
# Far beyond what one request can consume: the largest, 100 items of 400 KB in a transaction, takes 80,000 write units.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_UNITS = 10_000_000
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
LONGEST_INDEX_NAME = 255
CAPACITY = "ConsumedCapacity"


@dataclass(slots=True, eq=False)
class Consumed:
    """What a response reports.

    ``indexes`` holds (name, read units, write units) of each secondary index, ``failed`` (outcome:reason, count) of the
    statements of a batch that failed while others succeeded.

    Nothing changes one: it is not frozen because a frozen class is slower to make.

    Compared by identity: one that is ``remembered`` represents all responses with the same bytes, and is counted, not
    added up.
    """

    read_units: float = 0.0
    write_units: float = 0.0
    found: int = 0
    items: int = 1
    unprocessed: int = 0
    indexes: tuple[tuple[str, float, float], ...] = ()
    remembered: bool = False
    failed: tuple[tuple[str, int], ...] = ()


def units(document: Document, writes: bool) -> tuple[float, float, tuple[tuple[str, float, float], ...]]:
    """Add up a response's ConsumedCapacity: read units, write units, and those of each index.

    Args:
        document: of the response.
        writes: whether units without a kind are write units.

    Raises:
        InvalidAnswer: there are units that DynamoDB would not report.
    """
    reported = document.get(CAPACITY)
    read = write = 0.0
    indexes: dict[str, tuple[float, float]] = {}
    for capacity in objects_of([reported] if isinstance(reported, dict) else reported, CAPACITY):
        more_read, more_write = _split(capacity, writes)
        read, write = read + more_read, write + more_write
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            for name, part in object_of(capacity, kind).items():
                if not isinstance(part, dict) or len(name) > LONGEST_INDEX_NAME:
                    raise unexpected(kind)
                index_read, index_write = _split(part, writes)
                known = indexes.get(name, (0.0, 0.0))
                indexes[name] = (known[0] + index_read, known[1] + index_write)
    return read, write, tuple((name, *both) for name, both in sorted(indexes.items()))


def _split(capacity: Document, writes: bool) -> tuple[float, float]:
    if "ReadCapacityUnits" in capacity or "WriteCapacityUnits" in capacity:
        return _units(capacity.get("ReadCapacityUnits", 0.0)), _units(capacity.get("WriteCapacityUnits", 0.0))
    all_units = _units(capacity.get("CapacityUnits", 0.0))
    return (0.0, all_units) if writes else (all_units, 0.0)


def _units(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MOST_UNITS:
        raise unexpected("CapacityUnits")
    return float(value)


class AnswerReader:
    """Reads responses of one kind of operation, and remembers short ones, which repeat."""

    def __init__(self, writes: bool) -> None:
        self.writes = writes
        # Look here before calling ``read``.
        self.remembered: dict[bytes, Consumed] = {}

    def read(self, body: bytes) -> Consumed:
        """Return what a response reports.

        Raises:
            InvalidAnswer: it is not DynamoDB's.
        """
        document = read_success(body)
        read, write, indexes = units(document, self.writes)
        found = self.found(document)
        remember = len(body) <= REMEMBERED_BYTES and len(self.remembered) < REMEMBERED_ANSWERS
        consumed = Consumed(read, write, found, 1, 0, indexes, remember)
        if remember:
            self.remembered[body] = consumed
        return consumed

    def found(self, document: Document) -> int:
        """Return how many items a response has.

        Raises:
            InvalidAnswer: it is not DynamoDB's.
        """
        return int(bool(object_of(document, "Item")))
