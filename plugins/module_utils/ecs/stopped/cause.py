# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task ended: from ECS' codes and reasons, the containers' exit codes and the load tester's last event."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.exit_codes import exit_meaning, signal_name
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.reasons import problem_for
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import may_be_stopped
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

SECRET_NAME = re.compile(r"\barn:[\w-]+:secretsmanager:[\w-]*:\d*:secret:([\w/+=.@-]+)")
SAID_LIMIT = 330  # characters shown of the reasons of ECS and the load tester
REMEDY_LIMIT = 200  # characters shown of the load tester's remedy
NAME_LIMIT = 48  # characters of a container's name

# The reason of every task whose container has ended; the exit code says more.
EXITED_CODE = "EssentialContainerExited"
EXITED_REASON = "Essential container in task exited"

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html (stopCode). With these a user or AWS ended
# the task; its exit code only shows how it reacted to the signal.
STOP_CODES = {
    "UserInitiated": Problem("stopped", "stopped on request"),
    "ServiceSchedulerInitiated": Problem("stopped", "stopped by a service's scheduler", "run it outside of a service"),
    "SpotInterruption": Problem("spot", "interrupted: Spot took its capacity back", "run it again, or on FARGATE"),
    "TerminationNotice": Problem("retired", "stopped: its host is taken out of service", "run it again"),
    "InfrastructureHealth": Problem("retired", "stopped: its host is not healthy", "run it again"),
}
# The reason of these is free text of the caller, which no rule matches.
ON_REQUEST = "UserInitiated"
BY_SCHEDULER = "ServiceSchedulerInitiated"
FAILED_TO_START = "TaskFailedToStart"
BEFORE_START = Problem(
    "stopped", "stopped before it started", "if it took long to start, check the subnet's way out and the image's size"
)
NEVER_STARTED = Problem(
    "never_started", "the task failed to start", "check the execution role, the image, and the subnet's way out"
)
NO_EXIT_CODE = Problem("unknown", "ended without an exit code", "look at the log, and at the task in the ECS console")
START_UP_REMEDY = "look at that container's log, and fix what it does"
ORDER_UNKNOWN = "where one essential container ends, ECS stops the others, and does not say which was first"
NAME_CONTAINER = "name the container whose exit code decides: exit_container"
STOP_TIMEOUT = "it did not end within stopTimeout: raise it, or let the container end on SIGTERM"


def stop_cause(task: Mapping[str, Any], failure: Problem | None = None) -> Problem | None:
    """Return why a task ended, with the reasons of ECS and of the load tester.

    Args:
        task: a task as the module returns it (see ``tasks.task_of``). ``is_load_tester`` says whether it ran the load
            tester, ``start_up`` which container failed that another one waits for.
        failure: what the load tester's ``run.failed`` event reports, where it came.

    Returns:
        A problem whose kind is one of passed, image, architecture, command, secrets, log_driver, memory, disk,
        capacity, quota, spot, network, permission, signal, stopped, retired, health, exit_code, never_started and
        unknown. None while the task has not ended.
    """
    if task["last_status"] != "STOPPED":
        return None
    reasons = [*_reasons(task), *([one_line(failure.what)] if failure else [])]
    said = shortened(" | ".join(dict.fromkeys(reasons)), SAID_LIMIT)
    cause = _meaning(task, failure is not None or bool(task.get("is_load_tester")))
    # The load tester's own remedy is more exact than its exit code's.
    remedy = shortened(one_line(failure.remedy), REMEDY_LIMIT) if failure else ""
    what = cause.what + _exit_code(task) + _secret(cause, reasons, said) + (f": {said}" if said else "")
    return cause._replace(what=what, remedy=remedy or cause.remedy)


def _secret(cause: Problem, reasons: Sequence[str], said: str) -> str:
    """Return the name of the secret that a cause is about, where the shortened reason leaves it out."""
    found = SECRET_NAME.search(" ".join(reasons)) if cause.kind == "secrets" else None
    return f" ({found[1]})" if found and found[1] not in said else ""


def _meaning(task: Mapping[str, Any], is_load_tester: bool) -> Problem:
    stop_code, exit_code = task.get("stop_code"), task.get("exit_code")
    if exit_code == 0 and stop_code in (None, "", EXITED_CODE):
        # Exit 0 of the essential container decides, whatever other containers did.
        return exit_meaning(0)
    if task.get("start_up") and _has_not_started(task):
        return Problem("never_started", str(task["start_up"]), START_UP_REMEDY)
    if stop_code in STOP_CODES:
        return _meaning_of_stop(task)
    known = problem_for(_reasons(task))
    if known and (known.kind != "unknown" or exit_code is None):
        return known
    if stopped_after := _stopped_after(task):
        return stopped_after
    if exit_code is not None and (exit_code or stop_code != FAILED_TO_START):
        return exit_meaning(exit_code, is_load_tester)
    return NEVER_STARTED if stop_code == FAILED_TO_START or _has_not_started(task) else NO_EXIT_CODE


def _meaning_of_stop(task: Mapping[str, Any]) -> Problem:
    """Return why a task ended that a user or AWS has stopped."""
    stop_code, exit_code = task["stop_code"], task.get("exit_code")
    known = None
    if stop_code == ON_REQUEST:
        known = problem_for(_container_reasons(task))
    elif stop_code == BY_SCHEDULER:
        known = problem_for(_reasons(task))
    if known and known.kind != "unknown":
        return known
    if stop_code == ON_REQUEST and exit_code is None and _has_not_started(task):
        return BEFORE_START
    if stop_code == ON_REQUEST and exit_code is not None and signal_name(exit_code) == "SIGKILL":
        return STOP_CODES[stop_code]._replace(remedy=STOP_TIMEOUT)
    return STOP_CODES[stop_code]


def _stopped_after(task: Mapping[str, Any]) -> Problem | None:
    """Return why a task ended whose deciding container may have been stopped after another one; None of others."""
    containers = {one["name"]: one for one in task.get("containers") or [] if one.get("exit_code") is not None}
    decisive = containers.pop(task.get("exit_container"), None)
    if not decisive or not may_be_stopped(decisive):
        return None
    others = [one for one in containers.values() if not may_be_stopped(one)]
    if not others:
        return None
    beside = ", ".join(f"{shortened(one_line(one['name']), NAME_LIMIT)} with {one['exit_code']}" for one in others[:2])
    what = exit_meaning(decisive["exit_code"]).what
    return Problem("signal", f"{what}, {beside}: {ORDER_UNKNOWN}", NAME_CONTAINER)


def _has_not_started(task: Mapping[str, Any]) -> bool:
    return "started_at" in task and not task["started_at"]


def _reasons(task: Mapping[str, Any]) -> Iterator[str]:
    """Yield the reasons that are not empty, the task's first."""
    reason = one_line(str(task.get("stopped_reason") or ""))
    if reason and reason != EXITED_REASON:
        yield reason
    yield from _container_reasons(task)


def _container_reasons(task: Mapping[str, Any]) -> Iterator[str]:
    for container in task.get("containers") or []:
        if reason := one_line(str(container.get("reason") or "")):
            yield reason


def _exit_code(task: Mapping[str, Any]) -> str:
    exit_code = task.get("exit_code")
    if exit_code is None:
        return ""
    containers = task.get("containers") or []
    name = one_line(str(task.get("exit_container") or ""))
    whose = f" of {shortened(name, NAME_LIMIT)}" if exit_code and name and len(containers) > 1 else ""
    return f" (exit code {exit_code}{whose})"
