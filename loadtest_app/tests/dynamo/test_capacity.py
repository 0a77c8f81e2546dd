# SPDX-License-Identifier: Apache-2.0
"""What answers tell: capacity units as DynamoDB writes them, held against sums made by hand."""

import json
from typing import Any

import pytest
from ddbload.dynamo.capacity import REMEMBERED_ANSWERS, REMEMBERED_BYTES, AnswerReader, Consumed, units
from ddbload.engine.record import OperationRecord
from hypothesis import given
from hypothesis import strategies as st

# Quarters, so that sums are exact.
amounts = st.integers(0, 4000).map(lambda quarters: quarters / 4)
index_names = st.sampled_from(["by-colour", "by-size", "local"])


def of_units(read: float, write: float, split: bool, writes: bool) -> dict[str, float]:
    """Return units as DynamoDB tells them: as one number, or read and write units apart."""
    if split:
        return {"CapacityUnits": read + write, "ReadCapacityUnits": read, "WriteCapacityUnits": write}
    return {"CapacityUnits": write if writes else read}


@st.composite
def capacities(draw: st.DrawFn) -> tuple[dict[str, Any], bool, float, float, dict[str, tuple[float, float]]]:
    """Return a table's ConsumedCapacity, whether it is of a write, and what it says."""
    writes, split = draw(st.booleans()), draw(st.booleans())
    parts = {name: draw(st.tuples(amounts, amounts)) for name in draw(st.lists(index_names, unique=True))}
    if not split:
        parts = {name: (0.0, write) if writes else (read, 0.0) for name, (read, write) in parts.items()}
    own = draw(amounts)
    read = (0.0 if writes else own) + sum(part[0] for part in parts.values())
    write = (own if writes else 0.0) + sum(part[1] for part in parts.values())
    told = {name: of_units(*part, split, writes) for name, part in parts.items()}
    capacity: dict[str, Any] = {"TableName": "t"} | of_units(read, write, split, writes)
    capacity["Table"] = of_units(0.0 if writes else own, own if writes else 0.0, split, writes)
    capacity["GlobalSecondaryIndexes"] = {name: part for name, part in told.items() if name != "local"}
    if "local" in told:
        capacity["LocalSecondaryIndexes"] = {"local": told["local"]}
    return capacity, writes, read, write, parts


@given(capacities())
def test_units_are_those_that_dynamodb_tells(
    case: tuple[dict[str, Any], bool, float, float, dict[str, tuple[float, float]]],
) -> None:
    capacity, writes, read, write, parts = case
    by_index = tuple((name, *part) for name, part in sorted(parts.items()))
    assert units({"ConsumedCapacity": capacity}, writes) == (read, write, by_index)
    assert units({"ConsumedCapacity": [capacity]}, writes) == (read, write, by_index)


@given(capacities(), st.integers(0, 4))
def test_units_of_a_batch_are_added_up(
    case: tuple[dict[str, Any], bool, float, float, dict[str, tuple[float, float]]], times: int
) -> None:
    capacity, writes, read, write, parts = case
    told = units({"ConsumedCapacity": [capacity] * times}, writes)
    assert told[:2] == (read * times, write * times)
    assert told[2] == tuple((name, part[0] * times, part[1] * times) for name, part in sorted(parts.items()) if times)


@pytest.mark.parametrize("document", [{}, {"ConsumedCapacity": None}, {"ConsumedCapacity": []}])
def test_an_answer_that_tells_no_units_consumed_none(document: dict[str, Any]) -> None:
    assert units(document, True) == units(document, False) == (0.0, 0.0, ())


def test_a_transaction_tells_reads_and_writes_apart() -> None:
    told = {"TableName": "t", "CapacityUnits": 6.0, "ReadCapacityUnits": 2.0, "WriteCapacityUnits": 4.0}
    assert units({"ConsumedCapacity": [told]}, True) == (2.0, 4.0, ())
    only = {"TableName": "t", "CapacityUnits": 4.0, "WriteCapacityUnits": 4.0}
    assert units({"ConsumedCapacity": [only]}, False) == (0.0, 4.0, ())


def test_an_answer_is_read_whole() -> None:
    capacity = {"TableName": "t", "CapacityUnits": 1.5}
    got = AnswerReader(writes=False).read(
        json.dumps({"ConsumedCapacity": capacity, "Item": {"pk": {"S": "x"}}}).encode()
    )
    assert (got.read_units, got.write_units, got.found, got.items, got.unprocessed) == (1.5, 0.0, 1, 1, 0)
    none = AnswerReader(writes=False).read(json.dumps({"ConsumedCapacity": capacity}).encode())
    assert (none.read_units, none.found, none.items) == (1.5, 0, 1)
    put = AnswerReader(writes=True).read(json.dumps({"ConsumedCapacity": capacity}).encode())
    assert (put.read_units, put.write_units, put.found) == (0.0, 1.5, 0)
    assert AnswerReader(writes=True).read(b"{}").write_units == 0.0


def body_of(write_units: float, more: str = "") -> bytes:
    return json.dumps({"ConsumedCapacity": {"CapacityUnits": write_units}, "more": more}).encode()


def test_a_short_answer_is_remembered_and_a_long_one_is_not() -> None:
    reader = AnswerReader(writes=True)
    short, long = body_of(1.0), body_of(1.0, "x" * REMEMBERED_BYTES)
    assert reader.read(short).remembered
    assert reader.remembered[short].write_units == 1.0
    assert not reader.read(long).remembered
    assert list(reader.remembered) == [short]


def test_only_so_many_answers_are_remembered() -> None:
    reader = AnswerReader(writes=True)
    read = [reader.read(body_of(float(number))) for number in range(REMEMBERED_ANSWERS + 5)]
    assert [consumed.remembered for consumed in read] == [True] * REMEMBERED_ANSWERS + [False] * 5
    assert len(reader.remembered) == REMEMBERED_ANSWERS


@given(st.lists(st.integers(0, 8), max_size=40))
def test_counting_what_is_remembered_is_adding_it_up(told: list[int]) -> None:
    reader, counted, added = AnswerReader(writes=True), OperationRecord(), OperationRecord()
    for number in told:
        body = body_of(float(number))
        consumed = reader.remembered.get(body) or reader.read(body)
        counted.told[consumed] += 1
        added.add(consumed)
    assert len(counted.told) == len(set(told))
    assert vars(counted.consumed()) == vars(added.consumed())
    assert counted.consumed().write_units == sum(told)


def test_what_was_told_can_be_asked_for_again_and_again() -> None:
    record = OperationRecord()
    record.add(Consumed(1.0, 2.0, 3, 4, 5, (("i", 0.5, 0.25),)))
    record.told[Consumed(write_units=1.0, indexes=(("i", 0.0, 1.0), ("j", 0.0, 2.0)))] += 2
    first = vars(record.consumed())
    assert first == vars(record.consumed())
    assert first == {
        "read_units": 1.0,
        "write_units": 4.0,
        "found": 3,
        "items": 6,
        "unprocessed": 5,
        "indexes": {"i": (0.5, 2.25), "j": (0.0, 4.0)},
    }
