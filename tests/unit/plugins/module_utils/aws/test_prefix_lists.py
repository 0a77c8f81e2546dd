# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS's prefix lists: found by the region's names; a missing one is named."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.resources.prefix_lists import (
    PrefixListError,
    find_prefix_lists,
)
from botocore.stub import Stubber

LISTS = [
    {"PrefixListId": "pl-60b85b09", "PrefixListName": "com.amazonaws.cn-north-1.s3"},
    {"PrefixListId": "pl-60b85b10", "PrefixListName": "com.amazonaws.cn-north-1.dynamodb"},
]


def answered(lists: list[dict[str, Any]]) -> dict[str, str]:
    client = boto3.client("ec2", region_name="cn-north-1", aws_access_key_id="none", aws_secret_access_key="none")
    names = ["com.amazonaws.cn-north-1.dynamodb", "com.amazonaws.cn-north-1.s3"]
    wanted = [{"Name": "prefix-list-name", "Values": names}, {"Name": "owner-id", "Values": ["AWS"]}]
    with Stubber(client) as stub:
        stub.add_response("describe_managed_prefix_lists", {"PrefixLists": lists}, {"Filters": wanted})
        return find_prefix_lists(client, ["dynamodb", "s3"])


def test_the_region_s_lists_are_found_by_service() -> None:
    assert answered(LISTS) == {"s3": "pl-60b85b09", "dynamodb": "pl-60b85b10"}


def test_a_service_without_a_list_is_named() -> None:
    with pytest.raises(
        PrefixListError, match=r"there is no prefix list com\.amazonaws\.cn-north-1\.dynamodb -> check aws_region$"
    ):
        answered(LISTS[:1])
