# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what AWS reports of a service: the calls behind an observation, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.causes import stopped_task
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import (
    Deployment,
    Observation,
    StackSeen,
    StoppedTask,
    Target,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.rollout import (
    classic_deployment,
    created,
    deployment_of,
    events_of,
    family_of,
    revisions_of,
    running_revision,
    targets_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import DESCRIBE_LIMIT

# An endpoint that does not know the call; ECS itself has it since 2024:
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
NO_DEPLOYMENTS = frozenset({"UnsupportedFeatureException", "UnknownOperationException", "InvalidAction"})
NO_SERVICE = frozenset({"ClusterNotFoundException", "ServiceNotFoundException"})
PAGES_LIMIT = 5  # pages of stopped tasks that are read, 100 tasks each
INACTIVE = "INACTIVE"
LOG_LINES = 5  # of a task that failed
# A page may be empty although there are more events:
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
EMPTY_PAGES_LIMIT = 3


class ServiceSight:
    """Looks at one service.

    Args:
        client: returns a boto3 client of a service, such as "ecs".
        cluster: name or ARN of the cluster.
        service: name or ARN of the service.
        deployment: ARN of the service deployment that is followed; empty for the newest one.
        stack: looks at the stack whose operation deploys the service; None for none.
        now: returns the present instant.

    Attributes:
        calls: number of calls so far.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        cluster: str,
        service: str,
        deployment: str = "",
        stack: Callable[[], StackSeen] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client, self._cluster, self._service, self._followed = client, cluster, service, deployment
        self._stack, self._now = stack, now
        self.calls = 0
        self._has_deployments = True
        self._running_revision = ""
        self._revisions: dict[str, Mapping[str, Any]] = {}
        self._definitions: dict[str, Mapping[str, Any]] = {}
        self._stopped: dict[str, StoppedTask] = {}

    def look(self, definition: str = "") -> Observation:
        """Observe the service.

        Args:
            definition: ARN of the task definition that has to run; empty for that of the newest deployment.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: a call failed.
        """
        # The stack before the service: what its end has done to the service is then visible.
        stack = self._look_at_stack()
        service = self.service(is_missing_allowed=stack is not None)
        if not service or service.get("status") == INACTIVE:
            # A stack that could not create the service has deleted it, and ECS still remembers its tasks.
            stopped = self._tasks_of_definitions(stack.task_definitions) if stack else ()
            return Observation(
                self._now(), status=str(service.get("status") or ""), stack=stack, stopped=tuple(stopped)
            )
        deployment = self.deployment(service, definition)
        groups = self._target_groups(service)
        return Observation(
            at=self._now(),
            status=service["status"],
            desired=service.get("desiredCount", 0),
            running=service.get("runningCount", 0),
            pending=service.get("pendingCount", 0),
            revisions=revisions_of(service),
            deployment=deployment,
            events=events_of(service),
            stopped=tuple(self._stopped_tasks(serviceName=self._service)),
            targets=tuple(self._targets(groups)),
            target_groups=tuple(groups),
            stack=stack,
        )

    def service(self, is_missing_allowed: bool = False, include: Iterable[str] = ()) -> Mapping[str, Any]:
        """Return the service as DescribeServices returns it; empty where it does not exist.

        Args:
            is_missing_allowed: whether the cluster may be missing, too.
            include: what to return in addition, such as TAGS.
        """
        more = {"include": list(include)} if include else {}
        try:
            response = self._call("ecs", "describe_services", cluster=self._cluster, services=[self._service], **more)
        except ClientError as error:
            if is_missing_allowed and error_code(error) in NO_SERVICE:
                return {}
            raise
        return next(iter(response.get("services") or []), {})

    def deployment(self, service: Mapping[str, Any], definition: str = "") -> Deployment | None:
        """Return the followed deployment, else the newest one; None where there is none.

        Args:
            service: as DescribeServices returns it.
            definition: ARN of the task definition that has to run; empty for that of the newest deployment. It
                counts where ECS returns no service deployments.
        """
        arn = self._followed or service.get("currentServiceDeployment") or self._newest_deployment()
        described = self._described_deployment(arn) if arn else None
        if described is None:
            followed = "" if self._followed.startswith("arn:") else self._followed
            return classic_deployment(service, definition, followed)
        self._running_revision = running_revision(described)
        return deployment_of(described, self._definitions_of(described))

    def successful_definitions(self) -> list[str]:
        """Return the ARNs of the task definitions of successful deployments, the newest first."""
        if not self._has_deployments:
            return []
        briefs = self._deployments(status=["SUCCESSFUL"])
        arns = [one["targetServiceRevisionArn"] for one in briefs if one.get("targetServiceRevisionArn")]
        self._fetch_revisions(arns)
        return [self._revisions[arn]["taskDefinition"] for arn in arns if arn in self._revisions]

    def definition(self, name: str) -> Mapping[str, Any]:
        """Return a task definition as DescribeTaskDefinition returns it.

        Args:
            name: family and revision, or ARN.
        """
        if name not in self._definitions:
            response = self._call("ecs", "describe_task_definition", taskDefinition=name)
            self._definitions[name] = response["taskDefinition"]
        return self._definitions[name]

    def active_definitions(self, family: str) -> list[str]:
        """Return the ARNs of the newest hundred active revisions of a family, the newest first."""
        response = self._call("ecs", "list_task_definitions", familyPrefix=family, status="ACTIVE", sort="DESC")
        return [arn for arn in response["taskDefinitionArns"] if f"/{family}:" in arn]

    # ---- Deployments and revisions

    def _newest_deployment(self) -> str:
        newest = max(self._deployments(), key=created, default=None)
        return str(newest["serviceDeploymentArn"]) if newest else ""

    def _deployments(self, **filters: Any) -> list[Mapping[str, Any]]:
        if not self._has_deployments:
            return []
        try:
            response = self._call(
                "ecs", "list_service_deployments", cluster=self._cluster, service=self._service, **filters
            )
        except ClientError as error:
            if error_code(error) not in NO_DEPLOYMENTS:
                raise
            self._has_deployments = False
            return []
        return sorted(response.get("serviceDeployments") or [], key=created, reverse=True)

    def _described_deployment(self, arn: str) -> Mapping[str, Any] | None:
        if not arn.startswith("arn:") or not self._has_deployments:
            return None
        try:
            response = self._call("ecs", "describe_service_deployments", serviceDeploymentArns=[arn])
        except ClientError as error:
            if error_code(error) not in NO_DEPLOYMENTS:
                raise
            self._has_deployments = False
            return None
        return next(iter(response.get("serviceDeployments") or []), None)

    def _definitions_of(self, described: Mapping[str, Any]) -> dict[str, str]:
        named = [described.get("targetServiceRevision") or {}, *(described.get("sourceServiceRevisions") or [])]
        arns = [one["arn"] for one in named if one.get("arn")]
        self._fetch_revisions([*arns, *filter(None, [running_revision(described)])])
        return {arn: self._revisions[arn]["taskDefinition"] for arn in arns if arn in self._revisions}

    def _fetch_revisions(self, arns: Iterable[str]) -> None:
        """Fetch service revisions, which never change, each once."""
        missing = [arn for arn in dict.fromkeys(arns) if arn not in self._revisions]
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html
        for first in range(0, len(missing), 20):
            response = self._call("ecs", "describe_service_revisions", serviceRevisionArns=missing[first : first + 20])
            for one in response.get("serviceRevisions") or []:
                self._revisions[one["serviceRevisionArn"]] = one

    def last_lines(self, task: StoppedTask) -> list[str]:
        """Return the last lines of a task's log, the oldest first; none where it has no log, or nothing is there yet.

        Args:
            task: a task that has stopped.
        """
        request = {"logGroupName": task.log_group, "logStreamName": task.log_stream, "limit": LOG_LINES}
        for _page in range(EMPTY_PAGES_LIMIT if task.log_group else 0):
            try:
                response = self._call("logs", "get_log_events", **request, startFromHead=False)
            except ClientError as error:
                if error_code(error) == "ResourceNotFoundException":
                    break
                raise
            if events := response.get("events"):
                return [str(one["message"]).rstrip() for one in events]
            request["nextToken"] = response["nextBackwardToken"]
        return []

    # ---- Tasks and targets

    def _tasks_of_definitions(self, definitions: Iterable[str]) -> Iterable[StoppedTask]:
        """Return the stopped tasks of task definitions whose service does not exist any more."""
        for definition in definitions:
            family = family_of(definition)
            yield from (one for one in self._stopped_tasks(family=family) if one.task_definition == definition)

    def _stopped_tasks(self, **of: str) -> Iterable[StoppedTask]:
        """Return the stopped tasks that ECS remembers; each is described once."""
        arns: list[str] = []
        request = {"cluster": self._cluster, "desiredStatus": "STOPPED", **of}
        for _page in range(PAGES_LIMIT):
            response = self._call("ecs", "list_tasks", **request)
            arns += response.get("taskArns") or []
            if not response.get("nextToken"):
                break
            request["nextToken"] = response["nextToken"]
        new = [arn for arn in arns if arn not in self._stopped]
        for first in range(0, len(new), DESCRIBE_LIMIT):
            response = self._call(
                "ecs", "describe_tasks", cluster=self._cluster, tasks=new[first : first + DESCRIBE_LIMIT]
            )
            for one in response.get("tasks") or []:
                # A task that is still stopping has neither exit codes nor a reason yet.
                if one.get("lastStatus") == "STOPPED":
                    self._stopped[one["taskArn"]] = stopped_task(one, self._definition_or_none(one))
        return self._stopped.values()

    def _definition_or_none(self, task: Mapping[str, Any]) -> Mapping[str, Any]:
        arn = str(task.get("taskDefinitionArn") or "")
        return self.definition(arn) if arn else {}

    def _target_groups(self, service: Mapping[str, Any]) -> list[str]:
        """Return the target groups of the revision that has to run; with traffic shifting it has one of two."""
        runs = self._revisions.get(self._running_revision, {})
        resolved = (runs.get("resolvedConfiguration") or {}).get("loadBalancers")
        balancers = resolved or runs.get("loadBalancers") or service.get("loadBalancers") or []
        return list(dict.fromkeys(one["targetGroupArn"] for one in balancers if one.get("targetGroupArn")))

    def _targets(self, groups: Iterable[str]) -> Iterable[Target]:
        for group in groups:
            response = self._call("elbv2", "describe_target_health", TargetGroupArn=group)
            yield from targets_of(group, response["TargetHealthDescriptions"])

    def _look_at_stack(self) -> StackSeen | None:
        if not self._stack:
            return None
        # DescribeStacks, and DescribeStackEvents where the operation failed.
        self.calls += 1
        return self._stack()

    def _call(self, client: str, operation: str, /, **request: Any) -> Any:
        self.calls += 1
        return getattr(self._client(client), operation)(**request)
