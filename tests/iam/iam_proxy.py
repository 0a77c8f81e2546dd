# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy of the embedded AWS that authorizes calls as AWS does, and records the authorization requests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from authorization import Call, Question, questions
from forwarding_proxy import Answer, ForwardingProxy, Proxy
from iam_simulator import ACCOUNT
from ministack.core.iam_actions import access_denied_response

# The embedded AWS's names of services whose signatures have another name.
SERVICES = {"cloudwatch": "monitoring"}
ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
CHANGE_SET = re.compile(r"<Id>([^<]+)</Id>\s*<StackId>([^<]+)</StackId>")


class IamProxy(Proxy):
    """The proxy. Every caller is an administrator until `holding` sets policies.

    Attributes:
        allowed: the authorization requests that the policies allow.
        refused: the authorization requests that the policies deny.

    Args:
        port: of the embedded AWS.
        clients: returns, for a port, a function from a service's name to its client.
    """

    def __init__(self, port: int, clients: Callable[[int], Callable[[str], Any]]) -> None:
        super().__init__(port, Handler)
        self._clients = clients
        self._policies: list[dict[str, Any]] = [ADMINISTRATOR]
        self._stacks: dict[str, str] = {}
        self.allowed: set[Question] = set()
        self.refused: set[Question] = set()

    @contextmanager
    def holding(self, policies: list[dict[str, Any]]) -> Iterator[IamProxy]:
        """Authorize calls by these policies only, until the caller is done."""
        before = self._policies
        self.hold(policies)
        try:
            yield self
        finally:
            self._policies = before

    def hold(self, policies: list[dict[str, Any]]) -> None:
        """Authorize calls by these policies only from now on."""
        self._policies = policies
        self.allowed, self.refused = set(), set()

    @property
    def actions(self) -> set[str]:
        """The allowed actions."""
        return {question.action for question in self.allowed}

    def client(self, service: str) -> Any:
        """Return a boto3 client that calls through the proxy."""
        return self._clients(self.server_address[1])(service)

    def refusal(self, call: Call) -> Question | None:
        """Return the first authorization request of a call that the policies deny; None where they allow the call."""
        for question in questions(call, self._stack_of, self._roles_of):
            if not question.is_allowed_by(self._policies):
                self.refused.add(question)
                return question
            self.allowed.add(question)
        return None

    def note(self, content: bytes) -> None:
        """Note the stack of a change set, from the response that created it."""
        for change_set, stack in CHANGE_SET.findall(content.decode(errors="replace")):
            self._stacks[change_set] = stack

    def _stack_of(self, change_set: str) -> str:
        return self._stacks.get(change_set, "")

    def _roles_of(self, definition: str) -> list[str]:
        found = self._clients(self.upstream)("ecs").describe_task_definition(taskDefinition=definition)[
            "taskDefinition"
        ]
        return [found[name] for name in ("taskRoleArn", "executionRoleArn") if found.get(name)]


class Handler(ForwardingProxy):
    """Authorizes a request before it is forwarded."""

    server: IamProxy

    def answered_here(self, body: bytes) -> Answer | None:
        """Refuse a call that the policies deny, with the service's error."""
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

    def rewritten(self, body: bytes, content: bytes) -> bytes:
        """Note the stack of a change set."""
        if b"Action=CreateChangeSet" in body:
            self.server.note(content)
        return content
