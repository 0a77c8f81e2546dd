# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks of the environment that no component of its description makes, as that of a service that was taken out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.owner import owned_stacks
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


def undescribed_warnings(cloudformation: Any, names: Names, region: str) -> Iterator[Problem]:
    """Yield a warning for each stack of the environment that is none of its components'.

    Args:
        cloudformation: a boto3 CloudFormation client.
        names: those of the environment, with the components of its description.
        region: the client's.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: CloudFormation refused, or was out of reach.
    """
    for described in owned_stacks(cloudformation, f"{names.base}-", names.owner, names.stacks):
        name = described["StackName"]
        yield Problem(
            "undescribed",
            f"stack {name} goes on, and no component of the description makes it",
            f"unless another system of project {names.project} has made it, delete it: "
            f"aws cloudformation delete-stack --region {region} --stack-name {name}",
        )
