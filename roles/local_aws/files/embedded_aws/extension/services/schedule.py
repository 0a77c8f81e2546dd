# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tasks a service starts and stops next: a decision over what it wants and what it has.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

FIRST_PAUSE_S = 0.25
MOST_PAUSE_S = 30.0  # AWS waits for up to 27 minutes


@dataclass(frozen=True)
class Plan:
    """What a service wants.

    Attributes:
        desired: how many tasks.
        primary: id of the deployment that is to have them.
        state: the roll-out state of that deployment: IN_PROGRESS, COMPLETED or FAILED.
        minimum_percent: of the desired tasks that keep running in a deployment.
        maximum_percent: of the desired tasks that may exist in a deployment.
        one_first: whether a single task starts before the others, which settles the digests of the images.
        may_start: whether tasks may start now; they may not in the pause after a failure.
        keeps_others: whether the tasks of other deployments keep running until the deployment is complete.
    """

    desired: int
    primary: str
    state: str
    minimum_percent: int = 100
    maximum_percent: int = 200
    one_first: bool = False
    may_start: bool = True
    keeps_others: bool = False


@dataclass(frozen=True)
class Task:
    """A task of a service that is not stopped.

    Attributes:
        arn: of the task.
        deployment: id of its deployment.
        created_at: of ISO 8601, so that text sorts as time does.
        running: whether it has reached RUNNING.
        stable: whether it has kept running for a moment.
        protected: whether it has scale-in protection.
    """

    arn: str
    deployment: str
    created_at: str = ""
    running: bool = True
    stable: bool = True
    protected: bool = False


@dataclass(frozen=True)
class Step:
    """What happens next: how many tasks start, and which ones stop."""

    start: int = 0
    stop: tuple[str, ...] = ()


def next_step(plan: Plan, tasks: Sequence[Task]) -> Step:
    """Return what a service does next; nothing where all is as it should be."""
    current = [task for task in tasks if task.deployment == plan.primary]
    others = [task for task in tasks if task.deployment != plan.primary]
    stop = _surplus(current, len(current) - plan.desired)
    if plan.desired == 0 or plan.state == "COMPLETED":
        return Step(_missing(plan, len(current)), (*stop, *_surplus(others, len(others))))
    if plan.state == "FAILED":
        return Step(0, stop)
    missing = _missing(plan, len(current))
    room = max(1, plan.desired * plan.maximum_percent // 100) - len(tasks)
    if plan.keeps_others:
        room = missing
    made_room = _surplus(others, min(missing - room, _spare(plan, tasks)) if missing else 0)
    start = max(0, min(missing, room + len(made_room)))
    if plan.one_first and start:
        start = 0 if current else 1
    return Step(start, (*stop, *made_room))


def is_rolled_out(plan: Plan, tasks: Sequence[Task]) -> bool:
    """Return whether the deployment in progress has all of its tasks, and they keep running."""
    stable = [task for task in tasks if task.deployment == plan.primary and task.running and task.stable]
    return plan.state == "IN_PROGRESS" and len(stable) >= plan.desired


def next_pause(pause_s: float) -> float:
    """Return the seconds for which a service starts no task after one more failure, from those after the one before.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html
    """
    return min(MOST_PAUSE_S, pause_s * 2 or FIRST_PAUSE_S)


def _missing(plan: Plan, count: int) -> int:
    return max(0, plan.desired - count) if plan.may_start else 0


def _spare(plan: Plan, tasks: Sequence[Task]) -> int:
    """Return how many running tasks can go while the least share of the desired ones keeps running."""
    running = sum(task.running for task in tasks)
    return max(0, running - -(-plan.desired * plan.minimum_percent // 100))


def _surplus(tasks: Sequence[Task], count: int) -> tuple[str, ...]:
    """Choose tasks to stop, the newest first; none that is protected."""
    free = sorted((task for task in tasks if not task.protected), key=lambda task: (task.created_at, task.arn))
    return tuple(task.arn for task in free[::-1][: max(0, count)])
