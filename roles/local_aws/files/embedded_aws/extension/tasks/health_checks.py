# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's `healthCheck`, which MiniStack keeps and does not run; the container engine runs it.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import docker.errors
from ministack.core import responses
from ministack.services import ecs

NANOSECONDS = 10**9
# Seconds and counts where a health check names none:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
DEFAULTS = {"interval": 30, "timeout": 5, "retries": 3, "startPeriod": 0}
# In a task's record, the state of each container's check as the engine has it, by the container's name.
STATES = "_health_states"
# The instant of the next look at a task, by the monotonic clock; a look is a request, so a healthy task has fewer.
NEXT, HEALTHY_SECONDS = "_next_health", 2.0
STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"
UNKNOWN = "UNKNOWN"


def engine_check(check: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container definition's health check as the container engine takes it, with times in nanoseconds."""
    given = {**DEFAULTS, **{name: value for name, value in check.items() if value is not None}}
    return {
        "test": list(given["command"]),
        "interval": int(given["interval"]) * NANOSECONDS,
        "timeout": int(given["timeout"]) * NANOSECONDS,
        "retries": int(given["retries"]),
        "start_period": int(given["startPeriod"]) * NANOSECONDS,
    }


def task_health(states: Mapping[str, str], essential: Sequence[str]) -> str:
    """Return the healthStatus of a task.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html

    Args:
        states: of each container with a health check, by its name.
        essential: names of the task's essential containers.
    """
    known = [states[name] for name in essential if name in states]
    if UNHEALTHY in known:
        return "UNHEALTHY"
    return "HEALTHY" if known and all(state == HEALTHY for state in known) else UNKNOWN


def is_pending(task: Mapping[str, Any]) -> bool:
    """Return whether a container of a task has a health check that has not passed yet, or no longer passes."""
    return any(state != HEALTHY for state in (task.get(STATES) or {}).values())


def look() -> None:
    """Read the health of the containers that run, in every region and account."""
    now = time.monotonic()
    for (account, region, _arn), task in ecs._tasks.all_items():
        if task.get(STATES) and task["lastStatus"] == "RUNNING" and now >= task.get(NEXT, 0.0):
            with responses.request_scope(account, region):
                _read(task)
            task[NEXT] = now if is_pending(task) else now + HEALTHY_SECONDS


def install() -> None:
    """Have the container engine run the health checks of tasks."""
    settings = ecs._build_run_kwargs

    def with_check(container: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        found = settings(container, *rest, **more)
        check = container.get("healthCheck")
        if not check or check["command"][0] == "NONE":
            return found
        task = ecs._tasks.get(found["labels"]["com.amazonaws.ecs.task-arn"])
        if task is not None:
            task[STATES] = {**(task.get(STATES) or {}), container["name"]: STARTING}
        return {**found, "healthcheck": engine_check(check)}

    ecs._build_run_kwargs = with_check


def _read(task: dict[str, Any]) -> None:
    """Read the health of a task's containers; the engine has none of a check that it cannot run."""
    client = ecs._get_docker()
    if client is None:
        return
    states: dict[str, str] = {}
    for container, container_id in zip(task["containers"], task.get("_docker_ids") or [], strict=False):
        if container["name"] in task[STATES]:
            try:
                state = client.containers.get(container_id).attrs["State"]
            except docker.errors.APIError:
                return
            if status := (state.get("Health") or {}).get("Status"):
                states[container["name"]] = status
    essential = [
        container["name"]
        for container, is_essential in zip(task["containers"], task.get("_container_essentials") or [], strict=False)
        if is_essential
    ]
    with ecs.resource_lock("ecs-task", task["taskArn"]):
        task[STATES] = states
        task["healthStatus"] = task_health(states, essential)
        for container in task["containers"]:
            state = states.get(container["name"], "")
            container["healthStatus"] = state.upper() if state in (HEALTHY, UNHEALTHY) else UNKNOWN
