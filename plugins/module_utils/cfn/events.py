# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CloudFormation stack's events tell of a failure: pure functions over DescribeStackEvents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.gantry.ecs.plugins.module_utils.cfn.remedies import reason_text, remedy

STACK = "AWS::CloudFormation::Stack"
# Resources that were still in work when another one failed report a failure of their own, which explains nothing.
CONSEQUENCES = ("cancelled", "canceled", "the following resource(s) failed")
STARTS = frozenset(
    {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "REVIEW_IN_PROGRESS"}
)
# A rollback or a deletion that was asked for says so; one that follows from a failure names the resources instead.
ASKED_FOR = "user initiated"


class Cause(TypedDict):
    """Why an operation on a stack failed.

    Attributes:
        stack: name of the stack in which it happened, a nested one perhaps.
        resource: logical id of the resource.
        type: its type.
        status: the status it came to.
        reason: AWS's reason on one line.
        remedy: how to mend it; empty where nothing is known.
    """

    stack: str
    resource: str
    type: str
    status: str
    reason: str
    remedy: str


def last_operation(events: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the events of the last operation on the stack.

    Args:
        events: the stack's events, newest first, as DescribeStackEvents returns them.
    """
    for event in events:
        yield event
        if is_start(event):
            return


def is_start(event: Mapping[str, Any]) -> bool:
    """Tell whether an operation on the stack itself begins with an event."""
    if not is_own(event):
        return False
    status, reason = str(event.get("ResourceStatus")), str(event.get("ResourceStatusReason") or "")
    # A rollback that is continued later is an operation of its own; one that a failure starts belongs to the update.
    is_continued = status == "UPDATE_ROLLBACK_IN_PROGRESS" and ASKED_FOR in reason.lower()
    return status in STARTS or is_continued


def is_own(event: Mapping[str, Any]) -> bool:
    """Tell whether an event is about the stack itself, and not about a resource of it."""
    return event.get("ResourceType") == STACK and event.get("PhysicalResourceId") == event.get("StackId")


def failures(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the events of resources that failed in the last operation, the earliest first.

    Args:
        events: the stack's events, newest first.

    Returns:
        Those that are causes; where there is none, those that are consequences of another failure.
    """
    failed = [
        event
        for event in last_operation(events)
        if str(event.get("ResourceStatus", "")).endswith("_FAILED") and not is_own(event)
    ][::-1]
    return [event for event in failed if not _is_consequence(event)] or failed


def first_failure(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Find the event that explains why the last operation failed.

    Args:
        events: the stack's events, newest first.

    Returns:
        The earliest ``*_FAILED`` of a resource that is a cause and not a consequence; where no resource failed, what
        the stack itself says of its failure or rollback; None where there is nothing. See
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
    """
    if failed := failures(events):
        return failed[0]
    told = [event for event in last_operation(events) if is_own(event) and _tells_a_failure(event)]
    return told[-1] if told else None


def cause_of(event: Mapping[str, Any]) -> Cause:
    """Put what an event tells of a failure into a cause."""
    reason = str(event.get("ResourceStatusReason") or "")
    return {
        "stack": str(event.get("StackName", "")),
        "resource": str(event.get("LogicalResourceId", "")),
        "type": str(event.get("ResourceType", "")),
        "status": str(event.get("ResourceStatus", "")),
        "reason": reason_text(reason),
        "remedy": remedy(reason),
    }


def cause_text(cause: Cause, of_stack: str) -> str:
    """Put a cause on one line: resource (type) status: reason -> remedy.

    Args:
        cause: what happened.
        of_stack: name of the stack that the reader knows of; another one, nested in it, is named.
    """
    nested = f" of nested stack {cause['stack']}" if cause["stack"] not in ("", of_stack) else ""
    told = f"{cause['resource']} ({cause['type']}){nested} {cause['status']}: {cause['reason']}"
    return told + (f" -> {cause['remedy']}" if cause["remedy"] else "")


def _tells_a_failure(event: Mapping[str, Any]) -> bool:
    status = str(event.get("ResourceStatus", ""))
    return bool(event.get("ResourceStatusReason")) and (status.endswith("_FAILED") or "ROLLBACK_IN_PROGRESS" in status)


def _is_consequence(event: Mapping[str, Any]) -> bool:
    reason = str(event.get("ResourceStatusReason") or "").lower()
    return not reason or any(sign in reason for sign in CONSEQUENCES)
