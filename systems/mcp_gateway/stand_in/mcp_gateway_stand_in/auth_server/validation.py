# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict on a request to the gateway: who sends it, and whether they may.

The reverse proxy repeats the body of the request here, so the body that is judged is the body that the server receives.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from aiohttp import web

from mcp_gateway_stand_in import session
from mcp_gateway_stand_in.auth_server.calls import BodyError, calls_of, server_of
from mcp_gateway_stand_in.auth_server.provider import Provider, ProviderError, TokenError
from mcp_gateway_stand_in.scopes import Scopes

TOKEN_HEADERS = ("X-Authorization", "Authorization")  # the first one counts
NOT_QUOTED = " @.+-_/:,"


class Identity(NamedTuple):
    """Who sends a request."""

    subject: str
    username: str
    client: str
    groups: list[str]
    method: str


class Refusal(Exception):
    """A request is refused, with a status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Validation:
    """The route /validate.

    Args:
        provider: the OIDC provider.
        key: that signs cookies.
        scopes: the permissions.
    """

    def __init__(self, provider: Provider, key: str, scopes: Scopes) -> None:
        self.provider = provider
        self.key = key
        self.scopes = scopes

    async def validate(self, request: web.Request) -> web.Response:
        """Respond with 200 and the identity in headers, or with 400, 401 or 403."""
        try:
            return await self.verdict(request)
        except Refusal as error:
            headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
            return web.json_response({"detail": str(error)}, status=error.status, headers=headers)

    async def verdict(self, request: web.Request) -> web.Response:
        """Return the response to an allowed request.

        Raises:
            Refusal: it is not allowed.
        """
        identity = await self.identity(request)
        scopes = self.scopes.of(identity.groups)
        server = server_of(urlsplit(request.headers.get("X-Original-URL", "")).path)
        try:
            calls = calls_of(server, request.headers.get("X-Original-Method", ""), await request.read())
        except BodyError as error:
            raise Refusal(400, str(error)) from None
        if not scopes:
            raise Refusal(403, "no group of the user has a scope")
        for call in calls:
            if not self.scopes.allow(scopes, call):
                raise Refusal(403, f"no scope allows {call.method} {call.tool}".rstrip() + f" of {server}")
        return web.json_response(
            {"valid": True, "username": identity.username, "groups": identity.groups, "scopes": scopes},
            headers={
                "X-User": quoted(identity.subject),
                "X-Username": quoted(identity.username),
                "X-Client-Id": quoted(identity.client),
                "X-Scopes": quoted(" ".join(scopes)),
                "X-Auth-Method": identity.method,
                "X-Server-Name": quoted(server),
                "X-Tool-Name": quoted(",".join(call.tool for call in calls if call.tool)),
            },
        )

    async def identity(self, request: web.Request) -> Identity:
        """Return who sends a request: by the session's cookie, else by a token.

        Raises:
            Refusal: neither is valid.
        """
        cookie = request.cookies.get(session.COOKIE, "")
        if content := session.content_of(self.key, session.COOKIE, cookie):
            return Identity(content["sub"], content["username"], "", content["groups"], "session_cookie")
        given = next((request.headers[name] for name in TOKEN_HEADERS if name in request.headers), "")
        scheme, _space, token = given.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Refusal(401, "the session has expired or is invalid" if cookie else "the request has no token")
        try:
            claims = await self.provider.access_claims(token.strip())
        except TokenError as error:
            raise Refusal(401, f"the token is invalid: {error}") from None
        except ProviderError as error:
            raise Refusal(503, str(error)) from None
        return _identity(claims)


def _identity(claims: dict[str, Any]) -> Identity:
    groups = claims.get("groups")
    names = [name for name in groups if isinstance(name, str)] if isinstance(groups, list) else []
    username = str(claims.get("preferred_username", ""))
    return Identity(str(claims["sub"]), username, str(claims.get("azp", "")), names, "keycloak")


def quoted(text: str) -> str:
    """Return a text as the value of a header: a name may have any characters."""
    return quote(text, safe=NOT_QUOTED)
