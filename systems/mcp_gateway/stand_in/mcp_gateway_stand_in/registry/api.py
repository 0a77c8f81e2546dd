# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's API and page, on port 7860.

It believes no header about the caller, so that this port is no way around the reverse proxy: it judges the cookie, the
token or the administrator's password itself.
"""

from __future__ import annotations

import hmac
from dataclasses import asdict, dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode

import aiohttp
from aiohttp import BasicAuth, web

from mcp_gateway_stand_in import session
from mcp_gateway_stand_in.registry.catalogue import Catalogue, Registration, RegistrationError
from mcp_gateway_stand_in.registry.probe import Probes
from mcp_gateway_stand_in.scopes import Scopes

AUTH_TIMEOUT = aiohttp.ClientTimeout(total=10)
TOKEN_HEADERS = ("X-Authorization", "Authorization")
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>MCP Gateway Registry (stand-in)</title></head>
<body><h1>MCP Gateway Registry</h1><p>This is a stand-in for the registry.</p>{body}</body>
</html>
"""
POLICY = "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"
HEADERS = {"Cache-Control": "no-store", "Content-Security-Policy": POLICY}


@dataclass(frozen=True)
class Caller:
    """Who calls the API."""

    username: str
    groups: list[str]
    scopes: list[str]
    method: str
    is_administrator: bool = False


@dataclass(frozen=True)
class Access:
    """What the API judges callers by.

    Attributes:
        secret_key: that the auth server signs cookies with.
        administrator: name of the administrator.
        password: of the administrator.
        auth_url: of the auth server, from here.
        auth_external_url: of the auth server, from a browser.
        scopes: the permissions.
    """

    secret_key: str
    administrator: str
    password: str
    auth_url: str
    auth_external_url: str
    scopes: Scopes

    async def caller(self, request: web.Request) -> Caller:
        """Return who sends a request.

        Raises:
            web.HTTPUnauthorized: neither cookie nor token nor password is valid.
            web.HTTPForbidden: the auth server allows the user nothing here.
            web.HTTPServiceUnavailable: the auth server does not respond.
        """
        content = session.content_of(self.secret_key, session.COOKIE, request.cookies.get(session.COOKIE, ""))
        if content:
            groups = content["groups"]
            return Caller(content["username"], groups, self.scopes.of(groups), "session_cookie")
        given = request.headers.get("Authorization", "")
        if given.lower().startswith("basic "):
            return self._administrator(given)
        if any(name in request.headers for name in TOKEN_HEADERS):
            return await self._bearer(request)
        raise web.HTTPUnauthorized(text="the request has neither a session nor a token")

    def _administrator(self, given: str) -> Caller:
        try:
            name, password, _encoding = BasicAuth.decode(given, "utf-8")
        except ValueError:
            name, password = "", ""
        is_correct = hmac.compare_digest(password.encode(), self.password.encode())
        if not is_correct or name != self.administrator:
            raise web.HTTPUnauthorized(text="the name or the password is wrong")
        return Caller(name, [], [], "basic", is_administrator=True)

    async def _bearer(self, request: web.Request) -> Caller:
        headers = {name: request.headers[name] for name in TOKEN_HEADERS if name in request.headers}
        headers |= {"X-Original-URL": request.path, "X-Original-Method": "GET"}
        try:
            async with (
                aiohttp.ClientSession(timeout=AUTH_TIMEOUT) as client,
                client.get(f"{self.auth_url}/validate", headers=headers) as verdict,
            ):
                found = await verdict.json()
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise web.HTTPServiceUnavailable(text="the auth server does not respond") from None
        if verdict.status == 200:
            return Caller(found["username"], found["groups"], found["scopes"], "keycloak")
        if verdict.status == 403:
            raise web.HTTPForbidden(text=found["detail"])
        raise web.HTTPUnauthorized(text="the token is invalid")


