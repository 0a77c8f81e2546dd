# SPDX-License-Identifier: Apache-2.0
"""Capacity units in responses, compared with sums computed by hand."""

import json
from typing import Any

import pytest
from ddbload.dynamo.responses.capacity import REMEMBERED_ANSWERS, REMEMBERED_BYTES, AnswerReader, Consumed, units
from ddbload.engine.record import OperationRecord
from hypothesis import given
from hypothesis import strategies as st

# Quarters, so that sums are exact.
amounts = st.integers(0, 4000).map(lambda quarters: quarters / 4)
index_names = st.sampled_from(["by-colour", "by-size", "local"])


def of_units(read: float, write: float, split: bool, writes: bool) -> dict[str, float]:
    """Return units as DynamoDB returns them: as one number, or as read and write units."""
    if split:
        return {"CapacityUnits": read + write, "ReadCapacityUnits": read, "WriteCapacityUnits": write}
    return {"CapacityUnits": write if writes else read}


@st.composite
def capacities(draw: st.DrawFn) -> tuple[dict[str, Any], bool, float, float, dict[str, tuple[float, float]]]:
    """Return a table's ConsumedCapacity, whether it is of a write, and its units."""
    writes, split = draw(st.booleans()), draw(st.booleans())
    parts = {name: draw(st.tuples(amounts, amounts)) for name in draw(st.lists(index_names, unique=True))}
    if not split:
        parts = {name: (0.0, write) if writes else (read, 0.0) for name, (read, write) in parts.items()}
    own = draw(amounts)
    read = (0.0 if writes else own) + sum(part[0] for part in parts.values())
    write = (own if writes else 0.0) + sum(part[1] for part in parts.values())
    reported = {name: of_units(*part, split, writes) for name, part in parts.items()}
    capacity: dict[str, Any] = {"TableName": "t"} | of_units(read, write, split, writes)
    capacity["Table"] = of_units(0.0 if writes else own, own if writes else 0.0, split, writes)
    capacity["GlobalSecondaryIndexes"] = {name: part for name, part in reported.items() if name != "local"}
    if "local" in reported:
        capacity["LocalSecondaryIndexes"] = {"local": reported["local"]}
    return capacity, writes, read, write, parts


@given(capacities())
def test_units_are_those_in_the_response(
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
    reported = units({"ConsumedCapacity": [capacity] * times}, writes)
    assert reported[:2] == (read * times, write * times)
    assert reported[2] == tuple(
        (name, part[0] * times, part[1] * times) for name, part in sorted(parts.items()) if times
    )


@pytest.mark.parametrize("document", [{}, {"ConsumedCapacity": None}, {"ConsumedCapacity": []}])
def test_response_without_units_consumed_none(document: dict[str, Any]) -> None:
    assert units(document, True) == units(document, False) == (0.0, 0.0, ())


def test_transaction_counts_reads_and_writes_separately() -> None:
    reported = {"TableName": "t", "CapacityUnits": 6.0, "ReadCapacityUnits": 2.0, "WriteCapacityUnits": 4.0}
    assert units({"ConsumedCapacity": [reported]}, True) == (2.0, 4.0, ())
    only = {"TableName": "t", "CapacityUnits": 4.0, "WriteCapacityUnits": 4.0}
    assert units({"ConsumedCapacity": [only]}, False) == (0.0, 4.0, ())


def test_a_response_is_parsed_completely() -> None:
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


def test_only_short_responses_are_cached() -> None:
    reader = AnswerReader(writes=True)
    short, long = body_of(1.0), body_of(1.0, "x" * REMEMBERED_BYTES)
    assert reader.read(short).remembered
    assert reader.remembered[short].write_units == 1.0
    assert not reader.read(long).remembered
    assert list(reader.remembered) == [short]


def test_number_of_cached_responses_is_bounded() -> None:
    reader = AnswerReader(writes=True)
    read = [reader.read(body_of(float(number))) for number in range(REMEMBERED_ANSWERS + 5)]
    assert [consumed.remembered for consumed in read] == [True] * REMEMBERED_ANSWERS + [False] * 5
    assert len(reader.remembered) == REMEMBERED_ANSWERS


@given(st.lists(st.integers(0, 8), max_size=40))
def test_counts_of_cached_responses_are_their_sums(reported: list[int]) -> None:
    reader, counted, added = AnswerReader(writes=True), OperationRecord(), OperationRecord()
    for number in reported:
        body = body_of(float(number))
        consumed = reader.remembered.get(body) or reader.read(body)
        counted.by_consumed[consumed] += 1
        added.add(consumed)
    assert len(counted.by_consumed) == len(set(reported))
    assert vars(counted.consumed()) == vars(added.consumed())
    assert counted.consumed().write_units == sum(reported)


def test_units_can_be_read_repeatedly() -> None:
    record = OperationRecord()
    record.add(Consumed(1.0, 2.0, 3, 4, 5, (("i", 0.5, 0.25),), failed=(("expected:DuplicateItem", 6),)))
    record.by_consumed[Consumed(write_units=1.0, indexes=(("i", 0.0, 1.0), ("j", 0.0, 2.0)))] += 2
    first = vars(record.consumed())
    assert first == vars(record.consumed())
    assert first == {
        "read_units": 1.0,
        "write_units": 4.0,
        "found": 3,
        "items": 6,
        "unprocessed": 5,
        "failed": {"expected:DuplicateItem": 6},
        "indexes": {"i": (0.5, 2.25), "j": (0.0, 4.0)},
    }
