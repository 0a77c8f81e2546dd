# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images an environment ran before: the record that ECS keeps in the revisions of a task definition."""

from __future__ import annotations

from typing import Any

LOOKED_AT = 100  # revisions of each status, newest first; the registry keeps fewer images


def was_deployed(client: Any, family: str, digest: str) -> bool:
    """Return whether a revision of a task definition names an image by its digest.

    To register one takes ``ecs:RegisterTaskDefinition``; a principal that may only push images appears in no revision.

    Args:
        client: a boto3 ECS client.
        family: the task definition's.
        digest: the image's.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: ECS refused, or was out of reach. Revisions that a newer one has
            replaced are INACTIVE, and ECS goes on describing them:
            https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deregister-task-definition-v2.html
    """
    for status in ("ACTIVE", "INACTIVE"):
        answer = client.list_task_definitions(familyPrefix=family, status=status, sort="DESC", maxResults=LOOKED_AT)
        for arn in answer["taskDefinitionArns"]:
            # A prefix is also another family's.
            if arn.rpartition("/")[2].partition(":")[0] != family:
                continue
            definition = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            if any(str(one["image"]).endswith(f"@{digest}") for one in definition["containerDefinitions"]):
                return True
    return False
