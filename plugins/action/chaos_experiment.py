# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin: runs the module ``chaos_experiment`` and shows what is done and seen."""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.plugin_utils.live_action import LiveAction
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.task_view import LiveView


class ActionModule(LiveAction):
    """Shows a line for each state of the system under test."""

    module = "gantry.ecs.chaos_experiment"
    leave_s = 10.0

    def view(self, columns: int, refreshes: bool) -> LiveView:
        """Return what decides what is displayed."""
        return LiveView(columns=columns, refreshes=refreshes)
