# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of the module ``ecs_task_run``: records for the action plugin, and log lines for a file.

A record is a line of JSON:

- ``{"kind": "status", "task_id", "status", "elapsed_s", "timings"}``: a task came into a state
- ``{"kind": "log", "task_id", "timestamp", "message"}``: a task wrote a line
- ``{"kind": "tick", "elapsed_s", "states", "wanted"}``: how many tasks are in which state, and how many there shall be
- ``{"kind": "note", "text"}``: something that the user has to know now
- ``{"kind": "stop", "requested", "tasks"}``: how many of the tasks that have to stop were stopped so far, of how many
"""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogEvent
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

OWNER_ONLY, FOLDER_OF_OWNER = 0o600, 0o700  # log lines may hold confidential data
NEWLINE = re.compile(r"\r\n|[\r\n]")


class LiveFeed:
    """The module's side. No method raises OSError: a full disk must not break off the observation of a task.

    Args:
        live_path: the file of records; None where they are not displayed.
        log_path: the file of log lines, created with its folders where it is missing; the first line replaces its
            former content, since logs are read from their start. None for none.
    """

    def __init__(self, live_path: str | None, log_path: str | None) -> None:
        self._live = _AppendedFile(live_path)
        self._log = _AppendedFile(log_path, replaces=True)

    @property
    def problem(self) -> Problem | None:
        """Why the file of log lines could not be written, or is not complete; None where it is complete."""
        file = self._log
        if not file.failure:
            return None
        missing = f", {file.missing} line(s) are missing in it" if file.missing else ""
        return Problem(
            "log_file",
            f"cannot write log_file {file.path}: {file.failure}{missing}",
            "check the path, its permissions and the space on the disk",
        )

    def status(self, task_id: str, status: str, elapsed_s: float, timings: Mapping[str, float]) -> None:
        """Report that a task came into a state.

        Args:
            task_id: its id.
            status: ECS' name of the state.
            elapsed_s: seconds since the run's start.
            timings: seconds by phase, of those that are over.
        """
        self._append("status", task_id=task_id, status=status, elapsed_s=elapsed_s, timings=dict(timings))

    def log(self, task_id: str, events: Iterable[LogEvent]) -> None:
        """Report what a task wrote, and append it to the file of log lines; a line with newlines inside becomes one."""
        for event in events:
            self._append("log", task_id=task_id, timestamp=event["timestamp"], message=event["message"])
            self._log.append(NEWLINE.sub(" ", event["message"].rstrip("\r\n")))

    def tick(self, elapsed_s: float, states: Mapping[str, int], wanted: int) -> None:
        """Report where the run stands.

        Args:
            elapsed_s: seconds since its start.
            states: how many tasks are in which state.
            wanted: how many tasks the run shall have.
        """
        self._append("tick", elapsed_s=elapsed_s, states=dict(states), wanted=wanted)

    def note(self, text: str) -> None:
        """Write a message for the user, shown at once."""
        self._append("note", text=text)

    def stop(self, requested: int, tasks: int) -> None:
        """Report how many of the tasks that have to stop have been reached by a stop, of how many.

        Args:
            requested: how many have been reached.
            tasks: how many have to stop.
        """
        self._append("stop", requested=requested, tasks=tasks)

    def close(self) -> None:
        """Close both files; later records are dropped."""
        self._live.close()
        self._log.close()

    def _append(self, kind: str, **content: Any) -> None:
        self._live.append(json.dumps({"kind": kind, **content}))


class LiveReader:
    """The reader, in the process that displays the records.

    Args:
        path: the file of records; it need not exist yet.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._position = 0

    def read(self) -> list[dict[str, Any]]:
        """Return the records that are new. What is no record is left out, a line without an end is left for later."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                content = file.read()
        except OSError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        self._position += len(whole)
        return [record for record in map(_record, whole.split(b"\n")) if record]


class _AppendedFile:
    """A file to which lines are appended, each by one write, as long as that works.

    Attributes:
        path: where it is; None for no file.
        failure: why it could not be written the last time; empty where it always could.
        missing: how many lines it lacks.
    """

    def __init__(self, path: str | None, replaces: bool = False) -> None:
        self.path, self.failure, self.missing = path, "", 0
        self._replaces = replaces
        self._descriptor: int | None = None
        self._is_torn = False
        if path is not None:
            try:
                self._descriptor = _open(path)
            except (OSError, ValueError) as error:
                self.failure = _reason(error)

    def append(self, line: str) -> None:
        if self._descriptor is None:
            self.missing += bool(self.failure)
            return
        # Half a line, which a disk that was full has left, must not spoil the next one too.
        text = ("\n" if self._is_torn else "") + line + "\n"
        content = text.encode("utf-8", "backslashreplace")
        rest = content
        try:
            if self._replaces and stat.S_ISREG(os.fstat(self._descriptor).st_mode):
                os.ftruncate(self._descriptor, 0)
            self._replaces = False
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            self._is_torn = False
        except OSError as error:
            self.failure, self.missing = _reason(error), self.missing + 1
            self._is_torn |= len(rest) < len(content)

    def close(self) -> None:
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        try:
            os.close(descriptor)
        except OSError as error:  # some network file systems report a full disk only now
            self.failure = _reason(error)


def _open(path: str) -> int:
    # Another user's link at this path would redirect the write to another file of this user.
    flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW
    try:
        # Linux refuses O_CREAT for another user's file in /tmp (fs.protected_regular), even to root.
        return os.open(path, flags)
    except FileNotFoundError:
        _make_folder(Path(path).parent)
        return os.open(path, flags | os.O_CREAT, OWNER_ONLY)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, each for its owner only."""
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(FOLDER_OF_OWNER, exist_ok=True)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "it is a symbolic link, and links are not followed"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("kind"), str) else None
