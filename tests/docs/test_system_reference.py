# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference of a system's description, and the tests that docs/systems.md names."""

from __future__ import annotations

import ast
import json
import re

import pytest
from fences import ROOT
from system_reference import PAGE, SCHEMA, page

SYSTEMS = ROOT / "docs" / "systems.md"
NAMED_TEST = re.compile(r"`((?:bench/)?tests/[\w/]+\.py)::(\w+)`")
STATES = ("shown", "account only")


def state_problems(text: str) -> list[str]:
    """Return the rows of the table of what is shown whose state or test is wrong."""
    wrong = []
    for line in re.findall(r"^\| [SCTR]\d[a-z]? .*$", text, re.MULTILINE):
        state = line.split(" | ")[2]
        tests = NAMED_TEST.findall(line)
        if state not in STATES or (state == "shown") != bool(tests):
            wrong.append(line)
        wrong += [f"{path}::{name}" for path, name in tests if name not in defined_in(path)]
    return wrong


def defined_in(path: str) -> set[str]:
    """Return the names of the functions of a file, none where it does not exist."""
    file = ROOT / path
    tree = ast.parse(file.read_text(encoding="utf-8")) if file.is_file() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_page_agrees_with_the_schema() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python tests/docs/system_reference.py"


def test_every_key_of_the_schema_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for definition in [schema, *schema["$defs"].values()]:
        for key in definition.get("properties", {}):
            assert f"| `{key}` |" in text


def test_each_test_that_the_page_names_exists() -> None:
    text = SYSTEMS.read_text(encoding="utf-8")
    assert NAMED_TEST.search(text)
    assert state_problems(text) == []


@pytest.mark.parametrize(
    "line",
    [
        "| S1 | roles | shown | nothing |",
        "| S1 | roles | shown | `tests/docs/test_links.py::test_nothing` |",
        "| S1 | roles | not yet | `tests/docs/test_system_reference.py::state_problems` |",
        "| S1a | roles | perhaps | |",
    ],
)
def test_a_wrong_state_is_found(line: str) -> None:
    assert state_problems(line)
