# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps a stack from being deleted or changed by mistake: termination protection and the stack policy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.command import aws_command
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError, policy_text
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import is_protected, status_of


class Protection:
    """What is asked for of a stack's protection, and what is missing of it.

    Args:
        stack: the stack.
        params: the module's options.
    """

    def __init__(self, stack: Stack, params: Mapping[str, Any]) -> None:
        self._stack, self._params = stack, params
        self._wanted = params["termination_protection"]
        self._policy = policy_text(params["stack_policy"])

    def missing(self, described: Mapping[str, Any] | None) -> list[str]:
        """Say what would have to be set, a line each.

        Args:
            described: the stack as DescribeStacks tells of it; None where it is yet to be made.
        """
        lines: list[str] = []
        if self._wanted is not None and self._wanted != is_protected(described):
            lines.append(f"termination protection: {_word(not self._wanted)} -> {_word(self._wanted)}")
        if self._policy is not None and (described is None or self._differs()):
            lines.append("stack policy: set to what stack_policy says")
        return lines

    def set(self, described: Mapping[str, Any]) -> list[str]:
        """Set what is missing; the stack has to be at rest, AWS takes no policy before.

        Args:
            described: the stack as DescribeStacks tells of it.

        Returns:
            What was set, a line each.
        """
        lines = self.missing(described)
        for line in lines:
            if line.startswith("stack policy"):
                self._stack.client.set_stack_policy(StackName=self._stack.name, StackPolicyBody=self._policy)
            else:
                self._stack.client.update_termination_protection(
                    StackName=self._stack.name, EnableTerminationProtection=self._wanted
                )
        return lines

    def lifted(self, described: Mapping[str, Any]) -> list[str]:
        """Say what has to be taken off the stack before it can be deleted, a line each.

        Args:
            described: the stack as DescribeStacks tells of it.

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
            f"stack {self._stack.name} ({status_of(described)}) is protected from being deleted "
            f"-> if it may go, set termination_protection: false, or take the protection off: {command}"
        )

    def lift(self, described: Mapping[str, Any]) -> bool:
        """Take off the stack what keeps it from being deleted, where the options say so; returns whether it had to.

        Args:
            described: the stack as DescribeStacks tells of it.

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
