# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scheduler of services, in MiniStack's stead: it does what the schedule decides.

MiniStack restarts failing tasks without a pause, stops the old tasks of a failed deployment, and protects no task.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from typing import Any

from ministack.core import responses
from ministack.services import ecs

from embedded_aws.extension.services import protection
from embedded_aws.extension.services.rollout import ROLLING, strategy
from embedded_aws.extension.services.schedule import Plan, Task, is_rolled_out, next_pause, next_step

Service = dict[str, Any]
# What else a deployment waits for before it is complete; each returns whether it may be completed.
gates: list[Callable[[str, Service, dict[str, Any]], bool]] = []
# What else a task needs before it is healthy; each returns whether the task of the service has it.
proofs: list[Callable[[Service, dict[str, Any]], bool]] = []
# What looks at a service after it has changed.
observers: list[Callable[[Service], None]] = []


def plan_of(service: Service) -> Plan:
    """Return what a service wants."""
    primary = ecs._primary_deployment(service) or {"id": "", "rolloutState": "COMPLETED"}
    configuration = service.get("deploymentConfiguration") or {}
    definition = ecs._task_defs.get(ecs._resolve_td_key(service.get("taskDefinition", ""))) or {}
    return Plan(
        desired=int(service.get("desiredCount", 0)),
        primary=primary["id"],
        state=primary["rolloutState"],
        minimum_percent=int(configuration.get("minimumHealthyPercent", 100)),
        maximum_percent=int(configuration.get("maximumPercent", 200)),
        one_first=bool(primary["id"] and ecs._deployment_needs_first_task(primary, definition, service)),
        may_start=time.monotonic() >= service.get("_paused_until", 0.0),
        keeps_others=strategy(configuration) != ROLLING,
    )


def tasks_of(service: Service) -> list[dict[str, Any]]:
    """Return the tasks of a service, stopped ones too, as MiniStack keeps them."""
    group = f"service:{service['serviceName']}"
    return [
        task
        for task in ecs._tasks.values()
        if task.get("group") == group and task.get("clusterArn") == service["clusterArn"]
    ]


def live_tasks(service: Service) -> list[Task]:
    """Return the tasks of a service that are not stopped."""
    now_s = time.time()
    return [
        Task(
            arn=task["taskArn"],
            deployment=(ecs._deployment_for_task(service, task) or {"id": ""})["id"],
            created_at=task.get("createdAt", ""),
            running=task["lastStatus"] == "RUNNING",
            stable=bool(task.get("_startup_stable")),
            protected=protection.is_protected(task, now_s),
        )
        for task in tasks_of(service)
        if task.get("lastStatus") in ecs._PRE_STOP_STATUSES and not task.get("_stopping")
    ]


def reconcile(cluster: str, key: str) -> None:
    """Start and stop the tasks of a service as its schedule decides."""
    service = ecs._services.get(key)
    if not service or service["status"] != "ACTIVE":
        return
    with ecs.resource_lock("ecs-schedule", key):
        step = next_step(plan_of(service), live_tasks(service))
        primary = ecs._primary_deployment(service)
        if step.start and primary:
            _start(cluster, service, primary, step.start)
        for arn in step.stop:
            stop(service, arn, f"Scaling activity initiated by (deployment {primary['id'] if primary else ''})")
    if step.stop or step.start:
        ecs._recount_cluster(cluster)
    ecs._refresh_service_state(cluster, f"service:{service['serviceName']}")
    if service["desiredCount"] == 0:
        complete(cluster, key)


def complete(cluster: str, key: str, expected_deployment_id: str | None = None) -> None:
    """Complete the deployment in progress of a service where it is rolled out, then stop the tasks of the others."""
    service = ecs._services.get(key)
    if not service or service["status"] != "ACTIVE":
        return
    primary = ecs._primary_deployment(service)
    if not primary or expected_deployment_id not in (None, primary["id"]):
        return
    if not is_rolled_out(plan_of(service), live_tasks(service)):
        return
    if not all(gate(cluster, service, primary) for gate in gates):
        return
    with ecs.resource_lock("ecs-service", key):
        if primary["rolloutState"] != "IN_PROGRESS":
            return
        reason = f"ECS deployment {primary['id']} completed."
        primary.update(rolloutState="COMPLETED", rolloutStateReason=reason, updatedAt=ecs._iso(), _served=True)
    say(service, f"(deployment {primary['id']}) deployment completed.")
    say(service, "has reached a steady state.")
    reconcile(cluster, key)
    for observe in observers:
        observe(service)


