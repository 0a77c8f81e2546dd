# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas against the planned and the used resources."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.quotas import (
    VCPU,
    applied,
    check_network_quotas,
    check_vcpus,
    nat_gateways,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from botocore.stub import ANY, Stubber
from hypothesis import given
from hypothesis import strategies as st

KEYS = {"aws_access_key_id": "testing-key", "aws_secret_access_key": "testing-secret"}
NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
EARLIER = datetime(2026, 1, 31, 11, 50, tzinfo=UTC)
METRIC: dict[str, Any] = {
    "MetricNamespace": "AWS/Usage",
    "MetricName": "ResourceCount",
    "MetricDimensions": {"Service": "Fargate", "Type": "Resource", "Resource": "vCPU", "Class": "Standard/OnDemand"},
}
OWN = [{"Key": "aws:cloudformation:stack-name", "Value": "ddbload-dev-network"}]


def stubbed(service: str) -> tuple[Any, Stubber]:
    client = boto3.client(service, "eu-west-1", **KEYS)
    stub = Stubber(client)
    stub.activate()
    return client, stub


def vcpus(limit: float, used: float | None, *, cpu: int = 1024, count: int = 1, spot: bool = False) -> Findings:
    quotas, quota_stub = stubbed("service-quotas")
    cloudwatch, stub = stubbed("cloudwatch")
    code = "L-36FBB829" if spot else "L-3032A538"
    quota_stub.add_response(
        "get_service_quota",
        {"Quota": {"Value": limit, "UsageMetric": METRIC}},
        {"ServiceCode": "fargate", "QuotaCode": code},
    )
    points = [] if used is None else [{"Timestamp": NOW, "Maximum": used}, {"Timestamp": EARLIER, "Maximum": 999.0}]
    stub.add_response("get_metric_statistics", {"Datapoints": points})
    findings = Findings()
    check_vcpus(quotas, cloudwatch, cpu=cpu, count=count, spot=spot, now=NOW, findings=findings)
    return findings


def test_a_fresh_accounts_vcpus_may_be_too_few() -> None:
    (line,) = [each.line() for each in vcpus(6, None, cpu=2048, count=4).problems]
    assert "4 tasks of 2 vCPU need 8 vCPUs of Fargate tasks, the account may have 6" in line
    assert "(Service Quotas, fargate, L-3032A538)" in line and "load_test_task_count" in line


def test_vcpus_in_use_are_a_warning() -> None:
    findings = vcpus(6, 5, count=2)
    assert findings.problems == []
    assert "5 of the 6 that the account may have are in use now -> wait" in findings.warnings[0].line()


def test_the_newest_usage_figure_counts() -> None:
    assert vcpus(6, 4, count=2) == Findings(checked=["quota of vCPUs of Fargate tasks: 6 of 6"])
    assert vcpus(6, None, count=6, spot=True) == Findings(checked=["quota of vCPUs of Fargate Spot tasks: 6 of 6"])


@pytest.mark.parametrize(
    ("count", "problems", "warnings", "checked"), [(5, 0, 0, 2), (7, 0, 1, 1), (11, 0, 2, 0), (17, 1, 0, 0)]
)
def test_tasks_on_spot_and_on_demand(count: int, problems: int, warnings: int, checked: int) -> None:
    """Tasks of both kinds are a problem only where both quotas together, 6 and 10 vCPUs, are too low."""
    quotas, quota_stub = stubbed("service-quotas")
    for code, limit in (("L-36FBB829", 6.0), ("L-3032A538", 10.0)):
        named = {"ServiceCode": "fargate", "QuotaCode": code}
        quota_stub.add_response("get_service_quota", {"Quota": {"Value": limit}}, named)
    findings = Findings()
    both = {"spot": True, "on_demand": True}
    check_vcpus(quotas, None, cpu=1024, count=count, now=NOW, findings=findings, **both)
    assert [len(each) for each in (findings.problems, findings.warnings, findings.checked)] == [
        problems,
        warnings,
        checked,
    ]
    for each in findings.warnings:
        assert f"{count} tasks of 1 vCPU need {count} vCPUs of Fargate" in each.line()
        assert "if all of them run there, the account may have" in each.line()


def test_an_account_without_a_raised_quota_has_the_default() -> None:
    quotas, stub = stubbed("service-quotas")
    stub.add_client_error("get_service_quota", "NoSuchResourceException", "none", 400)
    stub.add_response("get_aws_default_service_quota", {"Quota": {"Value": 6.0}})
    assert applied(quotas, VCPU)["Value"] == 6.0


@pytest.mark.parametrize(("mode", "expected"), [("none", 0), ("single", 1), ("per_zone", 3)])
def test_a_nat_gateway_needs_an_address(mode: str, expected: int) -> None:
    assert nat_gateways(3, mode) == expected


@given(
    limit=st.integers(0, 6),
    others=st.integers(0, 6),
    own=st.integers(0, 3),
    zones=st.integers(1, 3),
    mode=st.sampled_from(["none", "single", "per_zone"]),
)
def test_a_network_fits_if_the_quota_minus_usage_allows_it(
    limit: int, others: int, own: int, zones: int, mode: str
) -> None:
    quotas, ec2 = _Quotas(limit), _Ec2(others, own)
    findings = Findings()
    check_network_quotas(
        quotas,
        ec2,
        own_stack="ddbload-dev-network",
        zone_count=zones,
        nat_mode=mode,
        vpcs=[{"Tags": OWN}],
        findings=findings,
    )
    addresses = [line for each in findings.problems if "Elastic IP addresses are needed" in (line := each.line())]
    assert bool(addresses) == (mode != "none" and others + nat_gateways(zones, mode) > limit)
    assert len([each for each in findings.problems if "VPCs are needed" in each.what]) == (1 if limit < 1 else 0)
    assert len(findings.checked) + len(findings.problems) == (1 if mode == "none" else 3)


class _Quotas:
    """Every quota has the same value."""

    class exceptions:
        NoSuchResourceException = KeyError

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def get_service_quota(self, **quota: Any) -> Any:
        return {"Quota": {"Value": float(self.limit)}}


class _Ec2:
    """Some resources are the own stack's, some are others'."""

    meta = type("Meta", (), {"region_name": "eu-west-1"})

    def __init__(self, others: int, own: int) -> None:
        self.resources = [{}] * others + [{"Tags": OWN}] * own

    def describe_addresses(self) -> Any:
        return {"Addresses": self.resources}

    def describe_internet_gateways(self) -> Any:
        return {"InternetGateways": self.resources}


def test_usage_comes_from_the_quotas_own_metric() -> None:
    quotas, quota_stub = stubbed("service-quotas")
    cloudwatch, stub = stubbed("cloudwatch")
    quota_stub.add_response("get_service_quota", {"Quota": {"Value": 6.0, "UsageMetric": METRIC}})
    stub.add_response(
        "get_metric_statistics",
        {"Datapoints": []},
        {
            "Namespace": "AWS/Usage",
            "MetricName": "ResourceCount",
            "Dimensions": [{"Name": name, "Value": value} for name, value in METRIC["MetricDimensions"].items()],
            "StartTime": ANY,
            "EndTime": NOW,
            "Period": 300,
            "Statistics": ["Maximum"],
        },
    )
    check_vcpus(quotas, cloudwatch, cpu=256, count=1, spot=False, now=NOW, findings=Findings())
    stub.assert_no_pending_responses()
