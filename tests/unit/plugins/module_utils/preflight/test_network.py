# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Address ranges, egress and existing VPCs before a deploy."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.network import (
    check_existing,
    cidr_problems,
    egress_problems,
    is_of_stack,
    overlaps,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield boto3.client("ec2", "eu-west-1", aws_access_key_id="testing-key", aws_secret_access_key="testing-secret")


@given(address=st.integers(0, 2**32 - 1), prefix=st.integers(0, 32))
def test_range_passes_where_it_is_private_and_of_fitting_size(address: int, prefix: int) -> None:
    """A range passes exactly where it is private and of a fitting size."""
    block = IPv4Network((address >> (32 - prefix) << (32 - prefix), prefix))
    first, second = block.network_address.packed[:2]
    # An independent definition beside the ranges of RFC 1918.
    private = first == 10 or (first == 172 and 16 <= second <= 31) or (first, second) == (192, 168)
    assert (not list(cidr_problems(str(block)))) == (private and 16 <= prefix <= 24)


@pytest.mark.parametrize("cidr", ["", "10.0.0.0/33", "ten", "fd00::/64", "10.0.0.1/20", "10.0.0.0"])
def test_an_invalid_range_has_a_remedy(cidr: str) -> None:
    lines = [each.line() for each in cidr_problems(cidr)]
    assert lines and all(" -> " in line for line in lines)


@pytest.mark.parametrize("egress", ["nat", "endpoints", "none"])
@pytest.mark.parametrize("mode", ["none", "single", "per_zone"])
def test_nat_gateways_exist_only_as_the_egress(egress: str, mode: str) -> None:
    """NAT gateways exist exactly where they are the egress."""
    sound = (egress == "nat") == (mode != "none")
    assert (not list(egress_problems(egress, mode, ""))) == sound
    assert (not list(egress_problems(egress, mode, "vpc-1"))) == (mode == "none")


def test_only_vpcs_of_others_overlap(ec2: Any) -> None:
    theirs = ec2.create_vpc(CidrBlock="10.64.4.0/22")["Vpc"]["VpcId"]
    own = ec2.create_vpc(CidrBlock="10.64.0.0/20")["Vpc"]["VpcId"]
    # Only CloudFormation may set this tag, so the test adds it to the response.
    tag = {"Key": "aws:cloudformation:stack-name", "Value": "ddbload-dev-network"}
    vpcs = [one | {"Tags": [tag] if one["VpcId"] == own else []} for one in ec2.describe_vpcs()["Vpcs"]]
    (line,) = [each.line() for each in overlaps("10.64.0.0/20", vpcs, "ddbload-dev-network")]
    assert theirs in line
    assert len(overlaps("10.64.0.0/20", vpcs, "ddbload-staging-network")) == 2
    assert overlaps("10.65.0.0/20", vpcs, "ddbload-staging-network") == []


def test_another_ranges_of_a_vpc_count_too() -> None:
    vpc = {
        "VpcId": "vpc-1",
        "CidrBlock": "10.0.0.0/16",
        "CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/16"}, {"CidrBlock": "10.64.0.0/24"}],
    }
    (line,) = [each.line() for each in overlaps("10.64.0.0/20", [vpc], "own")]
    assert "overlaps 10.64.0.0/24 of vpc-1" in line


def test_a_resource_without_tags_is_no_stacks() -> None:
    assert not is_of_stack({}, "own")
    assert not is_of_stack({"Tags": [{"Key": "Name", "Value": "own"}]}, "own")


def existing(ec2: Any, vpc: str, subnets: list[str], endpoints: bool = False) -> Findings:
    findings = Findings()
    check_existing(ec2, vpc, subnets, 1, endpoints=endpoints, findings=findings)
    return findings


def test_an_existing_vpc_needs_no_tags(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    assert existing(ec2, vpc, [subnet]) == Findings(checked=[f"VPC {vpc}", f"subnet {subnet}"])


def test_problems_of_an_existing_vpc(ec2: Any) -> None:
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    elsewhere = ec2.create_subnet(VpcId=other, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    (unknown,) = [each.line() for each in existing(ec2, "vpc-0123456789abcdef0", [elsewhere]).problems]
    assert "vpc-0123456789abcdef0 does not exist in eu-west-1" in unknown
    (none,) = [each.line() for each in existing(ec2, vpc, []).problems]
    assert "no subnets" in none
    (foreign,) = [each.line() for each in existing(ec2, vpc, [elsewhere]).problems]
    assert f"subnet {elsewhere} is in {other}, not in {vpc}" in foreign


def test_vpc_without_dns_support_cannot_have_endpoints(ec2: Any) -> None:
    """A VPC without DNS support and host names cannot have interface endpoints."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    (line,) = [each.line() for each in existing(ec2, vpc, [subnet], endpoints=True).problems]
    assert "enableDnsHostnames off" in line
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert existing(ec2, vpc, [subnet], endpoints=True).problems == []
