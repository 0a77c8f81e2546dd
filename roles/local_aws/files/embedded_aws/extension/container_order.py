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
    """Return the places of container definitions in an order in which each comes after those that it waits for.

    Raises:
        DependencyError: containers wait for each other, or one for a container that the task does not have.
    """
    places = {definition["name"]: place for place, definition in enumerate(definitions)}
    waits = [[each["containerName"] for each in definition.get("dependsOn") or []] for definition in definitions]
    order: list[int] = []
    while len(order) < len(definitions):
        ready = [
            place
            for place in range(len(definitions))
            if place not in order and all(places.get(name) in order for name in waits[place])
        ]
        if not ready:
            left = ", ".join(definitions[place]["name"] for place in range(len(definitions)) if place not in order)
            raise DependencyError(
                f"Task failed to start: the containers {left} wait for each other, or for one that is not there"
            )
        order.append(ready[0])
    return order


def is_met(condition: str, exit_code: int | None) -> bool | None:
    """Tell whether a started container meets a condition; None where it cannot any more.

    Args:
        condition: START, COMPLETE, SUCCESS or HEALTHY. There are no health checks here: what runs is healthy.
        exit_code: of the container; None while it runs.
    """
    if condition == "START":
        return True
    if condition == "HEALTHY":
        return True if exit_code is None else None
    if exit_code is None:
        return False
    return True if condition == "COMPLETE" or exit_code == 0 else None


def install() -> None:
    """Let MiniStack's tasks start their containers in the order that they ask for."""
    start_worker, run_container = ecs._start_task_worker, ecs._run_docker_container

    def start_in_order(task: dict[str, Any], definition: dict[str, Any], *rest: Any) -> None:
        # A copy, since the definition is that of other tasks too.
        definition = dict(definition)
        _present.task, _present.definition = task, definition
        # One order for all three, since MiniStack goes by their places.
        ordered = ((definition, "containerDefinitions"), (task, "containers"), (task, "_container_essentials"))
        try:
            order = start_order(definition["containerDefinitions"])
            with ecs.resource_lock("ecs-task", task["taskArn"]):
                for record, name in ordered:
                    record[name] = [record[name][place] for place in order]
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
    place = next(place for place, each in enumerate(definitions) if each["name"] == name)
    limit_s = definitions[place].get("startTimeout") or START_TIMEOUT_S
    until_s = time.monotonic() + limit_s
    while ecs._task_is_active(task["taskArn"], task):
        exit_code = _exit_code(client, task["_docker_ids"][place])
        if exit_code is not None:
            with ecs.resource_lock("ecs-task", task["taskArn"]):
                task["containers"][place].update(lastStatus="STOPPED", exitCode=exit_code)
        met = is_met(condition, exit_code)
        if met:
            return
        if met is None:
            raise DependencyError(f"Task failed to start: container {waiting} waits for {name} ({condition})")
        if time.monotonic() > until_s:
            raise DependencyError(f"Task failed to start: {name} was not {condition} within {limit_s:g} s")
        time.sleep(LOOK_S)


def _exit_code(client: Any, container_id: str) -> int | None:
    container = client.containers.get(container_id)
    return int(container.wait()["StatusCode"]) if container.status == "exited" else None
