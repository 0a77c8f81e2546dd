# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin: runs the module ``ecs_service`` and shows the deployment meanwhile."""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.plugin_utils.live_action import LiveAction
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.service_view import ServiceView


class ActionModule(LiveAction):
    """Shows a line for each event and stopped task, and a line of progress."""

    module = "gantry.ecs.ecs_service"
    leave_s = 5.0

    def view(self, columns: int, refreshes: bool) -> ServiceView:
        """Return what decides what is displayed of a deployment."""
        return ServiceView(columns=columns, refreshes=refreshes)

    def in_background(self, requested: int, tasks: int) -> str:
        """Return the line after an interrupt that the module has not answered yet."""
        return "the deployment goes on: call again with the same options to follow it"
