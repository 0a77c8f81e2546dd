# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aurora clusters of RDS."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import IRREPLACEABLE, Protectable, Removable
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import database_component

TYPE = "AWS::RDS::DBCluster"


class Database(Removable, Protectable):
    """Aurora clusters that a stack of the environment holds or created; each holds data."""

    name = "database"
    label = "database"
    protections = (IRREPLACEABLE, "deletion_protection")
    protection = "deletion_protection"
    holds_data = True
    settled = ("available",)

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the clusters of the stacks, and those with the environment's names and tags."""
        for identifier in dict.fromkeys([*account.held(TYPE), *identifiers(account.names)]):
            described, holder = self._described(identifier), account.holder(TYPE, identifier)
            if described and (holder or account.names.owns(tag_map(described.get("TagList", [])))):
                yield self.database(described, holder)

    def database(self, described: Mapping[str, Any], stack: Resource | None) -> Resource:
        """Return a cluster.

        Args:
            described: the cluster, as DescribeDBClusters returns it.
            stack: the stack that holds it; None where the stack was deleted.
        """
        name = described["DBClusterIdentifier"]
        return self.resource(
            name,
            name,
            stack,
            state=described.get("Status"),
            protections=[IRREPLACEABLE, *([self.protection] if described.get("DeletionProtection") else [])],
        )

    def state(self, id_: str) -> str | None:
        """Return a cluster's status; None where it does not exist."""
        described = self._described(id_)
        return str(described["Status"]) if described else None

    def remove(self, id_: str) -> None:
        """Request the deletion of a cluster with its instances, without a snapshot.

        See https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBCluster.html
        """
        client = self._client("rds")
        for member in (self._described(id_) or {}).get("DBClusterMembers", []):
            client.delete_db_instance(DBInstanceIdentifier=member["DBInstanceIdentifier"], SkipFinalSnapshot=True)
        client.delete_db_cluster(DBClusterIdentifier=id_, SkipFinalSnapshot=True)

    def is_protected(self, id_: str) -> bool:
        """Return whether deletion protection is on."""
        return bool((self._described(id_) or {}).get("DeletionProtection"))

    def unprotect(self, id_: str) -> None:
        """Turn deletion protection off.

        See https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html
        """
        client = self._client("rds")
        client.modify_db_cluster(DBClusterIdentifier=id_, DeletionProtection=False, ApplyImmediately=True)

    def _described(self, id_: str) -> Mapping[str, Any] | None:
        client = self._client("rds")
        try:
            found: Mapping[str, Any] = client.describe_db_clusters(DBClusterIdentifier=id_)["DBClusters"][0]
        except client.exceptions.DBClusterNotFoundFault:
            return None
        return found


def identifiers(names: Names) -> list[str]:
    """Return the identifiers of the clusters that an environment's components create."""
    start = database_component("")
    return [f"{names.base}-{each.removeprefix(start)}" for each in names.components if each.startswith(start)]
