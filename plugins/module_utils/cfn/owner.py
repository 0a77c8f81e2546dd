# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a stack is: names alone do not tell, since "a" and "b-c" make the same ones as "a-b" and "c"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import Standing, parameters_of, standing

# The parameters of every template, and the tags that role stack sets on every stack.
OWNER_KEYS = ("Project", "Environment")


def owner_of(described: Mapping[str, Any]) -> dict[str, str]:
    """Return the project and the environment that a stack says it belongs to.

    Args:
        described: the stack as DescribeStacks tells of it.

    Returns:
        The values of `OWNER_KEYS`, as far as there are any: of its parameters, which only an update of the stack
        changes, else of its tags.
    """
    found = tag_map(described.get("Tags") or []) | parameters_of(described)
    return {key: str(found[key]) for key in OWNER_KEYS if found.get(key)}


def foreign_owner(described: Mapping[str, Any] | None, owner: Mapping[str, str] | None) -> str:
    """Say to whom a stack belongs if that is somebody else.

    Args:
        described: the stack as DescribeStacks tells of it; None where there is none.
        owner: values by key of `OWNER_KEYS`; empty where any stack will do.

    Returns:
        Such as "project a-b, environment c"; empty where the stack is the owner's, or is not there.
    """
    if not described or not owner:
        return ""
    found = owner_of(described)
    # AWS tells neither tags nor parameters of a stack that a change set made and in which nothing is yet.
    if not found and standing(described) is Standing.REVIEW:
        return ""
    if all(found.get(key) == value for key, value in owner.items()):
        return ""
    return owner_text(found) or "somebody else: neither its parameters nor its tags name a Project and an Environment"


def check_owner(described: Mapping[str, Any] | None, owner: Mapping[str, str] | None) -> None:
    """Check that a stack does not belong to somebody else.

    Args:
        described: the stack as DescribeStacks tells of it; None where there is none.
        owner: values by key of `OWNER_KEYS`; empty where any stack will do.

    Raises:
        StackRequestError: it does; the message says whose it is.
    """
    if described and owner and (whose := foreign_owner(described, owner)):
        raise StackRequestError(
            f"stack {described['StackName']} belongs to {whose}, and you call for {owner_text(owner)} "
            "-> choose another ddbload_project, or another name for the environment"
        )


def owner_text(owner: Mapping[str, str]) -> str:
    """Write an owner for a person: "project a, environment b"."""
    return ", ".join(f"{key.lower()} {owner[key]}" for key in OWNER_KEYS if owner.get(key))
