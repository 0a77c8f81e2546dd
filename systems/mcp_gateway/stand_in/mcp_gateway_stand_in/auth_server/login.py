# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login of a browser: from the registry to the OIDC provider and back, and the logout."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from urllib.parse import urlsplit

from aiohttp import web

from mcp_gateway_stand_in import session
from mcp_gateway_stand_in.auth_server.provider import Provider, ProviderError, TokenError

PROVIDER = "keycloak"


class Login:
    """The routes below /oauth2.

    Args:
        provider: the OIDC provider.
        key: that signs cookies.
        url: of this server, from a browser.
        registry_url: of the registry, from a browser: a login and a logout end there alone.
        secure: whether cookies travel over HTTPS alone.
        domain: of the cookies; empty for this host alone.
    """

    def __init__(self, provider: Provider, key: str, url: str, registry_url: str, secure: bool, domain: str) -> None:
        self.provider = provider
        self.key = key
        self.callback_url = f"{url}/oauth2/callback/{PROVIDER}"
        self.registry_url = registry_url
        self.secure = secure
        self.domain = domain or None

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/oauth2/providers", self.providers),
            web.get(f"/oauth2/login/{PROVIDER}", self.log_in),
            web.get(f"/oauth2/callback/{PROVIDER}", self.call_back),
            web.get(f"/oauth2/logout/{PROVIDER}", self.log_out),
        ]

    async def providers(self, _request: web.Request) -> web.Response:
        """List the providers."""
        return web.json_response({"providers": [{"name": PROVIDER, "display_name": "Keycloak"}]})

    async def log_in(self, request: web.Request) -> web.Response:
        """Redirect to the provider, with a challenge whose verifier is in a cookie."""
        target = self.target(request)
        state, nonce, verifier = (secrets.token_urlsafe(32) for _each in range(3))
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        url = self.provider.browser_url(
            "auth",
            client_id=self.provider.client_id,
            response_type="code",
            scope="openid email profile",
            state=state,
            nonce=nonce,
            code_challenge=challenge,
            code_challenge_method="S256",
            redirect_uri=self.callback_url,
        )
        response = redirect(url)
        content = {"state": state, "nonce": nonce, "verifier": verifier, "target": target}
        value = session.signed(self.key, session.LOGIN_COOKIE, session.LOGIN_SECONDS, content)
        self.set_cookie(response, session.LOGIN_COOKIE, value, session.LOGIN_SECONDS)
        return response

    async def call_back(self, request: web.Request) -> web.Response:
        """Exchange the code, set the session's cookie, and redirect to the registry."""
        value = request.cookies.get(session.LOGIN_COOKIE, "")
        login = session.content_of(self.key, session.LOGIN_COOKIE, value)
        state = request.query.get("state", "")
        if not login or not hmac.compare_digest(state.encode(), login["state"].encode()):
            return refused(400, "the login has expired, or belongs to another browser")
        if "code" not in request.query:
            return refused(401, f"the provider refuses the login: {request.query.get('error', 'no code')}")
        try:
            tokens = await self.provider.exchange(request.query["code"], login["verifier"], self.callback_url)
            claims = await self.provider.identity_claims(tokens["id_token"], login["nonce"])
        except ProviderError as error:
            return refused(502, str(error))
        except TokenError as error:
            return refused(401, str(error))
        content = {
            "sub": claims["sub"],
            "username": claims["preferred_username"],
            "groups": claims.get("groups", []),
            "id_token": tokens["id_token"],
        }
        response = redirect(login["target"])
        value = session.signed(self.key, session.COOKIE, session.COOKIE_SECONDS, content)
        self.set_cookie(response, session.COOKIE, value, session.COOKIE_SECONDS)
        self.delete_cookie(response, session.LOGIN_COOKIE)
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """Delete the session's cookie, and end the provider's session."""
        target = self.target(request)
        content = session.content_of(self.key, session.COOKIE, request.cookies.get(session.COOKIE, ""))
        if content:
            hint = content["id_token"]
            target = self.provider.browser_url("logout", id_token_hint=hint, post_logout_redirect_uri=target)
        response = redirect(target)
        self.delete_cookie(response, session.COOKIE)
        return response

    def target(self, request: web.Request) -> str:
        """Return where a request wants to end.

        Raises:
            web.HTTPBadRequest: it is not a page of the registry.
        """
        target = request.query.get("redirect_uri") or f"{self.registry_url}/"
        own = urlsplit(target)[:2] == urlsplit(self.registry_url)[:2]
        if not own or "\\" in target or not target.isprintable():
            raise web.HTTPBadRequest(text="redirect_uri is not a page of the registry")
        return target

    def set_cookie(self, response: web.Response, name: str, value: str, seconds: int) -> None:
        """Set a cookie."""
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path="/",
            domain=self.domain,
            httponly=True,
            secure=self.secure,
            samesite="Lax",
        )

    def delete_cookie(self, response: web.Response, name: str) -> None:
        """Delete a cookie."""
        response.del_cookie(name, path="/", domain=self.domain, secure=self.secure, httponly=True, samesite="Lax")


def redirect(url: str) -> web.Response:
    """Return a redirect."""
    return web.Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})


def refused(status: int, reason: str) -> web.Response:
    """Return an error."""
    return web.json_response({"detail": reason}, status=status)
