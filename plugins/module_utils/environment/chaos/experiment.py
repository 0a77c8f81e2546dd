# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An experiment: a fault, bounded in time, the recovery that is promised after it, and whether the promise held."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline, WaitTimeoutError
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

LOOK_S = 0.5  # seconds between two looks


class Look(NamedTuple):
    """What an experiment sees at one instant.

    Attributes:
        line: the state, for a person.
        has_recovered: whether the promised state is reached.
        broken: why the promise cannot hold any more; empty where it can.
    """

    line: str
    has_recovered: bool
    broken: str = ""


class Outcome(NamedTuple):
    """How an experiment ended.

    Attributes:
        has_held: whether the promise held.
        seconds: from the fault to the recovery, or to the end of the watch.
        reason: why it did not hold; empty where it did.
        lines: what was done and seen, each with its second.
    """

    has_held: bool
    seconds: float
    reason: str
    lines: list[str]


class Experiment(Protocol):
    """A fault and the recovery that is promised after it."""

    @property
    def promise(self) -> str:
        """The recovery, as a sentence without a full stop and without the seconds."""

    def obstacle(self) -> Problem | None:
        """Return why the experiment cannot start now; None where it can."""

    def inject(self) -> str:
        """Cause the fault; returns what was done."""

    def look(self) -> Look:
        """Look whether the system has recovered."""

    def restore(self) -> str:
        """Put everything back, whatever was done; returns what was put back, or an empty text."""


def carry_out(
    experiment: Experiment,
    within_s: float,
    interrupted: Callable[[], str],
    note: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Carry out an experiment, and put everything back whatever happens.

    Args:
        experiment: the experiment.
        within_s: seconds within which the recovery is promised.
        interrupted: returns the name of the signal that interrupted; an empty text where none did.
        note: takes each line at once.
        clock: seconds, monotonic.
        sleep: waits for a number of seconds.

    Raises:
        ProblemError: the experiment cannot start, or a part of it cannot be put back.
    """
    if obstacle := experiment.obstacle():
        raise ProblemError(obstacle)
    lines: list[str] = []
    start = clock()

    def say(line: str) -> None:
        lines.append(f"{clock() - start:.1f} s: {line}")
        note(lines[-1])

    say(f"promise: {experiment.promise}, within {within_s:g} s")
    try:
        say(experiment.inject())
        reason, seconds = _watch(experiment, Deadline(within_s, interrupted, clock, sleep), say), clock() - start
    finally:
        if restored := experiment.restore():
            say(restored)
    verdict = f"the promise did not hold: {reason}" if reason else f"the promise held after {seconds:.1f} s"
    say(verdict)
    return Outcome(not reason, round(seconds, 1), reason, lines)


def _watch(experiment: Experiment, deadline: Deadline, say: Callable[[str], None]) -> str:
    """Look until the promise holds; returns why it does not, or an empty text."""
    last = ""
    while True:
        seen = experiment.look()
        if seen.line != last:
            last = seen.line
            say(last)
        if seen.broken:
            return seen.broken
        if seen.has_recovered:
            return ""
        try:
            deadline.pause(LOOK_S)
        except WaitTimeoutError as error:
            return f"{error}, and {last}"
