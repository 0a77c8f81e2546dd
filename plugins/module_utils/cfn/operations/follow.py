# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Follows an operation on a stack to its end, and reports its progress live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import is_expired
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import NO_REASON, is_own, reason_text
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import IN_PROGRESS, StackState, state_of, status_of
from ansible_collections.gantry.ecs.plugins.module_utils.live.stack_feed import StackFeed

# Between two looks, in seconds: short operations end soon, and long ones must not use up the account's calls.
PAUSE_FIRST, PAUSE_GROWTH, PAUSE_LAST = 0.2, 1.3, 5.0
START_LIMIT = 60.0  # seconds within which a requested operation starts
EVENTS_LIMIT = 10.0  # seconds by which events may come later than the status that they report
LOGIN_LIMIT = 300.0  # seconds for which new credentials are waited for


class Step(NamedTuple):
    """A resource that came into a status, and the seconds it took; None before its end."""

    event: Mapping[str, Any]
    seconds: float | None


class StackProgress:
    """Takes events, repeated ones too; holds which are new and which resources are in progress.

    Attributes:
        done: logical ids of the resources that are done, well or not.
    """

    def __init__(self) -> None:
        self.done: set[str] = set()
        self._seen: set[str] = set()
        self._started: dict[str, datetime] = {}
        self._newest: datetime | None = None
        self._newest_seen_s = 0.0

    def skip(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take events of an earlier operation: they are known, and say nothing of this one."""
        self._seen |= {event["EventId"] for event in events}

    def take(self, events: Iterable[Mapping[str, Any]], now_s: float = 0.0) -> list[Step]:
        """Take events of the operation.

        Args:
            events: newest first; those that were taken before may be among them.
            now_s: seconds on a clock of this machine.

        Returns:
            Those that are new, the earliest first.
        """
        new = [event for event in events if event["EventId"] not in self._seen][::-1]
        if new:
            self._newest_seen_s = now_s
        return [self._step(event) for event in new]

    def in_work(self, now_s: float = 0.0) -> dict[str, float]:
        """Return the seconds for which resources have been worked on, by logical id, the longest first.

        AWS's clock is not this machine's: up to the newest event its own counts, and this one from then on.

        Args:
            now_s: seconds on the clock of ``take``.
        """
        newest = self._newest
        if newest is None:
            return {}
        since_s = max(now_s - self._newest_seen_s, 0.0)
        started = sorted(self._started.items(), key=_second)
        return {name: (newest - start).total_seconds() + since_s for name, start in started}

    def _step(self, event: Mapping[str, Any]) -> Step:
        self._seen.add(event["EventId"])
        name, status, time = str(event["LogicalResourceId"]), str(event["ResourceStatus"]), event["Timestamp"]
        self._newest = max(self._newest, time) if self._newest else time
        if is_own(event):
            return Step(event, None)
        if status.endswith(IN_PROGRESS):
            self._started.setdefault(name, time)
            self.done.discard(name)
            return Step(event, None)
        start = self._started.pop(name, None)
        self.done.add(name)
        return Step(event, (time - start).total_seconds() if start else None)


class Settled(NamedTuple):
    """How an operation ended.

    Attributes:
        described: the stack as DescribeStacks describes it; None where it is deleted.
        events: of the operation, newest first.
    """

    described: Mapping[str, Any] | None
    events: list[Mapping[str, Any]]


class StackFollower:
    """Follows operations on a stack.

    Args:
        stack: the stack.
        feed: where to report progress.
        patience: how long to wait.
        renew: makes the next client read its credentials again.
    """

    def __init__(self, stack: Stack, feed: StackFeed, patience: Deadline, renew: Callable[[], None]) -> None:
        self._stack, self._feed, self._patience, self._renew = stack, feed, patience, renew

    def progress(self, stack_id: str | None) -> StackProgress:
        """Return a progress that knows all events so far; call it before an operation starts."""
        fresh = StackProgress()
        if stack_id:
            fresh.skip(self._stack.last_operation(stack_id))
        return fresh

    def follow(self, stack_id: str, progress: StackProgress | None = None, total: int | None = None) -> Settled:
        """Follow an operation to its end.

        Args:
            stack_id: ARN of the stack.
            progress: what was known before this module started the operation; None for another client's operation.
            total: how many resources are to be done; None where that is not known.

        Raises:
            WaitTimeoutError: it has not ended in time, or an interrupt came.
        """
        has_started = progress is None
        seen = progress or StackProgress()
        pause, since = PAUSE_FIRST, self._patience.elapsed
        while True:
            described, events = self._look(stack_id)
            steps = seen.take(events, self._patience.elapsed)
            self._report(described, seen, steps, total)
            is_gone = state_of(described) is StackState.ABSENT
            has_started = has_started or bool(steps) or is_gone or self._patience.elapsed - since > START_LIMIT
            if has_started and state_of(described) not in (StackState.IN_PROGRESS, StackState.REVIEW):
                return Settled(described, self._all_events(stack_id, described, events, seen, total))
            self._patience.pause(pause)
            pause = min(pause * PAUSE_GROWTH, PAUSE_LAST)

    def _look(self, stack_id: str) -> tuple[Mapping[str, Any] | None, list[Mapping[str, Any]]]:
        """Look at the stack; where the credentials have expired, wait for new ones: the operation needs none."""
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
        """Wait a while for the event of the stack's own end, the last of all."""
        until = self._patience.elapsed + EVENTS_LIMIT
        while described and self._patience.elapsed < until:
            last = next((event for event in events if is_own(event)), None)
            if last is None or last["ResourceStatus"] == status_of(described):
                break
            self._patience.pause(PAUSE_FIRST)
            events = self._stack.last_operation(stack_id)
            self._report(described, seen, seen.take(events, self._patience.elapsed), total)
        return events

    def _report(
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


def _second(item: tuple[str, datetime]) -> datetime:
    return item[1]
