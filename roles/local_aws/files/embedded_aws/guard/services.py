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
        "acm",
        "application-autoscaling",
        "budgets",
        "cloudformation",
        "dynamodb",
        "dynamodbstreams",
        "ec2",
        "ecr",
        "ecs",
        "ecs-metadata",
        "elasticfilesystem",
        "elasticloadbalancing",
        "events",
        "iam",
        "kms",
        "logs",
        "monitoring",
        "rds",
        "route53",
        "s3",
        "secretsmanager",
        "servicediscovery",
        "sns",
        "sqs",
        "ssm",
        "sts",
    }
)

# The paths of those services, since MiniStack serves some of the others by their paths, past its handlers:
# https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html, EFS's and Route 53's with the dates of their
# APIs, the registry's (/v2/email is SES's), and health.
PATHS = re.compile(
    r"/|/service/[^/]+/operation/[^/]+|/201(5-02|3-04)-01/.*|/v2(/(?!email(/|$)).*)?|/_ministack/health", re.DOTALL
)
# A bucket with a name that starts with a letter, and its objects, of requests that are signed for S3:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
BUCKETS = re.compile(r"/[a-z][a-z0-9.-]{2,62}(/.*)?", re.DOTALL)
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
    found = SCOPE.search(headers.get("authorization", ""))
    if PATHS.fullmatch(path) or (found and found[1] == "s3" and BUCKETS.fullmatch(path)):
        return ""
    return found[1] if found and found[1] not in IN_USE else f"path {path}"


def refuse(service: str) -> Handler:
    """Return a handler that refuses a service."""

    async def handler(
        _method: str, _path: str, headers: dict[str, str], _body: bytes, _query: Any
    ) -> tuple[int, dict[str, str], bytes]:
        answer = refusal(service, headers)
        return answer.status, answer.headers, answer.body

    return handler
