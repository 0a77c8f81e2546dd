# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of files/iam as documents: their actions, principals and resources, and whether IAM accepts them."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from authorization import Question
from environments import ENVIRONMENTS, rendered
from hypothesis import Phase, given, settings
from iam_simulator import ACCOUNT, REGION, IamSimulator
from policy_files import EVERYTHING, NAMES, listed, policies_of, statements_of, text_of
from policy_handlers import BEYOND_HANDLERS, EXCUSED, OF_DESCRIPTIONS, handler_permissions
from template_parser import ACCOUNT as TEMPLATE_ACCOUNT
from template_parser import COMPONENTS, Rendered, load, policies
from template_parser import REGION as TEMPLATE_REGION
from template_strategies import renderings

IDENTITY = [name for name in NAMES if name != "cloudformation-trust"]
TYPES = sorted({one["Type"] for component in COMPONENTS for one in load(component)["Resources"].values()})
# Statements on every resource; a comment in the file gives the reason of each.
ON_EVERYTHING = {
    "boundary": ["CallWhatKnowsNoResource"],
    "cloudformation": ["MakeKeys", "CallWhatKnowsNoResource"],
    "deployer": ["ListTasks", "CallWhatKnowsNoResource", "LookAtTheNetwork"],
    "tester": ["ListTasks", "LookBeforeALaunch"],
}
# Permissions with which a principal can make itself an administrator.
OWNERS_OWN = re.compile(
    r"iam:(CreateUser|CreateAccessKey|CreateLoginProfile|CreatePolicy\w*|Attach(User|Group)Policy|Put(User|Group)Policy|"
    r"SetDefaultPolicyVersion|DeleteRolePermissionsBoundary|\*)|sts:AssumeRole|organizations:.*|[*]"
)


def granted(name: str) -> set[str]:
    """Return the actions of a file, with every variable that they depend on."""
    return {action for one in statements_of(name, **EVERYTHING) for action in listed(one["Action"])}


def allows(name: str, action: str, resource: str, *context: tuple[str, str], **more: Any) -> bool:
    """Return whether a file's policies allow an action on a resource."""
    return Question(action, resource, context).is_allowed_by(policies_of(name, **more))


@pytest.mark.parametrize("name", IDENTITY)
def test_wildcard_resources_have_a_reason(name: str) -> None:
    everywhere = [one["Sid"] for one in statements_of(name, **EVERYTHING) if "*" in listed(one["Resource"])]
    assert everywhere == ON_EVERYTHING[name]
    for sid in everywhere:
        assert re.search(rf"^# .*\n- Sid: {sid}$", text_of(name), re.MULTILINE), f"no reason before {sid}"


@pytest.mark.parametrize("name", IDENTITY)
def test_no_action_is_left_open_by_a_wildcard(name: str) -> None:
    assert {action for action in granted(name) if "*" in action} <= {"kms:GenerateDataKey*"}


@pytest.mark.parametrize("name", IDENTITY)
def test_no_policy_lets_a_principal_become_administrator(name: str) -> None:
    assert [action for action in granted(name) if OWNERS_OWN.fullmatch(action)] == []


def test_deployer_and_tester_create_no_role_and_no_policy() -> None:
    changing = re.compile(r"iam:(?!Get|List|PassRole$|CreateServiceLinkedRole$)\w+")
    for name in ("deployer", "tester"):
        assert [action for action in granted(name) if changing.fullmatch(action)] == []


def test_service_role_has_the_permissions_of_the_handlers() -> None:
    named = handler_permissions(TYPES, "create", "read", "update", "delete")
    assert named - granted("cloudformation") == EXCUSED - OF_DESCRIPTIONS
    assert granted("cloudformation") - named == set(BEYOND_HANDLERS) - OF_DESCRIPTIONS


def test_a_deployer_has_the_permissions_of_drift_detection() -> None:
    assert handler_permissions(TYPES, "read") - granted("deployer") <= EXCUSED


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("name", NAMES)
def test_arns_have_the_partition_and_no_open_placeholder(name: str, partition: str) -> None:
    text = json.dumps(policies_of(name, partition=partition))
    assert set(re.findall(r"arn:([^:]*):", text)) <= {partition}
    assert "${" not in text and "Only" not in text


# The longest possible names.
LONG = {"project": "p" * 21, "environment": "e" * 16, "region": "ap-southeast-99", "partition": "aws-us-gov"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("values", [{}, LONG, LONG | EVERYTHING], ids=["dev", "long", "everything"])
def test_iam_takes_each_policy(aws: IamSimulator, name: str, values: dict[str, Any]) -> None:
    iam = aws.owner().client("iam")
    for number, policy in enumerate(policies_of(name, **values)):
        assert len(json.dumps(policy, separators=(",", ":"))) <= 6_144
        unique = f"{name}-{number}-{uuid4().hex[:8]}"
        if name == "cloudformation-trust":
            iam.create_role(RoleName=unique, AssumeRolePolicyDocument=json.dumps(policy))
        else:
            iam.create_policy(PolicyName=unique, PolicyDocument=json.dumps(policy))
        sids = [one["Sid"] for one in policy["Statement"]]
        assert len(set(sids)) == len(sids) and all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)


