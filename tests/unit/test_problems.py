# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Code decides by the kind of a problem: it never looks for the arrow of a line, which text/problem.py writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
# The one file that knows the arrow.
WRITER = PLUGINS / "module_utils" / "text" / "problem.py"
LOOKS = {"partition", "rpartition", "split", "rsplit", "find", "rfind", "index", "rindex", "count", "replace"}
LOOKS |= {"startswith", "endswith", "removeprefix", "removesuffix"}


def is_arrow(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip() == "->"


def searches(source: str) -> Iterator[int]:
    """Yield the lines of a source that search a text for an arrow: by ``in``, by ``==``, or by a method of str."""
    for node in ast.walk(ast.parse(source)):
        searched: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            searched = [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LOOKS:
            searched = node.args
        if any(map(is_arrow, searched)):
            yield node.lineno


@pytest.mark.parametrize(
    "source",
    [
        'told.partition(" -> ")[2]',
        'join = "; or" if " -> " in told else " -> "',
        'told.split("->")',
        'x = told.find(" ->") + 1',
        'is_arrow = mark == "->"',
    ],
)
def test_a_search_is_found(source: str) -> None:
    assert list(searches(source)) == [1]


@pytest.mark.parametrize("source", ['line = f"{what} -> {remedy}"', 'told + " -> " + remedy', '"a -> b" in lines'])
def test_writing_an_arrow_is_no_search(source: str) -> None:
    assert list(searches(source)) == []


def test_no_plugin_searches_a_line_for_its_arrow() -> None:
    files = sorted(PLUGINS.rglob("*.py"))
    assert WRITER in files
    assert {path.name: lines for path in files if (lines := list(searches(path.read_text(encoding="utf-8"))))} == {}
