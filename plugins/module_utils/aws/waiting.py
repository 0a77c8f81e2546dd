# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long something is waited for: until a time is over, or somebody interrupts."""

from __future__ import annotations

import time
from collections.abc import Callable


class OutOfPatienceError(Exception):
    """It is not waited for any longer; the message says why."""


class Patience:
    """Waits, as long as there is time.

    Args:
        seconds: how long in all, from now on.
        interrupted: name of the signal that interrupted, such as SIGINT; empty where none did.
        clock: seconds, monotonic.
        sleep: waits for so many seconds.
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
        """Seconds since the begin."""
        return self._clock() - self._begin

    def pause(self, seconds: float) -> None:
        """Wait for some seconds.

        Raises:
            OutOfPatienceError: the time is over, or an interrupt came.
        """
        if name := self._interrupted():
            raise OutOfPatienceError(f"interrupted by {name}")
        left = self._seconds - self.elapsed
        if left <= 0:
            raise OutOfPatienceError(f"wait_timeout ({self._seconds:g} s) is over")
        self._sleep(min(seconds, left))
