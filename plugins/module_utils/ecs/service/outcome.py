# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``ecs_service`` returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import Observation
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.progress import ServiceProgress
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


@dataclass
class Outcome:
    """How a call ended.

    Attributes:
        message: the result in one line; empty where it failed.
        problem: why the service is not in the requested state; None where it is.
        changed: whether something was changed, or would be.
        seen: the last observation; None where there is none.
        progress: what followed the deployment; None where nothing did.
        previous: ARN of the task definition that the service had before; empty where it is not known.
        unmet: conditions that are not met.
        diff: texts for --diff, before and after; None for none.
        log_lines: the last lines of the logs of failed tasks, by id of the task.
        warnings: for the user.
        calls: number of calls of AWS for observations.
        elapsed_s: seconds that the call took.
    """

    message: str = ""
    problem: Problem | None = None
    changed: bool = False
    seen: Observation | None = None
    progress: ServiceProgress | None = None
    previous: str = ""
    unmet: tuple[str, ...] = ()
    diff: tuple[str, str] | None = None
    log_lines: dict[str, list[str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    calls: int = 0
    elapsed_s: float = 0.0


def service_result(outcome: Outcome) -> dict[str, Any]:
    """Put an outcome into what the module returns.

    Args:
        outcome: what became of the call.

    Returns:
        The documented values, and Ansible's ``changed``, ``failed``, ``warnings`` and ``diff``.
    """
    seen = outcome.seen
    deployment, primary = (seen.deployment, seen.primary) if seen else (None, None)
    progress = outcome.progress
    if progress:
        deployment = progress.deployment
    cause = progress.first_cause(deployment) if progress and outcome.problem else None
    result: dict[str, Any] = {
        "changed": outcome.changed,
        "failed": outcome.problem is not None,
        "msg": outcome.problem.line() if outcome.problem else outcome.message,
        "status": (seen.status or None) if seen else None,
        "task_definition": (primary.task_definition or None) if primary else None,
        "previous_task_definition": outcome.previous or None,
        "desired_count": seen.desired if seen else None,
        "running_count": seen.running if seen else None,
        "deployment": deployment.arn if deployment else None,
        "deployment_status": deployment.status if deployment else None,
        "unmet": list(outcome.unmet),
        "failed_tasks": [
            {
                "task_id": one.task_id,
                "cause": one.cause.line(),
                "cause_kind": one.cause.kind,
                "exit_code": one.exit_code,
                "stopped_at": one.stopped_at.isoformat() if one.stopped_at else None,
                "log_group": one.log_group or None,
                "log_stream": one.log_stream or None,
                "log_lines": outcome.log_lines.get(one.task_id, []),
            }
            for one in (progress.failures if progress else [])
        ],
        "problem": outcome.problem._asdict() if outcome.problem else None,
        "cause": cause._asdict() if cause else None,
        "calls": outcome.calls,
        "elapsed_s": round(outcome.elapsed_s, 1),
        "warnings": outcome.warnings,
    }
    if outcome.diff and outcome.diff[0] != outcome.diff[1]:
        before, after = outcome.diff
        result["diff"] = {"before": before, "after": after}
    return result
