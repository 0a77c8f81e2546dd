# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EFS file systems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import IRREPLACEABLE, Removable, is_described
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.file_systems import FILE_SYSTEMS

TYPE = "AWS::EFS::FileSystem"


class FileSystem(Removable):
    """EFS file systems that a stack of the environment holds or created.

    Each holds data: EFS counts bytes hours after they are written.
    """

    name = "file_system"
    label = "file system"
    protections = (IRREPLACEABLE, "left_behind")
    holds_data = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the file systems of the stacks, and those that a stack kept."""
        if not is_described(account, FILE_SYSTEMS, TYPE):
            return
        for page in self._client("efs").get_paginator("describe_file_systems").paginate():
            for each in page["FileSystems"]:
                holder = account.holder(TYPE, each["FileSystemId"])
                if holder or account.names.owns(tag_map(each.get("Tags", []))):
                    yield self.file_system(each, holder)

    def file_system(self, described: Mapping[str, Any], stack: Resource | None) -> Resource:
        """Return a file system.

        Args:
            described: the file system, as DescribeFileSystems returns it.
            stack: the stack that holds it; None where the stack was deleted.
        """
        id_ = described["FileSystemId"]
        return self.resource(
            described.get("Name") or id_,
            id_,
            stack,
            state=described["LifeCycleState"],
            protections=[IRREPLACEABLE] if stack else [IRREPLACEABLE, "left_behind"],
            detail=f"about {described['SizeInBytes']['Value']:,} bytes",
        )

    def state(self, id_: str) -> str | None:
        """Return the life cycle state of a file system; None where it does not exist."""
        client = self._client("efs")
        try:
            described = client.describe_file_systems(FileSystemId=id_)["FileSystems"]
        except client.exceptions.FileSystemNotFound:
            return None
        return str(described[0]["LifeCycleState"]) if described else None

    def remove(self, id_: str) -> None:
        """Request the deletion of a file system without mount targets.

        See https://docs.aws.amazon.com/efs/latest/ug/API_DeleteFileSystem.html
        """
        self._client("efs").delete_file_system(FileSystemId=id_)
