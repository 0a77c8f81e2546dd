# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's `dependsOn`: it starts after the containers that it waits for, or its task does not start.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ministack.services import ecs

# Where the dependency has no startTimeout; as long as a task on Fargate waits before it is given up.
START_TIMEOUT_S = 180.0
LOOK_S = 0.1
_present = threading.local()


class DependencyError(RuntimeError):
    """A container ended in a way that another one cannot start after, or not in time."""


def start_order(definitions: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the indexes of container definitions in an order in which each comes after its dependencies.

    Raises:
        DependencyError: containers wait for each other, or one for a container that the task does not have.
    """
    indexes = {definition["name"]: index for index, definition in enumerate(definitions)}
    waits = [[each["containerName"] for each in definition.get("dependsOn") or []] for definition in definitions]
    order: list[int] = []
    while len(order) < len(definitions):
        ready = [
            index
            for index in range(len(definitions))
            if index not in order and all(indexes.get(name) in order for name in waits[index])
        ]
        if not ready:
            left = ", ".join(definitions[index]["name"] for index in range(len(definitions)) if index not in order)
            raise DependencyError(
                f"Task failed to start: the containers {left} wait for each other, or for one that is not there"
            )
        order.append(ready[0])
    return order


def is_met(condition: str, exit_code: int | None, health: str = "") -> bool | None:
    """Return whether a started container meets a condition; None where it cannot any more.

    Args:
        condition: START, COMPLETE, SUCCESS or HEALTHY.
        exit_code: of the container; None while it runs.
        health: starting, healthy or unhealthy; empty where no health check can be run, and what runs is healthy.
    """
    if condition == "START":
        return True
    if condition == "HEALTHY":
        return health in ("", "healthy") if exit_code is None and health != "unhealthy" else None
    if exit_code is None:
        return False
    return True if condition == "COMPLETE" or exit_code == 0 else None


def install() -> None:
    """Have MiniStack's tasks start their containers in the order of their dependencies."""
    start_worker, run_container = ecs._start_task_worker, ecs._run_docker_container

    def start_in_order(task: dict[str, Any], definition: dict[str, Any], *rest: Any) -> None:
        # A copy, since the definition is that of other tasks too.
        definition = dict(definition)
        _present.task, _present.definition = task, definition
        # All three lists have one order, since MiniStack pairs them by index.
        ordered = ((definition, "containerDefinitions"), (task, "containers"), (task, "_container_essentials"))
        try:
            order = start_order(definition["containerDefinitions"])
            with ecs.resource_lock("ecs-task", task["taskArn"]):
                for record, name in ordered:
                    record[name] = [record[name][index] for index in order]
            start_worker(task, definition, *rest)
        except DependencyError as error:
            ecs._fail_task_start(task, rest[-1], str(error))

    def run_after(client: Any, container: Mapping[str, Any], *rest: Any, **more: Any) -> Any:
        for dependency in container.get("dependsOn") or []:
            _wait(client, container["name"], dependency["containerName"], dependency["condition"])
        return run_container(client, container, *rest, **more)

    ecs._start_task_worker = start_in_order
    ecs._run_docker_container = run_after


def _wait(client: Any, waiting: str, name: str, condition: str) -> None:
    """Wait until a container of the present task meets a condition, and note its end where it ends.

    Raises:
        DependencyError: it cannot meet it any more, or did not in time.
    """
    task = _present.task
    definitions = _present.definition["containerDefinitions"]
    index = next(index for index, each in enumerate(definitions) if each["name"] == name)
    limit_s = definitions[index].get("startTimeout") or START_TIMEOUT_S
    until_s = time.monotonic() + limit_s
    while ecs._task_is_active(task["taskArn"], task):
        exit_code, health = _state(client, task["_docker_ids"][index])
        if exit_code is not None:
            with ecs.resource_lock("ecs-task", task["taskArn"]):
                task["containers"][index].update(lastStatus="STOPPED", exitCode=exit_code)
        met = is_met(condition, exit_code, health)
        if met:
            return
        if met is None:
            raise DependencyError(f"Task failed to start: container {waiting} waits for {name} ({condition})")
        if time.monotonic() > until_s:
            raise DependencyError(f"Task failed to start: {name} was not {condition} within {limit_s:g} s")
        time.sleep(LOOK_S)


def _state(client: Any, container_id: str) -> tuple[int | None, str]:
    """Return the exit code of a container, None while it runs, and its health."""
    container = client.containers.get(container_id)
    exit_code = int(container.wait()["StatusCode"]) if container.status == "exited" else None
    return exit_code, (container.attrs["State"].get("Health") or {}).get("Status", "")
