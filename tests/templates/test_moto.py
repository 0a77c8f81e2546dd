# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every environment's stacks on an emulator with features that the embedded AWS lacks: NAT, flow logs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from environments import ENVIRONMENTS, stack_parameters, variables
from moto import mock_aws
from template_normaliser import simplified
from template_parser import COMPONENTS, REGION

KEYS: dict[str, Any] = {"region_name": REGION, "aws_access_key_id": "none", "aws_secret_access_key": "none"}
# The emulator's own account.
ACCOUNT = "123456789012"


@pytest.fixture(autouse=True)
def emulator() -> Iterator[None]:
    with mock_aws():
        yield


def deploy(env: str) -> dict[str, dict[str, str]]:
    """Create the stacks as deploy.yml does, and return their outputs by component."""
    cloudformation = boto3.client("cloudformation", **KEYS)
    outputs: dict[str, dict[str, str]] = {}
    for component in COMPONENTS:
        template = simplified(component, stack_parameters(component, env, outputs), account=ACCOUNT)
        cloudformation.create_stack(
            StackName=f"ddbload-{env}-{component}", TemplateBody=template, Capabilities=["CAPABILITY_IAM"]
        )
        (stack,) = cloudformation.describe_stacks(StackName=f"ddbload-{env}-{component}")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        outputs[component] = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    return outputs


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_stacks_of_every_environment_can_be_created(env: str) -> None:
    network = deploy(env)["network"]
    known = variables(env)
    # dev has fewer zones for the load test than for a system with a load balancer.
    zones = int(Templar(loader=DataLoader(), variables=known).template(known["network_zone_count"]))
    nat_mode = known.get("network_nat_mode", "none")
    ec2 = boto3.client("ec2", **KEYS)
    subnets = ec2.describe_subnets(SubnetIds=network["PrivateSubnetIds"].split(","))["Subnets"]
    assert len({subnet["AvailabilityZone"] for subnet in subnets}) == len(subnets) == zones
    gateways = ec2.describe_nat_gateways()["NatGateways"]
    assert len(gateways) == {"none": 0, "single": 1, "per_zone": zones}[nat_mode]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [network["VpcId"]]}])["RouteTables"]
    routes: list[dict[str, Any]] = [route for table in tables for route in table["Routes"]]
    assert len([route for route in routes if route.get("NatGatewayId")]) == (zones if nat_mode != "none" else 0)


def test_the_task_has_the_table_image_and_log_of_its_environment() -> None:
    outputs = deploy("prod")
    ecs = boto3.client("ecs", **KEYS)
    described = ecs.describe_task_definition(taskDefinition=outputs["task"]["TaskDefinitionArn"])
    containers = described["taskDefinition"]["containerDefinitions"]
    (container,) = [one for one in containers if one["name"] == "ddbload"]
    assert {"name": "DDBLOAD_TABLE", "value": outputs["table"]["TableName"]} in container["environment"]
    assert container["logConfiguration"]["options"]["awslogs-group"] == outputs["task"]["LogGroupName"]
    groups = boto3.client("logs", **KEYS).describe_log_groups()["logGroups"]
    assert outputs["task"]["LogGroupName"] in [group["logGroupName"] for group in groups]
    assert all(group["retentionInDays"] for group in groups)
    table = boto3.client("dynamodb", **KEYS).describe_table(TableName=outputs["table"]["TableName"])["Table"]
    assert table["DeletionProtectionEnabled"]
