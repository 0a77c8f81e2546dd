# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reverse proxy in front of the MCP servers, as the original's nginx with auth_request.

A request to a server passes only if the auth server allows it. It arrives there with the identity that the auth server
found, whatever the caller has sent, and without the caller's credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from mcp_gateway_stand_in.registry.catalogue import Catalogue, Registration
from mcp_gateway_stand_in.registry.probe import Probes

MAX_BODY = 1024**2  # bytes, nginx's default
# Segments other than "." and "..", and nothing that another reader may decode to one.
SAFE_PATH = re.compile(r"(?=/)(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+)*/?")
HOP_BY_HOP = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "proxy-authenticate", "proxy-authorization"}
    | {"proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
)
IDENTITY = ("X-User", "X-Username", "X-Client-Id", "X-Scopes", "X-Auth-Method", "X-Server-Name", "X-Tool-Name")
# A caller never sets these: the proxy and the auth server do, or the original did.
OWN = frozenset(name.lower() for name in (*IDENTITY, "X-Body", "X-Groups", "X-Original-URL", "X-Original-Method"))
CREDENTIALS = frozenset({"authorization", "x-authorization", "cookie"})
SHOWN = 300  # characters of a response in the log
PASSED_STATUS = (400, 401, 403, 413)  # of the auth server
AUTH_TIMEOUT = aiohttp.ClientTimeout(total=10)
# A stream of events may last; the load balancer's idle timeout bounds silence.
STREAM_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)
LOGIN, API = "oauth2", ("", "api", "health")


class Front:
    """The reverse proxy.

    Args:
        catalogue: the registered servers.
        probes: the results of their probes.
        auth_url: of the auth server.
        api_url: of the registry's API.
    """

    def __init__(self, catalogue: Catalogue, probes: Probes, auth_url: str, api_url: str) -> None:
        self.catalogue = catalogue
        self.probes = probes
        self.auth_url = auth_url
        self.api_url = api_url

    def application(self) -> web.Application:
        """Return the application; one handler has all paths."""
        made = web.Application(client_max_size=MAX_BODY)
        made.router.add_route("*", "/{path:.*}", self.handle)
        return made

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Respond to a request."""
        path, _mark, query = request.raw_path.partition("?")
        if not SAFE_PATH.fullmatch(path):
            return refused(400, "the path has characters or segments that are not allowed")
        if request.headers.get("Content-Encoding", "identity") != "identity":
            return refused(415, "the body is compressed")
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return refused(413, f"the body has more than {MAX_BODY} bytes")
        first, rest = path[1:].partition("/")[0], f"?{query}" if query else ""
        if first == LOGIN or first in API:
            headers = headers_of(request.headers)
            headers["Host"] = request.host  # their redirects lead back to it
            url = self.auth_url if first == LOGIN else self.api_url
            return await self.forward(request, f"{url}{path}{rest}", body, headers)
        registration = self.catalogue.all().get(f"/{first}")
        if not registration:
            return refused(404, f"no server is registered as /{first}")
        return await self.judged(request, registration, body, path[1 + len(first) :] + rest)

    async def judged(
        self, request: web.Request, registration: Registration, body: bytes, rest: str
    ) -> web.StreamResponse:
        """Let the auth server judge a request, and forward it to its server."""
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != request.host:
            return refused(403, "a page of another origin sends this request")
        question = headers_of(request.headers)
        question["X-Original-URL"] = request.raw_path
        question["X-Original-Method"] = request.method
        try:
            async with (
                aiohttp.ClientSession(timeout=AUTH_TIMEOUT, auto_decompress=False) as session,
                session.request(
                    "POST" if body or request.method == "POST" else "GET",
                    f"{self.auth_url}/validate",
                    headers=question,
                    data=body or None,
                    allow_redirects=False,
                ) as verdict,
            ):
                if verdict.status in PASSED_STATUS:
                    challenge = verdict.headers.get("WWW-Authenticate")
                    return web.Response(
                        status=verdict.status,
                        body=await verdict.read(),
                        content_type="application/json",
                        headers={"WWW-Authenticate": challenge} if challenge else {},
                    )
                identity = {name: verdict.headers.get(name, "") for name in IDENTITY}
                problem = "" if verdict.status == 200 else f"HTTP {verdict.status}: {(await verdict.text())[:SHOWN]}"
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = f"{type(error).__name__}: {error}"
        if problem:
            # For the log alone: a caller is not shown how the gateway is built.
            print(f"the auth server judges no request: {problem}", flush=True)
            return refused(503, "the auth server does not respond")
        result = self.probes.result(registration)
        if not result or result.error:
            return refused(503, f"the registry's probe of {registration.path} is not good")
        headers = headers_of(request.headers, {*CREDENTIALS, "origin"})
        headers.update(identity)
        return await self.forward(request, registration.url + rest, body, headers, {"set-cookie"})

    async def forward(
        self, request: web.Request, url: str, body: bytes, headers: CIMultiDict[str], dropped: Iterable[str] = ()
    ) -> web.StreamResponse:
        """Forward a request, and stream the response.

        Args:
            request: the request.
            url: where it goes.
            body: of the request.
            headers: of the request.
            dropped: the headers of the response that do not pass, in lower case.
        """
        response = None
        try:
            async with (
                aiohttp.ClientSession(timeout=STREAM_TIMEOUT, auto_decompress=False) as session,
                session.request(
                    request.method, URL(url, encoded=True), headers=headers, data=body or None, allow_redirects=False
                ) as upstream,
            ):
                response = web.StreamResponse(status=upstream.status, headers=headers_of(upstream.headers, dropped))
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
        except (aiohttp.ClientError, TimeoutError) as error:
            if response is not None:
                raise  # the connection breaks, so that the caller does not take a part for the whole
            return refused(502, f"the server does not respond: {type(error).__name__}")
        return response


def headers_of(headers: Mapping[str, str], dropped: Iterable[str] = ()) -> CIMultiDict[str]:
    """Return the headers that pass the proxy.

    A name with an underscore does not: some servers read it as one with a dash.
    """
    connection = {name.strip().lower() for name in headers.get("Connection", "").split(",")}
    kept = [
        (name, value)
        for name, value in headers.items()
        if name.lower() not in HOP_BY_HOP | OWN | connection | {*dropped} and "_" not in name
    ]
    return CIMultiDict(kept)


def refused(status: int, reason: str) -> web.Response:
    """Return an error."""
    return web.json_response({"detail": reason}, status=status)
