# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks through an account for what belongs to an environment, whether a stack holds it or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.drift.detection import NOTHING_THERE
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.owner import foreign_owner
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import is_missing
from ansible_collections.gantry.ecs.plugins.module_utils.environment.belongings import (
    Names,
    log_group_thing,
    repository_thing,
    stack_thing,
    table_thing,
    thing,
)

DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
# What the services answer for a thing that went while it was looked at.
GONE = ("ResourceNotFoundException", "InvalidResourceId", "ClientException")
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
        self.foreign: list[str] = []  # "stack name: whose", of stacks of such a name that are another environment's

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
            if whose := foreign_owner(described, self._names.owner):
                self.foreign.append(f"stack {name} belongs to {whose}")
                continue
            # A stack that was reviewed only is still one that is in the way.
            if described["StackStatus"] != NOTHING_THERE[-1]:
                self._stacks[name] = stack_thing(described)
                for page in client.get_paginator("list_stack_resources").paginate(StackName=name):
                    for each in page["StackResourceSummaries"]:
                        self._holders[each["ResourceType"], each.get("PhysicalResourceId") or ""] = name
        return list(self._stacks.values())

    def _holder(self, resource_type: str, physical_id: str) -> dict[str, Any] | None:
        return self._stacks.get(self._holders.get((resource_type, physical_id), ""))

    def _tags(self, kind: str, ask: Callable[[], Any]) -> dict[str, str]:
        """Return a thing's tags; none where the caller may not look at them, which is told once a kind."""
        try:
            tags = ask()
        except Exception as error:
            if error_code(error) in GONE:
                return {}
            if error_code(error) not in DENIED:
                raise
            if not any(each.startswith(f"tags of {kind}s: ") for each in self.not_checked):
                self.not_checked.append(f"tags of {kind}s: {error}")
            return {}
        return dict(tags) if isinstance(tags, Mapping) else tag_map(tags)

    def _is_own_cluster(self, client: Any) -> bool:
        base = self._names.base
        if self._holder("AWS::ECS::Cluster", base):
            return True
        found = client.describe_clusters(clusters=[base], include=["TAGS"])["clusters"]
        return any(self._names.owns(tag_map(each.get("tags", []))) for each in found)

    def _tasks(self) -> Iterator[dict[str, Any]]:
        client = self._client("ecs")
        # A cluster of that name may be somebody else's, with what runs in it.
        if not self._is_own_cluster(client):
            return
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
        client = self._client("ecs")
        pages = client.get_paginator("list_task_definitions").paginate(familyPrefix=self._names.base)
        for page in pages:
            for arn in page["taskDefinitionArns"]:
                name = arn.rpartition("/")[2]
                # The emulators take the family for a prefix; AWS does not.
                if name.rpartition(":")[0] == self._names.base:
                    yield from self._task_definition(client, name, arn)

    def _task_definition(self, client: Any, name: str, arn: str) -> Iterator[dict[str, Any]]:
        if holder := self._holder("AWS::ECS::TaskDefinition", arn):
            yield thing("task_definition", name, arn, stack=holder["name"])
            return
        of = {"taskDefinition": arn, "include": ["TAGS"]}
        tags = self._tags("task definition", lambda: client.describe_task_definition(**of).get("tags", []))
        if not self._names.disowns(tags):
            by_hand = [] if self._names.owns(tags) else ["by_hand"]
            yield thing("task_definition", name, arn, protections=by_hand)

    def _log_groups(self) -> Iterator[dict[str, Any]]:
        client = self._client("logs")
        for prefix in (self._names.path, self._names.insights):
            for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
                for each in page["logGroups"]:
                    name = each["logGroupName"]
                    if name == prefix or name.startswith(f"{prefix}/"):
                        yield from self._log_group(client, each)

    def _log_group(self, client: Any, group: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        name = group["logGroupName"]
        if holder := self._holder("AWS::Logs::LogGroup", name):
            yield log_group_thing(group, holder, is_by_hand=False)
        elif name in self._names.service_log_groups:
            # A cluster has its name for itself: where the stacks are another's, so is what a service made for it.
            if not self.foreign:
                yield log_group_thing(group, None, is_by_hand=False)
        else:
            arn = group.get("logGroupArn") or group["arn"].removesuffix(":*")
            tags = self._tags("log group", lambda: client.list_tags_for_resource(resourceArn=arn)["tags"])
            if not self._names.disowns(tags):
                yield log_group_thing(group, None, is_by_hand=not self._names.owns(tags))

    def _ssm_parameters(self) -> Iterator[dict[str, Any]]:
        # Names and no values: GetParametersByPath would return these.
        below = [{"Key": "Path", "Option": "Recursive", "Values": [self._names.path]}]
        client = self._client("ssm")
        for page in client.get_paginator("describe_parameters").paginate(ParameterFilters=below):
            for each in page["Parameters"]:
                yield from self._ssm_parameter(client, each["Name"])

    def _ssm_parameter(self, client: Any, name: str) -> Iterator[dict[str, Any]]:
        if holder := self._holder("AWS::SSM::Parameter", name):
            yield thing("ssm_parameter", name, name, stack=holder["name"])
            return
        of = {"ResourceType": "Parameter", "ResourceId": name}
        tags = self._tags("SSM parameter", lambda: client.list_tags_for_resource(**of)["TagList"])
        if not self._names.disowns(tags):
            yield thing("ssm_parameter", name, name, protections=["by_hand"])

    def _alarms(self) -> Iterator[dict[str, Any]]:
        client = self._client("cloudwatch")
        pages = client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{self._names.base}-", AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for page in pages:
            for each in page.get("MetricAlarms", []) + page.get("CompositeAlarms", []):
                yield from self._alarm(client, each["AlarmName"], each["AlarmArn"])

    def _alarm(self, client: Any, name: str, arn: str) -> Iterator[dict[str, Any]]:
        if holder := self._holder("AWS::CloudWatch::Alarm", name):
            yield thing("alarm", name, arn, stack=holder["name"])
            return
        # The prefix also fits the environments whose names begin like this one's.
        if self._names.owns(self._tags("alarm", lambda: client.list_tags_for_resource(ResourceARN=arn)["Tags"])):
            yield thing("alarm", name, arn)

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
