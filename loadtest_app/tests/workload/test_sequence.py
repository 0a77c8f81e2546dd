# SPDX-License-Identifier: Apache-2.0
"""Sequences of keys: shared by all workers, or of one worker; compared with counting."""

import pytest
from ddbload.pacing.segment import Segment
from ddbload.workload.mix import Mix
from ddbload.workload.sequence import KeySequence, OwnKeys, SharedKeys
from hypothesis import given
from hypothesis import strategies as st

INSERTS = {"put": 1, "batch_write": 3, "get": 0}
mixes = st.dictionaries(st.sampled_from(sorted(INSERTS)), st.integers(1, 5), min_size=1).map(
    lambda weights: Mix(weights, INSERTS)
)
inserting = mixes.filter(lambda mix: mix.inserts)
counts = st.integers(3, 60)


def inserted(sequence: KeySequence, number: int, count: int) -> list[int]:
    """Return the keys that an operation writes."""
    keys = [sequence.new(number, count)]
    while len(keys) < count:
        keys.append(sequence.after(keys[-1]))
    return keys


@given(inserting, counts, st.integers(1, 60))
def test_shared_keys_are_inserted_in_order_and_wrap_around(mix: Mix, count: int, operations: int) -> None:
    """Shared keys are inserted one after the other, and again from the first."""
    sequence = SharedKeys(mix, count)
    written: list[int] = []
    for number in range(operations):
        assert sequence.below(number) == min(len(written), count)
        assert sequence.existing(number) == min(max(len(written), 1), count)
        assert set(written) == set(range(sequence.below(number)))
        if keys := INSERTS[mix.operation(number)]:
            written += inserted(sequence, number, keys)
    assert written == [position % count for position in range(len(written))]


@given(inserting, st.integers(1, 5), st.integers(3, 40), st.integers(0, 9), st.integers(1, 40))
def test_own_keys_are_every_nth_and_existing_ones_were_inserted(
    mix: Mix, workers: int, each: int, more: int, operations: int
) -> None:
    """A worker's own keys are every nth one, and the existing ones were inserted."""
    count = each * workers + min(more, workers - 1)
    everywhere: set[int] = set()
    for index in range(workers):
        segment = Segment(index, workers)
        sequence = OwnKeys(mix, count, segment)
        assert sequence.count == each
        written: list[int] = []
        for number in map(segment.number, range(operations)):
            exist = {sequence.chosen(position) for position in range(sequence.existing(number))}
            # Before the first insert, a choice returns a key too.
            assert exist == (set(written) or {index})
            assert all(key < sequence.below(number) for key in written)
            if keys := INSERTS[mix.operation(number)]:
                written += inserted(sequence, number, keys)
        assert all(key % workers == index and key < count for key in written)
        assert written == [(position % each) * workers + index for position in range(len(written))]
        assert not everywhere & set(written)
        everywhere |= set(written)


@given(counts, st.integers(0, 10**9))
def test_without_inserts_all_keys_exist_from_the_start(count: int, number: int) -> None:
    mix = Mix({"get": 1}, INSERTS)
    shared, own = SharedKeys(mix, count), OwnKeys(mix, count, Segment(1, 3))
    assert (shared.existing(number), shared.below(number)) == (count, count)
    assert own.existing(number) == count // 3
    assert {own.chosen(position) for position in range(own.existing(number))} == set(range(1, count // 3 * 3, 3))


@given(counts, st.integers(1, 3), st.integers(0, 99), st.integers(0, 99))
def test_going_back_ends_at_the_first_key(count: int, workers: int, position: int, distance: int) -> None:
    mix = Mix({"put": 1}, INSERTS)
    sequences: list[KeySequence] = [SharedKeys(mix, count), OwnKeys(mix, count, Segment(workers - 1, workers))]
    for sequence in sequences:
        position %= sequence.count
        earlier = sequence.earlier(sequence.chosen(position), distance)
        assert earlier == sequence.chosen(max(0, position - distance))


def test_fewer_keys_than_workers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"keys\.count: 2 keys are too few for 3 workers"):
        OwnKeys(Mix({"put": 1}, INSERTS), 2, Segment(0, 3))
