# SPDX-License-Identifier: Apache-2.0
"""The mix: its closed formulas, compared with counting."""

from collections import Counter

import pytest
from ddbload.pacing.duplicates import Duplicates
from ddbload.pacing.segment import Segment
from ddbload.workload.mix import Mix
from hypothesis import given
from hypothesis import strategies as st

names = st.sampled_from(["put", "get", "batch_write", "update", "own"])
weights = st.dictionaries(names, st.integers(1, 50), min_size=1)
numbers = st.integers(0, 10**12)


@st.composite
def inserting(draw: st.DrawFn) -> tuple[Mix, dict[str, int]]:
    """Return a mix with at least one operation that inserts keys, and the inserts of each."""
    chosen = draw(weights)
    inserts = {name: draw(st.integers(0, 25)) for name in chosen}
    inserts[draw(st.sampled_from(sorted(chosen)))] = draw(st.integers(1, 25))
    return Mix(chosen, inserts), inserts


@st.composite
def duplicating(draw: st.DrawFn) -> Mix:
    total = draw(st.integers(2, 10**6))
    duplicates = Duplicates(total, draw(st.integers(1, 49)))
    return Mix({"put": draw(st.integers(1, 5))}, {"put": 1}, duplicates)


@given(weights, st.integers(0, 1000))
def test_before_counts_earlier_operations(chosen: dict[str, int], number: int) -> None:
    mix = Mix(chosen, {})
    counted = Counter(mix.operation(position) for position in range(number))
    assert {name: mix.before(name, number) for name in chosen} == {name: counted[name] for name in chosen}


@given(weights, numbers)
def test_a_cycle_keeps_the_weights_exactly(chosen: dict[str, int], cycles: int) -> None:
    mix = Mix(chosen, {})
    assert len(mix.cycle) == mix.length
    counted = Counter(mix.cycle)
    assert all(counted[name] * sum(chosen.values()) == weight * mix.length for name, weight in chosen.items())
    first = cycles * mix.length
    assert Counter(mix.operation(first + position) for position in range(mix.length)) == counted


@given(weights, st.integers(2, 9))
def test_the_shortest_cycle_is_taken(chosen: dict[str, int], times: int) -> None:
    longer = Mix({name: weight * times for name, weight in chosen.items()}, {})
    assert longer.cycle == Mix(chosen, {}).cycle


@given(weights, numbers)
def test_no_operation_is_ever_far_from_its_share(chosen: dict[str, int], number: int) -> None:
    mix = Mix(chosen, {})
    shares = {name: number * weight / sum(chosen.values()) for name, weight in chosen.items()}
    assert all(abs(mix.before(name, number) - share) <= len(chosen) for name, share in shares.items())


@given(st.dictionaries(names, st.integers(1, 4), min_size=1), st.integers(2, 16))
def test_every_worker_has_its_share_of_every_operation(chosen: dict[str, int], count: int) -> None:
    mix = Mix(chosen, {})
    sent = 2000
    for index in range(count):
        segment = Segment(index, count)
        counted = Counter(mix.operation(segment.number(position)) for position in range(sent))
        for name, weight in mix.weights.items():
            assert abs(counted[name] / sent - weight / mix.length) < 0.05


@given(inserting(), numbers)
def test_every_operation_inserts_the_keys_after_those_before_it(mixed: tuple[Mix, dict[str, int]], number: int) -> None:
    mix, inserts = mixed
    assert mix.inserts
    assert mix.inserted_before(0) == 0
    assert mix.inserted_before(number + 1) == mix.inserted_before(number) + inserts[mix.operation(number)]


@given(inserting(), numbers)
def test_a_key_maps_to_the_operation_that_inserts_it(mixed: tuple[Mix, dict[str, int]], index: int) -> None:
    mix, _inserts = mixed
    number = mix.number_of(index)
    assert mix.inserted_before(number) <= index < mix.inserted_before(number + 1)


@given(inserting(), numbers, st.data())
def test_an_operation_maps_to_the_keys_that_it_inserts(
    mixed: tuple[Mix, dict[str, int]], number: int, data: st.DataObject
) -> None:
    mix, inserts = mixed
    while not (count := inserts[mix.operation(number)]):
        number += 1
    position = data.draw(st.integers(0, count - 1))
    assert mix.number_of(mix.inserted_before(number) + position) == number


@given(duplicating(), st.data())
def test_with_duplicates_each_new_key_maps_to_its_put(mix: Mix, data: st.DataObject) -> None:
    duplicates = mix.duplicates
    assert duplicates
    number = data.draw(st.integers(0, duplicates.total - 1))
    before = mix.inserted_before(number)
    if duplicates.is_duplicate(number):
        assert mix.inserted_before(number + 1) == before
    else:
        assert mix.inserted_before(number + 1) == before + 1
        assert mix.number_of(before) == number


@given(duplicating(), st.data())
def test_with_duplicates_each_key_is_inserted_once(mix: Mix, data: st.DataObject) -> None:
    duplicates = mix.duplicates
    assert duplicates
    originals = duplicates.total - duplicates.count
    assert mix.inserted_before(duplicates.total) == originals
    number = mix.number_of(index := data.draw(st.integers(0, originals - 1)))
    assert 0 <= number < duplicates.total
    assert (duplicates.is_duplicate(number), mix.inserted_before(number)) == (False, index)


def test_a_mix_that_inserts_nothing_has_no_operation_for_a_key() -> None:
    mix = Mix({"get": 3, "update": 1}, {"get": 0})
    assert not mix.inserts
    assert mix.inserted_before(10**9) == 0
    with pytest.raises(ValueError, match="inserts no keys"):
        mix.number_of(0)


def test_a_small_mix_is_as_computed_by_hand() -> None:
    mix = Mix({"put": 3, "batch_write": 1}, {"put": 1, "batch_write": 25})
    assert mix.cycle == ["put", "batch_write", "put", "put"]
    # The first cycle starts at the last of its positions, the second at the second.
    assert [mix.operation(number) for number in range(4)] == ["put", "put", "batch_write", "put"]
    assert [mix.operation(number) for number in range(4, 8)] == ["batch_write", "put", "put", "put"]
    assert [mix.inserted_before(number) for number in range(7)] == [0, 1, 2, 27, 28, 53, 54]
    assert [mix.number_of(index) for index in (0, 1, 25, 26, 27, 28, 52, 53, 54)] == [0, 1, 2, 2, 3, 4, 4, 5, 6]
