# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operations on a stack have in common: their surroundings, the owner's check, and why one failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import Cause, cause_problem, reason_text
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import Settled, StackFollower
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.protection import Protection
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.owner import check_owner
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import status_of
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


class StackOperation:
    """An operation on a stack.

    Attributes:
        changed: whether an operation was started in AWS, whatever its end.
        operation: the token of the started operation; None for none.

    Args:
        stack: the stack.
        params: the module's options for it.
        feed: where to report progress.
        patience: how long to wait.
        follower: follows the current operation.
        is_check: whether nothing may be changed.
    """

    def __init__(
        self,
        stack: Stack,
        params: Mapping[str, Any],
        feed: StackFeed,
        patience: Deadline,
        follower: StackFollower,
        is_check: bool,
    ) -> None:
        self._stack, self._params, self._feed, self._patience = stack, params, feed, patience
        self._follower, self._is_check = follower, is_check
        self._protection = Protection(stack, params)
        self.changed = False
        self.operation: str | None = None

    def _look(self) -> Mapping[str, Any] | None:
        """Return the stack as DescribeStacks describes it; None where there is none.

        Raises:
            StackRequestError: the stack belongs to another owner.
        """
        found = self._stack.look()
        check_owner(found, self._params.get("owner"))
        return found

    def _wait_for_others(self, found: Mapping[str, Any]) -> None:
        self._feed.note(f"stack {self._stack.name} is in {status_of(found)}: waiting for its end")
        self._follower.follow(str(found["StackId"]))

    def _failure(self, before: str, end: Settled) -> tuple[Problem, Cause | None]:
        """Return why an operation failed.

        Args:
            before: the clause that the reason follows, such as "stack x could not be created".
            end: how the operation ended.
        """
        if cause := self._stack.cause(end.events):
            return cause_problem(cause, self._stack.name, before), cause
        reason = str((end.described or {}).get("StackStatusReason") or "")
        status = status_of(end.described) or "it was deleted during the operation"
        what = reason_text(reason) if reason else f"{status}, its events give no reason"
        return Problem("failed", f"{before}: {what}"), None

    def _earlier_failure(self, before: str, found: Mapping[str, Any]) -> Problem:
        """Return why the last operation on a stack failed; arguments as for ``_failure``."""
        events = self._stack.last_operation(str(found["StackId"]))
        return self._failure(f"{before}{status_of(found)}", Settled(found, events))[0]
