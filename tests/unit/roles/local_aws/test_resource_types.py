# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The contract over resource types: the embedded AWS creates, updates and deletes each type that systems need.

A bump of MiniStack fails here by the name of the type that it broke.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws.extension.api_shapes import PropertyError
from embedded_aws.extension.resources import budgets, network
from embedded_aws.extension.resources.alarms import alarm_request
from emulator_env import ROOT
from emulators import Emulator
from hypothesis import given
from hypothesis import strategies as st
from known_cases import KNOWN
from resource_cases import ADDED, BUDGET, MATH_ALARM, NAME, TEN_ALARM, Case, resource


def type_of(name: str) -> str:
    return f"AWS::{name.partition(' ')[0]}"


def resources(name: str, case: Case, properties: dict[str, Any]) -> dict[str, Any]:
    return {**case.needs, NAME: {"Type": type_of(name), "Properties": properties}}


CASES = KNOWN | ADDED
# Templates have them behind conditions that env=local leaves off.
ACCOUNT_ONLY = {"ECR::SigningConfiguration", "Signer::SigningProfile"}
# test_database_emulator.py creates, updates and deletes them: each needs a server of its own.
OF_DATABASES = {
    "RDS::DBCluster",
    "RDS::DBClusterParameterGroup",
    "RDS::DBInstance",
    "RDS::DBSubnetGroup",
    "SecretsManager::SecretTargetAttachment",
}


def test_every_type_of_the_templates_is_under_test() -> None:
    named = {
        match
        for file in (ROOT / "files" / "cfn").rglob("*.yaml")
        for match in re.findall(r"^ +Type: AWS::(\w+::\w+)$", file.read_text(), re.MULTILINE)
    }
    assert len(named) > 20
    assert named - CASES.keys() - ACCOUNT_ONLY - OF_DATABASES == set()


@pytest.mark.parametrize("name", CASES)
def test_a_type_is_created_updated_and_deleted(extended: Emulator, name: str) -> None:
    case = CASES[name]
    stack = extended.create(resources(name, case, case.properties))
    assert stack.status == "CREATE_COMPLETE", f"{name} is not created: {stack.reasons}"
    assert stack.ids[NAME], f"{name} has no physical id"
    if case.change:
        stack = extended.update(stack, resources(name, case, case.change))
        assert stack.status == "UPDATE_COMPLETE", f"{name} is not updated: {stack.reasons}"
    assert extended.delete(stack) == "DELETE_COMPLETE", f"{name} is not deleted"


@pytest.mark.parametrize("type_name", ["AWS::FIS::ExperimentTemplate", "AWS::CloudFormation::Macro"])
def test_an_unsupported_type_is_refused_by_name(extended: Emulator, type_name: str) -> None:
    """MiniStack alone records a type of CloudFormation's own as created."""
    try:
        reasons = extended.create({NAME: {"Type": type_name, "Properties": {}}}).reasons
    except ClientError as error:
        reasons = [str(error)]
    assert any(type_name in reason for reason in reasons)


def test_a_replaced_rule_leaves_one_rule(extended: Emulator) -> None:
    """A changed rule is added before the old one is removed, and a deleted one is gone."""
    case = ADDED["EC2::SecurityGroupIngress"]
    stack = extended.create(resources("EC2::SecurityGroupIngress", case, case.properties))
    stack = extended.update(stack, resources("EC2::SecurityGroupIngress", case, case.change))
    ec2, group = extended.client("ec2"), {"Name": "group-id", "Values": [stack.ids["Group"]]}
    found = ec2.describe_security_group_rules(Filters=[group])["SecurityGroupRules"]
    [rule] = [rule for rule in found if not rule["IsEgress"]]
    assert (rule["FromPort"], rule["ToPort"]) == (79, 80)
    assert rule["ReferencedGroupInfo"]["GroupId"] == stack.ids["Group"]
    stack = extended.update(stack, case.needs)
    found = ec2.describe_security_group_rules(Filters=[group])["SecurityGroupRules"]
    assert [rule for rule in found if not rule["IsEgress"]] == []
    extended.delete(stack)


def test_an_alarm_keeps_its_metric_math(extended: Emulator) -> None:
    stack = extended.create({NAME: resource("CloudWatch::Alarm", **MATH_ALARM)})
    found = extended.client("cloudwatch").describe_alarms(AlarmNames=[stack.ids[NAME]])["MetricAlarms"]
    [alarm] = found
    assert [metric.get("Expression") for metric in alarm["Metrics"]] == [None, "depth * 2"]
    assert "MetricName" not in alarm
    extended.delete(stack)


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        (
            {"IpProtocol": "tcp"},
            "a rule has one of CidrIp, CidrIpv6, SourcePrefixListId, SourceSecurityGroupId -> write",
        ),
        ({"IpProtocol": "tcp", "CidrIp": "a", "SourceSecurityGroupId": "b"}, "a rule has one of"),
        ({"IpProtocol": "tcp", "CidrIP": "a"}, "CidrIP is not kept by the embedded AWS -> write CidrIp"),
    ],
)
def test_a_rule_without_one_other_end_is_refused(properties: dict[str, Any], expected: str) -> None:
    with pytest.raises(PropertyError, match=expected):
        network.permission("Ingress", properties)


@given(ports=st.tuples(st.integers(0, 65535), st.integers(0, 65535)), text=st.text(max_size=20))
def test_a_rule_keeps_its_ports_and_description(ports: tuple[int, int], text: str) -> None:
    given_ports = {"FromPort": str(ports[0]), "ToPort": ports[1]}
    rule = network.permission("Egress", {"IpProtocol": "tcp", "CidrIp": "::", "Description": text, **given_ports})
    assert (rule["FromPort"], rule["ToPort"]) == ports
    assert rule["IpRanges"] == [{"CidrIp": "::", "Description": text}]


def test_a_budget_has_a_name_and_amounts_as_text() -> None:
    request = budgets.create_request(BUDGET, "stack-Budget", "000000000000")
    assert request["Budget"]["BudgetName"] == "stack-Budget"
    assert request["Budget"]["BudgetLimit"] == {"Amount": "100", "Unit": "USD"}
    with pytest.raises(PropertyError, match=r"Budget\.Colour is no property that the API knows"):
        budgets.create_request({"Budget": {**BUDGET["Budget"], "Colour": "red"}}, "a", "000000000000")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({**TEN_ALARM, "ThresholdMetricId": "band"}, "ThresholdMetricId is not evaluated by the embedded AWS"),
        ({"EvaluationPeriods": 1, "ComparisonOperator": "a"}, "an alarm has MetricName or Metrics"),
        ({**MATH_ALARM, "Metrics": [{"Id": "a", "Expression": "SEARCH(b)"}]}, "the function SEARCH is not evaluated"),
        ({**TEN_ALARM, "Treshold": 1}, "Treshold is no property that the API knows -> write Threshold"),
    ],
)
def test_an_alarm_that_is_not_evaluated_is_refused(properties: dict[str, Any], expected: str) -> None:
    with pytest.raises(PropertyError, match=expected):
        alarm_request(properties, "name")
