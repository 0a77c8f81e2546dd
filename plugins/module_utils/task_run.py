# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of ECS tasks: launched, observed until tasks and logs have ended, stopped where they overrun.

Its whole state can be written down as JSON, so that one observation can go on where another process left off.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.ddbload.aws.plugins.module_utils.aws_error import is_transient
from ansible_collections.ddbload.aws.plugins.module_utils.ecs_task import (
    RequestError,
    Task,
    essential_containers,
    launch_failures,
    log_location,
    missing_containers,
    run_request,
    task_of,
)
from ansible_collections.ddbload.aws.plugins.module_utils.log_cursor import LogCursor, LogEvent, read_new
from ansible_collections.ddbload.aws.plugins.module_utils.progress import parse_event

DESCRIBE_FIRST, DESCRIBE_GROWTH, DESCRIBE_LAST = 1.0, 1.5, 4.0  # seconds between two looks at the tasks
# GetLogEvents allows 25 calls a second in an account and region; a read takes up to two calls a task.
LOG_PAUSE, LOG_PAUSE_PER_TASK = 1.0, 0.2
SETTLED = 0.5  # seconds without a line after the one that is known to be the last
STOP_GRACE = 150.0  # seconds that a told task has to stop; Fargate's stopTimeout is 120 at most
UNREACHABLE_GRACE = 60.0  # seconds for which AWS may be out of reach
FORGOTTEN_AFTER = 60.0  # seconds for which DescribeTasks may not know a task that RunTask has just made


class LaunchError(Exception):
    """RunTask launched fewer tasks than asked; the text says why. What it did launch is in ``state``."""

    def __init__(self, text: str, state: RunState | None = None) -> None:
        super().__init__(text)
        self.state = state


@dataclass
class FollowedTask:
    """One task of a run.

    Attributes:
        task: the task in our shape (see ``ecs_task.task_of``).
        cursor: the place in its log; None where it has none.
        last_line_at: when its last line came, or its end was seen; s on the clock.
        final_line: whether the line came after which none is expected.
        log_complete: whether the log was read to its end.
        missing_since: since when DescribeTasks has not known it; s on the clock.
    """

    task: Task
    cursor: LogCursor | None = None
    last_line_at: float = 0.0
    final_line: bool = False
    log_complete: bool = False
    missing_since: float | None = None

    @property
    def stopped(self) -> bool:
        """Whether the task has ended."""
        return bool(self.task["last_status"] == "STOPPED")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FollowedTask:
        """Read what ``asdict`` wrote."""
        cursor = LogCursor(**data["cursor"]) if data["cursor"] else None
        return cls(**{**data, "cursor": cursor})


@dataclass
class RunState:
    """All that is known of a run; instants are seconds on the machine's monotonic clock."""

    cluster: str
    task_definition: str
    essential: list[str]
    log_region: str | None
    wait_timeout: float
    log_tail_wait: float
    launched_at: float
    tasks: list[FollowedTask] = field(default_factory=list)
    started_by: str | None = None
    elapsed: float = 0.0
    describe_at: float = 0.0
    describe_pause: float = DESCRIBE_FIRST
    unreachable_since: float | None = None
    stop_requested_at: float | None = None
    timed_out: bool = False
    interrupted_by: str = ""
    gave_up: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be observed."""
        return self.gave_up or all(one.stopped and one.log_complete for one in self.tasks)

    def to_dict(self) -> dict[str, Any]:
        """Write it down in JSON's types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> RunState:
        """Read what ``to_dict`` wrote."""
        return cls(**{**data, "tasks": [FollowedTask.from_dict(one) for one in data["tasks"]]})


@dataclass
class Observation:
    """What is new: status changes (task id, status, seconds since the launch) and log events by task id."""

    changes: list[dict[str, Any]] = field(default_factory=list)
    events: dict[str, list[LogEvent]] = field(default_factory=dict)


