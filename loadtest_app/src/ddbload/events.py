# SPDX-License-Identifier: Apache-2.0
"""The JSON lines on stdout: the only way out of the container."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import IO, Any

METADATA_TIMEOUT_S = 1.0


def timestamp() -> str:
    """Return the time now: RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_task_id(environment: Mapping[str, str]) -> str | None:
    """Ask ECS which task this is; None where no ECS is.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
    """
    uri = environment.get("ECS_CONTAINER_METADATA_URI_V4")
    if not uri:
        return None
    try:
        with urllib.request.urlopen(f"{uri}/task", timeout=METADATA_TIMEOUT_S) as answer:
            return str(json.load(answer)["TaskARN"]).rpartition("/")[2]
    except (OSError, ValueError, KeyError):
        return None


class EventWriter:
    """Writes events, each with the run, task and worker that it comes from."""

    def __init__(self, run_id: str, task_id: str | None, worker: int = 0, stream: IO[str] | None = None) -> None:
        self.context = {"run_id": run_id, "task_id": task_id, "worker": worker}
        self.stream = stream or sys.stdout

    def write(self, event: str, level: str = "info", /, **fields: Any) -> None:
        """Write one line; a reader that is gone does not end the run."""
        line = {"ts": timestamp(), "level": level, "event": event} | self.context | fields
        try:
            self.stream.write(json.dumps(line, separators=(",", ":")) + "\n")
            self.stream.flush()
        except BrokenPipeError:
            # Nobody listens any more; Python would complain again when it closes stdout at the end.
            self.stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - open until the process ends
