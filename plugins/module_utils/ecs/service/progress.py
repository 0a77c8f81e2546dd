# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state machine that follows a deployment of a service: observations in, lines and a verdict out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.causes import event_cause, target_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import (
    ACTIVE,
    ROLLED_BACK,
    ROLLING_BACK,
    SUCCESSFUL,
    UNDER_WAY,
    UNHEALTHY_STATES,
    Deployment,
    Observation,
    StackSeen,
    StoppedTask,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.rollout import EARLIEST, short_name
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line

BAKE_STAGE = "BAKE_TIME"
# A task of a deployment may carry an earlier instant than the deployment: both come from several clocks of AWS.
CLOCK_TOLERANCE = timedelta(seconds=5)
AGAIN_REMEDY = "fix the cause, then deploy again"


@dataclass(frozen=True)
class Goal:
    """What a call waits for.

    Attributes:
        service: name of the service, for messages.
        task_definition: ARN of the task definition that has to run; empty for that of the newest deployment.
        desired_count: number of tasks that the service has to want; None for any.
        fail_early: number of tasks with the same cause at which the deployment counts as failed; 0 for none.
        earlier: ARN of the deployment that was the newest before the request; its end says nothing.
        is_stop: whether the service has to have no task.
        is_rollback: whether the deployment has to be rolled back.
        is_past: whether the deployment ended before the call, which then reports nothing of it.
    """

    service: str
    task_definition: str = ""
    desired_count: int | None = None
    fail_early: int = 0
    earlier: str = ""
    is_stop: bool = False
    is_rollback: bool = False
    is_past: bool = False


class State(Enum):
    """Whether a call goes on."""

    GOING = auto()
    DONE = auto()
    FAILED = auto()


class Verdict(NamedTuple):
    """What an observation means.

    Attributes:
        state: whether the call goes on.
        problem: why the deployment failed; None where it did not.
        unmet: the conditions that are not met yet.
    """

    state: State
    problem: Problem | None = None
    unmet: tuple[str, ...] = ()


class Line(NamedTuple):
    """A line for the user; a detail is shown with -v only."""

    text: str
    is_detail: bool = False


class Step(NamedTuple):
    """What an observation brings: lines, each once, and a verdict."""

    lines: tuple[Line, ...]
    verdict: Verdict


