# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page for readers from AWS Copilot: each key that Copilot documents, each word of this project, each hint."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.words.copilot import (
    ENVIRONMENT_REMEDIES,
    OF_WORKLOADS,
    WORKLOAD_REMEDIES,
)
from copilot_keys import ENVIRONMENT, PIPELINE, WORKLOADS
from fences import ROOT
from known_variables import known

PAGE = ROOT / "docs" / "copilot.md"
SCHEMA = json.loads((ROOT / "systems" / "schema.json").read_text(encoding="utf-8"))
NO_WORD = "**no word**"
REMOVE = "remove it"
# Sections of the page with the keys that Copilot documents for them.
SECTIONS = {
    "### Services and jobs": WORKLOADS,
    "### The environment's manifest": set(ENVIRONMENT),
    "### The pipeline's manifest": set(PIPELINE),
}
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


class Row(NamedTuple):
    """A row of a table: the keys of Copilot, the words of this project, and the text with them."""

    keys: list[str]
    words: list[str]
    text: str


def rows(title: str) -> list[Row]:
    """Return the rows of the table in a section of the page."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n{title}\n")[2].partition("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("| `")]
    cells = [re.split(r" \| ", LINK.sub(r"\1", line).strip("| ")) for line in lines]
    return [Row(CODE.findall(left), CODE.findall(right), right) for left, right in cells]


def keys_in(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each key in nested mappings, and each value of a key as its last step."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from keys_in(each, (*path, str(key)))
    elif isinstance(value, list):
        for each in value:
            yield from keys_in(each, path)
    else:
        yield (*path, str(value))


def leads_to_a_key(path: tuple[str, ...], part: Any) -> bool:
    """Return whether the steps of a path are keys of the schema's part, or values that it permits."""
    while "$ref" in part:
        part = SCHEMA["$defs"][part["$ref"].rpartition("/")[2]]
    if not path:
        return True
    first, rest = path[0], path[1:]
    if "items" in part:
        return leads_to_a_key(path, part["items"])
    if first in part.get("properties", {}):
        return leads_to_a_key(rest, part["properties"][first])
    if isinstance(part.get("additionalProperties"), dict):
        return leads_to_a_key(rest, part["additionalProperties"])
    if "enum" in part:
        return not rest and first in part["enum"]
    return not rest and part.get("type") not in ("object", None)


def is_word(word: str) -> bool:
    """Return whether a word is a key, with or without a value, a variable of an inventory, or a file."""
    if "/" in word and (ROOT / word).exists():
        return True
    name, _colon, value = word.partition(": ")
    if name == "role" and value:
        return (ROOT / "roles" / value).is_dir()
    if name in known() or name == "system_values":
        return True
    written = yaml.safe_load(word) if ": " in word else None
    paths = list(keys_in(written)) if written else [tuple(word.split("."))]
    nested = [tuple(step for key in path for step in key.split(".")) if not written else path for path in paths]
    starts = [SCHEMA, SCHEMA["$defs"]["service"], SCHEMA["$defs"]["job"], SCHEMA["$defs"]["component"]]
    return any(all(leads_to_a_key(path, start) for path in nested) for start in starts)


@pytest.mark.parametrize("title", SECTIONS)
def test_the_table_has_each_documented_key(title: str) -> None:
    """A key is in one row, or below a key for which no word exists; no other key is in a row."""
    found = [key for row in rows(title) for key in row.keys]
    assert sorted(found) == sorted(set(found))
    absent = {key for row in rows(title) if NO_WORD in row.text for key in row.keys}
    missing = {key for key in SECTIONS[title] - set(found) if not any(key.startswith(f"{each}.") for each in absent)}
    assert missing == set()
    assert set(found) - SECTIONS[title] == set()


@pytest.mark.parametrize("title", SECTIONS)
def test_each_word_of_the_table_exists(title: str) -> None:
    assert [word for row in rows(title) for word in row.words if not is_word(word)] == []


@pytest.mark.parametrize(
    "word",
    [
        "desired_counts",
        "scaling.range",
        "load_balancer.path",
        "queues.<name>.delay",
        "role: build_pull",
        "uses: {orders: [publish]}",
        "network_vpc",
        "systems/nothing/system.yml",
    ],
)
def test_an_invented_word_is_found(word: str) -> None:
    assert not is_word(word)


def test_hints_and_table_agree() -> None:
    """An error names the words of the key's row; it says to remove a key where the row has no word."""
    tables = {
        "### Services and jobs": {**OF_WORKLOADS, **WORKLOAD_REMEDIES},
        "### The environment's manifest": ENVIRONMENT_REMEDIES,
    }
    for title, hints in tables.items():
        by_key = {key: row for row in rows(title) for key in row.keys}
        for key, hint in hints.items():
            below = [row for each, row in by_key.items() if each.startswith(f"{key}.")]
            row = by_key[key] if key in by_key else below[0]
            if key in OF_WORKLOADS:
                named = [word for each in [row, *below] for word in each.words]
                assert set(hint.split(" and ")) <= set(named), key
            else:
                assert hint.startswith(REMOVE) == (NO_WORD in row.text), key
                last = {word.partition(":")[0].rpartition(".")[2] for word in row.words}
                assert hint.startswith(REMOVE) or last & set(re.findall(r"\w+", hint)), key


def test_each_key_of_the_table_has_a_hint() -> None:
    """A key without a hint is a key of this project, too."""
    hints = {**OF_WORKLOADS, **WORKLOAD_REMEDIES}
    for row in rows("### Services and jobs"):
        for key in row.keys:
            inner = re.sub(r"^sidecars\.<name>\.", "", key)
            assert key in hints or inner in hints or is_word(key), key
    assert set(ENVIRONMENT) == set(ENVIRONMENT_REMEDIES)
