# SPDX-License-Identifier: Apache-2.0
"""Items as pure functions of seed, index and version: any worker can compute any item again."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from ddbload.dynamo.table import KeyAttribute
from ddbload.workload.keys import INDEXES, KeySpace, splitmix64
from ddbload.workload.sizes import Sizes

# What an item's own attributes are called where no key of the table or of an index has the name.
RUN_ATTRIBUTE = "run"
VERSION_ATTRIBUTE = "seq"
DATA_ATTRIBUTE = "data"
# The attribute on which the table's time to live is, which has no other name.
EXPIRY_ATTRIBUTE = "expires_at"
# Stands before a name that a key has.
OWN = "ddbload_"
# How many values an attribute of a secondary index has.
INDEX_VALUES = 10_000
# All values of a type take the same number of bytes: a number's first and last digit are none that DynamoDB drops, and
# four digits are base64 of three bytes.
INDEX_VALUE = {"S": "%04d", "N": "1%04d1", "B": "%04d"}
# Offsets in the common text at which an item's data may start; a power of two.
OFFSETS = 1 << 16
LAST_OFFSET = OFFSETS - 1
# Odd, so that as many neighbouring indexes as there are offsets start at different offsets. The versions' one is even:
# their sum is odd again, for the runs in which the version grows with the index.
INDEX_STEP = 0x9E3779B97F4A7C15
VERSION_STEP = 0xBF58476D1CE4E5BA
# 64 characters, a divisor of the 256 values of a byte, so that each comes as often.
ALPHABET = (string.ascii_letters + string.digits + "-_").encode()

DynamoDbItem = dict[str, dict[str, Any]]


def attribute_bytes(name: str, type_: str, value: str) -> int:
    """Return an attribute's size in bytes as DynamoDB counts it, name included.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    size = len(name.encode())
    if type_ == "N":
        return size + number_bytes(value)
    return size + (len(base64.b64decode(value)) if type_ == "B" else len(value.encode()))


def number_bytes(value: str) -> int:
    """Return a number's size in bytes as DynamoDB counts it: one for two digits, and one more."""
    digits = value.lstrip("-").replace(".", "").strip("0") or "0"
    return (len(digits) + 1) // 2 + 1


def item_bytes(item: DynamoDbItem) -> int:
    """Return the size in bytes, as DynamoDB counts it, of an item whose attributes are of the types S, N and B."""
    return sum(attribute_bytes(name, type_, value) for name, typed in item.items() for type_, value in typed.items())


class Names(NamedTuple):
    """What the attributes of an item are called that are no key: its run, its version and its data."""

    run: str = RUN_ATTRIBUTE
    version: str = VERSION_ATTRIBUTE
    data: str = DATA_ATTRIBUTE

    @classmethod
    def beside(cls, keys: Collection[str]) -> Names:
        """Return names that no key attribute has; the same names for the same keys."""
        return cls(*(_free(name, keys) for name in cls()))


def _free(name: str, taken: Collection[str]) -> str:
    while name in taken:
        name = OWN + name
    return name


class _Member(NamedTuple):
    """An attribute that is no key: its name, its alias in expressions, its type, its template of a value."""

    name: str
    alias: str
    type: str
    template: str


