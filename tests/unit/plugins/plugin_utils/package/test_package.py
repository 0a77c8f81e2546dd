# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract between parent and children holds for any description, and fails on each planted fault."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from graphlib import TopologicalSorter
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import ProblemError
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.contract import contract_problems
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.guide import guide
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.limits import limit_problems
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.package import package, uploads
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.parent import resource_id
from hypothesis import given, settings
from packages import package_of, planned_stacks
from system_strategies import drawn_systems, filled, small
from template_case import dependencies

Template = dict[str, Any]
Fault = Callable[[Template, dict[str, Template]], None]


def _planted(parent: Template, children: dict[str, Template], fault: Fault) -> list[str]:
    fault(parent, children)
    return [problem.what for problem in contract_problems(parent, children)]


def _undeclared(parent: Template, _children: dict[str, Template]) -> None:
    parent["Resources"]["NetworkStack"]["Properties"]["Parameters"]["Region"] = "eu-west-1"


def _without_value(parent: Template, _children: dict[str, Template]) -> None:
    del parent["Resources"]["SecurityGroupsStack"]["Properties"]["Parameters"]["NetworkVpcId"]


def _lacking_output(_parent: Template, children: dict[str, Template]) -> None:
    del children["stacks/network.yaml"]["Outputs"]["VpcId"]


def _conditional_output(_parent: Template, children: dict[str, Template]) -> None:
    children["stacks/network.yaml"]["Outputs"]["VpcId"]["Condition"] = "HasOwnVpc"


def _other_default(_parent: Template, children: dict[str, Template]) -> None:
    children["stacks/network.yaml"]["Parameters"]["ZoneCount"]["Default"] = 1


def _secret_with_default(_parent: Template, children: dict[str, Template]) -> None:
    children["stacks/network.yaml"]["Parameters"]["Password"] = {"Type": "String", "NoEcho": True, "Default": "open"}


def _parent_secret_with_default(parent: Template, children: dict[str, Template]) -> None:
    for template in (parent, children["stacks/network.yaml"]):
        template["Parameters"]["ZoneCount"]["NoEcho"] = True


def _shown_secret(_parent: Template, children: dict[str, Template]) -> None:
    definition = children["stacks/network.yaml"]["Parameters"]["ZoneCount"]
    definition["NoEcho"] = True
    del definition["Default"]


def _import(_parent: Template, children: dict[str, Template]) -> None:
    children["stacks/cluster.yaml"]["Outputs"]["Vpc"] = {"Value": {"Fn::ImportValue": "shop-dev-vpc"}}


def _unknown_reference(parent: Template, _children: dict[str, Template]) -> None:
    parent["Resources"]["NetworkStack"]["Properties"]["Parameters"]["VpcCidr"] = {"Ref": "Cidr"}


def _unused(parent: Template, _children: dict[str, Template]) -> None:
    parent["Parameters"]["Spare"] = {"Type": "String"}


def _missing_child(_parent: Template, children: dict[str, Template]) -> None:
    del children["stacks/network.yaml"]


