# Copyright (c) 2026 The ddbload.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of AWS that the collection uses; MiniStack's others are refused by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from embedded_aws.refusal import error

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


class InUse(dict[str, Handler]):
    """The handlers of the services in use, and a refusal for every other."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        super().__init__({name: handler for name, handler in handlers.items() if name in IN_USE})

    def get(self, name: str, _default: Any = None) -> Handler:
        """Return the handler of a service."""
        return self[name] if name in self else refuse(name)


def refuse(service: str) -> Handler:
    """Return a handler that refuses a service."""

    async def handler(
        _method: str, _path: str, headers: dict[str, str], _body: bytes, _query: Any
    ) -> tuple[int, dict[str, str], bytes]:
        message = f"the embedded AWS has no {service} -> it serves {', '.join(sorted(IN_USE))}"
        answer = error(400, "UnknownOperationException", message, headers)
        return answer.status, answer.headers, answer.body

    return handler
