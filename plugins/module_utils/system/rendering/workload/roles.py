# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM roles of a workload, with what it uses and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.file_systems import FILE_SYSTEMS
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.keys import encryption_key, via
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.queues import QUEUES
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import (
    reference,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.secrets import secret_arn
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.iam import allow, role
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Output,
    logical_id,
    output_named,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Container, Sections, Workload

ECS_ARN = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}"
# The image of a container that names none.
IMAGE = "image.ImageUri"
# What each word of uses permits.
QUEUE_ACTIONS: Mapping[str, Sequence[str]] = {
    "send": ("sqs:SendMessage", "sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
    "receive": (
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueUrl",
        "sqs:GetQueueAttributes",
    ),
}
TABLE_ACTIONS: Mapping[str, Sequence[str]] = {
    "read": ("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Scan", "dynamodb:DescribeTable"),
    "write": ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"),
}
SECRET_ACTIONS: Mapping[str, Sequence[str]] = {
    "read": ("secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"),
    "write": ("secretsmanager:PutSecretValue", "secretsmanager:DescribeSecret"),
}
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
KEY_ACTIONS: Mapping[str, Sequence[str]] = {
    "read": ("kms:Decrypt",),
    "write": ("kms:Decrypt", "kms:GenerateDataKey"),
}
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html: account, region and repository of an image.
PRIVATE_IMAGE = re.compile(r"([0-9]{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/([^:@]+)[:@]")
PULL_ACTIONS = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html
INFRASTRUCTURE_POLICY = "AmazonECSInfrastructureRolePolicyForLoadBalancers"
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
DELIVERY_ACTIONS = tuple(
    f"logs:{action}"
    for action in ("CreateLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies", "PutResourcePolicy")
)
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
EXECUTE_COMMAND_ACTIONS = tuple(
    f"ssmmessages:{action}"
    for action in ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
)


def execution_role(workload: Workload, sections: Sections, log_group: str) -> dict[str, Any]:
    """Return the role with which ECS starts a workload's tasks."""
    statements = [
        allow("WriteTheLog", ("logs:CreateLogStream", "logs:PutLogEvents"), {"Fn::GetAtt": [log_group, "Arn"]}),
        *_pulls(workload),
        *_secrets(workload, sections),
    ]
    return role("Starts the tasks", "ecs-tasks.amazonaws.com", statements)


def task_role(workload: Workload, sections: Sections, is_executing: bool = False) -> dict[str, Any]:
    """Return the role of a workload's own calls; ``is_executing`` permits ECS Exec."""
    statements = [
        *_uses(workload, sections),
        *_mounts(workload),
        *(
            allow(f"Grant{number}", each["actions"], [_filled(one) for one in each["resources"]])
            for number, each in enumerate(workload["grants"], start=1)
        ),
        # Systems Manager's message channels have no resource.
        *([allow("ExecuteCommands", EXECUTE_COMMAND_ACTIONS, "*")] if is_executing else []),
    ]
    return role("Permissions of the tasks themselves", "ecs-tasks.amazonaws.com", statements)


def infrastructure_role() -> dict[str, Any]:
    """Return the role with which ECS moves traffic between target groups."""
    found = role("Moves traffic between revisions", "ecs.amazonaws.com", [])
    policy = sub(f"arn:${{AWS::Partition}}:iam::aws:policy/{INFRASTRUCTURE_POLICY}")
    return {**found, "Properties": {**found["Properties"], "ManagedPolicyArns": [policy]}}


def scheduler_role(task_definition: Any, cluster: Output, roles: Sequence[Any], dead_letters: Any) -> dict[str, Any]:
    """Return the role with which EventBridge Scheduler starts the tasks of one job, and of no other.

    Args:
        task_definition: ARN of the job's task definition, for all of its revisions.
        cluster: name of the cluster.
        roles: ARNs of the two roles of a task.
        dead_letters: ARN of the queue of the starts that failed.
    """
    in_cluster = {"ArnEquals": {"ecs:cluster": sub(f"{ECS_ARN}:cluster/${{Cluster}}", Cluster=cluster)}}
    to_tasks = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    at_launch = {"StringEquals": {"ecs:CreateAction": "RunTask"}}
    tasks = sub(f"{ECS_ARN}:task/${{Cluster}}/*", Cluster=cluster)
    statements = [
        allow("RunTheTask", ("ecs:RunTask",), task_definition, Condition=in_cluster),
        # A task takes tags from its task definition:
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
        allow("TagTheTask", ("ecs:TagResource",), tasks, Condition=at_launch),
        allow("PassItsRoles", ("iam:PassRole",), list(roles), Condition=to_tasks),
        allow("KeepFailedStarts", ("sqs:SendMessage",), dead_letters),
    ]
    return role("Starts the tasks of a schedule", "scheduler.amazonaws.com", statements)


def experiment_role(cluster: Output) -> dict[str, Any]:
    """Return the role with which AWS Fault Injection Service stops tasks of a cluster, and writes its log.

    https://docs.aws.amazon.com/aws-managed-policies/latest/reference/AWSFaultInjectionSimulatorECSAccess.html
    https://docs.aws.amazon.com/fis/latest/userguide/monitoring-logging.html
    """
    tasks = sub(f"{ECS_ARN}:task/${{Cluster}}/*", Cluster=cluster)
    statements = [
        allow("StopTasks", ("ecs:DescribeTasks", "ecs:StopTask"), tasks),
        # These have no resource.
        allow("FindTasksByTheirTags", ("tag:GetResources",), "*"),
        allow("WriteTheLog", DELIVERY_ACTIONS, "*"),
    ]
    return role("Stops tasks in experiments", "fis.amazonaws.com", statements)


def containers(workload: Workload) -> list[Container]:
    """Return the containers of a workload's tasks, the main one first."""
    return [workload, *workload["sidecars"].values()]


def _pulls(workload: Workload) -> Iterator[dict[str, Any]]:
    images = dict.fromkeys(each.get("image", IMAGE) for each in containers(workload))
    # A deploy by digest may take an image from another repository than the environment's own.
    own = [Output(named.component, "RepositoryArn") for image in images if (named := output_named(image))]
    private = dict.fromkeys(found.groups() for image in images if (found := PRIVATE_IMAGE.match(image)))
    others = [
        sub(f"arn:${{AWS::Partition}}:ecr:{region}:{account}:repository/{name}") for account, region, name in private
    ]
    if own or others:
        # GetAuthorizationToken has no resource:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        yield allow("LogInToTheRegistry", ("ecr:GetAuthorizationToken",), "*")
        yield allow("PullTheImage", PULL_ACTIONS, [*own, *others])


def _secrets(workload: Workload, sections: Sections) -> Iterator[dict[str, Any]]:
    written = [reference(text) for container in containers(workload) for text in container["secrets"].values()]
    used = dict.fromkeys(each._replace(key="") for each in written)
    secrets = [each.arn(sections) for each in used if not each.is_parameter(sections)]
    parameters = [each.arn(sections) for each in used if each.is_parameter(sections)]
    keys = list(dict.fromkeys(key for each in used if (key := each.encryption_key(sections))))
    if secrets:
        yield allow("FetchSecrets", ("secretsmanager:GetSecretValue",), secrets)
    if parameters:
        yield allow("FetchSecretParameters", ("ssm:GetParameters",), parameters)
    if keys:
        yield allow("DecryptSecrets", ("kms:Decrypt",), keys)


def _uses(workload: Workload, sections: Sections) -> Iterator[dict[str, Any]]:
    for name, words in workload["uses"].items():
        resource = logical_id(name)
        if name in sections["queues"]:
            actions = [action for word in words for action in QUEUE_ACTIONS[word]]
            yield allow(f"UseQueue{resource}", actions, Output(QUEUES, f"{resource}QueueArn"))
        elif name in sections["secrets"]:
            yield from _secret_use(name, words, sections)
        # A database knows its users by their password.
        elif name not in sections["databases"]:
            actions = [action for word in words for action in TABLE_ACTIONS[word]]
            arn = Output(name, "TableArn")
            yield allow(f"UseTable{resource}", actions, [arn, sub("${Table}/index/*", Table=arn)])


def _secret_use(name: str, words: Sequence[str], sections: Sections) -> Iterator[dict[str, Any]]:
    secret, resource = sections["secrets"][name], logical_id(name)
    actions = [action for word in words for action in SECRET_ACTIONS[word]]
    yield allow(f"UseSecret{resource}", actions, secret_arn(name, secret))
    if key := encryption_key(secret):
        on_key = [action for word in words for action in KEY_ACTIONS[word]]
        yield allow(f"UseKeyOfSecret{resource}", on_key, key, Condition=via("secretsmanager"))


def _mounts(workload: Workload) -> Iterator[dict[str, Any]]:
    for name in dict.fromkeys(workload["mounts"].values()):
        resource = logical_id(name)
        # https://docs.aws.amazon.com/efs/latest/ug/efs-access-points.html
        condition = {
            "ArnEquals": {"elasticfilesystem:AccessPointArn": Output(FILE_SYSTEMS, f"{resource}AccessPointArn")}
        }
        actions = ("elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite")
        yield allow(f"Mount{resource}", actions, Output(FILE_SYSTEMS, f"{resource}FileSystemArn"), Condition=condition)


def _filled(arn: str) -> Any:
    return sub(arn) if "${" in arn else arn
