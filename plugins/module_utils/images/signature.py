# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether ECR's managed signing has signed an image with the requested profile."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, WaitTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

PAUSE = 2.0  # seconds between two looks


def signature_problem(
    client: Any, repository_name: str, digest: str, profile: str, deadline: Deadline
) -> Problem | None:
    """Return why an image does not count as signed; None where it does.

    ECR signs with the permissions of the principal that pushes. So a signature by a profile proves that this principal
    may sign with the profile, which ``ecr:PutImage`` alone does not give:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html

    Args:
        client: a boto3 ECR client.
        repository_name: the repository.
        digest: the image's.
        profile: ARN of the signing profile.
        deadline: waits for a signature that is being made.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: ECR refused, or was out of reach. See
            https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageSigningStatus.html
    """
    while True:
        answer = client.describe_image_signing_status(repositoryName=repository_name, imageId={"imageDigest": digest})
        statuses = answer.get("signingStatuses", [])
        signing = next((one for one in statuses if one.get("signingProfileArn") == profile), None)
        if signing is None:
            others = ", ".join(str(one.get("signingProfileArn")) for one in statuses)
            return Problem("signature", f"it is not signed by {profile}" + (f", but by {others}" if others else ""))
        if signing["status"] == "COMPLETE":
            return None
        if signing["status"] != "IN_PROGRESS":
            reason = signing.get("failureReason") or signing.get("failureCode") or signing["status"]
            return Problem("signature", f"its signing by {profile} has failed: {reason}")
        try:
            deadline.pause(PAUSE)
        except WaitTimeoutError:
            waited = f"{deadline.elapsed:.0f} s"
            return Problem("signature", f"its signing by {profile} has not ended after {waited}")
