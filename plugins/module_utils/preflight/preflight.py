# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks before a deploy or a run, reported at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.images.check import check_image
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.account import (
    Caller,
    account_problems,
    account_warnings,
    check_region,
    identify,
    missing_service_linked_roles,
)
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.addresses import (
    check_addresses,
    check_interfaces,
    stack_subnets,
)
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.names import account_id_problems, name_problems
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.network import (
    check_existing,
    cidr_problems,
    egress_problems,
    egress_warnings,
    overlaps,
)
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.quotas import check_network_quotas, check_vcpus
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.table import check_table
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.throughput import check_throughput
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.undescribed import undescribed_warnings
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings


@dataclass
class Preflight:
    """What was found.

    Attributes:
        findings: what is as it has to be, what may go wrong or was not checked, and what is wrong.
        caller: the AWS principal; None where AWS rejects the credentials.
        missing_roles: services whose service-linked role the account lacks.
        table: facts of the table that runs write to, if no stack of the environment created it; else None.
    """

    findings: Findings = field(default_factory=Findings)
    caller: Caller | None = None
    missing_roles: list[str] = field(default_factory=list)
    table: dict[str, Any] | None = None


def look(client: Callable[..., Any], params: Mapping[str, Any], region: str, now: datetime | None = None) -> Preflight:
    """Check everything that a deploy or a run needs, and change nothing.

    Args:
        client: gives a boto3 client of a service, in another region where one is named; may raise what botocore raises.
        params: the parameters of module preflight_info.
        region: where the deploy goes.
        now: the time; the clock's where it is left out.

    Returns:
        What was found. A check that the caller may not make is a warning.
    """
    found = Preflight()
    findings, network = found.findings, params["network"] or {}
    is_own = bool(network) and not network.get("existing_vpc_id")
    findings.problems += name_problems(params["project"], params["environment"], params["table_name"] or "")
    findings.problems += account_id_problems(params["allowed_accounts"])
    wrong_range = list(cidr_problems(network["vpc_cidr"])) if is_own else []
    findings.problems += wrong_range
    if network:
        own_or_not = network.get("existing_vpc_id") or ""
        findings.problems += egress_problems(network["egress"], network["nat_mode"], own_or_not)
        # The embedded AWS pulls no image.
        findings.warnings += [] if params["is_embedded"] else egress_warnings(network["egress"], own_or_not)

    found.caller = identify(client, params, region, findings)
    if found.caller is None:
        findings.not_checked("what is in the account, since there is no access to the account")
        return found
    findings.problems += account_problems(
        found.caller,
        params["environment"],
        params["allowed_accounts"],
        params["reserved_accounts"],
        required=params["require_allowed_accounts"],
    )
    findings.warnings += account_warnings(
        found.caller,
        params["environment"],
        params["reserved_accounts"],
        params["unread_accounts"],
        is_unnamed=not (params["allowed_accounts"] or params["require_allowed_accounts"] or params["is_embedded"]),
    )

    def attempt(what: str, check: Callable[[], None]) -> None:
        try:
            check()
        except (BotoCoreError, ClientError) as error:
            findings.warnings.append(explain(error, "not checked", what))

    account, zones = found.caller.account, network["zone_count"] if is_own else 0
    attempt(f"region {region}", lambda: check_region(client("ec2"), region, account, zones, findings))
    attempt(
        "service-linked roles",
        lambda: found.missing_roles.extend(
            missing_service_linked_roles(client("iam"), params["service_linked_roles"], findings)
        ),
    )
    if is_own and not wrong_range:
        attempt("other VPCs and their quotas", lambda: _own_network(client, params, findings))
    elif network and not is_own:
        attempt(f"VPC {network['existing_vpc_id']}", lambda: _existing_network(client, params, findings))
    if params["check_quotas"] and params["task"]:
        attempt("quota of Fargate's vCPUs", lambda: _vcpus(client, params, now or datetime.now(UTC), findings))

    if params["subnets_of_stack"] and params["task"]:
        attempt("free addresses of the subnets", lambda: _addresses(client, params, findings))
        if params["check_quotas"]:
            attempt("quota of network interfaces", lambda: _interfaces(client, params, findings))

    def table() -> None:
        found.table = check_table(client, params, region, findings)

    attempt("the table's stack", table)
    if params["plan"]:
        attempt("the table's throughput", lambda: check_throughput(client, params, findings))
    if params["components"]:
        names = Names(params["project"], params["environment"], params["components"])
        attempt(
            "stacks that no component makes",
            lambda: findings.warnings.extend(undescribed_warnings(client("cloudformation"), names, region)),
        )
    if params["image"]:
        attempt(f"image {params['image']}", lambda: check_image(client("ecr"), params["image"], findings))
    return found


def _own_network(client: Callable[..., Any], params: Mapping[str, Any], findings: Findings) -> None:
    network, own_stack = params["network"], f"{params['project']}-{params['environment']}-network"
    pages = client("ec2").get_paginator("describe_vpcs").paginate()
    vpcs = [vpc for page in pages for vpc in page["Vpcs"]]
    findings.warnings += overlaps(network["vpc_cidr"], vpcs, own_stack)
    if params["check_quotas"]:
        check_network_quotas(
            client("service-quotas"),
            client("ec2"),
            own_stack=own_stack,
            zone_count=network["zone_count"],
            nat_mode=network["nat_mode"],
            vpcs=vpcs,
            findings=findings,
        )


def _existing_network(client: Callable[..., Any], params: Mapping[str, Any], findings: Findings) -> None:
    network = params["network"]
    check_existing(
        client("ec2"),
        network["existing_vpc_id"],
        network["existing_private_subnet_ids"],
        (params["task"] or {}).get("count", 1),
        endpoints=network["egress"] == "endpoints",
        findings=findings,
    )


def _vcpus(client: Callable[..., Any], params: Mapping[str, Any], now: datetime, findings: Findings) -> None:
    task = params["task"]
    check_vcpus(
        client("service-quotas"),
        client("cloudwatch"),
        cpu=task["cpu"],
        count=task["count"],
        spot=task["spot"],
        on_demand=task["on_demand"],
        now=now,
        findings=findings,
    )


def _addresses(client: Callable[..., Any], params: Mapping[str, Any], findings: Findings) -> None:
    if subnets := stack_subnets(client, params):
        check_addresses(client("ec2"), subnets, params["task"]["count"], findings)


def _interfaces(client: Callable[..., Any], params: Mapping[str, Any], findings: Findings) -> None:
    check_interfaces(client("service-quotas"), client("ec2"), params["task"]["count"], findings)
