# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reverse proxy: paths, headers, streams, and services that do not respond."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from mcp_gateway_stand_in.auth_server.calls import server_of
from mcp_gateway_stand_in.registry.catalogue import Catalogue, Registration
from mcp_gateway_stand_in.registry.front import OWN, SAFE_PATH, Front, headers_of
from mcp_gateway_stand_in.registry.probe import Probes, Result
from multidict import CIMultiDict
from threaded_application import served


@pytest.mark.parametrize(
    "path", ["/", "/time/mcp", "/time/mcp/", "/.well-known/oauth-protected-resource/time", "/a/...", "/a..b"]
)
def test_a_usual_path_passes(path: str) -> None:
    assert SAFE_PATH.fullmatch(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", "time", "//time/mcp", "/time//mcp", "/./time", "/time/../fake/mcp", "/time/..", "/%74ime/mcp"),
        *("/time/%2e%2e/fake", "/time\\..\\fake", "http://fake/mcp", "/time/mcp\x00", "/zeit/\u00e4", "/time mcp"),
    ],
)
def test_a_path_with_two_meanings_is_refused(path: str) -> None:
    assert not SAFE_PATH.fullmatch(path)


@given(st.text("abc/.%\\-", max_size=20))
def test_proxy_and_auth_server_read_the_same_server(path: str) -> None:
    if SAFE_PATH.fullmatch(path):
        assert server_of(path) == path[1:].partition("/")[0]
        assert ".." not in path.split("/")


NAMES = st.sampled_from([*sorted(OWN), "X_User", "x_scopes", "Accept", "Upgrade", "X-Other", "Keep-Alive", "X-USER"])


@given(st.lists(st.tuples(NAMES, st.sampled_from(["a", "b"])), max_size=12))
def test_no_identity_header_passes(pairs: list[tuple[str, str]]) -> None:
    kept = headers_of(CIMultiDict(pairs))
    assert {name.lower() for name in kept} <= {"accept", "x-other"}
    assert kept.getall("X-Other", []) == [value for name, value in pairs if name == "X-Other"]


def test_a_header_that_connection_names_does_not_pass() -> None:
    headers = CIMultiDict({"Connection": "close, X-Secret", "X-Secret": "a", "X-Other": "b"})
    assert dict(headers_of(headers)) == {"X-Other": "b"}


class Upstream:
    """An MCP server and an auth server in one: they respond as a test sets it."""

    def __init__(self) -> None:
        self.verdict = 200
        self.questions: list[tuple[str, dict[str, str], bytes]] = []
        self.requests: list[dict[str, str]] = []
        self.open = asyncio.Event()

    def application(self) -> web.Application:
        made = web.Application()
        made.router.add_route("*", "/validate", self.validate)
        made.router.add_post("/mcp", self.echo)
        made.router.add_get("/stream", self.stream)
        made.router.add_get("/broken", self.broken)
        return made

    async def validate(self, request: web.Request) -> web.Response:
        self.questions.append((request.method, dict(request.headers), await request.read()))
        body = {"detail": "because"}
        return web.json_response(body, status=self.verdict, headers={"X-User": "1", "X-Scopes": "a b"})

    async def echo(self, request: web.Request) -> web.Response:
        self.requests.append(dict(request.headers))
        response = web.Response(body=await request.read())
        response.set_cookie("session", "of the server")
        return response

    async def stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"data: 1\n\n")
        await self.open.wait()
        await response.write(b"data: 2\n\n")
        return response

    async def broken(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"part")
        assert request.transport
        request.transport.abort()
        return response


