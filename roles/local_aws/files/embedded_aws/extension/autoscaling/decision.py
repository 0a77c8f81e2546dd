# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many tasks a scaling policy wants: decisions over a metric and the present count.

https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-step-scaling-policies.html
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SLACK = 0.9  # of its target that a metric has to fall below before a service scales in
COOLDOWN_S = 300.0  # where a policy names none


@dataclass(frozen=True)
class Count:
    """How many tasks a service has.

    Attributes:
        desired: its desired count.
        running: of its tasks, how many run.
    """

    desired: int
    running: int


def tracked(policy: Mapping[str, Any], count: Count, value: float | None) -> int | None:
    """Return the count that a target tracking policy wants; None where its metric has no data.

    Args:
        policy: its configuration.
        count: of the service; a service without tasks counts as one of one, so that a metric can start the first.
        value: of its metric.
    """
    if value is None:
        return None
    target = float(policy["TargetValue"])
    wanted = math.ceil(max(1, count.running) * value / target)
    if wanted >= count.desired:
        return wanted
    keeps = value > target * SLACK or policy.get("DisableScaleIn", False)
    return count.desired if keeps else wanted


def stepped(policy: Mapping[str, Any], desired: int, breach: float) -> int:
    """Return the count that a step scaling policy wants.

    Args:
        policy: its configuration.
        desired: the present count.
        breach: by how much the metric is above its alarm's threshold; negative where it is below.
    """
    for step in policy.get("StepAdjustments") or []:
        lower = float(step.get("MetricIntervalLowerBound", -math.inf))
        upper = float(step.get("MetricIntervalUpperBound", math.inf))
        # A breach on a bound belongs to the step that is further away from the threshold.
        if lower <= breach < upper if breach >= 0 else lower < breach <= upper:
            return max(0, _adjusted(policy, desired, int(step["ScalingAdjustment"])))
    return desired


def combined(wanted: Sequence[int | None], desired: int) -> int:
    """Return the count of several policies: the greatest; a service scales in only where all have data and agree."""
    known = [each for each in wanted if each is not None]
    if len(known) < len(wanted):
        known.append(desired)
    return max(known, default=desired)


def allowed(target: Mapping[str, Any], wanted: int, desired: int, *, deploying: bool) -> int:
    """Return the count that a scalable target allows.

    Args:
        target: with its capacities and what is suspended.
        wanted: what its policies want.
        desired: the present count.
        deploying: whether a deployment is in progress, in which no service scales in.
    """
    suspended = target.get("SuspendedState") or {}
    wanted = max(int(target["MinCapacity"]), min(int(target["MaxCapacity"]), wanted))
    if wanted > desired and suspended.get("DynamicScalingOutSuspended"):
        return desired
    if wanted < desired and (deploying or suspended.get("DynamicScalingInSuspended")):
        return desired
    return wanted


def cooldown_s(policy: Mapping[str, Any], wanted: int, desired: int) -> float:
    """Return the seconds that have to pass between the last change and one to another count."""
    name = "ScaleOutCooldown" if wanted > desired else "ScaleInCooldown"
    return float(policy.get(name, policy.get("Cooldown", COOLDOWN_S)))


def _adjusted(policy: Mapping[str, Any], desired: int, adjustment: int) -> int:
    kind = policy.get("AdjustmentType", "ChangeInCapacity")
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return desired + adjustment
    change = desired * adjustment / 100
    # A change of less than one task is one of one task, and others are rounded towards zero.
    whole = math.trunc(change) if abs(change) >= 1 else int(math.copysign(1, change)) if change else 0
    least = int(policy.get("MinAdjustmentMagnitude", 0))
    return desired + int(math.copysign(max(abs(whole), least), adjustment))
