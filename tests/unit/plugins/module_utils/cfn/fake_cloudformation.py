# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A CloudFormation with one stack: operations take time, fail on request, and other clients change the stack too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from botocore.exceptions import ClientError, ReadTimeoutError

NAME = "shop"
TOOK_S = 7.0  # seconds that an operation takes
REASON = (
    'Resource handler returned message: "Table already exists: shop" (RequestToken: 1, HandlerErrorCode: AlreadyExists)'
)
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
STEADY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "UPDATE_FAILED")


def refused(message: str, code: str = "ValidationError") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}, "X")


class FakeCloudFormation:
    """The client.

    Attributes:
        status: of the stack; empty where there is none.
        content: what the stack holds.
        fates: results of the next operations: ``well`` (the default), ``fails`` or ``sticks`` (its rollback fails too).
        before: a function that runs once before a call, by the call's name.
        lost: calls whose next response is lost.
        calls: names of the calls that change something.
        roles: the role that each call named in which CloudFormation acts, None for none, by the call's name.
    """

    def __init__(
        self, clock: Clock, status: str = "", content: str = "", fates: list[str] | None = None, name: str = NAME
    ) -> None:
        self.clock, self.status, self.content, self.fates = clock, status, content, list(fates or [])
        self.name = name
        self.before: dict[str, list[Callable[[], None]]] = {}
        self.lost: list[str] = []
        self.calls: list[str] = []
        self.roles: dict[str, str | None] = {}
        self.role: str | None = None
        self.protected = False
        self.policy: str | None = None
        self.number = 1 if status else 0
        self.version = 1
        self.change_sets: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self._pending: tuple[float, list[tuple[str, str, str]], str] | None = None
        if status:
            self._event("", "CREATE_IN_PROGRESS", "User Initiated")
            if status not in STEADY:
                self._event("Table", "CREATE_FAILED", REASON)
            self._event("", status)

    # ---- Descriptions

    @property
    def stack_id(self) -> str:
        return f"arn:aws:cloudformation:eu-west-1:1:stack/{self.name}/{self.number}"

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        self._come("describe_stacks")
        if not self.status or (StackName.startswith("arn") and StackName != self.stack_id):
            if StackName.startswith("arn"):
                return {"Stacks": [{"StackName": self.name, "StackId": StackName, "StackStatus": "DELETE_COMPLETE"}]}
            raise refused(f"Stack with id {StackName} does not exist")
        stack = {"StackName": self.name, "StackId": self.stack_id, "StackStatus": self.status}
        stack |= {"RoleARN": self.role} if self.role else {}
        stack |= {"LastUpdatedTime": self.version, "EnableTerminationProtection": self.protected}
        return {"Stacks": [stack | {"Outputs": [{"OutputKey": "Content", "OutputValue": self.content}]}]}

    def describe_stack_events(self, StackName: str, NextToken: str = "0") -> dict[str, Any]:
        self._come("describe_stack_events")
        newest = [one for one in self.events if one["StackId"] == StackName][::-1]
        first = int(NextToken)
        more = {"NextToken": str(first + 3)} if first + 3 < len(newest) else {}
        return {"StackEvents": newest[first : first + 3], **more}

    # ---- Change sets

    def create_change_set(self, **request: Any) -> dict[str, Any]:
        self._come("create_change_set")
        self.roles["create_change_set"] = request.get("RoleARN")
        name, is_new = request["ChangeSetName"], request["ChangeSetType"] == "CREATE"
        if name in self.change_sets:
            raise refused(f"ChangeSet {name} already exists", "AlreadyExistsException")
        if is_new and self.status not in ("", "REVIEW_IN_PROGRESS"):
            raise refused(f"Stack [{self.name}] already exists", "AlreadyExistsException")
        if not is_new and self.status not in STEADY:
            state = f"is in {self.status} state and can not be updated" if self.status else "does not exist"
            raise refused(f"Stack:{self.stack_id} {state}")
        if is_new and not self.status:
            self.number, self.status = self.number + 1, "REVIEW_IN_PROGRESS"
            self._event("", "REVIEW_IN_PROGRESS", "User Initiated")
        self.change_sets[name] = {"content": request["TemplateBody"], "looks": 0, "is_new": is_new}
        self.change_sets[name]["role"] = request.get("RoleARN")
        return self._answer("create_change_set", {"Id": f"arn:changeSet/{name}", "StackId": self.stack_id})

    def describe_change_set(self, ChangeSetName: str, **more: Any) -> dict[str, Any]:
        self._come("describe_change_set")
        name = ChangeSetName.rpartition("/")[2]
        if name not in self.change_sets:
            raise refused(f"ChangeSet [{name}] does not exist", "ChangeSetNotFound")
        one = self.change_sets[name]
        one["looks"] += 1
        response = {"ChangeSetId": f"arn:changeSet/{name}", "ChangeSetName": name}
        if one["looks"] == 1:
            return response | {"Status": "CREATE_IN_PROGRESS", "ExecutionStatus": "UNAVAILABLE"}
        if one["content"] == "broken":
            return response | {"Status": "FAILED", "StatusReason": "Transform failed with: no such macro"}
        if one["content"] == self.content and not one["is_new"]:
            return response | {"Status": "FAILED", "StatusReason": NO_CHANGES}
        changes = [{"ResourceChange": {"Action": "Modify", "LogicalResourceId": "Table", "ResourceType": "T"}}]
        return response | {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE", "Changes": changes}

    def list_change_sets(self, StackName: str) -> dict[str, Any]:
        return {"Summaries": [{"ChangeSetName": name} for name in self.change_sets]}

    def delete_change_set(self, ChangeSetName: str, **more: Any) -> dict[str, Any]:
        self.change_sets.pop(ChangeSetName.rpartition("/")[2], None)
        return {}

    def execute_change_set(self, ChangeSetName: str, ClientRequestToken: str, **more: Any) -> dict[str, Any]:
        self._come("execute_change_set")
        name = ChangeSetName.rpartition("/")[2]
        if name not in self.change_sets:
            raise refused(f"ChangeSet [{name}] does not exist", "ChangeSetNotFound")
        if self.status not in (*STEADY, "REVIEW_IN_PROGRESS"):
            raise refused(f"Stack {self.name} is in {self.status} state", "InvalidChangeSetStatus")
        assert more.get("RetainExceptOnCreate")
        self.calls.append("execute")
        self.role = self.change_sets[name]["role"] or self.role
        self.begin(self.change_sets[name]["content"], ClientRequestToken)
        return self._answer("execute_change_set", {})

    # ---- Operations

    def begin(self, content: str, token: str = "another-client") -> None:
        """Start to make or update the stack, as another client does."""
        self.change_sets.clear()
        if not self.status:
            self.number += 1
        is_new = self.status in ("", "REVIEW_IN_PROGRESS")
        verb, fate = ("CREATE" if is_new else "UPDATE"), (self.fates.pop(0) if self.fates else "well")
        steps = [("Table", f"{verb}_IN_PROGRESS", "")]
        if fate == "well":
            steps += [("Table", f"{verb}_COMPLETE", ""), ("", f"{verb}_COMPLETE", "")]
        else:
            rollback = "ROLLBACK" if is_new else "UPDATE_ROLLBACK"
            steps += [("Table", f"{verb}_FAILED", REASON), ("Topic", f"{verb}_FAILED", "Resource creation cancelled")]
            steps += [("", f"{rollback}_IN_PROGRESS", "The following resource(s) failed to create: [Table, Topic]. ")]
            steps += [("", f"{rollback}_{'FAILED' if fate == 'sticks' else 'COMPLETE'}", "")]
        self._start(f"{verb}_IN_PROGRESS", steps, token, content if fate == "well" else self.content)

    def delete_stack(self, StackName: str, ClientRequestToken: str = "", RoleARN: str | None = None) -> dict[str, Any]:
        self._come("delete_stack")
        self.roles["delete_stack"] = RoleARN
        if self.protected:
            raise refused(f"Stack [{self.name}] cannot be deleted while TerminationProtection is enabled")
        if not self.status or StackName not in (self.name, self.stack_id):
            return {}
        self.calls.append("delete")
        if self.status == "REVIEW_IN_PROGRESS":
            self.status = ""
            return {}
        steps = [("", "DELETE_COMPLETE", "")]
        if self.fates and self.fates.pop(0) != "well":
            steps = [("Table", "DELETE_FAILED", REASON), ("", "DELETE_FAILED", "The following resource(s) failed")]
        self._start("DELETE_IN_PROGRESS", steps, ClientRequestToken, self.content)
        return {}

    def continue_update_rollback(
        self, StackName: str, ClientRequestToken: str, RoleARN: str | None = None
    ) -> dict[str, Any]:
        self._come("continue_update_rollback")
        self.roles["continue_update_rollback"] = RoleARN
        assert self.status == "UPDATE_ROLLBACK_FAILED"
        self.calls.append("continue")
        fate = self.fates.pop(0) if self.fates else "well"
        steps = [("", "UPDATE_ROLLBACK_COMPLETE", "")]
        if fate != "well":
            steps = [("Table", "UPDATE_FAILED", REASON), ("", "UPDATE_ROLLBACK_FAILED", "")]
        self._start("UPDATE_ROLLBACK_IN_PROGRESS", steps, ClientRequestToken, self.content, "User Initiated")
        return {}

    # ---- The rest

    def update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> dict[str, Any]:
        self.calls.append("protect")
        self.protected = EnableTerminationProtection
        return {}

    def get_stack_policy(self, StackName: str) -> dict[str, Any]:
        return {"StackPolicyBody": self.policy} if self.policy else {}

    def set_stack_policy(self, StackName: str, StackPolicyBody: str) -> dict[str, Any]:
        self._come("set_stack_policy")
        assert not self.status.endswith("_IN_PROGRESS"), "AWS takes no policy while an operation is under way"
        self.calls.append("policy")
        self.policy = StackPolicyBody
        return {}

    def validate_template(self, TemplateBody: str) -> dict[str, Any]:
        return {}

    def describe_events(self, **request: Any) -> dict[str, Any]:
        raise refused("not authorized to perform: cloudformation:DescribeEvents", "AccessDenied")

    def _start(
        self, status: str, steps: list[tuple[str, str, str]], token: str, content: str, reason: str = ""
    ) -> None:
        self.status, self._token = status, token
        self._pending = (self.clock.now + TOOK_S, steps, content)
        self._event("", status, reason)

    def _come(self, call: str) -> None:
        """Advance the operation, and run what other clients do before this call."""
        if self._pending and self.clock.now >= self._pending[0]:
            steps, self.content = self._pending[1:]
            self._pending = None
            for resource, status, reason in steps:
                self._event(resource, status, reason)
            self.status, self.version = steps[-1][1], self.version + 1
            if self.status == "DELETE_COMPLETE":
                self.status = self.content = ""
        if self.before.get(call):
            self.before[call].pop(0)()

    def _answer(self, call: str, answer: dict[str, Any]) -> dict[str, Any]:
        if call in self.lost:
            self.lost.remove(call)
            raise ReadTimeoutError(endpoint_url="https://cloudformation")
        return answer

    def _event(self, resource: str, status: str, reason: str = "") -> None:
        event = {
            "EventId": str(len(self.events)),
            "StackId": self.stack_id,
            "StackName": self.name,
            "LogicalResourceId": resource or self.name,
            "PhysicalResourceId": resource or self.stack_id,
            "ResourceType": "AWS::DynamoDB::Table" if resource else "AWS::CloudFormation::Stack",
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "Timestamp": datetime(2026, 1, 31, tzinfo=UTC) + timedelta(seconds=self.clock.now + len(self.events)),
        }
        self.events.append(event | {"ClientRequestToken": getattr(self, "_token", "of-old")})
