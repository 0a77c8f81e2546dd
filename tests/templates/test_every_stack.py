# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of every stack, for any valid parameters on top of those of any environment."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from environments import ARGUMENTS, ENVIRONMENTS, SYSTEM, rendered, variables
from hypothesis import given, settings
from hypothesis import strategies as st
from template_parser import ACCOUNT, COMPONENTS, ROOT, Rendered, load, policies, render, walk
from template_strategies import parameters, permitted

ENDPOINT = "AWS::EC2::VPCEndpoint"
HOLDS_DATA = {"AWS::DynamoDB::Table", "AWS::ECR::Repository", "AWS::Logs::LogGroup", "AWS::KMS::Key"}
# The statements that may name every resource, with their actions, which support no resource:
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
WILDCARDS = {
    ("task", "LogInToEcr"): {"ecr:GetAuthorizationToken"},
    ("task", "OpenExecChannels"): {
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
    },
    ("task", "FindTheExecLog"): {"logs:DescribeLogGroups"},
    ("task", "SendTraces"): {
        "xray:GetSamplingRules",
        "xray:GetSamplingStatisticSummaries",
        "xray:GetSamplingTargets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    },
}
# Types that the embedded AWS does not support; one of them fails its whole stack.
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
# The parameters that name a stack, and those that are outputs of other stacks.
GIVEN = {"Project", "Environment", "ImageUri", *(output for _stack, output in ARGUMENTS.values())}

ANY_PARAMETERS = {component: parameters(component) for component in COMPONENTS}


def with_resources(*types: str) -> pytest.MarkDecorator:
    """Parametrise a test by the components whose templates have resources of these types; assert that one has."""
    found = [name for name in COMPONENTS if {one["Type"] for one in load(name)["Resources"].values()} & set(types)]
    assert found, types
    return pytest.mark.parametrize("component", found)


@st.composite
def stacks(draw: st.DrawFn, component: str) -> Rendered:
    """A component's stack in an environment, with any of its parameters changed."""
    own = rendered(draw(st.sampled_from(ENVIRONMENTS)))[component].parameters
    changed = draw(ANY_PARAMETERS[component])
    kept = draw(st.sets(st.sampled_from(sorted(own)))) | (GIVEN & set(own))
    return permitted(component, changed | {name: own[name] for name in kept})


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_tasks_start_in_private_subnets_without_public_address() -> None:
    text = (ROOT / "roles" / "load_test" / "tasks" / "main.yml").read_text()
    (launch,) = [task for task in yaml.safe_load(text) if "gantry.ecs.ecs_task_run" in task]
    network = launch["gantry.ecs.ecs_task_run"]["network_configuration"]
    assert network["subnets"] == "{{ load_test_subnets | split(',') }}"
    assert network["security_groups"] == ["{{ load_test_security_group }}"]
    takes = SYSTEM.jobs["load_test"].takes
    assert takes["load_test_subnets"][:2] == ("network", "PrivateSubnetIds")
    assert takes["load_test_security_group"][:2] == ("network", "TaskSecurityGroupId")
    assert network["assign_public_ip"] is False


@with_resources(*HOLDS_DATA)
@few
@given(data=st.data())
def test_resources_with_data_have_a_deletion_policy(component: str, data: st.DataObject) -> None:
    for name, resource in data.draw(stacks(component)).of_type(*HOLDS_DATA).items():
        assert resource["DeletionPolicy"] in ("Delete", "Retain", "RetainExceptOnCreate"), name
        assert resource["UpdateReplacePolicy"] in ("Delete", "Retain"), name
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert 1 <= int(resource["Properties"]["RetentionInDays"]) <= 3653, name


@with_resources("AWS::IAM::Role")
@few
@given(data=st.data())
def test_wildcard_resources_are_for_actions_without_a_resource(component: str, data: st.DataObject) -> None:
    stack = data.draw(stacks(component))
    found = [policy for policy in policies(stack) if policy.kind == "identity"]
    assert {policy.resource for policy in found} == set(stack.of_type("AWS::IAM::Role"))
    for policy in found:
        for statement in policy.statements:
            actions, wanted = as_list(statement["Action"]), as_list(statement["Resource"])
            assert not any("*" in action for action in actions), policy
            if any(re.fullmatch(r"\*|arn:[\w-]+:[\w-]*:[^/]*:\*", resource) for resource in wanted):
                assert set(actions) <= WILDCARDS[component, statement["Sid"]], policy


@with_resources("AWS::IAM::Role")
@few
@given(data=st.data())
def test_a_role_trusts_one_service_for_this_account(component: str, data: st.DataObject) -> None:
    stack = data.draw(stacks(component))
    found = [policy for policy in policies(stack) if policy.kind == "trust"]
    assert {policy.resource for policy in found} == set(stack.of_type("AWS::IAM::Role"))
    for policy in found:
        for statement in policy.statements:
            assert set(statement["Principal"]) == {"Service"}, policy
            assert len(as_list(statement["Principal"]["Service"])) == 1, policy
            assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == ACCOUNT, policy


@with_resources("AWS::KMS::Key", "AWS::SNS::TopicPolicy", "AWS::ECR::Repository")
@few
@given(data=st.data())
def test_no_resource_is_open_to_everybody(component: str, data: st.DataObject) -> None:
    stack = data.draw(stacks(component))
    # The policy of an endpoint only restricts the permissions of its callers.
    own = [one for one in policies(stack) if one.kind == "resource" and one.resource not in stack.of_type(ENDPOINT)]
    assert {one.resource for one in own} >= set(stack.of_type("AWS::KMS::Key", "AWS::SNS::TopicPolicy"))
    for policy in own:
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
def test_stack_names_only_its_own_account_and_region(
    component: str, data: st.DataObject, where: tuple[str, str]
) -> None:
    partition, region = where
    account = "998877665544"
    known = data.draw(stacks(component)).parameters
    made = render(component, known, partition=partition, region=region, account=account)
    # Values of parameters may name other accounts and regions.
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
def test_every_environment_passes_the_rules(env: str) -> None:
    for component, stack in rendered(env).items():
        assert not stack.violations, component


def test_embedded_aws_gets_only_supported_resources() -> None:
    for component, stack in rendered("local").items():
        assert not stack.of_type(*REFUSED_LOCALLY), component


@pytest.mark.parametrize("env", sorted(set(ENVIRONMENTS) - {"local"}))
def test_no_scenario_spends_more_in_an_hour_than_the_ceiling(env: str) -> None:
    table = rendered(env)["table"].properties("Table")["OnDemandThroughput"]
    # Prices of us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/
    million_writes, million_reads = 0.625, 0.125  # USD
    a_second = int(table["MaxWriteRequestUnits"]) * million_writes + int(table["MaxReadRequestUnits"]) * million_reads
    ceiling = variables(env).get("observability_hourly_spend_ceiling", 15)
    assert a_second * 3600 / 1e6 <= ceiling
