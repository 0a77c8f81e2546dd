# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether ECR's managed signing has signed an image, by the profile that is asked for."""

from __future__ import annotations

from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import OutOfPatienceError, Patience

PAUSE = 2.0  # seconds between two looks


def signature_problem(client: Any, repository_name: str, digest: str, profile: str, patience: Patience) -> str:
    """Say why an image does not count as signed; empty where it does.

    ECR signs with the rights of whoever pushes. So a signature by a profile says that the one who pushed may sign with
    that profile, which ``ecr:PutImage`` alone does not give:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/managed-signing.html

    Args:
        client: a boto3 ECR client.
        repository_name: the repository.
        digest: the image's.
        profile: ARN of the signing profile.
        patience: waits for a signature that is being made.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: ECR refused, or was out of reach. See
            https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageSigningStatus.html
    """
    while True:
        answer = client.describe_image_signing_status(repositoryName=repository_name, imageId={"imageDigest": digest})
        statuses = answer.get("signingStatuses", [])
        ours = next((one for one in statuses if one.get("signingProfileArn") == profile), None)
        if ours is None:
            others = ", ".join(str(one.get("signingProfileArn")) for one in statuses)
            return f"it is not signed by {profile}" + (f", but by {others}" if others else "")
        if ours["status"] == "COMPLETE":
            return ""
        if ours["status"] != "IN_PROGRESS":
            reason = ours.get("failureReason") or ours.get("failureCode") or ours["status"]
            return f"its signing by {profile} has failed: {reason}"
        try:
            patience.pause(PAUSE)
        except OutOfPatienceError:
            return f"its signing by {profile} has not ended after {patience.elapsed:.0f} s"
