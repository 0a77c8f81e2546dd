# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The numbered lines of one log in their order; a missing number is a gap, and the lines after it wait."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.live.events import event_of

FIRST = 1  # number of a writer's first line


class Numbered(NamedTuple):
    """Number of a line, and the writer that counts it."""

    writer: str
    number: int


def numbered(event: Mapping[str, Any] | None) -> Numbered | None:
    """Return the number of a line; None where it is no event of the load tester, or has none.

    Args:
        event: the JSON object that the line holds; None where it holds something else.
    """
    # Other loggers write the line of their source code.
    if not event or not event_of(event):
        return None
    number = event.get("line")
    if not isinstance(number, int) or isinstance(number, bool) or number < FIRST:
        return None
    return Numbered(repr(event.get("worker")), number)


class LineOrder:
    """Orders the lines of one log. No line is dropped: one whose number came before is passed on as it comes.

    Attributes:
        gap_since: since when lines wait for a missing one; s on the clock of `take`'s caller, None where none wait.
    """

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self._held: dict[str, dict[int, list[Any]]] = {}
        self.gap_since: float | None = None

    @property
    def writers(self) -> set[str]:
        """The writers whose lines have come."""
        return set(self._next)

    @property
    def whole(self) -> bool:
        """Whether lines have numbers, and none is missing up to the last."""
        return bool(self._next) and self.gap_since is None

    def take(self, line: Any, position: Numbered | None, now: float) -> list[Any]:
        """Take a line.

        Args:
            line: what is passed on in its turn.
            position: its number; None where it has none.
            now: seconds.

        Returns:
            The lines whose turn has come, in order.
        """
        if position is None:
            return [line]
        writer, number = position
        following = self._next.setdefault(writer, FIRST)
        if number > following:
            self._held.setdefault(writer, {}).setdefault(number, []).append(line)
            self.gap_since = now if self.gap_since is None else self.gap_since
            return []
        # A writer that starts anew counts from the first number again.
        if number in (following, FIRST):
            self._next[writer] = number + 1
        return [line, *self._turns(writer)]

    def rest(self) -> list[Any]:
        """Return the lines that wait, where it is known that the missing ones do not exist."""
        lines = []
        for writer, held in self._held.items():
            for number in sorted(held):
                lines += held[number]
                self._next[writer] = number + 1
        self._held, self.gap_since = {}, None
        return lines

    def _turns(self, writer: str) -> list[Any]:
        held, lines = self._held.get(writer, {}), []
        while self._next[writer] in held:
            lines += held.pop(self._next[writer])
            self._next[writer] += 1
        if not held:
            self._held.pop(writer, None)
        if not self._held:
            self.gap_since = None
        return lines
