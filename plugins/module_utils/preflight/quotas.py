# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the account's quotas leave room for the planned resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.preflight.network import is_of_stack
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

CPU_UNITS = 1024  # of a vCPU
USAGE_WINDOW = timedelta(minutes=15)  # the usage is published every minute, some minutes late
USAGE_PERIOD = 300  # seconds
REQUEST = "request a higher quota (Service Quotas, {service}, {code})"


class Quota(NamedTuple):
    """A quota: what it counts, and its codes in Service Quotas."""

    what: str
    service: str
    code: str


# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html#service-quotas-fargate
VCPU = Quota("vCPUs of Fargate tasks", "fargate", "L-3032A538")
SPOT_VCPU = Quota("vCPUs of Fargate Spot tasks", "fargate", "L-36FBB829")
# https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
ADDRESSES = Quota("Elastic IP addresses", "ec2", "L-0263D0A3")
VPCS = Quota("VPCs", "vpc", "L-F678F1CE")
GATEWAYS = Quota("internet gateways", "vpc", "L-A4707A72")


def nat_gateways(zone_count: int, nat_mode: str) -> int:
    """Return how many NAT gateways, and so Elastic IP addresses, a network has.

    Args:
        zone_count: how many zones it spans.
        nat_mode: ``none``, ``single`` or ``per_zone``.
    """
    return {"none": 0, "single": 1, "per_zone": zone_count}[nat_mode]


def check_network_quotas(
    quotas: Any, ec2: Any, *, own_stack: str, zone_count: int, nat_mode: str, vpcs: Sequence[Any], findings: Findings
) -> None:
    """Check that there is room for the environment's own network, less the resources that its stack already has.

    Args:
        quotas: a boto3 Service Quotas client.
        ec2: a boto3 EC2 client.
        own_stack: name of the stack that creates the network.
        zone_count: how many zones it spans.
        nat_mode: ``none``, ``single`` or ``per_zone``.
        vpcs: the region's VPCs, as DescribeVpcs returns them.
        findings: takes what is found.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: a service refused, or was out of reach.
    """
    gateways = nat_gateways(zone_count, nat_mode)
    wanted = [(VPCS, 1, vpcs)]
    if gateways:
        wanted.append((ADDRESSES, gateways, ec2.describe_addresses()["Addresses"]))
        wanted.append((GATEWAYS, 1, ec2.describe_internet_gateways()["InternetGateways"]))
    for quota, count, used in wanted:
        others = len([one for one in used if not is_of_stack(one, own_stack)])
        limit = applied(quotas, quota)["Value"]
        where = ec2.meta.region_name
        if others + count > limit:
            findings.problems.append(
                Problem(
                    "quota",
                    f"{count} {quota.what} are needed in {where}, others have {others} of the {limit:g} that the "
                    "account may have",
                    f"{request_remedy(quota)}, release unused ones, or set another network_nat_mode",
                )
            )
        else:
            findings.checked.append(f"quota of {quota.what}: {others + count} of {limit:g}")


def check_vcpus(
    quotas: Any,
    cloudwatch: Any,
    *,
    cpu: int,
    count: int,
    spot: bool,
    now: datetime,
    findings: Findings,
    on_demand: bool = False,
) -> None:
    """Check that the tasks of a run may all run at once.

    Args:
        quotas: a boto3 Service Quotas client.
        cloudwatch: a boto3 CloudWatch client.
        cpu: CPU units of a task, 1024 are a vCPU.
        count: how many tasks run at once.
        spot: whether they run on Fargate Spot.
        now: the current time, for the current use.
        findings: takes what is found; what is in use now may be free later and is a warning only.
        on_demand: whether they run on demand too, where they run on Fargate Spot; then it is only a problem if both
            quotas together are too low, since the share of each is not known.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: a service refused, or was out of reach.
    """
    kinds = ([SPOT_VCPU] if spot else []) + ([VCPU] if on_demand or not spot else [])
    found = [(quota, applied(quotas, quota)) for quota in kinds]
    needed, limit = cpu / CPU_UNITS * count, sum(each["Value"] for _quota, each in found)
    plan = f"{count} tasks of {cpu / CPU_UNITS:g} vCPU need {needed:g}"
    fewer = "run fewer or smaller tasks (load_test_task_count, task_cpu)"
    if needed > limit:
        what = " and ".join(quota.what for quota in kinds)
        requests = " or ".join(map(request_remedy, kinds))
        findings.problems.append(
            Problem("quota", f"{plan} {what}, the account may have {limit:g}", f"{requests}, or {fewer}")
        )
        return
    for quota, each in found:
        if needed > each["Value"]:
            what = f"{plan} {quota.what} if all of them run there, the account may have {each['Value']:g}"
            findings.warnings.append(Problem("quota", what, f"{request_remedy(quota)}, or {fewer}"))
            continue
        used = _in_use(cloudwatch, each.get("UsageMetric") or {}, now)
        if needed + used <= each["Value"]:
            findings.checked.append(f"quota of {quota.what}: {needed + used:g} of {each['Value']:g}")
            continue
        findings.warnings.append(
            Problem(
                "quota",
                f"{plan} {quota.what}, {used:g} of the {each['Value']:g} that the account may have are in use now",
                f"wait for other tasks to end, {request_remedy(quota)}, or {fewer}",
            )
        )


def applied(quotas: Any, quota: Quota) -> dict[str, Any]:
    """Return a quota of this account; AWS's default where the account has none of its own.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: Service Quotas refused, or was out of reach.
        See https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
    """
    try:
        response = quotas.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    except quotas.exceptions.NoSuchResourceException:
        response = quotas.get_aws_default_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    return dict(response["Quota"])


def _in_use(cloudwatch: Any, metric: Mapping[str, Any], now: datetime) -> float:
    """Return how much of a quota is in use, 0 where nothing is published, as in an account that runs nothing.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/monitoring-fargate-usage.html
    """
    if not metric.get("MetricName"):
        return 0.0
    response = cloudwatch.get_metric_statistics(
        Namespace=metric["MetricNamespace"],
        MetricName=metric["MetricName"],
        Dimensions=[{"Name": name, "Value": value} for name, value in metric["MetricDimensions"].items()],
        StartTime=now.astimezone(UTC) - USAGE_WINDOW,
        EndTime=now.astimezone(UTC),
        Period=USAGE_PERIOD,
        Statistics=["Maximum"],
    )
    points = sorted(response["Datapoints"], key=lambda one: one["Timestamp"])
    return float(points[-1]["Maximum"]) if points else 0.0


def request_remedy(quota: Quota) -> str:
    """Return the remedy of a quota that is too low."""
    return REQUEST.format(service=quota.service, code=quota.code)
