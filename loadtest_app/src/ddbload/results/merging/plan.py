# SPDX-License-Identifier: Apache-2.0
"""What became of the plan: all of it counts, also the part of a worker that sent nothing or was cut off."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ddbload.pacing.segment import Segment
from ddbload.results.merging import clock, figures
from ddbload.results.merging.clock import Interval
from ddbload.results.merging.coverage import Coverage
from ddbload.results.merging.shares import Shares

Document = dict[str, Any]
NOTHING: Mapping[str, Any] = {
    "rate_asked": None,
    "rate_reached": 0.0,
    "planned": 0,
    "sent": 0,
    "never_sent": 0,
    "passed_over": 0,
    "late_ms": {"p50": 0.0, "p99": 0.0, "max": 0.0},
    "busy": None,
    "kept": False,
}


@dataclass
class Part:
    """What one worker did of the plan.

    Attributes:
        segment: its part of the plan; None where no event says so.
        late_s: seconds from the earliest start to its own.
        figures: its summary, else its last checkpoint; None where it left neither.
        has_summary: whether it is the summary.
        intervals: of its progress lines.
        last_s: seconds from its start to its last progress line.
        reached: its counts when it died, where its supervisor knows them; None else.
    """

    segment: Segment | None
    late_s: float
    figures: Mapping[str, Any] | None
    has_summary: bool
    intervals: Callable[[], Iterable[Interval]]
    last_s: float
    reached: Mapping[str, int] | None = None

    @property
    def ended_early(self) -> bool:
        """Whether it stopped before its plan, or was cut off."""
        return not self.has_summary or bool(self.figures and self.figures["partial"])

    def counts(self, warm_up_s: float) -> Mapping[str, Any]:
        """Return its plan; that of a worker without a summary up to its last progress line."""
        plan: Mapping[str, Any] = self.figures["plan"] if self.figures else NOTHING
        if self.has_summary:
            return plan
        sent, planned = self._counted(warm_up_s)
        # Lines may be missing: the checkpoint's counts are the least.
        sent = max(plan["sent"], sent)
        planned = max(plan["planned"], planned, sent + plan["passed_over"])
        return {**plan, "planned": planned, "sent": sent, "kept": False}

    def _counted(self, warm_up_s: float) -> tuple[int, int]:
        """Return the operations that it sent, and those that were due, up to its last progress line."""
        if self.reached is not None and not warm_up_s:
            return self.reached.get("sent", 0), self.reached.get("planned", 0)
        loaded = [one for one in self.intervals() if one.end_s - one.seconds / 2 >= warm_up_s]
        # Equal parts of a sum may be off by a rounding error.
        sent, planned = sum(one.sent for one in loaded), sum(one.planned for one in loaded)
        return int(round(sent, 6)), int(round(planned, 6))

    def loaded_s(self, plan: Mapping[str, Any], warm_up_s: float) -> float:
        """Return its seconds under load: to the plan's end or a later last send, without the drain."""
        if not self.has_summary:
            return max(0.0, self.last_s - warm_up_s)
        if plan["rate_reached"]:
            return float(plan["sent"] / plan["rate_reached"])
        return max(0.0, float(self.figures["elapsed_s"] if self.figures else 0.0) - warm_up_s)


