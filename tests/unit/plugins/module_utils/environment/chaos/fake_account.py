# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An account with one service, its tasks, a secret and the stacks that the experiments read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
BASE = "shop-dev"
SECRET = "shop/dev/key"
DEFINITION = "arn:aws:ecs:us-east-1:1:task-definition/shop-dev-sum:1"


def deployment(number: int, state: str = "COMPLETED") -> dict[str, Any]:
    """Return a primary deployment as DescribeServices returns it."""
    return {"id": f"ecs-svc/{number}", "status": "PRIMARY", "rolloutState": state, "taskDefinition": DEFINITION}


class FakeAccount:
    """One object for all clients: it takes the calls of ECS, Secrets Manager, CloudFormation and ELB.

    Attributes:
        tasks: of the service and of RunTask, by id, as ECS describes them.
        deployments: of the service.
        deleted: whether the secret is deleted.
        refused: operations that fail with AccessDeniedException.
        calls: names of the calls that change something.
        on_run: changes a task that is launched.
    """

    def __init__(self, desired: int = 1) -> None:
        self.desired = desired
        self.tasks: dict[str, dict[str, Any]] = {}
        self.of_service: set[str] = set()
        self.deployments = [deployment(1)]
        self.deleted = False
        self.has_value = True
        self.refused: set[str] = set()
        self.calls: list[str] = []
        self.on_run: Callable[[dict[str, Any]], None] = lambda task: None
        for _number in range(desired):
            self.start()

    def client(self, _service: str) -> Any:
        return self

    def start(self) -> str:
        """Start a task of the service; returns its id."""
        task_id = f"{len(self.tasks):032x}"
        self.tasks[task_id] = self._task(task_id)
        self.of_service.add(task_id)
        return task_id

    def end(self, task_id: str, exit_code: int | None = 0, **more: Any) -> None:
        """Stop a task."""
        containers = [{"name": "web", **({} if exit_code is None else {"exitCode": exit_code})}]
        self.tasks[task_id] |= {"lastStatus": "STOPPED", "stoppedAt": NOON, "containers": containers} | more

    def _task(self, task_id: str) -> dict[str, Any]:
        arn = f"arn:aws:ecs:us-east-1:1:task/{BASE}/{task_id}"
        return {
            "taskArn": arn,
            "taskDefinitionArn": DEFINITION,
            "lastStatus": "RUNNING",
            "containers": [{"name": "web"}],
        }

    # ---- ECS

    def describe_services(self, *, cluster: str, services: Sequence[str], **_more: Any) -> dict[str, Any]:
        if services != [f"{BASE}-web"]:
            return {"services": []}
        running = sum(self.tasks[each]["lastStatus"] == "RUNNING" for each in self.of_service)
        found = {
            "serviceName": services[0],
            "status": "ACTIVE",
            "desiredCount": self.desired,
            "runningCount": running,
            "taskDefinition": DEFINITION,
            "deployments": self.deployments,
            "events": [],
        }
        return {"services": [found]}

    def list_service_deployments(self, **_request: Any) -> dict[str, Any]:
        return {"serviceDeployments": []}

    def list_tasks(self, *, desiredStatus: str, **_request: Any) -> dict[str, Any]:
        own = [self.tasks[each] for each in sorted(self.of_service)]
        return {"taskArns": [each["taskArn"] for each in own if each["lastStatus"] == desiredStatus]}

    def describe_tasks(self, *, cluster: str, tasks: Sequence[str]) -> dict[str, Any]:
        ids = [each.rpartition("/")[2] for each in tasks]
        return {"tasks": [self.tasks[each] for each in ids if each in self.tasks]}

    def describe_task_definition(self, *, taskDefinition: str) -> dict[str, Any]:
        return {"taskDefinition": {"taskDefinitionArn": taskDefinition, "containerDefinitions": [{"name": "web"}]}}

    def stop_task(self, *, cluster: str, task: str, reason: str) -> None:
        self._change("stop_task")
        self.end(task, 0, stopCode="UserInitiated", stoppedReason=reason)

    def run_task(self, **request: Any) -> dict[str, Any]:
        self._change("run_task")
        assert request["networkConfiguration"]["awsvpcConfiguration"]["subnets"] == ["subnet-1", "subnet-2"]
        assert request["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"] == ["sg-sum"]
        task_id = f"{'f' * 30}{len(self.tasks):02x}"
        self.tasks[task_id] = self._task(task_id) | {"lastStatus": "PENDING"}
        self.on_run(self.tasks[task_id])
        return {"tasks": [self.tasks[task_id]], "failures": []}

    def update_service(self, *, cluster: str, service: str, forceNewDeployment: bool) -> None:
        self._change("update_service")
        assert forceNewDeployment
        number = len(self.deployments) + 1
        self.deployments.insert(0, deployment(number, "IN_PROGRESS"))

    # ---- Secrets Manager, CloudFormation

    def describe_secret(self, *, SecretId: str) -> dict[str, Any]:
        if SecretId != SECRET:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeSecret")
        versions = {"VersionIdsToStages": {"1": ["AWSCURRENT"]}} if self.has_value else {}
        return {"Name": SecretId, **versions, **({"DeletedDate": NOON} if self.deleted else {})}

    def delete_secret(self, *, SecretId: str, RecoveryWindowInDays: int) -> None:
        assert RecoveryWindowInDays == 7
        self.deleted = True
        self._change("delete_secret")

    def restore_secret(self, *, SecretId: str) -> None:
        self._change("restore_secret")
        self.deleted = False

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        outputs = {
            f"{BASE}-network": {"PrivateSubnetIds": "subnet-1,subnet-2"},
            f"{BASE}-security-groups": {"JobSum": "sg-sum"},
        }[StackName]
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]}]}

    def _change(self, name: str) -> None:
        self.calls.append(name)
        if name in self.refused:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, name)
