# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creates resources with an environment's names in an emulated account."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import STACK_TAG, Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.plugins.module_utils.environment.survey import find_resources
from botocore.exceptions import ClientError

Clients = Callable[[str], Any]
Tags = Sequence[Mapping[str, str]]
KEYS: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}


class Builder:
    """Creates resources for one environment.

    Args:
        clients: returns a boto3 client of a service.
        names: the environment's.
    """

    def __init__(self, clients: Clients, names: Names) -> None:
        self.clients, self.names = clients, names

    def tags(self, component: str = "") -> list[dict[str, str]]:
        """Return the environment's tags; with a component, those of a resource that its stack created."""
        stack = {STACK_TAG: f"{self.names.base}-{component}"} if component else {}
        return [{"Key": key, "Value": value} for key, value in (dict(self.names.owner) | stack).items()]

    def stack(self, component: str, resources: Mapping[str, Any], retain: bool = False, **more: Any) -> None:
        """Create a component's stack, with the environment's parameters Project and Environment."""
        owner = self.names.owner | ({"RetainData": "true"} if retain else {})
        template = {"Parameters": {key: {"Type": "String"} for key in owner}, "Resources": resources}
        self.clients("cloudformation").create_stack(
            StackName=f"{self.names.base}-{component}",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in owner.items()],
            **more,
        )

    def table(self, tags: Tags = (), **more: Any) -> None:
        """Create a table with the environment's name."""
        self.clients("dynamodb").create_table(TableName=self.names.base, Tags=list(tags), **KEYS, **more)

    def repository(self, tags: Tags = (), images: Sequence[str] = ()) -> None:
        """Create a repository with the environment's name, and one image with these tags."""
        ecr = self.clients("ecr")
        ecr.create_repository(repositoryName=self.names.base, tags=list(tags))
        for tag in images:
            ecr.put_image(repositoryName=self.names.base, imageTag=tag, imageManifest=json.dumps(MANIFEST))

    def task_definition(self, tags: Tags = (), family: str = "") -> None:
        """Register a task definition of the environment's family, or of another one."""
        self.clients("ecs").register_task_definition(
            family=family or self.names.base,
            containerDefinitions=[{"name": "main", "image": "x", "memory": 128}],
            tags=[{"key": each["Key"], "value": each["Value"]} for each in tags],
        )

    def alarm(self, name: str, tags: Tags = ()) -> None:
        """Create an alarm."""
        self.clients("cloudwatch").put_metric_alarm(
            AlarmName=name,
            Tags=list(tags),
            EvaluationPeriods=1,
            ComparisonOperator="GreaterThanThreshold",
            Namespace="n",
            MetricName="m",
            Period=60,
            Statistic="Sum",
            Threshold=1,
        )

    def log_group(self, name: str, tags: Tags = ()) -> None:
        """Create a log group."""
        named = {each["Key"]: each["Value"] for each in tags}
        self.clients("logs").create_log_group(logGroupName=name, **({"tags": named} if named else {}))

    def parameter(self, name: str, tags: Tags = (), **more: Any) -> None:
        """Create an SSM parameter."""
        self.clients("ssm").put_parameter(**({"Name": name, "Value": "1", "Type": "String"} | more), Tags=list(tags))

    def find(self) -> list[Resource]:
        """Return the environment's resources."""
        return find_resources(self.clients, Account(self.names))


def log_group_template(name: str) -> dict[str, Any]:
    """Return a log group as a template has it."""
    return {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": name}}


def names_of(resources: Sequence[Resource]) -> set[tuple[str, str]]:
    """Return kind and name of each resource."""
    return {(one["kind"], one["name"]) for one in resources}


def refusal(code: str) -> Callable[..., Any]:
    """Return a call that AWS refuses with an error code."""

    def refuse(*_arguments: Any, **_request: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "from the test"}}, "Call")

    return refuse
