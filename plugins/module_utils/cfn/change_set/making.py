# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change set in the account, from its making to its execution or its removal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code, said_with
from ansible_collections.gantry.ecs.plugins.module_utils.aws.waiting import Deadline
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.change_set.changes import is_decided
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.request import parameter_strings, service_role, tag_list
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.stack import Stack
from ansible_collections.gantry.ecs.plugins.module_utils.cfn.state import StackState, state_of

PAUSE_FIRST, PAUSE_GROWTH, PAUSE_LAST = 0.2, 1.5, 3.0  # seconds between two DescribeChangeSet calls
# AWS's refusals where another client changed the stack first.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html#API_CreateChangeSet_Errors
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html#API_ExecuteChangeSet_Errors
OVERTAKEN_CODES = frozenset({"ChangeSetNotFound", "ChangeSetNotFoundException", "InvalidChangeSetStatus"})
OVERTAKEN_CODES |= {"InvalidChangeSetStatusException", "AlreadyExistsException", "OperationInProgressException"}
# The message is about the stack: a parameter value that does not exist is another mistake.
OVERTAKEN_MESSAGE = re.compile(
    r"^stack\b.* (does not exist|already exists|is in \w+ state and can ?not be updated|is in \w+_in_progress state)",
    re.IGNORECASE | re.DOTALL,
)


class OvertakenError(Exception):
    """Another client changed the stack in between: the changes have to be computed again."""


class ChangeSetMaking:
    """Makes change sets of a stack.

    Args:
        stack: the stack.
        params: the module's options.
        patience: how long to wait.
    """

    def __init__(self, stack: Stack, params: Mapping[str, Any], patience: Deadline) -> None:
        self._stack, self._params, self._patience = stack, params, patience

    def make(self, found: Mapping[str, Any] | None) -> MadeChangeSet:
        """Request a change set that gives the stack what the options say.

        Args:
            found: the stack as it is; None where there is none.

        Raises:
            OvertakenError: the stack is no longer as it was found.
            ClientError: AWS refuses.
        """
        is_new = state_of(found) in (StackState.ABSENT, StackState.REVIEW)
        was_empty = state_of(found) is StackState.REVIEW and not self._stack.change_sets()
        token = f"ddbload-{uuid4().hex}"
        tags = {} if self._params["tags"] is None else {"Tags": tag_list(self._params["tags"])}
        values = parameter_strings(self._params["parameters"])
        request = {
            "StackName": self._stack.name,
            "ChangeSetName": token,
            "ChangeSetType": "CREATE" if is_new else "UPDATE",
            "TemplateBody": self._params["template_body"],
            "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
            "Capabilities": self._params["capabilities"],
            "ClientToken": token,
            **service_role(self._params),
            **tags,
        }
        try:
            response = self._stack.client.create_change_set(**request)
        except ClientError as error:
            if error_code(error) == "AlreadyExistsException" and token in str(error):
                # The response was lost: no other client uses this name.
                response = {"Id": token, "StackId": (self._stack.look() or {}).get("StackId", "")}
            elif is_overtaken(error):
                raise OvertakenError from error
            else:
                raise
        return MadeChangeSet(self._stack, self._patience, token, response, found, is_new, leaves_empty=was_empty)


class MadeChangeSet:
    """A change set that was requested.

    Attributes:
        stack_id: ARN of the stack.
        token: identifies its operation; the events of its execution carry it.
        is_new: whether it creates the stack.
        described: the last response of DescribeChangeSet.
        changes: ``Changes`` of all pages of DescribeChangeSet.
    """

    def __init__(
        self,
        stack: Stack,
        patience: Deadline,
        token: str,
        response: Mapping[str, Any],
        found: Mapping[str, Any] | None,
        is_new: bool,
        leaves_empty: bool,
    ) -> None:
        self.stack_id, self.token, self.is_new = str(response["StackId"]), token, is_new
        self.described: dict[str, Any] = {}
        self.changes: list[Mapping[str, Any]] = []
        self._stack, self._patience = stack, patience
        # An ARN is enough; a name, known where the response was lost, is ambiguous without its stack.
        self._named = {
            "ChangeSetName": str(response["Id"]),
            **({"StackName": stack.name} if response["Id"] == token else {}),
        }
        self._found, self._leaves_empty = found, leaves_empty
        self._is_over = False

    def wait(self) -> None:
        """Wait until AWS has worked it out.

        Raises:
            OvertakenError: it, or its stack, is gone.
            WaitTimeoutError: it takes too long, or an interrupt came.
        """
        pause = PAUSE_FIRST
        while True:
            self._describe()
            if is_decided(self.described):
                return
            self._patience.pause(pause)
            pause = min(pause * PAUSE_GROWTH, PAUSE_LAST)

    def check(self) -> None:
        """Check that the stack is as it was when the change set was requested.

        Raises:
            OvertakenError: it is not.
        """
        now = self._stack.look()
        is_same = (now or {}).get("StackId") == self.stack_id and state_of(now) in (StackState.REVIEW, StackState.READY)
        # Another one that was executed and has ended in between would show by this only.
        if not is_same or not (self.is_new or _version(now) == _version(self._found)):
            raise OvertakenError

    def execute(self) -> None:
        """Execute it.

        Raises:
            OvertakenError: the stack has changed since the change set was requested.
        """
        self.check()
        self._is_over = True
        try:
            self._stack.client.execute_change_set(
                **self._named,
                ClientRequestToken=self.token,
                # A retained resource of a failed creation makes the next creation fail.
                RetainExceptOnCreate=True,
            )
        except ClientError as error:
            if self._was_executed():
                return
            self._is_over = False
            if is_overtaken(error):
                raise OvertakenError from error
            raise

    def discard(self) -> None:
        """Remove it, and the empty stack that it made, unless it was executed. Does what it can."""
        if self._is_over:
            return
        self._is_over = True
        with suppress(ClientError):
            self._stack.client.delete_change_set(**self._named)
        if not self.is_new or self._leaves_empty:
            return
        with suppress(ClientError):
            # Another client may have made a stack of this name, or a change set in this one.
            now = self._stack.look()
            is_same = state_of(now) is StackState.REVIEW and (now or {}).get("StackId") == self.stack_id
            if is_same and not self._stack.change_sets():
                self._stack.client.delete_stack(StackName=self.stack_id)

    def _describe(self) -> None:
        request: dict[str, Any] = {**self._named, "IncludePropertyValues": True}
        changes: list[Mapping[str, Any]] = []
        try:
            while True:
                response = self._stack.client.describe_change_set(**request)
                changes += response.get("Changes") or []
                if not response.get("NextToken"):
                    break
                request["NextToken"] = response["NextToken"]
        except ClientError as error:
            if is_overtaken(error):
                raise OvertakenError from error
            raise
        self.described, self.changes = response, changes

    def _was_executed(self) -> bool:
        """Return whether the refusal is of a second attempt, after the response to the first was lost."""
        events = self._stack.last_operation(self.stack_id)
        return any(event.get("ClientRequestToken") == self.token for event in events)


def is_overtaken(error: ClientError) -> bool:
    """Return whether AWS refuses because another client changed the stack, or is changing it."""
    return error_code(error) in OVERTAKEN_CODES or bool(OVERTAKEN_MESSAGE.search(said_with(error, "ValidationError")))


def _version(described: Mapping[str, Any] | None) -> tuple[Any, ...]:
    return tuple((described or {}).get(name) for name in ("StackId", "StackStatus", "LastUpdatedTime"))