class ItemFactory:
    """The items of a run: key, run, version, attributes of secondary indexes, and data up to a size.

    Args:
        keys: the primary keys.
        sizes: how many bytes a version of an item has.
        seed: of the data and of the index attributes' values.
        run_id: the value of the attribute ``run``.
        index_attributes: key attributes of secondary indexes that are no part of the primary key.
        expires_at: when the items expire, in epoch seconds, for a table with time to live on ``expires_at``.

    Attributes:
        names: of the attributes that are no key.
        attributes: the names of all attributes outside the primary key, in the order of ``parameters_json``.

    Raises:
        ValueError: two attributes have the same name, or the smallest size has no room for what is in every item.
    """

    def __init__(
        self,
        keys: KeySpace,
        sizes: Sizes,
        seed: int,
        run_id: str,
        index_attributes: Sequence[KeyAttribute] = (),
        expires_at: int | None = None,
    ) -> None:
        self.keys = keys
        self.sizes = sizes
        self.run_id = run_id
        self.expires_at = expires_at
        self.index_attributes = list(dict.fromkeys(index_attributes))
        self._refuse_clashes()
        self.names = Names.beside({attribute.name for attribute in (*keys.schema, *self.index_attributes)})
        self._mixed_seed = splitmix64(seed)
        length = OFFSETS + sizes.largest
        self._text = random.Random(seed).randbytes(length).translate(ALPHABET * (256 // len(ALPHABET)))
        self._numbers = [part for part, attribute in enumerate(keys.schema) if attribute.type == "N"]
        if keys.per_partition == 1 and 1 in self._numbers:
            self._numbers.remove(1)
        # Only numbers among the keys change their size with the index.
        self._constant = item_bytes(self._without_data(0, 0)) + len(self.names.data) - self._number_room(0)
        smallest = self.smallest()
        if sizes.smallest < smallest:
            raise ValueError(
                f"item.size: {sizes.smallest} bytes are too few for key, run id and version, which take {smallest}"
            )
        self._fixed_room = sizes.largest - self._constant if sizes.smallest == sizes.largest else None
        members = self._members()
        self._put = b"{%%b,%b}" % _template({member.name: member for member in members})
        self._values = _template({f":{member.alias}": member for member in members})
        self._parameters = b",".join(_encode({member.type: member.template}) for member in members)
        self.attributes = tuple(member.name for member in members)
        self.update_expression = "SET " + ", ".join(f"#{member.alias} = :{member.alias}" for member in members)
        self.names_json = _encode({f"#{member.alias}": member.name for member in members})

    def expiring(self, expires_at: int) -> ItemFactory:
        """Return the factory of the same items with another time to live."""
        other = copy(self)
        other.expires_at = expires_at
        return other

    def smallest(self) -> int:
        """Return the smallest size that all items of this run can have, in bytes, with one byte of data."""
        # The most digits that a number can have, none of which DynamoDB drops.
        longest = [len(str(number)) for number in (self.keys.first + INDEXES - 1, INDEXES - 1)]
        return self._constant + sum(number_bytes("1" * longest[part]) for part in self._numbers) + 1

    def item(self, index: int, version: int) -> DynamoDbItem:
        """Return a version of the item at an index, exactly ``sizes.size(index, version)`` bytes of it."""
        item = self._without_data(index, version)
        room = self.sizes.size(index, version) - item_bytes(item) - len(self.names.data)
        item[self.names.data] = {"S": self._data(index, version, room).decode()}
        return item

    def key_attributes(self, index: int) -> DynamoDbItem:
        """Return the attributes of the item at an index that are keys of the table or of a secondary index."""
        return self.keys.key(index) | self._indexed(index)

    def json(self, index: int, version: int) -> bytes:
        """Return ``item(index, version)`` as JSON, put together from prepared parts instead of encoded."""
        room = self._fixed_room
        if room is None or self._numbers:
            room = self._room(index, version)
        # The hot path: as in _data, without the call.
        start = (index * INDEX_STEP + version * VERSION_STEP) & LAST_OFFSET
        data = self._text[start : start + room]
        key = self.keys.json(index).encode()
        if self.index_attributes:
            return self._put % (key, version, *self._index_values(index), data)
        return self._put % (key, version, data)

    def writer(self, before: bytes = b"", after: bytes = b"") -> Callable[[int, int], bytes]:
        """Return a function of index and version that gives ``before``, ``json(index, version)`` and ``after``.

        For the hot path: most items are made by one formatting.
        """
        room, text, key = self._fixed_room, self._text, self.keys.template
        if room is None or key is None or self._numbers or self.index_attributes:
            return lambda index, version: b"%b%b%b" % (before, self.json(index, version), after)
        fixed = [part.replace(b"%", b"%%") for part in (before, after)]
        template = self._put.replace(b"%b", key, 1).join(fixed)

        def write(index: int, version: int) -> bytes:
            start = (index * INDEX_STEP + version * VERSION_STEP) & LAST_OFFSET
            return template % (index, version, text[start : start + room])

        return write

    def values_json(self, index: int, version: int) -> bytes:
        """Return the members of ExpressionAttributeValues with which ``update_expression`` makes ``item``."""
        data = self._data(index, version, self._room(index, version))
        return self._values % (version, *self._index_values(index), data)

    def parameters_json(self, index: int, version: int) -> bytes:
        """Return the typed values of ``attributes`` in JSON: ``{"S":"a-run"},{"S":"000000000007"},{"S":"..."}``."""
        data = self._data(index, version, self._room(index, version))
        return self._parameters % (version, *self._index_values(index), data)

    def matches(self, item: Mapping[str, Any], index: int, version: int) -> bool:
        """Return whether an item is this version of the one at an index: the same attributes, types and values.

        Numbers are compared as numbers, since DynamoDB writes them in a form of its own.
        """
        expected = self.item(index, version)
        return item == expected or (
            item.keys() == expected.keys() and all(_same(item[name], typed) for name, typed in expected.items())
        )

    def _data(self, index: int, version: int, length: int) -> bytes:
        start = (index * INDEX_STEP + version * VERSION_STEP) & LAST_OFFSET
        return self._text[start : start + length]

    def _room(self, index: int, version: int) -> int:
        """Return how many bytes the data of an item take."""
        return self.sizes.size(index, version) - self._constant - (self._number_room(index) if self._numbers else 0)

    def _number_room(self, index: int) -> int:
        """Return how many bytes the numbers among the keys take at an index, where the index changes that."""
        numbers = self.keys.numbers(index)
        return sum(number_bytes(str(numbers[part])) for part in self._numbers)

    def _index_values(self, index: int) -> list[int]:
        mixed = self._mixed_seed ^ index
        return [splitmix64(mixed + (number << 48)) % INDEX_VALUES for number in range(len(self.index_attributes))]

    def _without_data(self, index: int, version: int) -> DynamoDbItem:
        item: DynamoDbItem = self.keys.key(index) | {
            self.names.run: {"S": self.run_id},
            self.names.version: {"S": f"{version:012d}"},
        }
        if self.expires_at is not None:
            item[EXPIRY_ATTRIBUTE] = {"N": str(self.expires_at)}
        return item | self._indexed(index)

    def _indexed(self, index: int) -> DynamoDbItem:
        values = zip(self.index_attributes, self._index_values(index), strict=True)
        return {attribute.name: {attribute.type: INDEX_VALUE[attribute.type] % number} for attribute, number in values}

    def _members(self) -> list[_Member]:
        """Return the attributes that are no key, in their order in the item."""
        members = [
            _Member(self.names.run, "run", "S", self.run_id.replace("%", "%%")),
            _Member(self.names.version, "seq", "S", "%012d"),
        ]
        if self.expires_at is not None:
            members.append(_Member(EXPIRY_ATTRIBUTE, "expires_at", "N", str(self.expires_at)))
        for number, attribute in enumerate(self.index_attributes):
            members.append(_Member(attribute.name, f"index{number}", attribute.type, INDEX_VALUE[attribute.type]))
        return [*members, _Member(self.names.data, "data", "S", "%b")]

    def _refuse_clashes(self) -> None:
        names = {attribute.name for attribute in self.index_attributes}
        keys = names | {attribute.name for attribute in self.keys.schema}
        if self.expires_at is not None and EXPIRY_ATTRIBUTE in keys:
            raise ValueError(f"item.ttl: {EXPIRY_ATTRIBUTE} is a key, and so no time to live: leave item.ttl out")
        for attribute in self.keys.schema:
            if attribute.name in names:
                raise ValueError(f"the index's key attribute {attribute.name} is part of the table's key already")
        if len(names) < len(self.index_attributes):
            raise ValueError("two indexes have a key attribute of the same name and different types")


def _template(members: Mapping[str, _Member]) -> bytes:
    """Return members of a JSON object, each under the name given, with placeholders for what changes."""
    document = {name.replace("%", "%%"): {member.type: member.template} for name, member in members.items()}
    return _encode(document)[1:-1]


def _encode(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _same(found: Any, expected: Mapping[str, str]) -> bool:
    """Return whether two typed values are the same; ``found`` may be anything."""
    if found == expected:
        return True
    if "N" not in expected or not isinstance(found, Mapping) or found.keys() != {"N"}:
        return False
    try:
        return Decimal(found["N"]) == Decimal(expected["N"])
    except (InvalidOperation, TypeError, ValueError):
        return False
