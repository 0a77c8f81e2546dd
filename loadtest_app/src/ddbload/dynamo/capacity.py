# SPDX-License-Identifier: Apache-2.0
"""What the answer of a success tells: capacity units by table and index, items found, items left unprocessed.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ConsumedCapacity.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

# Answers up to so many bytes are remembered with what they told: most puts are answered with the same bytes.
REMEMBERED_BYTES = 512
REMEMBERED_ANSWERS = 1024


@dataclass(frozen=True, slots=True, eq=False)
class Consumed:
    """What an answer tells; ``indexes`` holds (name, read units, write units) of each secondary index.

    Compared by identity: one that is ``remembered`` stands for all answers with the same bytes, and is counted instead
    of being added up.
    """

    read_units: float = 0.0
    write_units: float = 0.0
    found: int = 0
    items: int = 1
    unprocessed: int = 0
    indexes: tuple[tuple[str, float, float], ...] = ()
    remembered: bool = False


def units(document: dict[str, Any], writes: bool) -> tuple[float, float, tuple[tuple[str, float, float], ...]]:
    """Add up an answer's ConsumedCapacity: read units, write units, and those of each index.

    Args:
        document: the answer.
        writes: whether units that are not told apart are write units.
    """
    told = document.get("ConsumedCapacity") or []
    read = write = 0.0
    indexes: dict[str, tuple[float, float]] = {}
    for capacity in told if isinstance(told, list) else [told]:
        more_read, more_write = _split(capacity, writes)
        read, write = read + more_read, write + more_write
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            for name, part in (capacity.get(kind) or {}).items():
                index_read, index_write = _split(part, writes)
                known = indexes.get(name, (0.0, 0.0))
                indexes[name] = (known[0] + index_read, known[1] + index_write)
    return read, write, tuple((name, *both) for name, both in sorted(indexes.items()))


def _split(capacity: dict[str, Any], writes: bool) -> tuple[float, float]:
    if "ReadCapacityUnits" in capacity or "WriteCapacityUnits" in capacity:
        return float(capacity.get("ReadCapacityUnits", 0.0)), float(capacity.get("WriteCapacityUnits", 0.0))
    all_units = float(capacity.get("CapacityUnits", 0.0))
    return (0.0, all_units) if writes else (all_units, 0.0)


class AnswerReader:
    """Reads answers of one kind of operation, and remembers short ones that come again and again."""

    def __init__(self, writes: bool) -> None:
        self.writes = writes
        # To be looked into before ``read`` is called.
        self.remembered: dict[bytes, Consumed] = {}

    def read(self, body: bytes) -> Consumed:
        """Return what an answer tells."""
        document = json.loads(body)
        read, write, indexes = units(document, self.writes)
        remember = len(body) <= REMEMBERED_BYTES and len(self.remembered) < REMEMBERED_ANSWERS
        consumed = Consumed(read, write, int(bool(document.get("Item"))), 1, 0, indexes, remember)
        if remember:
            self.remembered[body] = consumed
        return consumed
