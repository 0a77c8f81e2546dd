# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The live view of a run: turns records of the live feed into lines for a terminal, or for a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.live.events import (
    FIGURES_ONLY,
    event_line,
    parse_event,
    printable,
)
from ansible_collections.gantry.ecs.plugins.module_utils.live.log_lines import is_json_object
from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import number_of
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.fleet_progress import (
    COLUMNS,
    LONGEST_NAME,
    FleetProgress,
)
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.terminal import CLEAR, DEFAULT_COLUMNS, INDENT, Shown

REDRAW_S = 0.9  # ticks come each second, some a little early
PLAIN_S = 2.0  # between two lines of progress that stay
LONGEST_S = 1e8  # more than a run can take
ID_LENGTH = 8  # characters of a task's id that are shown
# All workers of all tasks say these within a moment of each other: one line for all that say the same.
SAID_BY_ALL = frozenset({"run.started", "run.phase"})
# Each task ends with one of these: of many tasks the first are shown, and the others counted at the end.
SAID_AT_THE_END = frozenset({"run.summary", "run.failed"})
ENDS_SHOWN = 10

MOST_TASKS = 1_000_000_000
OF_ALL = ("RUNNING", "STOPPED")  # reported again when all tasks are in it


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
        self._drawn: str | None = None  # text of the refreshed line
        self._displayed_at: float | None = None  # when the line of progress was displayed last
        self._is_due = False  # whether there is something new for the line of progress
        self._said: set[str] = set()
        self._ends: dict[str, set[str]] = {}  # ids of the tasks that ended with a verdict
        self._shown_ends: set[str] = set()  # ids of the tasks whose end is shown
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
        """Return the held back text, and keep the last line of progress as a line of its own."""
        if self._has_ended:
            return []
        self._has_ended = True
        lines = [*self._unshown_ends(), *self._states()]
        if not self._refreshes:
            self._displayed_at = None
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
                return self._log_lines(
                    task_id, str(record.get("message", "")), number_of(record.get("timestamp")) or 0.0
                )
            case "tick":
                self._is_due |= self._refreshes
                self._state_lines.set_counts(_counts(record.get("states")), int(number_of(record.get("wanted")) or 0))
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

    def _log_lines(self, task_id: str, message: str, timestamp_ms: float) -> list[Shown]:
        event = parse_event(message)
        if event:
            self._speaking.add(task_id)
            self._fleet.take(task_id, event, timestamp_ms / 1000, self._elapsed_s)
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
        if event["event"] in SAID_AT_THE_END:
            # A failed task writes both events; they count as one end.
            verdict = str(event.get("verdict")) if event["event"] == "run.summary" else "failed"
            tasks = self._ends.setdefault(printable(verdict, LONGEST_NAME), set())
            if task_id not in tasks and len(tasks) < ENDS_SHOWN:
                self._shown_ends.add(task_id)
            tasks.add(task_id)
            if task_id not in self._shown_ends:
                return []
        if event["event"] not in SAID_BY_ALL:
            return self._marked(task_id, [event_line(event)])
        text = event_line({**event, "worker": None})
        if text in self._said:
            return []
        self._said.add(text)
        return self._marked(None, [text])

    def _unshown_ends(self) -> list[Shown]:
        """Count the tasks whose last line is not shown, by how they ended."""
        more = [
            f"{len(tasks - self._shown_ends)} more {ended}"
            for ended, tasks in self._ends.items()
            if tasks - self._shown_ends
        ]
        return self._marked(None, [", ".join(more)] if more else [])

    def _marked(self, task_id: str | None, texts: list[str]) -> list[Shown]:
        """Put lines of a task, or of all, behind its mark, if there are others."""
        if self._show == "none" or not texts:
            return []
        has_others = task_id is not None and self._state_lines.total > 1
        mark = f"[{printable(str(task_id)[:ID_LENGTH])}] " if has_others else ""
        # The lines of a task come after its start, and before its stop.
        return [*self._states(before_lines=True), *(Shown(INDENT + mark + text) for text in texts)]

    def _states(self, before_lines: bool = False) -> list[Shown]:
        # A terminal's line of progress shows them.
        if self._refreshes or self._show == "none":
            return []
        return [Shown(INDENT + line) for line in self._state_lines.lines(self._elapsed_s, before_lines)]

    def _line(self) -> str:
        # The last column stays free: a cursor beyond it wraps on some terminals.
        columns = (self.columns if self.columns > 0 else DEFAULT_COLUMNS) - 1 if self._refreshes else COLUMNS
        states, wanted = self._state_lines.counts, self._state_lines.wanted
        line = self._fleet.line(self._elapsed_s, states, columns - len(INDENT), wanted)
        return (INDENT + line)[: max(columns, 0)]

    def _plain_progress(self) -> list[Shown]:
        is_late = self._displayed_at is None or not 0 <= self._elapsed_s - self._displayed_at < PLAIN_S
        is_wanted = not self._refreshes and self._show != "none" and self._fleet.has_progress
        if not (is_wanted and is_late and self._is_due):
            return []
        self._is_due, self._displayed_at = False, self._elapsed_s
        return [Shown(self._line())]

    def _drawn_around(self, lines: list[Shown]) -> list[Shown]:
        """Display lines above the line of progress, which is drawn again below them."""
        is_late = self._displayed_at is None or not 0 <= self._elapsed_s - self._displayed_at < REDRAW_S
        if not lines and not (self._is_due and is_late):
            return []
        shown = [Shown(CLEAR, newline=False), *lines] if lines and self._drawn is not None else lines
        if self._show == "none" or not (self._fleet.has_progress or self._state_lines.counts):
            return shown
        before, self._drawn = self._drawn, self._line()
        self._is_due, self._displayed_at = False, self._elapsed_s
        return [*shown, Shown(CLEAR + self._drawn, newline=False)] if lines or self._drawn != before else []


