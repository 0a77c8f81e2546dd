# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment's stack of one component, as far as it is the environment's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.owner import foreign_owner
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names


def own_stack(cloudformation: Any, project: str, environment: str, component: str) -> Mapping[str, Any] | None:
    """Return a component's stack as DescribeStacks describes it; None where it does not exist or belongs to others.

    Args:
        cloudformation: a boto3 CloudFormation client.
        project: the first part of every name.
        environment: follows it.
        component: such as "table".

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: CloudFormation refused, or was out of reach.
    """
    names = Names(project, environment, [component])
    described = Stack(lambda: cloudformation, names.stacks[0]).look()
    return None if foreign_owner(described, names.owner) else described
