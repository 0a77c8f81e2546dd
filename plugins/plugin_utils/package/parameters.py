# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of a package's parent template: common ones, those of a single stack, and outputs of roles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BOUNDARY_PARAMETER,
    COMMON_PARAMETERS,
    LIST,
    logical_id,
)
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.planned_stack import PlannedStack, Taken, taken_in

# Their descriptions in the parent: those of a template speak of its own resources.
COMMON = {**COMMON_PARAMETERS, **BOUNDARY_PARAMETER}
# They have one meaning in all templates.
SHARED = ("Project", "Environment", "PermissionsBoundaryArn", "ExistingTableName")
# What a parameter keeps of its definition in the stack's template.
CONSTRAINTS = (
    *("Description", "Type", "Default", "NoEcho", "AllowedPattern", "AllowedValues"),
    *("MinLength", "MaxLength", "MinValue", "MaxValue", "ConstraintDescription"),
)
Definition = Mapping[str, Any]


class Parameters(NamedTuple):
    """The parameters of a parent.

    Attributes:
        definitions: by name.
        names: of the parent's parameter by component and name of the stack's parameter.
        groups: names by what the console shows above them.
    """

    definitions: Mapping[str, Definition]
    names: Mapping[tuple[str, str], str]
    groups: Mapping[str, Sequence[str]]


def parameters(stacks: Sequence[PlannedStack], given: Mapping[Taken, Sequence[str]]) -> Parameters:
    """Return the parameters of a parent.

    Args:
        stacks: those of the package.
        given: outputs of components that are no stacks, with the stacks that are not created without them.
    """
    own = [(stack, name) for stack in stacks for name in stack.parameters if not taken_in(stack.values.get(name, ()))]
    roles = {role_parameter(each): _of_role(each, waiting) for each, waiting in given.items()}
    shared = {name for name in SHARED if len({_default(stack, each) for stack, each in own if each == name}) == 1}
    counts = Counter(name for _stack, name in own)
    definitions: dict[str, Definition] = {}
    names: dict[tuple[str, str], str] = {}
    groups: dict[str, list[str]] = {"Common": [], "Results of steps between stacks": list(roles)}
    for stack, name in own:
        is_shared = name in shared
        is_own_name = is_shared or (counts[name] == 1 and name not in roles)
        parent_name = name if is_own_name else logical_id(stack.component) + name
        if parent_name not in definitions:
            groups.setdefault("Common" if is_shared else stack.component, []).append(parent_name)
        known = definitions.get(parent_name, {})
        # Of a shared parameter, the definition with a pattern also explains the pattern.
        if not known or ("AllowedPattern" not in known and "AllowedPattern" in stack.parameters[name]):
            definitions[parent_name] = _definition(stack, name)
        names[stack.component, name] = parent_name
    ordered = [name for group in groups.values() for name in group]
    found = definitions | roles
    return Parameters(
        {name: found[name] for name in ordered}, names, {key: each for key, each in groups.items() if each}
    )


def role_parameter(taken: Taken) -> str:
    """Return the parameter for an output of a role: image.ImageUri gives ImageUri, image.Tag gives ImageTag."""
    start = logical_id(taken.component)
    return taken.output if taken.output.startswith(start) else start + taken.output


def passed(name: str, definition: Definition) -> dict[str, Any]:
    """Return a parameter as a nested stack takes it: as text."""
    is_list = definition["Type"] == LIST or definition["Type"].startswith("List<")
    return {"Fn::Join": [",", {"Ref": name}]} if is_list else {"Ref": name}


def _default(stack: PlannedStack, name: str) -> str | None:
    definition = stack.parameters[name]
    if definition.get("NoEcho"):
        return None
    value = "".join(map(str, stack.values.get(name, ())))
    return value if name in stack.values else definition.get("Default")


def _definition(stack: PlannedStack, name: str) -> Definition:
    kept = {key: stack.parameters[name][key] for key in CONSTRAINTS if key in stack.parameters[name]}
    kept.pop("Default", None)
    if name in COMMON:
        kept["Description"] = COMMON[name]["Description"]
    default = _default(stack, name)
    # No environment has an empty name, and CloudFormation checks defaults against the pattern.
    is_required = default is None or (name in SHARED[:2] and default == "")
    return kept if is_required else {**kept, "Default": _typed(default, kept["Type"])}


def _typed(value: Any, type_: str) -> Any:
    """Return a default as templates write it: numbers as numbers."""
    if type_ != "Number" or not isinstance(value, str):
        return value
    number = float(value)
    return int(number) if number.is_integer() else number


def _of_role(taken: Taken, waiting: Iterable[str]) -> Definition:
    waits = f" Without it, stacks {', '.join(waiting)} are not created." if waiting else ""
    description = f"Output {taken.output} of step {taken.component}, see README.md.{waits}"
    return {"Description": description, "Type": "String", "Default": ""}
