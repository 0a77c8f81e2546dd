# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and network interfaces of tasks: too few in the subnets are a problem, those in use a warning."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.preflight.addresses import (
    LEAST_TASKS,
    check_addresses,
    check_interfaces,
    stack_subnets,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

KEYS = {"aws_access_key_id": "testing-key", "aws_secret_access_key": "testing-secret"}
SUBNETS = ["subnet-1", "subnet-2"]


@functools.cache
def client_of(service: str) -> Any:
    """Return the client of a service; its creation takes longer than a check."""
    return boto3.client(service, "eu-west-1", **KEYS)


@contextmanager
def stubbed(service: str) -> Iterator[tuple[Any, Stubber]]:
    """Yield a client and the stub of its responses."""
    with Stubber(client_of(service)) as stub:
        yield client_of(service), stub


def addresses(free: tuple[int, ...], count: int, prefix: int = 24) -> Findings:
    found = [
        {"SubnetId": name, "CidrBlock": f"10.0.{number}.0/{prefix}", "AvailableIpAddressCount": each}
        for number, (name, each) in enumerate(zip(SUBNETS, free, strict=False))
    ]
    request = {"Filters": [{"Name": "subnet-id", "Values": SUBNETS}]}
    findings = Findings()
    with stubbed("ec2") as (ec2, stub):
        stub.add_response("describe_subnets", {"Subnets": found}, request)
        check_addresses(ec2, SUBNETS, count, findings)
        stub.assert_no_pending_responses()
    return findings


def test_more_tasks_than_addresses_is_a_problem() -> None:
    """Two subnets of /24 have 251 addresses each; 503 tasks never fit."""
    (problem,) = addresses((251, 251), 503).problems
    assert problem.line() == (
        "subnets subnet-1, subnet-2 have 502 addresses, 503 tasks need one each -> add a subnet, or launch fewer and "
        "larger tasks (task_cpu up, load_test_task_count down)"
    )


def test_addresses_in_use_are_a_warning() -> None:
    """They may be free later, or be those of the run that is followed again."""
    findings = addresses((200, 100), 400)
    assert findings.problems == []
    assert "have 300 free addresses of 502, 400 tasks need one each -> wait for other" in findings.warnings[0].line()


def test_enough_addresses() -> None:
    """One address a task is enough."""
    assert addresses((200, 100), 300) == Findings(checked=["addresses: 300 of 300 that are free"])


def test_missing_subnets_are_not_checked() -> None:
    """The launcher reports missing subnets; their addresses are not checked."""
    assert "not checked: free addresses" in addresses((), 1).warnings[0].line()


@given(st.integers(0, 251), st.integers(0, 251), st.integers(1, 600), st.integers(1, 600))
def test_more_tasks_never_have_fewer_problems(one: int, other: int, count: int, another: int) -> None:
    """A problem of a few tasks is a problem of more tasks too."""
    few, many = (addresses((one, other), each) for each in sorted((count, another)))
    assert len(few.problems) <= len(many.problems)
    assert len(few.checked) >= len(many.checked)


def interfaces(count: int, limit: float, used: int) -> Findings:
    pages: list[dict[str, Any]] = [{"NetworkInterfaces": [{}] * (used - 2), "NextToken": "more"}]
    pages.append({"NetworkInterfaces": [{}] * 2})
    findings = Findings()
    with stubbed("service-quotas") as (quotas, quota_stub), stubbed("ec2") as (ec2, stub):
        quota_stub.add_response(
            "get_service_quota", {"Quota": {"Value": limit}}, {"ServiceCode": "vpc", "QuotaCode": "L-DF5E4CA3"}
        )
        for page in pages:
            stub.add_response("describe_network_interfaces", page)
        check_interfaces(quotas, ec2, count, findings)
    return findings


@pytest.mark.parametrize(
    ("count", "kind", "text"),
    [
        (5001, "problems", "5001 tasks need a network interface each, the account may have 5000 in eu-west-1 -> "),
        (4991, "warnings", "10 of the 5000 that the account may have in eu-west-1 are in use now -> wait for "),
        (4990, "checked", "quota of network interfaces: 5000 of 5000"),
    ],
)
def test_network_interfaces_of_the_region(count: int, kind: str, text: str) -> None:
    """The quota is a problem, what others use is a warning."""
    findings = interfaces(count, 5000.0, 10)
    (found,) = findings.checked + [each.line() for each in findings.warnings + findings.problems]
    assert text in found
    assert len(getattr(findings, kind)) == 1


def test_few_tasks_need_no_call() -> None:
    """Fewer than fifty tasks are not checked: neither client has a response."""
    findings = Findings()
    with stubbed("service-quotas") as (quotas, _quota_stub), stubbed("ec2") as (ec2, _stub):
        check_interfaces(quotas, ec2, LEAST_TASKS - 1, findings)
    assert findings == Findings()


@pytest.mark.parametrize(("tags", "expected"), [("dev", SUBNETS), ("other", [])])
def test_subnets_of_the_network_stack(tags: str, expected: list[str]) -> None:
    """The subnets come from the stack's outputs, if the stack is the environment's."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"PrivateSubnetIds": {"Value": ",".join(SUBNETS)}},
    }
    params = {"project": "ddbload", "environment": "dev"}
    with mock_aws():
        cloudformation = boto3.client("cloudformation", "eu-west-1", **KEYS)
        assert stack_subnets(lambda _service: cloudformation, params) == []
        cloudformation.create_stack(
            StackName="ddbload-dev-network",
            TemplateBody=json.dumps(template),
            Tags=[{"Key": "Project", "Value": "ddbload"}, {"Key": "Environment", "Value": tags}],
        )
        assert stack_subnets(lambda _service: cloudformation, params) == expected
