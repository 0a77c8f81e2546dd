# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a stack what it is asked to be, from whatever state it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Patience
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
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import cause_of, cause_text, failures
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.follow import Settled, StackFollower
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.protection import Protection
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.outcome import Outcome
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.remedies import reason_text
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import StackRequestError, service_role
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import (
    Standing,
    is_done,
    standing,
    status_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed

MOST_ROUNDS = 20  # in which somebody else may be quicker
PAUSE = 1.0  # seconds before the next round


class StackApplier:
    """Applies a template to a stack.

    Attributes:
        changed: whether something was begun in AWS, however it ends.
        operation: what marks the operation that was begun; None for none.

    Args:
        stack: the stack.
        params: the module's options.
        feed: where to tell of it.
        patience: how long to wait.
        follower: follows what is under way.
        is_check: whether nothing may be changed.
    """

    def __init__(
        self,
        stack: Stack,
        params: Mapping[str, Any],
        feed: StackFeed,
        patience: Patience,
        follower: StackFollower,
        is_check: bool,
    ) -> None:
        self._stack, self._params, self._feed, self._patience = stack, params, feed, patience
        self._follower, self._is_check = follower, is_check
        self._making = ChangeSetMaking(stack, params, patience)
        self._protection = Protection(stack, params)
        self._done_before: list[str] = []  # what had to be done to the stack before
        self.changed = False
        self.operation: str | None = None

    def apply(self) -> Outcome:
        """Make the stack what the options say; in check mode, find out what that would change.

        Raises:
            OutOfPatienceError: it has not ended in time, or an interrupt came.
            StackRequestError: the stack is in a state that people have to decide about, or others go on changing it.
        """
        for _attempt in range(MOST_ROUNDS):
            found = self._stack.look()
            match standing(found):
                case Standing.BUSY if found:
                    self._wait_for_others(found)
                case Standing.NEVER_WAS if found:
                    lifted = self._protection.lifted(found)
                    if self._is_check:
                        return self._would_recover(found, "deleted and made again", lifted)
                    self._clear(found)
                case Standing.STUCK if found:
                    if self._is_check:
                        return self._would_recover(found, "freed by continuing its rollback, and then updated")
                    self._continue(found)
                case Standing.BROKEN if found:
                    raise StackRequestError(self._broken(found))
                case _:
                    try:
                        return self._change(found)
                    except OvertakenError:
                        self._feed.note(f"somebody else is changing stack {self._stack.name}, too: looking again")
                        self._patience.pause(PAUSE)
        raise StackRequestError(
            f"others went on changing stack {self._stack.name} for {MOST_ROUNDS} rounds -> try again when they are done"
        )

    # ---- What has to come first

    def _wait_for_others(self, found: Mapping[str, Any]) -> None:
        self._feed.note(f"stack {self._stack.name} is in {status_of(found)}: waiting for its end")
        self._follower.follow(str(found["StackId"]))

    def _clear(self, found: Mapping[str, Any]) -> None:
        """Delete what could not be created: AWS lets it be nothing else."""
        told = self._told_cause(found)
        self._feed.note(f"stack {self._stack.name}: deleting what could not be created before, {told}")
        self._done_before.append(f"deleted what could not be created before, {told}")
        progress = self._follower.progress(str(found["StackId"]))
        self.changed = self._protection.lift(found) or self.changed
        self._stack.client.delete_stack(
            StackName=found["StackId"], ClientRequestToken=f"ddbload-{uuid4().hex}", **service_role(self._params)
        )
        self.changed = True
        end = self._follower.follow(str(found["StackId"]), progress)
        if standing(end.described) is not Standing.ABSENT:
            raise StackRequestError(
                f"stack {self._stack.name} could not be created before, and what it left could not be deleted: "
                f"{self._told(end)}"
            )

    def _continue(self, found: Mapping[str, Any]) -> None:
        told = self._told_cause(found)
        self._feed.note(f"stack {self._stack.name}: continuing the rollback that failed before, {told}")
        self._done_before.append(f"continued the rollback that failed before, {told}")
        progress = self._follower.progress(str(found["StackId"]))
        self._stack.client.continue_update_rollback(
            StackName=found["StackId"], ClientRequestToken=f"ddbload-{uuid4().hex}", **service_role(self._params)
        )
        self.changed = True
        end = self._follower.follow(str(found["StackId"]), progress)
        if standing(end.described) is Standing.STUCK:
            raise StackRequestError(
                f"the rollback of stack {self._stack.name} was continued and failed again: {self._told(end)}; "
                "or leave the resource out: aws cloudformation continue-update-rollback --resources-to-skip"
            )

    def _broken(self, found: Mapping[str, Any]) -> str:
        remedy = "then delete it (state absent), and apply it again"
        if status_of(found) != "DELETE_FAILED":
            remedy = "see its events, then delete it or take the resources out that could not be imported"
        return f"stack {self._stack.name} cannot be updated: {self._told_cause(found)}; {remedy}"

    def _would_recover(self, found: Mapping[str, Any], what: str, before: Sequence[str] = ()) -> Outcome:
        # AWS works out no change set for a stack in such a state; the template can be looked at nevertheless.
        self._stack.client.validate_template(TemplateBody=self._params["template_body"])
        line = f"{status_of(found)}: would be {what}; what that changes shows only then"
        return Outcome(
            message=f"stack {self._stack.name} would be {what}; {self._told_cause(found)}",
            changed=True,
            described=found,
            lines=[*before, line, *self._protection.missing(None)],
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
        lines = self._protection.missing(found)
        if found and not self._is_check:
            lines = self._protection.set(found)
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
            f"stack {self._stack.name} goes on with {has or 'the rights of whoever changes it'}: "
            f"{wanted} takes over with the stack's next change"
        ]

    def _refused(self, made: MadeChangeSet, found: Mapping[str, Any] | None) -> Outcome:
        cause = self._stack.change_set_cause(made.described)
        verb = "created" if made.is_new else "updated"
        return Outcome(
            message=f"stack {self._stack.name} cannot be {verb}: {cause_text(cause, self._stack.name)}",
            changed=self.changed,
            failed=True,
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
            lines=self._protection.missing(None if made.is_new else found) or self._hint(changes),
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
            outcome.message = f"stack {self._stack.name}: {verb} has begun, {summary(changes)}"
            return outcome
        return self._end(outcome, made, self._follower.follow(made.stack_id, progress, len(changes) or None))

    def _end(self, outcome: Outcome, made: MadeChangeSet, end: Settled) -> Outcome:
        outcome.described = end.described
        if not is_done(end.described):
            outcome.cause = self._stack.cause(end.events)
            verb = "created" if made.is_new else "updated"
            outcome.message = f"stack {self._stack.name} could not be {verb}: {self._told(end)}"
            outcome.failed = True
            return outcome
        for left in failures(end.events):
            cause = cause_text(cause_of(left), self._stack.name)
            outcome.warnings.append(f"stack {self._stack.name} has left something behind: {cause}")
        if end.described and (lines := self._protection.set(end.described)):
            outcome.lines = outcome.lines + lines
            outcome.described = self._stack.look()
        verb = "created" if made.is_new else "updated"
        outcome.message = f"{verb} stack {self._stack.name}: {summary(outcome.changes, is_done=True)}"
        return outcome

    # ---- Why

    def _told_cause(self, found: Mapping[str, Any]) -> str:
        told = self._told(Settled(found, self._stack.last_operation(str(found["StackId"]))))
        return f"{status_of(found)}: {told}"

    def _told(self, end: Settled) -> str:
        cause = self._stack.cause(end.events)
        if cause:
            return cause_text(cause, self._stack.name)
        reason = str((end.described or {}).get("StackStatusReason") or "")
        status = status_of(end.described) or "it was deleted by somebody"
        return reason_text(reason) if reason else f"{status}, its events do not say why"
