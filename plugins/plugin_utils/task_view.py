# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is displayed of a run while it goes on: records of the live feed become lines for a terminal, or for a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_lines import is_json_object
from ansible_collections.gantry.ecs.plugins.module_utils.live.events import (
    FIGURES_ONLY,
    event_line,
    parse_event,
    printable,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import number_of
from ansible_collections.gantry.ecs.plugins.plugin_utils.fleet_progress import COLUMNS, LONGEST_NAME, FleetProgress
from ansible_collections.gantry.ecs.plugins.plugin_utils.state_lines import StateLines

INDENT = "  "
# Back to the line's begin, and the whole line erased (ECMA-48 CR and EL). The carriage return makes Python flush, too.
CLEAR = "\r\x1b[2K"
REDRAW_S = 0.9  # ticks come each second, some a little early
PLAIN_S = 2.0  # between two lines of progress that stay
DEFAULT_COLUMNS = 80
LONGEST_S = 1e8  # more than a run can take
ID_LENGTH = 8  # characters of a task's id that are shown
# All workers of all tasks say these within a moment of each other: one line for all that say the same.
SAID_BY_ALL = frozenset({"run.started", "run.phase"})


class Shown(NamedTuple):
    """Something to display.

    Attributes:
        text: one line, indented.
        newline: whether the line ends here; where it does not, it is drawn over later, and nothing for a log file.
        verbosity: 0 to be shown always, 1 with ``-v``.
    """

    text: str
    newline: bool = True
    verbosity: int = 0


class LiveView:
    """Decides what of a run is displayed, and when.

    Attributes:
        columns: of the terminal; may be set anew when its size changes.

    Args:
        columns: of the terminal; 0 where they are not known.
        refreshes: whether the line of progress is drawn over, as on a terminal. Else it is a line of its own each time.
        show: ``progress``; ``all`` for the JSON lines between the load tester's events, too; ``none`` for notes alone.
    """

    def __init__(self, *, columns: int, refreshes: bool, show: str = "progress") -> None:
        self.columns = columns
        self._refreshes, self._show = refreshes, show
        self._fleet, self._state_lines = FleetProgress(), StateLines()
        self._speaking: set[str] = set()  # tasks that write the load tester's events
        self._elapsed_s = 0.0
        self._drawn: str | None = None  # what is on the refreshed line
        self._told_at: float | None = None  # when the line of progress was displayed last
        self._is_due = False  # whether there is something new for the line of progress
        self._said: set[str] = set()
        self._has_ended = False

    def take(self, record: Mapping[str, Any]) -> list[Shown]:
        """Take one record of the live feed; returns what to display now."""
        return self.take_all([record])

    def take_all(self, records: Iterable[Mapping[str, Any]]) -> list[Shown]:
        """Take all records that came together, and draw the line of progress once at most.

        Args:
            records: as ``LiveFeed`` writes them, in order; what is none of its records is passed over.

        Returns:
            What to display now, in order.
        """
        lines = [line for record in records for line in self._take(record)]
        return self._drawn_around(lines) if self._refreshes else lines

    def end(self) -> list[Shown]:
        """Tell what was held back, and leave the last line of progress as a line of its own."""
        if self._has_ended:
            return []
        self._has_ended = True
        lines = self._states()
        if not self._refreshes:
            self._told_at = None
            return [*lines, *self._plain_progress()]
        if self._drawn is None:
            return lines
        self._drawn = None
        return [Shown(CLEAR, newline=False), *lines, Shown(self._line())]

    def _take(self, record: Mapping[str, Any]) -> list[Shown]:
        elapsed_s = number_of(record.get("elapsed_s"))
        if elapsed_s is not None and 0 <= elapsed_s <= LONGEST_S:
            self._elapsed_s = elapsed_s
        task_id = str(record.get("task_id"))
        match record.get("kind"):
            case "status":
                return self._take_status(task_id, str(record.get("status")), _mapping(record.get("timings")))
            case "log":
                return self._log_lines(task_id, str(record.get("message", "")))
            case "tick":
                self._is_due |= self._refreshes
                self._state_lines.set_counts(_counts(record.get("states")))
                return [*self._states(), *self._plain_progress()]
            case "note":
                return [Shown(INDENT + printable(str(record.get("text", "")), None))]
        return []

    def _take_status(self, task_id: str, status: str, timings: Mapping[str, Any]) -> list[Shown]:
        self._is_due |= self._refreshes
        self._state_lines.take(task_id, printable(status, LONGEST_NAME), self._elapsed_s)
        if status == "STOPPED":
            self._fleet.end(task_id)
        known = [
            f"{printable(str(name)).removesuffix('_s')} {seconds:.1f} s"
            for name, value in timings.items()
            if (seconds := number_of(value)) is not None
        ]
        text = f"task {task_id[:ID_LENGTH]} {status} after {self._elapsed_s:.1f} s"
        return [Shown(INDENT + printable(text + (f" ({', '.join(known)})" if known else "")), verbosity=1)]

    def _log_lines(self, task_id: str, message: str) -> list[Shown]:
        event = parse_event(message)
        if event:
            self._speaking.add(task_id)
            self._fleet.take(task_id, event)
            self._is_due = True
            return self._event_lines(task_id, event)
        if is_json_object(message):
            # Beside the load tester's events they are metrics; of another program they are its log.
            is_wanted = self._show == "all" or task_id not in self._speaking
            texts = [printable(message)] if is_wanted else []
        else:
            texts = [line for each in message.split("\n") if (line := printable(each)).strip()]
        return self._marked(task_id, texts)

    def _event_lines(self, task_id: str, event: Mapping[str, Any]) -> list[Shown]:
        if event["event"] in FIGURES_ONLY:
            return []
        if event["event"] not in SAID_BY_ALL:
            return self._marked(task_id, [event_line(event)])
        text = event_line({**event, "worker": None})
        if text in self._said:
            return []
        self._said.add(text)
        return self._marked(None, [text])

    def _marked(self, task_id: str | None, texts: list[str]) -> list[Shown]:
        """Put lines of a task, or of all, behind its mark, if there are others."""
        if self._show == "none" or not texts:
            return []
        has_others = task_id is not None and self._state_lines.total > 1
        mark = f"[{printable(str(task_id)[:ID_LENGTH])}] " if has_others else ""
        # A task speaks after it was started, and before it is stopped.
        return [*self._states(before_lines=True), *(Shown(INDENT + mark + text) for text in texts)]

    def _states(self, before_lines: bool = False) -> list[Shown]:
        # A terminal's line of progress shows them.
        if self._refreshes or self._show == "none":
            return []
        return [Shown(INDENT + line) for line in self._state_lines.lines(self._elapsed_s, before_lines)]

    def _line(self) -> str:
        # The last column stays free: a cursor beyond it wraps on some terminals.
        columns = (self.columns if self.columns > 0 else DEFAULT_COLUMNS) - 1 if self._refreshes else COLUMNS
        line = self._fleet.line(self._elapsed_s, self._state_lines.counts, columns - len(INDENT))
        return (INDENT + line)[: max(columns, 0)]

    def _plain_progress(self) -> list[Shown]:
        is_late = self._told_at is None or not 0 <= self._elapsed_s - self._told_at < PLAIN_S
        is_wanted = not self._refreshes and self._show != "none" and self._fleet.has_progress
        if not (is_wanted and is_late and self._is_due):
            return []
        self._is_due, self._told_at = False, self._elapsed_s
        return [Shown(self._line())]

    def _drawn_around(self, lines: list[Shown]) -> list[Shown]:
        """Display lines above the line of progress, which is drawn again below them."""
        is_late = self._told_at is None or not 0 <= self._elapsed_s - self._told_at < REDRAW_S
        if not lines and not (self._is_due and is_late):
            return []
        shown = [Shown(CLEAR, newline=False), *lines] if lines and self._drawn is not None else lines
        if self._show == "none" or not (self._fleet.has_progress or self._state_lines.counts):
            return shown
        before, self._drawn = self._drawn, self._line()
        self._is_due, self._told_at = False, self._elapsed_s
        return [*shown, Shown(CLEAR + self._drawn, newline=False)] if lines or self._drawn != before else []


def _counts(states: Any) -> dict[str, int]:
    counts = {printable(str(state), LONGEST_NAME): number_of(count) for state, count in _mapping(states).items()}
    return {state: int(count) for state, count in counts.items() if count is not None and count >= 1}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
