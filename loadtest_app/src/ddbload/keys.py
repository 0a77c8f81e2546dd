# SPDX-License-Identifier: Apache-2.0
"""Keys as pure functions of an index, in whatever schema the table has."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

MASK = (1 << 64) - 1
# Indexes are below this: what twelve digits hold.
INDEXES = 10**12
TWELVE_DIGITS = re.compile("[0-9]{12}")


def splitmix64(value: int) -> int:
    """Mix 64 bits well: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


@dataclass(frozen=True)
class KeyAttribute:
    """One attribute of the primary key of a table or an index; type S, N or B."""

    name: str
    type: str

    def __post_init__(self) -> None:
        if self.type not in ("S", "N", "B"):
            raise ValueError(f"key attribute {self.name} has type {self.type}, which is none of S, N, B")


class KeySpace:
    """The keys of a run: from index 0, 1, 2, ... below 10**12 to primary keys and back.

    The hash value comes from ``index // per_partition``, the range value from ``index % per_partition``.

    Args:
        schema: the hash attribute, then the range attribute if the table has one.
        prefix: what values of type S and B begin with.
        per_partition: how many items share a hash value.

    Raises:
        ValueError: the schema has no attribute or more than two, or cannot have that many items per partition.
    """

    def __init__(self, schema: Sequence[KeyAttribute], prefix: str, per_partition: int = 1) -> None:
        if not 1 <= len(schema) <= 2:
            raise ValueError(f"a primary key has one attribute or two, not {len(schema)}")
        if per_partition < 1:
            raise ValueError(f"{per_partition} items per partition: at least 1 is needed")
        if per_partition > 1 and len(schema) == 1:
            raise ValueError(f"{per_partition} items per partition: the table has no range key to tell them apart")
        self.schema = list(schema)
        self.prefix = prefix
        self.per_partition = per_partition
        self._hash_template, self._hash_argument = self._template(self.schema[0])
        self._members = f"{_literal(self.schema[0].name)}:{self._hash_template}"
        for attribute in self.schema[1:]:
            template, self._range_argument = self._template(attribute)
            if per_partition == 1:
                template = (template % self._range_argument(0)).replace("%", "%%")
            self._members += f",{_literal(attribute.name)}:{template}"
        # The members of a key's JSON with one place, for its index; None where more than the index goes in.
        is_plain = per_partition == 1 and self.schema[0].type != "B"
        self.template = self._members.encode() if is_plain else None

    def value(self, attribute: KeyAttribute, number: int) -> str:
        """Return a key attribute's value for a number as DynamoDB's JSON carries it."""
        if attribute.type == "N":
            return str(number)
        text = f"{self.prefix}#{number:012d}"
        return text if attribute.type == "S" else base64.b64encode(text.encode()).decode()

    def key(self, index: int) -> dict[str, dict[str, str]]:
        """Return the primary key at an index, in DynamoDB's JSON."""
        numbers = divmod(index, self.per_partition)
        return {
            attribute.name: {attribute.type: self.value(attribute, number)}
            for attribute, number in zip(self.schema, numbers, strict=False)
        }

    def json(self, index: int) -> str:
        """Return what stands between the braces of ``key(index)`` in JSON, faster than by encoding it."""
        if self.per_partition == 1:
            return self._members % self._hash_argument(index)
        number, place = divmod(index, self.per_partition)
        return self._members % (self._hash_argument(number), self._range_argument(place))

    def hash_json(self, index: int) -> str:
        """Return the hash attribute's typed value at an index in JSON, such as ``{"S":"p#000000000001"}``."""
        return self._hash_template % self._hash_argument(index // self.per_partition)

    def index_of(self, item: Mapping[str, Any]) -> int | None:
        """Return the index whose key an item has.

        Args:
            item: an item or a key in DynamoDB's JSON, whoever wrote it.

        Returns:
            The index, or None where the key is none of this key space.
        """
        numbers = []
        for attribute in self.schema:
            typed = item.get(attribute.name)
            value = typed.get(attribute.type) if isinstance(typed, Mapping) else None
            number = self._number(attribute, value) if isinstance(value, str) else None
            if number is None:
                return None
            numbers.append(number)
        if len(numbers) == 1:
            return numbers[0]
        index = numbers[0] * self.per_partition + numbers[1]
        return index if numbers[1] < self.per_partition and index < INDEXES else None

    def _number(self, attribute: KeyAttribute, value: str) -> int | None:
        """Undo ``value``; DynamoDB may write a number in another way than we do."""
        if attribute.type == "N":
            try:
                number = Decimal(value)
            except InvalidOperation:
                return None
            # The bound comes first: a huge exponent must not become a huge integer.
            known = number.is_finite() and 0 <= number < INDEXES and number == int(number)
            return int(number) if known else None
        if attribute.type == "B":
            try:
                value = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return None
        digits = value.removeprefix(f"{self.prefix}#")
        return int(digits) if digits != value and TWELVE_DIGITS.fullmatch(digits) else None

    def _template(self, attribute: KeyAttribute) -> tuple[str, Callable[[int], int | str]]:
        """Return an attribute's typed value with one place for ``%``, and what makes a number the argument of it."""
        if attribute.type == "N":
            return '{"N":"%d"}', int
        if attribute.type == "S":
            return f'{{"S":{_literal(self.prefix)[:-1]}#%012d"}}', int
        return '{"B":"%s"}', lambda number: self.value(attribute, number)


def _literal(text: str) -> str:
    """Return a text as a JSON string that ``%`` leaves alone."""
    return json.dumps(text).replace("%", "%%")
