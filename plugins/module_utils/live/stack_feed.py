# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``cfn_stack`` tells while it waits: records for who displays them.

A record is a line of JSON:

- ``{"kind": "event", "stack", "resource", "type", "status", "reason", "elapsed_s", "seconds"}``: a resource came into a
  status; ``seconds`` is how long it took, null before its end
- ``{"kind": "progress", "stack", "status", "elapsed_s", "done", "total", "in_work"}``: where the operation stands;
  ``in_work`` holds the resources that are being worked on, and for how many seconds
- ``{"kind": "note", "text"}``: something that the user has to know now
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed


class StackFeed(LiveFeed):
    """The module's side.

    Args:
        live_path: the file of records; None where nobody displays them.
    """

    def __init__(self, live_path: str | None) -> None:
        super().__init__(live_path, None)

    def event(
        self,
        stack: str,
        resource: str,
        kind_of_resource: str,
        status: str,
        reason: str,
        elapsed_s: float,
        seconds: float | None,
    ) -> None:
        """Tell that a resource came into a status.

        Args:
            stack: name of the stack.
            resource: logical id.
            kind_of_resource: its type.
            status: CloudFormation's name of it.
            reason: on one line; empty where there is none.
            elapsed_s: seconds since the module's begin.
            seconds: how long the resource took; None before its end.
        """
        self._tell(
            "event",
            stack=stack,
            resource=resource,
            type=kind_of_resource,
            status=status,
            reason=reason,
            elapsed_s=elapsed_s,
            seconds=seconds,
        )

    def progress(
        self, stack: str, status: str, elapsed_s: float, done: int, total: int | None, in_work: Mapping[str, float]
    ) -> None:
        """Tell where the operation stands.

        Args:
            stack: name of the stack.
            status: of the stack.
            elapsed_s: seconds since the module's begin.
            done: resources that are done.
            total: resources that there are to be done; None where that is not known.
            in_work: seconds for which each resource has been worked on.
        """
        self._tell(
            "progress", stack=stack, status=status, elapsed_s=elapsed_s, done=done, total=total, in_work=dict(in_work)
        )
