# SPDX-License-Identifier: Apache-2.0
"""Scenario files in YAML: read as the JSON that they stand for, where PyYAML is installed."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ddbload.scenario.load import load
from ddbload.scenario.scenario import Scenario, ScenarioError
from hypothesis import given, settings
from scenario.test_scenario import documents


def loaded(path: Path, text: str) -> Scenario:
    path.write_text(text, encoding="utf-8")
    return load(str(path), [], {}, "test-table")


def problem(path: Path, text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        loaded(path, text)
    (line,) = caught.value.problems
    assert "\n" not in line
    return line


@settings(max_examples=30)
@given(documents())
def test_yaml_is_read_as_the_json_it_stands_for(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("scenario")
    in_json = loaded(folder / "scenario.json", json.dumps(document))
    assert loaded(folder / "scenario.yml", yaml.safe_dump(document)) == in_json
    assert loaded(folder / "scenario.yaml", yaml.safe_dump(document, default_flow_style=True)) == in_json


def test_comments_anchors_and_numbers_as_names_are_fine(tmp_path: Path) -> None:
    text = """
    # yaml-language-server: $schema=scenario.schema.json
    item: {size: {type: choices, weights: {400: 9, 4000: 1}}}
    mix:
      get: &often {weight: 3, keys: zipfian}
      query: *often
    """
    made = loaded(tmp_path / "scenario.yml", text)
    assert made.item.size == {"type": "choices", "weights": {"400": 9, "4000": 1}}
    assert made.mix["query"].weight == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("plan: [", "is not YAML of a scenario: while parsing"),
        ("plan: !!python/object/apply:os.system [ls]", "could not determine a constructor"),
        ("seed: 2026-01-31", "date is not JSON serializable"),
        ("seed: &part [*part]", "Circular reference"),
        ("- 1", "must be a JSON object, got a list"),
        ("", "must be a JSON object, got null"),
        ("[" * 5000, "nested too deep"),
        ("plan: 1\n---\nplan: 2", "expected a single document"),
        ("plan: {rate: 1e3}", 'plan.rate: must be a number from 0 to 1,000,000 (operations a second), got "1e3"'),
    ],
)
def test_yaml_that_is_no_scenario_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    assert words in problem(tmp_path / "scenario.yml", text)


def test_aliases_that_stand_for_gigabytes_are_refused(tmp_path: Path) -> None:
    layers = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    layers += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "aliases stand for more than 1,048,576" in problem(tmp_path / "scenario.yml", "\n".join(layers))


def test_yaml_without_pyyaml_has_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML is missing, as in the image, a YAML file is refused in one line, and JSON is read."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    found = problem(tmp_path / "scenario.yml", "seed: 1")
    assert found.endswith("PyYAML is not installed here -> convert it to JSON, or install PyYAML beside ddbload")
    assert loaded(tmp_path / "scenario.json", '{"seed": 4}').seed == 4
