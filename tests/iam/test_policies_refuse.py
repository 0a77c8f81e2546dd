# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of deployer and tester beyond their playbooks are denied, by the embedded AWS and by the proxy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from authorization import Question
from iam_proxy import ADMINISTRATOR, IamProxy
from iam_simulator import ACCOUNT, KEY, OTHER_ROLE, OTHER_SETTINGS, OTHER_TABLE, SETTINGS, TABLE, IamSimulator
from policy_files import policies_of
from refusal import Deed, is_denied

CLUSTER, OTHER_CLUSTER, FAMILY, OTHER_FAMILY = "ddbload-dev", "somebody-elses", "ddbload-dev", "ddbload-dev-two"
LOG, OTHER_LOG = "/ddbload/dev", "/ddbload/dev-two"
TASK = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/{{}}/0123456789abcdef0123456789abcdef"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
TEMPLATE = "Resources: {Topic: {Type: AWS::SNS::Topic}}"
CONTAINERS = [{"name": "ddbload", "image": "ddbload:1", "memory": 128}]
SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/ddbload-dev-cloudformation"


def call(service: str, method: str, **request: Any) -> Deed:
    return lambda caller: getattr(caller.client(service), method)(**request)


def change_set(stack: str, **more: Any) -> Deed:
    made = {"StackName": stack, "ChangeSetName": "mine", "ChangeSetType": "CREATE", "TemplateBody": TEMPLATE}
    return call("cloudformation", "create_change_set", **made, **more)


# Calls beyond both identities.
FOR_NOBODY: dict[str, Deed] = {
    "create a user": call("iam", "create_user", UserName="mine"),
    "create a key": call("iam", "create_access_key", UserName="somebody"),
    "create a role": call("iam", "create_role", RoleName="ddbload-dev-task-mine", AssumeRolePolicyDocument=TRUST),
    "give a role a right": call(
        "iam", "put_role_policy", RoleName="ddbload-dev-task-x", PolicyName="all", PolicyDocument=TRUST
    ),
    "change who takes a role": call(
        "iam", "update_assume_role_policy", RoleName="ddbload-dev-task-x", PolicyDocument=TRUST
    ),
    "take a role": call(
        "sts", "assume_role", RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{OTHER_ROLE}", RoleSessionName="mine"
    ),
    "read an item": call("dynamodb", "get_item", TableName=TABLE, Key=KEY),
    "write an item": call("dynamodb", "put_item", TableName=TABLE, Item=KEY),
    "scan another table": call("dynamodb", "scan", TableName=OTHER_TABLE),
    "delete another table": call("dynamodb", "delete_table", TableName=OTHER_TABLE),
    "get a secret": call("secretsmanager", "get_secret_value", SecretId="token"),
    "read other settings": call("ssm", "get_parameter", Name=f"{OTHER_SETTINGS}/total-items"),
    "write settings": call("ssm", "put_parameter", Name=f"{SETTINGS}/total-items", Value="1", Overwrite=True),
    "read another log": call("logs", "get_log_events", logGroupName=OTHER_LOG, logStreamName="task/1"),
    "delete another log": call("logs", "delete_log_group", logGroupName=OTHER_LOG),
    "register a task definition": call(
        "ecs", "register_task_definition", family=FAMILY, containerDefinitions=CONTAINERS
    ),
    "run another task definition": call("ecs", "run_task", cluster=CLUSTER, taskDefinition=f"{OTHER_FAMILY}:1"),
    "run it on another cluster": call("ecs", "run_task", cluster=OTHER_CLUSTER, taskDefinition=f"{FAMILY}:1"),
    "stop another cluster's task": call("ecs", "stop_task", cluster=OTHER_CLUSTER, task=TASK.format(OTHER_CLUSTER)),
    "list another cluster's tasks": call("ecs", "list_tasks", cluster=OTHER_CLUSTER),
    "run a command in a task": call(
        "ecs", "execute_command", cluster=CLUSTER, task="1", command="id", interactive=True
    ),
    "create a stack of its own": change_set("mine"),
    "change another environment's stack": change_set("ddbload-dev-two-task"),
    "delete another environment's stack": call("cloudformation", "delete_stack", StackName="ddbload-prod-table"),
    "create an instance": call("ec2", "run_instances", ImageId="ami-1", MinCount=1, MaxCount=1),
    "delete a VPC": call("ec2", "delete_vpc", VpcId="vpc-1"),
}
FOR_TESTERS: dict[str, Deed] = {
    "change the stack": change_set("ddbload-dev-task"),
    "delete the stack": call("cloudformation", "delete_stack", StackName="ddbload-dev-table"),
    "delete the table": call("dynamodb", "delete_table", TableName=TABLE),
    "take the table's protection off": call(
        "dynamodb", "update_table", TableName=TABLE, DeletionProtectionEnabled=False
    ),
    "delete the log": call("logs", "delete_log_group", logGroupName=LOG),
    "read the settings": call("ssm", "get_parameters", Names=[f"{SETTINGS}/total-items"]),
    "push an image": call("ecr", "put_image", repositoryName="ddbload-dev", imageManifest="{}", imageTag="mine"),
    "read the flow logs": call("logs", "get_log_events", logGroupName=f"{LOG}/flow-logs", logStreamName="eni-1"),
    "create a service-linked role": call("iam", "create_service_linked_role", AWSServiceName="ecs.amazonaws.com"),
}
FOR_DEPLOYERS: dict[str, Deed] = {
    "run the task": call("ecs", "run_task", cluster=CLUSTER, taskDefinition=f"{FAMILY}:1"),
    "read the log": call("logs", "get_log_events", logGroupName=LOG, logStreamName="task/1"),
    "push another image": call("ecr", "put_image", repositoryName="ddbload-prod", imageManifest="{}", imageTag="x"),
    "create the table": call(
        "dynamodb",
        "create_table",
        TableName="ddbload-dev-more",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    ),
    "create another service-linked role": call(
        "iam", "create_service_linked_role", AWSServiceName="elasticloadbalancing.amazonaws.com"
    ),
}
# The embedded AWS does not authorize iam:PassRole.
PASSING: dict[str, Deed] = {
    "hand CloudFormation another role": change_set(
        "ddbload-dev-table", RoleARN=f"arn:aws:iam::{ACCOUNT}:role/administrator"
    ),
    "hand it another environment's role": change_set(
        "ddbload-dev-table", RoleARN=f"arn:aws:iam::{ACCOUNT}:role/ddbload-prod-cloudformation"
    ),
    "delete a stack with another role": call(
        "cloudformation",
        "delete_stack",
        StackName="ddbload-dev-table",
        RoleARN=f"arn:aws:iam::{ACCOUNT}:role/ddbload-dev-cloudformation-two",
    ),
}
BEYOND = {"tester": FOR_NOBODY | FOR_TESTERS, "deployer": FOR_NOBODY | FOR_DEPLOYERS}
CASES = [(name, deed) for name, deeds in BEYOND.items() for deed in deeds]


