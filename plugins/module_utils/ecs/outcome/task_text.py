# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks in sentences: one, some or all of them, and the verbs that agree with their number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def named(task: Mapping[str, Any]) -> str:
    """Name a task by its id, and its index where it has one."""
    return f"task {task['task_id']}" + (f" (index {task['index']})" if task["index"] is not None else "")


def counted(count: int) -> str:
    """Write a number of tasks."""
    return "1 task" if count == 1 else f"{count} tasks"


def share_of(count: int, total: int) -> str:
    """Write a number of tasks out of all, by numbers; the only one without."""
    return "the task" if total == 1 else f"{count} of {total} tasks"


def part_of(count: int, total: int) -> str:
    """Write a number of tasks out of all, where it is not said what they do not do."""
    if count == total > 1:
        return "both tasks" if total == 2 else f"all {total} tasks"
    return share_of(count, total)


def are(count: int) -> str:
    """Return the verb for a number of tasks."""
    return "is" if count == 1 else "are"


def were(count: int) -> str:
    """Return the verb for a number of tasks."""
    return "was" if count == 1 else "were"


def have(count: int) -> str:
    """Return the verb for a number of tasks."""
    return "has" if count == 1 else "have"