class Plan:
    """The plan of a run, and what its workers made of it.

    Attributes:
        document: as results.json has it; None where nothing is known.
        span_s: seconds under load, from the earliest start after the warm-up to the latest end.
        scale: how much more the whole plan requests than the workers that are known; None without a rate.
        distortion: see ``clock.distortion``; None without a requested curve.
        of_starts: the part of it that the different starts alone account for.
    """

    def __init__(self, parts: Sequence[Part], coverage: Coverage, shares: Shares) -> None:
        """Add the parts up.

        Args:
            parts: of the workers that are known.
            coverage: which segments they carried out.
            shares: the plan of the scenario.
        """
        self._parts = parts
        self._coverage = coverage
        self._shares = shares
        self._plans = [part.counts(shares.warm_up_s) for part in parts]
        self.span_s = max(
            (
                part.late_s + part.loaded_s(plan, shares.warm_up_s)
                for part, plan in zip(parts, self._plans, strict=True)
            ),
            default=0.0,
        )
        self.document = self._document() if any(part.figures or part.last_s for part in parts) else None
        self.scale = self._scale()
        self.requested = self._requested()
        self.distortion, self.of_starts = self._distortions()

    @property
    def _stops_together(self) -> bool:
        """Whether the run ended itself as a whole before its plan: the plan ends with it."""
        return not self._coverage.missing_workers and all(part.has_summary and part.ended_early for part in self._parts)

    @property
    def _is_plain(self) -> bool:
        """Whether the plan is what the workers report of it together."""
        whole = not any(part.ended_early for part in self._parts) and not self._coverage.missing_workers
        return (whole or self._stops_together) and not self._coverage.doubled

    def _document(self) -> Document:
        planned, never_sent = self._planned()
        plans = self._plans
        sent = sum(plan["sent"] for plan in plans)
        # The figures of a worker without any say nothing of its rate.
        known = [plan for plan, part in zip(plans, self._parts, strict=True) if part.figures]
        requested = figures.all_or_none(known, "rate_asked") if known else None
        planned_s = self._shares.planned_s
        if not self._is_plain and requested is not None and planned_s:
            requested = round(planned / planned_s, 3)
        return figures.plans(plans, sent / self.span_s if self.span_s else 0.0) | {
            "rate_asked": requested,
            "planned": planned,
            "never_sent": never_sent,
            "kept": (self._is_plain or not never_sent)
            and not self._coverage.problems()
            and all(plan["kept"] for plan in plans),
        }

    def _planned(self) -> tuple[int, int]:
        """Return the operations of the whole plan, and how many of them were never sent."""
        planned = never_sent = 0
        done: dict[Any, list[tuple[int, int]]] = defaultdict(list)
        for number, (part, plan) in enumerate(zip(self._parts, self._plans, strict=True)):
            whole = plan["planned"]
            if part.ended_early and not self._stops_together:
                whole = max(whole, self._operations(part.segment) or 0)
            # Without a segment each worker has its own.
            done[part.segment or number].append((whole, plan["sent"] + plan["passed_over"]))
        for found in done.values():
            whole = max(of_all for of_all, _done in found)
            planned += whole
            never_sent += max(0, whole - sum(dealt_with for _all, dealt_with in found))
        for segment in self._missing():
            whole = self._operations(segment) or 0
            planned, never_sent = planned + whole, never_sent + whole
        return planned, never_sent

    def _missing(self) -> list[Segment | None]:
        coverage = self._coverage
        return [Segment(index, coverage.segments) for index in coverage.missing] + [None] * coverage.silent

    def _operations(self, segment: Segment | None) -> int | None:
        """Return the operations of a segment: by the scenario, else as many as a whole worker has on average."""
        known = self._shares.operations(segment) if segment else None
        if known is not None:
            return known
        whole = [plan["planned"] for part, plan in zip(self._parts, self._plans, strict=True) if not part.ended_early]
        return round(sum(whole) / len(whole)) if whole else None

    def _scale(self) -> float | None:
        if not self.document or self.document["rate_asked"] is None:
            return None
        known = sum(plan["rate_asked"] or 0.0 for plan in self._plans)
        return float(self.document["rate_asked"] / known) if known and not self._is_plain else 1.0

    def _requested(self) -> dict[int, float]:
        """Return the operations that fall due in each second, if all segments start with the earliest."""
        if self._shares.is_closed:
            return {}
        found = clock.by_second(((0.0, part.intervals()) for part in self._parts), lambda interval: interval.planned)
        curve, count = self._shares.curve, self._coverage.segments
        if curve is None or not count or self._stops_together:
            return found
        # From here on the part is missing: that of a worker without a line from the start.
        ends = [0.0] * len(self._coverage.missing)
        ends += [part.last_s for part in self._parts if part.ended_early]
        for end_s in ends:
            second = int(end_s)
            while second < curve.duration_s:
                second += 1
                due = curve.expected(float(second)) - curve.expected(max(end_s, second - 1.0))
                found[second] = found.get(second, 0.0) + due / count
        return found

    def _distortions(self) -> tuple[float | None, float]:
        late_s = [part.late_s for part in self._parts]
        workers = [(part.late_s, part.intervals) for part in self._parts]
        sent = clock.by_second(
            ((offset_s, intervals()) for offset_s, intervals in workers), lambda interval: interval.sent
        )
        found = clock.distortion(self.requested, sent)
        if found is None or not any(late_s):
            return found, 0.0
        if curve := self._shares.curve:
            return found, clock.distortion_of_starts(curve.expected, curve.duration_s, late_s)
        due = clock.by_second(
            ((offset_s, intervals()) for offset_s, intervals in workers), lambda interval: interval.planned
        )
        return found, clock.distortion(self.requested, due) or 0.0