@pytest.mark.parametrize("component", COMPONENTS)
def test_boundary_allows_every_permission_of_the_stacks(component: str) -> None:
    bounded: set[tuple[str, str]] = set()

    @settings(max_examples=60, phases=[Phase.generate], derandomize=True, database=None)
    @given(renderings(component, Project="ddbload", Environment="dev"))
    def check(drawn: Rendered) -> None:
        given_values = {
            "table_name": "orders",
            "key_arns": [value for name, value in drawn.parameters.items() if name.endswith("KeyArn")],
            "secret_arns": [drawn.parameters.get("SecretArn", "")],
            "secret_parameter_arns": [drawn.parameters.get("SecretParameterArn", "")],
            "repository_arns": [drawn.parameters.get("TracingRepositoryArn", "")],
        }
        boundary = policies_of("boundary", account=TEMPLATE_ACCOUNT, region=TEMPLATE_REGION, **given_values)
        via = (("kms:ViaService", f"dynamodb.{TEMPLATE_REGION}.amazonaws.com"),)
        for policy in policies(drawn):
            for one in policy.statements if policy.kind == "identity" else []:
                for action, resource in product(listed(one["Action"]), listed(one["Resource"])):
                    assert Question(action, resource, via).is_allowed_by(boundary), (action, resource)
                    bounded.add((policy.resource, action))

    check()
    assert bool(bounded) == (component in ("network", "task"))


def test_only_cloudformation_assumes_the_service_role() -> None:
    (one,) = statements_of("cloudformation-trust")
    assert (one["Principal"], one["Action"]) == ({"Service": "cloudformation.amazonaws.com"}, "sts:AssumeRole")
    # The resource of a trust policy is its role.
    trust = [{"Version": "2012-10-17", "Statement": [one | {"Resource": "*"}]}]
    for account, is_trusted in ((ACCOUNT, True), ("999999999999", False)):
        request = Question("sts:AssumeRole", ROLE, (("aws:SourceAccount", account),))
        assert request.is_allowed_by(trust) == is_trusted


BOUNDARY = ("iam:PermissionsBoundary", EVERYTHING["permissions_boundary_arns"][0])
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ddbload-dev-task-TaskRole-1A2B3C4D5E6F"


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"])
def test_roles_are_created_and_changed_with_the_boundary_only(action: str) -> None:
    bounded = {"permissions_boundary_arns": EVERYTHING["permissions_boundary_arns"]}
    assert allows("cloudformation", action, ROLE, BOUNDARY, **bounded)
    assert not allows("cloudformation", action, ROLE, **bounded)
    assert not allows("cloudformation", action, ROLE, ("iam:PermissionsBoundary", f"{BOUNDARY[1]}-2"), **bounded)
    assert allows("cloudformation", action, ROLE)


TAGGED = (("aws:ResourceTag/Project", "ddbload"), ("aws:ResourceTag/Environment", "dev"))
OTHERS_TAGS = (("aws:ResourceTag/Project", "ddbload"), ("aws:ResourceTag/Environment", "prod"))


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("ec2:DeleteVpc", "ec2:{}:vpc/vpc-1"),
        ("ec2:CreateRoute", "ec2:{}:route-table/rtb-1"),
        ("ec2:AuthorizeSecurityGroupIngress", "ec2:{}:security-group/sg-1"),
        ("kms:ScheduleKeyDeletion", "kms:{}:key/1"),
        ("kms:PutKeyPolicy", "kms:{}:key/1"),
    ],
)
def test_service_role_changes_resources_with_its_tags_only(action: str, resource: str) -> None:
    arn = f"arn:aws:{resource.format(f'{REGION}:{ACCOUNT}')}"
    assert allows("cloudformation", action, arn, *TAGGED)
    assert not allows("cloudformation", action, arn, *OTHERS_TAGS)
    assert not allows("cloudformation", action, arn)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("dynamodb:DeleteTable", "dynamodb:{}:table/ddbload-{}"),
        ("ecr:DeleteRepository", "ecr:{}:repository/ddbload-{}"),
        ("ecs:DeleteCluster", "ecs:{}:cluster/ddbload-{}"),
        ("logs:DeleteLogGroup", "logs:{}:log-group:/ddbload/{}"),
        ("ssm:DeleteParameter", "ssm:{}:parameter/ddbload/{}/total-items"),
        ("sns:DeleteTopic", "sns:{}:ddbload-{}-alarms"),
        ("cloudwatch:DeleteAlarms", "cloudwatch:{}:alarm:ddbload-{}-spend"),
        ("iam:DeleteRole", "iam::000000000000:role/ddbload-{1}-task-TaskRole-1"),
    ],
)
def test_the_service_role_deletes_in_its_environment_only(action: str, resource: str) -> None:
    numbered = resource.replace("{}", "{0}", 1).replace("{}", "{1}")
    for environment, is_its_own in (("dev", True), ("prod", False), ("dev-two", False)):
        arn = f"arn:aws:{numbered.format(f'{REGION}:{ACCOUNT}', environment)}"
        assert allows("cloudformation", action, arn) == is_its_own, arn


