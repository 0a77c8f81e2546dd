# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the resources of an environment, inside and outside of stacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import DENIED, Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.catalogue import KINDS
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource


def find_resources(client: Callable[[str], Any], account: Account) -> list[Resource]:
    """List an environment's resources of every kind.

    Args:
        client: returns a boto3 client of a service.
        account: the environment's names; records the stacks, and what could not be read.

    Returns:
        The resources, in the order of `KINDS`.

    Raises:
        botocore.exceptions.BotoCoreError, ClientError: a request failed, or the caller lacks a permission without which
            the list would be wrong.
    """
    found: list[Resource] = []
    for kind in KINDS:
        try:
            found.extend(kind(client).find(account))
        except Exception as error:
            if kind.is_required or error_code(error) not in DENIED:
                raise
            account.not_checked.append(f"{kind.label}: {error}")
    return found
