# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of AWS that the collection uses; MiniStack's others are refused by name."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from embedded_aws.guard.refusal import Answer, error

Handler = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]

# What templates, modules, the load tester and the tests call, as MiniStack names them.
IN_USE = frozenset(
    {
        "budgets",
        "cloudformation",
        "dynamodb",
        "dynamodbstreams",
        "ec2",
        "ecr",
        "ecs",
        "ecs-metadata",
        "events",
        "iam",
        "kms",
        "logs",
        "monitoring",
        "secretsmanager",
        "sns",
        "ssm",
        "sts",
    }
)

# The paths of those services, since MiniStack serves some of the others by their paths, past its handlers:
# https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html, the registry's (/v2/email is SES's), and health.
PATHS = re.compile(r"/|/service/[^/]+/operation/[^/]+|/v2(/(?!email(/|$)).*)?|/_ministack/health", re.DOTALL)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html: key/date/region/service/…
SCOPE = re.compile(r"Credential=[^/,\s]+/[^/,\s]*/[^/,\s]*/([^/,\s]+)/")


class InUse(dict[str, Handler]):
    """The handlers of the services in use, and a refusal for every other."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        super().__init__({name: handler for name, handler in handlers.items() if name in IN_USE})

    def get(self, name: str, _default: Any = None) -> Handler:
        """Return the handler of a service."""
        return self[name] if name in self else refuse(name)


def refusal(what: str, headers: Mapping[str, str]) -> Answer:
    """Build the refusal of a service, or of a path.

    Args:
        what: its name.
        headers: of the request, names in lower case.
    """
    message = f"the embedded AWS has no {what} -> it serves {', '.join(sorted(IN_USE))}"
    return error(400, "UnknownOperationException", message, headers)


def not_in_use(path: str, headers: Mapping[str, str]) -> str:
    """Name what a path leads to that is not in use: the service that the request is signed for, or the path itself.

    Args:
        path: decoded.
        headers: of the request, names in lower case.

    Returns:
        The name; empty where the path is one of those that are in use.
    """
    if PATHS.fullmatch(path):
        return ""
    found = SCOPE.search(headers.get("authorization", ""))
    return found[1] if found and found[1] not in IN_USE else f"path {path}"


def refuse(service: str) -> Handler:
    """Return a handler that refuses a service."""

    async def handler(
        _method: str, _path: str, headers: dict[str, str], _body: bytes, _query: Any
    ) -> tuple[int, dict[str, str], bytes]:
        answer = refusal(service, headers)
        return answer.status, answer.headers, answer.body

    return handler
