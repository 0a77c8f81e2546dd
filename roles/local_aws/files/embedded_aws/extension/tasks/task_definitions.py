# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS::ECS::TaskDefinition: every property reaches RegisterTaskDefinition, or fails the resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import ecs
from ministack.services.cloudformation import provisioners

from embedded_aws.extension.api_shapes import request_shape, to_request

TYPE = "AWS::ECS::TaskDefinition"


def register_request(properties: Mapping[str, Any], default_family: str) -> dict[str, Any]:
    """Return the request of RegisterTaskDefinition that a template's properties mean.

    Args:
        properties: the resource's properties, their functions resolved.
        default_family: the family where the template names none.

    Raises:
        PropertyError: a property is unknown, of another type, or missing.
    """
    shape = request_shape("ecs", "RegisterTaskDefinition")
    request: dict[str, Any] = to_request(shape, {"Family": default_family, **properties})
    return request


def install() -> None:
    """Let the template's task definitions, and the API's, arrive whole."""
    register = ecs._register_task_definition
    update_tags_or_create = provisioners._ecs_task_def_update

    def register_whole(data: dict[str, Any]) -> Any:
        response = register(data)
        if response[0] >= 400:
            return response
        document = json.loads(response[2])
        record = ecs._task_defs[document["taskDefinition"]["taskDefinitionArn"].rpartition("/")[2]]
        # MiniStack keeps the members that it lists, which are not all, and says null of what was not given.
        kept = {name: value for name, value in data.items() if name != "tags"} | record
        record.clear()
        record.update({name: value for name, value in kept.items() if value is not None})
        return *response[:2], json.dumps({**document, "taskDefinition": record}).encode()

    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> tuple[str, dict[str, str]]:
        response = register_whole(register_request(properties, f"{stack_name}-{logical_id}"))
        document = json.loads(response[2])
        if response[0] >= 400:
            raise ValueError(f"RegisterTaskDefinition: {document.get('message', response[0])}")
        arn = document["taskDefinition"]["taskDefinitionArn"]
        return arn, {"TaskDefinitionArn": arn}

    def update(
        physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str | None = None
    ) -> Any:
        register_request(new, physical_id)  # since a change of the tags alone registers nothing
        return update_tags_or_create(physical_id, old, new, stack_name, logical_id)

    ecs._register_task_definition = register_whole
    ecs._ACTION_MAP["RegisterTaskDefinition"] = register_whole
    provisioners._ecs_task_def_create = create
    provisioners._RESOURCE_HANDLERS[TYPE].update(create=create, update=update)