FAULTS: Mapping[str, tuple[Fault, str]] = {
    "undeclared parameter": (
        _undeclared,
        "NetworkStack gets parameter Region, which stacks/network.yaml does not declare",
    ),
    "required parameter without a value": (
        _without_value,
        "SecurityGroupsStack gets no value for parameter NetworkVpcId of stacks/security-groups.yaml, "
        "which has no default",
    ),
    "output that the child lacks": (
        _lacking_output,
        "the parent takes NetworkStack.Outputs.VpcId, which stacks/network.yaml lacks",
    ),
    "output that a condition omits": (
        _conditional_output,
        "the parent takes NetworkStack.Outputs.VpcId, which condition HasOwnVpc of stacks/network.yaml omits",
    ),
    "default that differs": (
        _other_default,
        "parameter ZoneCount of NetworkStack has default 1, and ZoneCount of the parent 2",
    ),
    "secret with a default": (
        _secret_with_default,
        "parameter Password of stacks/network.yaml is NoEcho and has a default",
    ),
    "secret of the parent with a default": (
        _parent_secret_with_default,
        "parameter ZoneCount of the parent is NoEcho and has a default",
    ),
    "secret that the parent shows": (
        _shown_secret,
        "parameter ZoneCount of NetworkStack is NoEcho, and ZoneCount of the parent is not",
    ),
    "import without an export": (
        _import,
        "Fn::ImportValue takes shop-dev-vpc, which no template of the package exports",
    ),
    "reference to what is not declared": (
        _unknown_reference,
        "parameter VpcCidr of NetworkStack refers to Cidr, which the parent does not declare",
    ),
    "parameter that reaches no stack": (_unused, "parameter Spare of the parent reaches no stack"),
    "template that is not in the package": (
        _missing_child,
        "NetworkStack has template stacks/network.yaml, which is not in the package",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_contract_fails_on_a_planted_fault(name: str) -> None:
    fault, what = FAULTS[name]
    made = deepcopy(package_of(filled(small()))[1])
    parent, children = dict(made.parent), {path: dict(child) for path, child in made.children.items()}
    assert contract_problems(parent, children) == []
    assert what in _planted(parent, children, fault)


@settings(max_examples=100, deadline=None)
@given(drawn_systems())
def test_any_package_keeps_the_contract_and_the_order(description: dict[str, Any]) -> None:
    """A package raises on a broken contract or limit; its stacks wait for all that they wait for in a deploy."""
    system, made = package_of(description)
    resources = made.parent["Resources"]
    names = {resource_id(name): name for name, each in system.components.items() if each.is_stack}
    assert resources.keys() == names.keys()
    graph = {name: dependencies(each) & resources.keys() for name, each in resources.items()}
    before = _closure(graph)
    deployed = _closure({name: each.needs for name, each in system.components.items()})
    for logical_id, name in names.items():
        assert {names[each] for each in before[logical_id]} == {
            each for each in deployed[name] if system.components[each].is_stack
        }
    text = json.dumps([made.parent, *made.children.values()])
    assert "Fn::ImportValue" not in text
    assert '"Export"' not in text
    _check_conditions(made.parent)
    text = guide(system, description, made)
    assert set(re.findall(r"\(output (\w+)\)", text)) <= made.parent["Outputs"].keys()
    given = {name for name, each in made.parent["Parameters"].items() if "of step" in each["Description"]}
    assert given <= set(re.findall(r'(\w+)="\$[A-Z0-9_]+"', text))


def _check_conditions(parent: Mapping[str, Any]) -> None:
    """Check that a stack exists only where those exist that it refers to."""
    conditions = parent.get("Conditions", {})
    for resource in parent["Resources"].values():
        own = _required(resource.get("Condition"), conditions)
        for each in dependencies({"Properties": resource["Properties"]}) & parent["Resources"].keys():
            assert _required(parent["Resources"][each].get("Condition"), conditions) <= own


def test_each_limit_is_refused_with_one_line() -> None:
    """200 parameters, resources and so on are accepted, one more is not."""
    parameter = {"Type": "String"}
    template: Template = {"Parameters": {f"P{number}": parameter for number in range(200)}, "Resources": {}}
    assert list(limit_problems("parent.yaml", template)) == []
    template["Parameters"]["P200"] = parameter
    template["Parameters"]["P0"] = {"Type": "String", "Default": "x" * 4097}
    template["Resources"] = {f"R{number}": {} for number in range(501)}
    template["Outputs"] = {"O" * 256: {"Value": "x" * 1_000_000}}
    template["Description"] = "d" * 1025
    lines = [problem.line() for problem in limit_problems("parent.yaml", template)]
    assert len(lines) == 6
    assert all(line.count("CloudFormation takes") == 1 and "\n" not in line for line in lines)
    assert lines[0].startswith("parent.yaml has 201 Parameters, CloudFormation takes 200 -> ")


def test_an_output_that_no_parameter_gets_is_refused() -> None:
    """A role that computes another text from an output would give a package without the output."""
    system = parse(filled(small()))
    stacks = planned_stacks(system)
    [groups] = [each for each in stacks if each.component == "security-groups"]
    lost = groups._replace(values={**groups.values, "NetworkVpcId": ("vpc",)})
    with pytest.raises(ProblemError, match=r"does not pass network\.VpcId to its stack -> "):
        package(system, [lost if each == groups else each for each in stacks])


def test_a_component_without_a_stack_is_refused() -> None:
    """A role that names its stack after another component would give one of two."""
    system = parse(filled(small()))
    stacks = planned_stacks(system)
    renamed = [each._replace(component="network") if each.component == "cluster" else each for each in stacks]
    with pytest.raises(ProblemError, match="component network of the system has 2 stacks -> ") as raised:
        package(system, renamed)
    assert "component cluster of the system has 0 stacks" in str(raised.value)


def test_keys_of_uploads_change_with_their_content() -> None:
    """A child keeps its key until it changes, and the parent's key changes with each child."""
    before = uploads(package_of(filled(small()))[1], "https://s3/bucket")
    changed = filled(small(services={"web": {"cpu": 1024, "memory": 2048}}))
    after = uploads(package_of(changed)[1], "https://s3/bucket")
    assert {key.rpartition("-")[0] for key in after.keys() - before.keys()} == {"service-web", "parent"}
    assert all(f"https://s3/bucket/{key}" in list(after.values())[-1] for key in list(after)[:-1])


def _required(condition: str | None, conditions: Mapping[str, Any]) -> set[str]:
    """Return the parameters that a condition needs."""
    if condition is None:
        return set()
    found, left = set(), [conditions[condition]]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            found |= {node["Ref"]} if "Ref" in node else set()
            left += [conditions[node["Condition"]]] if "Condition" in node else list(node.values())
        elif isinstance(node, list):
            left += node
    return found


def _closure(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name in TopologicalSorter(graph).static_order():
        found[name] = set(graph[name]).union(*(found[each] for each in graph[name]))
    return found
