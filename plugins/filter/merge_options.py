# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter that returns the options of ``ddbload merge`` for the tasks of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

DOCUMENTATION = r"""
name: merge_options
short_description: Options of C(ddbload merge) for the tasks of a run
version_added: 0.2.0
author: The gantry.ecs contributors (@ddbload)
description:
  - Returns an option for each exit code and for each cost that M(gantry.ecs.ecs_task_run) returns.
options:
  _input:
    description: Tasks, as M(gantry.ecs.ecs_task_run) returns them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the options
  ansible.builtin.debug:
    msg: "{{ run.tasks | gantry.ecs.merge_options }}"
"""

RETURN = r"""
_value:
  description: The options.
  type: list
  elements: str
  sample: [--exit-code, 0123abcd=0, --task-cost, 0123abcd=0.0041]
"""


def merge_options(tasks: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the options of ``ddbload merge`` for tasks, see the documentation above."""
    tasks = list(tasks)
    codes = [f"{task['task_id']}={task['exit_code']}" for task in tasks if task["exit_code"] is not None]
    # The costs by ECS's times count for tasks that did not report theirs to the end.
    costs = [f"{task['task_id']}={task['cost']['usd']}" for task in tasks if task["cost"]]
    options = [("--exit-code", code) for code in codes] + [("--task-cost", cost) for cost in costs]
    return [part for option in options for part in option]


class FilterModule:
    """The filter, for Ansible."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"merge_options": merge_options}
