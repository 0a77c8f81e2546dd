# SPDX-License-Identifier: Apache-2.0
"""Items: of exactly their size, repeatable, and joined as they are encoded."""

import json
from typing import Any

import pytest
from ddbload.dynamo.table import KeyAttribute
from ddbload.workload.items import DynamoDbItem, ItemFactory, attribute_bytes, item_bytes
from ddbload.workload.keys import KeySpace
from ddbload.workload.sizes import Fixed, LogNormal, Sizes, UniformSize
from hypothesis import given
from hypothesis import strategies as st

RUN = "20260131T120000Z-3f7868"
types = st.sampled_from("SNB")
names = st.text(max_size=3)
indexes = st.integers(0, 10**12 - 1)
versions = st.integers(0, 10**12 - 1)


def key_space(
    *types: str, prefix: str = "ddbload", per_partition: int = 1, more: str = "", first: int | None = None
) -> KeySpace:
    schema = [KeyAttribute(name + more, type_) for name, type_ in zip(("pk", "sk"), types, strict=False)]
    return KeySpace(schema, prefix, per_partition, first)


def factory(*types: str, size: int = 400, seed: int = 1, first: int | None = None) -> ItemFactory:
    return ItemFactory(key_space(*types, first=first), Fixed(size), seed, RUN)


@st.composite
def factories(draw: st.DrawFn) -> ItemFactory:
    schema = draw(st.lists(types, min_size=1, max_size=2))
    per_partition = draw(st.integers(1, 1000)) if len(schema) == 2 else 1
    first = draw(st.none() | st.integers(0, 10**36)) if schema[0] == "N" else None
    keys = key_space(*schema, prefix=draw(names), per_partition=per_partition, more=draw(names), first=first)
    attributes = [KeyAttribute(f"index%{name}", draw(types)) for name in draw(st.lists(names, max_size=3, unique=True))]
    low = draw(st.integers(250, 2000))
    kinds: list[Sizes] = [Fixed(low), UniformSize(3, low, low + 100), LogNormal(3, low, 1.0, low, 5000)]
    sizes = draw(st.sampled_from(kinds))
    expiry = draw(st.none() | st.integers(0, 2**40))
    return ItemFactory(keys, sizes, draw(st.integers(0, 2**60)), f'run"%{draw(names)}', attributes, expiry)


def updated(key: DynamoDbItem, items: ItemFactory, values: bytes) -> DynamoDbItem:
    """Apply an update of SET clauses by DynamoDB's rules."""
    names, typed = json.loads(items.names_json), json.loads(b"{%b}" % values)
    assert items.update_expression.startswith("SET ")
    pairs = [clause.split(" = ") for clause in items.update_expression[4:].split(", ")]
    assert len(pairs) == len(names) == len(typed)
    return key | {names[name]: typed[value] for name, value in pairs}


@given(factories(), indexes, versions)
def test_an_item_has_exactly_its_size(items: ItemFactory, index: int, version: int) -> None:
    assert item_bytes(items.item(index, version)) == items.sizes.size(index, version)


@given(factories(), indexes, versions)
def test_a_joined_item_is_the_encoded_item(items: ItemFactory, index: int, version: int) -> None:
    assert items.json(index, version) == json.dumps(items.item(index, version), separators=(",", ":")).encode()


@given(factories(), indexes, versions, st.binary(max_size=9), st.sampled_from([b"", b"%", b"}", b"%d%%b"]))
def test_a_writer_joins_prefix_item_and_suffix(
    items: ItemFactory, index: int, version: int, before: bytes, after: bytes
) -> None:
    """A writer puts an item between the texts that come before and after it."""
    assert items.writer(before, after)(index, version) == before + items.json(index, version) + after
    assert items.writer()(index, version) == items.json(index, version)


