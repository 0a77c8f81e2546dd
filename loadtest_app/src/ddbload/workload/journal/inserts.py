# SPDX-License-Identifier: Apache-2.0
"""A journal for keys that are written once: a bit for each key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import merge

from ddbload.workload.journal.state import ABSENT, State

PAGE_BYTES = 4096
# 8 bits a byte, 4096 bytes a page.
PAGE_SHIFT = 15
LAST_BYTE = PAGE_BYTES - 1


class InsertJournal:
    """A journal for keys that are written once in a run: a bit for each key, and another for each failed write.

    A key whose write is under way counts as one to which nothing was sent.

    Args:
        version_of: from the index of a key to the version that its put writes.
    """

    inserts_only = True

    def __init__(self, version_of: Callable[[int], int]) -> None:
        self.newest_acknowledged = -1
        self._version_of = version_of
        self._acknowledged = Bits()
        self._pages = self._acknowledged.pages
        self._indeterminate = Bits()
        self._refused = Bits()

    def sent(self, index: int, version: int, *, delete: bool = False) -> None:
        """Do nothing."""

    def acknowledged(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was applied."""
        # Bits.add, written out: this is the hot path.
        page = self._pages.get(index >> PAGE_SHIFT)
        if page is None:
            page = self._acknowledged.page(index)
        page[index >> 3 & LAST_BYTE] |= 1 << (index & 7)
        if index > self.newest_acknowledged:
            self.newest_acknowledged = index

    def refused(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write was not applied."""
        self._refused.add(index)

    def indeterminate(self, index: int, version: int, *, delete: bool = False) -> None:
        """Note that a write may have been applied, or may be later."""
        self._indeterminate.add(index)

    def is_acknowledged(self, index: int) -> bool:
        """Return whether the put of a key was acknowledged."""
        return index in self._acknowledged

    def indexes(self) -> Iterator[int]:
        """Return the indexes of all keys whose write has a response or was given up, in ascending order."""
        others = self._indeterminate.without(self._acknowledged)
        refused = self._refused.without(self._acknowledged).without(self._indeterminate)
        return merge(self._acknowledged, others, refused)

    def counts(self) -> dict[str, int]:
        """Return how many keys there are of each kind."""
        indeterminate = self._indeterminate.without(self._acknowledged)
        return {
            "acknowledged": len(self._acknowledged),
            "indeterminate": len(indeterminate),
            "refused": len(self._refused.without(self._acknowledged).without(self._indeterminate)),
        }

    def state(self, index: int) -> State:
        """Return what the table may hold for a key."""
        if index in self._acknowledged:
            certain = frozenset([self._version_of(index)])
            return State(certain, certain)
        absent = frozenset([ABSENT])
        return State(absent | {self._version_of(index)} if index in self._indeterminate else absent, absent)


class Bits:
    """A set of whole numbers from 0; neighbours share a page."""

    __slots__ = ("pages",)

    def __init__(self) -> None:
        # InsertJournal sets bits in here itself.
        self.pages: dict[int, bytearray] = {}

    def page(self, index: int) -> bytearray:
        """Return the page of an index; adds the page if there is none."""
        page = self.pages.get(index >> PAGE_SHIFT)
        if page is None:
            page = self.pages[index >> PAGE_SHIFT] = bytearray(PAGE_BYTES)
        return page

    def add(self, index: int) -> None:
        """Add an index to the set."""
        self.page(index)[index >> 3 & LAST_BYTE] |= 1 << (index & 7)

    def __contains__(self, index: int) -> bool:
        page = self.pages.get(index >> PAGE_SHIFT)
        return page is not None and bool(page[index >> 3 & LAST_BYTE] >> (index & 7) & 1)

    def __len__(self) -> int:
        return sum(int.from_bytes(page, "little").bit_count() for page in self.pages.values())

    def __iter__(self) -> Iterator[int]:
        """Yield the indexes in ascending order."""
        for number in sorted(self.pages):
            for offset, eight in enumerate(self.pages[number]):
                if eight:
                    first = (number << PAGE_SHIFT) + (offset << 3)
                    yield from (first + bit for bit in range(8) if eight >> bit & 1)

    def without(self, other: Bits) -> Bits:
        """Return the indexes that are not in another set."""
        left = Bits()
        for number, page in self.pages.items():
            mask = int.from_bytes(other.pages.get(number, b""), "little")
            kept = int.from_bytes(page, "little") & ~mask
            if kept:
                left.pages[number] = bytearray(kept.to_bytes(PAGE_BYTES, "little"))
        return left
