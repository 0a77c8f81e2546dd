# SPDX-License-Identifier: Apache-2.0
"""A table in memory: items by key, in the order in which Query and Scan read them."""

from __future__ import annotations

import marshal
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from server.capacity import Consumed, write_units
from server.schema import Index, Key, Schema
from server.values import Item, Scalar, checked_bytes, scalar

PAGE_BYTES = 1_048_576
HASHES = 1 << 32

# The position of an item: in a Scan by the hash of its partition, in a Query by its range key.
Position = tuple[Any, ...]


@dataclass
class Page:
    """The result of one Query or Scan: its items, the number of scanned ones, and its last key."""

    items: list[Item] = field(default_factory=list)
    scanned: int = 0
    size: int = 0
    last: Item | None = None


def partition_hash(value: Scalar) -> int:
    """Return a partition's position in the table's key space, from 0 to 2**32."""
    return zlib.crc32(repr(value).encode())


class Table:
    """Items by primary key. They are kept as bytes: dictionaries of dictionaries take five times the memory."""

    def __init__(self, specification: Mapping[str, Any]) -> None:
        self.schema = Schema.of(specification)
        self._count = self._bytes = 0
        # Each key's item before its last write, where the script may have stale reads.
        self.previous: dict[Key, Item | None] | None = None
        self._partitions: dict[Scalar, dict[Scalar | None, bytes]] = {}
        # The order of keys, computed on request, and dropped when a key is added or removed.
        self._scan_order: list[Position] | None = None
        self._query_orders: dict[Scalar, list[Scalar]] = {}

    def items(self) -> Iterator[Item]:
        """Yield all items."""
        for partition in self._partitions.values():
            yield from map(marshal.loads, partition.values())

    def description(self) -> dict[str, Any]:
        """Return DescribeTable's response."""
        return self.schema.description(self._count, self._bytes)

    def get(self, key: Key) -> Item | None:
        """Return the item of a key."""
        partition = self._partitions.get(key[0])
        stored = None if partition is None else partition.get(key[1])
        return None if stored is None else marshal.loads(stored)

    def store(self, key: Key, item: Item | None) -> None:
        """Set the item of a key; None removes it."""
        self._exchange(key, self.get(key), item, 0 if item is None else checked_bytes(item))

    def write(self, key: Key, item: Item | None, size: int, transaction: int = 1) -> Consumed:
        """Store an item of ``size`` bytes, or delete it for None; return the consumed units.

        The larger of the old and the new item counts. An index is written where its projected item changes, and
        twice where the item moves in it.
        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
        """
        before = self.get(key)
        if self.previous is not None:
            self.previous[key] = before
        size_before = self._exchange(key, before, item, size)
        consumed = Consumed(write_units(max(size, size_before)) * transaction)
        for index in self.schema.indexes.values():
            units = _index_units(index, index.projected(before), index.projected(item))
            if units:
                consumed.indexes[index.name] = units
        return consumed

    def _exchange(self, key: Key, before: Item | None, item: Item | None, size: int) -> int:
        """Replace an item; return the replaced item's size in bytes."""
        size_before = 0 if before is None else checked_bytes(before)
        self._bytes += size - size_before
        partition = self._partitions.setdefault(key[0], {})
        if (item is None) is not (before is None):
            self._scan_order = None
            self._query_orders.pop(key[0], None)
            self._count += -1 if item is None else 1
        if item is not None:
            partition[key[1]] = marshal.dumps(item)
        else:
            partition.pop(key[1], None)
            if not partition:
                del self._partitions[key[0]]
        return size_before

    def query(
        self,
        hash_value: Scalar,
        in_range: Callable[[Item], bool],
        after: Item | None,
        forward: bool,
        index: Index | None,
        limit: int | None,
        accepts: Callable[[Item], bool],
    ) -> Page:
        """Read a partition, in the order of its range keys."""
        if index is None:
            partition = self._partitions.get(hash_value, {})
            order = self._query_orders.get(hash_value)
            if order is None and partition:
                order = self._query_orders[hash_value] = sorted(partition)  # type: ignore[arg-type]
            entries = [((value,), marshal.loads(partition[value])) for value in order or []]
            start: Position | None = (self.schema.key_of(after)[1],) if after else None
        else:
            entries = sorted(
                ((self._index_position(index, item), item) for item in self._indexed(index, hash_value)),
                key=lambda entry: entry[0],
            )
            start = self._index_position(index, after) if after else None
        if not forward:
            entries.reverse()
        if start is not None:
            entries = [entry for entry in entries if (entry[0] > start) is forward and entry[0] != start]
        chosen = (item for _position, item in entries if in_range(item))
        return self._page(chosen, index, limit, accepts)

    def scan(
        self,
        after: Item | None,
        segment: int,
        segments: int,
        index: Index | None,
        limit: int | None,
        accepts: Callable[[Item], bool],
    ) -> Page:
        """Read one of several segments of the table, in the order of its partitions' hashes."""
        if self._scan_order is None:
            self._scan_order = sorted(
                (partition_hash(hash_value), hash_value, range_value)
                for hash_value, partition in self._partitions.items()
                for range_value in partition
            )
        order = self._scan_order
        low = bisect_left(order, (HASHES * segment // segments,))
        high = bisect_left(order, (HASHES * (segment + 1) // segments,))
        if after:
            hash_value, range_value = self.schema.key_of(self.schema.key_document(after))
            low = max(low, bisect_right(order, (partition_hash(hash_value), hash_value, range_value)))
        chosen = (
            marshal.loads(self._partitions[hash_value][range_value])
            for _hash, hash_value, range_value in (order[position] for position in range(low, high))
        )
        if index is not None:
            chosen = (item for item in chosen if index.projected(item) is not None)
        return self._page(chosen, index, limit, accepts)

    def _page(
        self, chosen: Iterator[Item], index: Index | None, limit: int | None, accepts: Callable[[Item], bool]
    ) -> Page:
        page = Page()
        for item in chosen:
            seen = item if index is None else index.projected(item)
            assert seen is not None
            page.scanned += 1
            page.size += checked_bytes(seen)
            if accepts(seen):
                page.items.append(seen)
            if page.scanned == limit or page.size >= PAGE_BYTES:
                page.last = self.schema.key_document(item)
                if index is not None:
                    page.last |= {attribute.name: item[attribute.name] for attribute in index.key}
                break
        return page

    def _indexed(self, index: Index, hash_value: Scalar) -> Iterator[Item]:
        name = index.key[0].name
        for item in self.items():
            if index.projected(item) is not None and scalar(item[name]) == hash_value:
                yield item

    def _index_position(self, index: Index, item: Item) -> Position:
        names = [attribute.name for attribute in (*index.key[1:], *self.schema.key)]
        return tuple(scalar(item[name]) for name in names)


def _index_units(index: Index, before: Item | None, after: Item | None) -> float:
    if before is not None and after is not None:
        if before == after:
            return 0.0
        if index.key_values(before) == index.key_values(after):
            return write_units(max(checked_bytes(before), checked_bytes(after)))
    return sum(write_units(checked_bytes(item)) for item in (before, after) if item is not None)