def stop(service: Service, arn: str, reason: str) -> bool:
    """Stop a task of a service without waiting for its end, which may take as long as its requests do.

    Returns:
        Whether it was not being stopped already.
    """
    # A task with a reason is not counted any more; several threads may stop one, and the first one's reason stands.
    if ecs._tasks[arn].setdefault("_stopping", reason) is not reason:
        return False
    context = contextvars.copy_context()
    request = {"task": arn, "cluster": service["clusterArn"].rpartition("/")[2], "reason": reason}
    ecs.spawn_background(context.run, ecs._stop_task, request, thread_name="embedded-aws-stop")
    return True


def say(service: Service, message: str) -> None:
    """Add an event to a service."""
    event = {"id": ecs.new_uuid(), "createdAt": ecs._iso(), "message": f"(service {service['serviceName']}) {message}"}
    service["events"].insert(0, event)


def look() -> None:
    """Look at all services: what waits for a pause, a protection, or a target's health goes on."""
    for (account, region, _key), service in ecs._services.all_items():
        if service["status"] == "ACTIVE":
            with responses.request_scope(account, region):
                cluster = service["clusterArn"].rpartition("/")[2]
                key = f"{cluster}/{service['serviceName']}"
                reconcile(cluster, key)
                complete(cluster, key)
                for observe in observers:
                    observe(service)


def install() -> None:
    """Let MiniStack schedule services this way."""
    record_failure, record_healthy = ecs._record_service_task_failure, ecs._record_service_task_healthy

    def record_failure_and_pause(task: dict[str, Any], *rest: Any, **more: Any) -> None:
        key = f"{task.get('clusterArn', '').rpartition('/')[2]}/{task.get('group', '').partition(':')[2]}"
        service = ecs._services.get(key)
        if service and time.monotonic() >= service.get("_paused_until", 0.0):
            pause_s = service["_pause_s"] = next_pause(service.get("_pause_s", 0.0))
            service["_paused_until"] = time.monotonic() + pause_s
        record_failure(task, *rest, **more)
        if service:
            for observe in observers:
                observe(service)

    def record_healthy_and_resume(key: str, task: dict[str, Any]) -> None:
        service = ecs._services.get(key)
        deployment = ecs._deployment_for_task(service, task) if service else None
        failed_before = (deployment or {}).get("failedTasks", 0)
        record_healthy(key, task)
        # A task that merely runs is not healthy, so it forgives no failure of the tasks before it.
        if service and deployment and not all(proof(service, task) for proof in proofs):
            deployment["failedTasks"] = failed_before
        elif service and task.get("_startup_stable"):
            service.pop("_pause_s", None)

    mark_stopped = ecs._mark_task_stopped

    def mark_stopped_by_scheduler(
        arn: str, task: dict[str, Any], reason: str, code: str, exit_code: int | None = None
    ) -> Any:
        by_scheduler = task.get("_stopping") and code == "UserInitiated"
        return mark_stopped(arn, task, reason, "ServiceSchedulerInitiated" if by_scheduler else code, exit_code)

    ecs._mark_task_stopped = mark_stopped_by_scheduler
    ecs._reconcile_service_tasks = reconcile
    ecs._complete_service_deployment = complete
    ecs._record_service_task_failure = record_failure_and_pause
    ecs._record_service_task_healthy = record_healthy_and_resume


def _start(cluster: str, service: Service, primary: dict[str, Any], count: int) -> None:
    request = {
        "cluster": cluster,
        "taskDefinition": primary["taskDefinition"],
        "count": count,
        "group": f"service:{service['serviceName']}",
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html: the id of the deployment
        "startedBy": primary["id"],
        "launchType": service.get("launchType"),
        "capacityProviderStrategy": service.get("capacityProviderStrategy"),
        "platformVersion": service.get("platformVersion", ""),
        "networkConfiguration": service.get("networkConfiguration", {}),
        "enableExecuteCommand": service.get("enableExecuteCommand", False),
        "_deploymentId": primary["id"],
    }
    if service.get("propagateTags") == "SERVICE":
        request["tags"] = list(ecs._tags.get(service["serviceArn"]) or [])
    ecs._run_task(request)
