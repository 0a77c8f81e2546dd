# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One CloudFormation stack in the account: its description, its events and its causes of failure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import said_with
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.events import (
    STACK,
    Cause,
    cause_of,
    first_failure,
    is_own,
    last_operation,
    reason_text,
    remedy,
)

DEPTH = 5  # stacks nested in each other that are looked into for a cause
# What CloudFormation sets on the event of a stack that did not pass the validation before its first resource.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
NOT_VALID = "VALIDATION_FAILED"


class Stack:
    """A stack by its name.

    Args:
        client: returns a CloudFormation client that repeats calls which did not get through.
        name: of the stack.
    """

    def __init__(self, client: Callable[[], Any], name: str) -> None:
        self._client, self.name = client, name

    @property
    def client(self) -> Any:
        """A CloudFormation client."""
        return self._client()

    def look(self, stack_id: str | None = None) -> Mapping[str, Any] | None:
        """Return the stack as DescribeStacks describes it; None where there is none.

        Args:
            stack_id: its ARN; a stack that was deleted is found by that only.
        """
        try:
            found = self.client.describe_stacks(StackName=stack_id or self.name)["Stacks"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        described: Mapping[str, Any] | None = found[0] if found else None
        return described

    def last_operation(self, stack_id: str) -> list[Mapping[str, Any]]:
        """Return the events of the last operation on the stack, newest first."""
        try:
            return list(last_operation(self._events(stack_id)))
        except ClientError as error:
            if is_missing(error):
                return []
            raise

    def cause(self, events: list[Mapping[str, Any]], depth: int = DEPTH) -> Cause | None:
        """Find the first cause of a failure, in nested stacks too, and in what CloudFormation validates beforehand.

        Args:
            events: of the operation that failed, newest first.
            depth: how many nested stacks are looked into.
        """
        event = first_failure(events)
        if event is None:
            return None
        if is_own(event) and event.get("DetailedStatus") == NOT_VALID:
            return self._validation_cause(StackName=str(event["StackId"])) or cause_of(event)
        nested = str(event.get("PhysicalResourceId") or "")
        if event.get("ResourceType") == STACK and not is_own(event) and nested and depth:
            return self.cause(self.last_operation(nested), depth - 1) or cause_of(event)
        return cause_of(event)

    def change_set_cause(self, change_set: Mapping[str, Any]) -> Cause:
        """Say why a change set failed.

        Args:
            change_set: as DescribeChangeSet describes it.
        """
        reason = str(change_set.get("StatusReason") or "")
        cause: Cause = {
            "stack": self.name,
            "resource": self.name,
            "type": STACK,
            "status": "FAILED",
            "reason": reason_text(reason),
            "remedy": remedy(reason),
        }
        if "DescribeEvents" not in reason and "validation" not in reason.lower():
            return cause
        return self._validation_cause(ChangeSetName=str(change_set["ChangeSetId"])) or cause

    def change_set_warnings(self, change_set_id: str) -> list[str]:
        """Return what CloudFormation warns of beforehand, for example a quota that the change set would exceed."""
        events = self._validation_events(ChangeSetName=change_set_id)
        warned = [one for one in events if one.get("ValidationFailureMode") == "WARN"]
        return [
            f"{one.get('LogicalResourceId', self.name)}: {reason_text(one.get('ValidationStatusReason'))}"
            for one in warned
        ]

    def policy(self) -> Any:
        """Return the stack's policy; None where it has none."""
        body = self.client.get_stack_policy(StackName=self.name).get("StackPolicyBody")
        return json.loads(body) if body else None

    def change_sets(self) -> list[str]:
        """Return the names of the stack's change sets."""
        names: list[str] = []
        more: dict[str, Any] = {}
        try:
            while True:
                response = self.client.list_change_sets(StackName=self.name, **more)
                names += [one["ChangeSetName"] for one in response["Summaries"]]
                if not response.get("NextToken"):
                    return names
                more = {"NextToken": response["NextToken"]}
        except ClientError as error:
            if is_missing(error):
                return []
            raise

    def _events(self, stack_id: str) -> Iterator[Mapping[str, Any]]:
        more: dict[str, Any] = {}
        while True:
            response = self.client.describe_stack_events(StackName=stack_id, **more)
            yield from response["StackEvents"]
            if not response.get("NextToken"):
                return
            more = {"NextToken": response["NextToken"]}

    def _validation_cause(self, **of: str) -> Cause | None:
        failed = [one for one in self._validation_events(**of) if one.get("ValidationFailureMode") != "WARN"]
        if not failed:
            return None
        one = failed[0]
        reason, path = str(one.get("ValidationStatusReason") or ""), one.get("ValidationPath")
        return {
            "stack": self.name,
            "resource": str(one.get("LogicalResourceId", "")),
            "type": str(one.get("ResourceType", "")),
            "status": str(one.get("ValidationName") or NOT_VALID),
            "reason": reason_text(reason) + (f" ({path})" if path else ""),
            "remedy": remedy(f"{one.get('ValidationName', '')} {reason}"),
        }

    def _validation_events(self, **of: str) -> list[Mapping[str, Any]]:
        # Optional detail: ignored where the caller lacks the permission or the endpoint lacks the call.
        with suppress(Exception):
            response = self.client.describe_events(**of, Filters={"FailedEvents": True})
            events: list[Mapping[str, Any]] = response["OperationEvents"]
            return [one for one in events if one.get("EventType") == "VALIDATION_ERROR"]
        return []


def is_missing(error: BaseException) -> bool:
    """Return whether an error says that the stack does not exist.

    See https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
    """
    return "does not exist" in said_with(error, "ValidationError")
