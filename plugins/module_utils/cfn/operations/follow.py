# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The observation of an operation on a stack until its end, told live."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import is_expired
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Patience
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import is_own
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.operations.progress import StackProgress, Step
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.remedies import NO_REASON, reason_text
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import Standing, standing, status_of
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed

# Between two looks, in seconds: short operations end soon, and long ones must not use up the account's calls.
PAUSE_FIRST, PAUSE_GROWTH, PAUSE_LAST = 0.2, 1.3, 5.0
BEGIN_LIMIT = 60.0  # seconds within which what was asked for begins
EVENTS_LIMIT = 10.0  # seconds by which events may come later than the status that they tell of
LOGIN_LIMIT = 300.0  # seconds for which new credentials are waited for


class Settled(NamedTuple):
    """How an operation ended.

    Attributes:
        described: the stack as DescribeStacks tells of it; None where there is none any more.
        events: of the operation, newest first.
    """

    described: Mapping[str, Any] | None
    events: list[Mapping[str, Any]]


class StackFollower:
    """Follows operations on a stack.

    Args:
        stack: the stack.
        feed: where to tell of it.
        patience: how long to wait.
        renew: makes the next client read its credentials anew.
    """

    def __init__(self, stack: Stack, feed: StackFeed, patience: Patience, renew: Callable[[], None]) -> None:
        self._stack, self._feed, self._patience, self._renew = stack, feed, patience, renew

    def progress(self, stack_id: str | None) -> StackProgress:
        """Return a progress to which all events so far are old ones; to be asked for before an operation is begun."""
        fresh = StackProgress()
        if stack_id:
            fresh.skip(self._stack.last_operation(stack_id))
        return fresh

    def follow(self, stack_id: str, progress: StackProgress | None = None, total: int | None = None) -> Settled:
        """Follow an operation to its end.

        Args:
            stack_id: ARN of the stack.
            progress: what was known before the operation was begun by this module; None for one of somebody else's.
            total: how many resources are to be done; None where that is not known.

        Raises:
            OutOfPatienceError: it has not ended in time, or an interrupt came.
        """
        has_begun = progress is None
        seen = progress or StackProgress()
        pause, since = PAUSE_FIRST, self._patience.elapsed
        while True:
            described, events = self._look(stack_id)
            steps = seen.take(events, self._patience.elapsed)
            self._tell(described, seen, steps, total)
            is_gone = standing(described) is Standing.ABSENT
            has_begun = has_begun or bool(steps) or is_gone or self._patience.elapsed - since > BEGIN_LIMIT
            if has_begun and standing(described) not in (Standing.BUSY, Standing.REVIEW):
                return Settled(described, self._all_events(stack_id, described, events, seen, total))
            self._patience.pause(pause)
            pause = min(pause * PAUSE_GROWTH, PAUSE_LAST)

    def _look(self, stack_id: str) -> tuple[Mapping[str, Any] | None, list[Mapping[str, Any]]]:
        """Look at the stack, and wait for new credentials where they have expired: the operation needs none of ours."""
        until: float | None = None
        while True:
            try:
                # The events after the status, so that none is missing that led to it.
                return self._stack.look(stack_id), self._stack.last_operation(stack_id)
            except Exception as error:
                if not is_expired(error) or (until is not None and self._patience.elapsed > until):
                    raise
                if until is None:
                    until = self._patience.elapsed + LOGIN_LIMIT
                    self._feed.note(
                        f"the credentials have expired, stack {self._stack.name} goes on without them "
                        f"-> log in again within {LOGIN_LIMIT:g} s to see its end"
                    )
            self._renew()
            self._patience.pause(PAUSE_LAST)

    def _all_events(
        self,
        stack_id: str,
        described: Mapping[str, Any] | None,
        events: list[Mapping[str, Any]],
        seen: StackProgress,
        total: int | None,
    ) -> list[Mapping[str, Any]]:
        """Wait a while for the event that tells of the stack's own end, behind all the others."""
        until = self._patience.elapsed + EVENTS_LIMIT
        while described and self._patience.elapsed < until:
            told = next((event for event in events if is_own(event)), None)
            if told is None or told["ResourceStatus"] == status_of(described):
                break
            self._patience.pause(PAUSE_FIRST)
            events = self._stack.last_operation(stack_id)
            self._tell(described, seen, seen.take(events, self._patience.elapsed), total)
        return events

    def _tell(
        self, described: Mapping[str, Any] | None, seen: StackProgress, steps: list[Step], total: int | None
    ) -> None:
        elapsed_s = self._patience.elapsed
        for event, seconds in steps:
            reason = reason_text(event.get("ResourceStatusReason"))
            self._feed.event(
                self._stack.name,
                str(event["LogicalResourceId"]),
                str(event["ResourceType"]),
                str(event["ResourceStatus"]),
                "" if reason == NO_REASON else reason,
                elapsed_s,
                seconds,
            )
        self._feed.progress(
            self._stack.name, status_of(described), elapsed_s, len(seen.done), total, seen.in_work(elapsed_s)
        )
