# SPDX-License-Identifier: Apache-2.0
"""The part of the plan that each segment has: from the scenario, so that it is known of a worker that sent nothing."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from ddbload.pacing.curve import Curve
from ddbload.pacing.segment import Segment
from ddbload.scenario.plan import ClosedPlan, FindMaxPlan, OpenPlan, Plan, read
from ddbload.scenario.reader import Reader


class Shares:
    """The plan of a run, as far as its events hold it; a recording is on the machines that replay it."""

    def __init__(self, scenario: Mapping[str, Any] | None, warm_up_s: float) -> None:
        """Read the plan.

        Args:
            scenario: as in run.started; None where no event has it.
            warm_up_s: seconds of the warm-up, whose operations are not counted.
        """
        self.plan = _plan(scenario)
        self.warm_up_s = warm_up_s

    @property
    def curve(self) -> Curve | None:
        """The rate over time; None for a plan without one."""
        return self.plan.curve if isinstance(self.plan, OpenPlan) else None

    @property
    def is_closed(self) -> bool:
        """Whether callers wait for their responses, so that no rate is requested."""
        return isinstance(self.plan, ClosedPlan)

    @property
    def planned_s(self) -> float | None:
        """The seconds after the warm-up in which operations fall due; None where no time ends the plan."""
        duration_s = None if self.plan is None or isinstance(self.plan, FindMaxPlan) else self.plan.duration_s
        return None if duration_s is None else max(0.0, duration_s - self.warm_up_s)

    def operations(self, segment: Segment) -> int | None:
        """Return how many operations a segment has after the warm-up; None where the plan does not say."""
        if isinstance(self.plan, ClosedPlan):
            try:
                return self.plan.pacer(segment, 0).operations
            except ValueError:
                return None
        if isinstance(self.plan, FindMaxPlan) or self.plan is None:
            return None
        curve = self.curve
        if curve is None:
            return None
        # Operation n is due when the curve expects n before it.
        warm = ceil(curve.expected(self.warm_up_s))
        return max(0, segment.count_below(max(1, round(curve.total))) - segment.count_below(warm))


def _plan(scenario: Mapping[str, Any] | None) -> Plan | None:
    document = (scenario or {}).get("plan")
    if not isinstance(document, Mapping) or document.get("type") == "replay":
        return None
    reader = Reader(document)
    try:
        plan = read(reader)
    except (ArithmeticError, LookupError, TypeError, ValueError):
        # A scenario of another version.
        return None
    return None if reader.problems else plan
