# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS tasks: the request that launches them, and what DescribeTasks tells of them, in the shape that we return."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

Task = dict[str, Any]

# "containerOverrides … A total of 8192 characters are allowed for overrides. This limit includes the JSON formatting
# characters": https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html
OVERRIDES_LIMIT = 8192


class RequestError(ValueError):
    """Arguments that ECS would refuse; the text says what and how to mend it."""


def run_request(params: Mapping[str, Any], client_token: str) -> dict[str, Any]:
    """Build the arguments of RunTask.

    Args:
        params: the module's parameters.
        client_token: makes a repeated call launch nothing twice.

    Raises:
        RequestError: the overrides are longer than ECS takes.
        See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    """
    request: dict[str, Any] = {
        "cluster": params["cluster"],
        "taskDefinition": params["task_definition"],
        "count": params["count"],
        "launchType": params["launch_type"],
        "clientToken": client_token,
    }
    if network := params.get("network_configuration"):
        request["networkConfiguration"] = {
            "awsvpcConfiguration": {
                "subnets": network["subnets"],
                "securityGroups": network.get("security_groups") or [],
                "assignPublicIp": "ENABLED" if network.get("assign_public_ip") else "DISABLED",
            }
        }
    if overrides := params.get("overrides"):
        request["overrides"] = _task_override(overrides)
    optional = {
        "startedBy": params.get("started_by"),
        "group": params.get("group"),
        "platformVersion": params.get("platform_version"),
        "propagateTags": params.get("propagate_tags"),
        "tags": [{"key": key, "value": str(value)} for key, value in (params.get("tags") or {}).items()],
    }
    return request | {key: value for key, value in optional.items() if value}


def _task_override(overrides: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    override = {"containerOverrides": [_container_override(container) for container in overrides]}
    length = len(json.dumps(override, separators=(",", ":"), ensure_ascii=False))
    if length > OVERRIDES_LIMIT:
        raise RequestError(
            f"overrides are {length:,} characters long as JSON, ECS takes {OVERRIDES_LIMIT:,} "
            "-> put the long value into SSM or S3 and pass a reference to it"
        )
    return override


def _container_override(container: Mapping[str, Any]) -> dict[str, Any]:
    override = {
        "name": container["name"],
        "command": container.get("command"),
        "environment": [
            {"name": str(name), "value": environment_value(value)}
            for name, value in (container.get("environment") or {}).items()
        ],
        "cpu": container.get("cpu"),
        "memory": container.get("memory"),
    }
    return {key: value for key, value in override.items() if value}


def environment_value(value: Any) -> str:
    """Write a value as an environment variable: text as it is, nothing as empty text, everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def missing_containers(overrides: Iterable[Mapping[str, Any]], definition: Mapping[str, Any]) -> list[str]:
    """List the containers that are overridden and that the task definition does not have."""
    known = {container["name"] for container in definition["containerDefinitions"]}
    return [override["name"] for override in overrides if override["name"] not in known]


def essential_containers(definition: Mapping[str, Any]) -> list[str]:
    """List the names of the containers whose end ends the task."""
    return [one["name"] for one in definition["containerDefinitions"] if one.get("essential", True)]


def log_location(definition: Mapping[str, Any], wanted: Sequence[str] = ()) -> dict[str, str | None] | None:
    """Find where a container's output goes.

    Args:
        definition: the task definition, as DescribeTaskDefinition returns it.
        wanted: containers to look at before the essential ones.

    Returns:
        ``group``, ``prefix`` (of the streams' names, with the container's) and ``region`` of the first of these
        containers that writes to CloudWatch Logs; None where none does. Streams are named
        ``<awslogs-stream-prefix>/<container>/<task id>``, and Fargate insists on the prefix:
        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
    """
    containers = {one["name"]: one for one in definition["containerDefinitions"]}
    for name in [*wanted, *essential_containers(definition)]:
        configuration = containers[name].get("logConfiguration") or {}
        options = configuration.get("options") or {}
        prefix, group = options.get("awslogs-stream-prefix"), options.get("awslogs-group")
        if configuration.get("logDriver") == "awslogs" and prefix and group:
            return {"group": group, "prefix": f"{prefix}/{name}", "region": options.get("awslogs-region")}
    return None


def task_of(described: Mapping[str, Any], essential: Sequence[str]) -> Task:
    """Bring a task of DescribeTasks or RunTask into the shape that we return, without logs and cause.

    Args:
        described: the task as ECS describes it.
        essential: names of the essential containers; their exit codes make the task's.
    """
    containers = [
        {"name": one["name"], "exit_code": one.get("exitCode"), "reason": one.get("reason") or None}
        for one in described.get("containers", [])
    ]
    return {
        "task_arn": described["taskArn"],
        "task_id": described["taskArn"].rpartition("/")[2],
        "last_status": described.get("lastStatus", "UNKNOWN"),
        "stop_code": described.get("stopCode") or None,
        "stopped_reason": described.get("stoppedReason") or None,
        "exit_code": combined_exit_code(one["exit_code"] for one in containers if one["name"] in essential),
        "created_at": _instant(described.get("createdAt")),
        "started_at": _instant(described.get("startedAt")),
        "stopped_at": _instant(described.get("stoppedAt")),
        "containers": containers,
    }


def combined_exit_code(exit_codes: Iterable[int | None]) -> int | None:
    """Return the first exit code that is not 0, else 0; None where there is none."""
    known = [code for code in exit_codes if code is not None]
    return next((code for code in known if code), known[0] if known else None)


def launch_failures(failures: Iterable[Mapping[str, Any]]) -> str:
    """Put RunTask's ``failures`` into one line, each kind once; empty where there are none.

    See https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html
    """
    texts = []
    for failure in failures:
        parts = (failure.get("reason"), failure.get("detail"), failure.get("arn"))
        text = ", ".join(part for part in parts if part)
        if text not in texts:
            texts.append(text)
    return "; ".join(texts)


def _instant(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value
