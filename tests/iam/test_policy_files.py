# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policies of files/iam as documents: what they grant to whom, on what, and whether IAM takes them."""

from __future__ import annotations

import json
import re
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from authorization import Question
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from drawing import renderings
from environments import ENVIRONMENTS, rendered
from hypothesis import Phase, given, settings
from judging_aws import ACCOUNT, REGION, JudgingAws
from reading import ACCOUNT as TEMPLATE_ACCOUNT
from reading import COMPONENTS, Rendered, load, policies
from reading import REGION as TEMPLATE_REGION
from rendering import EVERYTHING, NAMES, listed, policies_of, statements_of, text_of

IDENTITY = [name for name in NAMES if name != "cloudformation-trust"]
TYPES = sorted({one["Type"] for component in COMPONENTS for one in load(component)["Resources"].values()})
# Statements on every resource; each says its reason where it is written.
ON_EVERYTHING = {
    "boundary": ["CallWhatKnowsNoResource"],
    "cloudformation": ["MakeTheTopicsKey", "CallWhatKnowsNoResource"],
    "deployer": ["ListTasks", "CallWhatKnowsNoResource", "LookAtTheNetwork"],
    "tester": ["ListTasks", "LookBeforeALaunch"],
}
# What handlers can call and the templates never ask for, by what would have to stand in a template.
NOT_ASKED_FOR = {
    "an address that is transferred, or a VPC's tenancy": "ec2:AcceptAddressTransfer ec2:ModifyVpcTenancy",
    "encryption control of a VPC": "ec2:CreateVpcEncryptionControl",
    "a private NAT gateway": "ec2:AssignPrivateNatGatewayAddress ec2:UnassignPrivateNatGatewayAddress",
    "a VPN gateway": "ec2:AttachVpnGateway ec2:DetachVpnGateway",
    "an endpoint of a lattice, or in another region": "vpc-lattice:CreateServiceNetworkVpcEndpointAssociation "
    "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation vpce:AllowMultiRegion",
    "scheduled scaling": "application-autoscaling:PutScheduledAction application-autoscaling:DeleteScheduledAction",
    "scaling of Lambda": "lambda:GetProvisionedConcurrencyConfig lambda:PutProvisionedConcurrencyConfig "
    "lambda:DeleteProvisionedConcurrencyConfig",
    "an import of a table": "dynamodb:DescribeImport dynamodb:ImportTable s3:GetObject s3:GetObjectMetadata "
    "s3:ListBucket logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents",
    "a stream into Kinesis": "dynamodb:EnableKinesisStreamingDestination dynamodb:DisableKinesisStreamingDestination "
    "dynamodb:UpdateKinesisStreamingDestination kinesis:DescribeStream kinesis:PutRecords",
    "a policy of the table": "dynamodb:PutResourcePolicy dynamodb:DeleteResourcePolicy",
    "a replica of the table": "dynamodb:CreateTableReplica dynamodb:AssociateTableReplica dynamodb:Scan "
    "dynamodb:Query dynamodb:UpdateItem dynamodb:PutItem dynamodb:GetItem dynamodb:DeleteItem dynamodb:BatchWriteItem",
    "flow logs into S3 or of an autoscaling group": "s3:GetBucketPolicy s3:PutBucketPolicy autoscaling:DescribeTags",
    "account settings of ECS": "ecs:PutAccountSetting ecs:PutAccountSettingDefault",
    "a role without its boundary": "iam:DeleteRolePermissionsBoundary",
    "policies and delivery of a log group": "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy "
    "logs:PutIndexPolicy logs:DeleteIndexPolicy logs:PutResourcePolicy logs:DeleteResourcePolicy "
    "logs:PutBearerTokenAuthentication logs:PutLogGroupDeletionProtection s3:REST.PUT.OBJECT "
    "firehose:TagDeliveryStream",
    "data protection of the topic": "sns:PutDataProtectionPolicy",
    "a shared billing view": "billing:GetBillingViewData",
}
EXCUSED = set(" ".join(NOT_ASKED_FOR.values()).split())
# What the handlers do not name, by why it is granted to the service role all the same.
BEYOND_HANDLERS = {
    "ec2:DescribeAvailabilityZones": "Fn::GetAZs of the network's template",
    "kms:GenerateDataKey*": "a table with a key of its own, "
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html",
}
# What nobody but the account's owner holds: what would make an administrator of whoever has it.
OWNERS_OWN = re.compile(
    r"iam:(CreateUser|CreateAccessKey|CreateLoginProfile|CreatePolicy\w*|Attach(User|Group)Policy|Put(User|Group)Policy|"
    r"SetDefaultPolicyVersion|DeleteRolePermissionsBoundary|\*)|sts:AssumeRole|organizations:.*|[*]"
)


def handler_permissions(*kinds: str) -> set[str]:
    """Return what the resource types of the templates name for their handlers."""
    found: set[str] = set()
    for type_ in TYPES:
        handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema.get("handlers", {})
        for kind in set(kinds) & handlers.keys():
            found |= set(handlers[kind]["permissions"])
    return found


def granted(name: str) -> set[str]:
    """Return the actions of a file, where everything that they depend on is given."""
    return {action for one in statements_of(name, **EVERYTHING) for action in listed(one["Action"])}


def allows(name: str, action: str, resource: str, *context: tuple[str, str], **more: Any) -> bool:
    """Tell whether a file's policies allow an action on a resource."""
    return Question(action, resource, context).is_allowed_by(policies_of(name, **more))


