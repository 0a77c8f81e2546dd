# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules ``cfn_stack`` and ``cfn_stacks`` report while they wait: records for the action plugin.

A record is a line of JSON:

- ``{"kind": "event", "stack", "resource", "type", "status", "reason", "elapsed_s", "seconds"}``: a resource came into a
  status; ``seconds`` is how long it took, null before its end
- ``{"kind": "progress", "stack", "status", "elapsed_s", "done", "total", "in_work"}``: where the operation stands;
  ``in_work`` holds the resources that are being worked on, and for how many seconds
- ``{"kind": "note", "text"}``: a note for the user
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.live.feed import LiveFeed


class StackFeed(LiveFeed):
    """The module's side; threads may share it.

    Args:
        live_path: the file of records; None where they are not displayed.
    """

    def __init__(self, live_path: str | None) -> None:
        super().__init__(live_path, None)
        self._writing = Lock()

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
        """Report that a resource came into a status.

        Args:
            stack: name of the stack.
            resource: logical id.
            kind_of_resource: its type.
            status: CloudFormation's name of it.
            reason: on one line; empty where there is none.
            elapsed_s: seconds since the module's start.
            seconds: how long the resource took; None before its end.
        """
        self._append(
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
        """Report the progress of an operation.

        Args:
            stack: name of the stack.
            status: of the stack.
            elapsed_s: seconds since the module's start.
            done: resources that are done.
            total: resources that there are to be done; None where that is not known.
            in_work: seconds for which each resource has been worked on.
        """
        self._append(
            "progress", stack=stack, status=status, elapsed_s=elapsed_s, done=done, total=total, in_work=dict(in_work)
        )

    def _append(self, kind: str, **content: Any) -> None:
        with self._writing:
            super()._append(kind, **content)
