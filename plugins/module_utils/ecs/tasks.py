# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS tasks: the facts of task definitions and DescribeTasks, in the shape that the module returns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tokens import TOKEN_VARIABLE

Task = dict[str, Any]

# "You can describe up to 100 tasks in a single operation":
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
DESCRIBE_LIMIT = 100

# Exit codes of a container that ECS's SIGTERM ends, and of one that ECS kills after stopTimeout.
STOPPED_CODES = (143, 137)
PHASES = ("provisioning_s", "pull_s", "start_s", "run_s", "stop_s")
# The instants between which the phases lie: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html
INSTANTS = ("createdAt", "pullStartedAt", "pullStoppedAt", "startedAt", "executionStoppedAt", "stoppedAt")
# "1 vCPU" and "2 GB" are in units of 1,024:
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html
SIZE = re.compile(r"\s*(?P<number>[0-9]+|[0-9]*\.[0-9]+)\s*(?P<unit>vcpu|gb)?\s*", re.IGNORECASE)


def essential_containers(definition: Mapping[str, Any]) -> list[str]:
    """List the names of the containers whose end ends the task.

    Args:
        definition: the task definition, as DescribeTaskDefinition returns it.
    """
    return [one["name"] for one in definition["containerDefinitions"] if one.get("essential", True)]


def deciding_containers(definition: Mapping[str, Any], exit_container: str | None) -> list[str]:
    """List the names of the containers whose exit codes make the task's: the named one, else all essential ones.

    Args:
        definition: the task definition, as DescribeTaskDefinition returns it.
        exit_container: name of the container that decides alone; None for none.
    """
    return [exit_container] if exit_container else essential_containers(definition)


def task_of(described: Mapping[str, Any], deciding: Sequence[str]) -> Task:
    """Convert a task of DescribeTasks or RunTask to the shape that the module returns, without logs and cause.

    Args:
        described: the task as ECS describes it.
        deciding: names of the containers whose exit codes make the task's.

    Returns:
        The fields that ECS returns, None for the others: instants in ISO 8601, ``cpu`` in units (1,024 to a vCPU),
        ``memory`` in MiB, ``ephemeral_storage`` in GiB, ``phases`` in seconds. ``index`` is None; only the launch
        knows it.
    """
    containers = [
        {
            "name": one["name"],
            "exit_code": one.get("exitCode"),
            "reason": one.get("reason") or None,
            "decides": one["name"] in deciding,
        }
        for one in described.get("containers", [])
    ]
    decisive = deciding_container([one for one in containers if one["decides"]])
    # ECS gives the task definition's sizes even where the launch has overridden them.
    sized = [described.get("overrides") or {}, described]
    storage = _first(one.get("ephemeralStorage") for one in sized) or described.get("fargateEphemeralStorage") or {}
    return {
        "task_arn": described["taskArn"],
        "task_id": described["taskArn"].rpartition("/")[2],
        "index": None,
        "last_status": described.get("lastStatus", "UNKNOWN"),
        "stop_code": described.get("stopCode") or None,
        "stopped_reason": described.get("stoppedReason") or None,
        "exit_code": decisive["exit_code"] if decisive else None,
        "exit_container": decisive["name"] if decisive else None,
        "containers": containers,
        "launch_type": described.get("launchType") or None,
        "capacity_provider": described.get("capacityProviderName") or None,
        "platform_version": described.get("platformVersion") or None,
        "availability_zone": described.get("availabilityZone") or None,
        "cpu": _size(_first(one.get("cpu") for one in sized)),
        "memory": _size(_first(one.get("memory") for one in sized)),
        "ephemeral_storage": storage.get("sizeInGiB"),
        "image_digests": {
            one["name"]: one["imageDigest"] for one in described.get("containers", []) if one.get("imageDigest")
        },
        "created_at": _instant(described.get("createdAt")),
        "pull_started_at": _instant(described.get("pullStartedAt")),
        "pull_stopped_at": _instant(described.get("pullStoppedAt")),
        "started_at": _instant(described.get("startedAt")),
        "stopping_at": _instant(described.get("stoppingAt")),
        "execution_stopped_at": _instant(described.get("executionStoppedAt")),
        "stopped_at": _instant(described.get("stoppedAt")),
        "phases": phases(described),
    }


def phases(described: Mapping[str, Any]) -> dict[str, float | None]:
    """Return how long the phases of a task took, by ECS' own instants.

    Args:
        described: the task as ECS describes it.

    Returns:
        Seconds: ``provisioning_s`` until its image is pulled, ``pull_s``, ``start_s`` until it runs, ``run_s`` until
        its containers have ended, ``stop_s`` until ECS has cleared up, and ``total_s`` of all. None where an instant
        is missing; only for the end of the containers that of the task stands in.
    """
    instants = {name: described.get(name) for name in INSTANTS}
    took = dict(zip(PHASES, (_between(instants, *ends) for ends in pairwise(INSTANTS)), strict=True))
    if took["run_s"] is None:
        took["run_s"] = _between(instants, "startedAt", "stoppedAt")
    return took | {"total_s": _between(instants, "createdAt", "stoppedAt")}


