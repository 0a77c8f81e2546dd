# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build of an image is given: address, platforms, labels, arguments and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

TAG_DIGITS = 16  # hexadecimal digits of the content's digest in a tag
# Names of the machine in the kernel, and of the platform in an image index.
# https://github.com/opencontainers/image-spec/blob/main/image-index.md
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def image_tag(version: str, content_sha256: str, platforms: Sequence[str], base_image: str) -> str:
    """Return the tag of an image: its version, and a digest of what goes into it.

    Args:
        version: the version of what the image holds.
        content_sha256: digest of its source.
        platforms: its platforms.
        base_image: name of its base image; empty for that of the Dockerfile.
    """
    ingredients = f"{content_sha256} {','.join(platforms)} {base_image}"
    return f"{version}-{sha256(ingredients.encode()).hexdigest()[:TAG_DIGITS]}"


def image_build(
    uri: str,
    tag: str,
    content_sha256: str,
    base_image: str = "",
    index_url: str = "",
    revision: str = "",
    pushes: bool = True,
) -> dict[str, Any]:
    """Return what the modules of community.docker are given for a build.

    Args:
        uri: the repository's address.
        tag: the image's tag.
        content_sha256: digest of its source.
        base_image: name of its base image; empty for that of the Dockerfile.
        index_url: package index of the build; empty for PyPI.
        revision: the source's revision; empty where it has none.
        pushes: whether buildx pushes the image; it goes into the engine otherwise.

    Returns:
        ``labels`` (https://github.com/opencontainers/image-spec/blob/main/annotations.md), build ``arguments`` and
        ``outputs`` of buildx.
    """
    labels = {
        "org.opencontainers.image.version": tag,
        "io.ddbload.content.sha256": content_sha256,
        "org.opencontainers.image.base.name": base_image,
        "org.opencontainers.image.revision": revision,
    }
    arguments = {"BASE_IMAGE": base_image, "PIP_INDEX_URL": index_url}
    return {
        "labels": {name: value for name, value in labels.items() if value},
        "arguments": {name: value for name, value in arguments.items() if value},
        "outputs": [{"type": "image", "name": [f"{uri}:{tag}"], "push": True}] if pushes else [{"type": "docker"}],
    }


def foreign_platform(platform: str, machine: str) -> str:
    """Return a build's platform where it is not the engine's own, else nothing: older engines call it an experiment.

    Args:
        platform: the image's platform.
        machine: the engine's architecture, as docker info reports it.
    """
    return "" if platform == f"linux/{ARCHITECTURES.get(machine, '')}" else platform
