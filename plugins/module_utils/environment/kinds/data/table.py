# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DynamoDB tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import Protectable, Removable, retention
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource

TYPE = "AWS::DynamoDB::Table"


class Table(Removable, Protectable):
    """DynamoDB tables that a stack of the environment holds or created."""

    name = "table"
    label = "table"
    protections = ("deletion_protection", "retained", "left_behind")
    protection = "deletion_protection"
    holds_data = True
    settled = ("ACTIVE",)

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the tables of the stacks, and the one that a deleted stack kept."""
        for name in {*account.held(TYPE), account.names.base}:
            described = self._described(name)
            if described is None:
                continue
            holder = account.holder(TYPE, name)
            if holder or account.names.owns(self._tags(described["TableArn"])):
                yield self.table(described, holder)

    def table(self, described: Mapping[str, Any], stack: Resource | None) -> Resource:
        """Return a table.

        Args:
            described: the table, as DescribeTable returns it.
            stack: the stack that holds it; None where the stack was deleted.
        """
        protections = [self.protection] if described.get("DeletionProtectionEnabled") else []
        # DynamoDB updates both figures about every six hours.
        content = f"about {described.get('ItemCount', 0):,} items, {described.get('TableSizeBytes', 0):,} bytes"
        name = described["TableName"]
        return self.resource(
            name,
            name,
            stack,
            state=described.get("TableStatus"),
            protections=protections + retention(stack),
            detail=content,
        )

    def state(self, id_: str) -> str | None:
        """Return a table's status; None where it does not exist."""
        described = self._described(id_)
        return described["TableStatus"] if described else None

    def remove(self, id_: str) -> None:
        """Request the deletion of a table.

        See https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html
        """
        self._client("dynamodb").delete_table(TableName=id_)

    def is_protected(self, id_: str) -> bool:
        """Return whether deletion protection is on."""
        return bool((self._described(id_) or {}).get("DeletionProtectionEnabled"))

    def unprotect(self, id_: str) -> None:
        """Turn deletion protection off.

        See https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html
        """
        self._client("dynamodb").update_table(TableName=id_, DeletionProtectionEnabled=False)

    def _described(self, name: str) -> dict[str, Any] | None:
        client = self._client("dynamodb")
        try:
            return dict(client.describe_table(TableName=name)["Table"])
        except client.exceptions.ResourceNotFoundException:
            return None

    def _tags(self, arn: str) -> dict[str, str]:
        pages = self._client("dynamodb").get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)
        return tag_map([tag for page in pages for tag in page["Tags"]])


def foreign_table(resources: Iterable[Resource]) -> str | None:
    """Return the name of the table that an environment only uses: an output of a stack, but no resource of one."""
    found = list(resources)
    own = {each["name"] for each in found if each["kind"] == Table.name}
    names = [each.get("outputs", {}).get("TableName") for each in found]
    return next((name for name in names if name and name not in own), None)
