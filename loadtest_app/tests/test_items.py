# SPDX-License-Identifier: Apache-2.0
import json

import pytest
from ddbload.items import ItemFactory, attribute_bytes, item_bytes
from ddbload.keys import KeyAttribute, KeySpace
from hypothesis import given
from hypothesis import strategies as st

schemas = st.sampled_from([[("pk", "S")], [("pk", "N")], [("pk", "B")], [("pk", "S"), ("sk", "N")]])


def factory(schema: list[tuple[str, str]], size: int, seed: int = 1) -> ItemFactory:
    keys = KeySpace([KeyAttribute(name, type_) for name, type_ in schema], "ddbload")
    return ItemFactory(keys, size, seed, "20260131T120000Z-3f7868")


@given(schemas, st.integers(100, 5000), st.integers(0, 10**12 - 1), st.integers(0, 2**60))
def test_an_item_has_exactly_its_size_and_comes_out_the_same_again(
    schema: list[tuple[str, str]], size: int, index: int, seed: int
) -> None:
    item = factory(schema, size, seed).item(index)
    assert item_bytes(item) == size
    assert item == factory(schema, size, seed).item(index)


@given(schemas, st.integers(100, 5000), st.integers(0, 10**12 - 1), st.text(max_size=5), st.text(max_size=5))
def test_an_item_put_together_is_the_item_encoded(
    schema: list[tuple[str, str]], size: int, index: int, prefix: str, name: str
) -> None:
    keys = KeySpace([KeyAttribute(attribute + name, type_) for attribute, type_ in schema], prefix)
    items = ItemFactory(keys, size + 50, 1, 'run"1')
    assert items.json(index) == json.dumps(items.item(index), separators=(",", ":")).encode()
    assert json.loads(f"{{{keys.json(index)}}}") == keys.key(index)


def test_items_differ_in_their_data() -> None:
    items = factory([("pk", "S")], 400)
    assert len({items.item(index)["data"]["S"] for index in range(10_000)}) == 10_000


def test_the_largest_item_is_possible() -> None:
    assert item_bytes(factory([("pk", "S")], 409_600).item(7)) == 409_600


def test_a_size_that_cannot_hold_the_key_is_refused() -> None:
    with pytest.raises(ValueError, match=r"item\.size: 20 bytes are too few"):
        factory([("pk", "S")], 20)


def test_a_key_named_like_our_own_attribute_is_refused() -> None:
    with pytest.raises(ValueError, match="has the name of one of ddbload's own"):
        factory([("run", "S")], 400)


@pytest.mark.parametrize(
    ("name", "type_", "value", "size"),
    [("pk", "S", "é", 4), ("pk", "N", "12345", 6), ("pk", "N", "0", 4), ("pk", "N", "1000", 4), ("pk", "B", "AAAA", 5)],
)
def test_sizes_are_counted_as_dynamodb_does(name: str, type_: str, value: str, size: int) -> None:
    assert attribute_bytes(name, type_, value) == size
