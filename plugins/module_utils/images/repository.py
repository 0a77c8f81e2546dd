# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of an ECR repository: found, recorded, and the login to their registry."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple
from urllib.parse import urlsplit


class Manifest(NamedTuple):
    """An image's manifest, JSON text, and its digest."""

    text: str
    digest: str


def find_images(client: Any, repository_name: str, image_tag: str | None = None) -> list[dict[str, Any]]:
    """List the images of a repository.

    Args:
        client: a boto3 ECR client.
        repository_name: the repository.
        image_tag: only the image with this tag.

    Returns:
        One dict an image with ``image_digest``, ``image_tags``, ``image_pushed_at`` (ISO 8601) and
        ``image_size_in_bytes``; none where the tag is not there.

    Raises:
        botocore.exceptions.ClientError: also RepositoryNotFoundException.
        See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
    """
    wanted = {"imageIds": [{"imageTag": image_tag}]} if image_tag else {}
    pages = client.get_paginator("describe_images").paginate(repositoryName=repository_name, **wanted)
    try:
        return [_image(detail) for page in pages for detail in page["imageDetails"]]
    except client.exceptions.ImageNotFoundException:
        return []


def read_manifest(client: Any, repository_name: str, image_tag: str) -> Manifest | None:
    """Read the manifest of a tag; None where the tag is not there.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
    """
    answer = client.batch_get_image(repositoryName=repository_name, imageIds=[{"imageTag": image_tag}])
    images = answer.get("images", [])
    return Manifest(images[0]["imageManifest"], images[0]["imageId"]["imageDigest"]) if images else None


def put_manifest(client: Any, repository_name: str, image_tag: str, manifest: str, media_type: str) -> str:
    """Put a manifest under a tag; returns its digest.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
    """
    answer = client.put_image(
        repositoryName=repository_name, imageTag=image_tag, imageManifest=manifest, imageManifestMediaType=media_type
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def has_immutable_tags(client: Any, repository_name: str) -> bool:
    """Return whether no tag of a repository may move; one with exclusions may let some move, PutImage says which.

    See https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html
    """
    answer = client.describe_repositories(repositoryNames=[repository_name])
    return bool(answer["repositories"][0].get("imageTagMutability") == "IMMUTABLE")


def decode_authorization(data: dict[str, Any]) -> dict[str, str]:
    """Take an ECR authorization apart into what ``docker login`` wants.

    Args:
        data: one element of GetAuthorizationToken's ``authorizationData``.

    Returns:
        ``registry`` (host, with a port where there is one), ``username`` and ``password``. See
        https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    """
    username, _colon, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    return {"registry": urlsplit(data["proxyEndpoint"]).netloc, "username": username, "password": password}


def _image(detail: dict[str, Any]) -> dict[str, Any]:
    pushed = detail.get("imagePushedAt")
    return {
        "image_digest": detail["imageDigest"],
        "image_tags": sorted(detail.get("imageTags", [])),
        "image_pushed_at": pushed.isoformat() if pushed else None,
        "image_size_in_bytes": detail.get("imageSizeInBytes", 0),
    }
