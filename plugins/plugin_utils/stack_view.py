# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is displayed of an operation on a stack while it goes on: records of its feed become lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import CONSEQUENCES, STACK
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import BUSY_END
from ansible_collections.gantry.ecs.plugins.module_utils.live.events import printable
from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import clock_text, number_of
from ansible_collections.gantry.ecs.plugins.plugin_utils.task_view import CLEAR, DEFAULT_COLUMNS, INDENT, Shown

PLAIN_S = 30.0  # between two lines of progress that stay
MOST_NAMED = 3  # resources in work that are named


class StackView:
    """Decides what of an operation on a stack is displayed.

    Args:
        columns: of the terminal; 0 where they are not known.
        refreshes: whether the line of progress is drawn over, as on a terminal. Else it is a line of its own, seldom.
    """

    def __init__(self, *, columns: int, refreshes: bool) -> None:
        # The last column stays free: a cursor beyond it wraps on some terminals.
        self._columns, self._refreshes = (columns or DEFAULT_COLUMNS) - 1, refreshes
        self._drawn = ""
        self._line = ""
        self._told_at = 0.0

    def take_all(self, records: Iterable[Mapping[str, Any]]) -> list[Shown]:
        """Take records that came together.

        Args:
            records: as ``StackFeed`` writes them, in order; what is none of its records is passed over.

        Returns:
            What to display now, in order.
        """
        lines = [line for record in records for line in self._take(record)]
        if not self._refreshes:
            return lines
        if not lines and self._line == self._drawn:
            return []
        clear = [Shown(CLEAR, newline=False)] if self._drawn and lines else []
        self._drawn = self._line
        return [*clear, *lines, *([Shown(CLEAR + self._drawn, newline=False)] if self._drawn else [])]

    def end(self) -> list[Shown]:
        """Remove the line of progress: the result says how it ended."""
        drawn, self._drawn, self._line = self._drawn, "", ""
        return [Shown(CLEAR, newline=False)] if drawn else []

    def _take(self, record: Mapping[str, Any]) -> list[Shown]:
        match record.get("kind"):
            case "event":
                return self._event(record)
            case "progress":
                return self._progress(record)
            case "note":
                return [Shown(INDENT + printable(str(record.get("text", "")), None))]
        return []

    def _event(self, record: Mapping[str, Any]) -> list[Shown]:
        status, reason = str(record.get("status")), str(record.get("reason") or "")
        is_own = record.get("type") == STACK and record.get("resource") == record.get("stack")
        seconds = number_of(record.get("seconds"))
        has_failed = status.endswith("_FAILED")
        told = f"{clock_text(record.get('elapsed_s'))} {record.get('resource')} ({record.get('type')}) {status}"
        told += f" in {seconds:.0f} s" if seconds is not None and seconds >= 1 else ""
        told += f": {reason}" if reason and (has_failed or is_own or status.endswith(BUSY_END)) else ""
        # What only follows from another failure, and what only begins, is for those who look closer.
        is_detail = status.endswith(BUSY_END) and not is_own
        is_detail |= has_failed and any(sign in reason.lower() for sign in CONSEQUENCES)
        return [Shown(INDENT + printable(told, None), verbosity=int(is_detail))]

    def _progress(self, record: Mapping[str, Any]) -> list[Shown]:
        in_work = record.get("in_work")
        elapsed_s = number_of(record.get("elapsed_s")) or 0.0
        if not str(record.get("status")).endswith(BUSY_END):
            self._line = ""
            return []
        line = INDENT + printable(self._progress_text(record, in_work if isinstance(in_work, Mapping) else {}))
        if self._refreshes:
            self._line = line[: max(self._columns, 0)]
            return []
        if elapsed_s - self._told_at < PLAIN_S:
            return []
        self._told_at = elapsed_s
        return [Shown(line)]

    def _progress_text(self, record: Mapping[str, Any], in_work: Mapping[str, Any]) -> str:
        total, done = number_of(record.get("total")), number_of(record.get("done")) or 0
        counted = f"{done:.0f} of {total:.0f}" if total else f"{done:.0f}"
        text = f"{clock_text(record.get('elapsed_s'))} {record.get('stack')} {record.get('status')}, {counted} done"
        named = [f"{name} {clock_text(seconds)}" for name, seconds in list(in_work.items())[:MOST_NAMED]]
        more = len(in_work) - len(named)
        return text + (f", in work: {', '.join(named)}" if named else "") + (f" and {more} more" if more else "")
