# SPDX-License-Identifier: Apache-2.0
"""Keys as pure functions of an index, in whatever schema the table has; and the choice of an index."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass

MASK = (1 << 64) - 1


def splitmix64(value: int) -> int:
    """Mix 64 bits well: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def uniform(seed: int, number: int, count: int) -> int:
    """Choose one of ``count`` indexes for operation ``number``, each with the same chance."""
    return splitmix64(splitmix64(seed) ^ number) % count


@dataclass(frozen=True)
class KeyAttribute:
    """One attribute of the table's primary key; type S, N or B."""

    name: str
    type: str


class KeySpace:
    """The keys of a run: hash key from the index, range key (if there is one) the same for all."""

    def __init__(self, schema: Sequence[KeyAttribute], prefix: str) -> None:
        self.schema = list(schema)
        self.prefix = prefix
        for attribute in self.schema:
            if attribute.type not in ("S", "N", "B"):
                raise ValueError(f"key attribute {attribute.name} has type {attribute.type}, which is none of S, N, B")
        hash_key, *others = self.schema
        self._before = f'{json.dumps(hash_key.name)}:{{"{hash_key.type}":"'
        self._after = '"}' + "".join(
            f',{json.dumps(other.name)}:{{"{other.type}":{json.dumps(self.value(other, 0))}}}' for other in others
        )
        self._escaped_prefix = json.dumps(prefix)[1:-1]

    def value(self, attribute: KeyAttribute, index: int) -> str:
        """Return a key attribute's value as DynamoDB's JSON carries it."""
        if attribute.type == "N":
            return str(index)
        text = f"{self.prefix}#{index:012d}"
        return text if attribute.type == "S" else base64.b64encode(text.encode()).decode()

    def key(self, index: int) -> dict[str, dict[str, str]]:
        """Return the primary key at an index, in DynamoDB's JSON."""
        return {
            attribute.name: {attribute.type: self.value(attribute, index if place == 0 else 0)}
            for place, attribute in enumerate(self.schema)
        }

    def json(self, index: int) -> str:
        """Return what stands between the braces of ``key(index)`` in JSON, faster than by encoding it."""
        if self.schema[0].type == "S":
            return f"{self._before}{self._escaped_prefix}#{index:012d}{self._after}"
        return f"{self._before}{self.value(self.schema[0], index)}{self._after}"