class Api:
    """The routes.

    Args:
        servers: the registered servers.
        agents: the registered agents.
        probes: the results of the servers' probes.
        access: what callers are judged by.
    """

    def __init__(self, servers: Catalogue, agents: Catalogue, probes: Probes, access: Access) -> None:
        self.servers = servers
        self.agents = agents
        self.probes = probes
        self.access = access

    def application(self) -> web.Application:
        """Return the application with its routes."""
        made = web.Application()
        made.router.add_routes(
            [
                web.get("/", self.page),
                web.get("/health", self.health),
                web.get("/api/auth/me", self.me),
                web.get("/api/auth/auth/keycloak", self.log_in),
                web.get("/api/auth/logout", self.log_out),
                web.get("/api/servers", self.list_servers),
                web.get("/api/agents", self.list_agents),
                web.post("/api/internal/register", self.register),
                web.post("/api/internal/remove", self.remove),
                web.post("/api/agents/register", self.register_agent),
            ]
        )
        made.cleanup_ctx.append(self.probes.follow)
        return made

    async def health(self, _request: web.Request) -> web.Response:
        """Respond to a health check: a task that has not probed its servers yet would refuse their requests."""
        status, code = ("healthy", 200) if self.probes.are_made else ("starting", 503)
        return web.json_response({"status": status, "service": "mcp-gateway-registry"}, status=code)

    async def page(self, request: web.Request) -> web.Response:
        """Show the servers of a user, or a link to the login."""
        try:
            caller = await self.access.caller(request)
        except web.HTTPUnauthorized:
            body = '<p><a id="login" href="/api/auth/auth/keycloak">Log in with Keycloak</a></p>'
        else:
            rows = "".join(f"<li>{escape(one['path'])}: {escape(one['name'])}</li>" for one in self.shown(caller))
            body = f'<p>Logged in as <b id="user">{escape(caller.username)}</b></p><ul id="servers">{rows}</ul>'
            body += '<p><a id="logout" href="/api/auth/logout">Log out</a></p>'
        return web.Response(text=PAGE.format(body=body), content_type="text/html", headers=HEADERS)

    async def me(self, request: web.Request) -> web.Response:
        """Show who the caller is."""
        caller = await self.access.caller(request)
        return web.json_response(asdict(caller) | {"auth_method": caller.method}, headers={"Cache-Control": "no-store"})

    async def log_in(self, request: web.Request) -> web.Response:
        """Redirect to the auth server's login."""
        return self._redirect("login", request)

    async def log_out(self, request: web.Request) -> web.Response:
        """Redirect to the auth server's logout."""
        return self._redirect("logout", request)

    def _redirect(self, action: str, request: web.Request) -> web.Response:
        scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
        query = urlencode({"redirect_uri": f"{scheme}://{request.host}/"})
        url = f"{self.access.auth_external_url}/oauth2/{action}/keycloak?{query}"
        return web.Response(status=302, headers={"Location": url, "Cache-Control": "no-store"})

    async def list_servers(self, request: web.Request) -> web.Response:
        """List the servers that the caller may use; all for the administrator."""
        return web.json_response({"servers": self.shown(await self.access.caller(request))})

    async def list_agents(self, request: web.Request) -> web.Response:
        """List the agents."""
        await self.access.caller(request)
        return web.json_response({"agents": [asdict(one) for one in self.agents.all().values()]})

    def shown(self, caller: Caller) -> list[dict[str, Any]]:
        """Return the servers that a caller may use, with the results of their probes."""
        allowed = [
            one
            for one in self.servers.all().values()
            if caller.is_administrator or self.access.scopes.allow_server(caller.scopes, one.path.strip("/"))
        ]
        return [self._server(one) for one in allowed]

    def _server(self, registration: Registration) -> dict[str, Any]:
        result = self.probes.result(registration)
        tools = [{"name": name, "description": text} for name, text in result.tools] if result else []
        health = ("unhealthy" if result.error else "healthy") if result else "unknown"
        return {**asdict(registration), "health": health, "error": result.error if result else "", "tools": tools}

    async def register(self, request: web.Request) -> web.Response:
        """Register a server and probe it; the fields are those of the original's form."""
        await self._administrator(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        tags = tuple(filter(None, (tag.strip() for tag in form.get("tags", "").split(","))))
        registration = Registration(
            form.get("path", ""),
            form.get("name", ""),
            form.get("proxy_pass_url", ""),
            form.get("description", ""),
            tags,
        )
        return await self._put(self.servers, registration, is_probed=True)

    async def register_agent(self, request: web.Request) -> web.Response:
        """Register an agent by its card."""
        await self._administrator(request)
        card = await request.json()
        path, name, url, description = (str(card.get(key, "")) for key in ("path", "name", "url", "description"))
        registration = Registration(path, name, url, description, tuple(card.get("tags", [])))
        return await self._put(self.agents, registration, is_probed=False)

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a server."""
        await self._administrator(request)
        removed = self.servers.remove(str((await request.post()).get("service_path", "")))
        return web.json_response({"removed": removed}, status=200 if removed else 404)

    async def _put(self, catalogue: Catalogue, registration: Registration, is_probed: bool) -> web.Response:
        try:
            registration = registration.checked()
        except RegistrationError as error:
            return web.json_response({"detail": str(error)}, status=400)
        changed = catalogue.put(registration)
        if is_probed:
            await self.probes.probe(registration)
        shown = self._server(registration) if is_probed else asdict(registration)
        return web.json_response({"changed": changed, "service": shown}, status=201 if changed else 200)

    async def _administrator(self, request: web.Request) -> None:
        if not (await self.access.caller(request)).is_administrator:
            raise web.HTTPForbidden(text="only the administrator registers")
