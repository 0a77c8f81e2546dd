# SPDX-License-Identifier: Apache-2.0
"""During the run: reports this task's own stop to the other tasks, and hears theirs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any, Protocol

from ddbload.control import clock, decisions
from ddbload.control.items import STOP
from ddbload.control.problems import ControlError
from ddbload.control.table import ControlTable

# What stops all tasks of a run; a signal and a deadline stop one task.
SHARED_CAUSES = ("threshold", "cost", "breaker", "fatal")
# How long a stop of this task's own may go unnoticed.
TICK_S = 0.2


class Events(Protocol):
    """Writes events."""

    def write(self, event: str, level: str = "info", /, **fields: Any) -> object:
        """Write one."""


class Watch:
    """Polls the control table while a load runs.

    Args:
        table: the control table, opened.
        task: this task's name, as others read it.
        own: returns why this task stops, as ``engine.load.Stop`` does: a cause and a text; None while it does not.
        heard: is called once with the cause and the text of another task's stop, or of the launcher's.
        events: where run.warning is written at the first failure.

    Attributes:
        failure: why the last poll failed; empty where it did not.
        failures: how many polls failed.
    """

    def __init__(
        self,
        table: ControlTable,
        task: str,
        own: Callable[[], tuple[str, str] | None],
        heard: Callable[[str, str], None],
        events: Events,
    ) -> None:
        self.failure = ""
        self.failures = 0
        self._table = table
        self._task = task
        self._own = own
        self._heard = heard
        self._events = events
        self._is_over = False

    async def run(self) -> None:
        """Poll until the run is stopped, or until cancelled."""
        next_s = time.monotonic()
        while not self._is_over:
            await self.report()
            if time.monotonic() >= next_s:
                next_s = time.monotonic() + decisions.poll_s(decisions.RUNNING_POLL_S, random.random())
                await self._poll()
            await asyncio.sleep(TICK_S)

    async def report(self) -> None:
        """Stop the other tasks where this task stops for a reason that they share."""
        own = self._own()
        if self._is_over or own is None or own[0] not in SHARED_CAUSES:
            return
        cause, text = own
        request = self._table.requests.stop(text, self._task, cause, clock.now_ms())
        try:
            await self._table.write(request)
            self._is_over = True
        except ControlError as error:
            self._note(error)

    async def _poll(self) -> None:
        try:
            run = await self._table.read(attempts=1)
        except ControlError as error:
            self._note(error)
            return
        if run.state == STOP:
            self._is_over = True
            # A launcher gives no cause: its stop is one as by a signal.
            self._heard(run.cause or "signal", decisions.stop_text(run))

    def _note(self, error: ControlError) -> None:
        if not self.failures:
            text = f"{error}; the run goes on, and does not hear another task's stop meanwhile"
            self._events.write("run.warning", "warning", message=text)
        self.failures += 1
        self.failure = str(error)