class ServiceProgress:
    """Takes observations of one service, in the order of time.

    Args:
        goal: what the call waits for.

    Attributes:
        task_definition: ARN of the task definition that has to run; empty while it is not known.
        deployment: the deployment that the goal is about, as it was seen last; None while it has not started.
        failures: the tasks of the deployed revision that failed, in the order in which they stopped.
        was_under_way: whether the followed deployment was seen in progress.
    """

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self.task_definition = goal.task_definition
        self.deployment: Deployment | None = None
        self.failures: list[StoppedTask] = []
        self.was_under_way = False
        self._first: datetime | None = None
        self._seen_events: set[str] = set()
        self._seen_tasks: set[str] = set()
        self._seen_targets: set[tuple[str, str, str]] = set()
        self._seen_pauses: set[str] = set()
        self._event_cause: Problem | None = None
        self._target_cause: Problem | None = None
        self._last = ("", "")
        self._bake_since: datetime | None = None
        self._has_failed_early = False

    def advance(self, seen: Observation) -> Step:
        """Take an observation.

        Args:
            seen: the observation; never an earlier one than the last.

        Returns:
            The lines that are new, and what the observation means.
        """
        deployment = self.deployment = self._current(seen)
        if deployment and not self.task_definition and not self._goal.is_stop:
            self.task_definition = deployment.task_definition
        if self._goal.is_past and self._first is None and deployment:
            self._seen_events = {one.id for one in seen.events}
            self._seen_tasks = {one.task_id for one in seen.stopped}
            self._last = (deployment.status, deployment.stage)
        lines = tuple(
            line
            for part in (
                self._event_lines(seen, deployment),
                self._task_lines(seen, deployment),
                self._target_lines(seen),
                self._deployment_lines(seen, deployment),
            )
            for line in part
        )
        self._first = self._first or seen.at
        return Step(lines, self._verdict(seen, deployment))

    def bake_left_s(self, seen: Observation) -> float | None:
        """Return the seconds that the bake time has left at most; None where the deployment does not bake."""
        if self._bake_since is None or not seen.deployment:
            return None
        return seen.deployment.bake_minutes * 60 - (seen.at - self._bake_since).total_seconds()

    def first_cause(self, deployment: Deployment | None) -> Problem | None:
        """Return the first cause of a failure: a task's, else an event's, a target's or an alarm's.

        Args:
            deployment: the deployment that failed; None where it is not known.
        """
        if self.failures:
            first = self.failures[0]
            log = f", log {first.log_group} {first.log_stream}" if first.log_group else ""
            return first.cause._replace(what=f"task {first.task_id}: {first.cause.what}{log}")
        if known := self._event_cause or self._target_cause:
            return known
        if deployment and deployment.alarms:
            alarms = ", ".join(deployment.alarms)
            return Problem("alarm", f"alarm {alarms} went off", "look at the metric of the alarm, then deploy again")
        if deployment and deployment.reason and deployment.status != SUCCESSFUL:
            return Problem("unknown", one_line(deployment.reason).rstrip("."), AGAIN_REMEDY)
        return None

    def _current(self, seen: Observation) -> Deployment | None:
        """Return the deployment that the goal is about; None while it has not started."""
        deployment, stack = seen.deployment, seen.stack
        if not deployment or deployment.arn == self._goal.earlier:
            return None
        if not stack or not stack.is_going:
            return deployment
        # Until the stack's operation reaches the service, the newest deployment is that of an earlier operation.
        if not stack.started_at or not deployment.created_at or deployment.created_at < stack.started_at:
            return None
        return deployment

    # ---- Lines

    def _event_lines(self, seen: Observation, deployment: Deployment | None) -> Iterator[Line]:
        # A stack that has rolled back already leaves a newer deployment than the one that failed.
        starts = [task.created_at for task in seen.stopped if _is_of_stack(task, seen.stack)]
        starts.append(deployment.created_at if deployment else None)
        since = min((instant for instant in starts if instant), default=None)
        for event in sorted(seen.events, key=lambda one: one.created_at):
            if event.id in self._seen_events:
                continue
            self._seen_events.add(event.id)
            # What happened before this call is of interest only where it belongs to the deployment.
            is_old = self._first is None and (since is None or event.created_at < since)
            if is_old:
                continue
            self._event_cause = self._event_cause or event_cause(event.message)
            yield Line(one_line(event.message))

    def _task_lines(self, seen: Observation, deployment: Deployment | None) -> Iterator[Line]:
        for task in sorted(seen.stopped, key=_stopped_at):
            if task.task_id in self._seen_tasks:
                continue
            self._seen_tasks.add(task.task_id)
            is_of_target = self._belongs(task, deployment, seen.stack)
            if is_of_target and task.is_failure:
                self.failures.append(task)
            if not is_of_target and self._first is None:
                continue
            name = short_name(task.task_definition)
            text = f"task {task.task_id} of {name} stopped: {task.cause.line()}"
            yield Line(text, is_detail=not (is_of_target and task.is_failure))

    def _belongs(self, task: StoppedTask, deployment: Deployment | None, stack: StackSeen | None) -> bool:
        """Return whether a task was started by the followed deployment."""
        if _is_of_stack(task, stack):
            return True
        if not deployment or task.task_definition != deployment.task_definition:
            return False
        if not task.created_at or not deployment.created_at:
            return True
        return task.created_at >= deployment.created_at - CLOCK_TOLERANCE

    def _target_lines(self, seen: Observation) -> Iterator[Line]:
        for target in seen.targets:
            mark = (target.group, target.address, target.reason or target.state)
            if target.state not in UNHEALTHY_STATES or mark in self._seen_targets:
                continue
            self._seen_targets.add(mark)
            cause = target_cause(target)
            if target.state == "unhealthy":
                self._target_cause = self._target_cause or cause
            yield Line(cause.line())

    def _deployment_lines(self, seen: Observation, deployment: Deployment | None) -> Iterator[Line]:
        if not deployment:
            return
        is_baking = deployment.stage == BAKE_STAGE and deployment.bake_minutes > 0
        if not is_baking:
            self._bake_since = None
        elif self._bake_since is None:
            self._bake_since = min(deployment.updated_at or seen.at, seen.at)
        now = (deployment.status, deployment.stage)
        if now != self._last:
            self._last = now
            said = ", ".join(filter(None, (deployment.status, deployment.stage)))
            reason = f": {one_line(deployment.reason)}" if deployment.reason else ""
            yield Line(f"deployment of {short_name(deployment.task_definition)} {said}{reason}")
        for pause in deployment.pauses:
            if pause.hook_id in self._seen_pauses:
                continue
            self._seen_pauses.add(pause.hook_id)
            until = (
                f" until {pause.expires_at:%Y-%m-%d %H:%M} UTC, then {pause.timeout_action}" if pause.expires_at else ""
            )
            yield Line(
                f"deployment waits at {deployment.stage or 'a hook'} for a decision{until} -> call with deployment: "
                f"{deployment.arn} and pause_action: continue or rollback"
            )

    # ---- The verdict

    def _verdict(self, seen: Observation, deployment: Deployment | None) -> Verdict:
        if self._goal.is_stop:
            return self._stop_verdict(seen)
        stack = seen.stack
        if stack and stack.problem:
            # The cause of a task says more than the reason of the stack.
            cause = self.first_cause(deployment) if deployment or self.failures else None
            what = f"stack {stack.name} is {stack.status}" if cause else stack.problem.what
            return self._failed("stack", what, cause, stack.problem.remedy)
        if seen.status != ACTIVE:
            if stack and stack.is_going:
                return Verdict(State.GOING, unmet=(f"stack {stack.name} has not created the service yet",))
            what = f"is {seen.status}" if seen.status else "does not exist"
            cause = self.first_cause(deployment) if deployment else None
            return self._failed("absent", what, cause, "deploy it first, or check its name and the region")
        if deployment is None:
            return Verdict(State.GOING, unmet=("the deployment has not started yet",))
        self.was_under_way |= deployment.status in UNDER_WAY
        name, running = short_name(deployment.task_definition), self._running_name(seen)
        if deployment.status in ROLLED_BACK and not (self._goal.is_rollback and deployment.status.endswith(SUCCESSFUL)):
            what = f"the deployment of {name} was rolled back"
            what += f" to {running}" if deployment.status.endswith(SUCCESSFUL) else ", and the rollback failed"
            return self._failed("rolled_back", what, self.first_cause(deployment))
        if deployment.status in ("STOPPED", "FAILED"):
            what = f"the deployment of {name} is {deployment.status}"
            if running != name:
                what += f", and {running} is deployed instead"
            return self._failed("stopped", what, self.first_cause(deployment))
        if early := self._early(deployment):
            return early
        if deployment.task_definition != self.task_definition and not self._goal.is_rollback:
            what = f"{name} is deployed instead of {short_name(self.task_definition)}"
            return self._failed("replaced", what, None, "see which other client deploys this service")
        unmet = tuple(self._unmet(seen, deployment))
        return Verdict(State.GOING, unmet=unmet) if unmet else Verdict(State.DONE)

    def _early(self, deployment: Deployment) -> Verdict | None:
        """Return the verdict on a deployment whose tasks fail for the same cause; None once it was returned."""
        limit = self._goal.fail_early
        if not limit or self._has_failed_early or deployment.status not in UNDER_WAY - ROLLING_BACK:
            return None
        counts = Counter((one.cause.kind, one.exit_code) for one in self.failures)
        count = max(counts.values(), default=0)
        if count < limit:
            return None
        self._has_failed_early = True
        tasks = "a task" if count == 1 else f"{count} tasks"
        what = f"{tasks} of {short_name(deployment.task_definition)} failed for the same cause"
        return self._failed("early_failure", what, self.first_cause(deployment))

    def _stop_verdict(self, seen: Observation) -> Verdict:
        if not seen.status:
            return self._failed("absent", "does not exist", None, "check its name and the region")
        unmet = [] if not seen.desired else [f"the service wants {seen.desired} task(s)"]
        if seen.running or seen.pending:
            unmet.append(f"{seen.running + seen.pending} task(s) have not stopped")
        return Verdict(State.GOING, unmet=tuple(unmet)) if unmet else Verdict(State.DONE)

    def _unmet(self, seen: Observation, deployment: Deployment) -> Iterator[str]:
        """Yield the conditions of success that are not met."""
        wanted, count = short_name(self.task_definition), self._goal.desired_count
        if not self._goal.is_rollback and deployment.status != SUCCESSFUL:
            yield f"the deployment of {short_name(deployment.task_definition)} is {deployment.status}"
        if self._goal.is_rollback and deployment.status not in ("ROLLBACK_SUCCESSFUL", SUCCESSFUL):
            yield f"the rollback is {deployment.status}"
        primary = seen.primary
        if primary is None or primary.task_definition != self.task_definition:
            yield f"{self._running_name(seen)} is deployed, not {wanted}"
            return
        if count is not None and seen.desired != count:
            yield f"the service wants {seen.desired} task(s), not {count}"
        if primary.running != primary.desired or primary.desired != seen.desired:
            yield f"{primary.running} of {seen.desired} task(s) of {wanted} run"
        for group in seen.target_groups:
            if seen.healthy(group) < seen.desired:
                states = Counter(one.reason or one.state for one in seen.targets if one.group == group)
                said = ", ".join(f"{number} {state}" for state, number in states.items())
                name = group.split("/")[1] if "/" in group else group
                healthy = f"{seen.healthy(group)} of {seen.desired} target(s) of {name} are healthy"
                yield f"{healthy} ({said or 'none is registered'})"

    def _running_name(self, seen: Observation) -> str:
        return short_name(seen.primary.task_definition) if seen.primary else "no task definition"

    def _failed(self, kind: str, what: str, cause: Problem | None, remedy: str = "") -> Verdict:
        """Return the verdict on a failure, with the first cause where one is known."""
        joint = " " if kind == "absent" else ": "
        text = f"service {self._goal.service}{joint}{what}" + (f": {cause.what}" if cause else "")
        return Verdict(State.FAILED, Problem(kind, text, (cause.remedy if cause else "") or remedy or AGAIN_REMEDY))


def _is_of_stack(task: StoppedTask, stack: StackSeen | None) -> bool:
    """Return whether the failed operation of a stack created a task's task definition."""
    return stack is not None and task.task_definition in stack.task_definitions


def _stopped_at(task: StoppedTask) -> datetime:
    return task.stopped_at or EARLIEST