@given(names, st.integers(250, 500), indexes, versions, st.text(max_size=5))
def test_a_writer_of_plain_items_does_the_same(prefix: str, size: int, index: int, version: int, run: str) -> None:
    # One format string makes these; items with numbers, index attributes or varying sizes need more.
    items = ItemFactory(key_space("S", prefix=prefix), Fixed(size), 1, run)
    request = items.writer(b'{"Item":', b',"100%":1}')(index, version)
    assert request == b'{"Item":' + items.json(index, version) + b',"100%":1}'
    assert json.loads(request)["Item"] == items.item(index, version)


@given(factories(), indexes, versions)
def test_an_update_makes_the_item_that_a_put_makes(items: ItemFactory, index: int, version: int) -> None:
    key = items.keys.key(index)
    assert updated(key, items, items.values_json(index, version)) == items.item(index, version)


@given(indexes, versions, st.integers(0, 2**60))
def test_an_item_is_repeatable(index: int, version: int, seed: int) -> None:
    assert factory("S", seed=seed).json(index, version) == factory("S", seed=seed).json(index, version)


@given(factories(), indexes, versions)
def test_an_item_matches_only_its_version(items: ItemFactory, index: int, version: int) -> None:
    item = items.item(index, version)
    assert items.matches(item, index, version)
    assert not items.matches(item, index, version + 1)
    assert not items.matches(item, (index + 1) % 10**12, version)


@given(factories(), indexes, versions, st.data())
def test_a_changed_item_does_not_match(items: ItemFactory, index: int, version: int, data: st.DataObject) -> None:
    item = items.item(index, version)
    name = data.draw(st.sampled_from(sorted(item)))
    ((type_, value),) = item[name].items()
    changed = data.draw(st.sampled_from([{type_: value + "1"}, {type_: value[:-1]}, {"SS": [value]}, value, None]))
    assert not items.matches(item | {name: changed}, index, version)
    assert not items.matches(item | {"more": {"S": ""}}, index, version)
    assert not items.matches({other: item[other] for other in item if other != name}, index, version)


def test_numbers_match_in_every_notation() -> None:
    items = ItemFactory(key_space("N", first=0), Fixed(400), 1, RUN, expires_at=1_800_000_000)
    item = items.item(1200, 5)
    assert items.matches(item | {"pk": {"N": "1.2E+3"}, "expires_at": {"N": "1800000000.0"}}, 1200, 5)
    assert not items.matches(item | {"pk": {"N": "1201"}}, 1200, 5)
    assert not items.matches(item | {"pk": {"S": "1200"}}, 1200, 5)


def test_an_item_has_these_attributes() -> None:
    items = ItemFactory(key_space("S", "N"), Fixed(200), 1, RUN, [KeyAttribute("colour", "N")], 1_800_000_000)
    item = items.item(7, 3)
    assert list(item) == ["pk", "sk", "run", "seq", "expires_at", "colour", "data"]
    assert (item["run"], item["seq"], item["expires_at"]) == ({"S": RUN}, {"S": "000000000003"}, {"N": "1800000000"})


@pytest.mark.parametrize("step", [(1, 0), (0, 2), (1, 1), (3, 0)])
def test_neighbouring_items_and_versions_differ_in_their_data(step: tuple[int, int]) -> None:
    items = factory("S")
    data = {items.item(index * step[0], index * step[1])["data"]["S"] for index in range(10_000)}
    assert len(data) == 10_000


def test_the_data_depend_on_the_seed() -> None:
    assert factory("S", seed=1).item(1, 1)["data"] != factory("S", seed=2).item(1, 1)["data"]


@pytest.mark.parametrize("type_", ["S", "N", "B"])
def test_an_index_attribute_spreads_over_ten_thousand_values(type_: str) -> None:
    items = ItemFactory(key_space("S"), Fixed(400), 1, RUN, [KeyAttribute("a", type_), KeyAttribute("b", type_)])
    made = [items.item(index, 0) for index in range(20_000)]
    values = {item["a"][type_] for item in made}
    # 20,000 draws omit about 10,000 * exp(-2) values.
    assert 8_500 < len(values) < 8_800
    assert len({(item["a"][type_], item["b"][type_]) for item in made}) > 19_980


