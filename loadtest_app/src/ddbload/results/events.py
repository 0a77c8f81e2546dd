# SPDX-License-Identifier: Apache-2.0
"""The JSON lines on stdout: the only way out of the container."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any, Protocol

from ddbload.files import write_stream
from ddbload.instants import epoch_text
from ddbload.results import event_shape
from ddbload.results.exit_codes import REASONS
from ddbload.stats.histogram import Histogram
from ddbload.turns import Sliced

# A log driver splits long lines: lines that follow this start belong to its event, up to a limit in characters.
EVENT_START = '{"ts":'
# CloudWatch's metrics, which are for CloudWatch alone.
METRICS_START = '{"_aws":'
# The start of a written event: its line's number and its worker come before any text that a server may choose.
LINE_START = re.compile(
    r'(?P<before>\{"ts":"[^"]*","line":)[0-9]+'
    r'(?P<after>,"level":"[^"]*","event":"[^"]*","run_id":"[^"]*","task_id":(?:null|"[^"]*"),"worker":(?P<worker>[0-9]+))'
)
MAX_EVENT_CHARACTERS = 300_000
# Keys, names of files and directories, and command lines contain it.
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
RUN_ID_RULE = "must have up to 128 letters, digits, dots, - and _, and begin with a letter or digit"
ENDS = ("run.summary", "run.failed")
EVENT_FIELDS = {"ts", "event", "run_id", "task_id", "worker"}
# Stands for an event that is malformed, so that its worker is still known.
MALFORMED = "malformed"


def timestamp() -> str:
    """Return the time now: RFC 3339, UTC, milliseconds."""
    return epoch_text(time.time())


def to_json(document: Mapping[str, Any], indent: int | None = None) -> str:
    """Return a document as JSON, its histograms encoded: compact on one line, or indented."""
    return json.dumps(document, indent=indent, separators=None if indent else (",", ":"), default=_text_of)


def encoding(document: Mapping[str, Any]) -> Sliced[dict[str, Any]]:
    """Return a document with its histograms encoded, as they are at the time of the call.

    Encoding a histogram takes up to a millisecond, and is one slice. A thread would delay the event loop by more: it
    holds the interpreter for up to 5 ms at a time (``sys.getswitchinterval``).
    """
    return _encode(_copy(document))


def _encode(copied: dict[str, Any]) -> Sliced[dict[str, Any]]:
    sections: list[dict[str, Any]] = [copied]
    while sections:
        section = sections.pop()
        for name, value in section.items():
            if isinstance(value, Histogram):
                section[name] = value.encode()
                yield
            elif isinstance(value, dict):
                sections.append(value)
    return copied


def _copy(value: Any) -> Any:
    """Return a copy of a document whose histograms count no further."""
    if isinstance(value, Mapping):
        return {name: _copy(part) for name, part in value.items()}
    return value.copy() if isinstance(value, Histogram) else value


def _text_of(value: object) -> str:
    if isinstance(value, Histogram):
        return value.encode()
    raise TypeError(f"an event cannot hold a {type(value).__name__}")


class Follower(Protocol):
    """Takes the progress of a run while it lasts."""

    def take(self, line: str) -> str:
        """Take a line of run.progress, without waiting; return a problem to be reported, else an empty text."""

    def close(self) -> dict[str, Any]:
        """End; return the fields of run.telemetry."""


class EventWriter:
    """Writes events, each with its run, task and worker, and ``line``: 1, 2, 3 ... for each worker of the stream."""

    def __init__(self, run_id: str, task_id: str | None, worker: int = 0, stream: IO[str] | None = None) -> None:
        self.context: dict[str, Any] = {"run_id": run_id, "task_id": task_id, "worker": worker}
        self.stream = stream or sys.stdout
        self.follower: Follower | None = None
        # Worker -> its last line; the writers of one stream share it, and the lock.
        self._lines: Counter[int] = Counter()
        self._lock = threading.Lock()

    def of_worker(self, worker: int) -> EventWriter:
        """Return a writer to the same stream for another worker of the same task."""
        writer = EventWriter(self.context["run_id"], self.context["task_id"], worker, self.stream)
        writer._lines, writer._lock = self._lines, self._lock
        return writer

    def pass_on(self, line: str) -> None:
        """Write a line of another process, an event by its number in this stream; threads may call it."""
        with self._lock:
            if start := LINE_START.match(line):
                number = self._next_line(int(start["worker"]))
                line = f"{start['before']}{number}{start['after']}{line[start.end() :]}"
            self._write_line(line.removesuffix("\n"))

    def fail(self, exit_code: int, message: str) -> int:
        """Write in one line why the run did not pass; returns the exit code."""
        text = " ".join(message.split())
        self.write("run.failed", "error", exit_code=exit_code, reason=REASONS[exit_code], message=text)
        return exit_code

    def write_raw(self, document: Mapping[str, Any]) -> None:
        """Write a line that is no event, for example CloudWatch's metrics."""
        with self._lock:
            self._write_line(to_json(document))

    def write(self, event: str, level: str = "info", /, **fields: Any) -> str:
        """Write one line, and return it; a reader that is gone does not end the run."""
        if event in ENDS:
            self.end_following()
        with self._lock:
            number = self._next_line(self.context["worker"])
            start = {"ts": timestamp(), "line": number, "level": level, "event": event}
            line = to_json(start | self.context | fields)
            self._write_line(line)
        if self.follower and event == "run.progress" and (problem := self.follower.take(line)):
            self.write("run.warning", "warning", message=problem)
        return line

    def end_following(self) -> None:
        """Close the follower, where there is one, and write what became of its work: before the end, which is last."""
        follower, self.follower = self.follower, None
        if follower:
            self.write("run.telemetry", **follower.close())

    def _next_line(self, worker: int) -> int:
        self._lines[worker] += 1
        return self._lines[worker]

    def _write_line(self, line: str) -> None:
        write_stream(self.stream, line + "\n")


