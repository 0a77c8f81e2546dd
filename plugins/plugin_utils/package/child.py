# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The template of a nested stack: each output exists, and its defaults are those that the parent passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.plugin_utils.package.parameters import Parameters
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.planned_stack import PlannedStack


def child_template(stack: PlannedStack, own: Parameters) -> dict[str, Any]:
    """Return a stack's template for a package.

    Fn::GetAtt of an output fails where its condition omits it, so an output with a condition is empty instead.

    Args:
        stack: the stack.
        own: the parameters of the parent.
    """
    defined = {name: _definition(stack, name, own) for name in stack.parameters}
    outputs = {name: _always(output) for name, output in stack.outputs.items()}
    return {
        **stack.template,
        **({"Parameters": defined} if defined else {}),
        **({"Outputs": outputs} if outputs else {}),
    }


def _definition(stack: PlannedStack, name: str, own: Parameters) -> Mapping[str, Any]:
    definition = stack.parameters[name]
    if (stack.component, name) not in own.names:
        return definition
    passed = own.definitions[own.names[stack.component, name]]
    without = {key: value for key, value in definition.items() if key != "Default"}
    return {**without, "Default": passed["Default"]} if "Default" in passed else without


def _always(output: Mapping[str, Any]) -> Mapping[str, Any]:
    if "Condition" not in output:
        return output
    kept = {key: value for key, value in output.items() if key not in ("Condition", "Value")}
    return {**kept, "Value": {"Fn::If": [output["Condition"], output["Value"], ""]}}
