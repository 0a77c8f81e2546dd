# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A template under construction: its parts refer to outputs of other stacks; finished, these are parameters."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Resource = Mapping[str, Any]
NO_VALUE = {"Ref": "AWS::NoValue"}
# The type of a parameter that is a list.
LIST = "CommaDelimitedList"
OUTPUT = re.compile(r"([a-z][a-z0-9_-]*)\.([A-Z][A-Za-z0-9]*)")
# The names of an environment's resources start with it.
BASE = "${Project}-${Environment}"
# The owner of a stack, and the boundary of its roles; the role stack gives them.
COMMON_PARAMETERS: Mapping[str, Any] = {
    "Project": {
        "Description": "Name of the project; starts every name.",
        "Type": "String",
        "AllowedPattern": "(?!aws|ssm)[a-z](-?[a-z0-9]){1,20}",
        "MaxLength": 21,
    },
    "Environment": {
        "Description": "Name of the environment (dev, staging, prod, ...).",
        "Type": "String",
        "AllowedPattern": "[a-z](-?[a-z0-9]){1,15}",
        "MaxLength": 16,
    },
}
BOUNDARY_PARAMETER: Mapping[str, Any] = {
    "PermissionsBoundaryArn": {
        "Description": "ARN of the policy that bounds the roles, where the account demands one; else empty.",
        "Type": "String",
        "Default": "",
    }
}
HAS_BOUNDARY: Mapping[str, Any] = {
    "HasPermissionsBoundary": {"Fn::Not": [{"Fn::Equals": [{"Ref": "PermissionsBoundaryArn"}, ""]}]}
}


class Output(NamedTuple):
    """An output of another component; in a finished template, a parameter.

    Attributes:
        component: its name.
        name: the output.
        is_list: whether its value is a comma list.
        is_optional: whether it may be missing; the parameter is empty then.
    """

    component: str
    name: str
    is_list: bool = False
    is_optional: bool = False

    @property
    def parameter(self) -> str:
        """Name of the parameter that stands for it, such as NetworkVpcId."""
        return logical_id(self.component) + self.name

    @property
    def reference(self) -> str:
        """The output in the words of a description, such as network.VpcId."""
        return f"{self.component}.{self.name}{'?' if self.is_optional else ''}"


@dataclass(frozen=True)
class Parts:
    """Parts of a template, before it is finished: they hold outputs of other components as :class:`Output`.

    Attributes:
        resources: by logical id.
        outputs: by name.
        conditions: by name.
        after: components that are deployed before, also where no output of theirs is taken.
    """

    resources: Mapping[str, Resource] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, Any] = field(default_factory=dict)
    after: Sequence[str] = ()

    def __or__(self, other: Parts) -> Parts:
        """Return both; a name occurs in one of them only."""
        return Parts(
            {**self.resources, **other.resources},
            {**self.outputs, **other.outputs},
            {**self.conditions, **other.conditions},
            (*self.after, *other.after),
        )


class Rendered(NamedTuple):
    """A finished template.

    Attributes:
        template: the template, as its YAML holds it.
        takes: its parameters that are outputs of other components, as component.Output.
        has_roles: whether it creates roles, for which it has the parameter PermissionsBoundaryArn.
        after: components that are deployed before, also where no output of theirs is taken.
    """

    template: Mapping[str, Any]
    takes: Mapping[str, str]
    has_roles: bool
    after: Sequence[str] = ()


def logical_id(*names: str) -> str:
    """Return the logical id of names: load-balancer and main give LoadBalancerMain."""
    words = "-".join(names).replace("_", "-").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words)


def cluster_name(component: str) -> Output:
    """Return the name of the cluster that a component creates."""
    return Output(component, "ClusterName")


def output_named(text: str) -> Output | None:
    """Return the output that a text such as image.ImageUri names; None for a text that names none."""
    found = OUTPUT.fullmatch(text)
    return Output(found[1], found[2]) if found else None


def sub(text: str, **values: Any) -> dict[str, Any]:
    """Return Fn::Sub of a text, with values of its own where there are any."""
    return {"Fn::Sub": [text, values]} if values else {"Fn::Sub": text}


def name_tag(name: str) -> list[dict[str, Any]]:
    """Return the tag by which the console lists a resource."""
    return [{"Key": "Name", "Value": sub(f"{BASE}-{name}")}]


def output(description: str, value: Any) -> dict[str, Any]:
    """Return an output of a template."""
    return {"Description": description, "Value": value}


def finished(description: str, parts: Parts) -> Rendered:
    """Return the template of parts, in which each output of another component is a parameter."""
    taken = sorted({*_outputs(parts.resources), *_outputs(parts.outputs), *_outputs(parts.conditions)})
    has_roles = any(each["Type"] == "AWS::IAM::Role" for each in parts.resources.values())
    parameters = {
        **COMMON_PARAMETERS,
        **(BOUNDARY_PARAMETER if has_roles else {}),
        **{each.parameter: _parameter(each) for each in taken},
    }
    conditions = {**(HAS_BOUNDARY if has_roles else {}), **parts.conditions}
    lists = {each.parameter for each in taken if each.is_list}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": description,
        "Parameters": parameters,
        **({"Conditions": _with_parameters(conditions, lists)} if conditions else {}),
        "Resources": _with_parameters(parts.resources, lists),
        **({"Outputs": _with_parameters(parts.outputs, lists)} if parts.outputs else {}),
    }
    return Rendered(template, {each.parameter: each.reference for each in taken}, has_roles, parts.after)


def _parameter(taken: Output) -> dict[str, Any]:
    return {
        "Description": f"Output {taken.name} of {taken.component}.",
        "Type": LIST if taken.is_list else "String",
        **({"Default": ""} if taken.is_optional else {}),
    }


def _outputs(part: Any) -> Iterator[Output]:
    if isinstance(part, Output):
        yield part
    elif isinstance(part, Mapping):
        for each in part.values():
            yield from _outputs(each)
    elif isinstance(part, (list, tuple)):
        for each in part:
            yield from _outputs(each)


def _with_parameters(part: Any, lists: Collection[str]) -> Any:
    """Return a part with a reference to the parameter of each output; a text of one that is a list has commas."""
    if isinstance(part, Output):
        reference = {"Ref": part.parameter}
        return {"Fn::Join": [",", reference]} if part.parameter in lists and not part.is_list else reference
    if isinstance(part, Mapping):
        return {key: _with_parameters(each, lists) for key, each in part.items()}
    if isinstance(part, (list, tuple)):
        return [_with_parameters(each, lists) for each in part]
    return part
