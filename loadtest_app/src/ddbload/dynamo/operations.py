# SPDX-License-Identifier: Apache-2.0
"""DynamoDB's operations: what is sent for operation number n, and what its answer tells.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple, Protocol

from ddbload.dynamo.endpoint import API
from ddbload.items import ItemFactory
from ddbload.keys import KeySpace, uniform
from ddbload.plan import Mix
from ddbload.scenario import Scenario

UNITS = re.compile(rb'"CapacityUnits"\s*:\s*([0-9.]+)')
FOUND = re.compile(rb'"Item"\s*:\s*\{')


class Consumed(NamedTuple):
    """What an answer says of capacity, and whether an item was found."""

    read_units: float
    write_units: float
    found: bool


class Operation(Protocol):
    """One kind of operation."""

    target: str

    def body(self, number: int) -> bytes:
        """Return the request of operation ``number``."""

    def consumed(self, body: bytes) -> Consumed:
        """Read the answer of a success."""


class PutItem:
    """Writes the keys 0, 1, 2, ... in the order of the puts, modulo the number of keys."""

    target = f"{API}.PutItem"

    def __init__(self, scenario: Scenario, mix: Mix, items: ItemFactory) -> None:
        self._mix = mix
        self._items = items
        self._count = scenario.keys.count
        self._before = _encode({"TableName": scenario.table, "ReturnConsumedCapacity": "TOTAL"})[:-1] + b',"Item":'

    def body(self, number: int) -> bytes:
        """Return the request of operation ``number``."""
        index = self._mix.before("put", number) % self._count
        return b"%b%b}" % (self._before, self._items.json(index))

    def consumed(self, body: bytes) -> Consumed:
        """Read the answer of a success."""
        return Consumed(0.0, _units(body), False)


class GetItem:
    """Reads uniformly among the keys that puts before it wrote; among all keys where the mix has no put."""

    target = f"{API}.GetItem"

    def __init__(self, scenario: Scenario, mix: Mix, keys: KeySpace) -> None:
        self._mix = mix
        self._keys = keys
        self._seed = scenario.seed
        self._count = scenario.keys.count
        document = {
            "TableName": scenario.table,
            "ReturnConsumedCapacity": "TOTAL",
            "ConsistentRead": scenario.consistent_read,
        }
        self._before = _encode(document)[:-1] + b',"Key":'

    def body(self, number: int) -> bytes:
        """Return the request of operation ``number``."""
        written = self._mix.before("put", number)
        count = min(max(written, 1), self._count) if "put" in self._mix.weights else self._count
        return b"%b{%b}}" % (self._before, self._keys.json(uniform(self._seed, number, count)).encode())

    def consumed(self, body: bytes) -> Consumed:
        """Read the answer of a success."""
        return Consumed(_units(body), 0.0, FOUND.search(body) is not None)


def build(scenario: Scenario, mix: Mix, keys: KeySpace, run_id: str) -> dict[str, Operation]:
    """Build the operations of a mix, by name.

    Raises:
        ValueError: the items do not fit the table's key or the scenario's size.
    """
    operations: dict[str, Operation] = {}
    if "put" in mix.weights:
        operations["put"] = PutItem(scenario, mix, ItemFactory(keys, scenario.item.size, scenario.seed, run_id))
    if "get" in mix.weights:
        operations["get"] = GetItem(scenario, mix, keys)
    return operations


def _encode(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _units(body: bytes) -> float:
    match = UNITS.search(body)
    return float(match[1]) if match else 0.0
