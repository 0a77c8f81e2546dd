# SPDX-License-Identifier: Apache-2.0
"""Items as pure functions of seed and index: any worker can compute any item again."""

from __future__ import annotations

import base64
import json
import random
import string
from typing import Any

from ddbload.keys import KeySpace, splitmix64

ALPHABET = string.ascii_letters + string.digits
RUN_ATTRIBUTE = "run"
DATA_ATTRIBUTE = "data"
# Where an item's data may begin in the common text.
OFFSETS = 4096

DynamoDbItem = dict[str, dict[str, Any]]


def attribute_bytes(name: str, type_: str, value: str) -> int:
    """Return an attribute's size in bytes as DynamoDB counts it, name included.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    size = len(name.encode())
    if type_ == "N":
        digits = value.lstrip("-").replace(".", "").strip("0") or "0"
        return size + (len(digits) + 1) // 2 + 1
    return size + (len(base64.b64decode(value)) if type_ == "B" else len(value.encode()))


def item_bytes(item: DynamoDbItem) -> int:
    """Return an item's size in bytes as DynamoDB counts it."""
    return sum(attribute_bytes(name, type_, value) for name, typed in item.items() for type_, value in typed.items())


class ItemFactory:
    """Items of one size: the key, the run that wrote it, and data that differs from key to key."""

    def __init__(self, keys: KeySpace, size: int, seed: int, run_id: str) -> None:
        self.keys = keys
        self.size = size
        self.run_id = run_id
        taken = {attribute.name for attribute in keys.schema} & {RUN_ATTRIBUTE, DATA_ATTRIBUTE}
        if taken:
            raise ValueError(f"the table's key attribute {taken.pop()} has the name of one of ddbload's own attributes")
        self._text = "".join(random.Random(seed).choices(ALPHABET, k=size + OFFSETS))
        self._mixed_seed = splitmix64(seed)
        smallest = self.smallest()
        if size < smallest:
            raise ValueError(f"item.size: {size} bytes are too few for key and run id, which take {smallest}")
        # What the data may take up; only a number among the keys changes its size with the index.
        self._room = size - item_bytes(self._without_data(0)) - len(DATA_ATTRIBUTE)
        self._number_name = keys.schema[0].name if keys.schema[0].type == "N" else None
        self._between = f',"{RUN_ATTRIBUTE}":{{"S":{json.dumps(run_id)}}},"{DATA_ATTRIBUTE}":{{"S":"'

    def smallest(self) -> int:
        """Return the smallest size that an item with this key and run id can have, in bytes."""
        widest = 10**12 - 1
        return item_bytes(self._without_data(widest)) + len(DATA_ATTRIBUTE) + 1

    def data(self, index: int, length: int) -> str:
        """Return the data of the item at an index: the index, and text from a place that depends on it.

        It differs from index to index wherever the length leaves room for the index.
        """
        offset = splitmix64(self._mixed_seed ^ ~index) % OFFSETS
        return f"{index}:{self._text[offset : offset + length]}"[:length]

    def item(self, index: int) -> DynamoDbItem:
        """Return the item at an index, exactly ``size`` bytes of it."""
        item = self._without_data(index)
        item[DATA_ATTRIBUTE] = {"S": self.data(index, self.size - item_bytes(item) - len(DATA_ATTRIBUTE))}
        return item

    def json(self, index: int) -> bytes:
        """Return ``item(index)`` as JSON, put together from prepared parts instead of encoded."""
        room = self._room
        if name := self._number_name:
            room -= attribute_bytes(name, "N", str(index)) - attribute_bytes(name, "N", "0")
        return f'{{{self.keys.json(index)}{self._between}{self.data(index, room)}"}}}}'.encode()

    def _without_data(self, index: int) -> DynamoDbItem:
        return self.keys.key(index) | {RUN_ATTRIBUTE: {"S": self.run_id}}
