# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules ``cfn_stack`` and ``cfn_stacks`` return: outcomes, written as their results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.change_set.changes import diff_lines
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import Cause
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import outputs_of, status_of
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem


@dataclass
class Outcome:
    """How a call ended for one stack.

    Attributes:
        message: the result in one line; empty where it failed.
        problem: why the requested state was not reached; None where it was.
        changed: whether something was changed, or would be.
        described: the stack as DescribeStacks described it last; None where there is none.
        changes: the change to each resource, made or planned.
        lines: other changes, made or planned, for people.
        cause: why it failed.
        operation: the token of the started operation; None for none.
        warnings: for the user.
    """

    message: str = ""
    problem: Problem | None = None
    changed: bool = False
    described: Mapping[str, Any] | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    cause: Cause | None = None
    operation: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The line that a user reads."""
        return self.problem.line() if self.problem else self.message


def stack_result(outcome: Outcome, stack_name: str, elapsed_s: float, with_diff: bool) -> dict[str, Any]:
    """Put an outcome into what the module returns.

    Args:
        outcome: what became of the call.
        stack_name: name of the stack.
        elapsed_s: seconds that it took.
        with_diff: whether to return a difference for people.

    Returns:
        The module's documented values, and Ansible's ``changed``, ``failed`` and ``diff``.
    """
    result: dict[str, Any] = {
        "changed": outcome.changed,
        "failed": outcome.problem is not None,
        "msg": outcome.line,
        "stack_name": stack_name,
        "stack_id": (outcome.described or {}).get("StackId"),
        "status": status_of(outcome.described) or None,
        "outputs": outputs_of(outcome.described),
        "changes": outcome.changes,
        "problem": outcome.problem._asdict() if outcome.problem else None,
        "cause": outcome.cause,
        "operation": outcome.operation,
        "elapsed_s": round(elapsed_s, 1),
        "warnings": outcome.warnings,
    }
    lines = [*diff_lines(outcome.changes), *(f"  {line}" for line in outcome.lines)]
    if with_diff and lines:
        result["diff"] = {"prepared": "\n".join([f"stack {stack_name}", *lines]) + "\n"}
    return result


def set_result(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what the module ``cfn_stacks`` returns.

    Args:
        results: what ``stack_result`` returned for each stack.

    Returns:
        The module's documented values, and Ansible's ``changed``, ``failed``, ``warnings`` and ``diff``. The message
        has a line for each stack that failed, the earliest first; where none failed, for each stack.
    """
    failed = sorted((one for one in results if one["failed"]), key=lambda one: one["elapsed_s"])
    diffs = [one["diff"]["prepared"] for one in results if "diff" in one]
    return {
        "changed": any(one["changed"] for one in results),
        "failed": bool(failed),
        # Stacks that failed for the same reason, for example expired credentials, share a line.
        "msg": "\n".join(dict.fromkeys(one["msg"] for one in failed or results)),
        "stacks": [{key: one[key] for key in one if key not in ("diff", "warnings")} for one in results],
        "outputs": {one["stack_name"]: one["outputs"] for one in results},
        "warnings": [warning for one in results for warning in one["warnings"]],
        **({"diff": {"prepared": "".join(diffs)}} if diffs else {}),
    }
