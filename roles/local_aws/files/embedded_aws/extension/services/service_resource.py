# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS::ECS::Service: every property reaches ECS or fails the resource, which is complete once its tasks run.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ministack.services import ecs
from ministack.services.cloudformation import provisioners, stacks

from embedded_aws.extension.api_shapes import PropertyError, property_names, request_shape, to_request
from embedded_aws.extension.metrics import pace
from embedded_aws.extension.services import scheduler
from embedded_aws.extension.services.deployments import first_cause
from embedded_aws.extension.services.rollout import bake_minutes, refusal

TYPE = "AWS::ECS::Service"
STEADY_SECONDS = 120.0  # AWS gives a service three hours, and pulls its images over a network
POLL_SECONDS = 0.1
READ_MORE = " -> read their stoppedReason (aws ecs describe-tasks) and their logs"
CAUSE_SECONDS = 5.0  # MiniStack fails a deployment before it notes why the task of it stopped

# Members of CreateService that the embedded AWS keeps; MiniStack drops the others without a word.
KEPT = frozenset(
    {
        "availabilityZoneRebalancing",
        "capacityProviderStrategy",
        "cluster",
        "deploymentConfiguration",
        "deploymentController",
        "desiredCount",
        "enableECSManagedTags",
        "enableExecuteCommand",
        "healthCheckGracePeriodSeconds",
        "launchType",
        "loadBalancers",
        "networkConfiguration",
        "platformVersion",
        "propagateTags",
        "role",
        "schedulingStrategy",
        "serviceConnectConfiguration",
        "serviceName",
        "serviceRegistries",
        "tags",
        "taskDefinition",
    }
)
# Members that UpdateService applies, each with what it is once the template names it no more.
UPDATED: dict[str, Any] = {
    "availabilityZoneRebalancing": "DISABLED",
    "capacityProviderStrategy": [],
    "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100},
    "desiredCount": None,
    "enableECSManagedTags": False,
    "enableExecuteCommand": False,
    "healthCheckGracePeriodSeconds": 0,
    "loadBalancers": [],
    "networkConfiguration": {},
    "platformVersion": "LATEST",
    "propagateTags": "NONE",
    "serviceConnectConfiguration": {"enabled": False},
    "serviceRegistries": [],
    "taskDefinition": None,
}


# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecs-service-forcenewdeployment.html
FORCE, FORCE_MEMBERS = "ForceNewDeployment", frozenset({"EnableForceNewDeployment", "ForceNewDeploymentNonce"})


class ServiceError(ValueError):
    """A service that ECS refuses, or whose tasks do not come to run."""


def create_request(properties: Mapping[str, Any], default_name: str) -> dict[str, Any]:
    """Return the request of CreateService that a template's properties mean.

    Args:
        properties: the resource's properties, their functions resolved.
        default_name: the service's name where the template gives none.

    Raises:
        PropertyError: a property is unknown, of another type, missing, or not kept by the embedded AWS.
    """
    shape = request_shape("ecs", "CreateService")
    given = {name: value for name, value in properties.items() if name != FORCE}
    request: dict[str, Any] = to_request(shape, {"ServiceName": default_name, **given})
    for name, member in property_names(shape).items():
        if member in request and member not in KEPT:
            raise PropertyError(f"{name} is not kept by the embedded AWS -> leave it out in this environment")
    if refused := refusal(request.get("deploymentConfiguration")):
        raise PropertyError(f"DeploymentConfiguration.{refused[0].upper()}{refused[1:]}")
    return request


