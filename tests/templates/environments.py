# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of the templates, as the inventories and the roles' defaults set them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import read
from template_parser import COMPONENTS, REGION, ROOT, Rendered, load, parameter_text, render

ENVIRONMENTS = tuple(sorted(path.parent.name for path in (ROOT / "inventories").glob("*/hosts.yml")))
DESCRIPTION = ROOT / "systems" / "load_test" / "system.yml"
SYSTEM = parse(read(DESCRIPTION.read_text(encoding="utf-8"), str(DESCRIPTION)).description)
# The arguments of roles that are outputs of a stack: the argument, and its stack and output.
ARGUMENTS = {
    argument: (reference.component, reference.output)
    for taker in SYSTEM.components.values()
    for argument, reference in taker.takes.items()
    if taker.is_stack and SYSTEM.components[reference.component].is_stack
}
IMAGE = "210987654321.dkr.ecr.eu-west-1.amazonaws.com/ddbload:0.1.0-3f2a"


def _read(path: Path) -> Any:
    return DataLoader().load_from_file(str(path), cache="none", trusted_as_template=True)


def defaults(role: str) -> dict[str, Any]:
    """Return the variables that a role's defaults/main.yml sets, untemplated."""
    return dict(_read(ROOT / "roles" / role / "defaults" / "main.yml") or {})


def variables(env: str) -> dict[str, Any]:
    """Return the variables of an environment's inventory, untemplated."""
    return dict(_read(ROOT / "inventories" / env / "group_vars" / f"{env}.yml"))


def stack_variables(role: str) -> dict[str, Any]:
    """Return the variables that a role passes to role stack: its component, the expressions of its parameters, ..."""
    for task in _read(ROOT / "roles" / role / "tasks" / "main.yml"):
        if "stack_parameters" in task.get("vars", {}):
            return dict(task["vars"])
    raise AssertionError(f"role {role} applies no stack")


def stack_parameters(
    component: str,
    env: str | None,
    outputs: Mapping[str, Mapping[str, Any]] | None = None,
    system: str = "load_test",
) -> dict[str, str]:
    """Return the parameters, as text, that a component's stack gets.

    Args:
        component: one of COMPONENTS.
        env: the environment; None for the roles' defaults alone.
        outputs: the outputs of the other stacks, by component.
        system: the system, by which an inventory may choose values.
    """
    known: dict[str, Any] = {"aws_region": REGION, "system": system}
    for role in ("stack", *COMPONENTS):
        known |= defaults(role)
    known |= {} if env is None else variables(env)
    known |= {
        "env": env or "dev",
        "inventory_dir": str(ROOT / "inventories" / (env or "dev")),
        "stack_component": component,
        "task_image_uri": IMAGE,
    }
    known |= {name: (outputs or {}).get(stack, {}).get(output, "") for name, (stack, output) in ARGUMENTS.items()}
    expressions = stack_variables(component)["stack_parameters"]
    templar = Templar(loader=DataLoader(), variables=known)
    given = {name: parameter_text(templar.template(one)) for name, one in expressions.items()}
    return {"Project": "ddbload", "Environment": env or "dev"} | given


@cache
def rendered(env: str) -> dict[str, Rendered]:
    """Return every component's template rendered for an environment, each with the outputs of those before it.

    The result is cached: do not change it.
    """
    outputs: dict[str, dict[str, Any]] = {}
    result: dict[str, Rendered] = {}
    for component in COMPONENTS:
        result[component] = render(component, stack_parameters(component, env, outputs))
        outputs[component] = result[component].outputs
    return result


def defaulted(component: str) -> dict[str, str]:
    """Return the defaults, as text, of a template's parameters."""
    definitions = load(component)["Parameters"]
    return {name: parameter_text(one["Default"]) for name, one in definitions.items() if "Default" in one}
