# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What linters do not see in the templates: properties of their text, and the full ones applied to moto."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from cfnlint.decode import decode
from moto import mock_aws

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "files" / "cfn").glob("*.yaml"))
NAMES = [path.stem for path in TEMPLATES]
HOLDS_DATA = {"AWS::DynamoDB::Table", "AWS::ECR::Repository", "AWS::Logs::LogGroup"}
# The only statement that may name every resource, since its action knows none.
WILDCARDS = {("cluster", "LogInToEcr")}

ZONES = {"dev": 1, "staging": 2, "prod": 3}


def load(path: Path) -> dict[str, Any]:
    template, problems = decode(str(path))
    assert not problems
    assert template
    return dict(template)


def walk(node: Any) -> Iterator[Any]:
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from walk(child)


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_no_account_region_or_zone_is_written_out(path: Path) -> None:
    text = re.sub(r"ConstraintDescription:.*|Default:.*", "", path.read_text())
    assert not re.search(r"\b\d{12}\b", text)
    assert not re.search(r"\b(us|eu|ap|sa|ca|me|af)-(east|west|north|south|central)[a-z]*-\d", text)
    assert "arn:aws:" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_every_parameter_is_described_and_constrained(path: Path) -> None:
    template = load(path)
    grouped = [
        name
        for group in template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        for name in group["Parameters"]
    ]
    assert sorted(grouped) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"} & set(parameter), name


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_what_holds_data_says_what_becomes_of_it(path: Path) -> None:
    for name, resource in load(path)["Resources"].items():
        if resource["Type"] in HOLDS_DATA:
            assert {"DeletionPolicy", "UpdateReplacePolicy"} <= set(resource), name
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert resource["Properties"]["RetentionInDays"], name


@pytest.mark.parametrize("path", TEMPLATES, ids=NAMES)
def test_nothing_is_exported_and_no_policy_names_every_resource(path: Path) -> None:
    template = load(path)
    assert all("Export" not in output for output in template["Outputs"].values())
    for node in walk(template):
        if isinstance(node, dict) and "Effect" in node and node.get("Resource") == "*":
            assert (path.stem, node["Sid"]) in WILDCARDS


def test_no_subnet_gives_public_addresses() -> None:
    resources = load(ROOT / "files/cfn/network.yaml")["Resources"].values()
    subnets = [resource["Properties"] for resource in resources if resource["Type"] == "AWS::EC2::Subnet"]
    assert len(subnets) == 6
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets)


def test_tasks_let_nothing_in_and_https_out() -> None:
    group = load(ROOT / "files/cfn/network.yaml")["Resources"]["TaskSecurityGroup"]["Properties"]
    assert "SecurityGroupIngress" not in group
    assert [(rule["FromPort"], rule["ToPort"]) for rule in group["SecurityGroupEgress"]] == [(443, 443)]


def fargate_pairs() -> dict[int, set[int]]:
    """Fargate's pairs in MiB: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html"""
    return {
        256: {512, 1024, 2048},
        512: set(range(1024, 4097, 1024)),
        1024: set(range(2048, 8193, 1024)),
        2048: set(range(4096, 16385, 1024)),
        4096: set(range(8192, 30721, 1024)),
        8192: set(range(16384, 61441, 4096)),
        16384: set(range(32768, 122881, 8192)),
    }


def test_the_cluster_asserts_exactly_fargates_pairs_of_cpu_and_memory() -> None:
    template = load(ROOT / "files/cfn/cluster.yaml")
    asserted = {}
    for rule in template["Rules"].values():
        _cpu, cpu = rule["RuleCondition"]["Fn::Equals"]
        (assertion,) = rule["Assertions"]
        memories, _memory = assertion["Assert"]["Fn::Contains"]
        asserted[int(cpu)] = {int(memory) for memory in memories}
    assert asserted == fargate_pairs()
    assert {int(cpu) for cpu in template["Parameters"]["Cpu"]["AllowedValues"]} == set(asserted)
    assert template["Parameters"]["Memory"]["Default"] in asserted[template["Parameters"]["Cpu"]["Default"]]


def role_parameters(component: str, env: str) -> dict[str, str]:
    """Return the parameters that a role gives its template with an environment's variables."""
    tasks = yaml.safe_load((ROOT / "roles" / component / "tasks" / "main.yml").read_text())
    defaults = yaml.safe_load((ROOT / "roles" / component / "defaults" / "main.yml").read_text())
    variables = defaults | yaml.safe_load((ROOT / "inventories" / env / "group_vars" / f"{env}.yml").read_text())
    given = {
        name: expression.removeprefix("{{ ").removesuffix(" }}")
        for name, expression in tasks[0]["vars"]["stack_parameters"].items()
    }
    own = {name: variables[expression] for name, expression in given.items() if expression in variables}
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in own.items()}


