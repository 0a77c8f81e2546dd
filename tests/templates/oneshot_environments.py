# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System oneshot with the values of each inventory for an account: its description, templates and parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.gantry.ecs.plugins.filter.system_description import system_description
from ansible_collections.gantry.ecs.plugins.filter.system_plan import system_plan
from ansible_collections.gantry.ecs.plugins.filter.system_template import system_template
from environments import ENVIRONMENTS, stack_parameters, variables
from template_normaliser import simplified
from template_parser import ROOT

ACCOUNTS = tuple(env for env in ENVIRONMENTS if not variables(env).get("local_aws_enabled"))
DESCRIPTION = ROOT / "systems" / "oneshot" / "system.yml"
Outputs = Mapping[str, Mapping[str, str]]


@cache
def description(env: str) -> dict[str, Any]:
    """Return the description with the values of an environment's inventory. The result is cached: do not change it."""
    values = Templar(loader=DataLoader()).template(variables(env).get("system_values", {})).get("oneshot", {})
    found = system_description(DESCRIPTION.read_text(encoding="utf-8"), str(DESCRIPTION), values)
    assert not found["problems"], found["problems"]
    return dict(found["description"])


def components(env: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and plan of each component, in the order of a deploy."""
    plan = system_plan(description(env))
    for batch in plan["batches"]:
        yield from ((name, plan["components"][name]) for name in batch)


def template(env: str, component: str) -> dict[str, Any]:
    """Return the rendered template of a component."""
    return dict(yaml.safe_load(system_template(description(env), component)))


def written_template(env: str, component: str, outputs: Outputs, account: str) -> str:
    """Return the template of a component that is not rendered, as JSON and without parameters.

    Args:
        env: the environment.
        component: its name.
        outputs: the outputs of the components before it.
        account: the value of ``AWS::AccountId``.
    """
    parameters = stack_parameters(component, env, outputs, system="oneshot") | {"Project": "oneshot"}
    return simplified(component, parameters, account=account)
