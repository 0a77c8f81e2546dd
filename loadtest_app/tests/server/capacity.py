# SPDX-License-Identifier: Apache-2.0
"""Capacity units, and ConsumedCapacity of responses.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

WRITE_UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
# Transactions prepare and commit: each item costs twice.
TRANSACTION = 2


def write_units(size: int) -> float:
    """Return the write units of an item's size in bytes."""
    return float(max(1, math.ceil(size / WRITE_UNIT_BYTES)))


def read_units(size: int, consistent: bool) -> float:
    """Return the read units of an item's size in bytes: half of them for an eventually consistent read."""
    return max(1, math.ceil(size / READ_UNIT_BYTES)) * (1.0 if consistent else 0.5)


@dataclass
class Consumed:
    """What a request consumed, of the table and of its indexes."""

    table: float = 0.0
    indexes: dict[str, float] = field(default_factory=dict)

    def add(self, other: Consumed) -> None:
        """Add what another part of the request consumed."""
        self.table += other.table
        for name, units in other.indexes.items():
            self.indexes[name] = self.indexes.get(name, 0.0) + units

    def document(self, table: str, detail: str, kind: str = "") -> dict[str, Any]:
        """Return the units as ConsumedCapacity of a response.

        Args:
            table: the table's name.
            detail: of the request's ReturnConsumedCapacity, TOTAL or INDEXES.
            kind: Read or Write in responses of transactions, which have these units in addition to the total.
        """
        units = self.table + sum(self.indexes.values())
        document: dict[str, Any] = {"TableName": table, "CapacityUnits": units}
        if kind:
            document[f"{kind}CapacityUnits"] = units
        if detail == "INDEXES":
            document["Table"] = _part(self.table, kind)
            if self.indexes:
                document["GlobalSecondaryIndexes"] = {name: _part(part, kind) for name, part in self.indexes.items()}
        return document


def _part(units: float, kind: str) -> dict[str, float]:
    # Only the parts of writes have the units twice.
    return {"CapacityUnits": units} | ({"WriteCapacityUnits": units} if kind == "Write" else {})
