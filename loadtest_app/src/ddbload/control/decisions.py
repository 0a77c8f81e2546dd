# SPDX-License-Identifier: Apache-2.0
"""What a task does next, from the state of the run and the time: pure, so that any order of events can be tested."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ddbload.control.items import ANY, GO, STOP, RunItem

# From the last task's being ready to the common start: more than a poll, a slow response and the clocks' difference.
GO_DELAY_MS = 3000
# Before the start: a poll each second.
WAITING_POLL_S = 1.0
# A task looks a last time before the start, so that it does not start after a stop.
LAST_LOOK_MS = 500
# During the run: with its spread, below two seconds.
RUNNING_POLL_S = 1.6
SPREAD = 0.2

Kind = Literal["wait", "go", "give_up", "start", "late", "stopped"]


class Step(NamedTuple):
    """What to do.

    Attributes:
        kind: wait for others; go: set the instant of the start; give_up: stop the run; start at an instant; late:
            send nothing; stopped: end.
        at_ms: the instant of the start, in milliseconds since the epoch.
        text: the reason of a stop, or how late it is.
    """

    kind: Kind
    at_ms: int = 0
    text: str = ""


def before_start(run: RunItem, now_ms: int, timeout_s: float) -> Step:
    """Return what a task that is ready does before the start.

    Args:
        run: the state of the run.
        now_ms: the present instant, in milliseconds since the epoch.
        timeout_s: for how many seconds the tasks wait for each other.
    """
    if run.state == STOP:
        return Step("stopped", text=stop_text(run))
    if run.state == GO:
        return after_go(run.go_at_ms, now_ms)
    if len(run.ready) >= run.count:
        return Step("go", now_ms + GO_DELAY_MS)
    if now_ms < run.ready_by_ms:
        return Step("wait")
    if run.start == ANY and run.ready:
        return Step("go", now_ms + GO_DELAY_MS)
    return Step("give_up", text=f"{len(run.ready)} of {run.count} tasks came within {timeout_s:g} s")


def after_go(go_at_ms: int, now_ms: int) -> Step:
    """Return whether a task still starts: one that is late would send all that is overdue at once."""
    if now_ms <= go_at_ms:
        return Step("start", go_at_ms)
    return Step("late", go_at_ms, late_text(now_ms - go_at_ms))


def late_text(late_ms: int) -> str:
    """Say how late a task is."""
    seconds = late_ms / 1000
    return f"came {seconds:.0f} s late" if seconds >= 10 else f"came {seconds:.1f} s late"


def stop_text(run: RunItem) -> str:
    """Say who stopped the run, and why."""
    return f"{run.stopped_by or 'another task'} ({run.reason or 'no reason is given'})"


def spoken(index: int) -> str:
    """Return the name of a task in messages."""
    return f"task {index}"


def free_index(taken: frozenset[int], count: int) -> int | None:
    """Return the lowest index that no task has; None where all are taken."""
    return next((index for index in range(count) if index not in taken), None)


def poll_s(base_s: float, chance: float) -> float:
    """Return the seconds to the next poll: spread, so that the tasks do not poll at the same instant.

    Args:
        base_s: of the mean.
        chance: a random number from 0 to 1.
    """
    return base_s * (1 + SPREAD * (2 * chance - 1))
