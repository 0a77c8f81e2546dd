# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account holds of an environment: found, and removed, on an emulator."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.belongings import Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.removal import EnvironmentPart, PartTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.environment.survey import EnvironmentSurvey
from botocore.exceptions import ClientError

NAMES = Names("shop", "dev", ["table", "registry"])
KEYS: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
OWN = [{"Key": "Project", "Value": "shop"}, {"Key": "Environment", "Value": "dev"}]
TEMPLATE = {
    "Parameters": {"RetainData": {"Type": "String", "Default": "true"}},
    "Resources": {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "shop-dev", **KEYS}},
        "LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/shop/dev"}},
        "Parameter": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": "/shop/dev/rate", "Type": "String", "Value": "1"},
        },
    },
}
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
Clients = Callable[[str], Any]


def survey(clients: Clients) -> dict[str, list[str]]:
    """Return the names of what is there by kind."""
    found: dict[str, list[str]] = {}
    for one in EnvironmentSurvey(clients, NAMES).look():
        found.setdefault(one["kind"], []).append(one["name"])
    return found


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "told by the test"}}, "Call")


def test_an_empty_account_holds_nothing(clients: Clients) -> None:
    assert survey(clients) == {}


def test_what_a_stack_holds_is_found_with_the_stack(clients: Clients) -> None:
    clients("cloudformation").create_stack(StackName="shop-dev-table", TemplateBody=json.dumps(TEMPLATE), Tags=OWN)
    things = {one["kind"]: one for one in EnvironmentSurvey(clients, NAMES).look()}
    assert set(things) == {"stack", "table", "log_group", "ssm_parameter"}
    assert {things[kind]["stack"] for kind in ("table", "log_group", "ssm_parameter")} == {"shop-dev-table"}
    assert things["table"]["protections"] == ["retained"]
    assert things["ssm_parameter"]["protections"] == []
    assert things["stack"]["parameters"] == {"RetainData": "true"}


def test_a_table_and_a_repository_of_somebody_elses_are_never_found(clients: Clients) -> None:
    tags = [{"Key": "Project", "Value": "shop"}, {"Key": "Environment", "Value": "dev"}]
    clients("dynamodb").create_table(TableName="shop-dev", Tags=tags, **KEYS)
    clients("ecr").create_repository(repositoryName="shop-dev", tags=tags)
    assert survey(clients) == {}


def test_neighbours_whose_names_begin_alike_are_never_found(clients: Clients) -> None:
    clients("logs").create_log_group(logGroupName="/shop/dev-two")
    clients("logs").create_log_group(logGroupName="/aws/ecs/containerinsights/shop-dev-two/performance")
    clients("ssm").put_parameter(Name="/shop/dev-two/rate", Value="1", Type="String")
    clients("cloudwatch").put_metric_alarm(
        AlarmName="shop-dev-two-throttles",
        EvaluationPeriods=1,
        ComparisonOperator="GreaterThanThreshold",
        Namespace="n",
        MetricName="m",
        Period=60,
        Statistic="Sum",
        Threshold=1,
    )
    containers = [{"name": "main", "image": "x", "memory": 128}]
    clients("ecs").register_task_definition(family="shop-dev-two", containerDefinitions=containers)
    assert survey(clients) == {}


def test_what_outlives_the_stacks_is_found_and_removed_once(clients: Clients) -> None:
    group = "/aws/ecs/containerinsights/shop-dev/performance"
    clients("logs").create_log_group(logGroupName=group)
    clients("ssm").put_parameter(Name="/shop/dev/password", Value="a-secret-value", Type="SecureString")
    containers = [{"name": "main", "image": "x", "memory": 128}]
    clients("ecs").register_task_definition(family="shop-dev", containerDefinitions=containers)
    things = EnvironmentSurvey(clients, NAMES).look()
    assert [one["kind"] for one in things] == ["task_definition", "log_group", "ssm_parameter"]
    assert "a-secret-value" not in str(things)
    only_told = EnvironmentPart(clients, 1, is_check=True)
    assert all(only_told.remove(one["kind"], one["id"]) for one in things)
    part = EnvironmentPart(clients, 1)
    assert [part.remove(one["kind"], one["id"]) for one in things] == [True] * 3
    assert [part.remove(one["kind"], one["id"]) for one in things] == [False] * 3
    assert survey(clients) == {}


