# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS task definitions."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import Removable
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource


class TaskDefinition(Removable):
    """Active ECS task definitions of the environment's family, unless their tags name another owner."""

    name = "task_definition"
    label = "task definition"
    protections = ("by_hand",)
    holds_data = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the active task definitions of the family."""
        family = account.names.base
        for page in self._client("ecs").get_paginator("list_task_definitions").paginate(familyPrefix=family):
            for arn in page["taskDefinitionArns"]:
                name = arn.rpartition("/")[2]
                # Emulators match familyPrefix as a prefix; AWS matches the whole family.
                if name.rpartition(":")[0] == family:
                    yield from self._task_definition(account, name, arn)

    def _task_definition(self, account: Account, name: str, arn: str) -> Iterator[Resource]:
        if holder := account.holder("AWS::ECS::TaskDefinition", arn):
            yield self.resource(name, arn, holder)
            return
        client, request = self._client("ecs"), {"taskDefinition": arn, "include": ["TAGS"]}
        tags = account.tags(self.label, lambda: client.describe_task_definition(**request).get("tags", []))
        if not account.names.disowns(tags):
            yield self.resource(name, arn, protections=[] if account.names.owns(tags) else ["by_hand"])

    def state(self, id_: str) -> str | None:
        """Return the status of a task definition; None where it is inactive, or there is none."""
        client = self._client("ecs")
        try:
            status = client.describe_task_definition(taskDefinition=id_)["taskDefinition"]["status"]
        except client.exceptions.ClientException:
            return None
        return status if status == "ACTIVE" else None

    def remove(self, id_: str) -> None:
        """Make a task definition inactive."""
        self._client("ecs").deregister_task_definition(taskDefinition=id_)
