# SPDX-License-Identifier: Apache-2.0
"""Wakes the loop at an instant, to a fraction of a millisecond: the loop's own timers know whole milliseconds only."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from time import perf_counter_ns

NANOSECONDS = 1_000_000_000
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
    """A timer of Linux that is read like a file: https://man7.org/linux/man-pages/man2/timerfd_create.2.html."""

    def __init__(self, callback: Callable[[], None]) -> None:
        """Call back whenever the instant has come; in the running loop.

        Raises:
            OSError: the system has no such timers.
        """
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = self._library.timerfd_create(CLOCK_MONOTONIC, NONBLOCKING | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._timer = _Timer()
        self._reference = ctypes.byref(self._timer)
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._expired)

    def arm(self, at_ns: int) -> None:
        """Call back at an instant of ``perf_counter_ns``, at once where it has passed, in place of an earlier one."""
        self._timer.value.seconds, self._timer.value.nanoseconds = divmod(max(at_ns, 1), NANOSECONDS)
        self._library.timerfd_settime(self._descriptor, ABSOLUTE, self._reference, None)

    def close(self) -> None:
        """Call back no more."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _expired(self) -> None:
        try:
            os.read(self._descriptor, EXPIRATIONS_BYTES)
        except BlockingIOError:
            return  # armed anew in the meantime
        self._callback()


class LoopTimer:
    """The loop's own timer, where the system has no better one."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, at_ns: int) -> None:
        """Call back at an instant of ``perf_counter_ns``, in place of an earlier one."""
        self.close()
        self._handle = self._loop.call_later(max(0, at_ns - perf_counter_ns()) / NANOSECONDS, self._callback)

    def close(self) -> None:
        """Call back no more."""
        if self._handle:
            self._handle.cancel()


def make(callback: Callable[[], None]) -> TimerDescriptor | LoopTimer:
    """Return the best timer that the system has."""
    return TimerDescriptor(callback) if sys.platform == "linux" else LoopTimer(callback)