def test_the_largest_item_is_possible() -> None:
    assert item_bytes(factory("S", size=409_600).item(7, 0)) == 409_600


@given(st.lists(types, min_size=1, max_size=2), st.none() | st.integers(0, 10**36))
def test_the_smallest_size_is_enough_for_every_key(types: list[str], first: int | None) -> None:
    first = first if types[0] == "N" else None
    smallest = factory(*types, first=first).smallest()
    items = factory(*types, size=smallest, first=first)
    for index in (0, 10**11, 10**12 - 1):
        assert item_bytes(items.item(index, 0)) == smallest
        assert items.item(index, 0)["data"]["S"]
    with pytest.raises(ValueError, match=rf"item\.size: {smallest - 1} bytes are too few .* take {smallest}"):
        factory(*types, size=smallest - 1, first=first)


@pytest.mark.parametrize(
    ("key", "attributes", "expires_at", "message"),
    [
        ("expires_at", [], 5, "item.ttl: expires_at is a key, and so no time to live: leave item.ttl out"),
        ("pk", [("expires_at", "N")], 5, "item.ttl: expires_at is a key"),
        ("pk", [("pk", "S")], None, "part of the table's key"),
        ("pk", [("a", "S"), ("a", "N")], None, "same name and different types"),
    ],
)
def test_attributes_of_the_same_name_are_refused(
    key: str, attributes: list[tuple[str, str]], expires_at: int | None, message: str
) -> None:
    keys = KeySpace([KeyAttribute(key, "S")], "p")
    with pytest.raises(ValueError, match=message):
        ItemFactory(keys, Fixed(400), 1, RUN, [KeyAttribute(*attribute) for attribute in attributes], expires_at)


@pytest.mark.parametrize(
    ("keys", "indexes", "own"),
    [
        (["data"], [], ["run", "seq", "ddbload_data"]),
        (["run", "seq"], ["data"], ["ddbload_run", "ddbload_seq", "ddbload_data"]),
        (["pk"], ["data", "ddbload_data"], ["run", "seq", "ddbload_ddbload_data"]),
    ],
)
def test_item_attributes_avoid_the_names_of_keys(keys: list[str], indexes: list[str], own: list[str]) -> None:
    schema = [KeyAttribute(name, "S") for name in keys]
    items = ItemFactory(KeySpace(schema, "p"), Fixed(400), 1, RUN, [KeyAttribute(name, "S") for name in indexes])
    item = items.item(7, 3)
    assert list(items.names) == own
    assert set(item) == {*keys, *indexes, *own}
    assert (item_bytes(item), item[own[0]]) == (400, {"S": RUN})
    assert json.loads(items.json(7, 3)) == item
    assert updated(items.keys.key(7), items, items.values_json(7, 3)) == item
    assert items.matches(item, 7, 3)


def test_an_attribute_of_two_indexes_is_written_once() -> None:
    twice = [KeyAttribute("a", "S"), KeyAttribute("a", "S")]
    items = ItemFactory(key_space("S"), Fixed(400), 1, RUN, twice)
    assert items.matches(json.loads(items.json(5, 5)), 5, 5)
    assert items.names_json.count(b'"a"') == 1


@pytest.mark.parametrize(
    ("name", "type_", "value", "size"),
    [("pk", "S", "é", 4), ("pk", "N", "12345", 6), ("pk", "N", "0", 4), ("pk", "N", "1000", 4), ("pk", "B", "AAAA", 5)],
)
def test_sizes_are_counted_as_dynamodb_does(name: str, type_: str, value: Any, size: int) -> None:
    assert attribute_bytes(name, type_, value) == size
