# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the deletion of an environment refuses, unprotects and removes."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.catalogue import BY_NAME, PROTECTABLE, REMOVABLE
from ansible_collections.gantry.ecs.plugins.module_utils.environment.deletion import (
    deletion,
    protected,
    protected_data,
    refused,
    remnants,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.repository import Repository
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.table import Table, foreign_table
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.log_group import LogGroup
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.ssm_parameter import SsmParameter
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from hypothesis import given
from hypothesis import strategies as st


def client(_service: str) -> Any:
    raise AssertionError("no request is sent")


def stack(name: str = "shop-dev-table", **more: Any) -> Resource:
    described = {"StackName": name, "StackId": f"arn:{name}", "StackStatus": "CREATE_COMPLETE", **more}
    return Stack(client).stack("table", described)


def parameter(key: str, value: str) -> dict[str, str]:
    return {"ParameterKey": key, "ParameterValue": value}


def table(held: Resource | None, **more: Any) -> Resource:
    return Table(client).table({"TableName": "shop-dev", "TableStatus": "ACTIVE", **more}, held)


@st.composite
def some_resources(draw: st.DrawFn) -> list[Resource]:
    """Draw resources of every kind, each with protections of its kind."""
    found = []
    for kind in draw(st.lists(st.sampled_from(sorted(BY_NAME)), max_size=8)):
        protections = (
            draw(st.lists(st.sampled_from(BY_NAME[kind].protections), unique=True))
            if (BY_NAME[kind].protections)
            else []
        )
        holder = draw(st.sampled_from([None, stack()]))
        name = draw(st.sampled_from(["a", "b", "c"]))
        found.append(BY_NAME[kind](client).resource(name, name, holder, protections=protections))
    return found


NAME_LISTS = st.lists(st.sampled_from(["a", "b", "c"]), unique=True)


def test_a_stack_s_line_has_its_state_and_protection() -> None:
    assert stack()["line"] == "stack shop-dev-table (CREATE_COMPLETE)"
    on = stack(EnableTerminationProtection=True)
    assert on["line"] == "stack shop-dev-table (CREATE_COMPLETE; termination protection is on)"
    assert (on["protections"], on["component"]) == (["termination_protection"], "table")


def test_a_table_s_line_has_its_size() -> None:
    assert table(stack(), ItemCount=1234, TableSizeBytes=567890)["line"] == (
        "table shop-dev (ACTIVE, about 1,234 items, 567,890 bytes)"
    )


@pytest.mark.parametrize(
    ("held", "more", "protections"),
    [
        (stack(), {}, []),
        (stack(), {"DeletionProtectionEnabled": True}, ["deletion_protection"]),
        (stack(Parameters=[parameter("RetainData", "true")]), {}, ["retained"]),
        (stack(Parameters=[parameter("RetainData", "false"), parameter("Other", "true")]), {}, []),
        (None, {}, ["left_behind"]),
        (None, {"DeletionProtectionEnabled": True}, ["deletion_protection", "left_behind"]),
    ],
)
def test_a_protected_or_kept_table_is_protected_data(
    held: Resource | None, more: dict[str, Any], protections: list[str]
) -> None:
    found = table(held, **more)
    assert found["protections"] == protections
    assert protected_data([found]) == (["shop-dev"] if protections else [])


def test_a_name_of_two_resources_is_listed_once() -> None:
    both = [
        table(None),
        Repository(client).repository("shop-dev", 3, None),
        SsmParameter(client).resource("/a", "/a", protections=["by_hand"]),
    ]
    assert protected_data(both) == ["/a", "shop-dev"]


def test_a_protected_stack_is_no_data() -> None:
    on = stack(EnableTerminationProtection=True)
    assert protected_data([on, LogGroup(client).resource("/a", "/a")]) == []
    assert protected([on, stack()]) == [on]


def test_only_unprotected_stacks_are_deletable() -> None:
    """In check mode the protection is still on, and only these can be deleted."""
    on, off = stack(EnableTerminationProtection=True), stack("shop-dev-network")
    found = deletion([on, off, table(on)], [])
    assert (found["stacks"], found["deletable"]) == ([on, off], [off])


@given(some_resources(), NAME_LISTS)
def test_data_is_refused_until_it_is_confirmed(resources: list[Resource], confirmed: list[str]) -> None:
    left = refused(resources, confirmed)
    assert {one["name"] for one in left} == set(protected_data(resources)) - set(confirmed)
    assert refused(resources, protected_data(resources)) == []


@given(some_resources(), NAME_LISTS)
def test_remnants_are_outside_stacks_and_never_refused(resources: list[Resource], confirmed: list[str]) -> None:
    found = remnants(resources, confirmed)
    assert all(one["stack"] is None and one["kind"] in REMOVABLE for one in found)
    outside = [one for one in resources if one["stack"] is None and one["kind"] in REMOVABLE]
    assert [one for one in outside if one not in found] == [
        one for one in outside if one in refused(resources, confirmed)
    ]


@given(some_resources())
def test_only_a_protection_that_can_be_turned_off_is(resources: list[Resource]) -> None:
    for one in protected(resources):
        assert PROTECTABLE[one["kind"]].protection in one["protections"]
    assert all(
        one in protected(resources)
        for one in resources
        if {"termination_protection", "deletion_protection"} & set(one["protections"])
    )


def test_a_table_that_is_only_used_is_foreign() -> None:
    outputs = [{"OutputKey": "TableName", "OutputValue": "orders"}]
    assert foreign_table([stack(Outputs=outputs)]) == "orders"
    own = [{"OutputKey": "TableName", "OutputValue": "shop-dev"}]
    assert foreign_table([stack(Outputs=own), table(stack())]) is None
    assert foreign_table([]) is None
