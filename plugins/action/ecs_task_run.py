# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin: runs the module ``ecs_task_run`` and shows what it reports of the tasks while they run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.request import without_environment
from ansible_collections.gantry.ecs.plugins.plugin_utils.live_action import LiveAction
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.task_view import LiveView


class ActionModule(LiveAction):
    """Shows log lines, states and progress of the tasks."""

    module = "gantry.ecs.ecs_task_run"
    leave_s = 10.0

    def view(self, columns: int, refreshes: bool) -> LiveView:
        """Return what decides what is displayed of a run."""
        show = str(self._task.args.get("show") or "progress")
        return LiveView(columns=columns, refreshes=refreshes, show=show)

    def _module(self, task_vars: dict[str, Any] | None, live: Path | None) -> dict[str, Any]:
        """Run the module; what -vvv shows of its arguments has no values of the containers' environment variables."""
        return without_environment(super()._module(task_vars, live))
