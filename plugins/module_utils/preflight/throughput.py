# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the table, and the account's quota for one table, are ready for the peak of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import outputs_of
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.own_stack import own_stack
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.quotas import Quota, applied, request_remedy
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

COMPONENT = "table"
# AWS's default for one table, below which no account is: https://docs.aws.amazon.com/amazondynamodb/latest/
# developerguide/ServiceQuotas.html#default-limits-throughput-capacity-modes
DEFAULT_QUOTA = 40_000
PROVISIONED = "PROVISIONED"


class Kind(NamedTuple):
    """Reads or writes: the parameter's name, the fields of DescribeTable, and the quota of one table."""

    name: str
    peak: str
    provisioned: str
    warm: str
    maximum: str
    quota: Quota


KINDS = (
    Kind(
        "read",
        "read_units",
        "ReadCapacityUnits",
        "ReadUnitsPerSecond",
        "MaxReadRequestUnits",
        Quota("read units a second of one table", "dynamodb", "L-CF0CBE56"),
    ),
    Kind(
        "write",
        "write_units",
        "WriteCapacityUnits",
        "WriteUnitsPerSecond",
        "MaxWriteRequestUnits",
        Quota("write units a second of one table", "dynamodb", "L-AB614373"),
    ),
)


def table_warnings(table: Mapping[str, Any], plan: Mapping[str, float]) -> Iterator[Problem]:
    """Yield a warning where a plan's peak is above what a table takes at once.

    Args:
        table: as DescribeTable returns it. What it does not say is not judged.
            See https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput.html
        plan: ``read_units`` and ``write_units`` a second at the peak.
    """
    name, is_provisioned = table["TableName"], is_provisioned_table(table)
    for kind in KINDS:
        peak = plan[kind.peak]
        provisioned = (table.get("ProvisionedThroughput") or {}).get(kind.provisioned) or 0
        maximum = (table.get("OnDemandThroughput") or {}).get(kind.maximum) or 0
        warm = (table.get("WarmThroughput") or {}).get(kind.warm) or 0
        need = f"the plan needs {peak:,.0f} {kind.name} units a second at its peak"
        if is_provisioned and 0 < provisioned < peak:
            yield Problem(
                "throughput",
                f"{need}, the provisioned throughput of table {name} is {provisioned:,}: expect throttling",
                "raise the capacity before the run, or lower the plan's rate",
            )
        elif not is_provisioned and 0 < maximum < peak:
            yield Problem(
                "throughput",
                f"{need}, the maximum of table {name} is {maximum:,}: expect throttling",
                f"raise table_max_{kind.name}_request_units and deploy again, or lower the plan's rate",
            )
        elif not is_provisioned and 0 < warm < peak:
            yield Problem(
                "throughput",
                f"{need}, the warm throughput of table {name} is {warm:,}: expect throttling until DynamoDB adapts",
                f"raise table_warm_{kind.name}_units_per_second and deploy again, start with a ramp, or lower the "
                "plan's rate",
            )


def check_quotas(quotas: Any, plan: Mapping[str, float], findings: Findings) -> None:
    """Check that the account's quota for one table is not below a plan's peak; the default is not read.

    Args:
        quotas: a boto3 Service Quotas client.
        plan: ``read_units`` and ``write_units`` a second at the peak.
        findings: takes what is found.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: Service Quotas refused, or was out of reach.
    """
    for kind in KINDS:
        peak = plan[kind.peak]
        if peak <= DEFAULT_QUOTA:
            continue
        limit = applied(quotas, kind.quota)["Value"]
        if peak > limit:
            findings.problems.append(
                Problem(
                    "quota",
                    f"the plan peaks at {peak:,.0f} {kind.quota.what}, the account may have {limit:,.0f}",
                    f"{request_remedy(kind.quota)}, or lower the plan's rate",
                )
            )
        else:
            findings.checked.append(f"quota of {kind.quota.what}: {peak:,.0f} of {limit:,.0f}")


def is_provisioned_table(table: Mapping[str, Any]) -> bool:
    """Return whether a table's capacity is provisioned; without a summary of its billing mode it always was."""
    return bool((table.get("BillingModeSummary") or {}).get("BillingMode", PROVISIONED) == PROVISIONED)


def check_throughput(client: Callable[..., Any], params: Mapping[str, Any], findings: Findings) -> None:
    """Check the table that runs write to, and its quota, against the peak of the plan.

    Args:
        client: gives a boto3 client of a service.
        params: the module's parameters; without a table's name, the table of the environment's stack counts.
        findings: takes what is found.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: a service refused, or was out of reach.
    """
    plan, name = params["plan"], params["table_name"]
    if not any(plan[kind.peak] for kind in KINDS):
        return
    if not name and params["table_of_stack"]:
        stack = own_stack(client("cloudformation"), params["project"], params["environment"], COMPONENT)
        name = outputs_of(stack).get("TableName")
    if not name:
        return
    dynamodb = client("dynamodb")
    try:
        table = dynamodb.describe_table(TableName=name)["Table"]
    except dynamodb.exceptions.ResourceNotFoundException:
        return  # check_table reports it, and the task
    warnings = list(table_warnings(table, plan))
    findings.warnings += warnings
    if not warnings:
        findings.checked.append(f"throughput of table {name}")
    if params["check_quotas"] and not is_provisioned_table(table):
        check_quotas(client("service-quotas"), plan, findings)
