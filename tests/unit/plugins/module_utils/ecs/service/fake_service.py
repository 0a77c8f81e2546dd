# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS and its load balancer with one service, on a clock of their own; botocore's models check each call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import botocore.session
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

ACCOUNT = "arn:aws:ecs:eu-west-1:123456789012:"
CLUSTER, SERVICE = "shop", f"{ACCOUNT}service/shop/web"
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web/6d0ecf831eec9f09"
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
SESSION = botocore.session.get_session()
OOM = "OutOfMemoryError: Container killed due to memory usage"


def definition_arn(number: int, family: str = "web") -> str:
    return f"{ACCOUNT}task-definition/{family}:{number}"


class FakeClient:
    """A client whose requests and responses fit botocore's model."""

    def __init__(self, aws: FakeAws, service: str) -> None:
        self._aws, model = aws, SESSION.get_service_model(service)
        self._operations = {xform_name(name): model.operation_model(name) for name in model.operation_names}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        model = self._operations[name]

        def call(**request: Any) -> Any:
            validate_parameters(request, model.input_shape)
            self._aws.calls.append((name, request))
            self._aws.pass_time()
            if name in self._aws.errors:
                code, message = self._aws.errors[name]
                raise ClientError({"Error": {"Code": code, "Message": message}}, model.name)
            response = getattr(self._aws, name)(**request)
            if model.output_shape:
                validate_parameters(response, model.output_shape)
            return response

        return call


