# SPDX-License-Identifier: Apache-2.0
"""The pipes between a supervisor and one worker, as the worker has them: its start, and what it reports later."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys

from ddbload.control.problems import NotStarted

# In a worker's environment: its number, and the descriptors of its barrier.
WORKER = "DDBLOAD_WORKER"
BARRIER = "DDBLOAD_BARRIER"
# From <sys/prctl.h>.
PARENT_DEATH_SIGNAL = 1
PIPE_BYTES = 65_536
NO_START = (
    "the supervising process set no start: it has ended, or another worker ended before the start; nothing was sent"
)


class Barrier:
    """Where a worker waits for the others: it reports that it is ready, and reads the instant at which all start."""

    def __init__(self, ready: int, start: int) -> None:
        """Take the descriptors: of the pipe that the worker writes to, and of the one that it reads from."""
        self._ready = ready
        self._start = start

    @classmethod
    def inherited(cls) -> Barrier | None:
        """Return the barrier that this process was started with, if there is one."""
        text = os.environ.pop(BARRIER, "")
        if not text:
            return None
        _end_with_parent()
        ready, start = text.split(",")
        return cls(int(ready), int(start))

    async def wait(self) -> int:
        """Return the instant of the start, on the clock of ``perf_counter_ns``.

        All processes of a machine share that clock: it is CLOCK_MONOTONIC.

        Raises:
            NotStarted: the supervisor set none, or has ended.
        """
        try:
            os.write(self._ready, b"r")
        except BrokenPipeError as error:
            raise NotStarted(NO_START) from error
        text = await asyncio.get_running_loop().run_in_executor(None, os.read, self._start, 32)
        if not text:
            raise NotStarted(NO_START)
        return int(text)

    async def exchange(self, text: str) -> str:
        """Send a line to the supervisor, and return the line that it sends back; empty where it has ended.

        Raises:
            OSError: the supervisor has ended.
        """
        return await asyncio.get_running_loop().run_in_executor(None, self._exchange, text)

    def _exchange(self, text: str) -> str:
        data = text.encode() + b"\n"
        while data:
            data = data[os.write(self._ready, data) :]
        line = b""
        while not line.endswith(b"\n") and (more := os.read(self._start, PIPE_BYTES)):
            line += more
        return line.decode()


def _end_with_parent() -> None:
    """Have the kernel send this process a SIGTERM where its supervisor ends without one, as after a SIGKILL.

    https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, int(signal.SIGTERM))
