# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module ``cfn_stack`` returns: an outcome, put into its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.change_set.changes import diff_lines
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import Cause
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import outputs_of, status_of


@dataclass
class Outcome:
    """What became of a call.

    Attributes:
        message: it in one line.
        changed: whether something was changed, or would be.
        failed: whether what was asked for did not come about.
        described: the stack as DescribeStacks told of it last; None where there is none.
        changes: what was done to each resource, or would be.
        lines: what else was done, or would be, for people.
        cause: why it failed.
        operation: what marks the operation that was started; None for none.
        warnings: what the user has to know besides.
    """

    message: str = ""
    changed: bool = False
    failed: bool = False
    described: Mapping[str, Any] | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    cause: Cause | None = None
    operation: str | None = None
    warnings: list[str] = field(default_factory=list)


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
        "failed": outcome.failed,
        "msg": outcome.message,
        "stack_name": stack_name,
        "stack_id": (outcome.described or {}).get("StackId"),
        "status": status_of(outcome.described) or None,
        "outputs": outputs_of(outcome.described),
        "changes": outcome.changes,
        "cause": outcome.cause,
        "operation": outcome.operation,
        "elapsed_s": round(elapsed_s, 1),
    }
    lines = [*diff_lines(outcome.changes), *(f"  {line}" for line in outcome.lines)]
    if with_diff and lines:
        result["diff"] = {"prepared": "\n".join([f"stack {stack_name}", *lines]) + "\n"}
    return result
