# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network's check against moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.subnets import check_network
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from moto import mock_aws


class Network(NamedTuple):
    """A VPC with a public and a private subnet."""

    ec2: Any
    vpc: str
    public: str
    private: str
    group: str


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        ec2 = boto3.client("ec2", "eu-west-1", aws_access_key_id="testing-key", aws_secret_access_key="testing-secret")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        public = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/28")["Subnet"]["SubnetId"]
        private = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
        table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
        ec2.associate_route_table(RouteTableId=table, SubnetId=public)
        group = ec2.create_security_group(GroupName="tasks", Description="tasks", VpcId=vpc)["GroupId"]
        yield Network(ec2, vpc, public, private, group)


def look(
    ec2: Any, subnets: list[str], groups: list[str] | None = None, count: int = 1, public: bool = False
) -> Findings:
    findings = Findings()
    network = {"subnets": subnets, "security_groups": groups, "assign_public_ip": public}
    check_network(ec2, network, count, findings)
    return findings


def test_a_valid_network_has_no_problem(network: Network) -> None:
    assert look(network.ec2, [network.private], [network.group]) == Findings(
        checked=[f"subnet {network.private}", f"security group {network.group}"]
    )
    assert look(network.ec2, [network.public], public=True) == Findings(checked=[f"subnet {network.public}"])


def test_all_that_is_missing_is_named(network: Network) -> None:
    findings = look(network.ec2, ["subnet-1", network.private, "subnet-2"], ["sg-1", network.group, "sg-2"])
    assert [each.line() for each in findings.problems] == [
        f"{one} does not exist in eu-west-1 -> check the id and the region"
        for one in ("subnet subnet-1", "subnet subnet-2", "security group sg-1", "security group sg-2")
    ]


def test_subnets_of_two_vpcs_are_a_problem(network: Network) -> None:
    other = network.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = network.ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    (problem,) = [each.line() for each in look(network.ec2, [network.private, subnet]).problems]
    assert f"{network.private} in {network.vpc}" in problem and f"{subnet} in {other}" in problem


def test_a_security_group_of_another_vpc_is_a_problem(network: Network) -> None:
    other = network.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    group = network.ec2.create_security_group(GroupName="other", Description="other", VpcId=other)["GroupId"]
    assert [each.line() for each in look(network.ec2, [network.private], [group]).problems] == [
        f"security group {group} is in {other}, the subnets are in {network.vpc} "
        "-> name a security group of the subnets' VPC"
    ]


def test_more_tasks_than_addresses_are_a_warning(network: Network) -> None:
    free = 16 - 5  # AWS keeps five of a subnet's addresses
    assert not look(network.ec2, [network.public], count=free, public=True).warnings
    (warning,) = [each.line() for each in look(network.ec2, [network.public], count=free + 1, public=True).warnings]
    assert warning.startswith(f"the subnets have {free} free addresses, {free + 1} tasks need one each")


def test_a_public_subnet_without_addresses_is_a_warning(network: Network) -> None:
    (warning,) = [each.line() for each in look(network.ec2, [network.public, network.private]).warnings]
    assert warning.startswith(f"subnet {network.public} leads out by an internet gateway only")


def test_public_addresses_in_a_private_subnet_are_a_warning(network: Network) -> None:
    (warning,) = [each.line() for each in look(network.ec2, [network.public, network.private], public=True).warnings]
    assert warning.startswith(f"subnet {network.private} has no way to an internet gateway")
