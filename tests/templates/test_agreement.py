# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roles, templates and inventories agree: names, defaults, documentation, and outputs that are arguments of roles."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import Reference, Taker
from environments import (
    ARGUMENTS,
    ENVIRONMENTS,
    SYSTEM,
    defaulted,
    defaults,
    rendered,
    stack_parameters,
    stack_variables,
    variables,
)
from template_parser import COMPONENTS, ROOT, load

each_component = pytest.mark.parametrize("component", COMPONENTS)
each_role = pytest.mark.parametrize("role", sorted(path.name for path in (ROOT / "roles").iterdir()))
# The variables of the environment's connection, which belong to no role.
OF_PLAYBOOKS = re.compile(
    r"aws_(region|profile|endpoint_url|environment)|deploy_role_arn|local_aws_enabled|local_task_engine"
)


# Facts that roles set for the playbook.
FACTS = re.compile(r"\bstack_outputs\.\w+|\bbuild_push_\w+")


def options(role: str) -> dict[str, Any]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())
    return {name: one for spec in specs["argument_specs"].values() for name, one in spec.get("options", {}).items()}


def required(role: str) -> set[str]:
    """Return the variables of a role that a playbook has to pass."""
    return {name for name, option in options(role).items() if option.get("required")}


@each_component
def test_a_role_and_its_template_have_the_same_defaults(component: str) -> None:
    """The role passes every parameter; those that no playbook has to pass have the template's default."""
    given = stack_variables(component)["stack_parameters"]
    assert set(given) == set(load(component)["Parameters"]) - {"Project", "Environment"}
    standard = stack_parameters(component, None)
    passed = {f"{{{{ {name} }}}}" for name in required(component)}
    own = {name for name, expression in given.items() if expression not in passed}
    assert own
    assert {name: standard[name] for name in own} == {name: defaulted(component).get(name) for name in own}


def test_playbooks_pass_the_arguments_that_roles_require() -> None:
    wanted = {name for component in COMPONENTS for name in required(component)}
    assert wanted == {*ARGUMENTS, "task_image_uri"}
    for stack, output in ARGUMENTS.values():
        assert output in load(stack)["Outputs"], (stack, output)


@each_component
def test_no_stack_role_reads_facts_of_another_role(component: str) -> None:
    texts = [path.read_text() for path in sorted((ROOT / "roles" / component).rglob("*.yml"))]
    assert texts
    read = {name for text in texts for name in FACTS.findall(text)}
    assert read <= {f"stack_outputs.{component}"}


@pytest.mark.parametrize("name", ["Project", "Environment"])
def test_templates_accept_the_same_names(name: str) -> None:
    constraints = [load(component)["Parameters"][name] | {"Description": ""} for component in COMPONENTS]
    assert all(one == constraints[0] for one in constraints)


@each_role
def test_the_documentation_of_a_role_has_its_defaults(role: str) -> None:
    documented = {name: option["default"] for name, option in options(role).items() if "default" in option}
    set_ = {name: value for name, value in defaults(role).items() if name in documented or name not in options(role)}
    assert set_ == documented


@each_role
def test_the_readme_of_a_role_names_every_variable(role: str) -> None:
    readme = (ROOT / "roles" / role / "README.md").read_text()
    assert [name for name in options(role) if f"`{name}`" not in readme] == []


@each_component
def test_a_role_and_its_template_have_the_same_choices(component: str) -> None:
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


def taken() -> list[Reference]:
    """Return the outputs of stacks that components and jobs take as arguments."""
    takers = [*SYSTEM.components.values(), *SYSTEM.jobs.values()]
    found = [reference for taker in takers for reference in taker.takes.values()]
    return [reference for reference in found if SYSTEM.components[reference.component].is_stack]


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_outputs_used_as_arguments_exist(env: str) -> None:
    required = [reference for reference in taken() if not reference.is_optional]
    assert Reference("network", "PrivateSubnetIds", False) in required
    for component, output, _is_optional in required:
        assert rendered(env)[component].outputs[output], (component, output)


def test_outputs_that_may_be_missing_are_in_the_template() -> None:
    optional = [reference for reference in taken() if reference.is_optional]
    assert optional
    for component, output, _is_optional in optional:
        assert output in load(component)["Outputs"], (component, output)


def test_no_role_reads_the_outputs_of_a_stack_by_itself() -> None:
    """Role system passes outputs as arguments; role stack sets them."""
    paths = [path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*.yml")]
    assert paths
    reading = re.compile(rf"\{{\{{.*stack_outputs\.({'|'.join(COMPONENTS)})\b")
    assert [path for path in paths if reading.search(path.read_text())] == []


@pytest.mark.parametrize("taker", [*SYSTEM.components.values(), *SYSTEM.jobs.values()], ids=lambda taker: taker.name)
def test_outputs_are_passed_as_arguments_of_the_role(taker: Taker) -> None:
    assert taker.takes.keys() <= options(taker.role).keys()
