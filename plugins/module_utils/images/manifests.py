# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the content of an image from ECR: its manifests, and the configurations that they name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.images.content import ImageContent, content_of_config
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

# https://github.com/opencontainers/image-spec/blob/main/media-types.md and Docker's own
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
EMPTY = "application/vnd.oci.empty.v1+json"
LARGEST_CONFIG = 1 << 20  # bytes; the load tester's has some 5,000


class ImageContentError(ProblemError):
    """What the registry gave is not the image that its digest names, or no image."""


class FetchError(Exception):
    """An address could not be read; the message says why, without the address: it is signed."""


# Returns the bytes at an address, up to a limit.
Fetch = Callable[[str, int], bytes]


def read_contents(client: Any, repository_name: str, digest: str, fetch: Fetch) -> list[ImageContent]:
    """Read the content of an image, for each of its platforms.

    Args:
        client: a boto3 ECR client.
        repository_name: the repository.
        digest: of the image's manifest, or of its index.
        fetch: reads an address.

    Raises:
        ImageContentError: a digest does not fit what came, or it is no image.
        botocore.exceptions.BotoCoreError, ClientError: ECR refused, or was out of reach.
        FetchError: the configuration could not be fetched.
    """
    return [
        _read_content(client, repository_name, manifest, fetch)
        for manifest in _manifests(client, repository_name, digest).values()
    ]


def platform_digests(client: Any, repository_name: str, digest: str) -> list[str]:
    """List the digests of an image's manifests: its own, or those of its index.

    Raises:
        ImageContentError, botocore.exceptions.BotoCoreError, ClientError: as with `read_contents`.
    """
    return list(_manifests(client, repository_name, digest))


def _manifests(client: Any, repository_name: str, digest: str) -> dict[str, dict[str, Any]]:
    top = _manifest(client, repository_name, digest)
    if "manifests" not in top:
        return {digest: top}
    # BuildKit writes its attestations of a build to manifests without a platform, which never run.
    platforms = [str(one["digest"]) for one in top["manifests"] if (one.get("platform") or {}).get("os") != "unknown"]
    return {one: _manifest(client, repository_name, one) for one in platforms}


def _manifest(client: Any, repository_name: str, digest: str) -> dict[str, Any]:
    """Read a manifest.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
    """
    answer = client.batch_get_image(
        repositoryName=repository_name,
        imageIds=[{"imageDigest": digest}],
        acceptedMediaTypes=[*INDEXES, *MANIFESTS],
    )
    if not answer.get("images"):
        reasons = ", ".join(str(one.get("failureReason", "")) for one in answer.get("failures", []))
        what = f"the registry does not give {digest}" + (f": {reasons}" if reasons else "")
        raise ImageContentError(Problem("image", what))
    return _loaded(answer["images"][0]["imageManifest"].encode(), digest)


def _read_content(client: Any, repository_name: str, manifest: Mapping[str, Any], fetch: Fetch) -> ImageContent:
    """Read the configuration that a manifest names.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
    """
    config, annotations = manifest.get("config") or {}, manifest.get("annotations") or {}
    if config.get("mediaType") == EMPTY:
        return content_of_config({}, annotations)
    digest = str(config.get("digest", ""))
    answer = client.get_download_url_for_layer(repositoryName=repository_name, layerDigest=digest)
    return content_of_config(_loaded(fetch(str(answer["downloadUrl"]), LARGEST_CONFIG), digest), annotations)


def _loaded(data: bytes, digest: str) -> dict[str, Any]:
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
        raise ImageContentError(Problem("image", f"what the registry gives as {digest} has another digest"))
    try:
        loaded = json.loads(data)
    except ValueError as error:
        raise ImageContentError(Problem("image", f"{digest} is not JSON: {error}")) from error
    if not isinstance(loaded, dict):
        raise ImageContentError(Problem("image", f"{digest} is not a JSON object"))
    return loaded
