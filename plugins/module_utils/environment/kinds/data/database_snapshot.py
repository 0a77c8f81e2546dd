# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of Aurora clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import IRREPLACEABLE, Removable
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.database import identifiers
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource


class DatabaseSnapshot(Removable):
    """Manual snapshots of the environment's clusters; CloudFormation takes one when it deletes a cluster."""

    name = "database_snapshot"
    label = "database snapshot"
    protections = (IRREPLACEABLE,)
    holds_data = True
    settled = ("available",)

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the snapshots of the clusters that the environment's components create, by the tags of both."""
        owner = account.names.owner
        for identifier in identifiers(account.names):
            request = {"DBClusterIdentifier": identifier, "SnapshotType": "manual"}
            for page in self._client("rds").get_paginator("describe_db_cluster_snapshots").paginate(**request):
                for each in page["DBClusterSnapshots"]:
                    # A snapshot gets the tags of its cluster, without that of CloudFormation.
                    tags = tag_map(each.get("TagList", []))
                    if all(tags.get(key) == value for key, value in owner.items()):
                        yield self.snapshot(each)

    def snapshot(self, described: Mapping[str, Any]) -> Resource:
        """Return a snapshot.

        Args:
            described: the snapshot, as DescribeDBClusterSnapshots returns it.
        """
        name = described["DBClusterSnapshotIdentifier"]
        return self.resource(
            name,
            name,
            state=described.get("Status"),
            protections=[IRREPLACEABLE],
            detail=f"of {described['DBClusterIdentifier']}",
        )

    def state(self, id_: str) -> str | None:
        """Return a snapshot's status; None where it does not exist."""
        client = self._client("rds")
        try:
            found = client.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=id_)["DBClusterSnapshots"]
        except client.exceptions.DBClusterSnapshotNotFoundFault:
            return None
        return str(found[0]["Status"]) if found else None

    def remove(self, id_: str) -> None:
        """Delete a snapshot.

        See https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBClusterSnapshot.html
        """
        self._client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=id_)
