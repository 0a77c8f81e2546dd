# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an operation on a stack stands, as its events tell: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import is_own
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import BUSY_END


class Step(NamedTuple):
    """A resource that came into a status, and the seconds it took; None before its end."""

    event: Mapping[str, Any]
    seconds: float | None


class StackProgress:
    """Takes events as often as they come, and knows which are new and what is in work.

    Attributes:
        done: logical ids of the resources that are done, well or not.
    """

    def __init__(self) -> None:
        self.done: set[str] = set()
        self._seen: set[str] = set()
        self._begun: dict[str, datetime] = {}
        self._newest: datetime | None = None
        self._newest_seen_s = 0.0

    def skip(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Take events of an earlier operation: they are known, and say nothing of this one."""
        self._seen |= {event["EventId"] for event in events}

    def take(self, events: Iterable[Mapping[str, Any]], now_s: float = 0.0) -> list[Step]:
        """Take events of the operation.

        Args:
            events: newest first; those that were taken before may be among them.
            now_s: seconds on a clock of this machine.

        Returns:
            Those that are new, the earliest first.
        """
        new = [event for event in events if event["EventId"] not in self._seen][::-1]
        if new:
            self._newest_seen_s = now_s
        return [self._step(event) for event in new]

    def in_work(self, now_s: float = 0.0) -> dict[str, float]:
        """Return the seconds for which resources have been worked on, by logical id, the longest first.

        AWS's clock is not this machine's: up to the newest event its own counts, and this one from then on.

        Args:
            now_s: seconds on the clock of ``take``.
        """
        newest = self._newest
        if newest is None:
            return {}
        since_s = max(now_s - self._newest_seen_s, 0.0)
        begun = sorted(self._begun.items(), key=_second)
        return {name: (newest - begin).total_seconds() + since_s for name, begin in begun}

    def _step(self, event: Mapping[str, Any]) -> Step:
        self._seen.add(event["EventId"])
        name, status, time = str(event["LogicalResourceId"]), str(event["ResourceStatus"]), event["Timestamp"]
        self._newest = max(self._newest, time) if self._newest else time
        if is_own(event):
            return Step(event, None)
        if status.endswith(BUSY_END):
            self._begun.setdefault(name, time)
            self.done.discard(name)
            return Step(event, None)
        begin = self._begun.pop(name, None)
        self.done.add(name)
        return Step(event, (time - begin).total_seconds() if begin else None)


def _second(item: tuple[str, datetime]) -> datetime:
    return item[1]
