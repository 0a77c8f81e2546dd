# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Long-running processes of this machine: started detached, known by pid, start time and command, stopped by them."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import private_files
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

POLL_SECONDS = 0.1
KILL_SECONDS = 5.0  # that SIGKILL may take until the process is gone
EXEC_SECONDS = 5.0  # that it may take until a process shows the command that it was started with
TAIL_LINE = 200  # characters of each line of a log's tail


class ProcessError(ProblemError):
    """A process cannot be started or stopped."""


@dataclass(frozen=True)
class BackgroundProcess:
    """A process by its name and the folder that keeps its pid file and its log.

    Attributes:
        name: of both files.
        directory: the folder.
        marks: the last part of an argument that its command line has to have, one of these; without it a process is
            not this one, whatever the pid file says.
    """

    name: str
    directory: Path
    marks: tuple[str, ...]

    @property
    def pid_file(self) -> Path:
        """Where pid and start time are kept."""
        return self.directory / f"{self.name}.pid"

    @property
    def log_file(self) -> Path:
        """Where its output goes."""
        return self.directory / f"{self.name}.log"

    def running_pid(self) -> int | None:
        """Return the pid of the running process; None where it does not run, whatever a stale pid file says.

        Raises:
            ForeignFileError: the pid file is not this user's own.
        """
        known = self._record()
        try:
            pid, started = int(known["pid"]), str(known["started"])
        except (ValueError, KeyError, TypeError):
            return None
        is_it = bool(started) and start_time(pid) == started and self._has_mark(pid)
        return pid if is_it else None

    def note(self, name: str, default: str) -> str:
        """Return a note that was left at its start, or else the default."""
        return str(self._record().get(name, default))

    def start(self, argv: Sequence[str], environment: Mapping[str, str], notes: Mapping[str, str]) -> int:
        """Start it in a session of its own, so that it outlives the caller and no Ctrl-C reaches it.

        Args:
            argv: program and arguments.
            environment: its whole environment.
            notes: what to remember of it as long as it runs.

        Returns:
            Its pid.

        Raises:
            OSError: the program cannot be run, or the folder not be written or not this user's own.
        """
        private_files.own_folder(self.directory)
        allow_open_files()
        with private_files.open_for_appending(self.log_file) as log:
            child = subprocess.Popen(
                list(argv),
                env=dict(environment),
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # A system shows the new command line a moment after it has closed what Popen waits for.
        wait_until(lambda: not start_time(child.pid) or self._has_mark(child.pid), EXEC_SECONDS)
        child.returncode = 0  # the child outlives this process: keeps Popen from warning
        record = {**notes, "pid": child.pid, "started": start_time(child.pid)}
        private_files.write_text(self.pid_file, json.dumps(record))
        return child.pid

    def await_health(self, healthy: Callable[[], bool], timeout: float, interrupted: Callable[[], bool]) -> None:
        """Wait until it is healthy.

        Args:
            healthy: checks it once.
            timeout: seconds to wait.
            interrupted: returns whether the caller has given the wait up.

        Raises:
            ProcessError: it has ended, is not healthy in time, or the wait was interrupted.
        """

        def settled() -> bool:
            return interrupted() or self.running_pid() is None or healthy()

        in_time = wait_until(settled, timeout)
        if interrupted():
            raise ProcessError(Problem("interrupted", f"{self.name}: interrupted"))
        if self.running_pid() is None:
            what = f"{self.name} ended at once; its last lines ({self.log_file}): {self.log_tail()}"
            raise ProcessError(Problem("ended", what))
        if not in_time:
            what = (
                f"{self.name} runs (pid {self.running_pid()}) but gave no healthy answer within {timeout:g} s; "
                f"its last lines ({self.log_file}): {self.log_tail()}"
            )
            raise ProcessError(Problem("unhealthy", what))

    def stop(self, grace: float) -> bool:
        """Stop it: SIGTERM, and SIGKILL to its process group after ``grace`` seconds; another's pid is never signalled.

        Returns:
            Whether it ran.

        Raises:
            ProcessError: it does not end.
        """
        pid = self.running_pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            if not wait_until(lambda: self.running_pid() is None, grace):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(pid, signal.SIGKILL)
                if not wait_until(lambda: self.running_pid() is None, KILL_SECONDS):
                    what = f"{self.name} (pid {pid}) does not end, not even by SIGKILL"
                    raise ProcessError(Problem("unstoppable", what))
        self.pid_file.unlink(missing_ok=True)
        return pid is not None

    def _has_mark(self, pid: int) -> bool:
        # An interpreter, a package and a program alike are named by the last part of their path.
        return any(argument.rpartition("/")[2] in self.marks for argument in command_line(pid))

    def _record(self) -> dict[str, Any]:
        try:
            known = json.loads(private_files.read_text(self.pid_file))
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}

    def log_tail(self, lines: int = 5) -> str:
        """Return the last lines of its log on one line, long ones cut short."""
        try:
            with self.log_file.open("rb") as log:
                log.seek(max(0, self.log_file.stat().st_size - 8192))
                text = log.read().decode("utf-8", errors="replace")
        except OSError:
            return "(no log)"
        kept = [line.strip()[:TAIL_LINE] for line in text.splitlines() if line.strip()][-lines:]
        return " | ".join(kept) or "(the log is empty)"


def start_time(pid: int) -> str:
    """Return a mark that distinguishes a process from a later one of its pid; empty where it is gone or a zombie."""
    try:
        # Fields after the command, which is in parentheses and may hold anything; see proc_pid_stat(5).
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return ""
    # No /proc, as on macOS.
    known = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return known.stdout.strip()


def command_line(pid: int) -> list[str]:
    """Return the arguments of a process, its program first; none where it is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        if Path("/proc/self/stat").exists():
            return []
    # No /proc, as on macOS.
    known = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return known.stdout.split()


def clean_environment(environ: Mapping[str, str], keep: Iterable[str], own: Mapping[str, str]) -> dict[str, str]:
    """Build an environment of the named variables only.

    Args:
        environ: the operator's environment.
        keep: names of variables to copy from it, where they are set.
        own: variables that are set in addition.
    """
    return {name: environ[name] for name in keep if name in environ} | dict(own)


def allow_open_files() -> None:
    """Let this process, and so its children, open as many files as it may: shells often set a lower limit."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wait_until(condition: Callable[[], bool], timeout: float) -> bool:
    """Poll until a condition holds, for at most ``timeout`` seconds; returns whether it does."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
