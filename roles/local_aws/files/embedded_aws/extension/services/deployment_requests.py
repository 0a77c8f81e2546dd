# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS's requests over service deployments, in the stead of MiniStack's, which answer with empty lists.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

from ministack.core import responses
from ministack.services import ecs

from embedded_aws.extension.services import deployments, scheduler
from embedded_aws.extension.services.rollout import refusal

Answer = tuple[int, dict[str, str], bytes]
Service = dict[str, Any]
# Members of a service that MiniStack's requests drop, and that have no effect on its tasks.
KEPT = ("availabilityZoneRebalancing", "enableECSManagedTags", "propagateTags", "serviceRegistries")
# Members that would have an effect, and have none here.
refused = {
    *("monitoring", "placementConstraints", "placementStrategy", "serviceConnectConfiguration"),
    *("volumeConfigurations", "vpcLatticeConfigurations"),
}
NOT_IN_PROGRESS = "The service deployment is not in a state that can be stopped."


def observe(service: Service) -> None:
    """Note what has become of the deployments of a service, and any new one."""
    with ecs.resource_lock("ecs-service-deployments", service["serviceArn"]):
        history: list[dict[str, Any]] = service.setdefault("_history", [])
        now_s, threshold = time.time(), ecs._circuit_breaker_threshold(service)
        primary = ecs._primary_deployment(service)
        known = {record["_deployment"] for record in history}
        if primary and primary["id"] not in known:
            history.insert(0, _record(service, primary, now_s))
        history[:] = [deployments.observed(record, service, now_s, threshold) for record in history]
        if history:
            newest = history[0]
            service["currentServiceDeployment"] = newest["serviceDeploymentArn"]
            service["currentServiceRevisions"] = [
                {"arn": each["_revision"], **deployments.counts(each)}
                for each in service["deployments"]
                if each.get("_revision") and (each["status"] == "PRIMARY" or each.get("runningCount"))
            ]


def fail(service: Service, reason: str, *, roll_back: bool) -> None:
    """Fail the deployment in progress of a service, and go back to the last completed one.

    Args:
        service: as MiniStack keeps it.
        reason: one sentence, for the status.
        roll_back: whether to go back; without it the tasks stay as they are.
    """
    cluster = service["clusterArn"].rpartition("/")[2]
    key = f"{cluster}/{service['serviceName']}"
    with ecs.resource_lock("ecs-service", key):
        failed = ecs._primary_deployment(service)
        if not failed or failed["rolloutState"] != "IN_PROGRESS":
            return
        failed.update(rolloutState="FAILED", rolloutStateReason=reason, desiredCount=0, _reason=reason)
        back = next((each for each in service["deployments"] if each["rolloutState"] == "COMPLETED"), None)
        if roll_back and back:
            failed["status"] = "ACTIVE"
            back.update(
                status="PRIMARY",
                desiredCount=service["desiredCount"],
                rolloutState="IN_PROGRESS",
                rolloutStateReason="ECS deployment rollback in progress.",
            )
            service["taskDefinition"] = back["taskDefinition"]
    scheduler.say(service, f"(deployment {failed['id']}) deployment failed: {reason}")
    observe(service)
    scheduler.reconcile(cluster, key)
    scheduler.complete(cluster, key)


def install() -> None:
    """Let ECS answer with the deployments that there are."""
    scheduler.observers.append(observe)
    for action in ("CreateService", "UpdateService"):
        ecs._ACTION_MAP[action] = _observed(ecs._ACTION_MAP[action])
    ecs._ACTION_MAP.update(
        ListServiceDeployments=list_deployments,
        DescribeServiceDeployments=describe_deployments,
        DescribeServiceRevisions=describe_revisions,
        StopServiceDeployment=stop_deployment,
    )


def list_deployments(request: Mapping[str, Any]) -> Answer:
    """ListServiceDeployments: the newest first."""
    service = service_of(request)
    if service is None:
        return _refusal("ServiceNotFoundException", "Service not found.", 400)
    observe(service)
    wanted, created = request.get("status") or [], request.get("createdAt") or {}
    found = [
        deployments.brief(record)
        for record in service["_history"]
        if (not wanted or record["status"] in wanted)
        and created.get("after", 0.0) <= record["createdAt"] <= created.get("before", float("inf"))
    ]
    start, size = int(request.get("nextToken") or 0), int(request.get("maxResults") or 20)
    more = {"nextToken": str(start + size)} if len(found) > start + size else {}
    return _answer({"serviceDeployments": found[start : start + size], **more})


def describe_deployments(request: Mapping[str, Any]) -> Answer:
    """DescribeServiceDeployments."""
    known = {record["serviceDeploymentArn"]: record for record in _records()}
    return _found("serviceDeployments", request.get("serviceDeploymentArns") or [], known)


