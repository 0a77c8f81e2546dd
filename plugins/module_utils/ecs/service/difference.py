# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would run instead of what: two task definitions as texts for --diff, without values of variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.rollout import short_name

ANOTHER_VALUE = " (another value)"
NAMED = {"environment": "value", "secrets": "valueFrom"}  # lists of names, and the field of the value


def definition_texts(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, str]:
    """Describe two task definitions, a line for each image, size and variable.

    Args:
        before: what runs, as DescribeTaskDefinition returns it; empty where nothing runs.
        after: what would run.

    Returns:
        Two texts. A variable or secret of the same name whose value differs is marked in the second one.
    """
    return "".join(f"{line}\n" for line in _lines(before, {})), "".join(f"{line}\n" for line in _lines(after, before))


def _lines(definition: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    if not definition:
        return
    yield f"task definition {short_name(str(definition.get('taskDefinitionArn') or ''))}"
    for name in ("cpu", "memory", "taskRoleArn", "executionRoleArn"):
        if definition.get(name):
            yield f"{name} {definition[name]}"
    others = {one["name"]: one for one in other.get("containerDefinitions") or []}
    for container in definition.get("containerDefinitions") or []:
        yield from _container_lines(container, others.get(container["name"], {}))


def _container_lines(container: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    prefix = f"container {container['name']}"
    for name in ("image", "cpu", "memory", "memoryReservation"):
        if container.get(name):
            yield f"{prefix} {name} {container[name]}"
    # A command may hold what is confidential.
    if other and container.get("command") != other.get("command"):
        yield f"{prefix} command{ANOTHER_VALUE}"
    for field, value in NAMED.items():
        before = {one["name"]: one.get(value) for one in other.get(field) or []}
        for one in sorted(container.get(field) or [], key=lambda each: str(each["name"])):
            is_other = one["name"] in before and before[one["name"]] != one.get(value)
            yield f"{prefix} {field} {one['name']}{ANOTHER_VALUE if is_other else ''}"
