# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens and cookies that a test signs or changes, and the messages that it sends."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gateway_client import GatewayClient
from mcp_gateway_stand_in import session

AN_HOUR = 3600


def tool(name: str, **arguments: Any) -> dict[str, Any]:
    """Return the message that calls a tool."""
    return {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def result(found: Any) -> Any:
    """Return the structured result of a tool."""
    return found["result"]["structuredContent"]


def forged(running: GatewayClient, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """Return a token that the realm's key signs, with changes of a valid one."""
    valid = jwt.decode(running.token("lob1-bot"), options={"verify_signature": False})
    changed = {name: value for name, value in {**valid, **claims}.items() if value is not None}
    key = running.realm_key()
    return jwt.encode(changed, key.key, algorithm="RS256", headers={"kid": key.key_id, **(header or {})})


def encoded(document: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def cookie(key: str, groups: list[str], seconds: int = AN_HOUR, name: str = session.COOKIE) -> dict[str, str]:
    content = {"sub": "1", "username": "forger", "groups": groups, "id_token": ""}
    return {"Cookie": f"{session.COOKIE}={session.signed(key, name, seconds, content)}"}


def tampered(running: GatewayClient) -> Iterator[str]:
    """Yield tokens with other claims: under the old signature, without one, and signed with the public key."""
    header, claims, signature = running.token("lob1-bot").split(".")
    document = json.loads(base64.urlsafe_b64decode(claims + "==")) | {"groups": ["registry-admins"]}
    unsigned = [f"{encoded({'alg': name, 'typ': 'JWT'})}.{encoded(document)}." for name in ("none", "None", "NONE")]
    public = running.realm_key().key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    kid = jwt.get_unverified_header(f"{header}.{claims}.{signature}")["kid"]
    content = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{encoded(document)}"
    mac = base64.urlsafe_b64encode(hmac.digest(public, content.encode(), hashlib.sha256)).rstrip(b"=").decode()
    other = f"{header}.{claims}.{signature[:-8]}AAAAAAAA"
    yield from (f"{header}.{encoded(document)}.{signature}", other, *unsigned, f"{content}.{mac}", "x", "a.b.c")
