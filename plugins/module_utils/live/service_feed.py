# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``ecs_service`` reports while it follows a service: records for the action plugin.

A record is a line of JSON:

- ``{"kind": "line", "text", "elapsed_s", "is_detail"}``: something happened; a detail is shown with -v
- ``{"kind": "progress", "text", "elapsed_s"}``: where the service stands
- ``{"kind": "note", "text"}``: a note for the user
- ``{"kind": "stop", "requested", "tasks"}``: both are 0; after an interrupt nothing more follows
"""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed


class ServiceFeed(LiveFeed):
    """The module's side.

    Args:
        live_path: the file of records; None where they are not displayed.
    """

    def __init__(self, live_path: str | None) -> None:
        super().__init__(live_path, None)

    def line(self, text: str, elapsed_s: float, is_detail: bool = False) -> None:
        """Report what happened.

        Args:
            text: a line.
            elapsed_s: seconds since the module's start.
            is_detail: whether it is shown with -v only.
        """
        self._append("line", text=text, elapsed_s=elapsed_s, is_detail=is_detail)

    def progress(self, text: str, elapsed_s: float) -> None:
        """Report where the service stands.

        Args:
            text: a line.
            elapsed_s: seconds since the module's start.
        """
        self._append("progress", text=text, elapsed_s=elapsed_s)
