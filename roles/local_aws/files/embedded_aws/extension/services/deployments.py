# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's deployments as ECS reports them: their status, their counts, and what they roll back to.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevision.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# A deployment that has one of these does not change any more.
ENDED = frozenset({"SUCCESSFUL", "STOPPED", "ROLLBACK_SUCCESSFUL", "ROLLBACK_FAILED"})
# Stops of the service's own making are no cause.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
FAILED_HEALTH_CHECKS = "Task failed ELB health checks"
OWN_STOPS = ("UserInitiated", "ServiceSchedulerInitiated")
# What a service revision keeps of its service.
REVISION = (
    "taskDefinition",
    "capacityProviderStrategy",
    "launchType",
    "platformVersion",
    "platformFamily",
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
)


def status(record: Mapping[str, Any], deployments: Sequence[Mapping[str, Any]]) -> str:
    """Return the status of a service deployment.

    Args:
        record: what is known of it, with the id of its deployment.
        deployments: of the service, as DescribeServices has them.
    """
    if record["status"] in ENDED:
        return str(record["status"])
    own = next((each for each in deployments if each["id"] == record["_deployment"]), None)
    primary = next((each for each in deployments if each["status"] == "PRIMARY"), None)
    if own is None or primary is None:
        return "STOPPED"
    if own["rolloutState"] == "COMPLETED":
        return "SUCCESSFUL"
    if own["rolloutState"] == "IN_PROGRESS":
        return "IN_PROGRESS" if own is primary else "STOPPED"
    if own is primary or primary["id"] not in record["_before"]:
        return "STOPPED"
    return {
        "IN_PROGRESS": "ROLLBACK_IN_PROGRESS",
        "COMPLETED": "ROLLBACK_SUCCESSFUL",
        "FAILED": "ROLLBACK_FAILED",
    }[primary["rolloutState"]]


def observed(record: Mapping[str, Any], service: Mapping[str, Any], now_s: float, threshold: int) -> dict[str, Any]:
    """Return what is known of a service deployment after a look at its service.

    Args:
        record: what was known of it.
        service: as MiniStack keeps it.
        now_s: seconds of the epoch.
        threshold: of the circuit breaker, in failed tasks.
    """
    if record["status"] in ENDED:
        return dict(record)
    deployments = service["deployments"]
    own: Mapping[str, Any] = next((each for each in deployments if each["id"] == record["_deployment"]), {})
    found = status(record, deployments)
    seen = {**record, "status": found}
    if own:
        seen["statusReason"] = own.get("_reason") or own.get("rolloutStateReason") or ""
        seen["targetServiceRevision"] = {**record["targetServiceRevision"], **counts(own)}
        sources = [_source(source, deployments) for source in record["sourceServiceRevisions"]]
        seen["sourceServiceRevisions"] = sources
        seen["deploymentCircuitBreaker"] = breaker(service, own, found, threshold)
    if own.get("_stage"):
        seen["lifecycleStage"] = own["_stage"]
    if "_side" in own:
        seen["_revision"] = {**record["_revision"], "resolvedConfiguration": resolved(service, own["_side"])}
    if found.startswith("ROLLBACK") and "rollback" not in record:
        primary = next(each for each in deployments if each["status"] == "PRIMARY")
        back = {"reason": seen["statusReason"], "startedAt": now_s, "serviceRevisionArn": primary.get("_revision", "")}
        seen["rollback"] = back
    if seen != record:
        seen["updatedAt"] = now_s
    if found in ENDED:
        seen["finishedAt"] = now_s
        if found != "SUCCESSFUL":
            seen["stoppedAt"] = now_s
    return seen


