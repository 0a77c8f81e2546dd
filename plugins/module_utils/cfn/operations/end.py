# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for the end of a stack's current operation, and deletes stacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import Settled
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.operation import StackOperation
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import Outcome
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError, service_role
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import (
    StackState,
    is_done,
    is_rolled_back,
    state_of,
    status_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

MOST_ROUNDS = 5  # in which another client may start an operation before the deletion


class StackEnder(StackOperation):
    """Brings a stack to rest; arguments and attributes are those of ``StackOperation``."""

    # ---- state: settled

    def settle(self) -> Outcome:
        """Wait for the end of the current operation, and judge it.

        Raises:
            WaitTimeoutError: it has not ended in time, or an interrupt came.
            StackRequestError: the stack does not exist.
        """
        found = self._look()
        was_under_way = state_of(found) is StackState.IN_PROGRESS
        end = self._follower.follow(str(found["StackId"])) if found and was_under_way else Settled(found, [])
        if end.described is None or state_of(end.described) in (StackState.ABSENT, StackState.REVIEW):
            why = ": it was deleted during the wait" if was_under_way else ""
            what = f"there is no stack {self._stack.name}{why}"
            raise StackRequestError(Problem("missing", what, "apply it first, or check the region"))
        if is_done(end.described):
            return self._at_rest(end.described)
        events = end.events or self._stack.last_operation(str(end.described["StackId"]))
        return self._failed_before(end.described, events, was_under_way)

    def _at_rest(self, described: Mapping[str, Any]) -> Outcome:
        lines = self._protection.missing(described).lines() if self._is_check else self._protection.set(described)
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
        if is_rolled_back(described) and not was_under_way and not is_asked_for:
            outcome = self._at_rest(described)
            before = f"the last update of stack {self._stack.name} failed, it works on as it was before"
            problem, _cause = self._failure(f"{before}: {status_of(described)}", Settled(described, events))
            outcome.warnings.append(problem.line())
            return outcome
        before = f"stack {self._stack.name} failed, {status_of(described)}"
        problem, cause = self._failure(before, Settled(described, events))
        return Outcome(problem=problem, described=described, cause=cause)

    # ---- state: absent

    def delete(self) -> Outcome:
        """Delete the stack; one that is being deleted already is waited for.

        Raises:
            WaitTimeoutError: it has not ended in time, or an interrupt came.
            StackRequestError: the stack is protected, or others go on changing it.
        """
        for _attempt in range(MOST_ROUNDS):
            found = self._look()
            if found is None or state_of(found) is StackState.ABSENT:
                return Outcome(message=f"there is no stack {self._stack.name}")
            if state_of(found) is not StackState.IN_PROGRESS:
                return self._delete(found)
            if status_of(found) == "DELETE_IN_PROGRESS":
                return self._being_deleted(found)
            self._wait_for_others(found)
        what = f"others went on changing stack {self._stack.name}"
        raise StackRequestError(Problem("overtaken", what, "delete it when they are done"))

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
                message=f"stack {self._stack.name}: deleting has started",
                changed=True,
                described=self._stack.look(stack_id),
                operation=operation,
            )
        return self._judge(self._follower.follow(stack_id, progress))

    def _judge(self, end: Settled) -> Outcome:
        outcome = Outcome(changed=self.changed, operation=self.operation)
        if state_of(end.described) is StackState.ABSENT:
            outcome.message = f"deleted stack {self._stack.name}"
            return outcome
        outcome.described = end.described
        before = f"stack {self._stack.name} could not be deleted"
        outcome.problem, outcome.cause = self._failure(before, end)
        return outcome
