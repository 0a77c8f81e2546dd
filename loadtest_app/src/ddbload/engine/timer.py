# SPDX-License-Identifier: Apache-2.0
"""Wakes the loop at an instant, to a fraction of a millisecond: the timers of uvloop have whole milliseconds only."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from time import perf_counter_ns

NANOSECONDS = 1_000_000_000
# Operations that fall due within this time are sent together: each wake-up costs as much as a request.
SHORTEST_TICK_NS = 200_000
# The time to the next tick while operations wait for a connection, or no instant is planned.
WAITING_TICK_NS = 1_000_000
LONGEST_TICK_NS = 10_000_000
# From <time.h> and <sys/timerfd.h>; perf_counter_ns reads the same clock.
CLOCK_MONOTONIC = 1
ABSOLUTE = 1
NONBLOCKING = os.O_NONBLOCK
EXPIRATIONS_BYTES = 8


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Timer(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class TimerDescriptor:
    """A timer of Linux that is read like a file: https://man7.org/linux/man-pages/man2/timerfd_create.2.html.

    Attributes:
        longest_silence_ns: by how much the loop called back after the instant at most, as it did something else.
    """

    def __init__(self, callback: Callable[[], None]) -> None:
        """Call back in the running loop when the instant has come.

        Raises:
            OSError: the system has no timer descriptors.
        """
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._library.timerfd_create(CLOCK_MONOTONIC, NONBLOCKING | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._timer = _Timer()
        self._reference = ctypes.byref(self._timer)
        self._callback = callback
        self.longest_silence_ns = 0
        self._at_ns = sys.maxsize
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._expired)

    def arm(self, at_ns: int) -> None:
        """Call back at an instant of ``perf_counter_ns``, at once if it has passed, instead of at an earlier one."""
        self._at_ns = at_ns
        self._timer.value.seconds, self._timer.value.nanoseconds = divmod(max(at_ns, 1), NANOSECONDS)
        self._library.timerfd_settime(self._descriptor, ABSOLUTE, self._reference, None)

    def close(self) -> None:
        """Stop calling back."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _expired(self) -> None:
        try:
            os.read(self._descriptor, EXPIRATIONS_BYTES)
        except BlockingIOError:
            return  # armed again in the meantime
        if (silence_ns := perf_counter_ns() - self._at_ns) > self.longest_silence_ns:
            self.longest_silence_ns = silence_ns
        self._callback()


class LoopTimer:
    """The loop's own timer, for systems without timer descriptors; it has the same attributes."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self.longest_silence_ns = 0
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, at_ns: int) -> None:
        """Call back at an instant of ``perf_counter_ns``, instead of at an earlier one."""
        self.close()
        self._handle = self._loop.call_later(max(0, at_ns - perf_counter_ns()) / NANOSECONDS, self._expired, at_ns)

    def close(self) -> None:
        """Stop calling back."""
        if self._handle:
            self._handle.cancel()

    def _expired(self, at_ns: int) -> None:
        self.longest_silence_ns = max(self.longest_silence_ns, perf_counter_ns() - at_ns)
        self._callback()


def make(callback: Callable[[], None]) -> TimerDescriptor | LoopTimer:
    """Return the most precise timer of this system."""
    return TimerDescriptor(callback) if sys.platform == "linux" else LoopTimer(callback)


def next_tick_ns(now_ns: int, planned_ns: int | None) -> int:
    """Return when to wake the loop for the next planned instant, within the bounds of a tick; None: none is planned."""
    if planned_ns is None:
        return now_ns + WAITING_TICK_NS
    return min(max(planned_ns, now_ns + SHORTEST_TICK_NS), now_ns + LONGEST_TICK_NS)
