# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which states the tasks of a run have come to: a line for each state, however many tasks there are."""

from __future__ import annotations

from collections.abc import Mapping

MOST_TASKS = 1_000_000_000
OF_ALL = ("RUNNING", "STOPPED")  # told once more when all tasks have come to it


class StateLines:
    """Knows in which state every task is, and tells each state when the first has come to it, and some when all have.

    Attributes:
        counts: how many tasks are in which state now.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._states: dict[str, str] = {}
        self._reached: dict[str, set[str]] = {}
        self._new: dict[str, float] = {}
        self._told: set[str] = set()
        self._told_counts: dict[str, int] = {}
        self._is_counted = False

    @property
    def total(self) -> int:
        """How many tasks there are, as far as is known."""
        return sum(self.counts.values())

    def take(self, task_id: str, state: str, elapsed_s: float) -> None:
        """Take note that a task has come to a state, so many seconds after the launch."""
        self._states[task_id] = state
        self._reached.setdefault(state, set()).add(task_id)
        if state not in self._told:
            self._new.setdefault(state, elapsed_s)
        if not self._is_counted or len(self._states) == self.total:
            self.counts = {}
            for each in self._states.values():
                self.counts[each] = self.counts.get(each, 0) + 1

    def set_counts(self, counts: Mapping[str, int]) -> None:
        """Take how many tasks are in which state, by who knows all of them."""
        self.counts = {state: min(count, MOST_TASKS) for state, count in counts.items() if count > 0}
        self._is_counted = bool(self.counts)

    def lines(self, elapsed_s: float, before_lines: bool = False) -> list[str]:
        """Return what was not told yet.

        Args:
            elapsed_s: seconds since the launch.
            before_lines: whether a task is about to speak; then its end is told later.
        """
        for state in self.counts:
            if state not in self._told:
                self._new.setdefault(state, elapsed_s)
        lines = []
        for state, at in list(self._new.items()):
            if not (before_lines and state == "STOPPED"):
                del self._new[state]
                self._told.add(state)
                lines.append(self._line(state, at if self.total <= 1 else elapsed_s))
        for state in OF_ALL:
            if state in self._told and self._told_counts[state] < self.total == self._count(state):
                lines.append(self._line(state, elapsed_s))
        return lines

    def _line(self, state: str, elapsed_s: float) -> str:
        self._told_counts[state] = self._count(state)
        of_all = f"{self._count(state)} of {self.total} " if self.total > 1 else ""
        return f"{of_all}{state} after {elapsed_s:.1f} s"

    def _count(self, state: str) -> int:
        """Return how many tasks have come to a state, those included that have left it since."""
        return min(self.total, max(len(self._reached.get(state, ())), self.counts.get(state, 0)))
