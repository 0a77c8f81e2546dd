# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drawn description is valid; with one key changed it is refused with its line, or renders as well as before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import yaml
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from contract_properties import EVERY_CONTRACT
from hypothesis import given, settings
from hypothesis import strategies as st
from system_strategies import descriptions
from template_case import case_of
from template_properties import EVERY_TEMPLATE
from workload_properties import EVERY_WORKLOAD

PLACE = re.compile(r"s\.yml:([0-9]+): (\S+) ")
VALUES = (
    None,
    True,
    "x",
    "",
    "a.B",
    "registry.RepositoryUri",
    -1,
    0,
    7,
    512,
    0.5,
    10**12,
    [],
    ["x"],
    [1],
    {},
    {"x": 1},
)


@settings(max_examples=30, deadline=None)
@given(descriptions())
def test_a_drawn_description_is_read_without_a_problem(description: dict[str, Any]) -> None:
    assert read(written(description), "s.yml").problems == []


@settings(max_examples=120, deadline=None)
@given(descriptions(), st.data())
def test_a_changed_key_is_refused_with_its_line_or_renders(description: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(sorted(paths(description), key=str)))
    changed = with_change(description, path, data)
    text = written(changed)
    document = read(text, "s.yml")
    for problem in document.problems:
        found = PLACE.match(problem.what)
        assert found, problem
        assert problem.remedy
        assert "\n" not in problem.line()
        assert names_the_key(text.splitlines()[int(found[1]) - 1], found[2]), (problem, text)
    if not document.problems:
        case = case_of(document.description)
        every = (*EVERY_TEMPLATE, *EVERY_CONTRACT, *EVERY_WORKLOAD)
        assert [f"{each.__name__}: {found}" for each in every for found in each(case)] == []


def written(document: dict[str, Any]) -> str:
    """Return a description as a file has it."""
    return yaml.safe_dump(document, sort_keys=False)


def paths(document: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of each key and item of a document."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in items:
        yield (*above, key)
        yield from paths(value, (*above, key))


def with_change(document: dict[str, Any], path: tuple[str | int, ...], data: st.DataObject) -> dict[str, Any]:
    """Return a document in which one key is removed, renamed, or has another value."""
    changed = deepcopy(document)
    parent: Any = changed
    for key in path[:-1]:
        parent = parent[key]
    change = data.draw(st.sampled_from(("remove", "rename", "replace", "replace")))
    if change == "remove":
        del parent[path[-1]]
    elif change == "rename" and isinstance(parent, dict):
        parent[f"{path[-1]}{data.draw(st.sampled_from(('x', '_', '-', '1', ' ')))}"] = parent.pop(path[-1])
    else:
        parent[path[-1]] = data.draw(st.sampled_from(VALUES))
    return changed


def names_the_key(line: str, dotted: str) -> bool:
    """Return whether a line holds one of the keys of a dotted path, or stands for the whole description."""
    keys = re.findall(r'"[^"]*"|[\w-]+', dotted)
    return dotted == "the" or any(key.strip('"') in line or key.isdigit() for key in keys)
