# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment's resources are found and removed in an emulated account."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.log_group import insights_paths
from ansible_collections.gantry.ecs.plugins.module_utils.environment.removal import (
    ResourceRemoval,
    ResourceTimeoutError,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.survey import find_resources
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.environment.builder import (
    KEYS,
    Builder,
    log_group_template,
    names_of,
    refusal,
)
from botocore.exceptions import ClientError

RESOURCES = {
    "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "shop-dev", **KEYS}},
    "LogGroup": log_group_template("/shop/dev"),
    "Parameter": {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": "/shop/dev/rate", "Type": "String", "Value": "1"},
    },
}


def test_an_empty_account_has_no_resources(shop: Builder) -> None:
    assert shop.find() == []


def test_resources_of_a_stack_are_found_with_it(shop: Builder) -> None:
    shop.stack("table", RESOURCES, retain=True)
    found = {one["kind"]: one for one in shop.find()}
    assert set(found) == {"stack", "table", "log_group", "ssm_parameter"}
    assert {found[kind]["stack"] for kind in ("table", "log_group", "ssm_parameter")} == {"shop-dev-table"}
    assert found["table"]["protections"] == ["retained"]
    assert found["ssm_parameter"]["protections"] == []
    assert found["stack"]["component"] == "table"
    assert found["stack"]["parameters"] == shop.names.owner | {"RetainData": "true"}


def test_parameters_of_a_deploy_are_removed_with_it(shop: Builder) -> None:
    """A generated value has to be named first, since no deploy makes it again."""
    tags = [{"Key": key, "Value": value} for key, value in shop.names.owner.items()]
    for name, source in (("token", "generated"), ("copy", "described"), ("setup/realm", "described")):
        put = [*tags, {"Key": "gantry.ecs/source", "Value": source}]
        shop.clients("ssm").put_parameter(Name=f"/shop/dev/{name}", Value="x", Type="SecureString", Tags=put)
    shop.parameter("/shop/dev/mine")
    assert {one["name"]: one["protections"] for one in shop.find()} == {
        "/shop/dev/copy": [],
        "/shop/dev/mine": ["by_hand"],
        "/shop/dev/setup/realm": [],
        "/shop/dev/token": ["irreplaceable"],
    }


def test_another_owner_s_table_is_never_found(shop: Builder) -> None:
    """The tags Project and Environment prove nothing: any user can set them."""
    shop.table(shop.tags())
    shop.repository(shop.tags())
    assert shop.find() == []


def test_names_with_the_same_prefix_are_never_found(shop: Builder) -> None:
    shop.log_group("/shop/dev-two")
    shop.log_group("/aws/ecs/containerinsights/shop-dev-two/performance")
    shop.parameter("/shop/dev-two/rate")
    shop.alarm("shop-dev-two-throttles")
    shop.task_definition(family="shop-dev-two")
    assert shop.find() == []


def test_what_outlives_the_stacks_is_removed_once(shop: Builder) -> None:
    shop.log_group(f"{insights_paths(shop.names)[0]}/performance")
    shop.parameter("/shop/dev/password", Value="a-secret-value", Type="SecureString")
    shop.task_definition()
    found = shop.find()
    assert [one["kind"] for one in found] == ["task_definition", "log_group", "ssm_parameter"]
    assert "a-secret-value" not in str(found)
    check = ResourceRemoval(shop.clients, 1, is_check=True)
    assert all(check.remove(one["kind"], one["id"]) for one in found)
    removal = ResourceRemoval(shop.clients, 1)
    assert [removal.remove(one["kind"], one["id"]) for one in found] == [True] * 3
    assert [removal.remove(one["kind"], one["id"]) for one in found] == [False] * 3
    assert shop.find() == []


def test_a_repository_is_removed_with_its_images(shop: Builder) -> None:
    shop.repository(images=["1"])
    removal = ResourceRemoval(shop.clients, 1)
    assert [removal.remove("repository", "shop-dev") for _again in range(2)] == [True, False]


def test_a_protected_table_is_removed_after_unprotecting(shop: Builder) -> None:
    shop.table(DeletionProtectionEnabled=True)
    removal = ResourceRemoval(shop.clients, 1)
    with pytest.raises(ClientError, match="DeletionProtectionEnabled"):
        removal.remove("table", "shop-dev")
    assert ResourceRemoval(shop.clients, 1, is_check=True).unprotect("table", "shop-dev")
    assert [removal.unprotect("table", "shop-dev") for _again in range(2)] == [True, False]
    assert [removal.remove("table", "shop-dev") for _again in range(2)] == [True, False]
    assert not removal.unprotect("table", "shop-dev")


def test_a_missing_stack_needs_no_unprotecting(shop: Builder) -> None:
    assert not ResourceRemoval(shop.clients, 1).unprotect("stack", "shop-dev-table")


def test_a_table_that_stays_busy_times_out(shop: Builder) -> None:
    class Busy:
        exceptions = shop.clients("dynamodb").exceptions

        def describe_table(self, **request: Any) -> dict[str, Any]:
            return {"Table": {"TableStatus": "UPDATING", "DeletionProtectionEnabled": True}}

    slept: list[float] = []
    removal = ResourceRemoval(lambda service: Busy(), 3, clock=lambda: sum(slept), sleep=slept.append)
    with pytest.raises(ResourceTimeoutError, match="table shop-dev is still UPDATING after 3 s"):
        removal.unprotect("table", "shop-dev")


def test_a_missing_permission_is_reported(shop: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the resources is found all the same."""
    shop.log_group("/shop/dev")
    monkeypatch.setattr(shop.clients("ssm"), "get_paginator", refusal("AccessDeniedException"))
    account = Account(shop.names)
    assert names_of(find_resources(shop.clients, account)) == {("log_group", "/shop/dev")}
    assert [line.partition(":")[0] for line in account.not_checked] == ["SSM parameter"]


@pytest.mark.parametrize("service", ["cloudformation", "ssm"])
def test_an_unreachable_account_is_not_an_empty_one(
    shop: Builder, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    for call in ("get_paginator", "describe_stacks"):
        if hasattr(shop.clients(service), call):
            monkeypatch.setattr(shop.clients(service), call, refusal("ExpiredToken"))
    with pytest.raises(ClientError, match="ExpiredToken"):
        shop.find()


def test_the_permission_to_see_stacks_is_required(shop: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shop.clients("cloudformation"), "describe_stacks", refusal("AccessDenied"))
    with pytest.raises(ClientError, match="AccessDenied"):
        shop.find()


def test_network_interfaces_are_found_by_subnet_and_group(shop: Builder) -> None:
    ec2 = shop.clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"] for number in range(3)
    ]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    inside, outside, grouped = (
        ec2.create_network_interface(SubnetId=subnet, **more)["NetworkInterface"]["NetworkInterfaceId"]
        for subnet, more in zip(subnets, ({}, {}, {"Groups": [group]}), strict=True)
    )
    account = Account(shop.names, [subnets[0], "subnet-0123456789abcdef0"], [group])
    found = find_resources(shop.clients, account)
    assert {one["name"] for one in found} == {inside, grouped}
    assert outside not in str(found)