def test_a_repository_goes_with_its_images(clients: Clients) -> None:
    ecr = clients("ecr")
    ecr.create_repository(repositoryName="shop-dev")
    ecr.put_image(repositoryName="shop-dev", imageTag="1", imageManifest=json.dumps(MANIFEST))
    part = EnvironmentPart(clients, 1)
    assert (part.remove("repository", "shop-dev"), part.remove("repository", "shop-dev")) == (True, False)


def test_a_protected_table_is_not_removed_before_its_protection_is_off(clients: Clients) -> None:
    clients("dynamodb").create_table(TableName="shop-dev", DeletionProtectionEnabled=True, **KEYS)
    part = EnvironmentPart(clients, 1)
    with pytest.raises(ClientError, match="DeletionProtectionEnabled"):
        part.remove("table", "shop-dev")
    assert EnvironmentPart(clients, 1, is_check=True).unprotect("table", "shop-dev")
    assert [part.unprotect("table", "shop-dev") for _again in range(2)] == [True, False]
    assert [part.remove("table", "shop-dev") for _again in range(2)] == [True, False]
    assert not part.unprotect("table", "shop-dev")


def test_a_stack_that_is_not_there_needs_no_unprotecting(clients: Clients) -> None:
    assert not EnvironmentPart(clients, 1).unprotect("stack", "shop-dev-table")


def test_a_table_that_does_not_come_to_rest_is_told(clients: Clients) -> None:
    class Busy:
        exceptions = clients("dynamodb").exceptions

        def describe_table(self, **request: Any) -> dict[str, Any]:
            return {"Table": {"TableStatus": "UPDATING", "DeletionProtectionEnabled": True}}

    slept: list[float] = []
    part = EnvironmentPart(lambda service: Busy(), 3, clock=lambda: sum(slept), sleep=slept.append)
    with pytest.raises(PartTimeoutError, match="table shop-dev is still UPDATING after 3 s"):
        part.unprotect("table", "shop-dev")


def test_what_may_not_be_looked_at_is_told_and_the_rest_is_found(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_request: Any) -> Any:
        raise refusal("AccessDeniedException")

    clients("logs").create_log_group(logGroupName="/shop/dev")
    monkeypatch.setattr(clients("ssm"), "get_paginator", refuse)
    looked = EnvironmentSurvey(clients, NAMES)
    assert [one["kind"] for one in looked.look()] == ["log_group"]
    assert [line.partition(":")[0] for line in looked.not_checked] == ["SSM parameter"]


@pytest.mark.parametrize("service", ["cloudformation", "ssm"])
def test_an_account_that_is_out_of_reach_is_never_taken_for_an_empty_one(
    clients: Clients, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    def refuse(*_arguments: Any, **_request: Any) -> Any:
        raise refusal("ExpiredToken")

    for call in ("get_paginator", "describe_stacks"):
        if hasattr(clients(service), call):
            monkeypatch.setattr(clients(service), call, refuse)
    with pytest.raises(ClientError, match="ExpiredToken"):
        EnvironmentSurvey(clients, NAMES).look()


def test_a_caller_who_may_not_see_the_stacks_is_refused(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_request: Any) -> Any:
        raise refusal("AccessDenied")

    monkeypatch.setattr(clients("cloudformation"), "describe_stacks", refuse)
    with pytest.raises(ClientError, match="AccessDenied"):
        EnvironmentSurvey(clients, NAMES).look()


def test_network_interfaces_are_looked_for_in_subnets_and_by_security_groups(clients: Clients) -> None:
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"] for number in range(3)
    ]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    inside, outside, grouped = (
        ec2.create_network_interface(SubnetId=subnet, **more)["NetworkInterface"]["NetworkInterfaceId"]
        for subnet, more in zip(subnets, ({}, {}, {"Groups": [group]}), strict=True)
    )
    things = EnvironmentSurvey(clients, NAMES).look([subnets[0], "subnet-0123456789abcdef0"], [group])
    assert {one["name"] for one in things} == {inside, grouped}
    assert outside not in str(things)
