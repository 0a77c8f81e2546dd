# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the requested network is possible: its address range, or the existing VPC."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.subnets import check_network
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

# https://datatracker.ietf.org/doc/html/rfc1918
PRIVATE = [IPv4Network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
# The widest that a VPC may be, and the narrowest that leaves room for the subnets:
# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
WIDEST, NARROWEST = 16, 24


def cidr_problems(cidr: str) -> Iterator[Problem]:
    """Return the problems of the address range of the environment's own VPC.

    Args:
        cidr: such as "10.64.0.0/20".
    """
    try:
        block = IPv4Network(cidr, strict=False)
    except ValueError:
        yield Problem(
            "network", f'network_vpc_cidr "{cidr}" is no range of IPv4 addresses', "write it like 10.64.0.0/20"
        )
        return
    address, _slash, prefix = cidr.partition("/")
    if address != str(block.network_address) or not prefix:
        yield Problem(
            "network", f"network_vpc_cidr {cidr} does not begin at its range's first address", f"write {block}"
        )
    if not WIDEST <= block.prefixlen <= NARROWEST:
        yield Problem(
            "network", f"network_vpc_cidr {cidr} is a /{block.prefixlen}", f"choose from /{WIDEST} to /{NARROWEST}"
        )
    if not any(block.subnet_of(private) for private in PRIVATE):
        yield Problem(
            "network",
            f"network_vpc_cidr {cidr} holds public addresses, which tasks could not reach any more",
            "choose from 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16",
        )


def egress_problems(egress: str, nat_mode: str, existing_vpc_id: str) -> Iterator[Problem]:
    """Yield the settings of the network's egress that contradict each other.

    Args:
        egress: ``nat``, ``endpoints`` or ``none``.
        nat_mode: ``none``, ``single`` or ``per_zone``.
        existing_vpc_id: an existing VPC; empty for the environment's own.
    """
    if existing_vpc_id:
        if nat_mode != "none":
            yield Problem(
                "network",
                f"network_nat_mode {nat_mode} is for the environment's own VPC, {existing_vpc_id} is an existing one",
                "set network_nat_mode: none",
            )
    elif egress == "nat" and nat_mode == "none":
        yield Problem(
            "network",
            "network_egress nat has no NAT gateway with network_nat_mode none",
            "set it to single or per_zone",
        )
    elif egress != "nat" and nat_mode != "none":
        yield Problem(
            "network",
            f"network_nat_mode {nat_mode} costs money without any use with network_egress {egress}",
            "set network_egress: nat, or network_nat_mode: none",
        )


def egress_warnings(egress: str, existing_vpc_id: str) -> Iterator[Problem]:
    """Yield a warning where no task can pull its image, in a VPC of the collection's own.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html

    Args:
        egress: ``nat``, ``endpoints`` or ``none``.
        existing_vpc_id: an existing VPC, whose routes and endpoints are not known; empty for the environment's own.
    """
    if egress == "none" and not existing_vpc_id:
        yield Problem(
            "network",
            "network_egress none: the network has no NAT gateway and no endpoint of ECR, so that no task can pull its "
            "image",
            "before a run set network_egress to endpoints, or to nat with network_nat_mode: single",
        )


def overlaps(cidr: str, vpcs: Sequence[Mapping[str, Any]], own_stack: str) -> list[Problem]:
    """Warn of other VPCs whose addresses overlap the new VPC's: VPC peering refuses overlapping ranges.

    Args:
        cidr: the new VPC's address range.
        vpcs: the region's VPCs, as DescribeVpcs returns them.
        own_stack: name of the stack that creates the new VPC.

    Returns:
        A warning for each VPC. See https://docs.aws.amazon.com/vpc/latest/peering/invalid-peering-configurations.html
    """
    block = IPv4Network(cidr, strict=False)
    found = []
    for vpc in vpcs:
        ranges = [one["CidrBlock"] for one in vpc.get("CidrBlockAssociationSet", [])] or [vpc["CidrBlock"]]
        shared = [one for one in ranges if IPv4Network(one).overlaps(block)]
        if shared and not is_of_stack(vpc, own_stack):
            found.append(
                Problem(
                    "network",
                    f"network_vpc_cidr {cidr} overlaps {', '.join(shared)} of {vpc['VpcId']}: "
                    "the two can never be peered",
                    "choose another range where that matters",
                )
            )
    return found


def is_of_stack(resource: Mapping[str, Any], stack: str) -> bool:
    """Return whether a stack has made a resource of EC2, by the tags that CloudFormation gives it.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
    """
    return {"Key": "aws:cloudformation:stack-name", "Value": stack} in resource.get("Tags", [])


def check_existing(
    ec2: Any, vpc: str, subnets: Sequence[str], tasks: int, *, endpoints: bool, findings: Findings
) -> None:
    """Check a VPC that is there already, and the subnets of it that tasks go to.

    Args:
        ec2: a boto3 EC2 client.
        vpc: the VPC's id.
        subnets: ids of its private subnets.
        tasks: how many tasks need an address at once.
        endpoints: whether interface endpoints are created in it.
        findings: takes what is found.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: EC2 refused, or was out of reach.
    """
    region = ec2.meta.region_name
    # A filter: with VpcIds, EC2 returns an error for a missing VPC.
    if not ec2.describe_vpcs(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Vpcs"]:
        findings.problems.append(
            Problem("network", f"VPC {vpc} does not exist in {region}", "check the id and aws_region")
        )
        return
    findings.checked.append(f"VPC {vpc}")
    if not subnets:
        findings.problems.append(Problem("network", f"no subnets of VPC {vpc} are named", "name its private subnets"))
        return
    check_network(ec2, {"subnets": list(subnets)}, tasks, findings)
    found = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": list(subnets)}])["Subnets"]
    for one in found:
        if one["SubnetId"] in subnets and one["VpcId"] != vpc:
            findings.problems.append(
                Problem(
                    "network",
                    f"subnet {one['SubnetId']} is in {one['VpcId']}, not in {vpc}",
                    "name subnets of the one VPC",
                )
            )
    if endpoints:
        _check_names(ec2, vpc, findings)


def _check_names(ec2: Any, vpc: str, findings: Findings) -> None:
    """Check enableDnsSupport and enableDnsHostnames, which the private DNS names of interface endpoints need.

    https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html#prerequisites-interface-endpoints
    """
    for attribute in ("enableDnsSupport", "enableDnsHostnames"):
        response = ec2.describe_vpc_attribute(VpcId=vpc, Attribute=attribute)
        if not response[attribute[0].upper() + attribute[1:]]["Value"]:
            findings.problems.append(
                Problem(
                    "network",
                    f"VPC {vpc} has {attribute} off, without it interface endpoints are not found by name",
                    "turn it on (aws ec2 modify-vpc-attribute), or choose another egress",
                )
            )
