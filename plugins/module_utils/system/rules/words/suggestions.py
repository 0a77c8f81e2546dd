# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to do at an unknown key of a description that is a word of another tool."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Path
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.words.copilot import (
    ENVIRONMENT_REMEDIES,
    OF_WORKLOADS,
    WORKLOAD_REMEDIES,
    Words,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.words.others import (
    DESCRIPTION_REMEDIES,
    OF_DESCRIPTIONS,
    OF_LOAD_BALANCERS,
    OF_QUEUES,
    OF_TASKS,
    QUEUE_REMEDIES,
    TASK_REMEDIES,
)

SIDECARS = "sidecars"
# Stands for any name in a word.
NAME = "<name>"
OF_A_SIDECAR = f"{SIDECARS}.{NAME}."
# Mappings of a word's tool whose keys are names.
NAMED = ("environment", "secrets", "variables", "volumes")
# Sections of tasks, with the number of keys that lead to one.
TASKS: Mapping[str, int] = {"services": 2, "jobs": 2, "defaults": 1}


def _hints(words: Words, remedies: Words, of: str = "") -> dict[str, str]:
    return {**{word: f"did you mean {ours}{of}?" for word, ours in words.items()}, **remedies}


_OF_TASKS = {**_hints(OF_TASKS, TASK_REMEDIES), **_hints(OF_WORKLOADS, WORKLOAD_REMEDIES)}
_OF_SIDECARS = {
    **_OF_TASKS,
    **{word.removeprefix(OF_A_SIDECAR): hint for word, hint in _OF_TASKS.items() if word.startswith(OF_A_SIDECAR)},
}
_OF_DESCRIPTIONS = {
    # A manifest that stands alone in the file.
    **_hints(OF_WORKLOADS, WORKLOAD_REMEDIES, of=" in an entry of services or jobs"),
    **ENVIRONMENT_REMEDIES,
    **_hints(OF_DESCRIPTIONS, DESCRIPTION_REMEDIES),
}
_OF_SECTIONS = {
    "queues": _hints(OF_QUEUES, QUEUE_REMEDIES),
    "load_balancers": _hints(OF_LOAD_BALANCERS, {}),
}


def suggestions(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """Yield the words of other tools at an unknown key, each with what to do.

    Args:
        path: of the key.
        value: at the key; the words in a mapping come before the key itself.
    """
    hints, start = _hints_at(path)
    found = [(path + inner, hint) for inner in _inside(value, ()) if (hint := hints.get(_word(start + inner)))]
    deepest = [each for each in found if not any(_is_inside(other[0], each[0]) for other in found)]
    yield from deepest


def _hints_at(path: Path) -> tuple[Words, Path]:
    """Return the hints of a section by their words, and the keys of a path in it."""
    section = str(path[0])
    if section in TASKS and len(path) > TASKS[section]:
        inside = path[TASKS[section] :]
        return (_OF_SIDECARS, inside[2:]) if inside[0] == SIDECARS and len(inside) > 2 else (_OF_TASKS, inside)
    if section in _OF_SECTIONS:
        return _OF_SECTIONS[section], path[2:]
    return _OF_DESCRIPTIONS, path


def _word(path: Path) -> str:
    """Return the dotted form of a path, with names replaced."""
    keys = [NAME if number and path[number - 1] in NAMED else str(key) for number, key in enumerate(path)]
    return ".".join(keys)


def _is_inside(path: Path, other: Path) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _inside(value: Any, path: Path) -> Iterator[Path]:
    """Yield the path itself, and that of each key in nested mappings."""
    yield path
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _inside(each, (*path, key))
