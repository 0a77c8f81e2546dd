# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A resource of an environment, as the module environment_info returns it."""

from __future__ import annotations

from typing import NotRequired, TypedDict

# What keeps a resource from being deleted, and its wording in a line.
PROTECTIONS = {
    "termination_protection": "termination protection is on",
    "deletion_protection": "deletion protection is on",
    "retained": "its stack keeps it when it is deleted",
    "left_behind": "kept when its stack was deleted",
    "by_hand": "no stack made it",
    "irreplaceable": "no deploy makes its data again",
    "protected_stack": "its stack is protected",
    "undescribed": "no component of the description makes it",
}


class Resource(TypedDict):
    """A resource that belongs to an environment.

    Attributes:
        kind: the kind's name, such as "log_group".
        name: its name.
        id: the name or ARN that the call to remove it takes.
        stack: the name of the stack that holds it; None where no stack does.
        state: its state; None where it has none.
        protections: keys of `PROTECTIONS`.
        line: all of it in one line for a person.
        component: of a stack, the component that it deploys.
        parameters: of a stack, its parameters.
        outputs: of a stack, its outputs.
    """

    kind: str
    name: str
    id: str
    stack: str | None
    state: str | None
    protections: list[str]
    line: str
    component: NotRequired[str]
    parameters: NotRequired[dict[str, str]]
    outputs: NotRequired[dict[str, str]]
