# SPDX-License-Identifier: Apache-2.0
"""The schema accepts what the reader accepts, and refuses what a schema can know to be wrong."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from authoring.wrong_scenarios import Wrong, wrong
from ddbload import cli
from ddbload.authoring import schema
from ddbload.scenario import entries, plan, scenario, thresholds
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from scenario.test_reader import json_values
from scenario.test_scenario import documents

PUBLISHED = Path(__file__).parents[3] / "docs" / "scenario.schema.json"
VALIDATOR = Draft7Validator(schema.schema())


def is_accepted(document: Any) -> bool:
    """Whether the schema accepts a document."""
    return VALIDATOR.is_valid(document)


def is_read(document: dict[str, Any]) -> bool:
    """Whether the reader accepts a document."""
    try:
        scenario.parse({"table": "test-table"} | document)
    except scenario.ScenarioError:
        return False
    return True


def test_the_published_schema_is_the_printed_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The published schema is current; ``ddbload schema > docs/scenario.schema.json`` writes it."""
    assert cli.main(["schema"]) == 0
    assert capsys.readouterr().out == PUBLISHED.read_text(encoding="utf-8")


def test_the_schema_is_one_of_draft_7() -> None:
    Draft7Validator.check_schema(schema.schema())


@settings(max_examples=300)
@given(documents())
def test_what_the_reader_accepts_the_schema_accepts(document: dict[str, Any]) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    whole = json.loads(json.dumps(scenario.parse(document).to_document()))
    assert [error.message for error in VALIDATOR.iter_errors(whole)] == []


def leaves(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every part of a document."""
    pairs = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for name, value in pairs:
        yield (*path, name)
        yield from leaves(value, (*path, name))


@settings(max_examples=300)
@given(documents(), st.data())
def test_no_change_is_read_and_refused_by_the_schema(document: dict[str, Any], data: st.DataObject) -> None:
    """A change of one part is never accepted by the reader and refused by the schema."""
    changed = copy.deepcopy(document)
    *above, last = data.draw(st.sampled_from(list(leaves(changed))))
    part: Any = changed
    for name in above:
        part = part[name]
    part[last] = data.draw(json_values | st.integers(-1, 10**6) | st.floats(-1, 10**6))
    if is_read(changed):
        assert is_accepted(changed)


@given(documents(), st.text(max_size=5), st.data())
def test_a_field_of_no_object_is_refused_by_both(document: dict[str, Any], name: str, data: st.DataObject) -> None:
    """A field that an object does not have is refused in every object whose names are fixed."""
    changed = copy.deepcopy(document)
    path = data.draw(st.sampled_from([path for path in leaves(changed) if path[-1] not in ("mix", "weights")]))
    part: Any = changed
    for step in path:
        part = part[step]
    if isinstance(part, dict):
        part["no field " + name] = 1
        assert not is_read(changed)
        assert not is_accepted(changed)


@pytest.mark.parametrize("case", wrong(), ids=lambda case: json.dumps(case.document)[:60])
def test_what_a_schema_can_know_is_refused(case: Wrong) -> None:
    assert not is_read(case.document)
    assert is_accepted(case.document) == case.is_beyond


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"$schema": "scenario.schema.json"},
        {"mix": {"put": 3, "get": {"keys": "zipfian"}, "own": {"operation": "scan", "segments": 3}}},
        {"mix": {"put": {"operation": "get", "consistent": True}}},
        {"plan": {"type": "sine", "mean": 400, "amplitude": 300}},
        {"plan": {"type": "closed", "duration": 5}},
        {"plan": {"type": "closed", "duration": 5, "operations": 9}},
        {"plan": {"type": "spike", "duration": 90, "at": 50}},
        {"item": {"size": {"type": "choices", "weights": {"0400": 1}}}},
        {"item": {"size": 1}, "cleanup": True, "keys": {"first": 10**36}},
        {"keys": {"first": None}},
        {"thresholds": [" put.p99.9<=1.5s ", {"threshold": "failed < 1%", "abort": True, "grace": 0}]},
    ],
)
def test_each_form_of_a_field_is_accepted_by_both(document: dict[str, Any]) -> None:
    assert is_read(document)
    assert is_accepted(document)


@pytest.mark.parametrize("metric", thresholds.METRICS)
@pytest.mark.parametrize("unit", ["", "us", "ms", "s", "%", "$"])
@pytest.mark.parametrize("operation", ["", "put."])
def test_thresholds_are_accepted_as_by_their_parser(metric: str, unit: str, operation: str) -> None:
    expression = f"{operation}{metric} < 5{unit}"
    try:
        thresholds.parse(expression)
    except thresholds.ThresholdError:
        assert not is_accepted({"thresholds": [expression]})
    else:
        assert is_accepted({"thresholds": [expression]})


def test_every_plan_and_operation_is_offered() -> None:
    properties = schema.schema()["properties"]
    assert properties["plan"]["properties"]["type"]["enum"] == list(plan.KINDS)
    assert list(properties["mix"]["properties"]) == list(entries.OPERATIONS)
