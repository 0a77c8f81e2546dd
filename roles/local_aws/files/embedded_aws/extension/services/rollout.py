# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a roll-out: when traffic shifts, how long the new tasks bake, and what an alarm does.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

ROLLING, BLUE_GREEN = "ROLLING", "BLUE_GREEN"
BAKE_MINUTES = {ROLLING: 0, BLUE_GREEN: 15}


class Move(Enum):
    """What a deployment does next, once its tasks run and its targets are healthy."""

    SHIFT = "shift the traffic to the new tasks"
    BAKE = "keep the old tasks beside the new ones"
    COMPLETE = "stop the old tasks"
    FAIL = "go back to the old tasks"


@dataclass(frozen=True)
class Rollout:
    """A deployment whose tasks run and whose targets are healthy.

    Attributes:
        baked_s: seconds since the traffic has shifted; None where it has not.
        bake_s: seconds for which the new tasks bake.
        alarms: which of its alarms are in ALARM, and were not when it started.
        returning: whether the service goes back to it, so that nothing holds it up.
    """

    baked_s: float | None
    bake_s: float
    alarms: frozenset[str]
    returning: bool


def next_move(rollout: Rollout) -> Move:
    """Return what a deployment does next."""
    if rollout.alarms and not rollout.returning:
        return Move.FAIL
    if rollout.baked_s is None:
        return Move.SHIFT
    return Move.COMPLETE if rollout.returning or rollout.baked_s >= rollout.bake_s else Move.BAKE


def strategy(configuration: Mapping[str, Any] | None) -> str:
    """Return the strategy of a deployment configuration."""
    return str((configuration or {}).get("strategy") or ROLLING)


def bake_minutes(configuration: Mapping[str, Any] | None) -> float:
    """Return the minutes for which the new tasks of a deployment configuration bake."""
    return float((configuration or {}).get("bakeTimeInMinutes", BAKE_MINUTES.get(strategy(configuration), 0)))


def refusal(configuration: Mapping[str, Any] | None) -> str:
    """Say which part of a deployment configuration has no effect here; empty where all of it has."""
    if strategy(configuration) not in BAKE_MINUTES:
        return f"strategy: the embedded AWS knows {' and '.join(BAKE_MINUTES)} -> write one of them"
    if (configuration or {}).get("lifecycleHooks"):
        return "lifecycleHooks: the embedded AWS calls no hooks -> leave them out in this environment"
    return ""
