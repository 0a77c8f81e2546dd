# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECS tasks in the environment's clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import Kind
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource

STOPPED = ("STOPPED", "DELETED")


class Task(Kind):
    """ECS tasks that have not stopped; they belong to the owner of their cluster."""

    name = "task"
    label = "task"

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the tasks of the environment's clusters."""
        for cluster in account.names.clusters:
            # A cluster of the same name may belong to another environment.
            if self._is_own_cluster(account, cluster):
                yield from self._tasks(cluster)

    def _tasks(self, cluster: str) -> Iterator[Resource]:
        client = self._client("ecs")
        with suppress(client.exceptions.ClusterNotFoundException):
            # A task whose stop was requested still runs for a while.
            for status in ("RUNNING", "STOPPED"):
                for page in client.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status):
                    if page["taskArns"]:
                        described = client.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]
                        yield from (self._task(each) for each in described if each["lastStatus"] not in STOPPED)

    def _task(self, task: Mapping[str, Any]) -> Resource:
        return self.resource(task["taskArn"].rpartition("/")[2], task["taskArn"], state=task["lastStatus"])

    def _is_own_cluster(self, account: Account, cluster: str) -> bool:
        if account.holder("AWS::ECS::Cluster", cluster):
            return True
        found = self._client("ecs").describe_clusters(clusters=[cluster], include=["TAGS"])["clusters"]
        return any(account.names.owns(tag_map(each.get("tags", []))) for each in found)
