# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, templates and inventories agree: names, defaults, documentation, and what one stack gets from another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from environments import ENVIRONMENTS, defaulted, defaults, rendered, stack_parameters, stack_variables, variables
from reading import COMPONENTS, ROOT, load

each_component = pytest.mark.parametrize("component", COMPONENTS)
each_role = pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir()))
# What a stack gets from other stacks and from the build, not from variables of its role.
HANDED_ON = {"Project", "Environment", "TableName", "TableArn", "TableKeyArn", "RepositoryArn", "ImageUri"}
# What the environment's connection is made of; no role owns it.
OF_PLAYBOOKS = re.compile(
    r"aws_(region|profile|endpoint_url|environment)|deploy_role_arn|local_aws_enabled|local_task_engine"
)


def options(role: str) -> dict[str, Any]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    return {name: one for spec in specs["argument_specs"].values() for name, one in spec.get("options", {}).items()}


@each_component
def test_a_role_gives_its_template_every_parameter_and_by_default_the_template_s_default(component: str) -> None:
    given = set(stack_variables(component)["stack_parameters"])
    assert given == set(load(component)["Parameters"]) - {"Project", "Environment"}
    standard = stack_parameters(component, None)
    own = given - HANDED_ON
    assert {name: standard[name] for name in own} == {name: defaulted(component).get(name) for name in own}


@pytest.mark.parametrize("name", ["Project", "Environment"])
def test_a_name_that_one_template_takes_every_template_takes(name: str) -> None:
    constraints = [load(component)["Parameters"][name] | {"Description": ""} for component in COMPONENTS]
    assert all(one == constraints[0] for one in constraints)


@each_role
def test_a_role_s_documentation_tells_its_defaults(role: str) -> None:
    told = {name: option["default"] for name, option in options(role).items() if "default" in option}
    set_ = {name: value for name, value in defaults(role).items() if name in told or name not in options(role)}
    assert set_ == told


@each_role
def test_a_role_s_readme_names_every_variable(role: str) -> None:
    readme = (ROOT / "roles" / role / "README.md").read_text()
    assert [name for name in options(role) if f"`{name}`" not in readme] == []


@each_component
def test_a_role_s_choices_are_the_template_s(component: str) -> None:
    specified = options(component)
    for name, expression in stack_variables(component)["stack_parameters"].items():
        variable = expression.removeprefix("{{ ").removesuffix(" }}")
        allowed = load(component)["Parameters"][name].get("AllowedValues")
        if variable in specified and allowed and "true" not in allowed and specified[variable]["type"] == "str":
            assert sorted(specified[variable]["choices"]) == sorted(allowed), variable


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_an_environment_sets_only_variables_that_roles_have(env: str) -> None:
    known = {name for path in (ROOT / "roles").iterdir() for name in options(path.name)}
    assert [name for name in variables(env) if name not in known and not OF_PLAYBOOKS.fullmatch(name)] == []


def consumed() -> set[tuple[str, str]]:
    texts = [path.read_text() for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml")]
    pattern = re.compile(rf"stack_outputs\.({'|'.join(COMPONENTS)})\.(\w+)(?!\w)(?!\s*\|\s*default\()")
    return {match for text in texts for match in pattern.findall(text)}


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_outputs_that_are_read_exist(env: str) -> None:
    found = consumed()
    assert ("network", "PrivateSubnetIds") in found
    for component, output in found:
        assert rendered(env)[component].outputs[output], (component, output)


def test_outputs_with_a_fallback_exist_in_the_template() -> None:
    pattern = re.compile(rf"stack_outputs\.({'|'.join(COMPONENTS)})\.(\w+)")
    for path in (*Path(ROOT / "roles").rglob("*.yml"), *Path(ROOT / "playbooks").rglob("*.yml")):
        for component, output in pattern.findall(path.read_text()):
            assert output in load(component)["Outputs"], (path, output)
