# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of all roles, playbooks and scenarios: each argument is a text, and no mapping for want of quotes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
FILES = sorted(path for folder in ("roles", "playbooks", "molecule") for path in (ROOT / folder).rglob("*.yml"))


def arguments(node: Any) -> Iterator[Any]:
    """Yield each argument of the lists ``argv`` in a document."""
    if isinstance(node, dict):
        found = node.get("argv")
        yield from found if isinstance(found, list) else ()
        for each in node.values():
            yield from arguments(each)
    elif isinstance(node, list):
        for each in node:
            yield from arguments(each)


def of(text: str) -> list[Any]:
    """Return the arguments of all commands in a YAML file."""
    return [one for document in yaml.load_all(text, Loader=yaml.BaseLoader) for one in arguments(document)]


def test_the_commands_of_the_roles_are_found() -> None:
    assert sum(len(of(path.read_text(encoding="utf-8"))) for path in FILES) > 20
    document = "- command:\n    argv: [a]\n- block:\n    - command:\n        argv:\n          - --b={{ {'c': 1} }}\n"
    assert of(document) == ["a", {"--b={{ {'c'": "1} }}"}]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_argument_of_a_command_is_a_text(path: Path) -> None:
    assert [one for one in of(path.read_text(encoding="utf-8")) if not isinstance(one, str)] == []
