# SPDX-License-Identifier: Apache-2.0
"""The progress of the workers of one task, merged: one run.progress a second, whatever the number of processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ddbload.results.merging.series import Second

Event = Mapping[str, Any]

# Seconds between two lines of one worker are at least one, apart from the last: these two belong to one second.
SAME_SECOND_S = 0.5


class MergedProgress:
    """Merges the run.progress of workers that started at the same instant.

    A line waits until every worker that still reports has one for the same second. A worker that falls behind by a
    whole second is not waited for: its line is merged with those of the second in which it comes.
    """

    def __init__(self, workers: Iterable[int]) -> None:
        """Take the numbers of the workers, as they are in their events."""
        self._waiting: dict[int, deque[Event]] = {worker: deque() for worker in workers}
        self._reporting = set(self._waiting)
        self._latest: dict[int, Event] = {}

    @property
    def is_over(self) -> bool:
        """Whether no worker reports any more."""
        return not self._reporting

    def take(self, event: Event) -> list[dict[str, Any]]:
        """Take a worker's run.progress, its histograms decoded; return the fields of the lines that are complete."""
        self._waiting[event["worker"]].append(event)
        return list(self._complete())

    def end(self, worker: int) -> list[dict[str, Any]]:
        """Note that a worker's load is over; return the fields of the lines that waited for it alone."""
        self._reporting.discard(worker)
        return list(self._complete() if self._reporting else self._rest())

    def _complete(self) -> Iterator[dict[str, Any]]:
        while self._is_complete():
            yield self._next()

    def _rest(self) -> Iterator[dict[str, Any]]:
        while any(self._waiting.values()):
            yield self._next()

    def _is_complete(self) -> bool:
        waiting = self._waiting.values()
        return any(len(lines) > 1 for lines in waiting) or (
            any(waiting) and all(self._waiting[worker] for worker in self._reporting)
        )

    def _next(self) -> dict[str, Any]:
        """Return the earliest second that waits, merged of all workers that have reported it."""
        earliest = min(lines[0]["elapsed_s"] for lines in self._waiting.values() if lines)
        heads = [
            lines.popleft()
            for lines in self._waiting.values()
            if lines and lines[0]["elapsed_s"] < earliest + SAME_SECOND_S
        ]
        self._latest |= {event["worker"]: event for event in heads}
        latest = list(self._latest.values())
        seconds = max(event["interval"]["seconds"] for event in heads)
        second = Second()
        for event in heads:
            second.add(event["interval"])
            second.rate += event["interval"]["rate"]
        last = max(heads, key=lambda event: float(event["elapsed_s"]))
        return {
            "ts": last["ts"],
            "workers": sorted(self._waiting),
            "elapsed_s": last["elapsed_s"],
            "planned_duration_s": _unless_unknown(max, latest, "planned_duration_s"),
            "planned_operations": _unless_unknown(sum, latest, "planned_operations"),
            "warming_up": any(event["warming_up"] for event in heads),
            "interval": {"seconds": seconds, **second.document()},
            "total": {name: sum(event["total"][name] for event in latest) for name in latest[0]["total"]},
            "in_flight": sum(event["in_flight"] for event in latest),
        }


def _unless_unknown(combined: Any, events: Iterable[Event], name: str) -> float | None:
    values = [event[name] for event in events]
    return None if None in values else combined(values)
