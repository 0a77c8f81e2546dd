# SPDX-License-Identifier: Apache-2.0
"""HdrHistogram: which slot counts which value, and the V2 encoding that carries the counts.

The layout of slots and the encoding are those of Gil Tene's HdrHistogram
(https://github.com/HdrHistogram/HdrHistogram, class AbstractHistogram, "V2 encoding"; class ZigZagEncoding,
"LEB128-64b9B"). An encoded histogram is, big-endian:

* outer header: cookie 0x1c849314 (compressed), length of what follows; then a zlib stream of
* inner header: cookie 0x1c849313, length of the counts in bytes, normalizing index offset, significant digits,
  lowest and highest value, ratio of whole numbers to floating point; then the
* counts by slot from slot 0 up, each a zig-zag LEB128 number; a number below zero stands for as many slots of zeros.
"""

from __future__ import annotations

import re
import struct
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from itertools import accumulate, compress
from typing import Any, NamedTuple

# ddbload's range: whole microseconds up to one hour with three significant digits.
LOWEST_US = 1
MAX_US = 3_600_000_000
SIGNIFICANT_DIGITS = 3
# 2,048 linear steps hold three digits; every doubling beyond them has 1,024 steps of its own.
HALF_BITS = 10
LINEAR_BITS = HALF_BITS + 1
LINEAR_MASK = (1 << LINEAR_BITS) - 1
HALF = 1 << HALF_BITS
SLOTS = ((MAX_US.bit_length() - LINEAR_BITS) << HALF_BITS) + 2 * HALF

COMPRESSED_COOKIE = 0x1C849304
COUNTS_COOKIE = 0x1C849303
# The low bit of the cookie's word size says that the counts are zig-zag LEB128; readers pass over the whole size.
LEB128 = 0x10
COOKIE_BASE = 0xFFFFFFFF ^ 0xF0
OUTER = struct.Struct(">II")
INNER = struct.Struct(">IIIIQQd")
# Offset and ratio belong to histograms of floating-point numbers. Readers of whole numbers pass over both:
# hdr-histogram-js writes an offset of 1 that means nothing.
NO_OFFSET = 0
NO_RATIO = 1.0
HIGHEST_COUNT = (1 << 63) - 1
# An hour of microseconds takes 23,552 slots with three digits; decoding five digits would take seconds.
MOST_SLOTS = 200_000
# A count of 64 bits takes up to nine bytes.
COUNT_BYTES = 9
# Runs of numbers of one byte, or one number of several; what matches neither is truncated.
NUMBERS = re.compile(rb"[\x00-\x7f]+|[\x80-\xff]{8}.|[\x80-\xff]{1,7}[\x00-\x7f]", re.DOTALL)
# Of each number of one byte: how many slots it goes on, the count that it is, whether it is a count above 0.
STEPS = bytes((byte >> 1) + 1 if byte & 1 else 1 for byte in range(256))
COUNTS = bytes(byte >> 1 for byte in range(256))
IS_COUNT = bytes(byte != 0 and not byte & 1 for byte in range(256))
NO_COUNTS = bytes(byte for byte in range(256) if not IS_COUNT[byte])


def slot_of(value: int) -> int:
    """Return the slot that counts a value in microseconds; values above one hour share the last one."""
    if value > MAX_US:
        value = MAX_US
    shift = (value | LINEAR_MASK).bit_length() - LINEAR_BITS
    return (shift << HALF_BITS) + (value >> shift)


