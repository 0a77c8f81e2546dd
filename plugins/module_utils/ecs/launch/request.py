# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request that launches ECS tasks: its arguments."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.parameters import RequestError
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.values import text_of, texts_of

# "containerOverrides … A total of 8192 characters are allowed for overrides. This limit includes the JSON formatting
# characters": https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html
OVERRIDES_LIMIT = 8192
HIDDEN = "VALUE_NOT_SHOWN"


def run_request(
    params: Mapping[str, Any],
    *,
    count: int,
    client_token: str,
    started_by: str,
    container: str,
    environment: Mapping[str, str],
    strategy: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Build the arguments of one call of RunTask.

    Args:
        params: the module's parameters.
        count: how many tasks this call launches, 1 to 10.
        client_token: makes the call launch nothing twice.
        started_by: the mark on the tasks.
        container: the container that gets ``environment``; an override is made for it where there is none.
        environment: variables in addition to the user's own, and before them.
        strategy: RunTask's ``capacityProviderStrategy``, which replaces the parameters of capacity. An empty one
            is launch type FARGATE, which works on every cluster; a capacity provider has to be the cluster's.

    Raises:
        RequestError: the overrides are longer than ECS takes.
        See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    """
    request: dict[str, Any] = {
        "cluster": params["cluster"],
        "taskDefinition": params["task_definition"],
        "count": count,
        "clientToken": client_token,
        **_capacity(params, strategy),
    }
    override = task_override(params.get("overrides") or {}, container, environment)
    _check_length(override)
    optional = {
        "startedBy": started_by,
        "group": params.get("group"),
        "networkConfiguration": _network(params.get("network_configuration")),
        "overrides": override,
        "platformVersion": params.get("platform_version"),
        "propagateTags": params.get("propagate_tags"),
        "tags": [{"key": key, "value": value} for key, value in texts_of(params.get("tags")).items()],
        "enableECSManagedTags": params.get("enable_ecs_managed_tags"),
        "enableExecuteCommand": params.get("enable_execute_command"),
    }
    return request | {key: value for key, value in optional.items() if value}


def _capacity(params: Mapping[str, Any], strategy: Sequence[Mapping[str, Any]] | None) -> dict[str, Any]:
    if strategy is not None:
        return {"capacityProviderStrategy": list(strategy)} if strategy else {"launchType": "FARGATE"}
    if wanted := params.get("capacity_provider_strategy"):
        items = [
            {"capacityProvider": one["capacity_provider"], "weight": one.get("weight", 1), "base": one.get("base", 0)}
            for one in wanted
        ]
        return {"capacityProviderStrategy": items}
    return {"launchType": params.get("launch_type") or "FARGATE"}


def _network(network: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not network:
        return None
    return {
        "awsvpcConfiguration": {
            "subnets": network["subnets"],
            "securityGroups": network.get("security_groups") or [],
            "assignPublicIp": "ENABLED" if network.get("assign_public_ip") else "DISABLED",
        }
    }


def task_override(overrides: Mapping[str, Any], container: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """Build RunTask's ``overrides``; empty where nothing differs.

    Args:
        overrides: the module's option ``overrides``.
        container: the container that gets ``environment``.
        environment: variables that come before the user's own.
        See https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html
    """
    containers = [_container_override(one) for one in overrides.get("containers") or []]
    if environment:
        mine = next((one for one in containers if one["name"] == container), None)
        if mine is None:
            mine = {"name": container}
            containers.append(mine)
        users = [one for one in mine.get("environment", []) if one["name"] not in environment]
        mine["environment"] = users + [{"name": name, "value": value} for name, value in environment.items()]
    storage = overrides.get("ephemeral_storage")
    override = {
        "containerOverrides": containers,
        "cpu": overrides.get("cpu"),
        "memory": overrides.get("memory"),
        "taskRoleArn": overrides.get("task_role_arn"),
        "executionRoleArn": overrides.get("execution_role_arn"),
        "ephemeralStorage": {"sizeInGiB": storage} if storage else None,
    }
    return {key: value for key, value in override.items() if value}


def _container_override(container: Mapping[str, Any]) -> dict[str, Any]:
    environment = texts_of(container.get("environment"))
    override = {
        "name": container["name"],
        "command": [text_of(word) for word in container.get("command") or []],
        "environment": [{"name": name, "value": value} for name, value in environment.items()],
        "cpu": container.get("cpu"),
        "memory": container.get("memory"),
        "memoryReservation": container.get("memory_reservation"),
    }
    return {key: value for key, value in override.items() if value}


def without_environment(result: Mapping[str, Any]) -> dict[str, Any]:
    """Remove the values of the containers' environment variables from the arguments in a module's result.

    Args:
        result: of the module; its ``invocation`` holds the arguments.

    Returns:
        A copy, with `HIDDEN` instead of each value.
    """
    shown = copy.deepcopy(dict(result))
    arguments = (shown.get("invocation") or {}).get("module_args") or {}
    for container in (arguments.get("overrides") or {}).get("containers") or []:
        if container.get("environment"):
            container["environment"] = dict.fromkeys(container["environment"], HIDDEN)
    return shown


def overrides_length(override: Mapping[str, Any]) -> int:
    """Count the characters of RunTask's ``overrides`` as ECS does, written as JSON without spaces."""
    return len(json.dumps(override, separators=(",", ":"), ensure_ascii=False))


def _check_length(override: Mapping[str, Any]) -> None:
    length = overrides_length(override)
    if length > OVERRIDES_LIMIT:
        raise RequestError(
            Problem(
                "parameter",
                f"overrides are {length:,} characters long as JSON, with the variables that the module adds; "
                f"ECS takes {OVERRIDES_LIMIT:,}",
                "put the long value into SSM or S3 and pass a reference to it",
            )
        )


def environment_container(params: Mapping[str, Any], definition: Mapping[str, Any]) -> str:
    """Choose the container that gets the module's variables: the first overridden one, else the first essential one.

    Args:
        params: the module's parameters.
        definition: the task definition, as DescribeTaskDefinition returns it.
    """
    overridden = [one["name"] for one in (params.get("overrides") or {}).get("containers") or []]
    essential = [one["name"] for one in definition["containerDefinitions"] if one.get("essential", True)]
    return str([*overridden, *essential][0])
