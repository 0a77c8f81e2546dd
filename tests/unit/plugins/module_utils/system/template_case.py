# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A description with its rendered templates, and what properties look up in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import with_workers
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections

Found = Iterator[str]
INTRINSIC = re.compile(r"\$\{([^}!]+)\}")
PSEUDO = {
    f"AWS::{name}" for name in ("AccountId", "Region", "Partition", "NoValue", "StackName", "StackId", "URLSuffix")
}
TASKS = {"services": "service-", "jobs": "job-"}


@dataclass(frozen=True)
class Case:
    """A description and its templates, which a test may change.

    Attributes:
        description: with all defaults, and with the services of workers.
        templates: the rendered ones, by component.
        takes: of each rendered template, its parameters that are outputs, as component.Output.
    """

    description: Mapping[str, Any]
    templates: dict[str, Any]
    takes: dict[str, dict[str, str]]

    def resources(self, *types: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield component, logical id and properties of the resources of some types; of all without types."""
        for component, template in self.templates.items():
            for name, resource in template["Resources"].items():
                if not types or resource["Type"] in types:
                    yield component, name, resource["Properties"]

    def properties(self, component: str, logical_id: str) -> dict[str, Any]:
        """Return the properties of a resource."""
        found = self.templates[component]["Resources"][logical_id]["Properties"]
        assert isinstance(found, dict)
        return found

    def workloads(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield component, name and section of each service, and of each job that has a task definition."""
        for section, prefix in TASKS.items():
            for name, workload in self.description[section].items():
                if "role" not in workload:
                    yield prefix + name, name, workload

    def services(self) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield component, name and section of each service."""
        for name, service in self.description["services"].items():
            yield f"service-{name}", name, service

    def value(self, component: str, value: Any) -> str:
        """Return a value in comparable form: an output as component.Output, a resource as component:LogicalId."""
        if not isinstance(value, dict):
            return str(value)
        if "Ref" in value:
            return self.takes[component].get(value["Ref"], f"{component}:{value['Ref']}")
        if "Fn::GetAtt" in value:
            return f"{component}:{'.'.join(value['Fn::GetAtt'])}"
        if "Fn::Sub" in value:
            text, values = value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})
            for name, each in values.items():
                text = text.replace(f"${{{name}}}", self.value(component, each))
            return str(text)
        return str(value)

    def statements(self, component: str, role: str) -> list[dict[str, Any]]:
        """Return the statements of a role; their resources in comparable form."""
        policies = self.properties(component, role).get("Policies", [])
        return [
            statement | {"Resource": [self.value(component, each) for each in as_list(statement["Resource"])]}
            for policy in policies
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def containers(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each container definition with its component."""
        for component, _name, properties in self.resources("AWS::ECS::TaskDefinition"):
            for container in properties["ContainerDefinitions"]:
                yield component, container


def case_of(description: Mapping[str, Any]) -> Case:
    """Return a case, of which a test may change everything."""
    components = parse(description).components
    rendered = {name: each.rendered for name, each in components.items() if each.rendered}
    expanded = with_workers(cast(Sections, description))
    return Case(
        deepcopy(dict(expanded)),
        {name: deepcopy(dict(each.template)) for name, each in rendered.items()},
        {name: dict(each.takes) for name, each in rendered.items()},
    )


def as_list(value: Any) -> list[Any]:
    """Return a value as a list."""
    return value if isinstance(value, list) else [value]


def walk(node: Any) -> Iterator[Any]:
    """Yield a node and all nodes in it."""
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def references(node: Any) -> Iterator[str]:
    """Yield the names that a part of a template refers to, conditions excepted."""
    for each in walk(node):
        if isinstance(each, dict):
            if isinstance(each.get("Ref"), str):
                yield each["Ref"]
            if "Fn::GetAtt" in each:
                yield each["Fn::GetAtt"][0]
            if "Fn::Sub" in each:
                written = each["Fn::Sub"]
                text, values = written if isinstance(written, list) else (written, {})
                yield from (name.partition(".")[0] for name in INTRINSIC.findall(text) if name not in values)


def conditions(template: Mapping[str, Any]) -> Iterator[str]:
    """Yield the conditions that a template's resources, outputs and conditions name."""
    for each in (*template["Resources"].values(), *template.get("Outputs", {}).values()):
        if "Condition" in each:
            yield each["Condition"]
    for node in walk(template):
        if isinstance(node, dict) and "Fn::If" in node:
            yield node["Fn::If"][0]


def dependencies(resource: Mapping[str, Any]) -> set[str]:
    """Return the names on which a resource depends, parameters included."""
    return {*references(resource), *as_list(resource.get("DependsOn", []))}
