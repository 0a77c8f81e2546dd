# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parent template of a package: a nested stack for each stack, values down as parameters, outputs up.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import System
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import logical_id
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.order import Order
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.parameters import (
    Parameters,
    parameters,
    passed,
    role_parameter,
)
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.planned_stack import PlannedStack, Taken

# Fn::And takes as many conditions: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-limits.html
MOST_CONDITIONS = 10
OWNER = ("Project", "Environment")


def resource_id(component: str) -> str:
    """Return the logical id of a component's nested stack, such as NetworkStack."""
    return f"{logical_id(component)}Stack"


def output_id(taken: Taken) -> str:
    """Return the parent's output for an output of a stack, such as NetworkVpcId."""
    return logical_id(taken.component) + taken.output


def template_path(component: str) -> str:
    """Return the path of a child's template, from the parent's."""
    return f"stacks/{component}.yaml"


def parent_template(system: System, stacks: Sequence[PlannedStack]) -> dict[str, Any]:
    """Return the parent template.

    Args:
        system: the system.
        stacks: its stacks in the order of a deploy.
    """
    order = Order(system, stacks)
    own = parameters(stacks, order.given)
    nested = {resource_id(each.component): _nested(each, system, order, own) for each in stacks}
    conditions = _conditions(order, stacks)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{system.name}: all stacks of the system, nested. README.md lists the steps between them.",
        "Metadata": {
            "AWS::CloudFormation::Interface": {
                "ParameterGroups": [
                    {"Label": {"default": label}, "Parameters": list(names)} for label, names in own.groups.items()
                ]
            },
            # The paths are local until `aws cloudformation package` uploads the children.
            "cfn-lint": {"config": {"ignore_checks": ["W3002"]}},
        },
        "Parameters": dict(own.definitions),
        **({"Conditions": conditions} if conditions else {}),
        "Resources": nested,
        "Outputs": _outputs(system, stacks, order),
    }


def parent_parameters(system: System, stacks: Sequence[PlannedStack]) -> Parameters:
    """Return the parameters of the parent template."""
    return parameters(stacks, Order(system, stacks).given)


def _nested(stack: PlannedStack, system: System, order: Order, own: Parameters) -> dict[str, Any]:
    condition = _condition(order.requirements(stack.component).given)
    explicit = [resource_id(each) for each in order.explicit(stack.component)]
    values = {name: _value(stack, name, system, order, own) for name in {**stack.parameters, **stack.values}}
    tags = {**stack.tags, **{name: {"Ref": name} for name in OWNER if name in own.definitions}}
    return {
        "Type": "AWS::CloudFormation::Stack",
        **({"Condition": condition} if condition else {}),
        **({"DependsOn": explicit} if explicit else {}),
        "Properties": {
            "TemplateURL": template_path(stack.component),
            "Parameters": values,
            "Tags": [{"Key": key, "Value": value} for key, value in sorted(tags.items())],
        },
    }


def _value(stack: PlannedStack, name: str, system: System, order: Order, own: Parameters) -> Any:
    if (stack.component, name) in own.names:
        parent_name = own.names[stack.component, name]
        return passed(parent_name, own.definitions[parent_name])
    parts = [
        _taken(stack.component, part, system, order) if isinstance(part, Taken) else part for part in stack.values[name]
    ]
    return parts[0] if len(parts) == 1 else {"Fn::Join": ["", parts]}


def _taken(component: str, taken: Taken, system: System, order: Order) -> Any:
    if not system.components[taken.component].is_stack:
        return {"Ref": role_parameter(taken)}
    value = {"Fn::GetAtt": [resource_id(taken.component), f"Outputs.{taken.output}"]}
    needed = order.requirements(taken.component).given
    # A stack that is optional for this one may not exist yet.
    is_sure = needed <= order.requirements(component).given
    return value if is_sure else {"Fn::If": [_condition(needed), value, ""]}


def _condition(given: Collection[Taken]) -> str:
    """Return the name of the condition that all of some outputs of roles are known; empty for none."""
    return f"Has{'And'.join(sorted(map(role_parameter, given)))}" if given else ""


def _conditions(order: Order, stacks: Iterable[PlannedStack]) -> dict[str, Any]:
    sets = {order.requirements(each.component).given for each in stacks} - {frozenset()}
    single = {frozenset([each]) for given in sets for each in given}
    ordered = sorted(sets | single, key=lambda given: (len(given), _condition(given)))
    return {_condition(given): _all_known(given) for given in ordered}


def _all_known(given: frozenset[Taken]) -> Any:
    names = sorted(map(role_parameter, given))
    if len(names) == 1:
        return {"Fn::Not": [{"Fn::Equals": [{"Ref": names[0]}, ""]}]}
    terms: list[Any] = [{"Condition": f"Has{name}"} for name in names]
    while len(terms) > 1:
        chunks = [terms[start : start + MOST_CONDITIONS] for start in range(0, len(terms), MOST_CONDITIONS)]
        terms = [{"Fn::And": chunk} if len(chunk) > 1 else chunk[0] for chunk in chunks]
    return terms[0]


def _outputs(system: System, stacks: Sequence[PlannedStack], order: Order) -> Mapping[str, Any]:
    """Return the outputs for the steps between stacks and for jobs, and those that no other stack takes."""
    wanted = {
        (each.component, each.output)
        for taker in (*system.jobs.values(), *(one for one in system.components.values() if not one.is_stack))
        for each in taker.takes.values()
    }
    wired = {
        (each.component, each.output)
        for one in system.components.values()
        if one.is_stack
        for each in one.takes.values()
    }
    found = {}
    for stack in stacks:
        condition = _condition(order.requirements(stack.component).given)
        for name, output in stack.outputs.items():
            taken = Taken(stack.component, name)
            if taken in wanted or taken not in wired:
                found[output_id(taken)] = {
                    **({"Description": output["Description"]} if "Description" in output else {}),
                    **({"Condition": condition} if condition else {}),
                    "Value": {"Fn::GetAtt": [resource_id(stack.component), f"Outputs.{name}"]},
                }
    return found
