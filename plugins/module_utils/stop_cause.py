# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a task ended: ECS' codes and reasons, container exit codes and the load tester's own word in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# The exit codes of `ddbload run`, each with what it means and what to do.
DDBLOAD_EXIT_CODES = {
    0: ("passed", ""),
    1: ("internal error", "look at the last log lines, and report them"),
    2: ("bad configuration", "mend the scenario"),
    3: ("a threshold failed", "the table did not behave as asked: look at the results"),
    4: ("lost or corrupt writes", "look at the results before the table is used again"),
    5: ("target unusable", "check the table's name, the task role and the way to DynamoDB"),
    6: ("stopped early", "the results are partial"),
}

# Ends by a signal are 128 plus the signal's number.
SIGNAL_EXIT_CODES = {
    134: ("aborted (SIGABRT)", "look at the log"),
    137: ("killed (SIGKILL)", "out of memory, or it did not end within stopTimeout: give it more memory or time"),
    139: ("crashed (SIGSEGV)", "look at the log"),
    143: ("ended by SIGTERM", "something stopped the task"),
}

# Patterns over stoppedReason and the containers' reasons, the first that matches wins; the wording is listed in
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
REASONS = (
    (r"OutOfMemory", "a container ran out of memory", "raise the task's memory, or lower the concurrency"),
    (
        r"(CannotPull|pull image).*(404|not found|does not exist|manifest unknown|no such image)",
        "the image does not exist",
        "build and push the image, or mend its tag in the task definition",
    ),
    (
        r"(CannotPull|pull image).*(AccessDenied|not authorized|denied|no basic auth)",
        "the image may not be pulled",
        "let the execution role pull from this repository",
    ),
    (
        r"CannotPull|pull image",
        "the image could not be pulled",
        "give the subnet a way to the registry: NAT, or the endpoints ecr.api, ecr.dkr and S3's gateway",
    ),
    (
        r"ResourceInitializationError.*(log group|CreateLogStream|PutLogEvents|awslogs|logger)",
        "the log driver could not start",
        "make the log group, and let the execution role write to it",
    ),
    (
        r"ResourceInitializationError.*(AccessDenied|not authorized)",
        "the execution role may not read what the task needs",
        "give it the rights that the reason names",
    ),
    (
        r"ResourceInitializationError.*(secret|ssm|parameter|registry auth)",
        "secrets, parameters or the registry's login could not be fetched",
        "check that they exist, the execution role, and the subnet's way out: NAT, or interface endpoints",
    ),
    (
        r"ResourceInitializationError",
        "the task's surroundings could not be set up",
        "check the execution role and the subnet's way out: NAT, or interface endpoints",
    ),
    (r"Capacity is unavailable|RESOURCE:|insufficient capacity", "no capacity", "try again later, or other zones"),
    (r"CannotStartContainer", "a container could not be started", "check the command and the image's architecture"),
    (r"CannotCreateContainer", "a container could not be created", "check the task definition"),
    (r"Timeout waiting for network interface|\bENI\b", "no network interface", "check the subnet's free addresses"),
)

STOP_CODES = {
    "TaskFailedToStart": ("the task failed to start", "look at the reason"),
    "UserInitiated": ("stopped on request", ""),
    "SpotInterruption": ("interrupted: Fargate Spot took its capacity back", "run it on FARGATE, or again"),
    "TerminationNotice": ("stopped: AWS retired the host", "run it again"),
    "ServiceSchedulerInitiated": ("stopped by a service's scheduler", "run it outside of a service"),
}


def stop_cause(task: Mapping[str, Any], failed_message: str | None = None) -> str | None:
    """Say in one line why a task ended, and what to do.

    Args:
        task: a task in our shape (see ``ecs_task.task_of``).
        failed_message: the message of the load tester's ``run.failed`` event.

    Returns:
        None while the task has not ended.
    """
    if task["last_status"] != "STOPPED":
        return None
    reasons = [task["stopped_reason"], *(one["reason"] for one in task["containers"])]
    told = " | ".join(dict.fromkeys(one_line(reason) for reason in reasons if reason))
    exit_code = task["exit_code"]
    for pattern, what, remedy in REASONS:
        if re.search(pattern, told, re.IGNORECASE):
            return _line(what, exit_code, told, remedy)
    if failed_message and exit_code:
        meaning = DDBLOAD_EXIT_CODES.get(exit_code, ("failed", ""))[0]
        return _line(meaning, exit_code, one_line(failed_message), "")
    if task["stop_code"] in STOP_CODES:
        what, remedy = STOP_CODES[task["stop_code"]]
        return _line(what, exit_code, told, remedy)
    if exit_code is None:
        return _line("ended without an exit code", None, told, "look at the reason and the log")
    meaning, remedy = {**DDBLOAD_EXIT_CODES, **SIGNAL_EXIT_CODES}.get(exit_code, ("failed", "look at the log"))
    return _line(meaning, exit_code, "", remedy)


def one_line(text: str) -> str:
    """Put a text on one line."""
    return " ".join(text.split())


def _line(what: str, exit_code: int | None, told: str, remedy: str) -> str:
    code = "" if exit_code is None else f" (exit code {exit_code})"
    return f"{what}{code}" + (f": {told}" if told else "") + (f" -> {remedy}" if remedy else "")
