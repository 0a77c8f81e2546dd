# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ECR repositories."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.gantry.ecs.plugins.module_utils.aws.tags import tag_map
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import PRESENT, Removable, retention
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource

TYPE = "AWS::ECR::Repository"


class Repository(Removable):
    """ECR repositories that a stack of the environment holds or created."""

    name = "repository"
    label = "repository"
    protections = ("retained", "left_behind")
    holds_data = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the repositories of the stacks, and the one that a deleted stack kept."""
        client = self._client("ecr")
        for name in {*account.held(TYPE), account.names.base}:
            try:
                described = client.describe_repositories(repositoryNames=[name])["repositories"][0]
                pages = list(client.get_paginator("list_images").paginate(repositoryName=name))
            except client.exceptions.RepositoryNotFoundException:
                continue
            holder = account.holder(TYPE, name)
            tags = client.list_tags_for_resource(resourceArn=described["repositoryArn"])["tags"]
            if holder or account.names.owns(tag_map(tags)):
                digests = {image.get("imageDigest") for page in pages for image in page["imageIds"]}
                yield self.repository(name, len(digests), holder)

    def repository(self, name: str, images: int, stack: Resource | None) -> Resource:
        """Return a repository.

        Args:
            name: its name.
            images: the number of its images.
            stack: the stack that holds it; None where the stack was deleted.
        """
        return self.resource(name, name, stack, protections=retention(stack), detail=f"{images} image(s)")

    def state(self, id_: str) -> str | None:
        """Return `PRESENT`; None where it does not exist."""
        client = self._client("ecr")
        try:
            client.describe_repositories(repositoryNames=[id_])
        except client.exceptions.RepositoryNotFoundException:
            return None
        return PRESENT

    def remove(self, id_: str) -> None:
        """Delete a repository with its images."""
        self._client("ecr").delete_repository(repositoryName=id_, force=True)