def describe_revisions(request: Mapping[str, Any]) -> Answer:
    """DescribeServiceRevisions."""
    known = {record["targetServiceRevision"]["arn"]: record["_revision"] for record in _records()}
    return _found("serviceRevisions", request.get("serviceRevisionArns") or [], known)


def stop_deployment(request: Mapping[str, Any]) -> Answer:
    """StopServiceDeployment: roll back, or abort."""
    arn = request.get("serviceDeploymentArn", "")
    for service in ecs._services.values():
        for record in service.get("_history", []):
            if record["serviceDeploymentArn"] != arn:
                continue
            observe(service)
            primary = ecs._primary_deployment(service)
            if not primary or primary["id"] != record["_deployment"] or primary["rolloutState"] != "IN_PROGRESS":
                return _refusal("ConflictException", NOT_IN_PROGRESS, 400)
            roll_back = request.get("stopType", "ROLLBACK") == "ROLLBACK"
            reason = f"Service deployment {'rolled back' if roll_back else 'stopped'} because it was stopped by a user."
            fail(service, reason, roll_back=roll_back)
            return _answer({"serviceDeploymentArn": arn})
    message = "The service deployment was not found."
    return _refusal("ServiceDeploymentNotFoundException", message, 400)


def _record(service: Service, primary: dict[str, Any], now_s: float) -> dict[str, Any]:
    """Return the record of a deployment that has just started."""
    cluster, name = service["clusterArn"].rpartition("/")[2], service["serviceName"]
    prefix, number = service["serviceArn"].partition(":service/")[0], uuid4().int
    revision_arn = f"{prefix}:service-revision/{cluster}/{name}/{number % 10**19:019d}"
    primary["_revision"] = revision_arn
    definition = ecs._task_defs.get(ecs._resolve_td_key(primary["taskDefinition"])) or {}
    before = [each for each in service["deployments"] if each is not primary]
    sources = [
        {"arn": each["_revision"], **deployments.counts(each)}
        for each in before
        if each.get("_revision") and each["rolloutState"] == "COMPLETED"
    ]
    return {
        "serviceDeploymentArn": f"{prefix}:service-deployment/{cluster}/{name}/{uuid4().hex[:22]}",
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "createdAt": now_s,
        "startedAt": now_s,
        "updatedAt": now_s,
        "status": "IN_PROGRESS",
        "sourceServiceRevisions": sources,
        "targetServiceRevision": {"arn": revision_arn, **deployments.counts(primary)},
        "deploymentConfiguration": service.get("deploymentConfiguration") or {},
        "_deployment": primary["id"],
        "_before": [each["id"] for each in before],
        "_revision": deployments.revision(service, revision_arn, definition.get("containerDefinitions", []), now_s),
    }


def _observed(action: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    """Look at a service before and after a request that may start a deployment of it."""

    def answer(request: dict[str, Any]) -> Answer:
        for name in sorted(refused):
            if request.get(name):
                message = f"{name} is not kept by the embedded AWS -> leave it out in this environment"
                return _refusal("InvalidParameterException", message, 400)
        if reason := refusal(request.get("deploymentConfiguration")):
            return _refusal("InvalidParameterException", f"deploymentConfiguration.{reason}", 400)
        before = service_of({**request, "service": request.get("service") or request.get("serviceName", "")})
        if before:
            observe(before)
        status, headers, body = action(request)
        if status >= 400:
            return status, headers, body
        service = service_of({**request, "service": json.loads(body)["service"]["serviceArn"]})
        if service is None:
            return status, headers, body
        service.update({name: request[name] for name in KEPT if name in request})
        observe(service)
        return _answer({"service": ecs._sanitize(service)})

    return answer


def service_of(request: Mapping[str, Any]) -> Service | None:
    """Return the service that a request names; None where it names none."""
    cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
    reference = ecs._resolve_service_ref(request.get("service", ""))
    if cluster is None or reference is None:
        return None
    service: Service | None = ecs._services.get(f"{reference[1] or cluster}/{reference[0]}")
    return service


def _records() -> list[dict[str, Any]]:
    services = ecs._services.values()
    for service in services:
        observe(service)
    return [record for service in services for record in service.get("_history", [])]


def _found(member: str, arns: list[str], known: Mapping[str, Mapping[str, Any]]) -> Answer:
    found = [ecs._sanitize(dict(known[arn])) for arn in arns if arn in known]
    failures = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known]
    return _answer({member: found, "failures": failures})


def _answer(document: Mapping[str, Any]) -> Answer:
    answer: Answer = responses.json_response(document)
    return answer


def _refusal(code: str, message: str, status: int) -> Answer:
    answer: Answer = responses.error_response_json(code, message, status)
    return answer
