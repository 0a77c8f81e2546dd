# SPDX-License-Identifier: Apache-2.0
"""Sends live figures to a collector: lines of run.progress come by a socket, whose descriptor is the argument."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading

from ddbload.telemetry.document import Subject, document
from ddbload.telemetry.figures import Figures
from ddbload.telemetry.sender import Sender
from ddbload.telemetry.settings import Settings

# A line has no more; a message that is longer is cut, and then no JSON.
MOST_BYTES = 1 << 21
LONGEST_WAIT_S = 30.0


class Exports:
    """Adds lines up as they come, and posts what they say."""

    def __init__(self, connection: socket.socket, settings: Settings, subject: Subject) -> None:
        self._connection = connection
        self._settings = settings
        self._subject = subject
        self._sender = Sender(settings)
        self._lock = threading.Lock()
        # What came since the last request, and what the next one holds beside it.
        self._recent, self._known = Figures(), Figures()
        self._is_over = threading.Event()
        self._is_left = self._has_reported = False

    def run(self) -> None:
        """Post until the socket ends, and then once more."""
        threading.Thread(target=self._read, daemon=True).start()
        wait_s = interval_s = self._settings.interval_s
        while not self._is_over.wait(wait_s):
            self._post()
            later_s = max(self._sender.waits_s, min(LONGEST_WAIT_S, 2 * wait_s))
            wait_s = max(interval_s, later_s) if self._is_left else interval_s
        self._post()
        self._report(is_last=True)

    def _read(self) -> None:
        while data := self._connection.recv(MOST_BYTES):
            # A line of another shape is not worth the others.
            with contextlib.suppress(KeyError, TypeError, ValueError):
                figures = Figures.of(json.loads(data))
                with self._lock:
                    self._recent.add(figures)
        self._is_over.set()

    def _post(self) -> None:
        """Post what is new, or was not accepted."""
        with self._lock:
            recent, self._recent = self._recent, Figures()
        if recent.end_ns:
            # A gauge tells of the last seconds alone.
            self._known.late_ms = 0.0
            self._known.add(recent)
        elif not self._is_left:
            return
        body = document(self._known, self._subject, self._settings.is_delta, self._settings.is_exponential)
        is_accepted = self._sender.post(body)
        # Cumulative points are new ones in each request.
        is_settled = self._sender.is_settled if self._settings.is_delta else is_accepted
        self._is_left = not is_settled
        if self._settings.is_delta and is_settled:
            self._known = Figures(self._known.end_ns)
        if self._sender.problem and not self._has_reported:
            self._has_reported = True
            self._report()

    def _report(self, is_last: bool = False) -> None:
        sender = self._sender
        problem = sender.problem
        reply = {"exports": sender.sent, "failed": sender.failed, "problem": problem, "is_last": is_last}
        with contextlib.suppress(OSError):
            self._connection.send(json.dumps(reply).encode())


def main() -> None:
    """Serve one run."""
    with socket.socket(fileno=int(sys.argv[1])) as connection:
        given = json.loads(connection.recv(MOST_BYTES))
        Exports(connection, Settings(**given["settings"]), Subject(**given["subject"])).run()


if __name__ == "__main__":
    main()
