# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each property of templates holds for any description, and fails where its fault is planted."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

import jsonschema
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system.checks import check
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import merged
from automation_properties import EVERY_AUTOMATION
from connect_properties import CONNECTION_FAULTS, EVERY_CONNECTION
from contract_faults import CONTRACT_FAULTS
from contract_properties import EVERY_CONTRACT
from data_faults import DATA_FAULTS
from data_properties import EVERY_DATA
from hypothesis import given, settings
from hypothesis import strategies as st
from names_faults import NAMED, NAMES_FAULTS, RANGES
from names_properties import EVERY_NAME
from observability_faults import OBSERVABILITY_FAULTS
from observability_properties import EVERY_OBSERVATION
from planted_faults import FAULTS, Plant
from system_strategies import drawn_systems, filled, schema, small
from template_case import case_of
from template_properties import EVERY_TEMPLATE
from workload_properties import EVERY_WORKLOAD

EVERY = (
    *EVERY_TEMPLATE,
    *EVERY_CONTRACT,
    *EVERY_WORKLOAD,
    *EVERY_DATA,
    *EVERY_NAME,
    *EVERY_CONNECTION,
    *EVERY_AUTOMATION,
    *EVERY_OBSERVATION,
)
PROPERTIES = {each.__name__: each for each in EVERY}
OF_RANGES = "open_ranges_are_those_of_listeners"
ALL_FAULTS = {
    **FAULTS,
    **CONTRACT_FAULTS,
    **DATA_FAULTS,
    **NAMES_FAULTS,
    **CONNECTION_FAULTS,
    **OBSERVABILITY_FAULTS,
    OF_RANGES: [*FAULTS[OF_RANGES], *RANGES],
}
PLANTED = [(name, number, plant) for name, plants in ALL_FAULTS.items() for number, plant in enumerate(plants, start=1)]


@settings(max_examples=120, deadline=None)
@given(drawn_systems())
def test_every_property_holds_for_any_system(description: dict[str, Any]) -> None:
    case = case_of(description)
    assert [f"{name}: {found}" for name, each in PROPERTIES.items() for found in each(case)] == []


@pytest.mark.parametrize(
    ("name", "number", "plant"), PLANTED, ids=[f"{name}-{number}" for name, number, _plant in PLANTED]
)
def test_a_property_fails_where_its_fault_is_planted(name: str, number: int, plant: Plant) -> None:
    case = case_of(filled(small(observability={"fault_injection": True}, **NAMED)))
    assert list(PROPERTIES[name](case)) == []
    plant(case)
    assert list(PROPERTIES[name](case)) != []


def test_every_property_has_a_planted_fault() -> None:
    assert ALL_FAULTS.keys() == PROPERTIES.keys()


@settings(max_examples=100, deadline=None)
@given(drawn_systems(), st.randoms(use_true_random=False))
def test_templates_depend_on_the_description_alone(description: dict[str, Any], chance: random.Random) -> None:
    templates = case_of(description).templates
    assert json.dumps(templates) == json.dumps(case_of(deepcopy(description)).templates)
    assert case_of(_shuffled(description, chance)).templates == templates


@settings(max_examples=100, deadline=None)
@given(drawn_systems(), st.data())
def test_a_change_of_a_service_changes_its_stack_alone(description: dict[str, Any], data: st.DataObject) -> None:
    names = sorted(description["services"])
    if not names:
        return
    name = data.draw(st.sampled_from(names))
    own = {"log_retention_days": 90, "command": ["other"], "environment": {"CHANGED": "yes"}}
    changed = merged(description, {"services": {name: own}})
    before, after = case_of(description).templates, case_of(changed).templates
    assert {each for each in before if before[each] != after[each]} == {f"service-{name}"}


@settings(max_examples=100, deadline=None)
@given(drawn_systems(), st.data())
def test_a_service_leaves_without_a_change_of_the_others(description: dict[str, Any], data: st.DataObject) -> None:
    called = {each for workload in _workloads(description) for each in workload["calls"]}
    names = sorted(description["services"].keys() - called)
    if not names:
        return
    name = data.draw(st.sampled_from(names))
    others = {each: one for each, one in description["services"].items() if each != name}
    before, after = case_of(description).templates, case_of({**description, "services": others}).templates
    assert {each for each in after if before[each] != after[each]} <= {"security-groups", "dashboard"}
    assert before.keys() - after.keys() <= {f"service-{name}", "security-groups", "dashboard"}


def _workloads(description: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for section in ("services", "jobs") for each in description[section].values()]


@settings(max_examples=100, deadline=None)
@given(drawn_systems())
def test_a_drawn_system_is_valid(description: dict[str, Any]) -> None:
    assert [each.message for each in jsonschema.Draft202012Validator(schema).iter_errors(description)] == []
    assert check(description, description["components"]) == []  # type: ignore[arg-type]


def _shuffled(description: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a description with its sections, and the names in each, in another order."""
    return _reordered({key: _reordered(each, chance) for key, each in description.items()}, chance)


def _reordered(section: Any, chance: random.Random) -> Any:
    if not isinstance(section, dict):
        return section
    names = list(section)
    chance.shuffle(names)
    return {name: section[name] for name in names}
