# SPDX-License-Identifier: Apache-2.0
"""The reader of documents: each field is valid, or has a problem of one line."""

import json
import math
from typing import Any

import pytest
from ddbload.scenario.reader import LONGEST_SHOWN, Reader, is_integer, is_number, show
from hypothesis import given
from hypothesis import strategies as st

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def problems_of(reader: Reader) -> list[str]:
    reader.finish()
    return reader.problems


@given(json_values)
def test_a_whole_number_is_accepted_within_its_bounds(value: Any) -> None:
    reader = Reader({"field": value})
    taken = reader.integer("field", 7, 1, 10)
    right = type(value) is int and 1 <= value <= 10
    assert taken == (value if right else 7)
    assert len(problems_of(reader)) == (0 if right else 1)


@given(json_values)
def test_a_number_is_accepted_within_its_bounds(value: Any) -> None:
    reader = Reader({"field": value})
    taken = reader.number("field", 7.0, 1, 10, "seconds")
    right = type(value) in (int, float) and 1 <= value <= 10
    assert (taken, type(taken)) == (value if right else 7.0, float)
    assert len(problems_of(reader)) == (0 if right else 1)


@given(json_values)
def test_a_problem_of_any_value_is_one_line(value: Any) -> None:
    reader = Reader({"a": value, "b": value, "c": value, "d": value, "e": value})
    reader.integer("a", 1, 1, 1)
    reader.boolean("b", True)
    reader.text("c", "x", "a text of a character", 1)
    reader.choice("d", "one", ("one", "two"))
    reader.section("e").integer("f", 1, 1, 1)
    for problem in problems_of(reader):
        assert "\n" not in problem
        assert problem.startswith("scenario: ")


@given(json_values)
def test_a_value_is_shown_as_short_json(value: Any) -> None:
    text = json.dumps(value)
    assert len(show(value)) <= LONGEST_SHOWN
    assert show(value) == text or show(value) == text[: LONGEST_SHOWN - 3] + "..."


def test_bounds_are_inclusive_and_values_beyond_are_reported() -> None:
    reader = Reader({"low": 1, "high": 3, "below": 0, "above": 4})
    assert [reader.integer(name, 2, 1, 3) for name in ("low", "high", "below", "above")] == [1, 3, 2, 2]
    assert problems_of(reader) == [
        "scenario: below: must be a whole number from 1 to 3, got 0",
        "scenario: above: must be a whole number from 1 to 3, got 4",
    ]


def test_a_field_without_a_valid_default_is_required() -> None:
    reader = Reader({})
    assert reader.text("table", "", "the name of a table", 3) == ""
    assert problems_of(reader) == ["scenario: table: must be the name of a table, but is missing"]
    reader = Reader({"table": ""})
    reader.text("table", "", "the name of a table", 3)
    assert problems_of(reader) == ['scenario: table: must be the name of a table, got ""']


def test_texts_choices_and_booleans() -> None:
    reader = Reader({"text": "x" * 1024, "choice": "two", "truth": False})
    assert reader.text("text", "", "a text") == "x" * 1024
    assert reader.choice("choice", "one", ("one", "two")) == "two"
    assert reader.boolean("truth", True) is False
    assert problems_of(reader) == []
    reader = Reader({"text": "x" * 1025, "choice": ["two"], "truth": 0})
    assert reader.text("text", "", "a text") == ""
    assert reader.choice("choice", "one", ("one", "two")) == "one"
    assert reader.boolean("truth", True) is True
    assert [problem.partition(": must")[0] for problem in problems_of(reader)] == [
        "scenario: text",
        "scenario: choice",
        "scenario: truth",
    ]


def test_a_problem_has_its_path() -> None:
    reader = Reader({"plan": {"stages": [{"rate": -1}]}, "keys": 5})
    plan = reader.section("plan")
    plan.child("stages[0]", plan.take("stages", [])[0]).integer("rate", 1, 0, 9)
    reader.section("keys").integer("count", 1, 0, 9)
    plan.problem("", "is odd")
    reader.problem("", "is odd")
    assert problems_of(reader) == [
        "scenario: plan.stages[0].rate: must be a whole number from 0 to 9, got -1",
        "scenario: keys: must be an object, got 5",
        "scenario: plan: is odd",
        "scenario: is odd",
    ]


def test_read_fields_are_kept_with_their_defaults() -> None:
    reader = Reader({"rate": 5, "unknown": 1})
    reader.integer("rate", 1, 0, 9)
    reader.number("duration", 10.0, 0, 60, "seconds")
    reader.boolean("enabled", True)
    assert reader.values == {"rate": 5, "duration": 10.0, "enabled": True}


def test_a_missing_section_has_its_default() -> None:
    assert Reader({}).section("size").document == {}
    assert Reader({}).section("size", {"type": "uniform"}).document == {"type": "uniform"}


def test_unknown_fields_are_reported_at_any_depth() -> None:
    reader = Reader({"conections": 4, "plan": {"rat": 1}, "x": 1})
    reader.integer("connections", 4, 1, 9)
    reader.section("plan").integer("rate", 1, 0, 9)
    assert problems_of(reader) == [
        "scenario: conections: is no field of a scenario; did you mean connections?",
        "scenario: x: is no field of a scenario; known are connections, plan",
        "scenario: plan.rat: is no field of a scenario; did you mean rate?",
    ]


@pytest.mark.parametrize("document", [None, 5, "text", [1], True])
def test_another_type_than_an_object_is_a_problem(document: Any) -> None:
    reader = Reader(document, "mix")
    assert reader.integer("weight", 1, 0, 9) == 1
    assert problems_of(reader) == [f"scenario: mix: must be an object, got {json.dumps(document)}"]


@pytest.mark.parametrize(
    ("value", "integer", "number"),
    [(1, True, True), (1.5, False, True), (True, False, False), ("1", False, False), (math.inf, False, False)],
)
def test_booleans_and_infinity_are_no_numbers(value: Any, integer: bool, number: bool) -> None:
    assert (is_integer(value), is_number(value)) == (integer, number)
