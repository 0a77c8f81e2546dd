# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CloudFormation stack's status means for who wants to change it: pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any


class Standing(Enum):
    """What can be done with a stack, as its status says.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-console-view-stack-data-resources-status-codes
    """

    ABSENT = auto()  # there is none
    REVIEW = auto()  # a change set made it, nothing is in it
    BUSY = auto()  # an operation is under way
    NEVER_WAS = auto()  # its creation failed: nothing but a deletion is possible
    STUCK = auto()  # its rollback failed, and has to be continued before anything else
    BROKEN = auto()  # its deletion or an import failed: what it has left is for people to judge
    READY = auto()  # it can be updated


STANDINGS = {
    "REVIEW_IN_PROGRESS": Standing.REVIEW,
    "CREATE_FAILED": Standing.NEVER_WAS,
    "ROLLBACK_COMPLETE": Standing.NEVER_WAS,
    "ROLLBACK_FAILED": Standing.NEVER_WAS,
    "UPDATE_ROLLBACK_FAILED": Standing.STUCK,
    "DELETE_FAILED": Standing.BROKEN,
    "IMPORT_ROLLBACK_FAILED": Standing.BROKEN,
    "DELETE_COMPLETE": Standing.ABSENT,
}
BUSY_END = "_IN_PROGRESS"
DONE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
# The stack works on, with what it was before.
TAKEN_BACK = frozenset({"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE", "UPDATE_FAILED"})


def status_of(described: Mapping[str, Any] | None) -> str:
    """Return the status of a stack as DescribeStacks tells of it; empty where there is none."""
    return str(described["StackStatus"]) if described else ""


def standing(described: Mapping[str, Any] | None) -> Standing:
    """Tell what can be done with a stack.

    Args:
        described: the stack as DescribeStacks tells of it; None where there is none.
    """
    status = status_of(described)
    if not status:
        return Standing.ABSENT
    if status in STANDINGS:
        return STANDINGS[status]
    return Standing.BUSY if status.endswith(BUSY_END) else Standing.READY


def is_done(described: Mapping[str, Any] | None) -> bool:
    """Tell whether the last operation on a stack did what was asked."""
    return status_of(described) in DONE


def is_taken_back(described: Mapping[str, Any] | None) -> bool:
    """Tell whether the last update failed and the stack works on as it was before."""
    return status_of(described) in TAKEN_BACK


def outputs_of(described: Mapping[str, Any] | None) -> dict[str, str]:
    """Return a stack's outputs by name."""
    return {one["OutputKey"]: one["OutputValue"] for one in (described or {}).get("Outputs") or []}


def parameters_of(described: Mapping[str, Any] | None) -> dict[str, str]:
    """Return a stack's parameters by name."""
    return {one["ParameterKey"]: one.get("ParameterValue", "") for one in (described or {}).get("Parameters") or []}


def is_protected(described: Mapping[str, Any] | None) -> bool:
    """Tell whether AWS refuses to delete the stack (termination protection)."""
    return bool((described or {}).get("EnableTerminationProtection"))
