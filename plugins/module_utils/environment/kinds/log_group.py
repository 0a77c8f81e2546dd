# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudWatch Logs log groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import PRESENT, Removable
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource


class LogGroup(Removable):
    """Log groups below the environment's paths, unless their tags name another owner."""

    name = "log_group"
    label = "log group"
    protections = ("by_hand", "protected_stack")
    holds_data = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the log groups of the environment's path, and those of Container Insights for its clusters."""
        client = self._client("logs")
        for path in (account.names.path, *insights_paths(account.names)):
            for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=path):
                for each in page["logGroups"]:
                    if each["logGroupName"] == path or each["logGroupName"].startswith(f"{path}/"):
                        yield from self._log_group(account, each)

    def _log_group(self, account: Account, group: Mapping[str, Any]) -> Iterator[Resource]:
        name, client = group["logGroupName"], self._client("logs")
        if holder := account.holder("AWS::Logs::LogGroup", name):
            # A stack that is protected protects the logs that are deleted with it.
            is_protected = "termination_protection" in holder["protections"]
            yield self._resource(group, holder, ["protected_stack"] if is_protected else [])
        elif name in [f"{path}/performance" for path in insights_paths(account.names)]:
            # Container Insights sets no tags: this log group belongs to the owner of the stacks.
            if not account.foreign:
                yield self._resource(group, None, [])
        else:
            arn = group.get("logGroupArn") or group["arn"].removesuffix(":*")
            tags = account.tags(self.label, lambda: client.list_tags_for_resource(resourceArn=arn)["tags"])
            if not account.names.disowns(tags):
                yield self._resource(group, None, [] if account.names.owns(tags) else ["by_hand"])

    def _resource(self, group: Mapping[str, Any], stack: Resource | None, protections: list[str]) -> Resource:
        name, size = group["logGroupName"], f"{group.get('storedBytes', 0):,} bytes"
        return self.resource(name, name, stack, protections=protections, detail=size)

    def state(self, id_: str) -> str | None:
        """Return `PRESENT`; None where it does not exist."""
        groups = self._client("logs").describe_log_groups(logGroupNamePrefix=id_)["logGroups"]
        return PRESENT if id_ in [group["logGroupName"] for group in groups] else None

    def remove(self, id_: str) -> None:
        """Delete a log group."""
        self._client("logs").delete_log_group(logGroupName=id_)


def insights_paths(names: Names) -> list[str]:
    """Return the paths of the log groups that Container Insights creates for the environment's clusters.

    See https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html
    """
    return [f"/aws/ecs/containerinsights/{cluster}" for cluster in names.clusters]
