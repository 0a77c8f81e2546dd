# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health of a service's containers: a deployment waits for it, and a task that loses it is replaced.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
"""

from __future__ import annotations

import time
from typing import Any

from ministack.services import ecs

from embedded_aws.extension.services import scheduler
from embedded_aws.extension.tasks import health_checks

FAILED = "Task failed container health checks"


def are_healthy(_cluster: str, service: dict[str, Any], primary: dict[str, Any]) -> bool:
    """Return whether each running task of a deployment passes the health checks of its containers."""
    return not any(
        health_checks.is_pending(task)
        for task in scheduler.tasks_of(service)
        if task.get("_deployment_id") == primary["id"] and task.get("lastStatus") == "RUNNING"
    )


def replace_failed(service: dict[str, Any]) -> None:
    """Stop the unhealthy tasks of a service; each counts as a failed task of its deployment."""
    grace_s = float(service.get("healthCheckGracePeriodSeconds") or 0)
    for task in scheduler.tasks_of(service):
        is_failed = task.get("healthStatus") == "UNHEALTHY" and task.get("lastStatus") == "RUNNING"
        if is_failed and time.time() - ecs._ts_to_epoch(task["startedAt"]) >= grace_s:
            is_first = scheduler.stop(service, task["taskArn"], FAILED)
            if is_first:
                ecs._record_service_task_failure(task)


def install() -> None:
    """Let deployments wait for the health of their containers, and services replace tasks without it."""
    scheduler.proofs.append(lambda _service, task: not health_checks.is_pending(task))
    scheduler.gates.append(are_healthy)
    scheduler.observers.append(replace_failed)
