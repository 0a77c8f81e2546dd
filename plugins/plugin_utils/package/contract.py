# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract between a parent template and its children, which CloudFormation checks only while it creates them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

KIND = "package"
NESTED = "AWS::CloudFormation::Stack"
OUTPUTS = "Outputs."
SUBSTITUTED = re.compile(r"\$\{([^}!]+)\}")
Template = Mapping[str, Any]


def contract_problems(parent: Template, children: Mapping[str, Template]) -> list[Problem]:
    """Return what is wrong between a parent and its children.

    Args:
        parent: the parent template, with functions in their long form.
        children: the templates of its nested stacks by their TemplateURL.
    """
    return [
        *_problems_of_nested(parent, children),
        *_problems_of_outputs(parent, children),
        *_problems_of_secrets("the parent", parent),
        *(each for path, child in children.items() for each in _problems_of_secrets(path, child)),
        *_problems_of_imports([parent, *children.values()]),
        *_unused(parent),
    ]


def _problems_of_nested(parent: Template, children: Mapping[str, Template]) -> Iterator[Problem]:
    for name, properties in _nested(parent):
        url = properties["TemplateURL"]
        if url not in children:
            yield Problem(
                KIND, f"{name} has template {url}, which is not in the package", "write it, or correct TemplateURL"
            )
            continue
        declared, values = children[url].get("Parameters", {}), properties.get("Parameters", {})
        for parameter in values.keys() - declared.keys():
            what = f"{name} gets parameter {parameter}, which {url} does not declare"
            yield Problem(KIND, what, "remove it, or declare it in the child")
        for parameter, definition in declared.items():
            if parameter not in values:
                if "Default" not in definition:
                    what = f"{name} gets no value for parameter {parameter} of {url}, which has no default"
                    yield Problem(KIND, what, "pass a value")
                continue
            yield from _problems_of_value(f"parameter {parameter} of {name}", values[parameter], definition, parent)


def _problems_of_value(where: str, value: Any, definition: Template, parent: Template) -> Iterator[Problem]:
    for name in sorted(set(_references(value))):
        own = parent.get("Parameters", {}).get(name)
        if own is None:
            if name not in parent["Resources"] and not name.startswith("AWS::"):
                yield Problem(KIND, f"{where} refers to {name}, which the parent does not declare", "declare it")
            continue
        if definition.get("NoEcho") and not own.get("NoEcho"):
            yield Problem(KIND, f"{where} is NoEcho, and {name} of the parent is not", f"set NoEcho of {name}")
        if value == {"Ref": name} and _differ(own, definition):
            what = f"{where} has default {definition['Default']!r}, and {name} of the parent {own['Default']!r}"
            yield Problem(KIND, what, "give both one default")


def _differ(one: Template, other: Template) -> bool:
    return "Default" in one and "Default" in other and str(one["Default"]) != str(other["Default"])


def _problems_of_outputs(parent: Template, children: Mapping[str, Template]) -> Iterator[Problem]:
    urls = {name: properties["TemplateURL"] for name, properties in _nested(parent)}
    for node in _walk(parent):
        if not isinstance(node, Mapping) or "Fn::GetAtt" not in node:
            continue
        name, attribute = node["Fn::GetAtt"]
        child = children.get(urls.get(name, ""))
        if child is None or not attribute.startswith(OUTPUTS):
            continue
        output = child.get("Outputs", {}).get(attribute.removeprefix(OUTPUTS))
        if output is None:
            yield Problem(KIND, f"the parent takes {name}.{attribute}, which {urls[name]} lacks", "add it to the child")
        elif "Condition" in output:
            what = f"the parent takes {name}.{attribute}, which condition {output['Condition']} of {urls[name]} omits"
            yield Problem(KIND, what, "give it an empty value instead")


def _problems_of_secrets(where: str, template: Template) -> Iterator[Problem]:
    for name, definition in template.get("Parameters", {}).items():
        if definition.get("NoEcho") and "Default" in definition:
            yield Problem(KIND, f"parameter {name} of {where} is NoEcho and has a default", "remove the default")


def _problems_of_imports(templates: list[Template]) -> Iterator[Problem]:
    exported = [
        str(output["Export"]["Name"])
        for template in templates
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    ]
    for template in templates:
        for node in _walk(template):
            if isinstance(node, Mapping) and "Fn::ImportValue" in node and str(node["Fn::ImportValue"]) not in exported:
                what = f"Fn::ImportValue takes {node['Fn::ImportValue']}, which no template of the package exports"
                yield Problem(KIND, what, "pass the value as a parameter")


def _unused(parent: Template) -> Iterator[Problem]:
    parts = [parent["Resources"], parent.get("Conditions", {}), parent.get("Outputs", {})]
    for name in parent.get("Parameters", {}).keys() - set(_references(parts)):
        yield Problem(KIND, f"parameter {name} of the parent reaches no stack", "pass it on, or remove it")


def _nested(parent: Template) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, resource in parent["Resources"].items():
        if resource["Type"] == NESTED:
            yield name, resource["Properties"]


def _references(part: Any) -> Iterator[str]:
    """Yield the names that a part refers to by Ref and Fn::Sub."""
    for node in _walk(part):
        if isinstance(node, Mapping):
            if isinstance(node.get("Ref"), str):
                yield node["Ref"]
            if "Fn::Sub" in node:
                written = node["Fn::Sub"]
                text, values = (written, {}) if isinstance(written, str) else written
                yield from (each for each in SUBSTITUTED.findall(text) if each not in values and "." not in each)


def _walk(node: Any) -> Iterator[Any]:
    yield node
    children = node.values() if isinstance(node, Mapping) else node if isinstance(node, (list, tuple)) else ()
    for child in children:
        yield from _walk(child)