# Resources with a name in the templates, by type: the property of the name, the end of the ARN, and an action.
NAMED = {
    "AWS::CloudWatch::Alarm": ("AlarmName", "cloudwatch:{}:alarm:", "cloudwatch:PutMetricAlarm"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{}:table/", "dynamodb:CreateTable"),
    "AWS::ECR::Repository": ("RepositoryName", "ecr:{}:repository/", "ecr:CreateRepository"),
    "AWS::ECS::Cluster": ("ClusterName", "ecs:{}:cluster/", "ecs:CreateCluster"),
    "AWS::Events::Rule": ("Name", "events:{}:rule/", "events:PutRule"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{}:log-group:", "logs:CreateLogGroup"),
    "AWS::SNS::Topic": ("TopicName", "sns:{}:", "sns:CreateTopic"),
    "AWS::SSM::Parameter": ("Name", "ssm:{}:parameter", "ssm:PutParameter"),
}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_service_role_creates_each_resource_with_a_name(environment: str) -> None:
    made = [one for stack in rendered(environment).values() for one in stack.resources.values()]
    named = [one for one in made if one["Type"] in NAMED]
    assert {"AWS::DynamoDB::Table", "AWS::ECS::Cluster", "AWS::Logs::LogGroup"} <= {one["Type"] for one in named}
    for one in named:
        name, beginning, action = NAMED[one["Type"]]
        arn = f"arn:aws:{beginning.format(f'{REGION}:{ACCOUNT}')}{one['Properties'][name]}"
        assert allows("cloudformation", action, arn, environment=environment), arn


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_deployer_reads_each_table_of_the_stacks(environment: str) -> None:
    """Drift and teardown read a table with the caller's permissions."""
    made = [one for stack in rendered(environment).values() for one in stack.resources.values()]
    names = {one["Properties"]["TableName"] for one in made if one["Type"] == "AWS::DynamoDB::Table"}
    assert any(name.endswith("-control") for name in names)
    for name in names:
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
        for action in ("dynamodb:DescribeTable", "dynamodb:ListTagsOfResource"):
            assert allows("deployer", action, arn, environment=environment), arn


def test_no_data_is_read_by_the_deployer_or_the_service_role() -> None:
    items = {action for action in granted("boundary") if action.startswith("dynamodb:")} - {"dynamodb:DescribeTable"}
    for name in ("deployer", "cloudformation", "tester"):
        # A tester follows the logs of its own environment, and stops a run by a write to the control table.
        logs = set() if name == "tester" else {"logs:FilterLogEvents"}
        stop = {"dynamodb:UpdateItem"} if name == "tester" else set()
        assert granted(name) & (items | {"secretsmanager:GetSecretValue", "s3:GetObject"} | logs) == stop


def test_a_tester_writes_to_the_control_table_only() -> None:
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/ddbload-dev"
    assert allows("tester", "dynamodb:UpdateItem", f"{arn}-control")
    assert not allows("tester", "dynamodb:UpdateItem", arn)
    assert not allows("tester", "dynamodb:GetItem", f"{arn}-control")


def test_longest_stack_name_still_matches_its_roles() -> None:
    base = f"{LONG['project']}-{LONG['environment']}"
    # CloudFormation shortens both names, and keeps at least 24 characters of the stack's.
    role = f"arn:aws-us-gov:iam::{ACCOUNT}:role/{base[:24]}-ExecutionRole-1A2B3C4D5E6F"
    assert allows("tester", "iam:PassRole", role, ("iam:PassedToService", "ecs-tasks.amazonaws.com"), **LONG)


@pytest.mark.parametrize(
    ("key", "is_its_own"),
    [
        ("load-tests/dev/run-1/results.json", True),
        ("load-tests/prod/run-1/results.json", False),
        ("load-tests/dev-two/run-1/results.json", False),
        ("dev/run-1/results.json", False),
    ],
)
def test_a_tester_writes_its_results_below_the_prefix_only(key: str, is_its_own: bool) -> None:
    """Nothing else of the bucket, and nothing without one."""
    given_values = {"results_bucket": "ci-results", "results_prefix": "/load-tests/"}
    for bucket, is_named in (("ci-results", True), ("other", False)):
        arn = f"arn:aws:s3:::{bucket}/{key}"
        assert allows("tester", "s3:PutObject", arn, **given_values) == (is_its_own and is_named)
        assert not allows("tester", "s3:PutObject", arn)
        for action in ("s3:GetObject", "s3:DeleteObject", "s3:PutObjectAcl"):
            assert not allows("tester", action, arn, **given_values)
    assert allows("tester", "s3:PutObject", "arn:aws:s3:::ci-results/dev/r/x", results_bucket="ci-results")
