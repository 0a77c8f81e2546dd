# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes of tasks, events and targets of a service."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.causes import (
    event_cause,
    stopped_task,
    target_cause,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import StoppedTask, Target

EXITED = "Essential container in task exited"


def task(code: str, reason: str, exit_code: int | None = None) -> StoppedTask:
    container: dict[str, Any] = {"name": "web"} if exit_code is None else {"name": "web", "exitCode": exit_code}
    described = {"taskArn": "arn:task/shop/a", "lastStatus": "STOPPED", "containers": [container]}
    return stopped_task({**described, "stopCode": code, "stoppedReason": reason}, {})


@pytest.mark.parametrize(
    ("code", "reason", "exit_code", "kind"),
    [
        ("EssentialContainerExited", EXITED, 1, "exit_code"),
        ("EssentialContainerExited", EXITED, 0, "exit_code"),
        ("TaskFailedToStart", "CannotPullContainerError: pull image manifest: x:8: not found", None, "image"),
        (
            "TaskFailedToStart",
            "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: "
            "ResourceNotFoundException: Secrets Manager can't find the specified secret",
            None,
            "secrets",
        ),
        ("ServiceSchedulerInitiated", "Task failed container health checks", 143, "health"),
        ("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group arn:aws:x)", 143, "health"),
    ],
)
def test_task_that_failed_counts(code: str, reason: str, exit_code: int | None, kind: str) -> None:
    found = task(code, reason, exit_code)
    assert (found.cause.kind, found.is_failure) == (kind, True) and found.cause.remedy


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)"),
        ("UserInitiated", "Task stopped by user"),
        ("SpotInterruption", "Your Spot Task was interrupted."),
        ("TerminationNotice", "host retired"),
    ],
)
def test_task_that_was_stopped_does_not_count(code: str, reason: str) -> None:
    found = task(code, reason, 143)
    assert not found.is_failure and found.cause.remedy == ""


def test_load_balancer_is_named_with_its_reason() -> None:
    line = task(
        "ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group arn:aws:x)", 143
    ).cause.line()
    assert line.startswith("the load balancer found the task unhealthy: Task failed ELB health checks in (target-group")
    assert "healthCheckGracePeriodSeconds" in line


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (
            "(service web) was unable to place a task because no container instance met all of its requirements.",
            "event",
        ),
        ("(service web) failed to launch a task with (error ECS was unable to assume the role 'arn:x').", "permission"),
        ("(service web) (port 80) is unhealthy in (target-group arn:x) due to (reason Request timed out)", "health"),
        ("(service web) is unable to consistently start tasks successfully.", "event"),
    ],
)
def test_event_of_a_failure_is_a_cause(message: str, kind: str) -> None:
    found = event_cause(message)
    assert found and found.remedy and found.what == message.rstrip(".")
    assert found.kind == kind or kind == "event"


@pytest.mark.parametrize(
    "message",
    [
        "(service web) has reached a steady state.",
        "(service web) has started 2 tasks: (task a) (task b).",
        "(service web) registered 1 targets in (target-group arn:x)",
        "(service web) (deployment ecs-svc/1) deployment completed.",
    ],
)
def test_event_of_progress_is_no_cause(message: str) -> None:
    assert event_cause(message) is None


def test_target_has_a_remedy_by_its_reason() -> None:
    slow = Target("g", "10.0.0.1:80", "unhealthy", "Target.Timeout", "Request timed out")
    assert target_cause(slow).line() == (
        "target 10.0.0.1:80 is unhealthy: Request timed out -> let the tasks' security group admit the load "
        "balancer's, and check the port of the container"
    )
