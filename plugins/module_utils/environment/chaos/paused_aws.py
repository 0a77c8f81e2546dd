# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiment: the embedded AWS stands still for some seconds; tasks and load balancers go on without it."""

from __future__ import annotations

import contextlib
import http
import http.client
import os
import signal
import subprocess
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.experiment import Look
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.service_under_test import ServiceUnderTest
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

REQUEST_S = 5.0  # seconds that a response of the load balancer may take


class PausedAws:
    """SIGSTOP to the process of the embedded AWS, and SIGCONT after some seconds.

    Args:
        service: the service whose tasks have to go on.
        settings: of the embedded AWS.
        url: of the service behind its load balancer, which has to respond meanwhile; empty where it has none.
        pause_s: seconds of the pause.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        service: ServiceUnderTest,
        settings: Settings,
        url: str,
        pause_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service, self._settings, self._url, self._pause_s = service, settings, url, pause_s
        self._clock = clock
        self._tasks: frozenset[str] = frozenset()
        self._pid = 0
        self._guard: subprocess.Popen[bytes] | None = None
        self._since, self._responses = 0.0, 0

    @property
    def promise(self) -> str:
        """What is promised."""
        responds = ", its load balancer responds all the time" if self._url else ""
        return (
            f"AWS stands still for {self._pause_s:g} s{responds}, and afterwards the same tasks of service "
            f"{self._service.name} run"
        )

    def obstacle(self) -> Problem | None:
        """Return why it cannot start."""
        return self._service.obstacle()

    def inject(self) -> str:
        """Pause the process; a guard continues it even where this program is killed.

        Raises:
            ProblemError: the embedded AWS does not run on this machine.
        """
        self._tasks = self._service.state().tasks
        pid = self._settings.emulator.running_pid()
        if pid is None:
            what = f"no embedded AWS of this user runs in {self._settings.directory}"
            raise ProblemError(
                Problem("absent", what, "start it: ansible-playbook playbooks/local-aws.yml -e env=local")
            )
        self._pid = pid
        command = ["sh", "-c", 'sleep "$1"; kill -CONT "$2"', "guard", f"{self._pause_s + 1:g}", str(pid)]
        self._guard = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL)
        os.kill(pid, signal.SIGSTOP)
        self._since = self._clock()
        return f"SIGSTOP to process {pid} of the embedded AWS"

    def look(self) -> Look:
        """Look at the load balancer while AWS stands still, and at the service afterwards."""
        if self._clock() - self._since < self._pause_s:
            if self._url:
                if not responds(self._url):
                    return Look("the load balancer does not respond", False, f"{self._url} did not respond")
                self._responses += 1
            return Look("AWS stands still", False)
        self.restore()
        state = self._service.state()
        line = f"{state.line()}, {self._responses} responses of the load balancer meanwhile"
        if state.tasks != self._tasks:
            return Look(line, False, "other tasks run than before")
        return Look(line, state.is_steady)

    def restore(self) -> str:
        """Let the process go on, and end the guard."""
        if not self._pid:
            return ""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGCONT)
        if self._guard:
            self._guard.kill()
            self._guard.wait()
        restored, self._pid, self._guard = f"SIGCONT to process {self._pid}", 0, None
        return restored


def responds(url: str) -> bool:
    """Return whether a server responds to GET with no error of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=REQUEST_S)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status < http.HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
