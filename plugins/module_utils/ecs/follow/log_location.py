# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container and log group that a task's log is read from, and the warning where they are not the requested ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import essential_containers
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


class LogLocation(NamedTuple):
    """Where a container writes its log.

    Streams are named ``<awslogs-stream-prefix>/<container>/<task id>``, and Fargate insists on the prefix:
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html

    Attributes:
        container: its name.
        group: the log group.
        prefix: of the streams' names, with the container's.
        region: of the log group; None for the task's own.
    """

    container: str
    group: str
    prefix: str
    region: str | None


def container_log_location(definition: Mapping[str, Any], container: str) -> LogLocation | None:
    """Find where a container writes its log; None where that is not CloudWatch Logs with a stream prefix.

    Args:
        definition: the task definition, as DescribeTaskDefinition returns it.
        container: its name.
    """
    configuration = _configuration(definition, container)
    options = configuration.get("options") or {}
    prefix, group = options.get("awslogs-stream-prefix"), options.get("awslogs-group")
    if configuration.get("logDriver") != "awslogs" or not prefix or not group:
        return None
    return LogLocation(container, group, f"{prefix}/{container}", options.get("awslogs-region"))


def log_location_of(definition: Mapping[str, Any], params: Mapping[str, Any]) -> LogLocation | None:
    """Find the log that is read: that of ``log_container``, else the first of the wanted ones that can be.

    Args:
        definition: the task definition, as DescribeTaskDefinition returns it.
        params: the module's parameters.
    """
    if params.get("log_container"):
        return container_log_location(definition, params["log_container"])
    locations = (container_log_location(definition, name) for name in _wanted(definition, params))
    return next((location for location in locations if location), None)


def log_notice(definition: Mapping[str, Any], params: Mapping[str, Any]) -> Problem | None:
    """Return whose lines will be missing, and whose are read instead; None where no lines are missing.

    Args:
        definition: the task definition, as DescribeTaskDefinition returns it.
        params: the module's parameters.
    """
    wanted, found = _wanted(definition, params), log_location_of(definition, params)
    if not wanted or (found and found.container == wanted[0]):
        return None
    driver = _configuration(definition, wanted[0]).get("logDriver") or "none that is named"
    shown = f"those of {found.container} are read" if found else "no log is shown"
    lines = f"the lines of container {wanted[0]} are elsewhere (its log driver is {driver}), {shown}"
    if driver == "awsfirelens":
        return Problem("log", lines, "see where its log router sends them")
    if driver == "awslogs":
        return Problem("log", lines, "give its logConfiguration a group and a stream prefix")
    return Problem("log", lines, "set logConfiguration in the task definition: awslogs with a stream prefix")


def _wanted(definition: Mapping[str, Any], params: Mapping[str, Any]) -> list[str]:
    """Name the containers of the definition whose log may be read, the most wanted first."""
    if params.get("log_container"):
        return [params["log_container"]]
    known = {one["name"] for one in definition["containerDefinitions"]}
    overridden = [one["name"] for one in (params.get("overrides") or {}).get("containers") or []]
    deciding = [params["exit_container"]] if params.get("exit_container") else []
    names = dict.fromkeys([*deciding, *overridden, *essential_containers(definition)])
    return [name for name in names if name in known]


def _configuration(definition: Mapping[str, Any], container: str) -> Mapping[str, Any]:
    containers = {one["name"]: one for one in definition["containerDefinitions"]}
    return containers.get(container, {}).get("logConfiguration") or {}
