# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is displayed of a service's deployment while it goes on: records of its feed become lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.live.events import printable
from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import clock_text, number_of
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.terminal import CLEAR, DEFAULT_COLUMNS, INDENT, Shown

PLAIN_S = 30.0  # between two lines of progress that stay


class ServiceView:
    """Decides which lines are displayed of a deployment.

    Args:
        columns: of the terminal; 0 where they are not known.
        refreshes: whether the line of progress is drawn over, as on a terminal. Else it is a line of its own, seldom.
    """

    def __init__(self, *, columns: int, refreshes: bool) -> None:
        # The last column stays free: a cursor beyond it wraps on some terminals.
        self._columns, self._refreshes = (columns or DEFAULT_COLUMNS) - 1, refreshes
        self._progress, self._drawn = "", ""
        self._shown_at = 0.0

    def take_all(self, records: Iterable[Mapping[str, Any]]) -> list[Shown]:
        """Take records that came together.

        Args:
            records: as ``ServiceFeed`` writes them, in order; other records are ignored.

        Returns:
            What to display now, in order.
        """
        lines = [line for record in records for line in self._take(record)]
        if not self._refreshes or (not lines and self._progress == self._drawn):
            return lines
        erased = [Shown(CLEAR, newline=False)] if self._drawn else []
        self._drawn = self._progress
        return [*erased, *lines, *([Shown(CLEAR + self._drawn, newline=False)] if self._drawn else [])]

    def end(self) -> list[Shown]:
        """Remove the line of progress: the result says how the deployment ended."""
        erased = [Shown(CLEAR, newline=False)] if self._drawn else []
        self._progress = self._drawn = ""
        return erased

    def _take(self, record: Mapping[str, Any]) -> Iterable[Shown]:
        text = printable(str(record.get("text", "")), None)
        elapsed_s = number_of(record.get("elapsed_s")) or 0.0
        match record.get("kind"):
            case "note":
                yield Shown(INDENT + text)
            case "line":
                yield Shown(f"{INDENT}{clock_text(elapsed_s)} {text}", verbosity=int(bool(record.get("is_detail"))))
            case "progress" if self._refreshes:
                self._progress = f"{INDENT}{clock_text(elapsed_s)} {text}"[: self._columns]
            case "progress" if elapsed_s - self._shown_at >= PLAIN_S:
                self._shown_at = elapsed_s
                yield Shown(f"{INDENT}{clock_text(elapsed_s)} {text}")
