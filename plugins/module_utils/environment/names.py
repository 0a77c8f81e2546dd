# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of an environment, and whether tags say that a resource is the environment's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# CloudFormation sets this tag, and a resource keeps it after its stack is deleted:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-add-tags.html
STACK_TAG = "aws:cloudformation:stack-name"


@dataclass(frozen=True)
class Names:
    """The names that identify an environment's resources.

    Args:
        project: such as "ddbload".
        environment: such as "dev".
        components: the parts of the system, one stack each, such as "table".
        more_clusters: what follows project and environment in the names of clusters beside the first one.
    """

    project: str
    environment: str
    components: Sequence[str]
    more_clusters: Sequence[str] = ()

    @property
    def base(self) -> str:
        """The name of the table, the repository, the cluster and the family of task definitions."""
        return f"{self.project}-{self.environment}"

    @property
    def clusters(self) -> list[str]:
        """The names of the clusters."""
        return [self.base, *(f"{self.base}-{each}" for each in self.more_clusters)]

    @property
    def stacks(self) -> list[str]:
        """The names of the stacks, in the order of the components."""
        return [f"{self.base}-{component}" for component in self.components]

    @property
    def path(self) -> str:
        """The path of the log groups and of the SSM parameters."""
        return f"/{self.project}/{self.environment}"

    @property
    def owner(self) -> dict[str, str]:
        """The tags and parameters by which stacks, and the resources that they create, name their owner."""
        return {"Project": self.project, "Environment": self.environment}

    def owns(self, tags: Mapping[str, str]) -> bool:
        """Return whether a resource's tags say that a stack of the environment created it.

        The stack's name alone does not decide: project "a" with environment "b-c" has the same stack names as "a-b"
        with "c". A resource without tags Project and Environment is from before stacks had these tags.
        """
        return tags.get(STACK_TAG) in self.stacks and not self.disowns(tags)

    def disowns(self, tags: Mapping[str, str]) -> bool:
        """Return whether a resource's tags name another project or environment."""
        return any(tags.get(key, value) != value for key, value in self.owner.items())
