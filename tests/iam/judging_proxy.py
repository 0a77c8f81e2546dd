# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before the embedded AWS that asks IAM as AWS does, and writes down what was asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from authorization import Call, Question, questions
from handing_on import Answer, HandingOn, Proxy
from judging_aws import ACCOUNT
from ministack.core.iam_actions import access_denied_response

# What the embedded AWS calls services that are signed by another name.
SERVICES = {"cloudwatch": "monitoring"}
ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
CHANGE_SET = re.compile(r"<Id>([^<]+)</Id>\s*<StackId>([^<]+)</StackId>")


class JudgingProxy(Proxy):
    """The proxy. Everybody is an administrator until something else is said.

    Attributes:
        asked: what IAM was asked and said yes to.
        refused: what it said no to.

    Args:
        port: of the embedded AWS.
        clients: makes clients of what listens on a port, by the name of a service.
    """

    def __init__(self, port: int, clients: Callable[[int], Callable[[str], Any]]) -> None:
        super().__init__(port, Handler)
        self._clients = clients
        self._policies: list[dict[str, Any]] = [ADMINISTRATOR]
        self._stacks: dict[str, str] = {}
        self.asked: set[Question] = set()
        self.refused: set[Question] = set()

    @contextmanager
    def holding(self, policies: list[dict[str, Any]]) -> Iterator[JudgingProxy]:
        """Let whoever calls hold these policies and no other, until the caller is done."""
        before, self._policies = self._policies, policies
        self.asked, self.refused = set(), set()
        try:
            yield self
        finally:
            self._policies = before

    @property
    def actions(self) -> set[str]:
        """The actions that were allowed."""
        return {question.action for question in self.asked}

    def client(self, service: str) -> Any:
        """Return a boto3 client that calls through the proxy."""
        return self._clients(self.server_address[1])(service)

    def refusal(self, call: Call) -> Question | None:
        """Return the first question that the policies say no to."""
        for question in questions(call, self._stack_of, self._roles_of):
            if not question.is_allowed_by(self._policies):
                self.refused.add(question)
                return question
            self.asked.add(question)
        return None

    def note(self, content: bytes) -> None:
        """Note of which stack a change set is, from the answer that made it."""
        for change_set, stack in CHANGE_SET.findall(content.decode(errors="replace")):
            self._stacks[change_set] = stack

    def _stack_of(self, change_set: str) -> str:
        return self._stacks.get(change_set, "")

    def _roles_of(self, definition: str) -> list[str]:
        found = self._clients(self.upstream)("ecs").describe_task_definition(taskDefinition=definition)[
            "taskDefinition"
        ]
        return [found[name] for name in ("taskRoleArn", "executionRoleArn") if found.get(name)]


class Handler(HandingOn):
    """Asks IAM before a request goes on."""

    server: JudgingProxy

    def answered_here(self, body: bytes) -> Answer | None:
        """Refuse what the policies do not allow, in the service's own words."""
        refused = self.server.refusal(Call.read(self.path, self.headers, body))
        if refused is None:
            return None
        service = refused.action.partition(":")[0]
        status, headers, content = access_denied_response(
            SERVICES.get(service, service),
            refused.action,
            f"arn:aws:iam::{ACCOUNT}:user/somebody",
            "request",
            headers={name.lower(): value for name, value in self.headers.items()},
            resource_arn=refused.resource,
        )
        return Answer(status, headers, content)

    def told(self, body: bytes, content: bytes) -> bytes:
        """Note of which stack a change set is."""
        if b"Action=CreateChangeSet" in body:
            self.server.note(content)
        return content
