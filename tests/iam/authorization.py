# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The authorization requests of AWS to IAM before a call: actions, their resources, and the keys of conditions.

By the Service Authorization Reference. The embedded AWS authorizes calls too, but a launch for the cluster instead
of the task definition, the calls of ECS without condition keys, and no passed role.
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from iam_simulator import ACCOUNT, REGION
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

# The services in signatures whose actions have another prefix.
PREFIXES = {"monitoring": "cloudwatch"}
CREDENTIAL = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")
# No policy can deny it: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
ALWAYS_ALLOWED = "sts:GetCallerIdentity"
TRANSFORM = re.compile(r"^Transform: AWS::(\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Call:
    """A call to AWS.

    Args:
        action: as IAM names it, for example "ecs:RunTask".
        parameters: the parameters of the call; nested for JSON, flat for forms.
    """

    action: str
    parameters: Mapping[str, Any]

    @classmethod
    def read(cls, path: str, headers: Mapping[str, str], body: bytes) -> Call:
        """Read a request in any protocol of the services that the playbooks call."""
        signed = CREDENTIAL.search(headers.get("Authorization", ""))
        assert signed, f"a request to {path} is not signed"
        prefix = PREFIXES.get(signed[1], signed[1])
        if target := headers.get("X-Amz-Target"):
            return cls(f"{prefix}:{target.rpartition('.')[2]}", json.loads(body or b"{}"))
        if operation := re.search(r"/operation/(\w+)$", path):
            # CBOR stores an ARN as plain text.
            found = re.search(rb"arn:[\w:/.*-]+", body)
            return cls(f"{prefix}:{operation[1]}", {"ResourceARN": found[0].decode()} if found else {})
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        return cls(f"{prefix}:{form.pop('Action')}", form)


@dataclass(frozen=True)
class Question:
    """An authorization request: an action, its resource, and the keys of its conditions."""

    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()

    def is_allowed_by(self, policies: list[dict[str, Any]]) -> bool:
        """Return whether policies allow it; the evaluator is the embedded AWS's."""
        context = EvalContext(
            principal_arn=f"arn:aws:iam::{ACCOUNT}:user/somebody",
            principal_type="User",
            principal_account=ACCOUNT,
            action=self.action,
            resource_arn=self.resource,
            region=REGION,
            source_ip="127.0.0.1",
            secure_transport=True,
            service_context={key.lower(): value for key, value in self.context},
        )
        parsed = [parse_policy_document(policy) for policy in policies]
        return self.action == ALWAYS_ALLOWED or bool(evaluate(context, parsed).decision == "Allow")


# Facts that AWS knows and the call does not have: the stack of a change set by its ARN, the roles of a task definition.
StackOf = Callable[[str], str]
RolesOf = Callable[[str], list[str]]


def questions(call: Call, stack_of: StackOf, roles_of: RolesOf) -> list[Question]:
    """Return the authorization requests of a call; IAM has to allow each.

    An action that this module does not know has the resource "*", which only a statement on "*" allows.
    """
    service, _colon, operation = call.action.partition(":")
    match service:
        case "cloudformation":
            return list(_cloudformation(call, operation, stack_of))
        case "ecs":
            return list(_ecs(call, operation, roles_of))
        case "logs":
            return [_logs(call)]
        case "iam":
            return [_iam(call, operation)]
        case _:
            return [Question(call.action, _named(service, operation, call.parameters))]


def _named(service: str, operation: str, given: Mapping[str, Any]) -> str:
    if operation in ("GetAuthorizationToken", "DescribeParameters", "GetMetricStatistics", "ListTables"):
        return "*"
    by_service = {
        "dynamodb": given.get("ResourceArn") or _arn("dynamodb", f"table/{given.get('TableName')}"),
        "ecr": given.get("resourceArn")
        or _arn("ecr", f"repository/{given.get('repositoryName') or (given.get('repositoryNames') or ['*'])[0]}"),
        "cloudwatch": given.get("ResourceARN") or _arn("cloudwatch", "alarm:*"),
        "secretsmanager": given.get("SecretId"),
        "sqs": _arn("sqs", str(given.get("QueueUrl", "*")).rpartition("/")[2]),
        "ssm": _arn("ssm", f"parameter{given.get('Name') or given.get('Path') or given.get('ResourceId')}"),
    }
    return str(by_service.get(service) or "*")


def _arn(service: str, resource: str) -> str:
    return resource if resource.startswith("arn:") else f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def _passed(role: str, service: str) -> Question:
    return Question("iam:PassRole", role, (("iam:PassedToService", f"{service}.amazonaws.com"),))


def _cloudformation(call: Call, operation: str, stack_of: StackOf) -> Iterator[Question]:
    given = call.parameters
    name = given.get("StackName") or stack_of(given.get("ChangeSetName", ""))
    if operation in ("ValidateTemplate", "DescribeStackDriftDetectionStatus"):
        name = ""
    resource = name if name.startswith("arn:") else _arn("cloudformation", f"stack/{name}/*") if name else "*"
    yield Question(call.action, resource)
    for transform in TRANSFORM.findall(given.get("TemplateBody", "")) if operation == "CreateChangeSet" else []:
        yield Question(call.action, f"arn:aws:cloudformation:{REGION}:aws:transform/{transform}")
    if "RoleARN" in given:
        yield _passed(given["RoleARN"], "cloudformation")


def _ecs(call: Call, operation: str, roles_of: RolesOf) -> Iterator[Question]:
    given = call.parameters
    cluster = str(given.get("cluster", "default")).rpartition("/")[2]
    where = (("ecs:cluster", _arn("ecs", f"cluster/{cluster}")),)
    match operation:
        case "RunTask":
            definition = given["taskDefinition"]
            full = definition if ":" in definition else f"{definition}:1"
            yield Question(
                call.action, _arn("ecs", full if full.startswith("arn:") else f"task-definition/{full}"), where
            )
            for role in roles_of(definition):
                yield _passed(role, "ecs-tasks")
            if given.get("tags") or given.get("propagateTags") or given.get("enableECSManagedTags"):
                yield Question("ecs:TagResource", _arn("ecs", f"task/{cluster}/*"), (("ecs:CreateAction", "RunTask"),))
        case "StopTask" | "DescribeTasks":
            for task in given.get("tasks") or [given.get("task", "")]:
                yield Question(call.action, _arn("ecs", f"task/{cluster}/{task.rpartition('/')[2]}"), where)
        case "ListTasks":
            yield Question(call.action, "*", where)
        case "DescribeClusters":
            for each in given.get("clusters", ["default"]):
                yield Question(call.action, _arn("ecs", f"cluster/{each.rpartition('/')[2]}"))
        case "ExecuteCommand":
            yield Question(call.action, _arn("ecs", f"task/{cluster}/{given['task']}"), where)
        case "TagResource":
            yield Question(call.action, given["resourceArn"])
        case "DescribeServices" | "ListServiceDeployments":
            for each in given.get("services") or [given.get("service", "")]:
                yield Question(call.action, _arn("ecs", f"service/{cluster}/{each.rpartition('/')[2]}"), where)
        case "DescribeServiceDeployments" | "DescribeServiceRevisions" | "StopServiceDeployment":
            named = given.get("serviceDeploymentArns") or given.get("serviceRevisionArns")
            for each in named or [given.get("serviceDeploymentArn", "")]:
                yield Question(call.action, each)
        case _:
            yield Question(call.action, "*")


def _logs(call: Call) -> Question:
    group = call.parameters.get("logGroupName", "*")
    stream = f":log-stream:{call.parameters['logStreamName']}" if "logStreamName" in call.parameters else ""
    return Question(call.action, _arn("logs", f"log-group:{group}{stream}"))


def _iam(call: Call, operation: str) -> Question:
    given = call.parameters
    if operation == "CreateServiceLinkedRole":
        service = given["AWSServiceName"]
        resource = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/{service}/any"
        return Question(call.action, resource, (("iam:AWSServiceName", service),))
    kind, name = ("role", given.get("RoleName")) if "RoleName" in given else ("user", given.get("UserName"))
    return Question(call.action, f"arn:aws:iam::{ACCOUNT}:{kind}/{name}" if name else "*")
