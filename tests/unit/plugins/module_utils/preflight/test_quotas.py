# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room for what is planned: quotas against what is in use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.checks.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.quotas import (
    VCPU,
    applied,
    check_network_quotas,
    check_vcpus,
    nat_gateways,
)
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
    (line,) = vcpus(6, None, cpu=2048, count=4).problems
    assert "4 tasks of 2 vCPU need 8 vCPUs of Fargate tasks, the account may have 6" in line
    assert "(Service Quotas, fargate, L-3032A538)" in line and "load_test_task_count" in line


def test_vcpus_that_are_taken_now_may_be_free_later() -> None:
    findings = vcpus(6, 5, count=2)
    assert findings.problems == []
    assert "5 of the 6 that the account may have are in use now -> wait" in findings.warnings[0]


def test_the_newest_figure_of_what_is_in_use_counts() -> None:
    assert vcpus(6, 4, count=2) == Findings(checked=["quota of vCPUs of Fargate tasks: 6 of 6"])
    assert vcpus(6, None, count=6, spot=True) == Findings(checked=["quota of vCPUs of Fargate Spot tasks: 6 of 6"])


def test_an_account_without_a_quota_of_its_own_has_the_default() -> None:
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
def test_a_network_fits_exactly_where_others_leave_room_for_it(
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
    addresses = [line for line in findings.problems if "Elastic IP addresses are needed" in line]
    assert bool(addresses) == (mode != "none" and others + nat_gateways(zones, mode) > limit)
    assert len([line for line in findings.problems if "VPCs are needed" in line]) == (1 if limit < 1 else 0)
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
    """Some things are of our own stack, some are others'."""

    meta = type("Meta", (), {"region_name": "eu-west-1"})

    def __init__(self, others: int, own: int) -> None:
        self.things = [{}] * others + [{"Tags": OWN}] * own

    def describe_addresses(self) -> Any:
        return {"Addresses": self.things}

    def describe_internet_gateways(self) -> Any:
        return {"InternetGateways": self.things}


def test_what_is_asked_of_cloudwatch_is_the_quotas_own_metric() -> None:
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
