# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule of a description refuses its fault, in one line at the right line of the file, and nothing beside it."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.system import checks, description
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules import (
    connect,
    containers,
    data,
    names,
    network,
    references,
    setup,
)
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from wrong_connections import CONNECTIONS
from wrong_data import ALL as OF_DATA
from wrong_descriptions import ALL as GENERAL
from wrong_descriptions import Wrong, described
from wrong_names import NAMES
from wrong_setup import SETUP

MODULES = (
    checks,
    connect,
    containers,
    data,
    names,
    network,
    references,
    setup,
    description,
)
CALLS = ("Finding", "unknown", "DescriptionError")
ALL = {
    **GENERAL,
    **CONNECTIONS,
    **OF_DATA,
    **NAMES,
    **SETUP,
}
each_fault = pytest.mark.parametrize("fault", ALL.values(), ids=list(ALL))


def written(document: dict[str, Any]) -> str:
    """Return a description as a file has it."""
    return yaml.safe_dump(document, sort_keys=False)


def line_of(text: str, path: str) -> int:
    """Return the line of a dotted path, found by the indentation of the lines."""
    lines = text.splitlines()
    number = -1
    for depth, key in enumerate(keys_of(path)):
        if key.isdigit():
            dashes = [each for each in range(number + 1, len(lines)) if lines[each].lstrip().startswith("- ")]
            number = dashes[int(key)]
        else:
            start = "  " * depth + f"{key}:"
            number = next(each for each in range(number + 1, len(lines)) if lines[each].startswith(start))
    return number + 1


def keys_of(path: str) -> list[str]:
    """Return the keys of a dotted path; one that is no word is written as JSON."""
    head, quote, rest = path.partition('"')
    return [*(key for key in head.split(".") if key), *([json.loads(quote + rest)] if quote else [])]


@each_fault
def test_a_fault_is_one_line_with_its_line_and_remedy(fault: Wrong) -> None:
    text = written(described(fault.wrong))
    (problem,) = read(text, "system.yml").problems
    assert problem.what == f"system.yml:{line_of(text, fault.path)}: {fault.path} {fault.what}"
    assert problem.remedy == fault.remedy


@each_fault
def test_the_nearest_neighbour_of_a_fault_is_accepted(fault: Wrong) -> None:
    assert read(written(described(fault.wrong, fault.right)), "system.yml").problems == []


def test_each_finding_has_a_fault_that_leads_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines that make findings, of all modules with rules, are those that the faults reach."""
    reached: set[tuple[str, int]] = set()
    for module in MODULES:
        monkeypatch.setattr(module, "Finding", _recorded(module, "Finding", reached))
        if hasattr(module, "unknown"):
            monkeypatch.setattr(module, "unknown", _recorded(module, "unknown", reached))
    for fault in ALL.values():
        assert read(written(described(fault.wrong)), "system.yml").problems
    for module in MODULES:
        for first, last in _calls(module):
            assert any((module.__name__, line) in reached for line in range(first, last + 1)), (module.__file__, first)


def _recorded(module: ModuleType, name: str, reached: set[tuple[str, int]]) -> Callable[..., Any]:
    original = getattr(module, name)

    def record(*arguments: Any) -> Any:
        found = original(*arguments)
        if name == "unknown":
            found = list(found)
        frame: FrameType | None = sys._getframe(1)
        while found and frame:
            reached.add((frame.f_globals["__name__"], frame.f_lineno))
            frame = frame.f_back
        return found if name == "Finding" else iter(found)

    return record


def _calls(module: ModuleType) -> Iterator[tuple[int, int]]:
    """Yield the lines of each call that makes a finding."""
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield node.lineno, node.end_lineno or node.lineno