def combined_exit_code(exit_codes: Iterable[int | None]) -> int | None:
    """Return the first exit code that is not 0, else 0; None where there is none."""
    known = [code for code in exit_codes if code is not None]
    return next((code for code in known if code), known[0] if known else None)


def deciding_container(containers: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Choose the container whose exit code counts for all: the first that failed, else the first; None for none.

    Where one essential container ends, ECS stops the others, and does not report which ended first: a container
    with an exit code of its own comes before those that ECS may have stopped after it.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html

    Args:
        containers: as the module returns it; those without an exit code do not count.
    """
    known = [one for one in containers if one["exit_code"] is not None]
    failed = [one for one in known if one["exit_code"]]
    by_itself = [one for one in failed if not may_be_stopped(one)]
    return next(iter(by_itself or failed or known), None)


def may_be_stopped(container: Mapping[str, Any]) -> bool:
    """Return whether a container may have ended only because ECS stopped it.

    Args:
        container: as the module returns it.
    """
    return container["exit_code"] in STOPPED_CODES and not container["reason"]


def token_of(described: Mapping[str, Any]) -> str | None:
    """Return what a task's overrides say of the call that launched it; None where they say nothing.

    Args:
        described: the task as ECS describes it.
    """
    return variable_of(described, TOKEN_VARIABLE)


def variable_of(described: Mapping[str, Any], name: str) -> str | None:
    """Return the value of an environment variable in a task's overrides; None where they do not set it.

    Args:
        described: the task as ECS describes it.
        name: of the variable.
    """
    return next((str(one["value"]) for one in _environment(described) if one.get("name") == name), None)


def _environment(described: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    overrides = described.get("overrides") or {}
    for container in overrides.get("containerOverrides") or []:
        yield from container.get("environment") or []


def _first(values: Iterable[Any]) -> Any:
    """Return the first value that says something."""
    return next((value for value in values if value), None)


def _size(value: Any) -> int | None:
    """Read a size in its small unit, CPU units or MiB; None where it is none."""
    match = SIZE.fullmatch(str(value))
    return round(float(match["number"]) * (1024 if match["unit"] else 1)) if match else None


def _between(instants: Mapping[str, Any], begin: str, end: str) -> float | None:
    begun, ended = instants[begin], instants[end]
    if not isinstance(begun, datetime) or not isinstance(ended, datetime):
        return None
    # The instants come from several clocks: a short phase may seem to end before it begins.
    return round(max(0.0, (ended - begun).total_seconds()), 3)


def _instant(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value


def find_tasks(ecs: Any, cluster: str, started_by: str) -> list[dict[str, Any]]:
    """Describe the tasks that carry a mark, the stopped ones too for as long as ECS remembers them.

    Args:
        ecs: a boto3 ECS client.
        cluster: the cluster's name or ARN.
        started_by: the mark.

    Returns:
        The tasks as ECS describes them, the eldest first. See
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
    """
    arns = [
        arn
        for status in ("RUNNING", "STOPPED")
        for arn in list_arns(ecs, cluster, startedBy=started_by, desiredStatus=status)
    ]
    # A task that stopped between the two calls is in both.
    described, _missing = describe_tasks(ecs, cluster, list(dict.fromkeys(arns)))
    return sorted(described, key=lambda one: (one.get("createdAt") is None, one.get("createdAt"), one["taskArn"]))


def list_arns(ecs: Any, cluster: str, **filters: str) -> list[str]:
    """Return the ARNs of tasks, page by page.

    Args:
        ecs: a boto3 ECS client.
        cluster: the cluster's name or ARN.
        filters: further members of ListTasks.
    """
    found: list[str] = []
    request = {"cluster": cluster, **filters}
    while True:
        page = ecs.list_tasks(**request)
        found += page["taskArns"]
        if not page.get("nextToken"):
            return found
        request["nextToken"] = page["nextToken"]


def describe_tasks(ecs: Any, cluster: str, tasks: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Describe tasks, a hundred a call.

    Args:
        ecs: a boto3 ECS client.
        cluster: the cluster's name or ARN.
        tasks: ids or ARNs.

    Returns:
        The tasks as ECS describes them, and the ARNs of those that it does not know.
    """
    described: list[dict[str, Any]] = []
    missing: list[str] = []
    for first in range(0, len(tasks), DESCRIBE_LIMIT):
        answer = ecs.describe_tasks(cluster=cluster, tasks=list(tasks[first : first + DESCRIBE_LIMIT]))
        described += answer["tasks"]
        missing += [str(failure.get("arn")) for failure in answer.get("failures", [])]
    return described, missing