class StateLines:
    """Holds the state of every task; reports a state when the first task enters it, some again when all are in it.

    Attributes:
        counts: how many tasks are in which state now.
        wanted: how many tasks the run shall have; 0 where that is not known.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.wanted = 0
        self._states: dict[str, str] = {}
        self._reached: dict[str, set[str]] = {}
        self._new: dict[str, float] = {}
        self._shown_states: set[str] = set()
        self._shown_counts: dict[str, int] = {}
        self._is_counted = False

    @property
    def total(self) -> int:
        """How many tasks there are, or shall be, as far as is known."""
        return max(sum(self.counts.values()), self.wanted)

    def take(self, task_id: str, state: str, elapsed_s: float) -> None:
        """Note that a task has entered a state, seconds after the launch."""
        self._states[task_id] = state
        self._reached.setdefault(state, set()).add(task_id)
        if state not in self._shown_states:
            self._new.setdefault(state, elapsed_s)
        if not self._is_counted or len(self._states) == self.total:
            self.counts = {}
            for each in self._states.values():
                self.counts[each] = self.counts.get(each, 0) + 1

    def set_counts(self, counts: Mapping[str, int], wanted: int = 0) -> None:
        """Set the number of tasks in each state, and of those that the run shall have, from a source that knows all."""
        self.wanted = min(wanted, MOST_TASKS)
        self.counts = {state: min(count, MOST_TASKS) for state, count in counts.items() if count > 0}
        self._is_counted = bool(self.counts)

    def lines(self, elapsed_s: float, before_lines: bool = False) -> list[str]:
        """Return the lines that are not reported yet.

        Args:
            elapsed_s: seconds since the launch.
            before_lines: whether a task's log lines follow; its end is then reported later.
        """
        for state in self.counts:
            if state not in self._shown_states:
                self._new.setdefault(state, elapsed_s)
        lines = []
        for state, at in list(self._new.items()):
            if not (before_lines and state == "STOPPED"):
                del self._new[state]
                self._shown_states.add(state)
                lines.append(self._line(state, at if self.total <= 1 else elapsed_s))
        for state in OF_ALL:
            if state in self._shown_states and self._shown_counts[state] < self.total == self._count(state):
                lines.append(self._line(state, elapsed_s))
        return lines

    def _line(self, state: str, elapsed_s: float) -> str:
        self._shown_counts[state] = self._count(state)
        of_all = f"{self._count(state)} of {self.total} " if self.total > 1 else ""
        return f"{of_all}{state} after {elapsed_s:.1f} s"

    def _count(self, state: str) -> int:
        """Return how many tasks have come to a state, those included that have left it since."""
        return min(self.total, max(len(self._reached.get(state, ())), self.counts.get(state, 0)))


def _counts(states: Any) -> dict[str, int]:
    counts = {printable(str(state), LONGEST_NAME): number_of(count) for state, count in _mapping(states).items()}
    return {state: int(count) for state, count in counts.items() if count is not None and count >= 1}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
