# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.belongings import (
    STACK_TAG,
    Names,
    foreign_table,
    protected_data,
    repository_thing,
    stack_thing,
    table_thing,
    thing,
)
from hypothesis import given
from hypothesis import strategies as st

NAMES = Names("shop", "dev", ["network", "table"])
PART = st.from_regex(r"[a-z][a-z0-9-]{1,8}", fullmatch=True)


def stack(name: str = "shop-dev-table", **more: Any) -> dict[str, Any]:
    return stack_thing({"StackName": name, "StackId": f"arn:{name}", "StackStatus": "CREATE_COMPLETE", **more})


def parameter(key: str, value: str) -> dict[str, str]:
    return {"ParameterKey": key, "ParameterValue": value}


def table(held: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    return table_thing({"TableName": "shop-dev", "TableStatus": "ACTIVE", **more}, held)


def test_a_stack_tells_its_state_and_its_protection() -> None:
    assert stack()["line"] == "stack shop-dev-table (CREATE_COMPLETE)"
    protected = stack(EnableTerminationProtection=True)
    assert protected["line"] == "stack shop-dev-table (CREATE_COMPLETE; termination protection is on)"
    assert protected["protections"] == ["termination_protection"]


def test_a_table_tells_how_much_is_in_it() -> None:
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
def test_a_table_that_is_to_be_kept_needs_a_second_word(
    held: dict[str, Any] | None, more: dict[str, Any], protections: list[str]
) -> None:
    found = table(held, **more)
    assert found["protections"] == protections
    assert protected_data([found]) == (["shop-dev"] if protections else [])


def test_a_name_that_two_things_have_is_asked_for_once() -> None:
    both = [
        table(None),
        repository_thing("shop-dev", 3, None),
        thing("ssm_parameter", "/a", "/a", protections=["by_hand"]),
    ]
    assert protected_data(both) == ["/a", "shop-dev"]


def test_what_holds_no_data_needs_no_second_word() -> None:
    assert protected_data([stack(EnableTerminationProtection=True), thing("log_group", "/a", "/a")]) == []


def test_a_table_that_is_only_used_is_named() -> None:
    outputs = [{"OutputKey": "TableName", "OutputValue": "orders"}]
    assert foreign_table([stack(Outputs=outputs)]) == "orders"
    own = [{"OutputKey": "TableName", "OutputValue": "shop-dev"}]
    assert foreign_table([stack(Outputs=own), table(stack())]) is None
    assert foreign_table([]) is None


def test_tags_of_every_service_are_understood() -> None:
    assert tag_map([{"Key": "A", "Value": "1"}, {"key": "b", "value": "2"}]) == {"A": "1", "b": "2"}


@given(PART, PART, PART, PART)
def test_only_the_own_stacks_make_a_thing_the_environments_own(
    project: str, environment: str, other_project: str, other: str
) -> None:
    own = Names(project, environment, ["table"])
    assert own.owns({STACK_TAG: f"{project}-{environment}-table"})
    assert not own.owns({"Project": project, "Environment": environment})
    foreign = f"{other_project}-{other}-table"
    assert own.owns({STACK_TAG: foreign}) == (foreign == f"{project}-{environment}-table")


def test_the_names_are_those_of_the_templates() -> None:
    assert (NAMES.base, NAMES.path) == ("shop-dev", "/shop/dev")
    assert NAMES.stacks == ["shop-dev-network", "shop-dev-table"]
    assert NAMES.insights == "/aws/ecs/containerinsights/shop-dev"
