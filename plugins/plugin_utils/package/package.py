# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A package: the files with which CloudFormation alone deploys a system."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.description import System
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.child import child_template
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.contract import KIND, contract_problems
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.limits import limit_problems
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.parent import (
    parent_parameters,
    parent_template,
    resource_id,
    template_path,
)
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.planned_stack import PlannedStack, taken_in
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.template_text import dump

PARENT, UPLOADED = "parent.yaml", "packaged.yaml"
DIGEST_LENGTH = 32


class Package(NamedTuple):
    """A package.

    Attributes:
        parent: the parent template; the paths of its children are relative.
        children: the templates of the nested stacks, by path.
    """

    parent: Mapping[str, Any]
    children: Mapping[str, Mapping[str, Any]]

    @property
    def files(self) -> dict[str, str]:
        """The texts of the templates, by path."""
        return {PARENT: dump(self.parent), **{path: dump(child) for path, child in self.children.items()}}


def package(system: System, stacks: Sequence[PlannedStack]) -> Package:
    """Return the package of a system.

    Args:
        system: the system.
        stacks: its stacks in the order of a deploy, as roles give them.

    Raises:
        ProblemError: a role uses none of an output that the description gives it, parent and children do not fit, or a
            limit of CloudFormation is reached.
    """
    if problems := [*_other_components(system, stacks)] or _lost(system, stacks):
        raise ProblemError(*problems)
    own = parent_parameters(system, stacks)
    made = Package(
        parent_template(system, stacks), {template_path(each.component): child_template(each, own) for each in stacks}
    )
    templates = {PARENT: made.parent, **made.children}
    problems = [
        *contract_problems(made.parent, made.children),
        *(problem for path, template in templates.items() for problem in limit_problems(path, template)),
    ]
    if problems:
        raise ProblemError(*problems)
    return made


def uploads(made: Package, url: str) -> dict[str, str]:
    """Return the objects that CloudFormation reads, by key: a key changes with its content, so that an update sees it.

    Args:
        made: the package.
        url: under which the keys are, such as https://s3.eu-west-1.amazonaws.com/bucket/prefix.
    """
    found: dict[str, str] = {}
    resources = dict(made.parent["Resources"])
    for path, child in made.children.items():
        text = dump(child)
        component = path.rpartition("/")[2].removesuffix(".yaml")
        key = _key(component, text)
        found[key] = text
        nested = resources[resource_id(component)]
        resources[resource_id(component)] = {
            **nested,
            "Properties": {**nested["Properties"], "TemplateURL": f"{url}/{key}"},
        }
    text = dump({**made.parent, "Resources": resources})
    return {**found, _key("parent", text): text}


def _key(name: str, text: str) -> str:
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]}.yaml"


def _other_components(system: System, stacks: Sequence[PlannedStack]) -> Iterator[Problem]:
    """Yield a problem for each component with no stack, or with several."""
    counts = Counter(each.component for each in stacks)
    for name in counts.keys() | {name for name, each in system.components.items() if each.is_stack}:
        if counts[name] != 1 or name not in system.components:
            remedy = "let its role give stack_component the name of the component"
            yield Problem(KIND, f"component {name} of the system has {counts[name]} stacks", remedy)


def _lost(system: System, stacks: Sequence[PlannedStack]) -> list[Problem]:
    """Return a problem for each output that a component takes and whose marker is in none of its parameters."""
    found = []
    for stack in stacks:
        kept = {taken for value in stack.values.values() for taken in taken_in(value)}
        for reference in system.components[stack.component].takes.values():
            if (reference.component, reference.output) not in kept:
                what = f"role {system.components[stack.component].role} of component {stack.component} does not pass"
                remedy = "pass it to a parameter of the template, or do not take it"
                found.append(Problem(KIND, f"{what} {reference.text} to its stack", remedy))
    return found
