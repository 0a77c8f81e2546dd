# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deletion of nested stacks: what a child retains stays, and what cannot be deleted fails it, as in other stacks.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import engine, provisioners, stacks

TYPE = "AWS::CloudFormation::Stack"
KEPT = provisioners._RETAINING_POLICIES
KEPT_IN_CREATION = ("Retain",)


def install() -> None:
    """Delete nested stacks by their policies, also those whose creation fails."""
    handlers = provisioners._RESOURCE_HANDLERS[TYPE]
    create = handlers["create"]

    def create_or_clean(logical_id: str, properties: dict[str, Any], stack_name: str) -> Any:
        before = set(cloudformation._stacks)
        try:
            return create(logical_id, properties, stack_name)
        except Exception:
            for name in set(cloudformation._stacks) - before:
                # A parallel request may create another stack at the same time.
                if cloudformation._stacks[name].get("_parent_stack_name") == stack_name:
                    _delete(name, KEPT_IN_CREATION)
            raise

    provisioners._RESOURCE_HANDLERS[TYPE] = {**handlers, "create": create_or_clean, "delete": delete_child}


def delete_child(physical_id: str, _properties: dict[str, Any]) -> None:
    """Delete a nested stack.

    Args:
        physical_id: its name or its id.

    Raises:
        ValueError: a resource cannot be deleted. The others are deleted, and a second deletion tries again.
    """
    _delete(provisioners._nested_stack_lookup_name(physical_id), KEPT)


def _delete(name: str, kept: tuple[str, ...]) -> None:
    """Delete a nested stack, except resources with a policy in ``kept``."""
    child = cloudformation._stacks.get(name)
    if child is None or child["StackStatus"] == "DELETE_COMPLETE":
        return
    _record(child, name, TYPE, "DELETE_IN_PROGRESS")
    failed = [logical_id for logical_id in _deletion_order(child) if not _deleted(child, logical_id, kept)]
    if failed:
        reason = f"The following resource(s) failed to delete: [{', '.join(sorted(failed))}]."
        child["StackStatusReason"] = reason
        _record(child, name, TYPE, "DELETE_FAILED", reason)
        raise ValueError(f"Nested stack {name}: {reason}")
    for output in child.get("Outputs", []):
        cloudformation._exports.pop(output.get("ExportName"), None)
    _record(child, name, TYPE, "DELETE_COMPLETE")


def _deletion_order(child: dict[str, Any]) -> list[str]:
    resources, defined = child["_resources"], child["_template"].get("Resources", {})
    try:
        created = engine._topological_sort(defined, child["_conditions"])
    except ValueError:
        created = list(resources)
    gone = [logical_id for logical_id in resources if logical_id not in created]
    return [logical_id for logical_id in reversed([*created, *gone]) if logical_id in resources]


def _deleted(child: dict[str, Any], logical_id: str, kept: tuple[str, ...]) -> bool:
    """Delete a resource of a child, or leave it; return whether the child is rid of it."""
    resources, template, name = child["_resources"], child["_template"], child["StackName"]
    resource = resources[logical_id]
    type_name, physical_id = resource["ResourceType"], resource["PhysicalResourceId"]
    policy = stacks._resource_policy(
        template.get("Resources", {}).get(logical_id),
        "DeletionPolicy",
        resources,
        child["_resolved_params"],
        child["_conditions"],
        template.get("Mappings", {}),
        name,
        child["StackId"],
    )
    if policy in kept:
        _record(child, logical_id, type_name, "DELETE_SKIPPED", physical_id=physical_id)
    else:
        try:
            if policy == "Snapshot":
                provisioners._snapshot_resource(type_name, physical_id, resource["Properties"])
            provisioners._delete_resource(type_name, physical_id, resource["Properties"], name, logical_id)
        except Exception as error:
            resource |= {"ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": str(error)}
            _record(child, logical_id, type_name, "DELETE_FAILED", str(error), physical_id)
            return False
        _record(child, logical_id, type_name, "DELETE_COMPLETE", physical_id=physical_id)
    del resources[logical_id]
    return True


def _record(
    child: dict[str, Any], logical_id: str, type_name: str, status: str, reason: str = "", physical_id: str = ""
) -> None:
    """Add an event; one of the stack itself sets its status."""
    if type_name == TYPE and logical_id == child["StackName"]:
        child["StackStatus"], physical_id = status, child["StackId"]
    stacks._add_event(child["StackId"], child["StackName"], logical_id, type_name, status, reason, physical_id)
