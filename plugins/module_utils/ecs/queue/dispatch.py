# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of a queue and the tasks that handle them: what is to do next, decided without AWS.

A message is deleted only after its task has succeeded. A message whose task fails goes back to the queue, which moves
it to the dead-letter queue after its last receive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

# RunTask without capacity is repeated; seconds between two tries, and the longest pause.
PAUSE, LONGEST_PAUSE = 2.0, 30.0


class Message(NamedTuple):
    """A message that was received.

    Attributes:
        message_id: its id, which stays the same over all receives.
        body: its text.
        receipt: what this receive is known by; deletes it or puts it back.
        receives: how often it has been received, this time included.
    """

    message_id: str
    body: str
    receipt: str
    receives: int


class End(StrEnum):
    """How the handling of a message ended."""

    DONE = "done"
    FAILED = "failed"
    PUT_BACK = "put_back"


@dataclass
class Work:
    """A message that is being handled.

    Attributes:
        message: the message.
        task_arn: its task; empty until one runs.
        hidden_until: until when no other client receives the message; s on the caller's clock.
        ends_at: when the task is stopped; s on the caller's clock.
        is_stopping: whether it was stopped because it took too long.
    """

    message: Message
    hidden_until: float
    task_arn: str = ""
    ends_at: float = 0.0
    is_stopping: bool = False


class Outcome(NamedTuple):
    """What became of a message.

    Attributes:
        message: the message.
        end: how its handling ended.
        task_arn: its task; empty where none ran.
        exit_code: of the task; None where there is none.
        reason: why it failed or was put back; empty where it is done.
        is_dead: whether this was its last receive, so that the queue moves it to the dead-letter queue.
    """

    message: Message
    end: End
    task_arn: str
    exit_code: int | None
    reason: str
    is_dead: bool


@dataclass
class Dispatch:
    """The state of one call.

    Args:
        max_running: tasks at the same time.
        visibility_s: seconds for which a receive hides a message.
        timeout_s: seconds that a task may take.
        max_receives: receives after which the queue gives up; 0 where it has no dead-letter queue.
    """

    max_running: int
    visibility_s: float
    timeout_s: float
    max_receives: int
    works: dict[str, Work] = field(default_factory=dict)
    outcomes: list[Outcome] = field(default_factory=list)
    launched: int = 0
    adopted: int = 0
    _waits: int = 0
    _next_launch: float = 0.0

    def room(self) -> int:
        """Return how many messages may be received now: none while one waits for its task."""
        if any(not work.task_arn for work in self.works.values()):
            return 0
        return max(self.max_running - len(self.works), 0)

    def receive(self, messages: Iterable[Message], now: float) -> list[Work]:
        """Take messages that were received; returns what has to be handled.

        A message that is being handled, and came again since it was visible for a moment, brings a newer receipt only.
        """
        new = []
        for message in messages:
            known = self.works.get(message.message_id)
            if known:
                known.message, known.hidden_until = message, now + self.visibility_s
                continue
            self.works[message.message_id] = work = Work(message, now + self.visibility_s)
            new.append(work)
        return new

    def waiting(self, now: float) -> list[Work]:
        """Return the messages whose task may be launched now."""
        return [work for work in self.works.values() if not work.task_arn] if now >= self._next_launch else []

    def runs(self, work: Work, task_arn: str, now: float, is_new: bool = True) -> None:
        """Note the task of a message: a new one, or one that an earlier call launched."""
        work.task_arn, work.ends_at = task_arn, now + self.timeout_s
        self.launched += is_new
        self.adopted += not is_new
        self._waits, self._next_launch = 0, 0.0

    def has_no_capacity(self, now: float) -> float:
        """Note that ECS launched nothing; returns the seconds until the next try, each time more."""
        pause = min(PAUSE * 2.0**self._waits, LONGEST_PAUSE)
        self._waits, self._next_launch = self._waits + 1, now + pause
        return pause

    def overdue(self, now: float) -> list[Work]:
        """Return the works whose task takes too long, each once."""
        late = [work for work in self.works.values() if work.task_arn and not work.is_stopping and now >= work.ends_at]
        for work in late:
            work.is_stopping = True
        return late

    def to_hide(self, now: float) -> list[Work]:
        """Return the works whose message becomes visible within half of its time: they have to be hidden anew."""
        return [work for work in self.works.values() if work.hidden_until - now < self.visibility_s / 2]

    def hides(self, work: Work, now: float) -> None:
        """Note that a message is hidden anew."""
        work.hidden_until = now + self.visibility_s

    def end(self, work: Work, end: End, exit_code: int | None = None, reason: str = "") -> Outcome:
        """Note how the handling of a message ended; one that is done twice, since SQS gave it again, counts once."""
        name = work.message.message_id
        if end is End.DONE:
            self.outcomes = [one for one in self.outcomes if not (one.end is end and one.message.message_id == name)]
        del self.works[name]
        is_last = bool(self.max_receives) and work.message.receives >= self.max_receives
        outcome = Outcome(work.message, end, work.task_arn, exit_code, reason, end is not End.DONE and is_last)
        self.outcomes.append(outcome)
        return outcome

    def count(self, end: End) -> int:
        """Return how many handlings ended in a way."""
        return sum(outcome.end is end for outcome in self.outcomes)

    def dead(self) -> list[Outcome]:
        """Return what went to the dead-letter queue."""
        return [outcome for outcome in self.outcomes if outcome.is_dead]


def earlier_task(tasks: Sequence[Mapping[str, Any]], succeeded: Sequence[bool]) -> Mapping[str, Any] | None:
    """Return the task of an earlier receive that settles a message: one that runs, or one that succeeded.

    Args:
        tasks: the tasks that carry the message's mark, as ECS describes them.
        succeeded: whether each has ended successfully.
    """
    running = (task for task in tasks if task.get("lastStatus") != "STOPPED")
    done = (task for task, is_done in zip(tasks, succeeded, strict=True) if is_done)
    return next(done, None) or next(running, None)
