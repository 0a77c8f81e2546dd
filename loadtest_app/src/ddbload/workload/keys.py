# SPDX-License-Identifier: Apache-2.0
"""Keys as pure functions of an index, for any key schema."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from ddbload.dynamo.table import KeyAttribute

MASK = (1 << 64) - 1
# Indexes are below this: what twelve digits hold.
INDEXES = 10**12
TWELVE_DIGITS = re.compile("[0-9]{12}")
# A run's own numbers have 36 digits: DynamoDB keeps 38, and an application's ids have up to 20 (64 bits).
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
LOWEST_RANGE = 10**23
RANGES = 9 * LOWEST_RANGE


def splitmix64(value: int) -> int:
    """Mix 64 bits well: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014)."""
    value = (value + 0x9E3779B97F4A7C15) & MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


def own_first(prefix: str) -> int:
    """Return the first number of a prefix: 10**35 to below 10**36, a multiple of 10**12.

    Each prefix has one of 9 * 10**23 ranges that do not overlap, by its SHA-256: two prefixes share one with a chance
    of about 10**-24, any two of a million prefixes with one of 6 * 10**-13.
    """
    digest = int.from_bytes(hashlib.sha256(prefix.encode()).digest(), "big")
    return (LOWEST_RANGE + digest % RANGES) * INDEXES


class KeySpace:
    """The keys of a run: from index 0, 1, 2, ... below 10**12 to primary keys and back.

    The hash value comes from ``index // per_partition``, the range value from ``index % per_partition``. A range value
    stands under a hash value of this key space, and so may be a small number.

    Args:
        schema: the hash attribute, then the range attribute if the table has one.
        prefix: start of values of type S and B; a hash attribute's numbers start at a number derived from it.
        per_partition: how many items share a hash value.
        first: the hash attribute's first number, instead of the prefix's own.

    Raises:
        ValueError: the schema has no attribute or more than two, cannot have that many items per partition, or has no
            number that could begin with ``first``.
    """

    def __init__(
        self, schema: Sequence[KeyAttribute], prefix: str, per_partition: int = 1, first: int | None = None
    ) -> None:
        if not 1 <= len(schema) <= 2:
            raise ValueError(f"a primary key has one attribute or two, not {len(schema)}")
        if per_partition < 1:
            raise ValueError(f"{per_partition} items per partition: at least 1 is needed")
        if per_partition > 1 and len(schema) == 1:
            raise ValueError(f"{per_partition} items per partition: the table has no range key to tell them apart")
        if first is not None and schema[0].type != "N":
            raise ValueError(
                f"keys.first: is for a partition key of type N, {schema[0].name} is of type {schema[0].type}: "
                "leave it out, and set keys.prefix"
            )
        self.schema = list(schema)
        self.prefix = prefix
        self.per_partition = per_partition
        # What is added to a number to make the value of a hash attribute of type N.
        self.first = own_first(prefix) if first is None else first
        self._hash_template, self._hash_argument = self._template(self.schema[0], self.first)
        self._members = f"{_literal(self.schema[0].name)}:{self._hash_template}"
        self._values = self._hash_template
        for attribute in self.schema[1:]:
            template, self._range_argument = self._template(attribute, 0)
            if per_partition == 1:
                template = (template % self._range_argument(0)).replace("%", "%%")
            self._members += f",{_literal(attribute.name)}:{template}"
            self._values += f",{template}"
        # The members of a key's JSON with one placeholder, for its index; None where it needs more than the index.
        is_plain = per_partition == 1 and self.schema[0].type == "S"
        self.template = self._members.encode() if is_plain else None

    def numbers(self, index: int) -> tuple[int, int]:
        """Return what key attributes of type N hold at an index: as the hash attribute, and as the range attribute."""
        partition, item = divmod(index, self.per_partition)
        return self.first + partition, item

    def key(self, index: int) -> dict[str, dict[str, str]]:
        """Return the primary key at an index, in DynamoDB's JSON."""
        parts, firsts = divmod(index, self.per_partition), (self.first, 0)
        return {
            attribute.name: {
                attribute.type: str(first + part) if attribute.type == "N" else self._text(attribute, part)
            }
            for attribute, part, first in zip(self.schema, parts, firsts, strict=False)
        }

    def json(self, index: int) -> str:
        """Return the members of ``key(index)`` in JSON, faster than by encoding it."""
        if self.per_partition == 1:
            return self._members % self._hash_argument(index)
        partition, item = divmod(index, self.per_partition)
        return self._members % (self._hash_argument(partition), self._range_argument(item))

    def values_json(self, index: int) -> str:
        """Return the typed values of ``key(index)`` in JSON, in the schema's order, with commas in between."""
        if self.per_partition == 1:
            return self._values % self._hash_argument(index)
        partition, item = divmod(index, self.per_partition)
        return self._values % (self._hash_argument(partition), self._range_argument(item))

    def hash_json(self, index: int) -> str:
        """Return the hash attribute's typed value at an index in JSON, for example ``{"S":"p#000000000001"}``."""
        return self._hash_template % self._hash_argument(index // self.per_partition)

    def index_of(self, item: Mapping[str, Any]) -> int | None:
        """Return the index whose key an item has.

        Args:
            item: an item or a key in DynamoDB's JSON, of any writer.

        Returns:
            The index, or None where the key is none of this key space.
        """
        numbers = []
        for attribute, first in zip(self.schema, (self.first, 0), strict=False):
            typed = item.get(attribute.name)
            value = typed.get(attribute.type) if isinstance(typed, Mapping) else None
            number = self._number(attribute, value, first) if isinstance(value, str) else None
            if number is None:
                return None
            numbers.append(number)
        if len(numbers) == 1:
            return numbers[0]
        index = numbers[0] * self.per_partition + numbers[1]
        return index if numbers[1] < self.per_partition and index < INDEXES else None

    def _text(self, attribute: KeyAttribute, number: int) -> str:
        """Return the value of a key attribute of type S or B as DynamoDB's JSON carries it."""
        text = f"{self.prefix}#{number:012d}"
        return text if attribute.type == "S" else base64.b64encode(text.encode()).decode()

    def _number(self, attribute: KeyAttribute, value: str, first: int) -> int | None:
        """Undo a key attribute's value; DynamoDB may write a number in another form."""
        if attribute.type == "N":
            try:
                number = Decimal(value)
            except InvalidOperation:
                return None
            # The bound comes first: a huge exponent must not become a huge integer. Comparing is exact, adding is not.
            known = number.is_finite() and first <= number < first + INDEXES and number == int(number)
            return int(number) - first if known else None
        if attribute.type == "B":
            try:
                value = base64.b64decode(value, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                return None
        digits = value.removeprefix(f"{self.prefix}#")
        return int(digits) if digits != value and TWELVE_DIGITS.fullmatch(digits) else None

    def _template(self, attribute: KeyAttribute, first: int) -> tuple[str, Callable[[int], int | str]]:
        """Return an attribute's typed value as a template, and a function from a number to its argument."""
        if attribute.type == "N":
            return '{"N":"%d"}', first.__add__
        if attribute.type == "S":
            return f'{{"S":{_literal(self.prefix)[:-1]}#%012d"}}', int
        return '{"B":"%s"}', lambda number: self._text(attribute, number)


def _literal(text: str) -> str:
    """Return a text as a JSON string that ``%`` leaves alone."""
    return json.dumps(text).replace("%", "%%")
