# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits with a deadline that a signal can interrupt."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


class WaitTimeoutError(Exception):
    """The wait has ended without success; the message says why."""


class Deadline:
    """Waits until a deadline.

    Args:
        seconds: until the deadline, from now on.
        interrupted: name of the signal that interrupted, such as SIGINT; empty where none did.
        clock: seconds, monotonic.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self,
        seconds: float,
        interrupted: Callable[[], str] = lambda: "",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds, self._interrupted, self._clock, self._sleep = seconds, interrupted, clock, sleep
        self._begin = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._begin

    def pause(self, seconds: float) -> None:
        """Wait for some seconds.

        Raises:
            WaitTimeoutError: the time is over, or an interrupt came.
        """
        if name := self._interrupted():
            raise WaitTimeoutError(f"interrupted by {name}")
        left = self._seconds - self.elapsed
        if left <= 0:
            raise WaitTimeoutError(f"wait_timeout ({self._seconds:g} s) is over")
        self._sleep(min(seconds, left))


class Interrupt:
    """While entered, SIGINT and SIGTERM set a mark; true once one came."""

    def __init__(self) -> None:
        self.name = ""
        self._before: dict[signal.Signals, Any] = {}

    def __bool__(self) -> bool:
        return bool(self.name)

    def __enter__(self) -> Interrupt:
        for signum in (signal.SIGINT, signal.SIGTERM):
            self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def _note(self, signum: int, frame: FrameType | None) -> None:
        self.name = self.name or signal.Signals(signum).name
