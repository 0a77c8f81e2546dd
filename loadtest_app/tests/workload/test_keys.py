# SPDX-License-Identifier: Apache-2.0
"""Keys: from index to key and back."""

import json
from itertools import pairwise
from typing import Any

import pytest
from ddbload.dynamo.table import KeyAttribute
from ddbload.scenario.sections import HIGHEST_FIRST
from ddbload.workload.keys import INDEXES, KeySpace, own_first
from hypothesis import given
from hypothesis import strategies as st

types = st.sampled_from("SNB")
names = st.text(max_size=4)
indexes = st.integers(0, INDEXES - 1)


@st.composite
def key_spaces(draw: st.DrawFn) -> KeySpace:
    schema = [KeyAttribute("pk" + draw(names), draw(types))]
    if ranged := draw(st.booleans()):
        schema.append(KeyAttribute("sk" + draw(names), draw(types)))
    first = draw(st.none() | st.integers(0, HIGHEST_FIRST)) if schema[0].type == "N" else None
    return KeySpace(schema, draw(names), draw(st.integers(1, 1000)) if ranged else 1, first)


@given(key_spaces(), indexes)
def test_a_joined_key_is_the_encoded_key(keys: KeySpace, index: int) -> None:
    key = keys.key(index)
    assert f"{{{keys.json(index)}}}" == json.dumps(key, separators=(",", ":"))
    assert json.loads(keys.hash_json(index)) == key[keys.schema[0].name]


@given(key_spaces(), indexes)
def test_a_key_with_one_slot_is_the_joined_key(keys: KeySpace, index: int) -> None:
    is_plain = keys.per_partition == 1 and keys.schema[0].type == "S"
    assert (keys.template is not None) == is_plain
    if keys.template is not None:
        assert keys.template % index == keys.json(index).encode()


@given(key_spaces(), indexes)
def test_a_key_returns_its_index(keys: KeySpace, index: int) -> None:
    assert keys.index_of({**keys.key(index), "other": {"S": "x"}}) == index


@given(key_spaces(), indexes, indexes)
def test_items_of_one_partition_share_the_hash_value_alone(keys: KeySpace, one: int, other: int) -> None:
    together = one // keys.per_partition == other // keys.per_partition
    assert (keys.hash_json(one) == keys.hash_json(other)) == together
    assert (keys.key(one) == keys.key(other)) == (one == other)


def test_without_partitions_the_range_value_is_that_of_zero() -> None:
    keys = KeySpace([KeyAttribute("pk", "S"), KeyAttribute("sk", "N")], "p")
    assert keys.key(12) == {"pk": {"S": "p#000000000012"}, "sk": {"N": "0"}}
    assert keys.hash_json(1) == '{"S":"p#000000000001"}'


@pytest.mark.parametrize("per_partition", [1, 7])
@pytest.mark.parametrize("types", ["SS", "SN", "NB", "BS"])
def test_percent_signs_and_quotes_are_literal(types: str, per_partition: int) -> None:
    schema = [KeyAttribute(f'%d"{position}', type_) for position, type_ in enumerate(types)]
    keys = KeySpace(schema, '100%s"\\é', per_partition)
    assert json.loads(f"{{{keys.json(12)}}}") == keys.key(12)
    assert json.loads(keys.hash_json(12)) == keys.key(12)['%d"0']


def test_items_fill_one_partition_after_the_other() -> None:
    keys = KeySpace([KeyAttribute("pk", "N"), KeyAttribute("sk", "N")], "p", 3, 0)
    assert [keys.json(index) for index in (2, 3)] == ['"pk":{"N":"0"},"sk":{"N":"2"}', '"pk":{"N":"1"},"sk":{"N":"0"}']


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"pk": "p#000000000001"},
        {"pk": {"N": "1"}},
        {"pk": {"S": "q#000000000001"}},
        {"pk": {"S": "p#1"}},
        {"pk": {"S": "000000000001"}},
        {"pk": {"S": "p#0000000000001"}},
        {"pk": {"S": "p#00000000000x"}},
        {"pk": {"S": "p#" + "\u0661" * 12}},
        {"pk": {"S": None}},
    ],
)
def test_a_foreign_text_has_no_index(key: dict[str, Any]) -> None:
    assert KeySpace([KeyAttribute("pk", "S")], "p").index_of(key) is None


@pytest.mark.parametrize("value", ["-1", "1.5", "1E+12", "1E+999999999", "NaN", "Infinity", "x", ""])
def test_a_foreign_number_has_no_index(value: str) -> None:
    assert KeySpace([KeyAttribute("pk", "N")], "p", first=0).index_of({"pk": {"N": value}}) is None


@pytest.mark.parametrize("value", ["!", "AAA", "/w==", "cCMx"])
def test_foreign_bytes_have_no_index(value: str) -> None:
    assert KeySpace([KeyAttribute("pk", "B")], "p").index_of({"pk": {"B": value}}) is None


@pytest.mark.parametrize("value", ["1200", "1.2E+3", "1200.0"])
def test_a_number_is_recognised_in_every_notation(value: str) -> None:
    assert KeySpace([KeyAttribute("pk", "N")], "p", first=0).index_of({"pk": {"N": value}}) == 1200


@pytest.mark.parametrize("off", [-1, INDEXES])
def test_a_number_outside_the_range_has_no_index(off: int) -> None:
    keys = KeySpace([KeyAttribute("pk", "N")], "p")
    assert keys.index_of({"pk": {"N": str(keys.first)}}) == 0
    assert keys.index_of({"pk": {"N": str(keys.first + off)}}) is None
    assert keys.index_of({"pk": {"N": f"{keys.first}.5"}}) is None


def test_a_range_value_past_the_partition_has_no_index() -> None:
    keys = KeySpace([KeyAttribute("pk", "N"), KeyAttribute("sk", "N")], "p", 3, 0)
    assert keys.index_of({"pk": {"N": "5"}, "sk": {"N": "2"}}) == 17
    assert keys.index_of({"pk": {"N": "5"}, "sk": {"N": "3"}}) is None


@pytest.mark.parametrize(
    ("types", "per_partition", "message"),
    [("", 1, "not 0"), ("SSS", 1, "not 3"), ("S", 2, "no range key"), ("SS", 0, "at least 1"), ("M", 1, "type M")],
)
def test_invalid_keys_are_refused(types: str, per_partition: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        KeySpace([KeyAttribute(f"k{position}", type_) for position, type_ in enumerate(types)], "p", per_partition)


@given(st.text(), indexes)
def test_dynamodb_keeps_every_digit_of_a_key_s_number(prefix: str, index: int) -> None:
    number = KeySpace([KeyAttribute("pk", "N")], prefix).key(index)["pk"]["N"]
    assert len(number) == 36
    assert int(number) == own_first(prefix) + index


@given(st.sets(st.text(), min_size=2))
def test_every_prefix_has_different_numbers(prefixes: set[str]) -> None:
    firsts = sorted(map(own_first, prefixes))
    assert all(later - first >= INDEXES for first, later in pairwise(firsts))


@pytest.mark.parametrize("type_", ["S", "B"])
def test_a_first_number_is_for_number_keys_only(type_: str) -> None:
    with pytest.raises(ValueError, match=f"keys.first: is for a partition key of type N, pk is of type {type_}"):
        KeySpace([KeyAttribute("pk", type_), KeyAttribute("sk", "N")], "p", first=1)
