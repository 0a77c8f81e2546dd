# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the subnets and the region have an address and a network interface for each task of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import outputs_of
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.own_stack import own_stack
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.quotas import Quota, applied, request_remedy
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

COMPONENT = "network"
# AWS keeps five addresses of each subnet: https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
RESERVED_ADDRESSES = 5
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-enis
INTERFACES = Quota("network interfaces", "vpc", "L-DF5E4CA3")
# Fewer tasks need so small a part of the default quota of 5,000 that it is not read.
LEAST_TASKS = 50
FEWER = "launch fewer and larger tasks (task_cpu up, load_test_task_count down)"


def check_addresses(ec2: Any, subnets: Sequence[str], count: int, findings: Findings) -> None:
    """Check that the subnets have an address for each task.

    Args:
        ec2: a boto3 EC2 client.
        subnets: ids of the subnets that tasks go to.
        count: how many tasks run at once.
        findings: takes what is found. Addresses that are in use now may be free later, or be those of the same run that
            is followed again: a warning only.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: EC2 refused, or was out of reach.
    """
    found = ec2.describe_subnets(Filters=[{"Name": "subnet-id", "Values": list(subnets)}])["Subnets"]
    found = [one for one in found if one["SubnetId"] in subnets]
    if not found:
        findings.not_checked(f"free addresses, since EC2 lists none of the subnets {', '.join(subnets)}")
        return
    every = sum(IPv4Network(one["CidrBlock"]).num_addresses - RESERVED_ADDRESSES for one in found)
    free = sum(one["AvailableIpAddressCount"] for one in found)
    where = f"subnets {', '.join(sorted(one['SubnetId'] for one in found))}"
    if count > every:
        findings.problems.append(
            Problem(
                "network", f"{where} have {every} addresses, {count} tasks need one each", f"add a subnet, or {FEWER}"
            )
        )
    elif count > free:
        findings.warnings.append(
            Problem(
                "network",
                f"{where} have {free} free addresses of {every}, {count} tasks need one each",
                f"wait for other tasks to end, add a subnet, or {FEWER}",
            )
        )
    else:
        findings.checked.append(f"addresses: {count} of {free} that are free")


def check_interfaces(quotas: Any, ec2: Any, count: int, findings: Findings) -> None:
    """Check that the region's quota leaves a network interface for each task; few tasks are not checked.

    Args:
        quotas: a boto3 Service Quotas client.
        ec2: a boto3 EC2 client.
        count: how many tasks run at once.
        findings: takes what is found.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: a service refused, or was out of reach.
        See https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-task-networking.html
    """
    if count < LEAST_TASKS:
        return
    limit = applied(quotas, INTERFACES)["Value"]
    region = ec2.meta.region_name
    need = f"{count} tasks need a network interface each"
    if count > limit:
        findings.problems.append(
            Problem(
                "quota",
                f"{need}, the account may have {limit:g} in {region}",
                f"{request_remedy(INTERFACES)}, or {FEWER}",
            )
        )
        return
    pages = ec2.get_paginator("describe_network_interfaces").paginate(PaginationConfig={"PageSize": 1000})
    used = sum(len(page["NetworkInterfaces"]) for page in pages)
    if count + used > limit:
        findings.warnings.append(
            Problem(
                "quota",
                f"{need}, {used} of the {limit:g} that the account may have in {region} are in use now",
                f"wait for other tasks to end, {request_remedy(INTERFACES)}, or {FEWER}",
            )
        )
    else:
        findings.checked.append(f"quota of {INTERFACES.what}: {count + used} of {limit:g}")


def stack_subnets(client: Callable[..., Any], params: Mapping[str, Any]) -> list[str]:
    """Return the subnets of the environment's network stack; none where it does not exist.

    Args:
        client: gives a boto3 client of a service.
        params: the module's parameters.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: CloudFormation refused, or was out of reach.
    """
    stack = own_stack(client("cloudformation"), params["project"], params["environment"], COMPONENT)
    return [subnet for subnet in outputs_of(stack).get("PrivateSubnetIds", "").split(",") if subnet]
