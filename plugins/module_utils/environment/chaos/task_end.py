# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments with one task of a service: ECS stops it, or its process is killed; ECS has to start another."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import task_of
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.experiment import Look
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.service_under_test import ServiceUnderTest
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import docker
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

KILLED = 128 + signal.SIGKILL
# The label by which the embedded AWS names the task of a container.
LABEL = "com.amazonaws.ecs.task-arn"


class TaskEnd:
    """One task of a service ends, and ECS starts another.

    Args:
        service: the service.
        end: ends the task of an id; returns what was done.
        exit_code: that the cause of the stop has to name; None where any cause will do.
    """

    def __init__(self, service: ServiceUnderTest, end: Callable[[str], str], exit_code: int | None = None) -> None:
        self._service, self._end, self._exit_code = service, end, exit_code
        self._ended = ""

    @property
    def promise(self) -> str:
        """What is promised."""
        cause = f", and the cause of its stop names exit code {self._exit_code}" if self._exit_code is not None else ""
        return f"service {self._service.name} runs all its tasks again, another one instead of the ended one{cause}"

    def obstacle(self) -> Problem | None:
        """Return why it cannot start."""
        return self._service.obstacle()

    def inject(self) -> str:
        """End the first of the tasks."""
        self._ended = min(self._service.state().tasks)
        return self._end(self._ended)

    def look(self) -> Look:
        """Look at the service."""
        state = self._service.state()
        is_replaced = state.is_steady and self._ended not in state.tasks
        if not is_replaced:
            return Look(state.line(), False)
        described = self._service.task(self._ended)
        task = task_of(described, []) if described else None
        if task is None or task["last_status"] != "STOPPED":
            return Look(f"{state.line()}, the ended task stops", False)
        code = next((each["exit_code"] for each in task["containers"] if each["exit_code"] is not None), None)
        cause = stop_cause({**task, "exit_code": code})
        line = f"{state.line()}, another task runs; the ended one: {cause.what if cause else 'no cause'}"
        if self._exit_code is not None and code != self._exit_code:
            return Look(line, False, f"its exit code is {code}, not {self._exit_code}")
        return Look(line, True)

    def restore(self) -> str:
        """Put nothing back: ECS itself does."""
        return ""


def stop_by_ecs(ecs: Any, cluster: str) -> Callable[[str], str]:
    """Return what stops a task of a cluster by StopTask."""

    def stop(task_id: str) -> str:
        ecs.stop_task(cluster=cluster, task=task_id, reason="experiment stop_task")
        return f"StopTask for task {task_id}"

    return stop


def kill_process(settings: Settings) -> Callable[[str], str]:
    """Return what kills the process of a task, as its end by itself, without a request to ECS.

    Args:
        settings: of the embedded AWS, whose process engine runs the tasks.
    """

    def kill(task_id: str) -> str:
        pid = process_of(settings, task_id)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return f"SIGKILL to process {pid} of task {task_id}"

    return kill


def process_of(settings: Settings, task_id: str) -> int:
    """Return the process of a task.

    Raises:
        ProblemError: the process engine does not run it.
    """
    host = settings.emulator.note("docker_host", "")
    if settings.emulator.note("engine", "") != "process" or not host:
        what = "the tasks of the embedded AWS are no processes of this machine"
        raise ProblemError(Problem("engine", what, "start it with -e local_task_engine=process"))
    _status, body = docker.get(host, f"/containers/json?filters={quote(json.dumps({'label': [LABEL]}))}")
    for each in json.loads(body or b"[]"):
        if each["Labels"][LABEL].endswith(f"/{task_id}"):
            _status, body = docker.get(host, f"/containers/{each['Id']}/json")
            if pid := json.loads(body)["State"]["Pid"]:
                return int(pid)
    raise ProblemError(Problem("absent", f"no process of task {task_id} runs", "repeat the experiment"))
