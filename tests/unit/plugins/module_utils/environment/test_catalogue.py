# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind in the catalogue defines what the survey, the removal and the modules need."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.gantry.ecs.plugins.module_utils.environment import catalogue
from ansible_collections.gantry.ecs.plugins.module_utils.environment.catalogue import (
    BY_NAME,
    KINDS,
    PROTECTABLE,
    REMOVABLE,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import Kind
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import PROTECTIONS
from ansible_collections.gantry.ecs.plugins.modules import environment_info, environment_resource

HALL = Path(catalogue.__file__).parent
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.name))


def documented(text: str, *path: str) -> Any:
    found = yaml.safe_load(text)
    for key in path:
        found = found[key]
    return found


def test_every_file_of_a_kind_is_in_the_catalogue() -> None:
    assert {path.stem for path in (HALL / "kinds").rglob("*.py")} == set(BY_NAME)
    assert len(BY_NAME) == len(KINDS)


@each_kind
def test_a_kind_has_the_name_of_its_file(kind: type[Kind]) -> None:
    assert Path(inspect.getfile(kind)).stem == kind.name
    assert kind.label.lower() == kind.name.replace("_", " ")


@each_kind
def test_a_kind_implements_every_method(kind: type[Kind]) -> None:
    assert not inspect.isabstract(kind)
    assert kind(lambda _service: None).resource("a", "b")["kind"] == kind.name


@each_kind
def test_a_kind_names_known_protections(kind: type[Kind]) -> None:
    assert set(kind.protections) <= set(PROTECTIONS)
    if kind.name in PROTECTABLE:
        assert PROTECTABLE[kind.name].protection in kind.protections


@each_kind
def test_data_can_be_removed_and_protected(kind: type[Kind]) -> None:
    """A kind that holds data is a stack, or removed after the stacks; any other that is protected is a stack."""
    if kind.holds_data:
        assert kind.name in REMOVABLE or issubclass(kind, Stack)
        assert kind.protections
    elif kind.protections:
        assert kind is Stack


def test_every_protection_is_one_of_a_kind() -> None:
    assert {each for kind in KINDS for each in kind.protections} == set(PROTECTIONS)


def test_stacks_are_listed_first() -> None:
    assert KINDS[0] is Stack


@each_kind
def test_only_a_kind_s_own_file_names_it(kind: type[Kind]) -> None:
    """The survey, the removal and the deletion find kinds in the catalogue only."""
    for path in HALL.glob("*.py"):
        if path.stem != "catalogue":
            text = path.read_text(encoding="utf-8")
            assert kind.__name__ not in _identifiers(text), path


def _identifiers(text: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)} | {
        alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def test_the_modules_document_every_kind() -> None:
    choices = documented(environment_resource.DOCUMENTATION, "options", "kind", "choices")
    assert choices == environment_resource.ARGUMENT_SPEC["kind"]["choices"]
    (kinds,) = documented(environment_info.RETURN, "resources", "contains", "kind", "description")
    assert all(f"C({name})" in kinds for name in BY_NAME)
    protections = " ".join(documented(environment_info.RETURN, "resources", "contains", "protections", "description"))
    assert all(f"C({name})" in protections for name in PROTECTIONS)
