# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The responses of DescribeServices and DescribeServiceDeployments, read as deployments and counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import (
    ROLLED_BACK,
    ROLLING_BACK,
    SUCCESSFUL,
    Deployment,
    Event,
    Pause,
    RevisionTasks,
    Target,
)

PRIMARY = "PRIMARY"
EARLIEST = datetime.min.replace(tzinfo=UTC)
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html (rolloutState)
STATUS_BY_ROLLOUT_STATE = {"COMPLETED": SUCCESSFUL, "IN_PROGRESS": "IN_PROGRESS", "FAILED": "FAILED"}
GOES_BACK = re.compile(r"roll(ing|ed)?[ -]?back", re.IGNORECASE)


def short_name(arn: str) -> str:
    """Return family and revision of a task definition's ARN, such as web:8."""
    return arn.rpartition("/")[2]


def family_of(arn: str) -> str:
    """Return the family of a task definition's ARN."""
    return short_name(arn).partition(":")[0]


def revision_number(arn: str) -> int:
    """Return the number of a task definition's revision; 0 where the ARN has none."""
    number = short_name(arn).rpartition(":")[2]
    return int(number) if number.isdigit() else 0


def deployment_of(described: Mapping[str, Any], definition_by_revision: Mapping[str, str]) -> Deployment:
    """Return a service deployment.

    Args:
        described: as DescribeServiceDeployments returns it.
        definition_by_revision: ARN of the task definition by ARN of the service revision.
    """
    target = described.get("targetServiceRevision") or {}
    sources = [one["arn"] for one in described.get("sourceServiceRevisions") or []]
    breaker, alarms = described.get("deploymentCircuitBreaker") or {}, described.get("alarms") or {}
    has_breaker = breaker.get("status", "DISABLED") != "DISABLED"
    configuration = described.get("deploymentConfiguration") or {}
    reasons = (described.get("statusReason"), (described.get("rollback") or {}).get("reason"))
    return Deployment(
        arn=described["serviceDeploymentArn"],
        status=described["status"],
        task_definition=definition_by_revision.get(str(target.get("arn")), ""),
        created_at=described.get("createdAt"),
        source=next((definition_by_revision[arn] for arn in sources if arn in definition_by_revision), ""),
        reason=next((reason for reason in reasons if reason), ""),
        stage=described.get("lifecycleStage") or "",
        updated_at=described.get("updatedAt"),
        bake_minutes=float(configuration.get("bakeTimeInMinutes") or 0),
        traffic=target.get("requestedProductionTrafficWeight"),
        failures=breaker.get("failureCount") if has_breaker else None,
        threshold=breaker.get("threshold") if has_breaker else None,
        alarms=tuple(alarms.get("triggeredAlarmNames") or ()),
        pauses=tuple(_pauses(described.get("lifecycleHookDetails") or [])),
        can_be_stopped=True,
    )


def running_revision(described: Mapping[str, Any]) -> str:
    """Return the ARN of the service revision that a service deployment leaves running; empty where it names none.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Rollback.html

    Args:
        described: as DescribeServiceDeployments returns it.
    """
    if described["status"] not in ROLLING_BACK | ROLLED_BACK:
        return str((described.get("targetServiceRevision") or {}).get("arn") or "")
    sources = [one["arn"] for one in described.get("sourceServiceRevisions") or []]
    return str((described.get("rollback") or {}).get("serviceRevisionArn") or next(iter(sources), ""))


