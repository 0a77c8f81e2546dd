# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A resource type that MiniStack's CloudFormation lacks: how it is created, updated, replaced and deleted."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services.cloudformation import provisioners, stacks

from embedded_aws.extension.api import ApiError
from embedded_aws.extension.api_shapes import PropertyError

Properties = Mapping[str, Any]
Made = tuple[str, dict[str, Any]]  # the physical id, which Ref returns, and the attributes of Fn::GetAtt


@dataclass(frozen=True)
class Kind:
    """A resource type.

    Attributes:
        create: makes a resource of its properties; the second argument is the name where the template gives none.
        delete: removes the resource of a physical id.
        update: changes a resource in place, from its properties to new ones; None where any change replaces it.
        replaced_by: the properties that cannot be changed in place.
    """

    create: Callable[[Properties, str], Made]
    delete: Callable[[str, Properties], None]
    update: Callable[[str, Properties, Properties], Made] | None = None
    replaced_by: Collection[str] = ()

    def updates_in_place(self, old: Properties, new: Properties) -> bool:
        """Return whether a change leaves the resource where it is."""
        return self.update is not None and all(old.get(name) == new.get(name) for name in self.replaced_by)


def check_names(properties: Properties, known: Collection[str]) -> None:
    """Refuse properties that are unknown here, since they would be dropped.

    Raises:
        PropertyError: there is one.
    """
    for name in sorted(properties.keys() - set(known)):
        close = difflib.get_close_matches(name, known, n=1)
        remedy = f"write {close[0]}" if close else f"write one of {', '.join(sorted(known))}"
        raise PropertyError(f"{name} is not kept by the embedded AWS -> {remedy}")


def is_gone(error: ApiError) -> bool:
    """Return whether an error of the API says that a resource does not exist."""
    return "NotFound" in error.code or error.code in ("NoSuchEntity", "ResourceNotFoundException")


def install(kinds: Mapping[str, Kind]) -> None:
    """Add resource types to MiniStack's CloudFormation."""
    runs_on_worker_thread = stacks._runs_on_worker_thread
    for type_name, kind in kinds.items():
        provisioners._RESOURCE_HANDLERS[type_name] = _handlers(type_name, kind)
    # A call of the API waits for it, and on the event loop it would wait for itself.
    stacks._runs_on_worker_thread = lambda type_name: type_name in kinds or runs_on_worker_thread(type_name)


def _handlers(type_name: str, kind: Kind) -> dict[str, Any]:
    def create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Made:
        return kind.create(properties, provisioners._physical_name(stack_name, logical_id))

    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        try:
            kind.delete(physical_id, properties)
        except ApiError as error:
            if not is_gone(error):
                raise

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str, logical_id: str) -> Any:
        if kind.update is not None and kind.updates_in_place(old, new):
            return kind.update(physical_id, old, new)
        return provisioners._replace_resource(type_name, physical_id, old, new, stack_name, logical_id)

    return {"create": create, "update": update, "delete": delete, "update_with_logical_id": True}