class EventReader:
    """Reads log lines back, one event after the other, so that no more than one of them is in memory.

    Attributes:
        foreign: how many lines belong to no event.
        malformed: how many events have fields missing or of the wrong type. One that still says of which run and
            worker it is stands among the events by the name of ``malformed``, without its other fields.
    """

    def __init__(self) -> None:
        self.foreign = 0
        self.malformed = 0
        # A hash instead of the text: the lines of a long run would fill the memory.
        self._seen: set[int] = set()

    def read(self, lines: Iterable[str]) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield each event once, however often it was logged, and its text.

        Docker's log driver may cut a line at 16 KB, CloudWatch Logs at 256 KB: the parts are joined again.
        (https://github.com/moby/moby/issues/41794)

        Args:
            lines: of one log after the other, each in its order.

        Returns:
            The events, checked for their shape; the histograms of run.progress are decoded.
        """
        for event, text in self._joined(lines):
            key = hash(text)
            if key in self._seen:
                continue
            self._seen.add(key)
            is_sound = event_shape.has_shape(event)
            if is_sound and event["event"] == "run.progress":
                is_sound = event_shape.decode(event)
            if is_sound:
                yield event, text
                continue
            self.malformed += 1
            if left := _context(event):
                yield left, text

    def decoded(self, text: str) -> dict[str, Any] | None:
        """Return an event that was yielded before, with its histograms; None where one is malformed."""
        event: dict[str, Any] = json.loads(text)
        if event_shape.decode(event):
            return event
        self.malformed += 1
        return None

    def _joined(self, lines: Iterable[str]) -> Iterator[tuple[dict[str, Any], str]]:
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
                self.foreign += 0 if event else len(pieces)
                pieces = []
            elif event is None and text.startswith(EVENT_START):
                self.foreign += len(pieces)
                pieces = [text]
            else:
                self.foreign += len(pieces) + (event is None and bool(text.strip()))
                pieces = []
            if event:
                yield event, text
        self.foreign += len(pieces)


def _context(event: dict[str, Any]) -> dict[str, Any] | None:
    """Return the run and worker of a malformed event; None where these are malformed too."""
    left = {name: event[name] for name in EVENT_FIELDS} | {"event": MALFORMED}
    return left if event_shape.has_shape(left) else None


def _event(text: str) -> dict[str, Any] | None:
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and event.keys() >= EVENT_FIELDS else None