def update_request(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of UpdateService that turn one CreateService request into another, tags apart.

    Raises:
        PropertyError: what differs cannot be changed by the embedded AWS.
    """
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)} - {"tags"}
    for name in sorted(changed - UPDATED.keys()):
        raise PropertyError(f"{name} cannot be changed by the embedded AWS -> remove the service, then add it again")
    values = {name: after.get(name, UPDATED[name]) for name in changed}
    return {name: value for name, value in values.items() if value is not None}


def is_forced(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether an update of a template's properties forces a deployment: its nonce has changed.

    Raises:
        PropertyError: a member of ForceNewDeployment is unknown.
    """
    force = new.get(FORCE) or {}
    for name in sorted(force.keys() - FORCE_MEMBERS):
        raise PropertyError(f"{FORCE}.{name} is no property that the API knows -> remove it")
    enabled = str(force.get("EnableForceNewDeployment", False)).lower() == "true"
    return enabled and force != (old.get(FORCE) or {})


def install() -> None:
    """Let a template's services arrive whole, and be complete when they are steady."""
    make_deployment, runs_on_worker_thread = ecs._make_deployment, stacks._runs_on_worker_thread

    def make_unproven_deployment(task_definition: str, desired_count: int, status: str = "PRIMARY") -> Any:
        deployment = make_deployment(task_definition, desired_count, status)
        if desired_count:
            # Else the circuit breaker would not watch a service's first deployment.
            deployment.update(rolloutState="IN_PROGRESS", rolloutStateReason="ECS deployment in progress.")
        elif status == "PRIMARY":
            deployment["_served"] = True
        return deployment

    ecs._make_deployment = make_unproven_deployment
    # A wait on the event loop would stop the emulator.
    stacks._runs_on_worker_thread = lambda type_name: type_name == TYPE or runs_on_worker_thread(type_name)
    provisioners._RESOURCE_HANDLERS[TYPE].update(create=create, update=update)


def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    """Create a service and wait until its tasks run."""
    is_forced({}, properties)
    request = create_request(properties, f"{stack_name}-{logical_id}")
    service = _call("CreateService", request)
    try:
        _wait_until_steady(service)
    except ServiceError:
        ecs._delete_service({"cluster": service["clusterArn"], "service": service["serviceName"], "force": True})
        raise
    return service["serviceArn"], {"ServiceArn": service["serviceArn"], "Name": service["serviceName"]}


def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
    """Update a service and wait until its tasks run; one that does not come to it goes back."""
    name = physical_id.rpartition("/")[2]
    before, after = create_request(old, name), create_request(new, name)
    force = {"forceNewDeployment": True} if is_forced(old, new) else {}
    target = {"cluster": after.get("cluster", "default"), "service": name}
    forth, back = update_request(before, after), update_request(before=after, after=before)
    service = _call("UpdateService", {**target, **forth, **force})
    try:
        _wait_until_steady(service)
    except ServiceError:
        _call("UpdateService", {**target, **back})
        raise
    tags = ecs._tags.setdefault(physical_id, [])
    provisioners._reconcile_tag_list(tags, old, new, key="key", value="value")
    return physical_id, {"ServiceArn": physical_id, "Name": name}


def _call(action: str, request: dict[str, Any]) -> dict[str, Any]:
    status, _headers, body = ecs._ACTION_MAP[action](request)
    answer = json.loads(body)
    if status >= 400:
        raise ServiceError(f"{action}: {answer.get('message', status)}")
    service: dict[str, Any] = answer["service"]
    return service


def _wait_until_steady(service: Mapping[str, Any]) -> None:
    """Wait until the deployment that a call has started has its tasks running.

    Raises:
        ServiceError: it has failed, the service is gone, or the time is up; the message names the first cause.
    """
    name, key = service["serviceName"], f"{service['clusterArn'].rpartition('/')[2]}/{service['serviceName']}"
    started = next(item["id"] for item in service["deployments"] if item["status"] == "PRIMARY")
    limit_s = STEADY_SECONDS + bake_minutes(service.get("deploymentConfiguration")) * pace.minute_s()
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        record = ecs._services.get(key) or {"deployments": []}
        deployment = next((item for item in record["deployments"] if item["id"] == started), None)
        if deployment is None or deployment["rolloutState"] == "FAILED":
            reason = (deployment or {}).get("_reason") or "its tasks stop"
            raise ServiceError(f"the deployment of the service {name} failed: {reason}{_late_cause(key, started)}")
        if deployment["rolloutState"] == "COMPLETED" and record["runningCount"] >= record["desiredCount"]:
            return
        time.sleep(POLL_SECONDS)
    raise ServiceError(f"the service {name} has not its tasks running after {limit_s:g} s{_cause(key, started)}")


def _late_cause(key: str, deployment: str) -> str:
    """Return as ``_cause`` does, once a task has stopped."""
    deadline = time.monotonic() + CAUSE_SECONDS
    while (cause := _cause(key, deployment)) == READ_MORE and key in ecs._services and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return cause


def _cause(key: str, deployment: str) -> str:
    """Return the first cause of a deployment's failure and where to read more, as the end of a sentence."""
    service = ecs._services.get(key)
    tasks = scheduler.tasks_of(service) if service else []
    cause = first_cause([task for task in tasks if task.get("_deployment_id") == deployment])
    return f"; {cause}{READ_MORE}" if cause else READ_MORE
