# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that tasks are to be launched into: subnets, security groups, and a way to the image's registry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


def check_network(ec2: Any, network: Mapping[str, Any], count: int, findings: Findings) -> None:
    """Look for a network's subnets and security groups, without changing anything.

    Args:
        ec2: a boto3 EC2 client.
        network: the module's option ``network_configuration``.
        count: how many tasks are to be launched.
        findings: takes what is found.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: EC2 refused, or was out of reach.
    """
    region = ec2.meta.region_name
    # A filter: with SubnetIds, EC2 fails at the first missing subnet and does not name the others.
    answer = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": network["subnets"]}])
    subnets = [one for one in answer["Subnets"] if one["SubnetId"] in network["subnets"]]
    _report_missing("subnet", network["subnets"], [one["SubnetId"] for one in subnets], region, findings)
    vpcs = sorted({one["VpcId"] for one in subnets})
    if len(vpcs) > 1:
        listed = ", ".join(f"{one['SubnetId']} in {one['VpcId']}" for one in subnets)
        findings.problems.append(
            Problem("network", f"the subnets are in more than one VPC: {listed}", "name subnets of one VPC")
        )
    free = sum(one["AvailableIpAddressCount"] for one in subnets)
    if subnets and free < count:
        findings.warnings.append(
            Problem(
                "network",
                f"the subnets have {free} free addresses, {count} tasks need one each",
                "add a subnet, or launch fewer",
            )
        )
    _check_security_groups(ec2, network.get("security_groups") or [], vpcs, findings)
    if len(vpcs) == 1:
        _check_routes(ec2, vpcs[0], network, [one["SubnetId"] for one in subnets], findings)


def _check_security_groups(ec2: Any, wanted: Sequence[str], vpcs: Sequence[str], findings: Findings) -> None:
    if not wanted:
        return
    answer = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": wanted}])
    groups = [one for one in answer["SecurityGroups"] if one["GroupId"] in wanted]
    _report_missing("security group", wanted, [one["GroupId"] for one in groups], ec2.meta.region_name, findings)
    if len(vpcs) == 1:
        for one in groups:
            if one["VpcId"] != vpcs[0]:
                findings.problems.append(
                    Problem(
                        "network",
                        f"security group {one['GroupId']} is in {one['VpcId']}, the subnets are in {vpcs[0]}",
                        "name a security group of the subnets' VPC",
                    )
                )


def _report_missing(what: str, wanted: Iterable[str], found: Sequence[str], region: str, findings: Findings) -> None:
    for identifier in wanted:
        if identifier in found:
            findings.checked.append(f"{what} {identifier}")
        else:
            findings.problems.append(
                Problem("network", f"{what} {identifier} does not exist in {region}", "check the id and the region")
            )


def _check_routes(ec2: Any, vpc: str, network: Mapping[str, Any], subnets: Sequence[str], findings: Findings) -> None:
    """Warn where public addresses and the way out do not go together: then tasks hang until their image's pull fails.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
    """
    answer = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])
    wants_address = bool(network.get("assign_public_ip"))
    for subnet in subnets:
        table = _route_table(answer["RouteTables"], subnet)
        if table is None:
            continue
        is_public = any(str(route.get("GatewayId", "")).startswith("igw-") for route in _defaults(table))
        if is_public and not wants_address:
            findings.warnings.append(
                Problem(
                    "network",
                    f"subnet {subnet} leads out by an internet gateway only, and the tasks get no public address",
                    "assign_public_ip: true, a private subnet with a NAT gateway, or VPC endpoints",
                )
            )
        elif wants_address and not is_public:
            findings.warnings.append(
                Problem(
                    "network",
                    f"subnet {subnet} has no way to an internet gateway, a public address is of no use in it",
                    "assign_public_ip: false, or a public subnet",
                )
            )


def _route_table(tables: Sequence[Mapping[str, Any]], subnet: str) -> Mapping[str, Any] | None:
    """Return a subnet's route table: its own, else the VPC's main one.

    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
    """
    own = [one for one in tables if any(each.get("SubnetId") == subnet for each in one.get("Associations", []))]
    main = [one for one in tables if any(each.get("Main") for each in one.get("Associations", []))]
    return next(iter([*own, *main]), None)


def _defaults(table: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        route
        for route in table.get("Routes", [])
        if route.get("DestinationCidrBlock") == "0.0.0.0/0" and route.get("State") != "blackhole"
    ]
