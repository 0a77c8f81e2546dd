# SPDX-License-Identifier: Apache-2.0
"""Which segments of the plan the workers carried out: each must have exactly one worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ddbload.pacing.segment import WHOLE, Segment

# A line lists no more segments than this by number.
MOST_LISTED = 10
PARTS = {
    2: "half",
    3: "a third",
    4: "a quarter",
    5: "a fifth",
    6: "a sixth",
    7: "a seventh",
    8: "an eighth",
    9: "a ninth",
    10: "a tenth",
}


class Expected(NamedTuple):
    """The tasks and segments that a merge has to find.

    Attributes:
        tasks: how many tasks were launched; 0 where that is not known.
        share: the segment of the plan whose workers are merged.
        is_one_start: whether one process started all of them at the same instant.
    """

    tasks: int = 0
    share: Segment = WHOLE
    is_one_start: bool = False


WHOLE_RUN = Expected()


class Coverage(NamedTuple):
    """The segments of a run.

    Attributes:
        counts: into how many segments the workers divided the plan; more than one number where they disagree.
        launched: how many tasks were launched, without those that report to be surplus; 0 where that is not known.
        missing: the indexes without a worker.
        doubled: the indexes with more than one.
        silent: how many launched tasks sent no event, where no event gives a segment.
    """

    counts: tuple[int, ...] = ()
    launched: int = 0
    missing: tuple[int, ...] = ()
    doubled: tuple[int, ...] = ()
    silent: int = 0

    @property
    def segments(self) -> int:
        """How many segments the plan has; 0 where that is not known."""
        return max(self.counts, default=0)

    @property
    def missing_workers(self) -> int:
        """How many workers sent nothing."""
        return len(self.missing) + self.silent

    def document(self) -> dict[str, Any]:
        """Return the coverage as results.json has it."""
        return {
            "segments": self.segments or None,
            "missing": list(self.missing),
            "doubled": list(self.doubled),
            "problems": self.problems(),
        }

    def problems(self) -> list[str]:
        """Say in one line each how the load was not the whole plan, once; empty where it was."""
        found = []
        if len(self.counts) > 1:
            counts = " and ".join(map(str, self.counts))
            found.append(f"the workers divided the plan into {counts} segments: the load is not the plan's")
        if self.segments and self.launched > self.segments:
            found.append(
                f"{self.launched} tasks were launched for a plan of {_count(self.segments, 'segment')}: "
                "the others had no part of it"
            )
        if self.missing:
            found.append(
                f"{_listed(self.missing, self.segments)} sent nothing: {_part(len(self.missing), self.segments)}"
            )
        if self.silent:
            found.append(
                f"{self.silent} of {_count(self.launched, 'task')} sent nothing: {_part(self.silent, self.launched)}"
            )
        if self.doubled:
            found.append(
                f"more than one worker carried out {_listed(self.doubled, self.segments)}: "
                "this part of the load was sent more than once"
            )
        return found


def cover(segments: Iterable[Segment], tasks_seen: int, expected: Expected, surplus: int = 0) -> Coverage:
    """Compare the segments of the workers with those that the plan has.

    Args:
        segments: of each worker that started; those of earlier versions give none.
        tasks_seen: how many tasks sent an event, without those that were launched once too often.
        expected: what was launched.
        surplus: how many tasks were launched once too often, which they report themselves.
    """
    found = Counter(segments)
    counts = tuple(sorted({segment.count for segment in found}))
    if not counts:
        return Coverage((), expected.tasks, silent=max(0, expected.tasks - tasks_seen))
    whole = range(expected.share.index, counts[-1], expected.share.count)
    missing = tuple(index for index in whole if Segment(index, counts[-1]) not in found)
    doubled = tuple(sorted(index for (index, _count), times in found.items() if times > 1))
    return Coverage(counts, max(0, expected.tasks - surplus), missing, doubled)


def read_segment(document: Mapping[str, Any] | None) -> Segment | None:
    """Return the segment of a run.started; None where it has none."""
    return Segment(document["index"], document["count"]) if document else None


def _listed(indexes: Sequence[int], count: int) -> str:
    if len(indexes) == 1:
        return f"segment {indexes[0]} of {count}"
    if len(indexes) > MOST_LISTED:
        first = ", ".join(map(str, indexes[:MOST_LISTED]))
        return f"segments {first} and {len(indexes) - MOST_LISTED} more of {count}"
    return f"segments {', '.join(map(str, indexes[:-1]))} and {indexes[-1]} of {count}"


def _part(missing: int, count: int) -> str:
    if missing == count:
        return "all of the load is missing"
    if missing == 1 and count in PARTS:
        return f"{PARTS[count]} of the load is missing"
    return f"{missing} of {count} parts of the load {'is' if missing == 1 else 'are'} missing"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
