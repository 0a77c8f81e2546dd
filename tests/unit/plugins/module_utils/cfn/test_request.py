# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import (
    StackRequestError,
    check_request,
    parameter_strings,
    policy_text,
    tag_list,
)
from hypothesis import given
from hypothesis import strategies as st

SOUND: dict[str, Any] = {
    "state": "present",
    "stack_name": "shop-dev-table",
    "template_body": "Resources: {}",
    "parameters": {},
    "stack_policy": None,
    "wait_timeout": 3600,
}


def test_values_become_what_cloudformation_reads() -> None:
    values = {"Alarms": True, "Retain": False, "ZoneCount": 2, "SubnetIds": ["a", "b"], "Name": "x", "Empty": []}
    assert parameter_strings(values) == {
        "Alarms": "true",
        "Retain": "false",
        "ZoneCount": "2",
        "SubnetIds": "a,b",
        "Name": "x",
        "Empty": "",
    }
    assert parameter_strings({"Default": None}) == parameter_strings(None) == {}
    assert tag_list({"Owner": None}) == tag_list(None) == []
    assert tag_list({"Cost": True, "Zones": 3}) == [{"Key": "Cost", "Value": "true"}, {"Key": "Zones", "Value": "3"}]


@given(st.lists(st.text(st.characters(exclude_characters=",")), min_size=1))
def test_no_item_of_a_list_is_lost(items: list[str]) -> None:
    assert parameter_strings({"Items": items})["Items"].split(",") == items


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"stack_name": "1st"}, "a letter first"),
        ({"stack_name": "shop_dev"}, "letters, digits and hyphens"),
        ({"template_body": "  "}, "needs template_body"),
        ({"template_body": "x" * 51_201}, "51,201 bytes, CloudFormation takes 51,200"),
        ({"template_body": "ü" * 25_601}, "51,202 bytes"),
        ({"role_arn": "deploy"}, 'role_arn is "deploy" -> give the ARN of a role'),
        ({"role_arn": "arn:aws:iam::123456789012:user/me"}, "give the ARN of a role"),
        ({"wait_timeout": 0}, "at least 1 second"),
        ({"parameters": {"Tags": {"a": 1}}}, "parameter Tags is a dictionary"),
        ({"parameters": {"Ids": ["a,b"]}}, "parameter Ids has an item that is a list or holds a comma"),
        ({"parameters": {"Ids": [["a"]]}}, "parameter Ids has an item that is a list or holds a comma"),
        ({"parameters": {"Ids": ["a", None]}}, "parameter Ids has an item that is null"),
        ({"tags": {"Teams": ["a"]}}, "tag Teams is a dictionary or a list"),
        ({"tags": {"Teams": {"a": 1}}}, "tag Teams is a dictionary or a list"),
        ({"stack_policy": "{"}, "stack_policy is no JSON"),
        ({"stack_policy": {}}, 'stack_policy has no "Statement"'),
    ],
)
def test_invalid_request_is_refused_with_a_remedy(changed: dict[str, Any], expected: str) -> None:
    with pytest.raises(StackRequestError, match=expected) as error:
        check_request({**SOUND, **changed})
    assert " -> " in str(error.value)


@pytest.mark.parametrize("changed", [{}, {"state": "absent", "template_body": None}, {"template_body": "x" * 51_200}])
def test_valid_request_is_accepted(changed: dict[str, Any]) -> None:
    assert check_request({**SOUND, **changed}) is None


def test_a_policy_may_be_text_or_a_dictionary() -> None:
    assert policy_text('{"Statement": []}') == policy_text({"Statement": []}) == '{"Statement": []}'
    assert policy_text(None) is None
