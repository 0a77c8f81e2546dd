# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a CloudFormation stack's events tell of a failure: pure functions over DescribeStackEvents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# Resources that were still in work when another one failed report a failure of their own, which explains nothing.
CONSEQUENCES = ("cancelled", "canceled", "the following resource(s) failed")

REMEDIES = (
    (("accessdenied", "not authorized", "unauthorizedoperation"), "give the deploying identity this permission"),
    (("already exists", "alreadyexists"), "the name is taken: remove the old resource, or set another ddbload_project"),
    (("limitexceeded", "limit exceeded", "maximum number"), "ask Service Quotas for more, or remove what is unused"),
    (("expiredtoken", "token has expired", "security token"), "log in again, then repeat the command"),
    (("cannot be deleted", "dependencyviolation"), "remove what still uses it, then repeat the command"),
)


def first_failure(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Find the first cause of a stack's last failed operation.

    Args:
        events: the stack's events, newest first as DescribeStackEvents returns them, keys in snake case.

    Returns:
        ``resource``, ``type``, ``status``, ``reason`` and ``remedy`` (empty where none is known) of the earliest
        ``*_FAILED`` event that is a cause and not a consequence; an empty dict where there is none. See
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
    """
    failures = [event for event in _last_operation(events) if str(event.get("resource_status", "")).endswith("_FAILED")]
    causes = [event for event in failures if not _is_consequence(_reason(event))]
    if not (causes or failures):
        return {}
    cause = (causes or failures)[-1]
    return {
        "resource": str(cause.get("logical_resource_id", "")),
        "type": str(cause.get("resource_type", "")),
        "status": str(cause.get("resource_status", "")),
        "reason": _reason(cause),
        "remedy": remedy(_reason(cause)),
    }


def remedy(reason: str) -> str:
    """Say how to mend a failure, from AWS's own words for it; empty where nothing is known.

    Args:
        reason: a ``ResourceStatusReason`` or an error message.
    """
    words = reason.lower()
    return next((advice for signs, advice in REMEDIES if any(sign in words for sign in signs)), "")


def _last_operation(events: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for event in events:
        yield event
        status = str(event.get("resource_status", ""))
        is_stack = event.get("resource_type") == "AWS::CloudFormation::Stack"
        own = event.get("physical_resource_id") == event.get("stack_id")
        if is_stack and own and status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"):
            return


def _reason(event: Mapping[str, Any]) -> str:
    return " ".join(str(event.get("resource_status_reason") or "no reason given").split())


def _is_consequence(reason: str) -> bool:
    return any(sign in reason.lower() for sign in CONSEQUENCES)
