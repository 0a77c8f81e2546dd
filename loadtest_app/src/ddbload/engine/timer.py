# SPDX-License-Identifier: Apache-2.0
"""Wakes the loop at an instant, to a fraction of a millisecond: the timers of uvloop have whole milliseconds only."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from struct import Struct
from time import perf_counter_ns

NANOSECONDS = 1_000_000_000
# Operations that fall due within this time are sent together: a wake-up costs twice as much as a request.
SHARED_TICK_NS = 500_000
# A tick with this many operations is shortened, since they are sent one after the other: more would save little, and
# the last of them would be late.
FEW_OPERATIONS = 8
SHORTEST_TICK_NS = 200_000
# The time to the next tick while operations wait for a connection, or no instant is planned.
WAITING_TICK_NS = 1_000_000
LONGEST_TICK_NS = 10_000_000
# From <time.h> and <sys/timerfd.h>; perf_counter_ns reads the same clock.
CLOCK_MONOTONIC = 1
ABSOLUTE = 1
NONBLOCKING = os.O_NONBLOCK
# Faster than the fields of a structure.
pack_value, VALUE_AT = Struct("@2l").pack_into, Struct("@2l").size
EXPIRATIONS_BYTES = 8


def shared_tick_ns(sent: int, elapsed_ns: int) -> int:
    """Return the nanoseconds within which operations that fall due are sent together.

    Args:
        sent: how many were sent lately.
        elapsed_ns: in how many nanoseconds.
    """
    if not sent:
        return SHARED_TICK_NS
    return min(SHARED_TICK_NS, max(SHORTEST_TICK_NS, FEW_OPERATIONS * elapsed_ns // sent))


class TimerDescriptor:
    """A timer of Linux that is polled like a file: https://man7.org/linux/man-pages/man2/timerfd_create.2.html.

    Attributes:
        longest_silence_ns: by how much the loop called back after the instant at most, as it did something else.
    """

    def __init__(self, callback: Callable[[int], None]) -> None:
        """Call back in the running loop when the instant has come, with the present instant.

        Raises:
            OSError: the system has no timer descriptors.
        """
        library = ctypes.CDLL(None, use_errno=True)
        self._descriptor: int = library.timerfd_create(CLOCK_MONOTONIC, NONBLOCKING | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        # struct itimerspec: interval and value, each in seconds and nanoseconds.
        self._timer = (ctypes.c_long * 4)()
        # Called at each tick: it keeps the interpreter's lock, and converts no argument and no result.
        settime = ctypes.PyDLL(None).timerfd_settime
        settime.restype = None
        descriptor, flags = ctypes.c_int(self._descriptor), ctypes.c_int(ABSOLUTE)
        self._set = partial(settime, descriptor, flags, ctypes.byref(self._timer), None)
        self._callback = callback
        self.longest_silence_ns = 0
        self._at_ns = sys.maxsize
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._expired)

    def arm(self, at_ns: int) -> None:
        """Call back at an instant of ``perf_counter_ns``, at once if it has passed, instead of at an earlier one."""
        self._at_ns = at_ns
        seconds, nanoseconds = divmod(at_ns if at_ns > 0 else 1, NANOSECONDS)
        pack_value(self._timer, VALUE_AT, seconds, nanoseconds)
        self._set()

    def close(self) -> None:
        """Stop calling back."""
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _expired(self) -> None:
        at_ns, now_ns = self._at_ns, perf_counter_ns()
        if now_ns - at_ns > self.longest_silence_ns:
            self.longest_silence_ns = now_ns - at_ns
        self._callback(now_ns)
        # The next arming resets the descriptor as reading does, which saves a system call at each tick.
        if self._at_ns == at_ns:
            with suppress(BlockingIOError):
                os.read(self._descriptor, EXPIRATIONS_BYTES)


class LoopTimer:
    """The loop's own timer, for systems without timer descriptors; it has the same attributes."""

    def __init__(self, callback: Callable[[int], None]) -> None:
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
        now_ns = perf_counter_ns()
        self.longest_silence_ns = max(self.longest_silence_ns, now_ns - at_ns)
        self._callback(now_ns)


def make(callback: Callable[[int], None]) -> TimerDescriptor | LoopTimer:
    """Return the most precise timer of this system."""
    return TimerDescriptor(callback) if sys.platform == "linux" else LoopTimer(callback)
