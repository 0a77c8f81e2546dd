# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's internal variables begin with `__<role>_`; all others are options that it documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"
# The roles whose internal variables all have the prefix.
PREFIXED = ("build_push", "drift", "load_test", "local_aws", "policies", "preflight", "rollback", "teardown")
# What a role tells the playbook, as its README says.
FACTS = {
    "build_push_image",
    "build_push_image_digest",
    "build_push_repository_arn",
    "load_test_results",
    "local_aws_engine",
    "local_aws_registry",
    "preflight_account_id",
    "preflight_identity_arn",
    "rollback_image",
    "rollback_tag",
    "stack_collected",
}
each_role = pytest.mark.parametrize("role", sorted(path.name for path in ROLES.iterdir()))


def options(role: str) -> set[str]:
    specs = yaml.safe_load((ROLES / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return {name for spec in specs["argument_specs"].values() for name in spec.get("options", {})}


def assigned(part: Any) -> Iterator[str]:
    """Yield the variables that tasks set: results, facts, variables of tasks and of loops."""
    if isinstance(part, list):
        for one in part:
            yield from assigned(one)
    elif isinstance(part, dict):
        yield from (part[key] for key in ("register", "loop_var") if key in part)
        for key, value in part.items():
            if key in ("vars", "ansible.builtin.set_fact"):
                yield from value
            else:
                yield from assigned(value)


def variables(role: str) -> set[str]:
    """Return the variables that a role sets."""
    settings = ROLES / role / "vars" / "main.yml"
    found = set(yaml.safe_load(settings.read_text(encoding="utf-8"))) if settings.is_file() else set()
    for path in (ROLES / role / "tasks").glob("*.yml"):
        found |= set(assigned(yaml.safe_load(path.read_text(encoding="utf-8"))))
    return found


def test_every_way_to_set_a_variable_is_found() -> None:
    tasks = [{"block": [{"register": "a", "vars": {"b": 1}, "loop_control": {"loop_var": "c"}}]}]
    assert set(assigned([*tasks, {"ansible.builtin.set_fact": {"d": 1}}])) == set("abcd")


@pytest.mark.parametrize("role", PREFIXED)
def test_a_role_sets_only_internal_variables(role: str) -> None:
    given = {name for path in ROLES.iterdir() for name in options(path.name)}
    assert sorted(name for name in variables(role) - given - FACTS if not name.startswith(f"__{role}_")) == []


@each_role
def test_an_internal_variable_is_no_option(role: str) -> None:
    public = [ROLES / role / "README.md", ROLES / role / "defaults" / "main.yml"]
    assert [name for name in options(role) if name.startswith("_")] == []
    assert [path for path in public if re.search(r"\b__", path.read_text(encoding="utf-8"))] == []


@each_role
def test_a_role_uses_no_other_role_s_internal_variables(role: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (ROLES / role).rglob("*.yml")]
    used = {name for text in texts for name in re.findall(r"(?<![\w.])__[a-z_]+", text)}
    internal = [name for name in used if not name.endswith("__")]
    assert [name for name in internal if not name.startswith(f"__{role}_")] == []