def verify(ecs: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Check that the cluster and the task definition are there and fit the overrides; changes nothing.

    Returns:
        The task definition.

    Raises:
        RequestError: the cluster is not there, or the overrides do not fit.
        botocore.exceptions.ClientError: also where the task definition is not there.
    """
    run_request(params, "")
    clusters = ecs.describe_clusters(clusters=[params["cluster"]], aws_retry=True)["clusters"]
    if not clusters or clusters[0].get("status", "ACTIVE") != "ACTIVE":
        found = f"is {clusters[0]['status']}" if clusters else "does not exist"
        raise RequestError(f"cluster {params['cluster']} {found} -> deploy it first, or check its name and the region")
    answer = ecs.describe_task_definition(taskDefinition=params["task_definition"], aws_retry=True)
    definition: dict[str, Any] = answer["taskDefinition"]
    if definition.get("status", "ACTIVE") != "ACTIVE":
        raise RequestError(f"task definition {params['task_definition']} is {definition['status']} -> deploy it again")
    if missing := missing_containers(params.get("overrides") or [], definition):
        known = ", ".join(one["name"] for one in definition["containerDefinitions"])
        raise RequestError(
            f"overrides name {', '.join(missing)}, task definition {params['task_definition']} has {known} "
            "-> mend the name"
        )
    return definition


def launch(
    ecs: Any,
    params: Mapping[str, Any],
    definition: Mapping[str, Any],
    client_token: str,
    clock: Callable[[], float] = time.monotonic,
) -> RunState:
    """Launch the tasks.

    Raises:
        LaunchError: ECS launched fewer than asked.
        botocore.exceptions.ClientError: ECS refused the request.
    """
    launched_at = clock()
    answer = ecs.run_task(**run_request(params, client_token), aws_retry=True)
    location = log_location(definition, [one["name"] for one in params.get("overrides") or []])
    state = RunState(
        cluster=params["cluster"],
        task_definition=definition["taskDefinitionArn"],
        essential=essential_containers(definition),
        log_region=location["region"] if location else None,
        wait_timeout=params["wait_timeout"],
        log_tail_wait=params["log_tail_wait"],
        launched_at=launched_at,
        started_by=params.get("started_by"),
        describe_at=launched_at + DESCRIBE_FIRST,
    )
    for described in answer["tasks"]:
        task = task_of(described, state.essential)
        cursor = LogCursor(str(location["group"]), f"{location['prefix']}/{task['task_id']}") if location else None
        state.tasks.append(FollowedTask(task, cursor, launched_at, log_complete=cursor is None))
    if answer.get("failures") or len(state.tasks) < params["count"]:
        why = launch_failures(answer.get("failures", [])) or "ECS gave no reason"
        raise LaunchError(f"ECS launched {len(state.tasks)} of {params['count']} task(s): {why}", state)
    return state


class TaskRun:
    """A launched run, observed.

    Args:
        ecs: a boto3 ECS client that takes ``aws_retry``.
        logs: a CloudWatch Logs client of the same kind, in the region of the logs.
        state: what is known so far; it is kept up to date.
        clock: seconds, monotonic, the same in every process of the machine.
        sleep: waits for so many seconds.
        interrupted: tells whether to come back at once.
    """

    def __init__(
        self,
        ecs: Any,
        logs: Any,
        state: RunState,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        interrupted: Callable[[], bool] = lambda: False,
    ) -> None:
        self.ecs, self.logs, self.state = ecs, logs, state
        self.clock, self.sleep, self.interrupted = clock, sleep, interrupted

    def observe(self, seconds: float) -> Observation:
        """Look at tasks and logs until a status changes, the run is finished, or the time is over.

        Log lines do not end it early: a caller pays for each observation, and lines may come every second.

        Args:
            seconds: how long to look.

        Raises:
            botocore.exceptions.BotoCoreError, ClientError: AWS refused, or was out of reach for too long.
        """
        until = self.clock() + seconds
        seen = Observation()
        while True:
            try:
                self._enforce_limits()
                if self.clock() >= self.state.describe_at:
                    self._describe(seen)
                self._read_logs(seen)
                self.state.unreachable_since = None
            except Exception as error:
                self._tolerate(error)
            self.state.elapsed = round(self.clock() - self.state.launched_at, 1)
            if seen.changes or self.state.finished or self.interrupted() or self.clock() >= until:
                return seen
            pause = max(LOG_PAUSE, LOG_PAUSE_PER_TASK * len(self.state.tasks))
            self.sleep(max(0.05, min(pause, until - self.clock())))

    def stop(self, reason: str) -> None:
        """Tell every task that has not ended to stop; the first refusal is raised after all were told.

        Args:
            reason: shown as the tasks' ``stoppedReason``, up to 255 characters.
        """
        self.state.stop_requested_at = self.clock()
        self.state.describe_at = self.clock()
        first_error: Exception | None = None
        for one in self.state.tasks:
            if not one.stopped:
                try:
                    self.ecs.stop_task(
                        cluster=self.state.cluster, task=one.task["task_arn"], reason=reason[:255], aws_retry=True
                    )
                except Exception as error:
                    first_error = first_error or error
        if first_error:
            raise first_error

    def _enforce_limits(self) -> None:
        state = self.state
        if all(one.stopped for one in state.tasks):
            return
        if state.stop_requested_at is not None:
            state.gave_up = self.clock() - state.stop_requested_at > STOP_GRACE
        elif self.clock() - state.launched_at >= state.wait_timeout:
            state.timed_out = True
            self.stop(f"wait_timeout of {state.wait_timeout:g} s is over")

    def _describe(self, seen: Observation) -> None:
        state = self.state
        active = {one.task["task_arn"]: one for one in state.tasks if not one.stopped}
        if not active:
            return
        answer = self.ecs.describe_tasks(cluster=state.cluster, tasks=list(active), aws_retry=True)
        now = self.clock()
        for described in answer["tasks"]:
            one = active.pop(described["taskArn"])
            one.missing_since = None
            self._update(one, task_of(described, state.essential), seen)
        for one in active.values():
            one.missing_since = now if one.missing_since is None else one.missing_since
            if now - one.missing_since > FORGOTTEN_AFTER:
                gone = {"last_status": "STOPPED", "stopped_reason": "ECS does not know the task any more"}
                self._update(one, {**one.task, **gone}, seen)
        grown = min(state.describe_pause * DESCRIBE_GROWTH, DESCRIBE_LAST)
        state.describe_pause = DESCRIBE_FIRST if seen.changes or any(one.final_line for one in state.tasks) else grown
        state.describe_at = now + state.describe_pause

    def _update(self, one: FollowedTask, task: Task, seen: Observation) -> None:
        changed = task["last_status"] != one.task["last_status"]
        one.task = task
        if not changed:
            return
        now = self.clock()
        since_launch = round(now - self.state.launched_at, 1)
        seen.changes.append({"task_id": task["task_id"], "status": task["last_status"], "elapsed": since_launch})
        if one.stopped:
            one.last_line_at = max(one.last_line_at, now)
            # What never started has no stream to wait for.
            one.log_complete = one.log_complete or not task["started_at"]

    def _read_logs(self, seen: Observation) -> None:
        for one in self.state.tasks:
            if one.log_complete or one.cursor is None or one.task["last_status"] in ("PROVISIONING", "PENDING"):
                continue
            if events := read_new(self.logs, one.cursor):
                seen.events.setdefault(one.task["task_id"], []).extend(events)
                one.last_line_at = self.clock()
                if not one.final_line and any(_is_final(event["message"]) for event in events):
                    one.final_line = True
                    self.state.describe_at = self.clock()
            elif one.stopped:
                quiet = self.clock() - one.last_line_at
                one.log_complete = quiet >= (SETTLED if one.final_line else self.state.log_tail_wait)

    def _tolerate(self, error: Exception) -> None:
        """Let the connection fail for a while; every other error goes on to the caller."""
        if not is_transient(error):
            raise error
        if self.state.unreachable_since is None:
            self.state.unreachable_since = self.clock()
        elif self.clock() - self.state.unreachable_since > UNREACHABLE_GRACE:
            raise error


def _is_final(message: str) -> bool:
    """Tell whether no line of the load tester is expected after this one: a failed run says ``run.failed`` last."""
    event = parse_event(message)
    if event is None:
        return False
    return event["event"] == "run.failed" or (event["event"] == "run.summary" and not event.get("exit_code"))
