# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that tasks are to be launched from, as far as they are in ECR."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-requests.html
REGISTRY = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(-fips)?\.(?P<region>[a-z]+(-[a-z]+)+-[0-9]+)\.[a-z0-9.-]+(:[0-9]+)?"
)


class EcrImage(NamedTuple):
    """An image of ECR: account and region of its registry, repository, and ImageIdentifier."""

    account: str
    region: str
    repository: str
    identifier: dict[str, str]


def ecr_image(image: str) -> EcrImage | None:
    """Take an image's name apart; None where it is not in a private registry of ECR.

    Args:
        image: such as ``123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1`` or ``…/app@sha256:…``; a digest counts
            more than a tag, and without either the tag is ``latest``.
    """
    registry, _slash, rest = image.partition("/")
    match = REGISTRY.fullmatch(registry)
    if not match or not rest:
        return None
    name, _at, digest = rest.partition("@")
    repository, _colon, tag = name.partition(":")
    identifier = {"imageDigest": digest} if digest else {"imageTag": tag or "latest"}
    return EcrImage(match["account"], match["region"], repository, identifier)


def check_image(ecr: Any, image: str, findings: Findings) -> None:
    """Look for an image, without changing anything.

    Args:
        ecr: a boto3 ECR client.
        image: the image's name, as the task definition has it.
        findings: takes what is found; an image that is not in ECR, or in another region, is not checked.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: ECR refused, or was out of reach.
        See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
    """
    parsed = ecr_image(image)
    if parsed is None:
        findings.not_checked(f"image {image} is not in a private registry of ECR")
        return
    if parsed.region != ecr.meta.region_name:
        findings.not_checked(f"image {image} is in {parsed.region}, not in {ecr.meta.region_name}")
        return
    try:
        answer = ecr.describe_images(
            registryId=parsed.account, repositoryName=parsed.repository, imageIds=[parsed.identifier]
        )
        found = bool(answer["imageDetails"])
    except (ecr.exceptions.ImageNotFoundException, ecr.exceptions.RepositoryNotFoundException):
        found = False
    if found:
        findings.checked.append(f"image {image}")
    elif _is_pulled_through(ecr, parsed):
        findings.not_checked(f"image {image} comes by a pull-through cache, with the first pull")
    else:
        findings.problems.append(
            Problem("image", f"image {image} does not exist", "push it, or fix the task definition's image")
        )


def _is_pulled_through(ecr: Any, parsed: EcrImage) -> bool:
    """Return whether ECR would fetch the image from another registry, as far as the permissions allow the check.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
    """
    try:
        answer = ecr.describe_pull_through_cache_rules(registryId=parsed.account)
    except Exception:
        return False  # few accounts have pull-through cache rules, or the permission to list them
    prefixes = [rule["ecrRepositoryPrefix"] for rule in answer["pullThroughCacheRules"]]
    return any(prefix == "ROOT" or parsed.repository.startswith(f"{prefix}/") for prefix in prefixes)
