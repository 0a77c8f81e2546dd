# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The session file and the activity log of a job, in the original's layout."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def new_id(now: datetime) -> str:
    """Return a session's id.

    The original's ids have a resolution of one second, so that two jobs of one second write the same file. The suffix
    prevents that, and the names still sort by time.
    """
    return f"{now:%Y-%m-%d_%H-%M-%S}_{uuid.uuid4().hex[:12]}"


class Session:
    """A job's session file `oneshot_<id>.json`; each change writes the whole file by a temporary file and a rename.

    Args:
        directory: where the file is; it is created.
        session_id: the id in the file's name.
        task: the prompt, without keys.
        metadata: what the original keeps about the call.
    """

    def __init__(self, directory: Path, session_id: str, task: str, metadata: dict[str, Any]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / f"oneshot_{session_id}.json"
        self._data: dict[str, Any] = {
            "version": 1,
            "oneshot_id": session_id,
            "state": "CREATED",
            "iteration_count": 0,
            "max_iterations": metadata["max_iterations"],
            "created_at": _now(),
            "history": [],
            "worker_result": None,
            "auditor_result": None,
            "metadata": metadata,
            "variables": {"task": task},
        }
        self.enter("CREATED")

    def enter(self, state: str, reason: str | None = None, **results: str) -> None:
        """Write a new state.

        Args:
            state: the state's name.
            reason: why the state is entered.
            results: `worker_result` or `auditor_result`, where one is known now.
        """
        entry = {"state": state, "ts": time.time(), "pid": os.getpid()}
        self._data["history"].append(entry | ({"reason": reason} if reason else {}))
        self._data |= {"state": state, "updated_at": _now(), **results}
        self._save()

    def _save(self) -> None:
        descriptor, name = tempfile.mkstemp(".tmp", "oneshot_", self.path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(self._data, file, indent=2)
            Path(name).replace(self.path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
            raise


class ActivityLog:
    """A job's activity log: a line of JSON for each activity.

    Args:
        path: the file; what it holds already stays.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.open("a", encoding="utf-8").close()

    def write(self, executor: str, data: str) -> None:
        """Append an activity of the worker or of the auditor."""
        line = {"timestamp": time.time(), "data": data, "executor": executor, "is_heartbeat": False}
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _now() -> str:
    return datetime.now(UTC).replace(tzinfo=None).isoformat()
