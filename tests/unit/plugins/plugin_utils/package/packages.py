# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages of descriptions, without a play: roles pass each output that they take to a parameter of their template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import Component, System, parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.graph import deploy_batches
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.package import Package, package
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.planned_stack import PlannedStack, Taken, Value
from template_parser import load


def planned_stacks(system: System) -> list[PlannedStack]:
    """Return the stacks of a system in the order of a deploy."""
    names = [name for batch in deploy_batches(system) for name in batch]
    return [_planned(system, system.components[name]) for name in names if system.components[name].is_stack]


def package_of(description: Mapping[str, Any]) -> tuple[System, Package]:
    """Return a system and its package."""
    system = parse(description)
    return system, package(system, planned_stacks(system))


def _planned(system: System, component: Component) -> PlannedStack:
    template: Any = component.rendered.template if component.rendered else load(component.role)
    values: dict[str, Value] = {"Project": (system.project,), "Environment": ("",)}
    for argument, reference in component.takes.items():
        name = argument if component.rendered else _parameter(argument.removeprefix(f"{component.role}_"))
        values[name] = (Taken(reference.component, reference.output),)
    if component.rendered and component.rendered.has_roles:
        values["PermissionsBoundaryArn"] = ("",)
    return PlannedStack(component.name, template, values, {"Component": component.name})


def _parameter(argument: str) -> str:
    return "".join(word.capitalize() for word in argument.split("_"))