@pytest.fixture(scope="module")
def environments(aws: IamSimulator) -> IamSimulator:
    """The embedded AWS with the task definitions of two environments, and the log of one of them."""
    for family in (FAMILY, OTHER_FAMILY):
        aws.owner().client("ecs").register_task_definition(family=family, containerDefinitions=CONTAINERS)
    aws.owner().client("logs").create_log_group(logGroupName=LOG)
    return aws


@pytest.fixture(scope="module")
def proxy(environments: IamSimulator) -> Iterator[IamProxy]:
    """The proxy that authorizes calls as AWS does, and forwards them with the key of the account's owner."""
    port = int(environments.endpoint.rpartition(":")[2])
    owner = environments.owner()
    made = IamProxy(port, lambda listening: replace(owner, endpoint=f"http://127.0.0.1:{listening}").client)
    with made.serving():
        yield made


@pytest.mark.parametrize(("name", "deed"), CASES)
def test_calls_beyond_are_denied_by_the_embedded_aws(environments: IamSimulator, name: str, deed: str) -> None:
    assert is_denied(BEYOND[name][deed], environments.holder(policies_of(name)))


@pytest.mark.parametrize(("name", "deed"), [*CASES, *(("deployer", deed) for deed in PASSING)])
def test_calls_beyond_are_denied_by_the_proxy(proxy: IamProxy, name: str, deed: str) -> None:
    tried = (BEYOND[name] | PASSING)[deed]
    with proxy.holding(policies_of(name)):
        assert is_denied(tried, proxy)
    # The denial proves something only if an administrator may make the call.
    with proxy.holding([ADMINISTRATOR]):
        assert not is_denied(tried, proxy)


WITHIN: dict[str, dict[str, Deed]] = {
    "tester": {
        "run the task": call("ecs", "run_task", cluster=CLUSTER, taskDefinition=f"{FAMILY}:1"),
        "stop the task": call("ecs", "stop_task", cluster=CLUSTER, task=TASK.format(CLUSTER)),
        "list the tasks": call("ecs", "list_tasks", cluster=CLUSTER),
        "read the log": call("logs", "get_log_events", logGroupName=LOG, logStreamName="task/1"),
        "read a stack": call("cloudformation", "describe_stacks", StackName="ddbload-dev-task"),
    },
    "deployer": {
        "change a stack": change_set("ddbload-dev-registry", RoleARN=SERVICE_ROLE),
        "delete a stack": call(
            "cloudformation", "delete_stack", StackName="ddbload-dev-registry", RoleARN=SERVICE_ROLE
        ),
        "look at the table": call("dynamodb", "describe_table", TableName=TABLE),
        "create ECS's role": call("iam", "create_service_linked_role", AWSServiceName="ecs.amazonaws.com"),
    },
}


@pytest.mark.parametrize(("name", "deed"), [(name, deed) for name, deeds in WITHIN.items() for deed in deeds])
def test_the_same_calls_within_are_allowed(proxy: IamProxy, name: str, deed: str) -> None:
    with proxy.holding(policies_of(name)):
        assert not is_denied(WITHIN[name][deed], proxy)


def test_an_import_into_a_stack_is_refused() -> None:
    asked = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/ddbload-dev-table/*"
    imported = (("cloudformation:ImportResourceTypes", "AWS::DynamoDB::Table"),)
    held = policies_of("deployer")
    assert Question("cloudformation:CreateChangeSet", asked).is_allowed_by(held)
    assert not Question("cloudformation:CreateChangeSet", asked, imported).is_allowed_by(held)
