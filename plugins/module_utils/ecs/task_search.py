# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks that ECS knows: found by their mark, and described."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# "You can describe up to 100 tasks in a single operation":
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
DESCRIBE_LIMIT = 100


def find_tasks(ecs: Any, cluster: str, started_by: str) -> list[dict[str, Any]]:
    """Describe the tasks that carry a mark, the stopped ones too for as long as ECS remembers them.

    Args:
        ecs: a boto3 ECS client.
        cluster: the cluster's name or ARN.
        started_by: the mark.

    Returns:
        The tasks as ECS describes them, the eldest first. See
        https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
    """
    arns: list[str] = []
    for status in ("RUNNING", "STOPPED"):
        request = {"cluster": cluster, "startedBy": started_by, "desiredStatus": status}
        while True:
            page = ecs.list_tasks(**request)
            arns += page["taskArns"]
            if not page.get("nextToken"):
                break
            request["nextToken"] = page["nextToken"]
    # A task that stopped between the two calls is in both.
    described, _missing = describe_tasks(ecs, cluster, list(dict.fromkeys(arns)))
    return sorted(described, key=lambda one: (one.get("createdAt") is None, one.get("createdAt"), one["taskArn"]))


def describe_tasks(ecs: Any, cluster: str, tasks: Sequence[str]) -> tuple[list[dict[str, Any]], list[str]]:
    """Describe tasks, a hundred a call.

    Args:
        ecs: a boto3 ECS client.
        cluster: the cluster's name or ARN.
        tasks: ids or ARNs.

    Returns:
        The tasks as ECS describes them, and the ARNs of those that it does not know.
    """
    described: list[dict[str, Any]] = []
    missing: list[str] = []
    for first in range(0, len(tasks), DESCRIBE_LIMIT):
        answer = ecs.describe_tasks(cluster=cluster, tasks=list(tasks[first : first + DESCRIBE_LIMIT]))
        described += answer["tasks"]
        missing += [str(failure.get("arn")) for failure in answer.get("failures", [])]
    return described, missing
