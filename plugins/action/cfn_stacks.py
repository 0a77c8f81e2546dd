# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin: runs the module ``cfn_stacks`` and shows the progress of each stack meanwhile."""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.plugin_utils.live_action import LiveAction
from ansible_collections.gantry.ecs.plugins.plugin_utils.views.stack_view import StackView


class ActionModule(LiveAction):
    """Shows a line for each resource that is done, and a line of progress for each stack."""

    module = "gantry.ecs.cfn_stacks"

    @property
    def is_waited_for(self) -> bool:
        """True also with ``wait: false``: the module waits for earlier operations on the stacks."""
        return True

    def view(self, columns: int, refreshes: bool) -> StackView:
        """Return the view that decides which lines are displayed."""
        return StackView(columns=columns, refreshes=refreshes, names_stacks=True)
