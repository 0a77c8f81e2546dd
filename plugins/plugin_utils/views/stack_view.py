# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is displayed of operations on stacks while they go on: records of their feed become lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import CONSEQUENCES, STACK
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import IN_PROGRESS
from ansible_collections.gantry.ecs.plugins.module_utils.live.events import printable
from ansible_collections.gantry.ecs.plugins.module_utils.text.figures import clock_text, number_of
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.terminal import CLEAR, DEFAULT_COLUMNS, INDENT, Shown

PLAIN_S = 30.0  # between two lines of progress of a stack that stay
MOST_NAMED = 3  # resources in progress that are named
MOST_LINES = 8  # of progress on a terminal, so that the block is not taller than the screen
# The start of a certificate's validation names the record that ACM looks for:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-certificatemanager-certificate.html
CERTIFICATE, VALIDATION = "AWS::CertificateManager::Certificate", "dns record"
UP = "\x1b[1A\x1b[2K"  # one line up, and that line erased (ECMA-48 CUU and EL)


class StackView:
    """Decides which lines are displayed of operations on stacks.

    Args:
        columns: of the terminal; 0 where they are not known.
        refreshes: whether lines of progress are drawn over, as on a terminal. Else each is a line of its own, seldom.
        names_stacks: whether a resource's line names its stack.
    """

    def __init__(self, *, columns: int, refreshes: bool, names_stacks: bool = False) -> None:
        # The last column stays free: a cursor beyond it wraps on some terminals.
        self._columns, self._refreshes = (columns or DEFAULT_COLUMNS) - 1, refreshes
        self._names_stacks = names_stacks
        self._lines: dict[str, str] = {}  # the line of progress of each stack under way
        self._drawn: list[str] = []
        self._shown_at: dict[str, float] = {}  # when a line of progress of a stack was displayed last

    def take_all(self, records: Iterable[Mapping[str, Any]]) -> list[Shown]:
        """Take records that came together.

        Args:
            records: as ``StackFeed`` writes them, in order; other records are ignored.

        Returns:
            What to display now, in order.
        """
        lines = [line for record in records for line in self._take(record)]
        if not self._refreshes:
            return lines
        block = self._block()
        if not lines and block == self._drawn:
            return []
        erased = self._erased()
        self._drawn = block
        return [*erased, *lines, *([Shown(CLEAR + "\n".join(block), newline=False)] if block else [])]

    def end(self) -> list[Shown]:
        """Remove the lines of progress: the result says how each operation ended."""
        erased = self._erased()
        self._drawn, self._lines = [], {}
        return erased

    def _block(self) -> list[str]:
        lines = list(self._lines.values())
        if len(lines) > MOST_LINES:
            lines[MOST_LINES - 1 :] = [f"{INDENT}and {len(lines) - MOST_LINES + 1} more stacks"]
        return [line[: max(self._columns, 0)] for line in lines]

    def _erased(self) -> list[Shown]:
        return [Shown(CLEAR + UP * (len(self._drawn) - 1), newline=False)] if self._drawn else []

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
        stack = f"{record.get('stack')} " if self._names_stacks and not is_own else ""
        text = f"{clock_text(record.get('elapsed_s'))} {stack}{record.get('resource')} ({record.get('type')}) {status}"
        text += f" in {seconds:.0f} s" if seconds is not None and seconds >= 1 else ""
        text += f": {reason}" if reason and (has_failed or is_own or status.endswith(IN_PROGRESS)) else ""
        # Consequences of another failure and starts of resources are shown with -v; a validation waits for the reader.
        is_validation = record.get("type") == CERTIFICATE and VALIDATION in reason.lower()
        is_detail = status.endswith(IN_PROGRESS) and not (is_own or is_validation)
        is_detail |= has_failed and any(sign in reason.lower() for sign in CONSEQUENCES)
        return [Shown(INDENT + printable(text, None), verbosity=int(is_detail))]

    def _progress(self, record: Mapping[str, Any]) -> list[Shown]:
        in_work, stack = record.get("in_work"), str(record.get("stack"))
        elapsed_s = number_of(record.get("elapsed_s")) or 0.0
        if not str(record.get("status")).endswith(IN_PROGRESS):
            self._lines.pop(stack, None)
            return []
        line = INDENT + printable(self._progress_text(record, in_work if isinstance(in_work, Mapping) else {}))
        if self._refreshes:
            self._lines[stack] = line
            return []
        if elapsed_s - self._shown_at.get(stack, 0.0) < PLAIN_S:
            return []
        self._shown_at[stack] = elapsed_s
        return [Shown(line)]

    def _progress_text(self, record: Mapping[str, Any], in_work: Mapping[str, Any]) -> str:
        total, done = number_of(record.get("total")), number_of(record.get("done")) or 0
        counted = f"{done:.0f} of {total:.0f}" if total else f"{done:.0f}"
        text = f"{clock_text(record.get('elapsed_s'))} {record.get('stack')} {record.get('status')}, {counted} done"
        named = [f"{name} {clock_text(seconds)}" for name, seconds in list(in_work.items())[:MOST_NAMED]]
        more = len(in_work) - len(named)
        return text + (f", in work: {', '.join(named)}" if named else "") + (f" and {more} more" if more else "")
