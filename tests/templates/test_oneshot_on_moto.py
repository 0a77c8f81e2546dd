# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System oneshot in the environments of an account, resource by resource on a second emulator.

What that emulator does not create is counted by type, so that another version of it shows itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.filter.system_arguments import system_arguments
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from environments import IMAGE, variables
from moto import mock_aws
from oneshot_environments import ACCOUNTS, components, description, template, written_template
from template_evaluator import Evaluator
from template_parser import PARTITION, REGION

KEYS: dict[str, Any] = {"region_name": REGION, "aws_access_key_id": "none", "aws_secret_access_key": "none"}
# The emulator's own account.
ACCOUNT = "123456789012"
# Types for which the emulator's CloudFormation has no model.
NOT_APPLIED = {
    "AWS::Budgets::Budget": 1,
    "AWS::CloudWatch::Alarm": 7,
    "AWS::EC2::SecurityGroupEgress": 3,
    "AWS::SecretsManager::Secret": 1,
    "AWS::SQS::QueuePolicy": 1,
}
# Outputs that the emulator lacks, and others take.
MISSING_OUTPUTS = {
    "file-systems.SessionsAccessPointArn",
    "file-systems.SessionsAccessPointId",
    "file-systems.SessionsFileSystemArn",
    "file-systems.SessionsFileSystemId",
    "secrets.AnthropicArn",
}


class Deployment:
    """System oneshot, applied to the emulator.

    Attributes:
        outputs: of each component.
        wanted: how many resources of each type the templates have in this environment.
        not_applied: how many of them the emulator does not create.
        missing_outputs: which outputs it lacks.
    """

    def __init__(self, env: str) -> None:
        self.env = env
        self.cloudformation = boto3.client("cloudformation", **KEYS)
        self.outputs: dict[str, dict[str, str]] = {}
        self.wanted: Counter[str] = Counter()
        self.not_applied: Counter[str] = Counter()
        self.missing_outputs: set[str] = set()
        for name, component in components(env):
            if component["is_rendered"]:
                self.apply_rendered(name)
            elif component["is_stack"]:
                body = written_template(env, name, self.outputs, ACCOUNT)
                self.apply(name, body, {}, json.loads(body)["Resources"])
            else:
                self.outputs[name] = {"ImageUri": IMAGE, "RepositoryArn": self.outputs["registry"]["RepositoryArn"]}

    def apply_rendered(self, name: str) -> None:
        """Apply a rendered template, which gets its parameters from the outputs of other components."""
        rendered = template(self.env, name)
        taken = parse(description(self.env)).components[name].takes.values()
        needed = [each for each in taken if not each.is_optional]
        for output in (each for each in needed if each.output not in self.outputs[each.component]):
            self.missing_outputs.add(f"{output.component}.{output.output}")
            self.outputs[output.component][output.output] = f"arn:aws:none:{REGION}:{ACCOUNT}:none/{output.output}"
        parameters = {"Project": "oneshot", "Environment": self.env}
        parameters |= system_arguments(description(self.env), name, self.outputs)
        evaluator = Evaluator(rendered, parameters, REGION, ACCOUNT, PARTITION)
        assert evaluator.violations() == []
        existing = {each: one for each, one in rendered["Resources"].items() if evaluator.exists(each)}
        self.apply(name, json.dumps(rendered), parameters, existing)

    def apply(self, name: str, body: str, parameters: Mapping[str, str], wanted: Mapping[str, Any]) -> None:
        """Create a component's stack, and count its resources."""
        stack = f"oneshot-{self.env}-{name}"
        self.cloudformation.create_stack(
            StackName=stack,
            TemplateBody=body,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        [created] = self.cloudformation.describe_stacks(StackName=stack)["Stacks"]
        assert created["StackStatus"] == "CREATE_COMPLETE"
        self.outputs[name] = {each["OutputKey"]: each["OutputValue"] for each in created.get("Outputs", [])}
        listed = self.cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        names = {each["LogicalResourceId"] for each in listed}
        self.wanted.update(one["Type"] for one in wanted.values())
        self.not_applied.update(one["Type"] for each, one in wanted.items() if each not in names)


@pytest.fixture(autouse=True)
def emulator() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.mark.filterwarnings("ignore:Tried to parse")
@pytest.mark.parametrize("env", ACCOUNTS)
def test_oneshot_of_every_environment_can_be_created(env: str) -> None:
    """Each resource is created with the environment's parameters, or counted as not applied."""
    deployment = Deployment(env)
    assert deployment.not_applied == NOT_APPLIED
    assert deployment.missing_outputs == MISSING_OUTPUTS
    zones = len(deployment.outputs["network"]["PrivateSubnetIds"].split(","))
    nat_gateways = {"single": 1, "per_zone": zones}[variables(env)["network_nat_mode"]]
    assert deployment.wanted["AWS::EC2::NatGateway"] == nat_gateways
    [balancer] = boto3.client("elbv2", **KEYS).describe_load_balancers()["LoadBalancers"]
    assert (len(balancer["AvailabilityZones"]), balancer["Scheme"]) == (zones, "internal")
    efs = boto3.client("efs", **KEYS)
    [file_system] = efs.describe_file_systems()["FileSystems"]
    assert file_system["NumberOfMountTargets"] == zones
    service = deployment.outputs["service-ui"]
    ecs = boto3.client("ecs", **KEYS)
    [created] = ecs.describe_services(cluster=f"oneshot-{env}", services=[service["ServiceName"]])["services"]
    assert created["taskDefinition"] == service["TaskDefinitionArn"]


@pytest.mark.parametrize("env", ACCOUNTS)
def test_environments_differ_in_values_alone(env: str) -> None:
    """The same description has the same templates everywhere, except for the values that an inventory names."""
    limit = "budget/Resources/Budget/Properties/Budget/BudgetLimit/Amount"
    leaves = {each: dict(_leaves_of(each)) for each in (env, ACCOUNTS[0])}
    assert leaves[env].keys() == leaves[ACCOUNTS[0]].keys()
    differing = {path for path, value in leaves[env].items() if value != leaves[ACCOUNTS[0]][path]}
    assert differing <= {limit}
    assert leaves[env][limit] == variables(env)["system_values"]["oneshot"]["limits"]["monthly_budget_usd"]


def _leaves_of(env: str) -> Iterator[tuple[str, Any]]:
    for name, component in components(env):
        if component["is_rendered"]:
            yield from _leaves(name, template(env, name))


def _leaves(path: str, node: Any) -> Iterator[tuple[str, Any]]:
    """Yield the path and the value of each scalar below a node."""
    if isinstance(node, (dict, list)):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from _leaves(f"{path}/{key}", value)
    else:
        yield path, node
