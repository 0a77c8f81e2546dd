# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.owner import check_owner, foreign_owner, owner_of
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError
from hypothesis import assume, given
from hypothesis import strategies as st

PART = st.from_regex(r"[a-z](-?[a-z0-9]){1,4}", fullmatch=True)
OWNER = {"Project": "shop", "Environment": "dev"}


def stack(
    parameters: dict[str, str] | None = None, tags: dict[str, str] | None = None, status: str = "CREATE_COMPLETE"
) -> dict[str, Any]:
    return {
        "StackName": "shop-dev-table",
        "StackStatus": status,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in (parameters or {}).items()],
        "Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
    }


@given(PART, PART, PART, PART)
def test_environments_with_the_same_names_have_two_owners(
    project: str, environment: str, other_project: str, other: str
) -> None:
    assume((project, environment) != (other_project, other))
    own, foreign = {"Project": project, "Environment": environment}, {"Project": other_project, "Environment": other}
    for described in ({"parameters": own}, {"tags": own}):
        assert foreign_owner(stack(**described), own) == ""
        assert foreign_owner(stack(**described), foreign) == f"project {project}, environment {environment}"


def test_a_cost_centre_s_tags_do_not_change_the_owner() -> None:
    assert owner_of(stack(OWNER, {"Project": "cost centre 7", "Team": "x"})) == OWNER


def test_parameters_name_the_owner_of_a_stack_without_tags() -> None:
    assert foreign_owner(stack(OWNER | {"RetainData": "true"}), OWNER) == ""


@pytest.mark.parametrize("half", [{}, {"Project": "shop"}, {"Environment": "dev"}])
def test_a_stack_without_an_owner_is_foreign(half: dict[str, str]) -> None:
    assert foreign_owner(stack(tags=half), OWNER) != ""


def test_a_stack_in_review_has_no_owner() -> None:
    assert foreign_owner(stack(status="REVIEW_IN_PROGRESS"), OWNER) == ""
    assert foreign_owner(stack(tags=OWNER | {"Project": "b"}, status="REVIEW_IN_PROGRESS"), OWNER) != ""


def test_without_an_owner_any_stack_is_accepted() -> None:
    foreign = stack(tags={"Project": "other", "Environment": "dev"})
    with pytest.raises(StackRequestError):
        check_owner(foreign, OWNER)
    assert check_owner(foreign, None) is None
    assert check_owner(None, OWNER) is None


def test_refusal_is_one_line_that_names_the_owner() -> None:
    with pytest.raises(StackRequestError) as refused:
        check_owner(stack({"Project": "shop-dev", "Environment": "two"}), OWNER)
    assert str(refused.value) == (
        "stack shop-dev-table belongs to project shop-dev, environment two, and you call for project shop, "
        "environment dev -> choose another ddbload_project, or another name for the environment"
    )