class FakeAws:
    """An account with cluster shop and service web, which runs two tasks of web:7.

    Attributes:
        clock: its clock.
        calls: the calls so far, with their requests.
        errors: code and message of the error that an operation raises.
        is_good: whether tasks of a new deployment come up.
        has_deployments: whether it returns service deployments.
        breaker: failed tasks at which a deployment is rolled back; 0 for never.
        definitions: task definitions by ARN.
        logs: the lines of log streams, by the stream's name.
        has_service: whether the service exists.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.errors: dict[str, tuple[str, str]] = {}
        self.is_good, self.has_deployments, self.breaker = True, True, 3
        self.has_service = True
        self.logs: dict[str, list[str]] = {}
        self.tags: list[dict[str, str]] = []
        self.tasks: dict[str, dict[str, Any]] = {}
        self.service_deployments: list[dict[str, Any]] = []
        self.revisions: dict[str, dict[str, Any]] = {}
        self.definitions = {definition_arn(number): self._definition(number) for number in (6, 7, 8)}
        self.service: dict[str, Any] = {
            "serviceArn": SERVICE,
            "serviceName": "web",
            "status": "ACTIVE",
            "taskDefinition": definition_arn(7),
            "desiredCount": 2,
            "runningCount": 2,
            "pendingCount": 0,
            "loadBalancers": [{"targetGroupArn": GROUP, "containerName": "web", "containerPort": 80}],
            "deployments": [],
            "events": [],
        }
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._deploy(definition_arn(7))
        self._succeed()
        for one in (*self.service_deployments, *self.service["deployments"], *self.service["events"]):
            one["createdAt"] = START - timedelta(hours=1)

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the account."""
        return self.clock() - 1000.0

    @property
    def now(self) -> datetime:
        """The present instant."""
        return START + timedelta(seconds=self.elapsed)

    def client(self, service: str) -> FakeClient:
        return FakeClient(self, service)

    def requests(self, name: str) -> list[dict[str, Any]]:
        return [request for called, request in self.calls if called == name]

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self._later.append((self.clock() + seconds, act))

    def pass_time(self) -> None:
        """Do what is due."""
        for due in [one for one in sorted(self._later, key=lambda one: one[0]) if one[0] <= self.clock()]:
            self._later.remove(due)
            due[1]()

    # ---- What happens in the account

    def _definition(self, number: int) -> dict[str, Any]:
        options = {"awslogs-group": "/shop/web", "awslogs-stream-prefix": "web"}
        container = {
            "name": "web",
            "image": f"shop/web:{number}",
            "environment": [{"name": "LEVEL", "value": f"secret-value-{number}"}],
            "secrets": [{"name": "KEY", "valueFrom": f"arn:key{number}"}],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }
        return {
            "taskDefinitionArn": definition_arn(number),
            "status": "ACTIVE",
            "cpu": "256",
            "memory": str(512 * (number - 6 or 1)),
            "containerDefinitions": [container],
        }

    def _deploy(self, definition: str) -> None:
        number = len(self.service_deployments) + 1
        revision = f"{ACCOUNT}service-revision/shop/web/{number}"
        self.revisions[revision] = {"serviceRevisionArn": revision, "taskDefinition": definition}
        sources = [one["targetServiceRevision"] for one in self.service_deployments if one["status"] == "SUCCESSFUL"]
        self.service_deployments.append(
            {
                "serviceDeploymentArn": f"{ACCOUNT}service-deployment/shop/web/{number}",
                "createdAt": self.now,
                "updatedAt": self.now,
                "status": "IN_PROGRESS",
                "sourceServiceRevisions": sources[-1:],
                "targetServiceRevision": {"arn": revision},
                "deploymentCircuitBreaker": {"status": "MONITORING", "failureCount": 0, "threshold": 3},
            }
        )
        for one in self.service["deployments"]:
            one["status"] = "ACTIVE"
        self.service["deployments"].insert(
            0,
            {
                "id": f"ecs-svc/{number}",
                "status": "PRIMARY",
                "taskDefinition": definition,
                "desiredCount": self.service["desiredCount"],
                "runningCount": 0,
                "pendingCount": self.service["desiredCount"],
                "createdAt": self.now,
                "rolloutState": "IN_PROGRESS",
            },
        )
        self.service["taskDefinition"] = definition
        self.event(f"(service web) has started deployment {number}.")

    def event(self, message: str) -> None:
        number = len(self.service["events"])
        self.service["events"].insert(0, {"id": f"event{number}", "createdAt": self.now, "message": message})

    def _succeed(self) -> None:
        newest, primary = self.service_deployments[-1], self.service["deployments"][0]
        newest["status"], primary["rolloutState"] = "SUCCESSFUL", "COMPLETED"
        primary["runningCount"], primary["pendingCount"] = self.service["desiredCount"], 0
        self.service["deployments"] = [primary]
        self.service["runningCount"] = self.service["desiredCount"]
        self.event("(service web) has reached a steady state.")

    def fail_task(self) -> None:
        """Let a task of the primary deployment die, and the circuit breaker act."""
        number, primary = len(self.tasks), self.service["deployments"][0]
        arn = f"{ACCOUNT}task/shop/dead{number}"
        self.tasks[arn] = {
            "taskArn": arn,
            "taskDefinitionArn": primary["taskDefinition"],
            "lastStatus": "STOPPED",
            "createdAt": self.now,
            "stoppedAt": self.now,
            "stopCode": "EssentialContainerExited",
            "stoppedReason": "Essential container in task exited",
            "containers": [{"name": "web", "exitCode": 137, "reason": OOM}],
        }
        newest = self.service_deployments[-1]
        if newest["status"] != "IN_PROGRESS":
            return
        newest["deploymentCircuitBreaker"]["failureCount"] += 1
        if newest["deploymentCircuitBreaker"]["failureCount"] == self.breaker:
            self.roll_back()
        else:
            self.after(4, self.fail_task)

    def roll_back(self) -> None:
        newest, earlier = self.service_deployments[-1], self.service["deployments"][1:]
        newest["status"], newest["statusReason"] = "ROLLBACK_IN_PROGRESS", "circuit breaker"
        failed = self.service["deployments"][0]
        failed["status"], failed["rolloutState"], failed["desiredCount"] = "ACTIVE", "FAILED", 0
        earlier[0]["status"], earlier[0]["rolloutState"] = "PRIMARY", "IN_PROGRESS"
        earlier[0]["rolloutStateReason"] = "ECS deployment rollback in progress."
        self.service["taskDefinition"] = earlier[0]["taskDefinition"]
        self.after(3, self._end_rollback)

    def _end_rollback(self) -> None:
        self.service_deployments[-1]["status"] = "ROLLBACK_SUCCESSFUL"
        primary = next(one for one in self.service["deployments"] if one["status"] == "PRIMARY")
        primary["rolloutState"] = "COMPLETED"

    # ---- Calls

    def describe_services(self, **request: Any) -> dict[str, Any]:
        if request["services"] != ["web"] or not self.has_service:
            return {"services": [], "failures": [{"arn": request["services"][0], "reason": "MISSING"}]}
        more = {"tags": self.tags} if "TAGS" in request.get("include", []) else {}
        return {"services": [{**self.service, **more}], "failures": []}

    def list_service_deployments(self, **request: Any) -> dict[str, Any]:
        names = ("serviceDeploymentArn", "createdAt", "status")
        briefs = [
            {name: one[name] for name in names} | {"targetServiceRevisionArn": one["targetServiceRevision"]["arn"]}
            for one in self.service_deployments
            if self.has_deployments and one["status"] in request.get("status", [one["status"]])
        ]
        return {"serviceDeployments": briefs}

    def describe_service_deployments(self, **request: Any) -> dict[str, Any]:
        arns = request["serviceDeploymentArns"] if self.has_deployments else []
        return {"serviceDeployments": [one for one in self.service_deployments if one["serviceDeploymentArn"] in arns]}

    def describe_service_revisions(self, **request: Any) -> dict[str, Any]:
        return {"serviceRevisions": [self.revisions[arn] for arn in request["serviceRevisionArns"]]}

    def describe_task_definition(self, **request: Any) -> dict[str, Any]:
        name = request["taskDefinition"]
        found = [one for arn, one in self.definitions.items() if arn == name or arn.endswith(f"/{name}")]
        if not found:
            raise ClientError(
                {"Error": {"Code": "ClientException", "Message": "Unable to describe task definition."}},
                "DescribeTaskDefinition",
            )
        return {"taskDefinition": found[0]}

    def list_task_definitions(self, **request: Any) -> dict[str, Any]:
        return {"taskDefinitionArns": sorted(self.definitions, reverse=True)}

    def list_tasks(self, **request: Any) -> dict[str, Any]:
        if not self.has_service and "serviceName" in request:
            error = {"Code": "ServiceNotFoundException", "Message": "Service not found."}
            raise ClientError({"Error": error}, "ListTasks")
        return {"taskArns": list(self.tasks)}

    def describe_tasks(self, **request: Any) -> dict[str, Any]:
        return {"tasks": [self.tasks[arn] for arn in request["tasks"]], "failures": []}

    def describe_target_health(self, **request: Any) -> dict[str, Any]:
        count = self.service["runningCount"]
        return {
            "TargetHealthDescriptions": [
                {"Target": {"Id": f"10.0.0.{number}", "Port": 80}, "TargetHealth": {"State": "healthy"}}
                for number in range(count)
            ]
        }

    def get_log_events(self, **request: Any) -> dict[str, Any]:
        if request["logStreamName"] not in self.logs:
            error = {"Code": "ResourceNotFoundException", "Message": "The specified log stream does not exist."}
            raise ClientError({"Error": error}, "GetLogEvents")
        # The newest page of a stream may be empty, and the one before it is not.
        lines = self.logs[request["logStreamName"]][-request["limit"] :] if "nextToken" in request else []
        token = {"nextBackwardToken": "b/1", "nextForwardToken": "f/1"}
        return {"events": [{"timestamp": 0, "message": f"{line}\n"} for line in lines], **token}

    def update_service(self, **request: Any) -> dict[str, Any]:
        desired = request.get("desiredCount", self.service["desiredCount"])
        self.service["desiredCount"] = desired
        definition = request.get("taskDefinition", self.service["taskDefinition"])
        if definition != self.service["taskDefinition"] or request.get("forceNewDeployment"):
            self._deploy(definition)
            self.after(5, self._succeed if self.is_good else self.fail_task)
        else:
            self.service["deployments"][0]["desiredCount"] = desired
            self.after(2, self._succeed)
        return {"service": self.service}

    def stop_service_deployment(self, **request: Any) -> dict[str, Any]:
        self.breaker = 0
        self.roll_back()
        return {"serviceDeploymentArn": request["serviceDeploymentArn"]}

    def continue_service_deployment(self, **request: Any) -> dict[str, Any]:
        self.service_deployments[-1]["lifecycleHookDetails"] = []
        self.after(2, self._succeed if request["action"] == "CONTINUE" else self.roll_back)
        return {"serviceDeploymentArn": request["serviceDeploymentArn"]}

    def tag_resource(self, **request: Any) -> dict[str, Any]:
        self.tags = request["tags"]
        return {}

    def untag_resource(self, **request: Any) -> dict[str, Any]:
        self.tags = [one for one in self.tags if one["key"] not in request["tagKeys"]]
        return {}