def counts(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts of a service revision, and its traffic weight, from those of its deployment."""
    names = {"requestedTaskCount": "desired", "runningTaskCount": "running", "pendingTaskCount": "pending"}
    weight = {"requestedProductionTrafficWeight": deployment["_weight"]} if "_weight" in deployment else {}
    return {name: int(deployment.get(f"{count}Count", 0)) for name, count in names.items()} | weight


def breaker(service: Mapping[str, Any], deployment: Mapping[str, Any], found: str, threshold: int) -> dict[str, Any]:
    """Return the state of the circuit breaker of a deployment."""
    configured = (service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    if not configured.get("enable"):
        state = "DISABLED"
    elif deployment["rolloutState"] == "FAILED" and not deployment.get("_reason"):
        state = "TRIGGERED"
    else:
        state = "MONITORING_COMPLETE" if found in ENDED else "MONITORING"
    return {"status": state, "failureCount": int(deployment.get("failedTasks", 0)), "threshold": threshold}


def revision(
    service: Mapping[str, Any], arn: str, containers: Sequence[Mapping[str, Any]], now_s: float
) -> dict[str, Any]:
    """Return the service revision that a deployment deploys.

    Args:
        service: as MiniStack keeps it.
        arn: of the revision.
        containers: of its task definition.
        now_s: seconds of the epoch.
    """
    images = [{"containerName": container["name"], "image": container.get("image", "")} for container in containers]
    kept = {name: service[name] for name in REVISION if service.get(name)}
    own = {"serviceRevisionArn": arn, "serviceArn": service["serviceArn"], "clusterArn": service["clusterArn"]}
    return {**own, **kept, "containerImages": images, "createdAt": now_s}


def resolved(service: Mapping[str, Any], side: int) -> dict[str, Any]:
    """Return the target groups of a revision whose traffic shifts, as DescribeServiceRevisions names them.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ResolvedConfiguration.html

    Args:
        service: as MiniStack keeps it.
        side: which of the two target groups of each load balancer the revision has, 0 or 1.
    """
    shifting = [each for each in service.get("loadBalancers") or [] if each.get("advancedConfiguration")]
    return {
        "loadBalancers": [
            {
                "targetGroupArn": (
                    balancer["targetGroupArn"],
                    balancer["advancedConfiguration"]["alternateTargetGroupArn"],
                )[side],
                **{
                    name: balancer["advancedConfiguration"][name]
                    for name in ("productionListenerRule", "testListenerRule")
                    if name in balancer["advancedConfiguration"]
                },
            }
            for balancer in shifting
        ]
    }


def first_cause(tasks: Sequence[Mapping[str, Any]]) -> str:
    """Say why the first of a deployment's tasks stopped; empty where none stopped by itself."""
    ended = [
        task
        for task in tasks
        if str(task.get("_stopping")).startswith(FAILED_HEALTH_CHECKS)
        or (task.get("stoppedAt") and task.get("stopCode") not in OWN_STOPS)
    ]
    if not ended:
        return ""
    # A task that is still draining has not stopped yet.
    task = min(ended, key=lambda each: str(each.get("stoppedAt") or "9999"))
    exits = [
        f"container {container['name']} exited with {container['exitCode']}"
        for container in task.get("containers", [])
        if container.get("exitCode") is not None and task.get("stopCode") not in OWN_STOPS
    ]
    name = str(task["taskArn"]).rpartition("/")[2]
    return f"task {name}: {'; '.join([str(task.get('_stopping') or task.get('stoppedReason') or 'stopped'), *exits])}"


def brief(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service deployment as ListServiceDeployments lists it."""
    names = ("serviceDeploymentArn", "serviceArn", "clusterArn", "startedAt", "createdAt", "finishedAt", "status")
    listed = {name: record[name] for name in (*names, "statusReason") if record.get(name)}
    return {**listed, "targetServiceRevisionArn": record["targetServiceRevision"]["arn"]}


def _source(source: Mapping[str, Any], deployments: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    own = next((each for each in deployments if each.get("_revision") == source["arn"]), {})
    return {**source, **counts(own), "requestedTaskCount": source["requestedTaskCount"]}
