# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CloudFormation stack's status allows: pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any


class StackState(Enum):
    """What can be done with a stack, as its status says.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-console-view-stack-data-resources-status-codes
    """

    ABSENT = auto()  # there is none
    REVIEW = auto()  # a change set made it, nothing is in it
    IN_PROGRESS = auto()  # an operation is under way
    CREATE_FAILED = auto()  # its creation failed: only a deletion is possible
    ROLLBACK_FAILED = auto()  # its rollback failed, and has to be continued before anything else
    DELETE_FAILED = auto()  # its deletion or an import failed: a person decides about what is left
    READY = auto()  # it can be updated


STATES = {
    "REVIEW_IN_PROGRESS": StackState.REVIEW,
    "CREATE_FAILED": StackState.CREATE_FAILED,
    "ROLLBACK_COMPLETE": StackState.CREATE_FAILED,
    "ROLLBACK_FAILED": StackState.CREATE_FAILED,
    "UPDATE_ROLLBACK_FAILED": StackState.ROLLBACK_FAILED,
    "DELETE_FAILED": StackState.DELETE_FAILED,
    "IMPORT_ROLLBACK_FAILED": StackState.DELETE_FAILED,
    "DELETE_COMPLETE": StackState.ABSENT,
}
IN_PROGRESS = "_IN_PROGRESS"
DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
# The stack works on, with what it was before.
ROLLED_BACK = frozenset({"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE", "UPDATE_FAILED"})


def status_of(described: Mapping[str, Any] | None) -> str:
    """Return the status of a stack as DescribeStacks describes it; empty where there is none."""
    return str(described["StackStatus"]) if described else ""


def state_of(described: Mapping[str, Any] | None) -> StackState:
    """Return what can be done with a stack.

    Args:
        described: the stack as DescribeStacks describes it; None where there is none.
    """
    status = status_of(described)
    if not status:
        return StackState.ABSENT
    if status in STATES:
        return STATES[status]
    return StackState.IN_PROGRESS if status.endswith(IN_PROGRESS) else StackState.READY


def is_done(described: Mapping[str, Any] | None) -> bool:
    """Return whether the last operation on a stack did what was requested."""
    return status_of(described) in DONE


def is_rolled_back(described: Mapping[str, Any] | None) -> bool:
    """Return whether the last update failed and the stack works on as it was before."""
    return status_of(described) in ROLLED_BACK


def outputs_of(described: Mapping[str, Any] | None) -> dict[str, str]:
    """Return a stack's outputs by name."""
    return {one["OutputKey"]: one["OutputValue"] for one in (described or {}).get("Outputs") or []}


def parameters_of(described: Mapping[str, Any] | None) -> dict[str, str]:
    """Return a stack's parameters by name."""
    return {one["ParameterKey"]: one.get("ParameterValue", "") for one in (described or {}).get("Parameters") or []}


def is_protected(described: Mapping[str, Any] | None) -> bool:
    """Return whether AWS refuses to delete the stack (termination protection)."""
    return bool((described or {}).get("EnableTerminationProtection"))
