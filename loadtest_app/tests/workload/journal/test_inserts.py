# SPDX-License-Identifier: Apache-2.0
"""Bits: a set of whole numbers, compared with Python's set."""

from ddbload.workload.journal.inserts import PAGE_BYTES, Bits
from hypothesis import given
from hypothesis import strategies as st

PAGE_BITS = PAGE_BYTES * 8
numbers = st.one_of(
    st.integers(0, 40),
    st.sampled_from([PAGE_BITS - 1, PAGE_BITS, PAGE_BITS + 1, 3 * PAGE_BITS - 1]),
    st.integers(0, 10**12),
)
sets = st.sets(numbers, max_size=40)


def bits_of(members: set[int]) -> Bits:
    bits = Bits()
    for member in members:
        bits.add(member)
    return bits


@given(sets, numbers)
def test_bits_hold_what_a_set_holds(members: set[int], other: int) -> None:
    bits = bits_of(members)
    assert list(bits) == sorted(members)
    assert len(bits) == len(members)
    assert all(member in bits for member in members)
    assert (other in bits) == (other in members)


@given(sets)
def test_an_element_is_contained_once(members: set[int]) -> None:
    bits = bits_of(members)
    for member in members:
        bits.add(member)
    assert list(bits) == sorted(members)


@given(sets, sets)
def test_the_difference_is_that_of_sets(one: set[int], other: set[int]) -> None:
    bits, without = bits_of(one), bits_of(other)
    left = bits.without(without)
    assert list(left) == sorted(one - other)
    assert (list(bits), list(without)) == (sorted(one), sorted(other))


@given(sets, sets)
def test_a_difference_is_independent_of_its_source(one: set[int], more: set[int]) -> None:
    bits = bits_of(one)
    left = bits.without(Bits())
    for member in more:
        left.add(member)
    assert (set(left), set(bits)) == (one | more, one)


def test_a_lookup_creates_no_page() -> None:
    bits = bits_of({5})
    assert 10**12 not in bits
    assert len(bits.pages) == 1
    assert len(bits.page(10**12)) == PAGE_BYTES
    assert len(bits.pages) == 2
