# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every stack: any parameters that its template allows, on top of any environment's."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from drawing import parameters, permitted
from environments import ENVIRONMENTS, rendered, variables
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import ACCOUNT, COMPONENTS, ROOT, Rendered, policies, render, walk

HOLDS_DATA = {"AWS::DynamoDB::Table", "AWS::ECR::Repository", "AWS::Logs::LogGroup", "AWS::KMS::Key"}
# The statements that may name every resource, with the actions that know none:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
WILDCARDS = {
    ("cluster", "LogInToEcr"): {"ecr:GetAuthorizationToken"},
    ("cluster", "OpenExecChannels"): {
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    },
    ("cluster", "FindTheExecLog"): {"logs:DescribeLogGroups"},
    ("cluster", "SendTraces"): {
        "xray:GetSamplingRules",
        "xray:GetSamplingStatisticSummaries",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    },
}
# Types that the embedded AWS does not know; one of them fails its whole stack.
REFUSED_LOCALLY = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::Budgets::Budget",
    "AWS::EC2::EIP",
    "AWS::EC2::FlowLog",
    "AWS::EC2::NatGateway",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
}

few = settings(max_examples=25)
each_component = pytest.mark.parametrize("component", COMPONENTS)
# What a stack gets from others, and what names it.
GIVEN = {"Project", "Environment", "TableName", "TableArn", "TableKeyArn", "RepositoryArn", "ImageUri"}

ANY_PARAMETERS = {component: parameters(component) for component in COMPONENTS}


@st.composite
def stacks(draw: st.DrawFn, component: str) -> Rendered:
    """A component's stack in an environment, with any of its parameters changed."""
    own = rendered(draw(st.sampled_from(ENVIRONMENTS)))[component].parameters
    changed = draw(ANY_PARAMETERS[component])
    kept = draw(st.sets(st.sampled_from(sorted(own)))) | (GIVEN & set(own))
    return permitted(component, changed | {name: own[name] for name in kept})


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_tasks_are_launched_in_the_private_subnets_without_a_public_address() -> None:
    text = (ROOT / "roles" / "load_test" / "tasks" / "main.yml").read_text()
    (launch,) = [task for task in yaml.safe_load(text) if "gantry.ecs.ecs_task_run" in task]
    network = launch["gantry.ecs.ecs_task_run"]["network_configuration"]
    assert "stack_outputs.network.PrivateSubnetIds" in network["subnets"]
    assert network["security_groups"] == ["{{ stack_outputs.network.TaskSecurityGroupId }}"]
    assert network["assign_public_ip"] is False


@each_component
@few
@given(data=st.data())
def test_what_holds_data_says_what_becomes_of_it(component: str, data: st.DataObject) -> None:
    for name, resource in data.draw(stacks(component)).of_type(*HOLDS_DATA).items():
        assert resource["DeletionPolicy"] in ("Delete", "Retain", "RetainExceptOnCreate"), name
        assert resource["UpdateReplacePolicy"] in ("Delete", "Retain"), name
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert 1 <= int(resource["Properties"]["RetentionInDays"]) <= 3653, name


@each_component
@few
@given(data=st.data())
def test_a_role_may_touch_every_resource_only_where_the_action_knows_none(component: str, data: st.DataObject) -> None:
    for policy in policies(data.draw(stacks(component))):
        for statement in policy.statements if policy.kind == "identity" else []:
            actions, wanted = as_list(statement["Action"]), as_list(statement["Resource"])
            assert not any("*" in action for action in actions), policy
            if any(re.fullmatch(r"\*|arn:[\w-]+:[\w-]*:[^/]*:\*", resource) for resource in wanted):
                assert set(actions) <= WILDCARDS[component, statement["Sid"]], policy


@each_component
@few
@given(data=st.data())
def test_a_role_is_taken_by_one_service_for_this_account(component: str, data: st.DataObject) -> None:
    for policy in policies(data.draw(stacks(component))):
        for statement in policy.statements if policy.kind == "trust" else []:
            assert set(statement["Principal"]) == {"Service"}, policy
            assert len(as_list(statement["Principal"]["Service"])) == 1, policy
            assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == ACCOUNT, policy


@each_component
@few
@given(data=st.data())
def test_no_resource_is_open_to_everybody(component: str, data: st.DataObject) -> None:
    stack = data.draw(stacks(component))
    for policy in policies(stack):
        # An endpoint's policy only narrows what its callers may do anyway.
        if policy.kind == "resource" and stack.resources[policy.resource]["Type"] != "AWS::EC2::VPCEndpoint":
            for statement in policy.statements:
                assert statement["Effect"] == "Deny" or "*" not in list(walk(statement["Principal"])), policy


@each_component
@few
@given(
    data=st.data(),
    where=st.sampled_from(
        [("aws", "ap-northeast-3"), ("aws-cn", "cn-northwest-1"), ("aws-us-gov", "us-gov-east-1")],
    ),
)
def test_a_stack_belongs_to_where_it_is_made(component: str, data: st.DataObject, where: tuple[str, str]) -> None:
    partition, region = where
    account = "998877665544"
    known = data.draw(stacks(component)).parameters
    made = render(component, known, partition=partition, region=region, account=account)
    # What the parameters bring along is theirs.
    brought = json.dumps(known)
    arns = tuple(re.findall(r"\barn:[^\s\",]*", brought))
    for text in (one for one in walk([made.resources, made.outputs]) if isinstance(one, str)):
        for found in re.findall(r"(?<!\d)\d{12}(?!\d)", text):
            assert found == account or found in brought, text
        for found in re.findall(r"\b(?:[a-z]{2}|us-gov)-(?:north|south|east|west|central)[a-z]*-\d", text):
            assert found == region or found in brought, text
        for found in re.findall(r"\barn:[a-z-]*:[^\s\"]*", text):
            assert found.startswith((f"arn:{partition}:", *arns)), text


@pytest.mark.parametrize("env", ENVIRONMENTS)
def test_every_environment_keeps_to_the_rules(env: str) -> None:
    for component, stack in rendered(env).items():
        assert not stack.violations, component


def test_the_embedded_aws_gets_nothing_that_it_refuses() -> None:
    for component, stack in rendered("local").items():
        assert not stack.of_type(*REFUSED_LOCALLY), component


@pytest.mark.parametrize("env", sorted(set(ENVIRONMENTS) - {"local"}))
def test_no_scenario_spends_more_in_an_hour_than_the_ceiling(env: str) -> None:
    table = rendered(env)["table"].properties("Table")["OnDemandThroughput"]
    # Of us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/
    million_writes, million_reads = 0.625, 0.125  # USD
    a_second = int(table["MaxWriteRequestUnits"]) * million_writes + int(table["MaxReadRequestUnits"]) * million_reads
    ceiling = variables(env).get("observability_hourly_spend_ceiling", 15)
    assert a_second * 3600 / 1e6 <= ceiling
