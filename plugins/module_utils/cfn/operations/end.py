# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for the end of what is under way with a stack, and deletes stacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import cause_text
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import Settled, StackFollower
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.protection import Protection
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import Outcome
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError, service_role
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import (
    Standing,
    is_done,
    is_taken_back,
    standing,
    status_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed

MOST_ROUNDS = 5  # in which somebody else begins something while a deletion is to begin


class StackEnder:
    """Brings a stack to rest.

    Attributes:
        changed: whether something was begun in AWS, however it ends.
        operation: what marks the operation that was begun; None for none.

    Args:
        stack: the stack.
        params: the module's options.
        feed: where to tell of it.
        follower: follows what is under way.
        is_check: whether nothing may be changed.
    """

    def __init__(
        self,
        stack: Stack,
        params: Mapping[str, Any],
        feed: StackFeed,
        follower: StackFollower,
        is_check: bool,
    ) -> None:
        self._stack, self._params, self._feed = stack, params, feed
        self._follower, self._is_check = follower, is_check
        self._protection = Protection(stack, params)
        self.changed = False
        self.operation: str | None = None

    # ---- state: settled

    def settle(self) -> Outcome:
        """Wait for the end of what is under way, and judge it.

        Raises:
            OutOfPatienceError: it has not ended in time, or an interrupt came.
            StackRequestError: there is no such stack.
        """
        found = self._stack.look()
        was_under_way = standing(found) is Standing.BUSY
        end = self._follower.follow(str(found["StackId"])) if found and was_under_way else Settled(found, [])
        if end.described is None or standing(end.described) in (Standing.ABSENT, Standing.REVIEW):
            why = ": it was deleted while it was waited for" if was_under_way else ""
            raise StackRequestError(f"there is no stack {self._stack.name}{why} -> apply it first, or check the region")
        if is_done(end.described):
            return self._at_rest(end.described)
        events = end.events or self._stack.last_operation(str(end.described["StackId"]))
        return self._failed_before(end.described, events, was_under_way)

    def _at_rest(self, described: Mapping[str, Any]) -> Outcome:
        lines = self._protection.missing(described)
        if lines and not self._is_check:
            self._protection.set(described)
        return Outcome(
            message=f"stack {self._stack.name} is in {status_of(described)}",
            changed=bool(lines),
            described=self._stack.look() if lines and not self._is_check else described,
            lines=lines,
        )

    def _failed_before(
        self, described: Mapping[str, Any], events: list[Mapping[str, Any]], was_under_way: bool
    ) -> Outcome:
        operation = self._params["operation"]
        is_asked_for = bool(operation) and any(one.get("ClientRequestToken") == operation for one in events)
        told = f"{status_of(described)}: {self._told(Settled(described, events))}"
        if is_taken_back(described) and not was_under_way and not is_asked_for:
            outcome = self._at_rest(described)
            outcome.warnings.append(
                f"the last update of stack {self._stack.name} failed, it works on as it was before: {told}"
            )
            return outcome
        return Outcome(
            message=f"stack {self._stack.name} failed, {told}",
            failed=True,
            described=described,
            cause=self._stack.cause(events),
        )

    # ---- state: absent

    def delete(self) -> Outcome:
        """Delete the stack; one that is being deleted already is waited for.

        Raises:
            OutOfPatienceError: it has not ended in time, or an interrupt came.
            StackRequestError: the stack is protected, or others go on changing it.
        """
        for _attempt in range(MOST_ROUNDS):
            found = self._stack.look()
            if found is None or standing(found) is Standing.ABSENT:
                return Outcome(message=f"there is no stack {self._stack.name}")
            if standing(found) is not Standing.BUSY:
                return self._delete(found)
            if status_of(found) == "DELETE_IN_PROGRESS":
                return self._being_deleted(found)
            self._feed.note(f"stack {self._stack.name} is in {status_of(found)}: waiting for its end")
            self._follower.follow(str(found["StackId"]))
        raise StackRequestError(f"others went on changing stack {self._stack.name} -> delete it when they are done")

    def _being_deleted(self, found: Mapping[str, Any]) -> Outcome:
        if self._is_check or not self._params["wait"]:
            return Outcome(message=f"stack {self._stack.name} is being deleted already", described=found)
        return self._judge(self._follower.follow(str(found["StackId"])))

    def _delete(self, found: Mapping[str, Any]) -> Outcome:
        lifted = self._protection.lifted(found)
        if self._is_check:
            return Outcome(
                message=f"would delete stack {self._stack.name}",
                changed=True,
                described=found,
                lines=[*lifted, "- the stack and its resources, but those that its template retains"],
            )
        stack_id, operation = str(found["StackId"]), f"ddbload-{uuid4().hex}"
        progress = self._follower.progress(stack_id)
        self.changed = self._protection.lift(found)
        self._stack.client.delete_stack(StackName=stack_id, ClientRequestToken=operation, **service_role(self._params))
        self.changed, self.operation = True, operation
        self._feed.note(f"deleting stack {self._stack.name}")
        if not self._params["wait"]:
            return Outcome(
                message=f"stack {self._stack.name}: deleting has begun",
                changed=True,
                described=self._stack.look(stack_id),
                operation=operation,
            )
        return self._judge(self._follower.follow(stack_id, progress))

    def _judge(self, end: Settled) -> Outcome:
        outcome = Outcome(changed=self.changed, operation=self.operation)
        if standing(end.described) is Standing.ABSENT:
            outcome.message = f"deleted stack {self._stack.name}"
            return outcome
        outcome.failed, outcome.described = True, end.described
        outcome.cause = self._stack.cause(end.events)
        outcome.message = f"stack {self._stack.name} could not be deleted: {self._told(end)}"
        return outcome

    def _told(self, end: Settled) -> str:
        cause = self._stack.cause(end.events)
        return (
            cause_text(cause, self._stack.name) if cause else f"{status_of(end.described)}, its events do not say why"
        )
