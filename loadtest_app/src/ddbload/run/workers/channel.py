# SPDX-License-Identifier: Apache-2.0
"""The pipes between a supervisor and one worker, as the supervisor has them."""

from __future__ import annotations

import contextlib
import os
import select
import time

from ddbload.run.workers.barrier import PIPE_BYTES


class Channel:
    """Reads what a worker reports beside its log, and sends what it waits for.

    Attributes:
        worker_ends: the descriptors that the worker inherits: it writes to the first and reads from the second.
    """

    def __init__(self) -> None:
        self._read, ready = os.pipe()
        start, self._write = os.pipe()
        self.worker_ends = ready, start
        self._buffer = b""

    def hand_over(self) -> None:
        """Close the worker's ends here, so that its end is the end of the pipe."""
        for descriptor in self.worker_ends:
            os.close(descriptor)

    def is_ready(self) -> bool:
        """Wait until the worker is ready; False where it ended instead."""
        return bool(os.read(self._read, 1))

    def send(self, data: bytes) -> None:
        """Send what the worker waits for; a worker that has ended needs nothing."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._write, data)

    def receive(self, until_ns: int) -> str | None:
        """Return the worker's next line; None where it has ended, or none came up to an instant.

        Args:
            until_ns: the instant, on the clock of ``perf_counter_ns``.
        """
        while b"\n" not in self._buffer:
            left_s = (until_ns - time.perf_counter_ns()) / 1e9
            if not select.select([self._read], [], [], max(0.0, left_s))[0]:
                return None
            if not (more := os.read(self._read, PIPE_BYTES)):
                return None
            self._buffer += more
        line, _newline, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def close(self) -> None:
        """Close the pipes: a worker that still waits reads their end."""
        os.close(self._read)
        os.close(self._write)
