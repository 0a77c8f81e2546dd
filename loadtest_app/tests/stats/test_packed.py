# SPDX-License-Identifier: Apache-2.0
"""A packed histogram counts as a plain one does."""

from ddbload.stats.histogram import MAX_US, Histogram
from ddbload.stats.packed import PackedHistogram
from hypothesis import given
from hypothesis import strategies as st

parts = st.lists(st.lists(st.integers(0, MAX_US), max_size=20), max_size=5)


@given(parts)
def test_it_is_the_sum_of_the_added_histograms(values: list[list[int]]) -> None:
    packed, plain = PackedHistogram(), Histogram()
    for part in values:
        packed.add(Histogram.from_values(part))
        plain.add(Histogram.from_values(part))
    assert (packed, packed.total, packed.encode()) == (plain, plain.total, plain.encode())
    assert packed.milliseconds() == plain.milliseconds()
    copied = packed.copy()
    copied.add(packed)
    assert copied.total == 2 * packed.total
    assert copied.minus(packed) == plain


def test_counts_beyond_four_bytes_are_kept() -> None:
    packed, many = PackedHistogram(), Histogram()
    many.record(5, 2**32 - 1)
    many.record(70_000, 3)
    packed.add(many)
    packed.add(many)
    assert dict(packed.counts) == {slot: 2 * count for slot, count in many.slots()}
