# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applies a template to a stack, whatever state the stack is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.change_set.changes import (
    changes_of,
    has_nothing_to_change,
    is_executable,
    summary,
)
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.change_set.making import (
    ChangeSetMaking,
    MadeChangeSet,
    OvertakenError,
)
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import cause_of, cause_problem, failures
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import Settled, StackFollower
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.operation import StackOperation
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import Outcome
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError, service_role
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import (
    StackState,
    is_done,
    state_of,
    status_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

MOST_ROUNDS = 20  # in which another client may change the stack first
PAUSE = 1.0  # seconds before the next round


class StackApplier(StackOperation):
    """Applies a template to a stack; arguments and attributes are those of ``StackOperation``."""

    def __init__(
        self,
        stack: Stack,
        params: Mapping[str, Any],
        feed: StackFeed,
        patience: Deadline,
        follower: StackFollower,
        is_check: bool,
    ) -> None:
        super().__init__(stack, params, feed, patience, follower, is_check)
        self._making = ChangeSetMaking(stack, params, patience)
        self._done_before: list[str] = []  # what had to be done to the stack before

    def apply(self) -> Outcome:
        """Make the stack what the options say; in check mode, find out what that would change.

        Raises:
            WaitTimeoutError: it has not ended in time, or an interrupt came.
            StackRequestError: the stack is in a state that people have to decide about, or others go on changing it.
        """
        for _attempt in range(MOST_ROUNDS):
            found = self._look()
            match state_of(found):
                case StackState.IN_PROGRESS if found:
                    self._wait_for_others(found)
                case StackState.CREATE_FAILED if found:
                    lifted = self._protection.lifted(found)
                    if self._is_check:
                        return self._would_recover(found, "deleted and made again", lifted)
                    self._clear(found)
                case StackState.ROLLBACK_FAILED if found:
                    if self._is_check:
                        return self._would_recover(found, "freed by continuing its rollback, and then updated")
                    self._continue(found)
                case StackState.DELETE_FAILED if found:
                    raise StackRequestError(self._broken(found))
                case _:
                    try:
                        return self._change(found)
                    except OvertakenError:
                        self._feed.note(f"another client is changing stack {self._stack.name}, too: looking again")
                        self._patience.pause(PAUSE)
        raise StackRequestError(
            Problem(
                "overtaken",
                f"others went on changing stack {self._stack.name} for {MOST_ROUNDS} rounds",
                "try again when they are done",
            )
        )

    # ---- What has to come first

    def _clear(self, found: Mapping[str, Any]) -> None:
        """Delete what could not be created: AWS lets it be nothing else."""
        failure = self._earlier_failure("", found).line()
        self._feed.note(f"stack {self._stack.name}: deleting what could not be created before, {failure}")
        self._done_before.append(f"deleted what could not be created before, {failure}")
        progress = self._follower.progress(str(found["StackId"]))
        self.changed = self._protection.lift(found) or self.changed
        self._stack.client.delete_stack(
            StackName=found["StackId"], ClientRequestToken=f"ddbload-{uuid4().hex}", **service_role(self._params)
        )
        self.changed = True
        end = self._follower.follow(str(found["StackId"]), progress)
        if state_of(end.described) is not StackState.ABSENT:
            before = f"stack {self._stack.name} could not be created before, and what it left could not be deleted"
            raise StackRequestError(self._failure(before, end)[0])

    def _continue(self, found: Mapping[str, Any]) -> None:
        failure = self._earlier_failure("", found).line()
        self._feed.note(f"stack {self._stack.name}: continuing the rollback that failed before, {failure}")
        self._done_before.append(f"continued the rollback that failed before, {failure}")
        progress = self._follower.progress(str(found["StackId"]))
        self._stack.client.continue_update_rollback(
            StackName=found["StackId"], ClientRequestToken=f"ddbload-{uuid4().hex}", **service_role(self._params)
        )
        self.changed = True
        end = self._follower.follow(str(found["StackId"]), progress)
        if state_of(end.described) is StackState.ROLLBACK_FAILED:
            before = f"the rollback of stack {self._stack.name} was continued and failed again"
            skip = "leave the resource out: aws cloudformation continue-update-rollback --resources-to-skip"
            problem = self._failure(before, end)[0]
            raise StackRequestError(problem._replace(remedy=_joined(problem.remedy, "; or ", skip)))

    def _broken(self, found: Mapping[str, Any]) -> Problem:
        then = "delete it (state absent), and apply it again"
        if status_of(found) != "DELETE_FAILED":
            then = "delete it, or take the resources out that could not be imported"
        problem = self._earlier_failure(f"stack {self._stack.name} cannot be updated: ", found)
        return problem._replace(kind="state", remedy=_joined(problem.remedy, "; then ", then))

    def _would_recover(self, found: Mapping[str, Any], what: str, before: Sequence[str] = ()) -> Outcome:
        # CloudFormation computes no change set for a stack in this state; it validates the template nevertheless.
        self._stack.client.validate_template(TemplateBody=self._params["template_body"])
        line = f"{status_of(found)}: would be {what}; what that changes shows only then"
        return Outcome(
            message=self._earlier_failure(f"stack {self._stack.name} would be {what}; ", found).line(),
            changed=True,
            described=found,
            lines=[*before, line, *self._protection.missing(None).lines()],
        )

    # ---- The change itself

    def _change(self, found: Mapping[str, Any] | None) -> Outcome:
        made = self._making.make(found)
        try:
            made.wait()
            if has_nothing_to_change(made.described):
                made.check()
                return self._unchanged(found)
            if not is_executable(made.described):
                return self._refused(made, found)
            if self._is_check:
                return self._would_change(made, found)
            return self._execute(made, found)
        finally:
            made.discard()

    def _unchanged(self, found: Mapping[str, Any] | None) -> Outcome:
        lines = self._protection.set(found) if found and not self._is_check else self._protection.missing(found).lines()
        message = f"stack {self._stack.name} is as it should be already"
        if lines:
            message = f"stack {self._stack.name}: {'would set ' if self._is_check else ''}{'; '.join(lines)}"
        return Outcome(
            message=message,
            changed=bool(lines) or self.changed,
            described=found if self._is_check or not lines else self._stack.look(),
            lines=self._done_before + lines,
            warnings=self._other_role(found),
        )

    def _other_role(self, found: Mapping[str, Any] | None) -> list[str]:
        # A role alone is no change to CloudFormation: a change set with nothing else in it is empty.
        wanted, has = self._params.get("role_arn"), (found or {}).get("RoleARN")
        if not wanted or wanted == has:
            return []
        return [
            f"stack {self._stack.name} goes on with {has or 'the permissions of its caller'}: "
            f"{wanted} takes over with the stack's next change"
        ]

    def _refused(self, made: MadeChangeSet, found: Mapping[str, Any] | None) -> Outcome:
        cause = self._stack.change_set_cause(made.described)
        verb = "created" if made.is_new else "updated"
        return Outcome(
            problem=cause_problem(cause, self._stack.name, f"stack {self._stack.name} cannot be {verb}"),
            changed=self.changed,
            described=None if made.is_new else found,
            cause=cause,
            lines=self._done_before,
        )

    def _would_change(self, made: MadeChangeSet, found: Mapping[str, Any] | None) -> Outcome:
        changes = changes_of(made.changes)
        verb = "create" if made.is_new else "update"
        return Outcome(
            message=f"would {verb} stack {self._stack.name}: {summary(changes)}",
            changed=True,
            described=None if made.is_new else found,
            changes=changes,
            lines=self._protection.missing(None if made.is_new else found).lines() or self._hint(changes),
            warnings=self._stack.change_set_warnings(str(made.described["ChangeSetId"])),
        )

    def _hint(self, changes: list[dict[str, Any]]) -> list[str]:
        return [] if changes else ["outputs, metadata or tags change, no resource does"]

    def _execute(self, made: MadeChangeSet, found: Mapping[str, Any] | None) -> Outcome:
        changes = changes_of(made.changes)
        verb = "creating" if made.is_new else "updating"
        warnings = self._stack.change_set_warnings(str(made.described["ChangeSetId"]))
        progress = self._follower.progress(made.stack_id)
        made.execute()
        self.changed, self.operation = True, made.token
        self._feed.note(f"{verb} stack {self._stack.name}: {summary(changes)}")
        outcome = Outcome(
            changed=True,
            described=found,
            changes=changes,
            operation=made.token,
            lines=self._done_before or ([] if changes else self._hint(changes)),
            warnings=warnings,
        )
        if not self._params["wait"]:
            outcome.described = self._stack.look(made.stack_id)
            outcome.message = f"stack {self._stack.name}: {verb} has started, {summary(changes)}"
            return outcome
        return self._end(outcome, made, self._follower.follow(made.stack_id, progress, len(changes) or None))

    def _end(self, outcome: Outcome, made: MadeChangeSet, end: Settled) -> Outcome:
        outcome.described = end.described
        if not is_done(end.described):
            verb = "created" if made.is_new else "updated"
            before = f"stack {self._stack.name} could not be {verb}"
            outcome.problem, outcome.cause = self._failure(before, end)
            return outcome
        for left in failures(end.events):
            before = f"stack {self._stack.name} has left something behind"
            outcome.warnings.append(cause_problem(cause_of(left), self._stack.name, before).line())
        if end.described and (lines := self._protection.set(end.described)):
            outcome.lines = outcome.lines + lines
            outcome.described = self._stack.look()
        verb = "created" if made.is_new else "updated"
        outcome.message = f"{verb} stack {self._stack.name}: {summary(outcome.changes, is_done=True)}"
        return outcome


def _joined(remedy: str, conjunction: str, other: str) -> str:
    return f"{remedy}{conjunction}{other}" if remedy else other
