# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard before an ASGI application: https://asgi.readthedocs.io/en/latest/specs/www.html."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from embedded_aws.guard import services
from embedded_aws.guard.guard import Decision, Guard, Verdict
from embedded_aws.guard.refusal import Answer, error

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

CREDENTIALS_HOURS = 6  # that a task's credentials last; the SDK fetches new ones before they end
DRAINED_BYTES = 1 << 20  # of a refused request's body that are read, so that the caller gets to see the answer
FORBIDDEN, UNAUTHORIZED = 403, 401
REMEDY = (
    'call from a shell that may: eval "$(make env)" in a checkout, else AWS_PROFILE=ddbload-local with '
    "AWS_SHARED_CREDENTIALS_FILE=<local_aws_directory>/credentials"
)


@dataclass(frozen=True)
class Guarded:
    """An application that answers only whom its guard allows."""

    guard: Guard
    application: Application

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection."""
        if scope["type"] == "lifespan":
            await self.application(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            # Nothing that the collection uses speaks it; closed before it is accepted, it is an HTTP 403.
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        query = scope["query_string"].decode("latin-1")
        decision = self.guard.decide(scope["method"], scope["path"], query, headers)
        if decision.verdict is Verdict.ALLOW and (what := services.not_in_use(scope["path"], dict(headers))):
            await _drain(receive)
            await _send(send, services.refusal(what, dict(headers)), scope["method"])
        elif decision.verdict is Verdict.ALLOW:
            await self.application(scope, receive, _unshared(send))
        elif decision.verdict in (Verdict.TASK_METADATA, Verdict.TASK_PROTECTION):
            host = [(name, value) for name, value in scope["headers"] if name.lower() == b"host"]
            body = receive if decision.verdict is Verdict.TASK_PROTECTION else _no_body
            await self.application({**scope, "headers": host, "query_string": b""}, body, _unshared(send))
        else:
            await _drain(receive)
            await _send(send, self._own(decision, query, dict(headers)), scope["method"])

    def _own(self, decision: Decision, query: str, headers: dict[str, str]) -> Answer:
        keys = self.guard.keys
        if decision.verdict is Verdict.HEALTH:
            return _document({"proof": keys.proof(query)})
        if decision.verdict is Verdict.TASK_CREDENTIALS:
            until = datetime.now(UTC) + timedelta(hours=CREDENTIALS_HOURS)
            return _document(
                {
                    "AccessKeyId": keys.task,
                    "SecretAccessKey": "embedded-aws-needs-no-secret",
                    "Token": "embedded-aws-needs-no-token",
                    "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
                }
            )
        if decision.verdict is Verdict.NO_LOGIN:
            # https://distribution.github.io/distribution/spec/api/#errors
            said = {"code": "UNAUTHORIZED", "message": "log in with the token of ecr:GetAuthorizationToken"}
            challenge = {"www-authenticate": 'Basic realm="embedded AWS"'}
            return _document({"errors": [said]}, UNAUTHORIZED, challenge)
        code = "UnrecognizedClientException"
        if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            code = "InvalidClientTokenId"
        message = f"the embedded AWS refuses this request, {decision.reason} -> {REMEDY}"
        return error(FORBIDDEN, code, message, headers)


def _document(document: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    kind = {"content-type": "application/json", "cache-control": "no-store"}
    return Answer(status, kind | (headers or {}), json.dumps(document).encode())


def _unshared(send: Send) -> Send:
    """Leave out of an answer what lets a web page read it: https://fetch.spec.whatwg.org/#http-cors-protocol."""

    async def send_unshared(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message.get("headers", []) if not pair[0].lower().startswith(b"access-control-")]
            message = {**message, "headers": kept}
        await send(message)

    return send_unshared


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _drain(receive: Receive) -> None:
    read = 0
    while read < DRAINED_BYTES:
        message = await receive()
        read += len(message.get("body", b""))
        if not message.get("more_body", False):
            return


async def _send(send: Send, answer: Answer, method: str) -> None:
    length = {"content-length": str(len(answer.body))}
    headers = [(name.encode(), value.encode()) for name, value in (answer.headers | length).items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if method == "HEAD" else answer.body})
