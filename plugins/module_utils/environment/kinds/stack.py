# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CloudFormation stacks, one a component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.owner import foreign_owner
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import is_missing
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import (
    StackState,
    is_protected,
    outputs_of,
    parameters_of,
    state_of,
    status_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kind import Protectable
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource


class Stack(Protectable):
    """CloudFormation stacks: their owner is in their parameters, else in their tags."""

    name = "stack"
    label = "stack"
    protections: ClassVar[tuple[str, ...]] = ("termination_protection",)
    protection = "termination_protection"
    # The owner of most other resources is the owner of their stack.
    is_required = True

    def find(self, account: Account) -> Iterator[Resource]:
        """Yield the stacks, and record in the account which resources they hold."""
        for component, name in zip(account.names.components, account.names.stacks, strict=True):
            described = self._described(name)
            if described is None:
                continue
            if owner := foreign_owner(described, account.names.owner):
                account.foreign.append(f"stack {name} belongs to {owner}")
                continue
            # A stack that was only reviewed still occupies its name.
            if state_of(described) is not StackState.ABSENT:
                yield self._recorded(account, self.stack(component, described))

    def stack(self, component: str, described: Mapping[str, Any]) -> Resource:
        """Return a stack with its component, parameters and outputs.

        Args:
            component: the component that it deploys.
            described: the stack, as DescribeStacks returns it.
        """
        found = self.resource(
            described["StackName"],
            described["StackId"],
            state=described["StackStatus"],
            protections=[self.protection] if is_protected(described) else [],
        )
        found["component"] = component
        found["parameters"], found["outputs"] = parameters_of(described), outputs_of(described)
        return found

    def state(self, id_: str) -> str | None:
        """Return a stack's status; None where it does not exist."""
        return status_of(self._described(id_)) or None

    def is_protected(self, id_: str) -> bool:
        """Return whether termination protection is on."""
        return is_protected(self._described(id_))

    def unprotect(self, id_: str) -> None:
        """Turn termination protection off.

        See https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateTerminationProtection.html
        """
        self._client("cloudformation").update_termination_protection(StackName=id_, EnableTerminationProtection=False)

    def _recorded(self, account: Account, stack: Resource) -> Resource:
        """Record in the account which resources a stack holds; returns the stack."""
        pages = self._client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack["name"])
        account.add_stack(stack, (each for page in pages for each in page["StackResourceSummaries"]))
        return stack

    def _described(self, name: str) -> Mapping[str, Any] | None:
        try:
            described: Mapping[str, Any] = self._client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        except Exception as error:
            if is_missing(error):
                return None
            raise
        return described
