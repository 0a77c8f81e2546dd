# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads templates as CloudFormation does, and renders them for given parameters.

    rendered = render("network", {"Environment": "dev", "ZoneCount": "1"})
    rendered.resources["Vpc"]["Properties"]["CidrBlock"]

Conditions are applied, functions computed and ``AWS::NoValue`` removed. A template that CloudFormation refuses (a
reference to a resource that a condition omits, an unknown name) raises ``TemplateError``. The module needs only
PyYAML, so that tools of other environments can use it too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from template_evaluator import Evaluator, Parameters, Resource, TemplateError, parameter_text, refusal

__all__ = [
    "ACCOUNT",
    "COMPONENTS",
    "PARTITION",
    "REGION",
    "ROOT",
    "Policy",
    "Rendered",
    "TemplateError",
    "load",
    "load_file",
    "parameter_text",
    "policies",
    "refusal",
    "render",
    "template_path",
    "walk",
]

ROOT = Path(__file__).parents[2]
COMPONENTS = ("network", "registry", "table", "cluster", "task", "observability")
# CloudFormation's pseudo parameters. No template may contain their values.
ACCOUNT = "210987654321"
REGION = "eu-west-1"
PARTITION = "aws"


@dataclass(frozen=True)
class Rendered:
    """A template rendered for given parameters: the existing resources and outputs, with functions computed.

    Args:
        parameters: every parameter's value as text (lists as lists of text), defaults included.
        conditions: whether each condition holds.
        resources: by logical id; each as in the template (Type, Properties, DeletionPolicy, Metadata, ...).
        outputs: by name; values.
        broken_rules: by name of the rule, the descriptions of its assertions that do not hold. CloudFormation refuses
            the parameters then, so that there are no resources.
    """

    parameters: dict[str, Any]
    conditions: dict[str, bool]
    resources: dict[str, Resource]
    outputs: dict[str, Any]
    broken_rules: dict[str, list[str]]

    @property
    def violations(self) -> list[str]:
        """The descriptions of all assertions that do not hold."""
        return [description for descriptions in self.broken_rules.values() for description in descriptions]

    def of_type(self, *types: str) -> dict[str, Resource]:
        """Return the resources of some types, by logical id."""
        return {name: resource for name, resource in self.resources.items() if resource["Type"] in types}

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Return the properties of one resource; KeyError where no resource has the name."""
        return dict(self.resources[logical_id].get("Properties", {}))


@dataclass(frozen=True)
class Policy:
    """One policy document of a rendered template.

    Args:
        resource: logical id of the resource that carries it.
        name: the policy's name, or the property that holds it.
        kind: ``identity`` (a role's permissions), ``trust`` (who may assume a role), ``resource`` (its callers).
        document: the policy.
    """

    resource: str
    name: str
    kind: str
    document: dict[str, Any]

    @property
    def statements(self) -> list[dict[str, Any]]:
        """The statements, always a list."""
        found = self.document["Statement"]
        return list(found) if isinstance(found, list) else [found]


def template_path(component: str) -> Path:
    """Return the path of a component's template."""
    return ROOT / "files" / "cfn" / f"{component}.yaml"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (``!Ref``, ``!GetAtt A.B``), each given in its long form."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


@cache
def _loaded(path: Path, changed: int) -> dict[str, Any]:
    loaded = yaml.load(path.read_text(), Loader=_Loader)
    assert isinstance(loaded, dict)
    return loaded


def load(component: str) -> dict[str, Any]:
    """Return a component's template with functions in their long form. The result is cached: do not change it."""
    return load_file(template_path(component))


def load_file(path: Path) -> dict[str, Any]:
    """Return the template of a file as ``load`` does."""
    return _loaded(path, path.stat().st_mtime_ns)


def walk(node: Any) -> Iterator[Any]:
    """Yield a node and all nodes in it."""
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


def policies(rendered: Rendered) -> Iterator[Policy]:
    """Yield every policy document of a rendered template."""
    for logical_id, resource in rendered.resources.items():
        properties = resource.get("Properties", {})
        if "AssumeRolePolicyDocument" in properties:
            yield Policy(logical_id, "AssumeRolePolicyDocument", "trust", properties["AssumeRolePolicyDocument"])
        for policy in properties.get("Policies", []) if resource["Type"] == "AWS::IAM::Role" else []:
            yield Policy(logical_id, policy["PolicyName"], "identity", policy["PolicyDocument"])
        for name in ("PolicyDocument", "RepositoryPolicyText", "KeyPolicy", "ResourcePolicy"):
            document = properties.get(name)
            document = document.get("PolicyDocument") if name == "ResourcePolicy" and document else document
            if document:
                kind = "identity" if resource["Type"].startswith("AWS::IAM::") else "resource"
                yield Policy(logical_id, name, kind, json.loads(document) if isinstance(document, str) else document)


def render(
    component: str | Mapping[str, Any],
    parameters: Parameters,
    *,
    region: str = REGION,
    account: str = ACCOUNT,
    partition: str = PARTITION,
) -> Rendered:
    """Return a template rendered for these parameters.

    Args:
        component: one of COMPONENTS; or a template as ``load`` returns it.
        parameters: native values (booleans, numbers, lists) or text; a missing parameter takes its default.
        region: the value of ``AWS::Region``.
        account: the value of ``AWS::AccountId``.
        partition: the value of ``AWS::Partition``.

    Raises:
        TemplateError: a parameter is unknown, missing or breaks its constraints; or the template cannot be computed.
    """
    template = load(component) if isinstance(component, str) else component
    evaluator = Evaluator(template, parameters, region, account, partition)
    broken = evaluator.broken_rules()
    return Rendered(
        parameters=evaluator.parameters,
        conditions={name: evaluator.condition(name) for name in template.get("Conditions", {})},
        resources={}
        if broken
        else {name: evaluator.resource(name) for name in template["Resources"] if evaluator.exists(name)},
        outputs={}
        if broken
        else {
            name: evaluator.value(output["Value"])
            for name, output in template.get("Outputs", {}).items()
            if "Condition" not in output or evaluator.condition(output["Condition"])
        },
        broken_rules=broken,
    )
