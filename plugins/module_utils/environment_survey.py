# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks through an account for what belongs to an environment, whether a stack holds it or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible_collections.ddbload.aws.plugins.module_utils.aws_error import error_code
from ansible_collections.ddbload.aws.plugins.module_utils.drift_detection import NOTHING_THERE
from ansible_collections.ddbload.aws.plugins.module_utils.environment_things import (
    Names,
    repository_thing,
    stack_thing,
    table_thing,
    tag_map,
    thing,
)
from ansible_collections.ddbload.aws.plugins.module_utils.stack import is_missing

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
ENDED = ("STOPPED", "DELETED")


class EnvironmentSurvey:
    """Looks for an environment's things, without changing anything.

    Args:
        client: makes a boto3 client of a service.
        names: what to look for.
    """

    def __init__(self, client: Callable[[str], Any], names: Names) -> None:
        self._client, self._names = client, names
        self._stacks: dict[str, dict[str, Any]] = {}
        self._holders: dict[tuple[str, str], str] = {}
        self.not_checked: list[str] = []  # "kind: why", of what the caller may not look at

    def look(self, subnets: Sequence[str] = (), security_groups: Sequence[str] = ()) -> list[dict[str, Any]]:
        """Look for everything.

        Args:
            subnets: ids of subnets, gone by now or not, in which network interfaces are looked for.
            security_groups: ids of security groups that network interfaces are looked for by.

        Returns:
            The things, see `environment_things`; the stacks first.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: AWS was out of reach, or refused to show the stacks.
        """
        found = self._find_stacks()
        for kind, look in (
            ("task", self._tasks),
            ("table", self._tables),
            ("repository", self._repositories),
            ("task definition", self._task_definitions),
            ("log group", self._log_groups),
            ("SSM parameter", self._ssm_parameters),
            ("alarm", self._alarms),
            ("network interface", lambda: self._network_interfaces(subnets, security_groups)),
        ):
            try:
                found.extend(look())
            except Exception as error:
                if error_code(error) not in DENIED:
                    raise
                self.not_checked.append(f"{kind}: {error}")
        return found

    def held(self, resource_type: str) -> list[str]:
        """List the ids of the resources of a type that the stacks hold."""
        return sorted(physical for kind, physical in self._holders if kind == resource_type)

    def _find_stacks(self) -> list[dict[str, Any]]:
        client = self._client("cloudformation")
        for name in self._names.stacks:
            try:
                described = client.describe_stacks(StackName=name)["Stacks"][0]
            except Exception as error:
                if is_missing(error):
                    continue
                raise
            # A stack that was reviewed only is still one that is in the way.
            if described["StackStatus"] != NOTHING_THERE[-1]:
                self._stacks[name] = stack_thing(described)
                for page in client.get_paginator("list_stack_resources").paginate(StackName=name):
                    for each in page["StackResourceSummaries"]:
                        self._holders[each["ResourceType"], each.get("PhysicalResourceId") or ""] = name
        return list(self._stacks.values())

    def _holder(self, resource_type: str, physical_id: str) -> dict[str, Any] | None:
        return self._stacks.get(self._holders.get((resource_type, physical_id), ""))

    def _tasks(self) -> Iterator[dict[str, Any]]:
        client = self._client("ecs")
        with suppress(client.exceptions.ClusterNotFoundException):
            for wish in ("RUNNING", "STOPPED"):
                pages = client.get_paginator("list_tasks").paginate(cluster=self._names.base, desiredStatus=wish)
                for page in pages:
                    if not page["taskArns"]:
                        continue
                    # A task that was told to stop goes on for a while.
                    for each in client.describe_tasks(cluster=self._names.base, tasks=page["taskArns"])["tasks"]:
                        if each["lastStatus"] not in ENDED:
                            name = each["taskArn"].rpartition("/")[2]
                            yield thing("task", name, each["taskArn"], state=each["lastStatus"])

    def _tables(self) -> Iterator[dict[str, Any]]:
        client = self._client("dynamodb")
        for name in {*self.held("AWS::DynamoDB::Table"), self._names.base}:
            try:
                described = client.describe_table(TableName=name)["Table"]
            except client.exceptions.ResourceNotFoundException:
                continue
            holder = self._holder("AWS::DynamoDB::Table", name)
            if holder or self._names.owns(self._table_tags(client, described["TableArn"])):
                yield table_thing(described, holder)

    def _table_tags(self, client: Any, arn: str) -> dict[str, str]:
        pages = client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
        return tag_map([tag for page in pages for tag in page["Tags"]])

    def _repositories(self) -> Iterator[dict[str, Any]]:
        client = self._client("ecr")
        for name in {*self.held("AWS::ECR::Repository"), self._names.base}:
            try:
                described = client.describe_repositories(repositoryNames=[name])["repositories"][0]
                pages = list(client.get_paginator("list_images").paginate(repositoryName=name))
            except client.exceptions.RepositoryNotFoundException:
                continue
            holder = self._holder("AWS::ECR::Repository", name)
            tags = client.list_tags_for_resource(resourceArn=described["repositoryArn"])["tags"]
            if holder or self._names.owns(tag_map(tags)):
                digests = {image.get("imageDigest") for page in pages for image in page["imageIds"]}
                yield repository_thing(name, len(digests), holder)

    def _task_definitions(self) -> Iterator[dict[str, Any]]:
        pages = self._client("ecs").get_paginator("list_task_definitions").paginate(familyPrefix=self._names.base)
        for page in pages:
            for arn in page["taskDefinitionArns"]:
                name = arn.rpartition("/")[2]
                # The emulators take the family for a prefix; AWS does not.
                if name.rpartition(":")[0] == self._names.base:
                    holder = self._holder("AWS::ECS::TaskDefinition", arn)
                    yield thing("task_definition", name, arn, stack=holder["name"] if holder else None)

    def _log_groups(self) -> Iterator[dict[str, Any]]:
        client = self._client("logs")
        for prefix in (self._names.path, self._names.insights):
            for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
                for each in page["logGroups"]:
                    name = each["logGroupName"]
                    if name == prefix or name.startswith(f"{prefix}/"):
                        holder = self._holder("AWS::Logs::LogGroup", name)
                        size = f"{each.get('storedBytes', 0):,} bytes"
                        yield thing("log_group", name, name, stack=holder["name"] if holder else None, detail=size)

    def _ssm_parameters(self) -> Iterator[dict[str, Any]]:
        # Names and no values: GetParametersByPath would return these.
        below = [{"Key": "Path", "Option": "Recursive", "Values": [self._names.path]}]
        for page in self._client("ssm").get_paginator("describe_parameters").paginate(ParameterFilters=below):
            for each in page["Parameters"]:
                holder = self._holder("AWS::SSM::Parameter", each["Name"])
                yield thing(
                    "ssm_parameter",
                    each["Name"],
                    each["Name"],
                    stack=holder["name"] if holder else None,
                    protections=[] if holder else ["by_hand"],
                )

    def _alarms(self) -> Iterator[dict[str, Any]]:
        client = self._client("cloudwatch")
        pages = client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self._names.base}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            for each in page.get("MetricAlarms", []) + page.get("CompositeAlarms", []):
                holder = self._holder("AWS::CloudWatch::Alarm", each["AlarmName"])
                # The prefix also fits the environments whose names begin like this one's.
                if holder or self._names.owns(tag_map(self._alarm_tags(client, each))):
                    yield thing("alarm", each["AlarmName"], each["AlarmArn"], stack=holder["name"] if holder else None)

    def _alarm_tags(self, client: Any, alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            return list(client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
        except client.exceptions.ResourceNotFoundException:
            return []

    def _network_interfaces(self, subnets: Sequence[str], security_groups: Sequence[str]) -> Iterator[dict[str, Any]]:
        seen = set()
        for name, values in (("subnet-id", subnets), ("group-id", security_groups)):
            if not values:
                continue
            filters = [{"Name": name, "Values": list(values)}]
            for page in self._client("ec2").get_paginator("describe_network_interfaces").paginate(Filters=filters):
                for each in page["NetworkInterfaces"]:
                    if each["NetworkInterfaceId"] not in seen:
                        seen.add(each["NetworkInterfaceId"])
                        yield _interface_thing(each)


def _interface_thing(interface: Mapping[str, Any]) -> dict[str, Any]:
    id_ = interface["NetworkInterfaceId"]
    return thing("network_interface", id_, id_, state=interface.get("Status"), detail=interface.get("Description", ""))
