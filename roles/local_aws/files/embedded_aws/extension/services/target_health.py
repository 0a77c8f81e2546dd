# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of a service's targets: a deployment waits for it, and a task that loses it is replaced.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-load-balancing.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ministack.services import ecs

from embedded_aws.extension.api import call
from embedded_aws.extension.services import scheduler
from embedded_aws.extension.services.deployments import FAILED_HEALTH_CHECKS as FAILED


def target_groups(load_balancer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the target groups that a load balancer of a service names."""
    if group := load_balancer.get("targetGroupArn"):
        yield group
    if group := (load_balancer.get("advancedConfiguration") or {}).get("alternateTargetGroupArn"):
        yield group


def are_healthy(_cluster: str, service: dict[str, Any], primary: dict[str, Any]) -> bool:
    """Return whether each task of a deployment is healthy in a target group of each load balancer of its service."""
    if not (balancers := service.get("loadBalancers")):
        return True
    addresses = {
        ecs._task_ip(task)
        for task in scheduler.tasks_of(service)
        if task.get("_deployment_id") == primary["id"] and task.get("lastStatus") == "RUNNING"
    }
    return all(addresses <= _healthy(balancer) for balancer in balancers)


def is_healthy(service: dict[str, Any], task: dict[str, Any]) -> bool:
    """Return whether a task is healthy in a target group of each load balancer of its service."""
    return all(ecs._task_ip(task) in _healthy(balancer) for balancer in service.get("loadBalancers") or [])


def failed(tasks: Sequence[Mapping[str, Any]], states: Mapping[str, str], grace_s: float, now_s: float) -> list[str]:
    """Return the tasks that fail the health checks of their targets after their grace period.

    Args:
        tasks: of a service, each with its ARN, its address, and the instant of its start.
        states: of targets by address, such as healthy or unhealthy.
        grace_s: seconds after a task's start in which its health does not matter.
        now_s: seconds of the epoch.
    """
    return [
        task["arn"]
        for task in tasks
        if states.get(task["address"]) == "unhealthy" and now_s - task["started_s"] >= grace_s
    ]


def replace_failed(service: dict[str, Any]) -> None:
    """Stop the tasks of a service whose targets are unhealthy; each counts as a failed task of its deployment."""
    running = {task["taskArn"]: task for task in scheduler.tasks_of(service) if task.get("lastStatus") == "RUNNING"}
    for balancer in service.get("loadBalancers") or []:
        for group in target_groups(balancer):
            tasks = [
                {"arn": arn, "address": ecs._task_ip(task), "started_s": ecs._ts_to_epoch(task["startedAt"])}
                for arn, task in running.items()
                if not task.get("_stopping")
            ]
            grace_s = float(service.get("healthCheckGracePeriodSeconds") or 0)
            for arn in failed(tasks, _states(group), grace_s, time.time()):
                if scheduler.stop(service, arn, f"{FAILED} in (target-group {group})"):
                    ecs._record_service_task_failure(running[arn])


def install() -> None:
    """Let deployments wait for the health of their targets, and services replace tasks without it."""
    scheduler.proofs.append(is_healthy)
    scheduler.gates.append(are_healthy)
    scheduler.observers.append(replace_failed)


def _healthy(load_balancer: Mapping[str, Any]) -> set[str]:
    groups = target_groups(load_balancer)
    return {address for group in groups for address, state in _states(group).items() if state == "healthy"}


def _states(group: str) -> dict[str, str]:
    found = call("elbv2", "DescribeTargetHealth", TargetGroupArn=group)["TargetHealthDescriptions"]
    return {target["Target"]["Id"]: target["TargetHealth"]["State"] for target in found}
