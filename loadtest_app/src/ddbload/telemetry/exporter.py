# SPDX-License-Identifier: Apache-2.0
"""The process that sends live figures, as the run has it.

A thread of the run would hold its interpreter for milliseconds at a time, which the latencies would show. The socket
keeps each message whole: where the process falls behind, the kernel's buffer is full, and the run goes on without it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from typing import Any

from ddbload.telemetry.document import Subject
from ddbload.telemetry.settings import Settings

# As much as the system allows (net.core.wmem_max).
BUFFER_BYTES = 1 << 20
MOST_REPLY_BYTES = 65_536
# For the last request, which has its own timeout.
CLOSE_S = 6.0
# The run's own processes come first.
NICENESS = 10
ENDED = "the process that sends the metrics has ended -> look for a lack of memory"


class Exporter:
    """Hands lines of run.progress to the process, and reads what it reports."""

    def __init__(self, settings: Settings, subject: Subject) -> None:
        """Start the process.

        Raises:
            OSError: it cannot be started.
        """
        self._url = settings.url
        self._socket, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        with other:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ddbload.telemetry", str(other.fileno())],
                pass_fds=[other.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C ends the run, and with it the socket.
                start_new_session=True,
            )
        os.setpriority(os.PRIO_PROCESS, self._process.pid, NICENESS)
        # Not by the command line, which everybody on the machine may read.
        self._socket.send(json.dumps({"settings": asdict(settings), "subject": asdict(subject)}).encode())
        self._socket.setblocking(False)
        self._counts = {"exports": 0, "failed": 0}
        self._dropped = 0
        self._problem = ""
        self._has_ended = False

    def take(self, line: str) -> str:
        """Hand a line over, without waiting; return a problem that was not reported before, else an empty text."""
        try:
            self._socket.send(line.encode())
        except OSError:
            self._dropped += 1
        known = self._problem
        with contextlib.suppress(BlockingIOError):
            self._receive()
        return "" if known else self._problem

    def close(self) -> dict[str, Any]:
        """Have the process send what is left, for some seconds at most, and end it.

        Returns:
            ``endpoint``, ``exports``, ``failed``, ``dropped`` and ``problem`` as in run.telemetry.
        """
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
        self._socket.settimeout(CLOSE_S)
        try:
            while not self._has_ended:
                self._receive()
        except TimeoutError:
            self._problem = self._problem or f"{self._url} did not respond to the last request -> check the collector"
        self._process.kill()
        self._process.wait()
        self._socket.close()
        return {"endpoint": self._url, **self._counts, "dropped": self._dropped, "problem": self._problem or None}

    def _receive(self) -> None:
        """Read one message."""
        try:
            data = self._socket.recv(MOST_REPLY_BYTES)
        except ConnectionError:
            data = b""
        if not data:
            self._problem = self._problem or ("" if self._has_ended else ENDED)
            self._has_ended = True
            return
        reply = json.loads(data)
        self._problem = self._problem or reply["problem"]
        self._counts = {name: reply[name] for name in self._counts}
        self._has_ended = reply["is_last"]
