# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service of a test, without a template: its cluster, its task definitions, its requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from emulators import IMAGE, Emulator
from waiting import waited

STEADY, CRASHING = ["sleep", "600"], ["false"]
BREAKER = {
    "enable": True,
    "rollback": True,
    "thresholdConfiguration": {"type": "COUNT", "value": 3},
}


@dataclass(frozen=True)
class Service:
    """A service that runs; its cluster and its family have its name."""

    emulator: Emulator
    name: str

    @property
    def ecs(self) -> Any:
        return self.emulator.client("ecs")

    def define(self, command: list[str]) -> str:
        """Register a revision of its task definition, and return its ARN."""
        container = {"name": "main", "image": IMAGE, "command": command, "essential": True}
        made = self.ecs.register_task_definition(family=self.name, containerDefinitions=[container])
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def update(self, **request: Any) -> dict[str, Any]:
        """Call UpdateService, and return the service."""
        updated = self.ecs.update_service(cluster=self.name, service=self.name, **request)
        return dict(updated["service"])

    def describe(self) -> dict[str, Any]:
        return dict(self.ecs.describe_services(cluster=self.name, services=[self.name])["services"][0])

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        """Return its tasks of a desired status."""
        arns = self.ecs.list_tasks(cluster=self.name, serviceName=self.name, desiredStatus=status)["taskArns"]
        return list(self.ecs.describe_tasks(cluster=self.name, tasks=arns)["tasks"]) if arns else []

    def running(self) -> set[str]:
        return {task["taskArn"] for task in self.tasks() if task["lastStatus"] == "RUNNING"}

    def deployments(self) -> list[dict[str, Any]]:
        """Return its service deployments, the newest first."""
        listed = self.ecs.list_service_deployments(cluster=self.name, service=self.name)["serviceDeployments"]
        arns = [each["serviceDeploymentArn"] for each in listed]
        found = self.ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
        assert [each["serviceDeploymentArn"] for each in found] == arns
        return list(found)

    def revision(self, arn: str) -> dict[str, Any]:
        """Return a service revision."""
        [found] = self.ecs.describe_service_revisions(serviceRevisionArns=[arn])["serviceRevisions"]
        return dict(found)

    def steady(self) -> list[dict[str, Any]]:
        """Wait until its newest deployment has ended, and return its service deployments."""
        return list(waited(lambda: (found := self.deployments())[0]["status"] not in OPEN and found))


OPEN = ("PENDING", "IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_IN_PROGRESS", "STOP_REQUESTED")


@contextmanager
def running_service(emulator: Emulator, command: list[str], **request: Any) -> Iterator[Service]:
    """Create a service in a cluster of its own, and delete it at the end."""
    service = Service(emulator, f"service-{uuid4().hex[:8]}")
    service.ecs.create_cluster(clusterName=service.name)
    definition = service.define(command)
    given = {"desiredCount": 1, "deploymentConfiguration": {"deploymentCircuitBreaker": BREAKER}} | request
    service.ecs.create_service(cluster=service.name, serviceName=service.name, taskDefinition=definition, **given)
    try:
        yield service
    finally:
        service.ecs.delete_service(cluster=service.name, service=service.name, force=True)
