# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task ended: ECS' codes and reasons, the containers' exit codes and the load tester's own word in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.exit_codes import (
    Meaning,
    exit_meaning,
    signal_name,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.reasons import rule_for
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import may_be_stopped
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

TOLD_LIMIT = 330  # characters of what ECS and the load tester said
NAME_LIMIT = 48  # characters of a container's name

# What ECS says of every task whose container has ended; the exit code says more.
EXITED_CODE = "EssentialContainerExited"
EXITED_REASON = "Essential container in task exited"

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html (stopCode). With these somebody, or AWS, ended
# a task that may have been in order; its own exit code tells only how it took that.
STOP_CODES = {
    "UserInitiated": Meaning("stopped", "stopped on request", ""),
    "ServiceSchedulerInitiated": Meaning("stopped", "stopped by a service's scheduler", "run it outside of a service"),
    "SpotInterruption": Meaning("spot", "interrupted: Spot took its capacity back", "run it again, or on FARGATE"),
    "TerminationNotice": Meaning("retired", "stopped: its host is taken out of service", "run it again"),
    "InfrastructureHealth": Meaning("retired", "stopped: its host is not healthy", "run it again"),
}
# Who stops a task gives a reason in words of his own, which no rule knows.
ON_REQUEST = "UserInitiated"
BY_SCHEDULER = "ServiceSchedulerInitiated"
FAILED_TO_START = "TaskFailedToStart"
BEFORE_IT_BEGAN = Meaning(
    "stopped", "stopped before it began", "if it took long to begin, check the subnet's way out and the image's size"
)
NEVER_STARTED = Meaning(
    "never_started", "the task failed to start", "check the execution role, the image, and the subnet's way out"
)
NO_EXIT_CODE = Meaning("unknown", "ended without an exit code", "look at the log, and at the task in the ECS console")
LOOK_THERE = "look at that container's log, and mend what it does"
EITHER = "where one essential container ends, ECS stops the others, and does not say which was first"
NAME_IT = "name the container whose exit code decides: exit_container"
STOP_TIMEOUT = "it did not end within stopTimeout: raise it, or let the container end on SIGTERM"


class Cause(NamedTuple):
    """Why a task ended.

    Attributes:
        kind: one of passed, image, architecture, command, secrets, log_driver, memory, disk, capacity, quota, spot,
            network, permission, signal, stopped, retired, health, exit_code, never_started and unknown.
        text: one line: what (exit code): what ECS said -> how to mend it.
    """

    kind: str
    text: str


def stop_cause(task: Mapping[str, Any], failed_message: str | None = None) -> Cause | None:
    """Say in one line why a task ended, and what to do.

    Args:
        task: a task in our shape (see ``ecs_task.task_of``); ``speaks_ddbload`` tells whether it ran
            the load tester, ``start_up`` in which way a container failed that another one waits for.
        failed_message: the message of the load tester's ``run.failed`` event, where it came.

    Returns:
        None while the task has not ended.
    """
    if task["last_status"] != "STOPPED":
        return None
    told = list(dict.fromkeys(_reasons(task)))
    if failed_message:
        told.append(one_line(failed_message))
    meaning = _meaning(task, failed_message is not None or bool(task.get("speaks_ddbload")))
    said = shortened(" | ".join(told), TOLD_LIMIT)
    # The load tester's messages bring their own remedy.
    remedy = "" if failed_message and " -> " in said else meaning.remedy
    text = meaning.what + _exit_code(task) + (f": {said}" if said else "") + (f" -> {remedy}" if remedy else "")
    return Cause(meaning.kind, text)


def _meaning(task: Mapping[str, Any], speaks_ddbload: bool) -> Meaning:
    stop_code, exit_code = task.get("stop_code"), task.get("exit_code")
    if exit_code == 0 and stop_code in (None, "", EXITED_CODE):
        # Whatever befell a container that is not essential.
        return exit_meaning(0)
    if task.get("start_up") and _has_not_begun(task):
        return Meaning("never_started", str(task["start_up"]), LOOK_THERE)
    if stop_code in STOP_CODES:
        return _meaning_of_stop(task)
    rule = rule_for(_reasons(task))
    if rule and (rule.kind != "unknown" or exit_code is None):
        return Meaning(rule.kind, rule.what, rule.remedy)
    if stopped_after := _stopped_after(task):
        return stopped_after
    if exit_code is not None and (exit_code or stop_code != FAILED_TO_START):
        return exit_meaning(exit_code, speaks_ddbload)
    return NEVER_STARTED if stop_code == FAILED_TO_START or _has_not_begun(task) else NO_EXIT_CODE


def _meaning_of_stop(task: Mapping[str, Any]) -> Meaning:
    """Tell the meaning of the end of a task that somebody, or AWS, has ended."""
    stop_code, exit_code = task["stop_code"], task.get("exit_code")
    rule = None
    if stop_code == ON_REQUEST:
        rule = rule_for(_container_reasons(task))
    elif stop_code == BY_SCHEDULER:
        rule = rule_for(_reasons(task))
    if rule and rule.kind != "unknown":
        return Meaning(rule.kind, rule.what, rule.remedy)
    if stop_code == ON_REQUEST and exit_code is None and _has_not_begun(task):
        return BEFORE_IT_BEGAN
    if stop_code == ON_REQUEST and exit_code is not None and signal_name(exit_code) == "SIGKILL":
        return STOP_CODES[stop_code]._replace(remedy=STOP_TIMEOUT)
    return STOP_CODES[stop_code]


def _stopped_after(task: Mapping[str, Any]) -> Meaning | None:
    """Tell the meaning of a code that a container has after another one ended by itself, or before; None of others."""
    containers = {one["name"]: one for one in task.get("containers") or [] if one.get("exit_code") is not None}
    decisive = containers.pop(task.get("exit_container"), None)
    if not decisive or not may_be_stopped(decisive):
        return None
    others = [one for one in containers.values() if not may_be_stopped(one)]
    if not others:
        return None
    beside = ", ".join(f"{shortened(one_line(one['name']), NAME_LIMIT)} with {one['exit_code']}" for one in others[:2])
    what = exit_meaning(decisive["exit_code"]).what
    return Meaning("signal", f"{what}, {beside}: {EITHER}", NAME_IT)


def _has_not_begun(task: Mapping[str, Any]) -> bool:
    return "started_at" in task and not task["started_at"]


def _reasons(task: Mapping[str, Any]) -> Iterator[str]:
    """Give the reasons that say something, the task's first."""
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
