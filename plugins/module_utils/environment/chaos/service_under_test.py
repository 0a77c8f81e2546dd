# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service under test: its tasks, its targets and its deployments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.sight import ServiceSight
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import describe_tasks, list_arns
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


class ServiceState(NamedTuple):
    """The state of a service at one instant.

    Attributes:
        status: as ECS names it; empty where the service does not exist.
        desired: number of tasks that the service wants.
        tasks: ids of its tasks that run.
        healthy: the least number of healthy targets of its target groups; ``desired`` where it has none.
        deployments: ids of its deployments, that of the primary one first.
        is_deployed: whether the primary deployment is complete.
    """

    status: str
    desired: int
    tasks: frozenset[str]
    healthy: int
    deployments: tuple[str, ...]
    is_deployed: bool

    @property
    def is_steady(self) -> bool:
        """Whether one deployment runs as many healthy tasks as the service wants."""
        runs_all = len(self.tasks) == self.desired and self.healthy >= self.desired
        return runs_all and len(self.deployments) == 1 and self.is_deployed

    def line(self) -> str:
        """Return the state for a person."""
        return (
            f"{len(self.tasks)} of {self.desired} tasks run, {self.healthy} healthy, "
            f"{len(self.deployments)} deployment(s){'' if self.is_deployed else ' in progress'}"
        )


class ServiceUnderTest:
    """A service under test.

    Args:
        client: returns a boto3 client of a service, such as "ecs".
        cluster: name of the cluster.
        name: name of the service.
    """

    def __init__(self, client: Callable[[str], Any], cluster: str, name: str) -> None:
        self._client, self.cluster, self.name = client, cluster, name
        self._sight = ServiceSight(client, cluster, name)

    def described(self) -> Mapping[str, Any]:
        """Return the service as DescribeServices returns it; empty where it does not exist."""
        return self._sight.service(is_missing_allowed=True)

    def state(self) -> ServiceState:
        """Return the present state."""
        service = self.described()
        if not service:
            return ServiceState("", 0, frozenset(), 0, (), False)
        seen = self._sight.look()
        deployments = sorted(service.get("deployments", []), key=lambda each: each["status"] != "PRIMARY")
        return ServiceState(
            status=seen.status,
            desired=seen.desired,
            tasks=frozenset(each["taskArn"].rpartition("/")[2] for each in self._running()),
            healthy=min((seen.healthy(group) for group in seen.target_groups), default=seen.desired),
            deployments=tuple(each["id"] for each in deployments),
            is_deployed=bool(deployments) and deployments[0].get("rolloutState", "COMPLETED") == "COMPLETED",
        )

    def obstacle(self) -> Problem | None:
        """Return why no experiment can start with this service now; None where one can."""
        state = self.state()
        if not state.status:
            return Problem("absent", f"service {self.name} does not exist", "deploy the system first")
        if state.desired == 0:
            return Problem(
                "absent", f"service {self.name} has no task", "give it a desired_count, or name another service"
            )
        if not state.is_steady:
            what = f"service {self.name} is not steady before the experiment: {state.line()}"
            return Problem("unsteady", what, "wait until it is, or see why it is not: docs/runbooks.md")
        return None

    def task(self, task_id: str) -> Mapping[str, Any]:
        """Return a task as ECS describes it; empty where it does not know the task."""
        found, _missing = describe_tasks(self._client("ecs"), self.cluster, [task_id])
        return found[0] if found else {}

    def _running(self) -> list[dict[str, Any]]:
        ecs = self._client("ecs")
        arns = list_arns(ecs, self.cluster, serviceName=self.name, desiredStatus="RUNNING")
        found, _missing = describe_tasks(ecs, self.cluster, arns)
        return [each for each in found if each.get("lastStatus") == "RUNNING"]
