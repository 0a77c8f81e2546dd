# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The peak of a plan against the throughput of a table and the account's quota for one table."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.throughput import (
    check_quotas,
    check_throughput,
    table_warnings,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

KEYS = {"aws_access_key_id": "testing-key", "aws_secret_access_key": "testing-secret"}
ON_DEMAND: dict[str, Any] = {"TableName": "orders", "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}
WARM = ON_DEMAND | {"WarmThroughput": {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000}}
BOUNDED = WARM | {"OnDemandThroughput": {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 2_000}}
PROVISIONED = {"TableName": "orders", "ProvisionedThroughput": {"ReadCapacityUnits": 100, "WriteCapacityUnits": 50}}


def plan(read: float, write: float) -> dict[str, float]:
    return {"read_units": read, "write_units": write}


@pytest.mark.parametrize(
    ("table", "peak", "words"),
    [
        (WARM, plan(12_000, 4_000), []),
        (
            WARM,
            plan(0, 40_000),
            ["40,000 write units a second at its peak, the warm throughput of table orders is 4,000: expect thr"],
        ),
        (WARM, plan(12_001, 4_001), ["12,001 read units", "4,001 write units"]),
        (
            BOUNDED,
            plan(0, 3_000),
            ["3,000 write units a second at its peak, the maximum of table orders is 2,000: expect throttling"],
        ),
        (BOUNDED, plan(11_000, 0), []),
        (
            PROVISIONED,
            plan(100, 51),
            ["51 write units a second at its peak, the provisioned throughput of table orders is 50: expect"],
        ),
        (ON_DEMAND, plan(10**6, 10**6), []),
    ],
)
def test_peak_above_the_throughput(table: dict[str, Any], peak: dict[str, float], words: list[str]) -> None:
    """A peak above the warm, maximum or provisioned throughput is a warning; a missing figure is ignored."""
    found = [each.line() for each in table_warnings(table, peak)]
    assert len(found) == len(words)
    for line, text in zip(found, words, strict=True):
        assert text in line and "table orders" in line and " -> " in line


def test_remedy_names_the_setting() -> None:
    """The remedy names the variable of the role, by kind."""
    (warm,) = table_warnings(WARM, plan(0, 5_000))
    (maximum,) = table_warnings(BOUNDED, plan(0, 5_000))
    assert warm.remedy.startswith("raise table_warm_write_units_per_second and deploy again, start with a ramp")
    assert maximum.remedy.startswith("raise table_max_write_request_units and deploy again")


@given(st.floats(0, 10**6), st.floats(0, 10**6))
def test_a_higher_peak_never_has_fewer_warnings(one: float, other: float) -> None:
    """A higher peak has the warnings of a lower one too."""
    low, high = sorted((one, other))
    for table in (WARM, BOUNDED, PROVISIONED):
        assert len([*table_warnings(table, plan(low, low))]) <= len([*table_warnings(table, plan(high, high))])


def quotas(limit: float, *codes: str) -> Any:
    client = boto3.client("service-quotas", "eu-west-1", **KEYS)
    stub = Stubber(client)
    stub.activate()
    for code in codes:
        expected = {"ServiceCode": "dynamodb", "QuotaCode": code}
        stub.add_response("get_service_quota", {"Quota": {"Value": limit}}, expected)
    return client


def test_peak_above_the_quota_is_a_problem() -> None:
    """Each kind above the default is compared with the account's own quota."""
    findings = Findings()
    check_quotas(quotas(100_000.0, "L-CF0CBE56", "L-AB614373"), plan(50_000, 200_000), findings)
    assert findings.checked == ["quota of read units a second of one table: 50,000 of 100,000"]
    (line,) = [each.line() for each in findings.problems]
    assert line == (
        "the plan peaks at 200,000 write units a second of one table, the account may have 100,000 -> request a higher "
        "quota (Service Quotas, dynamodb, L-AB614373), or lower the plan's rate"
    )


def test_peak_within_the_default_needs_no_call() -> None:
    """No account has less than the default: the client has no response."""
    findings = Findings()
    check_quotas(quotas(0), plan(40_000, 40_000), findings)
    assert findings == Findings()


def test_table_that_runs_write_to() -> None:
    """The table is described once; a table that does not exist, or without a plan's peak, is not judged here."""
    with mock_aws():
        dynamodb = boto3.client("dynamodb", "eu-west-1", **KEYS)
        dynamodb.create_table(
            TableName="orders",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 5},
        )
        for name, peak, counts in (
            ("orders", plan(0, 6), (1, 0)),
            ("orders", plan(5, 5), (0, 1)),
            ("orders", plan(0, 0), (0, 0)),
            ("missing", plan(9, 9), (0, 0)),
            ("", plan(9, 9), (0, 0)),
        ):
            findings = Findings()
            params = {"plan": peak, "table_name": name, "table_of_stack": False, "check_quotas": True}
            check_throughput(lambda _service: dynamodb, params, findings)
            assert (len(findings.warnings), len(findings.checked)) == counts
