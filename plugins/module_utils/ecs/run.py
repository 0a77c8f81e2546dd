# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of ECS tasks: what was asked for, which tasks there are, and how far they were followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_lines import LogPieces
from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.start_up import StartUpFailure
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import Task


@dataclass
class FollowedTask:
    """One task of a run.

    Attributes:
        task: the task in our shape (see ``ecs_task.task_of``).
        log: what is read of its log; None where it has none.
        pieces: lines of its log that are not whole yet.
        last_line_at: when its last line came, or its end was seen; s on the follower's clock.
        final_line: whether the line came after which none is expected.
        log_complete: whether the log was read to its end.
        missing_since: since when DescribeTasks has not known it; s on the follower's clock.
        summary: the load tester's ``run.summary`` event, where it came.
        failure: the load tester's ``run.failed`` event, where it came.
        speaks_ddbload: whether its log held an event of the load tester.
        definition: its task definition, as DescribeTaskDefinition returns it.
        start_up: the container whose end keeps another one from starting; None where there is none.
        start_up_at: when that was seen; s on the follower's clock.
    """

    task: Task
    log: LogReader | None = None
    pieces: LogPieces = field(default_factory=LogPieces)
    last_line_at: float = 0.0
    final_line: bool = False
    log_complete: bool = False
    missing_since: float | None = None
    summary: Mapping[str, Any] | None = None
    failure: Mapping[str, Any] | None = None
    speaks_ddbload: bool = False
    definition: Mapping[str, Any] = field(default_factory=dict)
    start_up: StartUpFailure | None = None
    start_up_at: float = 0.0

    @property
    def task_id(self) -> str:
        """Id of the task."""
        return str(self.task["task_id"])

    @property
    def stopped(self) -> bool:
        """Whether the task has ended."""
        return bool(self.task["last_status"] == "STOPPED")


@dataclass
class Run:
    """All that is known of a run.

    Attributes:
        cluster: the cluster, as it was given.
        task_definition: ARN of the task definition; None where tasks of several are followed.
        definition: the task definition, as DescribeTaskDefinition returns it.
        essential: names of the containers whose end ends a task.
        wanted: how many tasks were asked for.
        started_by: the mark on the tasks.
        client_token: what makes the launch idempotent.
        tasks: the tasks, in the order of their launch.
        launched: how many of them this call launched.
        stopped_by_us: how many of them this call told to stop.
        elapsed_s: seconds from the call's begin to the end of the observation.
        timed_out: whether ``wait_timeout`` was over before the tasks had ended.
        interrupted_by: name of the signal that interrupted the launcher; empty where none did.
        detached: whether the tasks were left running on purpose.
        gave_up: why the observation ended before the tasks did; empty where it did not.
        launch_error: why fewer tasks than wanted were launched; empty where all were.
        warnings: what the user ought to know beside the outcome.
        checked: what was looked at before a launch and found in order; None where nothing was.
    """

    cluster: str
    task_definition: str | None
    definition: Mapping[str, Any]
    essential: list[str]
    wanted: int
    started_by: str | None = None
    client_token: str | None = None
    tasks: list[FollowedTask] = field(default_factory=list)
    launched: int = 0
    stopped_by_us: int = 0
    elapsed_s: float = 0.0
    timed_out: bool = False
    interrupted_by: str = ""
    detached: bool = False
    gave_up: str = ""
    launch_error: str = ""
    warnings: list[str] = field(default_factory=list)
    checked: list[str] | None = None

    @property
    def unfinished(self) -> list[FollowedTask]:
        """The tasks that have not ended, as far as is known."""
        return [one for one in self.tasks if not one.stopped]

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be observed."""
        return all(one.stopped and one.log_complete for one in self.tasks)
