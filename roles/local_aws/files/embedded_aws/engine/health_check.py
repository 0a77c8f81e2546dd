# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health check of a container, as the Engine API has it: https://docs.docker.com/reference/api/engine/.

The command is the image's, but runs with this machine's programs: one that is not there makes the health unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

FIRST_SECONDS = 1.0  # between checks until one passes; from then on, the interval
NANOSECONDS = 1e9
LOCAL = re.compile(r"(?<![\w.-])(localhost|127\.0\.0\.1)(?![\w.-])")
STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"


@dataclass(frozen=True)
class HealthCheck:
    """A health check; all times in seconds."""

    command: tuple[str, ...]
    interval: float
    timeout: float
    retries: int
    start_period: float

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None, address: str) -> HealthCheck | None:
        """Read the Healthcheck of a container; None where it has none.

        Args:
            given: as POST /containers/create has it, with times in nanoseconds.
            address: of the task, which ``localhost`` and 127.0.0.1 mean in the command, since it listens there.
        """
        kind, *words = (given or {}).get("Test") or ["NONE"]
        if given is None or kind not in ("CMD", "CMD-SHELL") or not words:
            return None
        command = [LOCAL.sub(address, word) for word in words]
        return cls(
            ("/bin/sh", "-c", command[0]) if kind == "CMD-SHELL" else tuple(command),
            int(given.get("Interval") or 30 * NANOSECONDS) / NANOSECONDS,
            int(given.get("Timeout") or 30 * NANOSECONDS) / NANOSECONDS,
            int(given.get("Retries") or 3),
            int(given.get("StartPeriod") or 0) / NANOSECONDS,
        )

    def missing(self, path: str | None) -> str:
        """Return the program that this machine lacks; empty where it has the first one that the command names.

        Args:
            path: folders of programs, as PATH has them.
        """
        words = list(self.command)
        if words[:2] == ["/bin/sh", "-c"]:
            with contextlib.suppress(ValueError):
                words = shlex.split(words[2], comments=True)
        return words[0] if words and _is_name(words[0]) and shutil.which(words[0], path=path) is None else ""


class Health:
    """The health of a container, from its checks.

    Attributes:
        status: ``starting``, ``healthy`` or ``unhealthy``.
    """

    def __init__(self, check: HealthCheck, started: float) -> None:
        """Start with a container.

        Args:
            check: of the container.
            started: seconds, by the clock of the later results.
        """
        self.status = STARTING
        self._check, self._started = check, started
        self._failures = 0

    def note(self, passed: bool, now: float) -> None:
        """Note the result of a check at an instant, in seconds.

        Until one passes, checks are more frequent than their interval: a container is unhealthy only after the time
        that its retries take at the interval.
        """
        if passed:
            self.status, self._failures = HEALTHY, 0
            return
        self._failures += 1
        if self.status == STARTING:
            limit = self._check.start_period + self._check.retries * self._check.interval
            is_over = now - self._started >= limit
        else:
            is_over = self._failures >= self._check.retries
        if is_over:
            self.status = UNHEALTHY

    @property
    def pause(self) -> float:
        """Seconds until the next check."""
        return min(FIRST_SECONDS, self._check.interval) if self.status == STARTING else self._check.interval


async def follow(health: Health, passes: Callable[[], Awaitable[bool]]) -> None:
    """Check a container again and again, until this is cancelled."""
    while True:
        health.note(await passes(), time.monotonic())
        await asyncio.sleep(health.pause)


async def passes(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Return whether the process of a check ends with 0 in time; it leaves nothing behind."""
    try:
        return await asyncio.wait_for(process.wait(), seconds) == 0
    except TimeoutError:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _is_name(word: str) -> bool:
    """Return whether a word of a shell names a program, rather than a variable or a construct."""
    return re.fullmatch(r"[\w./+-]+", word) is not None and word not in ("test", "exec", "if", "while", "for", "until")
