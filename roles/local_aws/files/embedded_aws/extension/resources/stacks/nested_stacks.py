# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS::CloudFormation::Stack: a child's dynamic references are resolved, its unchanged resources keep their attributes.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import engine, provisioners

OWN_TYPES = "AWS::CloudFormation::"  # MiniStack records those that it lacks as created
# What a child's resource got for its references, by (stack, logical id): it keeps a secret until its template changes.
_resolved: dict[tuple[str, str], dict[str, str]] = {}


def install() -> None:
    """Let nested stacks resolve and update as stacks do."""
    provision, update, delete = (
        provisioners._provision_resource,
        provisioners._update_resource,
        provisioners._delete_resource,
    )

    def provision_resolved(type_name: str, logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        if type_name.startswith(OWN_TYPES) and type_name not in provisioners._RESOURCE_HANDLERS:
            raise ValueError(f"Unsupported resource type: {type_name}")
        if is_child(stack_name):
            properties, _resolved[stack_name, logical_id] = engine._resolve_dynamic_references(properties)
        return provision(type_name, logical_id, properties, stack_name)

    def update_resolved(
        type_name: str,
        physical_id: str,
        old: dict[str, Any],
        new: dict[str, Any],
        stack_name: str,
        logical_id: str | None = None,
        old_attributes: dict[str, Any] | None = None,
    ) -> Any:
        if logical_id is None or not is_child(stack_name):
            return update(type_name, physical_id, old, new, stack_name, logical_id, old_attributes)
        known = _resolved.get((stack_name, logical_id), {})
        old_values = _with_values(old, known)
        new_values, resolved = engine._resolve_dynamic_references(new, known, reuse_secrets=old == new)
        record = cloudformation._stacks[stack_name]["_resources"].get(logical_id, {})
        attributes = old_attributes or record.get("Attributes")
        result = update(type_name, physical_id, old_values, new_values, stack_name, logical_id, attributes)
        _resolved[stack_name, logical_id] = resolved
        return result

    def delete_resolved(
        type_name: str,
        physical_id: str,
        properties: dict[str, Any],
        stack_name: str | None = None,
        logical_id: str | None = None,
    ) -> Any:
        known = _resolved.pop((stack_name or "", logical_id or ""), {})
        return delete(type_name, physical_id, _with_values(properties, known), stack_name, logical_id)

    provisioners._provision_resource = provision_resolved
    provisioners._update_resource = update_resolved
    provisioners._delete_resource = delete_resolved


def is_child(stack_name: str) -> bool:
    """Return whether a stack is nested: MiniStack resolves the references of all others itself."""
    return "_parent_stack_name" in cloudformation._stacks.get(stack_name, {})


def _with_values(properties: dict[str, Any], known: dict[str, str]) -> dict[str, Any]:
    """Put the values that are known for the references, and resolve none anew."""
    if not known:
        return properties
    resolved: dict[str, Any] = engine._resolve_dynamic_references(
        properties, known, reuse_ssm=True, reuse_secrets=True
    )[0]
    return resolved
