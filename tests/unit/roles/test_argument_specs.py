# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specs of all roles: Ansible refuses what is missing, of another type, or no choice, by its name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

ROLES = Path(__file__).parents[3] / "roles"
# A value that each type takes, and one that it refuses; Ansible turns everything into a text or a path.
VALID: Mapping[str, Any] = {"str": "a", "path": "a", "int": 1, "float": 0.5, "bool": True, "dict": {"a": 1}, "list": []}
WRONG: Mapping[str, Any] = {"int": "a", "float": "a", "bool": "perhaps", "dict": "a", "list": {"a": 1}}
NEWEST = {
    "job": {"main"},
    "package": {"main"},
    "parameters": {"main"},
    "secret_rotation": {"main"},
    "service": {"main", "restart"},
    "setup": {"main"},
    "system": {"main", "collect", "deploy", "apply", "job"},
}


class Entry(NamedTuple):
    """An entry point of a role, and the options of its spec."""

    role: str
    name: str
    options: Mapping[str, Any]

    def complete(self) -> dict[str, Any]:
        """Return a valid value of each required option."""
        return {name: valid(option) for name, option in self.options.items() if option.get("required")}

    def errors(self, values: Mapping[str, Any]) -> list[str]:
        """Return what Ansible reports of values."""
        return list(ArgumentSpecValidator(dict(self.options)).validate(dict(values)).error_messages)


def valid(option: Mapping[str, Any]) -> Any:
    """Return a value that an option takes."""
    if "choices" in option:
        return option["choices"][0]
    if option["type"] == "list":
        return [valid({**option, "type": option["elements"], "elements": "str"})]
    if "options" in option:
        return {name: valid(each) for name, each in option["options"].items()}
    return VALID[option["type"]]


def entries() -> Iterator[Entry]:
    """Yield each entry point of each role."""
    for path in sorted(ROLES.glob("*/meta/argument_specs.yml")):
        for name, spec in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].items():
            options = {key: without_template(each) for key, each in spec.get("options", {}).items()}
            yield Entry(path.parents[1].name, name, options)


def without_template(option: Mapping[str, Any]) -> dict[str, Any]:
    """Return an option without a default that only a play can fill in."""
    return {key: value for key, value in option.items() if key != "default" or "{{" not in str(value)}


def options(*types: str) -> list[Any]:
    """Return entry point and name of each option of some types."""
    return [
        pytest.param(entry, name, id=f"{entry.role}-{entry.name}-{name}")
        for entry in entries()
        for name, option in entry.options.items()
        if option["type"] in types
    ]


def test_the_specs_of_the_roles_for_systems_are_here() -> None:
    found: dict[str, set[str]] = {}
    for entry in entries():
        found.setdefault(entry.role, set()).add(entry.name)
    assert {role: found.get(role) for role in NEWEST} == NEWEST


@pytest.mark.parametrize("entry", list(entries()), ids=lambda entry: f"{entry.role}-{entry.name}")
def test_a_missing_option_is_named(entry: Entry) -> None:
    """With all required options, and with every option, there is no error."""
    assert entry.errors(entry.complete()) == []
    assert entry.errors({name: valid(option) for name, option in entry.options.items()}) == []
    for name in entry.complete():
        left = {key: value for key, value in entry.complete().items() if key != name}
        assert entry.errors(left) == [f"missing required arguments: {name}"]


@pytest.mark.parametrize(("entry", "name"), list(options(*WRONG)))
def test_a_value_of_another_type_is_refused(entry: Entry, name: str) -> None:
    errors = entry.errors({**entry.complete(), name: WRONG[entry.options[name]["type"]]})
    assert any(f"'{name}'" in error for error in errors)


@pytest.mark.parametrize(
    ("entry", "name"), [each for each in options("str") if "choices" in each.values[0].options[each.values[1]]]
)
def test_a_value_that_is_no_choice_is_refused(entry: Entry, name: str) -> None:
    (error,) = entry.errors({**entry.complete(), name: "no such choice"})
    assert name in error
    assert "value of" in error
