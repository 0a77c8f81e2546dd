# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of ECS tasks: what was requested, which tasks there are, and how far they were followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.log_stream import LogReader
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.start_up import StartUpFailure
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import Task
from ansible_collections.gantry.ecs.plugins.module_utils.live.line_order import LineOrder
from ansible_collections.gantry.ecs.plugins.module_utils.live.log_lines import LogPieces
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

NOT_SEEN_TO_STOP = "not seen to stop"


class GaveUp(StrEnum):
    """Why the observation of a run ended before its tasks did."""

    UNSEEN = "unseen"  # StopTask was called, and the tasks were not seen to stop
    REFUSED = "refused"  # AWS refused a request
    UNREACHABLE = "unreachable"  # AWS was out of reach for too long
    EXPIRED = "expired"  # the credentials expired, and nothing renewed them


@dataclass
class FollowedTask:
    """One task of a run.

    Attributes:
        task: the task as the module returns it (see ``tasks.task_of``).
        log: the reader of its log; None where it has none.
        pieces: incomplete lines of its log.
        order: lines of its log that wait for a missing one.
        last_line_at: when its last line came, or its end was seen; s on the follower's clock.
        final_line: whether the line came after which none is expected.
        ended_writers: the load tester's processes whose last line came.
        log_complete: whether the log was read to its end.
        missing_since: since when DescribeTasks has not known it; s on the follower's clock.
        summary: the load tester's ``run.summary`` event, where it came and the task is the only one.
        failure: the load tester's ``run.failed`` event, where it came.
        is_load_tester: whether its log held an event of the load tester.
        definition: its task definition, as DescribeTaskDefinition returns it.
        start_up: the container whose end keeps another one from starting; None where there is none.
        start_up_at: when that was seen; s on the follower's clock.
    """

    task: Task
    log: LogReader | None = None
    pieces: LogPieces = field(default_factory=LogPieces)
    order: LineOrder = field(default_factory=LineOrder)
    last_line_at: float = 0.0
    final_line: bool = False
    ended_writers: set[str] = field(default_factory=set)
    log_complete: bool = False
    missing_since: float | None = None
    summary: Mapping[str, Any] | None = None
    failure: Mapping[str, Any] | None = None
    is_load_tester: bool = False
    definition: Mapping[str, Any] = field(default_factory=dict)
    start_up: StartUpFailure | None = None
    start_up_at: float = 0.0

    @property
    def task_id(self) -> str:
        """Id of the task."""
        return str(self.task["task_id"])

    @property
    def has_said_all(self) -> bool:
        """Whether the last line of each of its processes came, and by their numbers all lines before."""
        return self.order.whole and self.order.writers <= self.ended_writers

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
        wanted: how many tasks were requested.
        started_by: the mark on the tasks.
        client_token: what makes the launch idempotent.
        control_run: the run's key in the control table, by which its tasks know it; empty without a table.
        tasks: the tasks, in the order of their launch.
        launched: how many of them this call launched.
        stops_requested: how many of them this call stopped.
        elapsed_s: seconds from the call's start to the end of the observation.
        timed_out: whether ``wait_timeout`` was over before the tasks had ended.
        interrupted_by: name of the signal that interrupted the launcher; empty where none did.
        detached: whether the tasks were left running on purpose.
        gave_up: why the observation ended before the tasks did, of a kind of `GaveUp`; None where it did not.
        launch_problem: why fewer tasks than wanted were launched; None where all were.
        lost: id of the task whose failure stopped the others; empty where none did.
        never_launched: how many tasks were not launched because of that.
        warnings: for the user, in addition to the outcome.
        checked: the checks that passed before a launch; None without checks.
    """

    cluster: str
    task_definition: str | None
    definition: Mapping[str, Any]
    essential: list[str]
    wanted: int
    started_by: str | None = None
    client_token: str | None = None
    control_run: str = ""
    tasks: list[FollowedTask] = field(default_factory=list)
    launched: int = 0
    stops_requested: int = 0
    elapsed_s: float = 0.0
    timed_out: bool = False
    interrupted_by: str = ""
    detached: bool = False
    gave_up: Problem | None = None
    launch_problem: Problem | None = None
    lost: str = ""
    never_launched: int = 0
    warnings: list[Problem] = field(default_factory=list)
    checked: list[str] | None = None

    @property
    def unfinished(self) -> list[FollowedTask]:
        """The tasks that have not ended, as far as is known."""
        return [one for one in self.tasks if not one.stopped]

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be observed."""
        return all(one.stopped and one.log_complete for one in self.tasks)
