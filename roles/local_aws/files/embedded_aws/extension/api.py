# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MiniStack's own API, called in its process by botocore's clients: no connection, no key, the account of the caller.

The handlers of resource types call it, so that a resource of a template is what the API would have made.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import ClientError

HOST = "http://embedded-aws"
MODULES = {
    "application-autoscaling": "embedded_aws.extension.autoscaling.requests",
    "budgets": "ministack.services.budgets",
    "cloudwatch": "ministack.services.cloudwatch",
    "ec2": "ministack.services.ec2",
    "ecs": "ministack.services.ecs",
    "elbv2": "ministack.services.alb",
    "iam": "ministack.services.iam",
    "rds": "ministack.services.rds",
    "secretsmanager": "ministack.services.secretsmanager",
}
_creation = threading.Lock()


class ApiError(ValueError):
    """The API refuses a request; the message is the API's.

    Attributes:
        code: of AWS, such as ``InvalidGroup.NotFound``.
    """

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {message} ({code})")
        self.code = code


@dataclass
class _Body:
    """What botocore reads a response from."""

    content: bytes

    def stream(self) -> Iterator[bytes]:
        yield self.content


def call(service: str, operation: str, **request: Any) -> dict[str, Any]:
    """Call an operation, such as ``call("ec2", "AllocateAddress", Domain="vpc")``, in the present account and region.

    It blocks, so it must not run on MiniStack's event loop.

    Raises:
        ApiError: the API refuses it.
    """
    client = _client(service)
    try:
        response: dict[str, Any] = client._make_api_call(operation, request)
    except ClientError as error:
        found = error.response.get("Error", {})
        raise ApiError(operation, found.get("Code", "Unknown"), found.get("Message", str(error))) from error
    return response


def _client(service: str) -> Any:
    with _creation:  # since the creation of clients is not safe in threads
        return _created(service)


@functools.cache
def _created(service: str) -> Any:
    config = Config(
        signature_version=UNSIGNED,
        retries={"total_max_attempts": 1},
        inject_host_prefix=False,
    )
    # The region is that of the present request of MiniStack, whatever the client's.
    client = botocore.session.get_session().create_client(service, "us-east-1", endpoint_url=HOST, config=config)
    handler = importlib.import_module(MODULES[service]).handle_request

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        headers = {name.lower(): _text(value) for name, value in request.headers.items()} | {"host": url.netloc}
        body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
        status, found, content = asyncio.run(
            handler(request.method, url.path or "/", headers, body, parse_qs(url.query, keep_blank_values=True))
        )
        content = content.encode() if isinstance(content, str) else content
        return AWSResponse(request.url, status, HTTPHeaders.from_dict(found), _Body(content))

    respond: Any = answer
    client.meta.events.register("before-send", respond)
    return client


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
