# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a stack from being deleted or changed by mistake: termination protection and the stack policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.aws.command import aws_command
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError, policy_text
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import is_protected, status_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


class Missing(NamedTuple):
    """What a stack lacks of the protection that the options request.

    Attributes:
        termination_protection: the value to set; None where the stack has it.
        stack_policy: the policy to set, as JSON; None where the stack has it.
    """

    termination_protection: bool | None
    stack_policy: str | None

    def lines(self) -> list[str]:
        """Return the missing settings for people, a line each; empty for none."""
        lines: list[str] = []
        if (wanted := self.termination_protection) is not None:
            lines.append(f"termination protection: {_word(not wanted)} -> {_word(wanted)}")
        if self.stack_policy is not None:
            lines.append("stack policy: set to what stack_policy says")
        return lines


class Protection:
    """The protection that the options request for a stack.

    Args:
        stack: the stack.
        params: the module's options.
    """

    def __init__(self, stack: Stack, params: Mapping[str, Any]) -> None:
        self._stack, self._params = stack, params
        self._wanted = params["termination_protection"]
        self._policy = policy_text(params["stack_policy"])

    def missing(self, described: Mapping[str, Any] | None) -> Missing:
        """Return what would have to be set.

        Args:
            described: the stack as DescribeStacks describes it; None where it is yet to be made.
        """
        has_policy = self._policy is None or (described is not None and not self._differs())
        return Missing(
            None if self._wanted == is_protected(described) else self._wanted, None if has_policy else self._policy
        )

    def set(self, described: Mapping[str, Any]) -> list[str]:
        """Set the missing settings; AWS accepts a policy only while no operation is in progress.

        Args:
            described: the stack as DescribeStacks describes it.

        Returns:
            The settings made, a line each.
        """
        missing = self.missing(described)
        if missing.termination_protection is not None:
            self._stack.client.update_termination_protection(
                StackName=self._stack.name, EnableTerminationProtection=missing.termination_protection
            )
        if missing.stack_policy is not None:
            self._stack.client.set_stack_policy(StackName=self._stack.name, StackPolicyBody=missing.stack_policy)
        return missing.lines()

    def lifted(self, described: Mapping[str, Any]) -> list[str]:
        """Return the protection to remove before a deletion, a line each.

        Args:
            described: the stack as DescribeStacks describes it.

        Raises:
            StackRequestError: it is protected, and the options do not say that it need not be.
        """
        if not is_protected(described):
            return []
        if self._wanted is False:
            return [f"termination protection: {_word(True)} -> {_word(False)}"]
        command = aws_command(
            "cloudformation update-termination-protection --no-enable-termination-protection",
            {"stack-name": self._stack.name},
            self._params,
        )
        raise StackRequestError(
            Problem(
                "protected",
                f"stack {self._stack.name} ({status_of(described)}) is protected from being deleted",
                f"to delete it, set termination_protection: false, or take the protection off: {command}",
            )
        )

    def lift(self, described: Mapping[str, Any]) -> bool:
        """Take off the stack what keeps it from being deleted, where the options say so; returns whether it had to.

        Args:
            described: the stack as DescribeStacks describes it.

        Raises:
            StackRequestError: as ``lifted`` says.
        """
        lifted = bool(self.lifted(described))
        if lifted:
            self._stack.client.update_termination_protection(
                StackName=self._stack.name, EnableTerminationProtection=False
            )
        return lifted

    def _differs(self) -> bool:
        found = self._stack.policy()
        return found is None or json.dumps(found, sort_keys=True) != self._policy


def _word(is_on: bool) -> str:
    return "on" if is_on else "off"
