# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Callback plugin: tasks without a module run in the process of ansible-playbook.

Ansible forks for each task, also for one that compares two variables. The copy of its memory takes most of the CPU time
of such a task, and a deploy has a hundred of them.
"""

from __future__ import annotations

from copy import copy

from ansible._internal import _task
from ansible.executor.process.worker import WorkerProcess
from ansible.executor.task_executor import TaskExecutor
from ansible.executor.task_result import _RawTaskResult
from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: in_process
type: aggregate
short_description: Runs tasks without a module in the process of ansible-playbook
description: Runs tasks without a module in the process of ansible-playbook.
requirements: [enable in configuration]
"""

# They only read and return variables, or name the tasks that come next.
ACTIONS = frozenset(
    f"ansible.builtin.{name}"
    for name in ("assert", "debug", "fail", "include_role", "include_tasks", "set_fact", "validate_argument_spec")
)

forked = WorkerProcess.start


def started(worker: WorkerProcess) -> None:
    """Run a worker's task here where it has no module, else in a process of its own, as Ansible does."""
    if worker._task.action not in ACTIONS:
        forked(worker)
        return
    # The executor fills in the task's arguments, and adds to the variables: a fork would do so in its own memory.
    task = worker._task.copy(exclude_parent=True)
    task._parent = worker._task._parent
    variables = dict(worker._task_vars)
    with _task.TaskContext(task):
        returned = TaskExecutor(
            worker._host,
            task,
            variables,
            worker._play_context,
            worker._loader,
            worker._shared_loader_obj,
            worker._final_q,
            worker._variable_manager,
        ).run()
    host = copy(worker._host)
    host.vars, host.groups = {}, []
    result = _RawTaskResult(host=host, task=task, return_data=returned, task_fields=task.dump_attrs())
    worker._final_q.send_task_result(result)


class CallbackModule(CallbackBase):
    """Replaces the start of a worker."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "in_process"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        WorkerProcess.start = started
