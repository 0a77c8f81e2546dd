# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The message of a run: one line, and after a failure what helps to find its cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.commands import Commands
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.ending import (
    STOPPED_ON_REQUEST,
    Ending,
    TaskResult,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.task_text import counted, named
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import Run
from ansible_collections.gantry.ecs.plugins.module_utils.live.events import last_lines
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line

CAUSES_SHOWN = 5  # in addition to the one in the first line
COMMANDS_SHOWN = 10


def run_message(
    run: Run,
    params: Mapping[str, Any],
    tasks: Sequence[TaskResult],
    failed: Sequence[TaskResult],
    causes: Mapping[str, Problem],
    check_mode: bool,
) -> str:
    """Return the message of a run.

    Args:
        run: the run.
        params: the module's parameters.
        tasks: its tasks as the module returns them.
        failed: those of them that failed.
        causes: why tasks ended, by task id.
        check_mode: whether the run launched and stopped nothing, and the message says what it would do.

    Returns:
        One line: what happened, and the remedy. After a failure indented lines follow: the other causes, how to stop
        what may still run, the last log lines of the first task that failed.
    """
    ending = Ending(run, params, tasks, failed, causes)
    if check_mode:
        return one_line(ending.of_check_mode())
    details = list(_stop_commands(ending, Commands(run, params)))
    if params["state"] != "absent":
        details += _other_causes(run, failed, causes, ending.shown_cause)
        if not run.launch_problem and failed:
            details += _last_log_lines(run, failed[0])
    return "\n".join([one_line(ending.of_run().line()), *(f"  {line}" for line in details)])


def _stop_commands(ending: Ending, commands: Commands) -> Iterator[str]:
    if len(ending.lost) < 2:
        return
    yield "or one by one:"
    yield from (commands.stop_task(one) for one in ending.lost[:COMMANDS_SHOWN])
    if len(ending.lost) > COMMANDS_SHOWN:
        yield f"and {len(ending.lost) - COMMANDS_SHOWN} more"


def _other_causes(
    run: Run, failed: Sequence[TaskResult], causes: Mapping[str, Problem], shown: Problem | None
) -> Iterator[str]:
    """Yield the causes that the first line does not name, each once with the number of its tasks."""
    by_cause: dict[Problem, list[TaskResult]] = {}
    for one in failed:
        cause = causes.get(one["task_id"])
        # The first line counts the tasks that this call stopped.
        if cause and cause != shown and not (run.stops_requested and one["stop_code"] == STOPPED_ON_REQUEST):
            by_cause.setdefault(cause, []).append(one)
    for cause, hit in list(by_cause.items())[:CAUSES_SHOWN]:
        yield one_line(cause.within(named(hit[0]) if len(hit) == 1 else counted(len(hit))).line())
    if len(by_cause) > CAUSES_SHOWN:
        yield f"and {len(by_cause) - CAUSES_SHOWN} more causes"


def _last_log_lines(run: Run, task: TaskResult) -> Iterator[str]:
    reader = next((one.log for one in run.tasks if one.task_id == task["task_id"]), None)
    lines = last_lines([event["message"] for event in reader.events]) if reader else []
    if lines and len(run.tasks) > 1:
        yield f"the last log lines of task {task['task_id']}:"
    yield from lines
