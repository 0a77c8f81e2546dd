# SPDX-License-Identifier: Apache-2.0
"""The JSON lines on stdout: the only way out of the container."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import IO, Any, NamedTuple

from ddbload.results import event_shape
from ddbload.results.exit_codes import REASONS

# A log driver cuts long lines; a beginning and what follows it are one event up to so many characters.
EVENT_START = '{"ts":'
# CloudWatch's metrics, which are for CloudWatch alone.
METRICS_START = '{"_aws":'
MAX_EVENT_CHARACTERS = 300_000
EVENT_FIELDS = {"ts", "event", "run_id", "task_id", "worker"}
# Stands for an event that is malformed, so that its worker is still known.
MALFORMED = "malformed"


class Read(NamedTuple):
    """What log lines held.

    Attributes:
        events: by time, each once however often it was logged.
        foreign: how many lines belong to no event.
        malformed: how many events have fields missing or of the wrong type. One that still says of which run and
            worker it is stands among the events by the name of ``malformed``, without its other fields.
    """

    events: list[dict[str, Any]]
    foreign: int
    malformed: int


def timestamp() -> str:
    """Return the time now: RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventWriter:
    """Writes events, each with the run, task and worker that it comes from."""

    def __init__(self, run_id: str, task_id: str | None, worker: int = 0, stream: IO[str] | None = None) -> None:
        self.context: dict[str, Any] = {"run_id": run_id, "task_id": task_id, "worker": worker}
        self.stream = stream or sys.stdout

    def of_worker(self, worker: int) -> EventWriter:
        """Return a writer that speaks for another worker of the same task."""
        return EventWriter(self.context["run_id"], self.context["task_id"], worker, self.stream)

    def fail(self, exit_code: int, message: str) -> int:
        """Say in one line why the run did not pass; returns the exit code."""
        text = " ".join(message.split())
        self.write("run.failed", "error", exit_code=exit_code, reason=REASONS[exit_code], message=text)
        return exit_code

    def write_raw(self, document: Mapping[str, Any]) -> None:
        """Write a line that is no event of ours, such as CloudWatch's metrics."""
        self._write_line(json.dumps(document, separators=(",", ":")))

    def write(self, event: str, level: str = "info", /, **fields: Any) -> str:
        """Write one line, and return it; a reader that is gone does not end the run."""
        document = {"ts": timestamp(), "level": level, "event": event} | self.context | fields
        line = json.dumps(document, separators=(",", ":"))
        self._write_line(line)
        return line

    def _write_line(self, line: str) -> None:
        try:
            self.stream.write(line + "\n")
            self.stream.flush()
        except BrokenPipeError:
            # Nobody listens any more; what is still buffered goes nowhere, or Python would end with exit code 120.
            # https://docs.python.org/3/library/signal.html#note-on-sigpipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())


def read_events(lines: Iterable[str]) -> Read:
    """Read log lines back.

    Docker's log driver may cut a line at 16 KB, CloudWatch Logs at 256 KB: what was cut is put together again.
    (https://github.com/moby/moby/issues/41794)

    Args:
        lines: of one log after the other, each in its order.

    Returns:
        Their events, checked for their shape.
    """
    events: dict[str, dict[str, Any]] = {}
    foreign = 0
    pieces: list[str] = []
    for line in lines:
        text = line.rstrip("\r\n")
        if text.startswith(METRICS_START):
            continue
        event = _event(text)
        if event is None and pieces and not text.startswith(EVENT_START):
            pieces.append(text)
            text = "".join(pieces)
            event = _event(text) if text.endswith("}") else None
            if event is None and len(text) <= MAX_EVENT_CHARACTERS:
                continue
            foreign += 0 if event else len(pieces)
            pieces = []
        elif event is None and text.startswith(EVENT_START):
            foreign += len(pieces)
            pieces = [text]
        else:
            foreign += len(pieces) + (event is None and bool(text.strip()))
            pieces = []
        if event:
            events.setdefault(text, event)
    sound = [event if event_shape.is_event(event) else _context(event) for event in events.values()]
    known = sorted((event for event in sound if event), key=lambda event: str(event["ts"]))
    malformed = sum(event is None or event["event"] == MALFORMED for event in sound)
    return Read(known, foreign + len(pieces), malformed)


def _context(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return what is left of a malformed event: its run and worker; None where it does not even tell these."""
    left = {name: event[name] for name in EVENT_FIELDS} | {"event": MALFORMED}
    return left if event_shape.is_event(left) else None


def _event(text: str) -> dict[str, Any] | None:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and event.keys() >= EVENT_FIELDS else None
