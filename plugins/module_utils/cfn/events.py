# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failures in a CloudFormation stack's events, their reasons and remedies: pure functions over DescribeStackEvents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem
from ansible_collections.gantry.ecs.plugins.module_utils.text.reason import one_line, shortened

STACK = "AWS::CloudFormation::Stack"
# Resources that were still in work when another one failed report a failure of their own, which explains nothing.
CONSEQUENCES = ("cancelled", "canceled", "the following resource(s) failed")
STARTS = frozenset(
    {"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "REVIEW_IN_PROGRESS"}
)
# The reason of a rollback or deletion that a caller requested; after a failure it names the resources instead.
REQUESTED = "user initiated"

REASON_LIMIT = 600  # characters shown of a reason
NO_REASON = "no reason given"

DENIED_ACTION = re.compile(r"not authorized to perform:? (?P<action>[a-z0-9-]+:[A-Za-z]+)", re.IGNORECASE)
# The first match counts: what AWS says of the cause is more telling than the kind that it files it under. Kinds are
# https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
REMEDIES = (
    (r"explicit deny", "it is denied on purpose: have the policy changed that forbids it (boundary or organization)"),
    (r"expired ?token|token [a-z ]*(is|has) expired|invalidcredentials", "log in again, then repeat the command"),
    (
        r"service.linked role",
        "create it, once per account: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
    ),
    (
        # https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
        r"reserved parameter name|be prefixed with",
        "let the parameter's name begin with neither aws nor ssm",
    ),
    (r"denied by stack policy|stack policy", "the stack's policy forbids it: have the policy changed, if it is meant"),
    (
        r"accessdenied|not authorized|unauthorizedoperation|unauthorizedtagging",
        "give the deploying identity this permission",
    ),
    (
        r"already exists|alreadyexists|in use by another|name_conflict",
        "the name is taken: remove the old resource, or set another ddbload_project",
    ),
    (
        r"limit ?exceeded|servicelimitexceeded|maximum number|quota",
        "request more from Service Quotas, or remove what is unused",
    ),
    (r"requires capabilities|insufficientcapabilities", "add what is named to capabilities"),
    (
        r"must have values|do not exist in the template|parameter .*(failed to satisfy|must)|parametervalue",
        "fix the parameter that is named",
    ),
    (r"cannot update a stack when a custom-named", "give the resource another name, or delete it first"),
    (
        r"termination ?protection is enabled",
        "to delete it, set termination_protection: false, or take the protection off: "
        "aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name <stack>",
    ),
    (r"is imported by|cannot be deleted as it is in use by", "delete the stack that imports it first"),
    (
        r"dependencyviolation|has (a )?dependent|has dependencies|cannot be deleted|is not empty|in use",
        "remove what still uses or fills it, then repeat the command",
    ),
    (
        r"not ?stabilized|timed out|time.?out|exceeded attempts to wait",
        "see the resource itself for what it waits for, then repeat the command",
    ),
    (
        r"throttl|rate exceeded|resourceconflict|serviceinternalerror|internalfailure|networkfailure",
        "a temporary fault: repeat the command",
    ),
    (r"user initiated|cancelled by|canceled by", "it was cancelled: repeat the command, if it is still wanted"),
    (r"template format|validation|invalidrequest|invalid", "fix the template or the parameter that is named"),
)

# Resource handlers append it; the remedy reads its kind before.
HANDLER_MARKS = re.compile(r"\s*\((RequestToken|Service): [^()]*(\([^()]*\)[^()]*)*\)")
HANDLER_WORDS = re.compile(r"^Resource handler returned message: ")
ENCODED = re.compile(r"\s*encoded authorization failure message: \S+", re.IGNORECASE)


class Cause(TypedDict):
    """Why an operation on a stack failed.

    Attributes:
        stack: name of the stack in which it happened, a nested one perhaps.
        resource: logical id of the resource.
        type: its type.
        status: the status it came to.
        reason: AWS's reason on one line.
        remedy: what to do about it; empty where nothing is known.
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
    """Return whether an operation on the stack itself starts with an event."""
    if not is_own(event):
        return False
    status, reason = str(event.get("ResourceStatus")), str(event.get("ResourceStatusReason") or "")
    # A rollback that is continued later is an operation of its own; one that a failure starts belongs to the update.
    is_continued = status == "UPDATE_ROLLBACK_IN_PROGRESS" and REQUESTED in reason.lower()
    return status in STARTS or is_continued


def is_own(event: Mapping[str, Any]) -> bool:
    """Return whether an event is about the stack itself, and not about a resource of it."""
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
    own = [event for event in last_operation(events) if is_own(event) and _is_failure(event)]
    return own[-1] if own else None


def cause_of(event: Mapping[str, Any]) -> Cause:
    """Return the cause of failure that an event reports."""
    reason = str(event.get("ResourceStatusReason") or "")
    return {
        "stack": str(event.get("StackName", "")),
        "resource": str(event.get("LogicalResourceId", "")),
        "type": str(event.get("ResourceType", "")),
        "status": str(event.get("ResourceStatus", "")),
        "reason": reason_text(reason),
        "remedy": remedy(reason),
    }


def cause_problem(cause: Cause, of_stack: str, before: str) -> Problem:
    """Return the problem that a cause makes: "before: resource (type) status: reason".

    Args:
        cause: what happened.
        of_stack: name of the stack that the reader knows; one that is nested in it is named.
        before: the clause that the cause follows, such as "stack x could not be created".
    """
    nested = f" of nested stack {cause['stack']}" if cause["stack"] not in ("", of_stack) else ""
    what = f"{cause['resource']} ({cause['type']}){nested} {cause['status']}: {cause['reason']}"
    return Problem("failed", f"{before}: {what}", cause["remedy"])


def remedy(reason: str) -> str:
    """Return the remedy for a failure, by AWS's own words for it.

    Args:
        reason: a resource's ResourceStatusReason, a change set's StatusReason or an error's message, as it came.

    Returns:
        An instruction; empty where none is known.
    """
    if (denied := DENIED_ACTION.search(reason)) and "explicit deny" not in reason.lower():
        return f"let the deploying identity do it: allow {denied['action']}"
    found = (advice for pattern, advice in REMEDIES if re.search(pattern, reason, re.IGNORECASE | re.DOTALL))
    return next(found, "")


def reason_text(reason: str | None) -> str:
    """Put a reason on one line, without request ids, quotes around all of it and what only AWS can decode.

    Args:
        reason: as it came; None or empty where there is none.
    """
    text = HANDLER_MARKS.sub("", ENCODED.sub("", one_line(reason or "")))
    text = HANDLER_WORDS.sub("", text).strip().strip('"').rstrip(". ")
    return shortened(text, REASON_LIMIT) or NO_REASON


def _is_failure(event: Mapping[str, Any]) -> bool:
    status = str(event.get("ResourceStatus", ""))
    return bool(event.get("ResourceStatusReason")) and (status.endswith("_FAILED") or "ROLLBACK_IN_PROGRESS" in status)


def _is_consequence(event: Mapping[str, Any]) -> bool:
    reason = str(event.get("ResourceStatusReason") or "").lower()
    return not reason or any(sign in reason for sign in CONSEQUENCES)
