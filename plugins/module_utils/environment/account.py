# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kinds of resources share while an environment's resources are listed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource

# The error codes of a missing permission.
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")
# The error codes for a resource that was deleted after it was listed.
GONE = ("ResourceNotFoundException", "InvalidResourceId", "ClientException")


class Account:
    """An account in which an environment's resources are listed.

    Args:
        names: of the environment.
        subnets: ids of subnets, existing or deleted, whose network interfaces are listed.
        security_groups: ids of security groups, existing or deleted, whose network interfaces are listed.

    Attributes:
        not_checked: what the caller lacks the permission to read, "kind: error" each.
        foreign: stacks with the environment's names that belong to another environment, a line each.
    """

    def __init__(self, names: Names, subnets: Sequence[str] = (), security_groups: Sequence[str] = ()) -> None:
        self.names, self.subnets, self.security_groups = names, subnets, security_groups
        self.not_checked: list[str] = []
        self.foreign: list[str] = []
        self._stacks: dict[str, Resource] = {}
        self._holders: dict[tuple[str, str], str] = {}

    def add_stack(self, stack: Resource, summaries: Iterable[Mapping[str, Any]]) -> None:
        """Record a stack of the environment.

        Args:
            stack: the stack.
            summaries: its resources, as ListStackResources returns them.
        """
        self._stacks[stack["name"]] = stack
        for each in summaries:
            self._holders[each["ResourceType"], each.get("PhysicalResourceId") or ""] = stack["name"]

    def holder(self, resource_type: str, physical_id: str) -> Resource | None:
        """Return the stack that holds a resource; None where no stack of the environment does."""
        return self._stacks.get(self._holders.get((resource_type, physical_id), ""))

    def held(self, resource_type: str) -> list[str]:
        """Return the physical ids of the stacks' resources of a type, sorted."""
        return sorted(physical_id for type_, physical_id in self._holders if type_ == resource_type)

    def tags(self, label: str, read: Callable[[], Any]) -> dict[str, str]:
        """Return a resource's tags; none where the resource is gone, or the caller lacks the permission to read them.

        Args:
            label: the kind's name in `not_checked`, which gets one entry a kind.
            read: requests the tags, as a mapping or in a list of any of AWS's shapes.
        """
        try:
            tags = read()
        except Exception as error:
            if error_code(error) in GONE:
                return {}
            if error_code(error) not in DENIED:
                raise
            if not any(each.startswith(f"tags of {label}s: ") for each in self.not_checked):
                self.not_checked.append(f"tags of {label}s: {error}")
            return {}
        return dict(tags) if isinstance(tags, Mapping) else tag_map(tags)
