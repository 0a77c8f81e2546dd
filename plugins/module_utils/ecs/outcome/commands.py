# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Next steps for the tasks of a run: the module's options that select them, and commands of the AWS CLI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.aws.command import aws_command
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.cost import region_of
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.run import Run

TASKS_NAMED = 3


class Commands:
    """The calls and commands for one run.

    Args:
        run: the run.
        params: the module's parameters.
    """

    def __init__(self, run: Run, params: Mapping[str, Any]) -> None:
        self._run, self._params = run, params

    def follow_or_stop(self, count: int) -> str:
        """Return how to follow, and how to stop, this many tasks."""
        them = "it" if count == 1 else "them"
        return f"follow {them} with {self.call('watch')}; stop {them} with {self.call('absent')}"

    def call(self, state: str) -> str:
        """Return the module's options for a state and these tasks."""
        return f"state={state} {self.selection()}"

    def selection(self) -> str:
        """Return the module's options that select these tasks."""
        if given := self._params.get("tasks"):
            return f"tasks={','.join(given)}" if len(given) <= TASKS_NAMED else "and the same tasks"
        # A token alone finds only tasks whose mark was made of it.
        options = {"started_by": self._params.get("started_by"), "client_token": self._run.client_token}
        return " ".join(f"{name}={value}" for name, value in options.items() if value)

    def stop_task(self, task: Mapping[str, Any]) -> str:
        """Return the command of the AWS CLI that stops a task."""
        options = {"cluster": self._run.cluster, "task": task["task_id"]}
        return aws_command("ecs stop-task", options, self._params, region_of(task))