@pytest.mark.parametrize("component", ["network", "registry", "table", "cluster", "observability"])
def test_roles_and_templates_agree_on_names_and_defaults(component: str) -> None:
    template = load(ROOT / "files" / "cfn" / f"{component}.yaml")
    tasks = yaml.safe_load((ROOT / "roles" / component / "tasks" / "main.yml").read_text())
    defaults = yaml.safe_load((ROOT / "roles" / component / "defaults" / "main.yml").read_text())
    given = tasks[0]["vars"]["stack_parameters"]
    assert set(given) == set(template["Parameters"]) - {"Project", "Environment"}
    for name, expression in given.items():
        variable = expression.removeprefix("{{ ").removesuffix(" }}")
        if variable in defaults:
            value = defaults[variable]
            text = str(value).lower() if isinstance(value, bool) else str(value)
            assert text == str(template["Parameters"][name]["Default"]), name


@pytest.mark.parametrize("env", ["dev", "staging", "prod"])
def test_every_environment_is_applied_to_moto(env: str) -> None:
    """The embedded AWS knows no NAT gateway, so the full templates are tried on a second emulator."""
    with mock_aws():
        region = {"region_name": "eu-west-1", "aws_access_key_id": "none", "aws_secret_access_key": "none"}
        cloudformation = boto3.client("cloudformation", **region)
        outputs: dict[str, dict[str, str]] = {}
        for component in ("network", "registry", "table", "cluster", "observability"):
            parameters = {"Project": "ddbload", "Environment": env} | role_parameters(component, env)
            if component in ("cluster", "observability"):
                parameters["TableName"] = outputs["table"]["TableName"]
            if component == "cluster":
                parameters["TableArn"] = outputs["table"]["TableArn"]
                parameters["RepositoryArn"] = outputs["registry"]["RepositoryArn"]
                parameters["ImageUri"] = f"{outputs['registry']['RepositoryUri']}:0.1.0-abc"
            name = f"ddbload-{env}-{component}"
            cloudformation.create_stack(
                StackName=name,
                TemplateBody=_for_moto(component, int(parameters.get("ZoneCount", "1"))),
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            )
            (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
            assert stack["StackStatus"] == "CREATE_COMPLETE"
            outputs[component] = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        zones = ZONES[env]
        subnets = outputs["network"]["PrivateSubnetIds"].split(",")
        ec2 = boto3.client("ec2", **region)
        described = ec2.describe_subnets(SubnetIds=subnets)["Subnets"]
        assert len({subnet["AvailabilityZone"] for subnet in described}) == zones
        assert len(ec2.describe_nat_gateways()["NatGateways"]) == (zones if env == "prod" else 1)
        tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [outputs["network"]["VpcId"]]}])
        routes = [route for table in tables["RouteTables"] for route in table["Routes"]]
        assert len([route for route in routes if route.get("NatGatewayId")]) == zones
        assert len([route for route in routes if str(route.get("GatewayId")).startswith("igw-")]) == 1


def _for_moto(component: str, zones: int) -> str:
    """Return a template as moto takes it.

    It knows neither functions in policy attributes, nor their transform, nor !Condition in its short form, nor Fn::Cidr
    (here eight /24 of the default range), makes numbers of what AWS compares as text, and leaves a hole where
    AWS::NoValue stands in a list.
    """
    text = (
        (ROOT / "files" / "cfn" / f"{component}.yaml").read_text().replace("Transform: AWS::LanguageExtensions\n", "")
    )
    text = re.sub(r'(!Equals \[!Ref \w+, )"(\d+)"', r"\1\2", text)
    text = re.sub(r"!Condition (\w+)", r"{Condition: \1}", text)
    text = re.sub(r"(DeletionPolicy|UpdateReplacePolicy): !If \[IsRetained, Retain, Delete\]", r"\1: Delete", text)
    text = re.sub(r"!Select \[(\d), !Cidr \[!Ref VpcCidr, 8, 8\]\]", r"10.64.\1.0/24", text)

    def in_zone(match: re.Match[str]) -> str:
        return f"- !Ref {match[2]}" if int(match[1]) <= zones else ""

    return re.sub(r"- !If \[HasZone(\d), !Ref (\w+), !Ref \"AWS::NoValue\"\]", in_zone, text)
