# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stacks that no component of the description makes, such as that of a service that was taken out of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.owner import owned_stacks
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import is_protected, parameters_of
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource

UNDESCRIBED = "undescribed"


class UndescribedStack(Stack):
    """Stacks whose parameters or tags name the environment as their owner; a deletion needs their names.

    Another system of the same project may have made them.
    """

    name = "undescribed_stack"
    label = "undescribed stack"
    protections: ClassVar[tuple[str, ...]] = (UNDESCRIBED, "termination_protection")
    holds_data = True
    is_required = False

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the stacks, and record in the account which resources they hold."""
        names = account.names
        for described in owned_stacks(self._client("cloudformation"), f"{names.base}-", names.owner, names.stacks):
            protections = [UNDESCRIBED, *([self.protection] if is_protected(described) else [])]
            found = self.resource(
                described["StackName"], described["StackId"], state=described["StackStatus"], protections=protections
            )
            found["parameters"] = parameters_of(described)
            yield self._recorded(account, found)
