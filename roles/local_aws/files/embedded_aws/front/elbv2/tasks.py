# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that serve requests stop once they are drained: MiniStack kills them while they serve.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ministack.services import alb, ecs

from embedded_aws.front.elbv2.service import Service, registered, scoped
from embedded_aws.front.health import DELAY

POLL_SECONDS = 0.1


class Drain(NamedTuple):
    """What a task is drained of before it stops.

    Attributes:
        seconds: within which it is drained, or stops all the same.
        is_done: returns whether it is drained.
    """

    seconds: float
    is_done: Callable[[], bool]


# Each returns what a running task has to be drained of.
drains: list[Callable[[Mapping[str, Any]], list[Drain]]] = []


def install(service: Service) -> None:
    """Let ECS drain a task of a service before it stops it."""
    drains.append(lambda task: _of_target_groups(service, task))
    stop: Callable[[Mapping[str, Any]], Any] = ecs._stop_task

    def drain_and_stop(request: Mapping[str, Any]) -> Any:
        cluster = ecs._resolve_cluster_name(request.get("cluster", "default"))
        task = ecs._resolve_task(request.get("task", ""), cluster)
        if task is None:
            return stop(request)
        if task["lastStatus"] == "DEACTIVATING":
            return ecs.json_response({"task": ecs._sanitize(task)})
        found = [drain for of_task in drains for drain in of_task(task)] if task["lastStatus"] == "RUNNING" else []
        if not found:
            return stop(request)
        # Envoy gets the running tasks of a service as targets, and no others.
        task.update(lastStatus="DEACTIVATING", desiredStatus="STOPPED")
        ecs._refresh_service_state(cluster, task["group"])
        started = time.monotonic()

        def is_over(drain: Drain) -> bool:
            return time.monotonic() - started >= drain.seconds or drain.is_done()

        def finish() -> None:
            while not all(map(is_over, found)):
                time.sleep(POLL_SECONDS)
            # MiniStack stops only a task that is to run.
            task["desiredStatus"] = "RUNNING"
            stop(request)

        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(finish,), name="front-drain", daemon=True).start()
        return ecs.json_response({"task": ecs._sanitize(task)})

    ecs._stop_task = drain_and_stop


def _of_target_groups(service: Service, task: Mapping[str, Any]) -> list[Drain]:
    groups = groups_of(task)
    if not groups:
        return []
    return [Drain(max(map(delay, groups)), lambda: are_drained(service, groups, ecs._task_ip(task)))]


def groups_of(task: Mapping[str, Any]) -> list[str]:
    """Return the target groups in which a task of a service is registered."""
    address = ecs._task_ip(task)
    if not address or not str(task.get("group", "")).startswith("service:"):
        return []
    return [arn for arn in scoped(alb._tgs) if any(target.id == address for target in registered(arn))]


def are_drained(service: Service, groups: list[str], address: str) -> bool:
    """Return whether a task has no request in progress in any of its target groups, and gets no new one."""
    return all(
        all(target.id != address for target in registered(arn)) and service.front.is_drained(arn, address)
        for arn in groups
    )


def delay(group_arn: str) -> float:
    """Return the deregistration delay of a target group, in seconds."""
    attributes = {one["Key"]: one["Value"] for one in scoped(alb._tg_attrs).get(group_arn, [])}
    return float(attributes.get("deregistration_delay.timeout_seconds", DELAY))