def classic_deployment(service: Mapping[str, Any], definition: str, deployment_id: str = "") -> Deployment | None:
    """Return a deployment as DescribeServices lists it, with the status that a service deployment would have.

    Args:
        service: as DescribeServices returns it.
        definition: ARN of the task definition that was requested; empty for that of the newest deployment.
        deployment_id: id of the deployment that is followed; empty for the newest one of the task definition.

    Returns:
        The deployment; None where the service has none. A deployment that is not listed any more has the status
        ROLLBACK_SUCCESSFUL or ROLLBACK_IN_PROGRESS where ECS says so of the primary one, else STOPPED.
    """
    listed: Sequence[Mapping[str, Any]] = sorted(service.get("deployments") or [], key=created, reverse=True)
    if not listed:
        return None
    primary = next((one for one in listed if one.get("status") == PRIMARY), listed[0])
    fitting = (
        one
        for one in listed
        if (not deployment_id or one["id"] == deployment_id)
        and (not definition or one.get("taskDefinition") == definition)
    )
    found = next(fitting, None)
    source = next((one["taskDefinition"] for one in listed if one is not found), "")
    if found is None:
        status = _status_after(primary, False)
        reason = str(primary.get("rolloutStateReason") or "")
        return Deployment(deployment_id or primary["id"], status, definition, reason=reason, source=source)
    state = STATUS_BY_ROLLOUT_STATE.get(str(found.get("rolloutState") or "COMPLETED"), "IN_PROGRESS")
    has_failed = found.get("rolloutState") == "FAILED"
    is_primary = found is primary
    return Deployment(
        arn=found["id"],
        status=state if is_primary else _status_after(primary, has_failed),
        task_definition=found["taskDefinition"],
        created_at=found.get("createdAt"),
        source=source,
        reason=str(found.get("rolloutStateReason") or ""),
        updated_at=found.get("updatedAt"),
    )


def _status_after(primary: Mapping[str, Any], has_failed: bool) -> str:
    """Return the status of a deployment that is not the primary one any more."""
    if not has_failed and not GOES_BACK.search(str(primary.get("rolloutStateReason") or "")):
        return "STOPPED"
    ends = {"COMPLETED": "ROLLBACK_SUCCESSFUL", "FAILED": "ROLLBACK_FAILED"}
    return ends.get(str(primary.get("rolloutState")), "ROLLBACK_IN_PROGRESS")


def revisions_of(service: Mapping[str, Any]) -> tuple[RevisionTasks, ...]:
    """Return the tasks of a service by revision, the oldest first.

    Args:
        service: as DescribeServices returns it.
    """
    return tuple(
        RevisionTasks(
            task_definition=str(one.get("taskDefinition") or ""),
            desired=one.get("desiredCount", 0),
            running=one.get("runningCount", 0),
            pending=one.get("pendingCount", 0),
            is_primary=one.get("status") == PRIMARY,
        )
        for one in sorted(service.get("deployments") or [], key=created)
    )


def events_of(service: Mapping[str, Any]) -> tuple[Event, ...]:
    """Return the events of a service, the oldest first.

    Args:
        service: as DescribeServices returns it, with the newest event first.
    """
    listed = list(service.get("events") or [])[::-1]
    return tuple(Event(one["id"], created(one), str(one.get("message") or "")) for one in listed)


def targets_of(group: str, descriptions: Iterable[Mapping[str, Any]]) -> list[Target]:
    """Return the targets of a target group.

    Args:
        group: its ARN.
        descriptions: as DescribeTargetHealth returns them.
    """
    return [
        Target(
            group=group,
            address=f"{one['Target']['Id']}:{one['Target'].get('Port', '')}".rstrip(":"),
            state=one["TargetHealth"]["State"],
            reason=one["TargetHealth"].get("Reason") or "",
            description=one["TargetHealth"].get("Description") or "",
        )
        for one in descriptions
    ]


def created(described: Mapping[str, Any]) -> datetime:
    """Return when a resource was created; the earliest instant where that is not known."""
    instant = described.get("createdAt")
    return instant if isinstance(instant, datetime) else EARLIEST


def _pauses(hooks: Iterable[Mapping[str, Any]]) -> Iterable[Pause]:
    for hook in hooks:
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContinueServiceDeployment.html
        if hook.get("targetType") == "PAUSE" and hook.get("status") == "AWAITING_ACTION":
            yield Pause(hook["hookId"], hook.get("expiresAt"), hook.get("timeoutAction") or "")