@pytest.mark.parametrize("name", IDENTITY)
def test_every_resource_stands_only_where_a_reason_does(name: str) -> None:
    everywhere = [one["Sid"] for one in statements_of(name, **EVERYTHING) if "*" in listed(one["Resource"])]
    assert everywhere == ON_EVERYTHING[name]
    for sid in everywhere:
        assert re.search(rf"^# .*\n- Sid: {sid}$", text_of(name), re.MULTILINE), f"no reason before {sid}"


@pytest.mark.parametrize("name", IDENTITY)
def test_no_action_is_left_open_by_a_wildcard(name: str) -> None:
    assert {action for action in granted(name) if "*" in action} <= {"kms:GenerateDataKey*"}


@pytest.mark.parametrize("name", IDENTITY)
def test_no_policy_grants_what_makes_an_administrator(name: str) -> None:
    assert [action for action in granted(name) if OWNERS_OWN.fullmatch(action)] == []


def test_whoever_deploys_or_tests_makes_no_role_and_no_policy() -> None:
    changing = re.compile(r"iam:(?!Get|List|PassRole$|CreateServiceLinkedRole$)\w+")
    for name in ("deployer", "tester"):
        assert [action for action in granted(name) if changing.fullmatch(action)] == []


def test_the_service_role_holds_what_the_handlers_name() -> None:
    named = handler_permissions("create", "read", "update", "delete")
    assert named - granted("cloudformation") == EXCUSED
    assert granted("cloudformation") - named == set(BEYOND_HANDLERS)


def test_a_deployer_reads_what_drift_is_detected_by() -> None:
    assert handler_permissions("read") - granted("deployer") <= EXCUSED


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
@pytest.mark.parametrize("name", NAMES)
def test_every_arn_is_of_the_partition_and_nothing_is_left_open(name: str, partition: str) -> None:
    text = json.dumps(policies_of(name, partition=partition))
    assert set(re.findall(r"arn:([^:]*):", text)) <= {partition}
    assert "${" not in text and "Only" not in text


# As long as names can be.
LONG = {"project": "p" * 21, "environment": "e" * 16, "region": "ap-southeast-99", "partition": "aws-us-gov"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("values", [{}, LONG, LONG | EVERYTHING], ids=["dev", "long", "everything"])
def test_iam_takes_each_policy(aws: JudgingAws, name: str, values: dict[str, Any]) -> None:
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
def test_the_boundary_holds_all_that_the_stacks_grant(component: str) -> None:
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
    assert bool(bounded) == (component in ("network", "cluster"))


def test_cloudformation_alone_takes_the_service_role_for_the_account() -> None:
    (one,) = statements_of("cloudformation-trust")
    assert (one["Principal"], one["Action"]) == ({"Service": "cloudformation.amazonaws.com"}, "sts:AssumeRole")
    # A trust policy's resource is the role that bears it.
    trust = [{"Version": "2012-10-17", "Statement": [one | {"Resource": "*"}]}]
    for account, is_trusted in ((ACCOUNT, True), ("999999999999", False)):
        asked = Question("sts:AssumeRole", ROLE, (("aws:SourceAccount", account),))
        assert asked.is_allowed_by(trust) == is_trusted


BOUNDARY = ("iam:PermissionsBoundary", EVERYTHING["permissions_boundary_arns"][0])
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ddbload-dev-cluster-TaskRole-1A2B3C4D5E6F"


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"])
def test_with_a_boundary_no_role_is_made_or_filled_without_it(action: str) -> None:
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
def test_the_service_role_changes_what_bears_the_tags_only(action: str, resource: str) -> None:
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
        ("iam:DeleteRole", "iam::000000000000:role/ddbload-{1}-cluster-TaskRole-1"),
    ],
)
def test_the_service_role_deletes_in_its_environment_only(action: str, resource: str) -> None:
    numbered = resource.replace("{}", "{0}", 1).replace("{}", "{1}")
    for environment, is_its_own in (("dev", True), ("prod", False), ("dev-two", False)):
        arn = f"arn:aws:{numbered.format(f'{REGION}:{ACCOUNT}', environment)}"
        assert allows("cloudformation", action, arn) == is_its_own, arn


# What the templates name, by type: the property that holds the name, how its ARN ends, and an action on it.
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
def test_the_service_role_makes_all_that_a_template_names(environment: str) -> None:
    made = [one for stack in rendered(environment).values() for one in stack.resources.values()]
    named = [one for one in made if one["Type"] in NAMED]
    assert {"AWS::DynamoDB::Table", "AWS::ECS::Cluster", "AWS::Logs::LogGroup"} <= {one["Type"] for one in named}
    for one in named:
        name, beginning, action = NAMED[one["Type"]]
        arn = f"arn:aws:{beginning.format(f'{REGION}:{ACCOUNT}')}{one['Properties'][name]}"
        assert allows("cloudformation", action, arn, environment=environment), arn


def test_no_data_is_read_by_the_deployer_or_the_service_role() -> None:
    items = {action for action in granted("boundary") if action.startswith("dynamodb:")} - {"dynamodb:DescribeTable"}
    for name in ("deployer", "cloudformation", "tester"):
        assert (
            granted(name) & (items | {"secretsmanager:GetSecretValue", "s3:GetObject", "logs:FilterLogEvents"}) == set()
        )


def test_a_name_as_long_as_can_be_still_finds_its_roles() -> None:
    base = f"{LONG['project']}-{LONG['environment']}"
    # CloudFormation shortens both, and keeps 24 characters of the stack's name at least.
    role = f"arn:aws-us-gov:iam::{ACCOUNT}:role/{base[:24]}-ExecutionRole-1A2B3C4D5E6F"
    assert allows("tester", "iam:PassRole", role, ("iam:PassedToService", "ecs-tasks.amazonaws.com"), **LONG)
