# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin: runs the module ``ecs_task_run`` and shows what it tells of the tasks while they run."""

from __future__ import annotations

from ansible_collections.ddbload.aws.plugins.module_utils.live_view import LiveView
from ansible_collections.ddbload.aws.plugins.plugin_utils.live_display import LiveAction


class ActionModule(LiveAction):
    """Shows log lines, states and progress of the tasks."""

    module = "ddbload.aws.ecs_task_run"

    def view(self, columns: int, refreshes: bool) -> LiveView:
        """Return what decides what is displayed of a run."""
        show = str(self._task.args.get("show") or "progress")
        return LiveView(columns=columns, refreshes=refreshes, show=show)