class World:
    """A proxy with one registered server."""

    def __init__(self, url: str, upstream: Upstream, probes: Probes, registration: Registration) -> None:
        self.url, self.upstream, self.probes, self.registration = url, upstream, probes, registration

    def connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=10)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = self.connection()
        try:
            connection.request(method, path, body, {name.replace("_", "-"): text for name, text in headers.items()})
            response = connection.getresponse()
            return response.status, {name.lower(): text for name, text in response.getheaders()}, response.read()
        finally:
            connection.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    upstream = Upstream()
    with served(upstream.application()) as url:
        registration = Registration("/time", "Time", url)
        catalogue = Catalogue(tmp_path / "servers")
        catalogue.put(registration)
        probes = Probes(catalogue, 300)
        probes._results["/time"] = Result(registration)
        with served(Front(catalogue, probes, url, url).application()) as front:
            yield World(front, upstream, probes, registration)


def test_the_body_that_is_judged_is_the_body_that_arrives(world: World) -> None:
    body = json.dumps({"method": "tools/list", "x": "\u00e4" * 50_000}, indent=3).encode()
    status, headers, echoed = world.send("POST", "/time/mcp?a=%2Fb", body, X_User="root", Authorization="Bearer t")
    assert (status, echoed) == (200, body)
    ((method, question, judged),) = world.upstream.questions
    assert (method, judged, question["X-Original-URL"], question["X-Original-Method"]) == (
        "POST",
        body,
        "/time/mcp?a=%2Fb",
        "POST",
    )
    assert "X-User" not in question and question["Authorization"] == "Bearer t"
    (arrived,) = world.upstream.requests
    assert (arrived["X-User"], arrived["X-Scopes"], arrived["X-Tool-Name"]) == ("1", "a b", "")
    assert "Authorization" not in arrived and "set-cookie" not in headers


@pytest.mark.parametrize(
    ("verdict", "status"), [(400, 400), (401, 401), (403, 403), (500, 503), (302, 503), (204, 503)]
)
def test_only_a_200_of_the_auth_server_lets_pass(world: World, verdict: int, status: int) -> None:
    world.upstream.verdict = verdict
    assert world.send("POST", "/time/mcp", b"{}")[0] == status
    assert world.upstream.requests == []


def test_no_auth_server_is_a_503(tmp_path: Path) -> None:
    catalogue = Catalogue(tmp_path)
    catalogue.put(Registration("/time", "Time", "http://127.0.0.1:9"))
    nobody = "http://127.0.0.1:9"
    with served(Front(catalogue, Probes(catalogue, 300), nobody, nobody).application()) as url:
        alone = World(url, Upstream(), Probes(catalogue, 300), Registration("/time", "Time", nobody))
        assert alone.send("POST", "/time/mcp", b"{}")[0] == 503
        assert alone.send("GET", "/oauth2/providers")[0] == 502


def test_a_server_without_a_good_probe_is_a_503(world: World) -> None:
    world.probes._results["/time"] = Result(world.registration, "TimeoutError: late")
    assert world.send("POST", "/time/mcp", b"{}")[0] == 503
    world.probes._results.clear()
    assert world.send("POST", "/time/mcp", b"{}")[0] == 503
    assert world.upstream.requests == []


def test_an_event_arrives_before_the_stream_ends(world: World) -> None:
    connection = world.connection()
    connection.request("GET", "/time/stream")
    response = connection.getresponse()
    assert response.readline() == b"data: 1\n"
    world.upstream.open._loop.call_soon_threadsafe(world.upstream.open.set)  # type: ignore[attr-defined]
    assert response.read() == b"\ndata: 2\n\n"
    connection.close()


def test_a_broken_response_is_no_whole_one(world: World) -> None:
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        world.send("GET", "/time/broken")


def test_a_compressed_or_large_body_is_refused(world: World) -> None:
    assert world.send("POST", "/time/mcp", b"{}", Content_Encoding="gzip")[0] == 415
    assert world.send("POST", "/time/mcp", b"x" * (1024**2 + 1))[0] == 413
    assert world.upstream.questions == []


def test_routes_of_the_auth_server_inside_stay_inside(world: World) -> None:
    for path in ("/validate", "/internal/tokens", "/health2"):
        assert world.send("GET", path)[0] == 404
