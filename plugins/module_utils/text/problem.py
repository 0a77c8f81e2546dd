# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A problem as a value: its kind, what is wrong and what to do; a sentence only where it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

ARROW = " -> "


class Problem(NamedTuple):
    """What is wrong, and what to do about it.

    Attributes:
        kind: a word for code to decide by, such as ``capacity``; it does not change with the wording.
        what: a clause without a full stop, on one line.
        remedy: a command or an instruction; empty where none is known.
    """

    kind: str
    what: str
    remedy: str = ""

    def line(self) -> str:
        """Return the line that a user reads: ``what -> remedy``, or ``what`` alone."""
        return f"{self.what}{ARROW}{self.remedy}" if self.remedy else self.what

    def within(self, context: str) -> Problem:
        """Return the problem with ``context``, such as the action and its region, before what is wrong."""
        return self._replace(what=f"{context}: {self.what}")


class ProblemError(Exception):
    """An operation failed for reasons that the user can act on.

    Attributes:
        problems: the reasons, one at least.
    """

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return joined_line(self.problems)


def parsed(kind: str, line: str) -> Problem:
    """Read a problem that another program, such as the load tester, has written as a line."""
    what, _arrow, remedy = line.partition(ARROW)
    return Problem(kind, what, remedy)


def combined(problems: Sequence[Problem]) -> Problem:
    """Combine problems, one at least, to one of the first one's kind; equal texts appear once."""
    whats, remedies = (dict.fromkeys(texts) for texts in zip(*(problem[1:] for problem in problems), strict=True))
    return Problem(problems[0].kind, "; ".join(whats), "; ".join(filter(None, remedies)))


def joined_line(problems: Iterable[Problem]) -> str:
    """Return several problems on one line, each once; empty for none."""
    return "; ".join(dict.fromkeys(problem.line() for problem in problems))
