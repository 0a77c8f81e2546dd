# SPDX-License-Identifier: Apache-2.0
"""An event loop whose timers keep their instant."""

from __future__ import annotations

import asyncio
import heapq
import select
import selectors
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Events = list[tuple[selectors.SelectorKey, int]]
    Selector = selectors.EpollSelector
else:
    Selector = selectors.DefaultSelector

# A sleeping process wakes up late by about this time: the rest of a wait is a busy loop.
AWAKE_S = 0.00025


class PreciseSelector(Selector):
    """Waits to the microsecond: epoll rounds up to whole milliseconds, select does not."""

    def select(self, timeout: float | None = None) -> Events:
        """Wait for events, at most ``timeout`` seconds; may return early, which an event loop allows."""
        if timeout is not None and timeout > 0:
            if timeout > AWAKE_S:
                # The epoll is a file too, ready when one of its files is: select waits on that one.
                select.select([self.fileno()], [], [], timeout - AWAKE_S)
            timeout = 0
        return super().select(timeout)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose timers are late by some 10 us, where those of epoll are late by up to 1 ms."""
    return asyncio.SelectorEventLoop(PreciseSelector())


class Agenda:
    """Scheduled functions, in order of time, and in order of entry at the same instant."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._entries: list[tuple[float, int, Callable[[], None]]] = []
        self._entered = 0
        self._timer: asyncio.TimerHandle | None = None

    def at(self, instant: float, action: Callable[[], None]) -> None:
        """Call a function at an instant of the loop's clock, in seconds."""
        self._entered += 1
        heapq.heappush(self._entries, (instant, self._entered, action))
        if self._entries[0][1] == self._entered:
            self._wait()

    def _wait(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._entries[0][0], self._run) if self._entries else None

    def _run(self) -> None:
        self._timer = None
        while self._entries and self._entries[0][0] <= self._loop.time():
            heapq.heappop(self._entries)[2]()
        self._wait()
