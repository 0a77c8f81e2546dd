# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded registry, and the names of its images."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from aiohttp import BasicAuth, ClientSession, ClientTimeout

from embedded_aws.guard.keys import Keys

ECR_HOST = re.compile(r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?")


@dataclass(frozen=True)
class ImageName:
    """An image's name, taken apart: registry's host (may be empty), repository, tag or ``sha256:`` digest."""

    host: str
    repository: str
    reference: str

    @classmethod
    def parse(cls, name: str) -> ImageName:
        """Take apart ``123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1``, ``localhost:80/app@sha256:…``, ``app``."""
        first, _slash, rest = name.partition("/")
        host, path = (first, rest) if rest and ("." in first or ":" in first or first == "localhost") else ("", name)
        if "@" in path:
            tagged, _at, digest = path.partition("@")
            return cls(host, tagged.partition(":")[0], digest)
        repository, _colon, tag = path.partition(":")
        return cls(host, repository, tag or "latest")


def is_embedded(name: str) -> bool:
    """Return whether an image's name leads to the embedded registry rather than to one of the internet."""
    host = ImageName.parse(name).host
    return ECR_HOST.fullmatch(host) is not None or host.partition(":")[0] in ("localhost", "127.0.0.1")


class Registry:
    """The embedded registry, from which the engine reads images."""

    def __init__(self, url: str, keys: Keys) -> None:
        self.url = url
        self.keys = keys

    async def has(self, name: str) -> bool:
        """Return whether an image is there; ClientError where the registry does not answer."""
        image = ImageName.parse(name)
        async with ClientSession(timeout=ClientTimeout(total=8)) as session:
            if match := ECR_HOST.fullmatch(image.host):
                return await self._has_in_region(session, image, match["account"], match["region"])
            url = f"{self.url}/v2/{image.repository}/manifests/{image.reference}"
            async with session.get(url, auth=BasicAuth("AWS", self.keys.registry)) as answer:
                return answer.status == 200

    async def _has_in_region(self, session: ClientSession, image: ImageName, account: str, region: str) -> bool:
        # The API rather than the registry protocol: it knows digests of images that PutImage recorded, and the region.
        kind = "imageDigest" if ":" in image.reference else "imageTag"
        body = {"repositoryName": image.repository, "imageIds": [{kind: image.reference}]}
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.BatchGetImage",
            # Only key and region count: the emulator checks no signature.
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.keys.secret}/20260101/{region}/ecr/aws4_request, "
            "SignedHeaders=host, Signature=none",
        }
        async with session.post(self.url, data=json.dumps(body), headers=headers) as answer:
            found = json.loads(await answer.read()) if answer.status == 200 else {}
        return any(found_image["registryId"] == account for found_image in found.get("images", []))
