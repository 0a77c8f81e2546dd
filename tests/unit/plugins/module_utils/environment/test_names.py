# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import STACK_TAG, Names
from hypothesis import given
from hypothesis import strategies as st

NAMES = Names("shop", "dev", ["network", "table"])
PART = st.from_regex(r"[a-z][a-z0-9-]{1,8}", fullmatch=True)


def test_tags_of_every_service_are_read() -> None:
    assert tag_map([{"Key": "A", "Value": "1"}, {"key": "b", "value": "2"}]) == {"A": "1", "b": "2"}


@given(PART, PART, PART, PART)
def test_only_resources_of_own_stacks_are_owned(project: str, environment: str, other_project: str, other: str) -> None:
    own = Names(project, environment, ["table"])
    assert own.owns({STACK_TAG: f"{project}-{environment}-table"})
    assert not own.owns({"Project": project, "Environment": environment})
    foreign = f"{other_project}-{other}-table"
    assert own.owns({STACK_TAG: foreign}) == (foreign == f"{project}-{environment}-table")


def test_tags_of_another_owner_disown_a_resource() -> None:
    assert not NAMES.owns({STACK_TAG: "shop-dev-table", "Project": "other"})
    assert NAMES.disowns({"Environment": "prod"})
    assert not NAMES.disowns({"Owner": "other-team"})


def test_names_are_those_of_the_templates() -> None:
    assert (NAMES.base, NAMES.path) == ("shop-dev", "/shop/dev")
    assert NAMES.stacks == ["shop-dev-network", "shop-dev-table"]
