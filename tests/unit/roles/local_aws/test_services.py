# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which paths lead to services in use: MiniStack serves others by their paths, whatever handlers it has."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from embedded_aws.guard.guard import Guard
from embedded_aws.guard.guarded import Guarded
from embedded_aws.guard.keys import Keys
from embedded_aws.guard.services import not_in_use

KEYS = Keys("ddbload" + "0123456789abcdef" * 4)
HOST = "127.0.0.1:4566"


def signed(service: str) -> dict[str, str]:
    scope = f"{KEYS.secret}/20260101/us-east-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/service/GraniteServiceVersion20100801/operation/ListMetrics",
        "/v2",
        "/v2/",
        "/v2/_catalog",
        "/v2/team/app/manifests/1",
        "/v2/emails/tags/list",
        "/2013-04-01/hostedzone/Z1/rrset",
        "/_ministack/health",
    ],
)
def test_paths_of_services_in_use_are_served(path: str) -> None:
    assert not not_in_use(path, signed("ecs"))


@pytest.mark.parametrize(
    ("path", "service", "named"),
    [
        ("/v2/email/account", "ses", "ses"),
        ("/v2/email", "ecr", "path /v2/email"),
        ("/2015-03-31/functions", "s3", "path /2015-03-31/functions"),
        ("/_ministack/reset", "s3", "path /_ministack/reset"),
        ("/bucket/key", "ecs", "path /bucket/key"),
        ("/restapis/a/b/_user_request_/c", "ecs", "path /restapis/a/b/_user_request_/c"),
        ("/_ministack/reset", "dynamodb", "path /_ministack/reset"),
        ("//", "ecs", "path //"),
        # The target of a request in absolute form, whose host outranks the header Host.
        ("http://evil.example/", "ecs", "path http://evil.example/"),
    ],
)
def test_other_paths_are_named_as_what_is_not_there(path: str, service: str, named: str) -> None:
    assert not_in_use(path, signed(service)) == named


@pytest.mark.parametrize("path", ["/bucket", "/bucket/", "/bucket/a/b.yaml", "/a.b-c/key"])
def test_buckets_are_served_to_requests_for_s3(path: str) -> None:
    assert not not_in_use(path, signed("s3"))


def test_a_login_to_the_registry_leads_nowhere_else() -> None:
    assert not_in_use("/v2/email/account", {"authorization": "Basic QVdTOng="}) == "path /v2/email/account"


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 200), ("/2015-02-01/file-systems", 200), ("/2015-03-31/functions", 400), ("/_ministack/reset", 400)],
)
def test_the_emulator_sees_paths_in_use_only(path: str, status: int) -> None:
    sent: list[dict[str, Any]] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(name.encode(), value.encode()) for name, value in (signed("ecs") | {"host": HOST}).items()]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    asyncio.run(Guarded(Guard(KEYS, frozenset({HOST})), application)(scope, receive, send))
    assert sent[0]["status"] == status
    if status == 400:
        assert json.loads(sent[1]["body"])["message"].startswith(f"the embedded AWS has no path {path} -> it serves")
