# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system.arguments import UNKNOWN, arguments
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import DescriptionError, parse
from system_strategies import filled, small

SYSTEM = parse(
    filled(
        {
            "name": "shop",
            "project": "shop",
            "components": {
                "table": {"previews": {"TableArn": "arn:preview"}, "arguments": {"size": 1}},
                "task": {"takes": {"name": "table.TableName", "arn": "table.TableArn", "key": "table.KeyArn?"}},
            },
            "jobs": {"load": {"role": "load_test", "takes": {"table": "table.TableName"}}},
        }
    )
)
OUTPUTS = {"table": {"TableName": "shop-dev", "TableArn": "arn:aws:table"}}


def test_arguments_are_the_outputs_that_are_named() -> None:
    assert arguments(SYSTEM, "task", OUTPUTS) == {"name": "shop-dev", "arn": "arn:aws:table", "key": ""}
    assert arguments(SYSTEM, "load", OUTPUTS) == {"table": "shop-dev"}
    assert arguments(SYSTEM, "table", {}) == {"size": 1}


def test_an_optional_output_is_used_if_it_exists() -> None:
    assert arguments(SYSTEM, "task", {"table": {**OUTPUTS["table"], "KeyArn": "arn:key"}})["key"] == "arn:key"


def test_a_preview_stands_in_check_mode_only() -> None:
    assert arguments(SYSTEM, "task", {}, is_check=True) == {"name": UNKNOWN, "arn": "arn:preview", "key": ""}
    assert arguments(SYSTEM, "task", OUTPUTS, is_check=True) == arguments(SYSTEM, "task", OUTPUTS)
    with pytest.raises(DescriptionError, match=r"task takes name from table.TableName, .* -> deploy table again"):
        arguments(SYSTEM, "task", {})


def test_the_preview_of_a_list_has_an_item_for_each_zone() -> None:
    """Fn::Select fails beyond the end of a list."""
    previewed = arguments(parse(filled(small())), "file-systems", {}, is_check=True)
    assert previewed["NetworkZonedSubnetIds"] == f"{UNKNOWN},{UNKNOWN},{UNKNOWN}"


def test_an_unknown_component_is_one_line() -> None:
    with pytest.raises(DescriptionError, match="no component or job 'tusk' -> take one of table, task, load"):
        arguments(SYSTEM, "tusk", {})


def test_parameters_of_a_rendered_stack_are_its_arguments() -> None:
    outputs = {"network": {"VpcId": "vpc-1", "EndpointSecurityGroupId": "sg-1"}}
    taken = arguments(parse(filled(small())), "security-groups", outputs)
    assert taken == {"NetworkVpcId": "vpc-1", "NetworkEndpointSecurityGroupId": "sg-1"}
    without = arguments(parse(filled(small())), "security-groups", {"network": {"VpcId": "vpc-1"}})
    assert without == {"NetworkVpcId": "vpc-1", "NetworkEndpointSecurityGroupId": ""}