class Layout(NamedTuple):
    """The assignment of values to the slots of a histogram.

    Attributes:
        half_bits: each doubling has two to this power steps.
        unit_bits: the lowest discernible value is two to this power.
        slots: how many slots there are.
    """

    half_bits: int
    unit_bits: int
    slots: int

    @classmethod
    def of(cls, lowest: int, highest: int, digits: int) -> Layout:
        """Derive the layout from the fields of a histogram's header, as AbstractHistogram does.

        Raises:
            ValueError: no histogram has this range, or this number of significant digits.
        """
        if not (1 <= lowest <= highest // 2 and highest <= HIGHEST_COUNT and digits <= 5):
            raise ValueError(f"no histogram counts from {lowest} to {highest} with {digits} digits")
        unit_bits = lowest.bit_length() - 1
        half_bits = (2 * 10**digits - 1).bit_length() - 1
        doublings = max(0, (highest >> unit_bits).bit_length() - half_bits - 1)
        slots = (doublings + 2) << half_bits
        if slots > MOST_SLOTS:
            raise ValueError(f"its header asks for {slots:,} slots, more than {MOST_SLOTS:,}")
        return cls(half_bits, unit_bits, slots)

    def lowest_of(self, slot: int) -> int:
        """Return the lowest value that a slot counts."""
        doubling = (slot >> self.half_bits) - 1
        if doubling <= 0:
            return slot << self.unit_bits
        return (slot - (doubling << self.half_bits)) << (doubling + self.unit_bits)

    def highest_of(self, slot: int) -> int:
        """Return the highest value that a slot counts."""
        return self.lowest_of(slot) + self.width_of(slot) - 1

    def middle_of(self, slot: int) -> float:
        """Return the median equivalent value of a slot, which a mean is computed from."""
        return self.lowest_of(slot) + (self.width_of(slot) - 1) / 2

    def width_of(self, slot: int) -> int:
        """Return how many values share a slot."""
        doubling = (slot >> self.half_bits) - 1
        return 1 << (self.unit_bits if doubling <= 0 else doubling + self.unit_bits)


OWN_LAYOUT = Layout(HALF_BITS, 0, SLOTS)
lowest_of = OWN_LAYOUT.lowest_of
highest_of = OWN_LAYOUT.highest_of
middle_of = OWN_LAYOUT.middle_of


def encode(counts: Mapping[int, int]) -> str:
    """Write counts as HdrHistogram V2, compressed, in base64.

    Args:
        counts: values counted by slot, in any order; only slots that counted something cost time and space.

    Returns:
        The text, about two bytes a slot that counted something.

    Raises:
        ValueError: a slot or a count is out of range.
    """
    body = bytearray()
    following = 0
    for slot in sorted(counts):
        count = counts[slot]
        if not count:
            continue
        if not (0 <= slot < SLOTS and 0 < count <= HIGHEST_COUNT):
            raise ValueError(f"slot {slot} cannot count {count} values")
        zeros = slot - following
        if zeros:
            # A single zero is written as the count that it is.
            _append_number(body, zeros * 2 - 1 if zeros > 1 else 0)
        _append_number(body, count * 2)
        following = slot + 1
    header = INNER.pack(COUNTS_COOKIE | LEB128, len(body), NO_OFFSET, SIGNIFICANT_DIGITS, LOWEST_US, MAX_US, NO_RATIO)
    packed = zlib.compress(header + body)
    return b64encode(OUTER.pack(COMPRESSED_COOKIE | LEB128, len(packed)) + packed).decode()


def decode(text: str) -> dict[int, int]:
    """Read HdrHistogram V2 in base64, compressed or not, of this or of another writer.

    Args:
        text: the encoded histogram; its values are read as microseconds.

    Returns:
        Counts by slot of ddbload's layout. The counts of a histogram of another range, precision or unit are moved to
        the slots of their highest equivalent values, which HdrHistogram returns for a percentile; the last slot
        counts the values above one hour.

    Raises:
        ValueError: the text is no HdrHistogram V2; one line says why.
    """
    try:
        layout, body = _open(b64decode(text.strip(), validate=True))
        counts = _numbers(body, layout.slots)
    except (ValueError, zlib.error) as error:
        raise ValueError(f"not an HdrHistogram V2: {error}") from error
    return counts if layout == OWN_LAYOUT else _counted_anew(counts, layout)


def _counted_anew(counts: Mapping[int, int], layout: Layout) -> dict[int, int]:
    own: dict[int, int] = {}
    for slot, count in counts.items():
        nearest = slot_of(layout.highest_of(slot))
        own[nearest] = own.get(nearest, 0) + count
    return own


def _open(data: bytes) -> tuple[Layout, bytes]:
    cookie, length = _header(OUTER, data)
    if cookie & COOKIE_BASE == COMPRESSED_COOKIE:
        if len(data) != OUTER.size + length:
            raise ValueError(f"its header announces {length} bytes, {len(data) - OUTER.size} follow")
        inflater = zlib.decompressobj()
        packed = data[OUTER.size :]
        head = inflater.decompress(packed, INNER.size)
        if len(head) < INNER.size and (inflater.unused_data or not inflater.eof):
            raise ValueError("its compressed part does not end where its header says")
        layout, _length = _inner(head)
        # One byte more than the layout can need would show that there is more.
        data = head + inflater.decompress(inflater.unconsumed_tail, layout.slots * COUNT_BYTES + 1)
        if not inflater.eof or inflater.unused_data:
            raise ValueError("its compressed part does not end where its header says")
    layout, length = _inner(data)
    if len(data) != INNER.size + length:
        raise ValueError(f"its header announces {length} bytes of counts, {len(data) - INNER.size} follow")
    return layout, data[INNER.size :]


def _inner(data: bytes) -> tuple[Layout, int]:
    """Return the layout and the length of the counts in bytes from an inner header."""
    cookie, length, _offset, digits, lowest, highest, _ratio = _header(INNER, data)
    if cookie & COOKIE_BASE != COUNTS_COOKIE:
        raise ValueError(f"its cookie is {cookie:#x}")
    layout = Layout.of(lowest, highest, digits)
    if length > layout.slots * COUNT_BYTES:
        raise ValueError(f"its header announces {length} bytes of counts, more than {layout.slots:,} slots need")
    return layout, length


def _header(header: struct.Struct, data: bytes) -> tuple[Any, ...]:
    if len(data) < header.size:
        raise ValueError(f"{len(data)} bytes cannot hold a header of {header.size}")
    return header.unpack_from(data)


def _append_number(body: bytearray, number: int) -> None:
    # The ninth byte carries eight bits: there is no tenth.
    left = 8
    while number >= 0x80 and left:
        body.append(number & 0x7F | 0x80)
        number >>= 7
        left -= 1
    body.append(number)


def _numbers(body: bytes, slots: int) -> dict[int, int]:
    """Return the slots that counted something, with their counts.

    Nearly all numbers have one byte. A run of them is decoded by tables, which costs no step of Python's a number.
    """
    counts: dict[int, int] = {}
    slot = end = 0
    for run in NUMBERS.finditer(body):
        numbers, end = run[0], run.end()
        if numbers[0] < 0x80:
            steps = numbers.translate(STEPS)
            numbered = compress(accumulate(steps, initial=slot), numbers.translate(IS_COUNT))
            counts.update(zip(numbered, numbers.translate(COUNTS, NO_COUNTS), strict=True))
            slot += sum(steps)
        else:
            number = sum((byte & 0x7F) << 7 * place for place, byte in enumerate(numbers[:8]))
            # The ninth byte carries eight bits.
            number |= numbers[8] << 56 if len(numbers) > 8 else 0
            if number & 1:
                slot += (number >> 1) + 1
            else:
                if number:
                    counts[slot] = number >> 1
                slot += 1
        if slot > slots:
            raise ValueError(f"it has more than the {slots} slots that its header allows")
    if end < len(body):
        raise ValueError("its last count is truncated")
    return counts
