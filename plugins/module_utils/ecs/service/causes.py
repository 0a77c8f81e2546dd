# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a service does not come up: the causes of its stopped tasks, of its events and of its targets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.log_location import container_log_location
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import StoppedTask, Target
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.cause import stop_cause
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.reasons import problem_for
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.stopped.rule import Rule, first_match
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tasks import essential_containers, task_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

REASON_LIMIT = 330  # characters shown of a reason
# ECS, AWS or a user ended the task; the revision itself may be in order.
OUTSIDE_KINDS = frozenset({"stopped", "spot", "retired"})
HEALTH_REMEDY = "fix the path and port of the target group's health check, or what the container answers there"
GRACE_REMEDY = f"{HEALTH_REMEDY}; where it starts slowly, raise the service's healthCheckGracePeriodSeconds"
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
SERVICE_RULES = (
    Rule(
        (r"ELB health checks|unhealthy in .{0,20}target.?group",),
        Problem("health", "the load balancer found the task unhealthy", GRACE_REMEDY),
    ),
)
PASSED = Problem(
    "exit_code",
    "the container of a service ended by itself (exit code 0)",
    "let its process go on; run a command that ends as a task",
)
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html
FAILURE_EVENT = re.compile(
    r"unable to (place|assume|start|consistently start|pull|register|run)|failed to (launch|start|register)"
    r"|was unable to|unhealthy in|reached the limit|error\b.*(occurred|when)",
    re.IGNORECASE,
)
EVENT_REMEDY = "fix what the event names, then deploy again"
# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
TARGET_REMEDIES = {
    "Target.ResponseCodeMismatch": HEALTH_REMEDY,
    "Target.Timeout": "let the tasks' security group admit the load balancer's, and check the port of the container",
    "Target.FailedHealthChecks": "let the container listen on the port of the target group, on all addresses",
    "Target.NotInUse": "give the target group a listener rule, and the load balancer the zones of the tasks",
    "Target.InvalidState": "see why the task stopped",
    "Elb.InternalError": "a fault of AWS: wait, or try again later",
}


def stopped_task(described: Mapping[str, Any], definition: Mapping[str, Any]) -> StoppedTask:
    """Return a task of a service that has stopped, with its cause.

    Args:
        described: the task as DescribeTasks returns it.
        definition: its task definition, as DescribeTaskDefinition returns it; empty where it is not known.
    """
    known = definition.get("containerDefinitions")
    deciding = essential_containers(definition) if known else [one["name"] for one in described.get("containers") or []]
    task = task_of(described, deciding)
    cause = _cause(task)
    location = container_log_location(definition, str(task["exit_container"])) if known else None
    return StoppedTask(
        task_id=task["task_id"],
        task_definition=described.get("taskDefinitionArn", ""),
        created_at=described.get("createdAt"),
        stopped_at=described.get("stoppedAt"),
        cause=cause,
        is_failure=cause.kind not in OUTSIDE_KINDS,
        exit_code=task["exit_code"],
        log_group=location.group if location else "",
        log_stream=f"{location.prefix}/{task['task_id']}" if location else "",
    )


def _cause(task: Mapping[str, Any]) -> Problem:
    found = stop_cause(task) or Problem("unknown", "the task has not stopped")
    reason = one_line(str(task.get("stopped_reason") or ""))
    if ours := first_match(SERVICE_RULES, [reason]):
        return ours._replace(what=f"{ours.what}: {shortened(reason, REASON_LIMIT)}")
    if found.kind == "passed":
        return PASSED
    # ECS starts another task by itself.
    return found._replace(remedy="") if found.kind in OUTSIDE_KINDS else found


def event_cause(message: str) -> Problem | None:
    """Return the problem that a service event reports; None where it reports none.

    Args:
        message: the event's text.
    """
    text = one_line(message)
    if not FAILURE_EVENT.search(text):
        return None
    known = first_match(SERVICE_RULES, [text]) or problem_for([text])
    kind, remedy = (known.kind, known.remedy) if known else ("event", EVENT_REMEDY)
    return Problem(kind, shortened(text, REASON_LIMIT).rstrip("."), remedy)


def target_cause(target: Target) -> Problem:
    """Return the problem of a target that gets no requests."""
    said = one_line(target.description or target.reason)
    what = f"target {target.address} is {target.state}" + (f": {shortened(said, REASON_LIMIT)}" if said else "")
    return Problem("health", what, TARGET_REMEDIES.get(target.reason, HEALTH_REMEDY))
