# SPDX-License-Identifier: Apache-2.0
"""A set of indexes, at a bit each, in pages that are made as they are touched."""

from __future__ import annotations

from collections.abc import Iterator

PAGE_BYTES = 4096
# 8 bits a byte, 4096 bytes a page.
PAGE_SHIFT = 15
LAST_BYTE = PAGE_BYTES - 1


class Bits:
    """A set of whole numbers from 0; neighbours share a page."""

    __slots__ = ("pages",)

    def __init__(self) -> None:
        # A loop in a hurry may set bits in here itself, as ``add`` does.
        self.pages: dict[int, bytearray] = {}

    def page(self, index: int) -> bytearray:
        """Return the page of an index, made if there is none."""
        page = self.pages.get(index >> PAGE_SHIFT)
        if page is None:
            page = self.pages[index >> PAGE_SHIFT] = bytearray(PAGE_BYTES)
        return page

    def add(self, index: int) -> None:
        """Put an index into the set."""
        self.page(index)[index >> 3 & LAST_BYTE] |= 1 << (index & 7)

    def __contains__(self, index: int) -> bool:
        page = self.pages.get(index >> PAGE_SHIFT)
        return page is not None and bool(page[index >> 3 & LAST_BYTE] >> (index & 7) & 1)

    def __len__(self) -> int:
        return sum(int.from_bytes(page, "little").bit_count() for page in self.pages.values())

    def __iter__(self) -> Iterator[int]:
        """Yield the indexes in ascending order."""
        for number in sorted(self.pages):
            for place, eight in enumerate(self.pages[number]):
                if eight:
                    first = (number << PAGE_SHIFT) + (place << 3)
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
