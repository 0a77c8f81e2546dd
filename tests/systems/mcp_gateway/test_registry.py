# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's catalogue and API: shared files, registrations that are refused, callers that are judged."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from mcp_gateway_jobs import scopes
from mcp_gateway_stand_in import session
from mcp_gateway_stand_in.registry.api import Access, Api
from mcp_gateway_stand_in.registry.catalogue import RESERVED, Catalogue, Registration, RegistrationError
from mcp_gateway_stand_in.registry.probe import RETRY_SECONDS, Probes, Result
from mcp_gateway_stand_in.scopes import read_scopes
from threaded_application import served
from waiting import waited

KEY, PASSWORD = "k" * 64, "administrator of the registry"
TIME = Registration("/currenttime", "Time", "http://time:8000", "The time.", ("clock",))
FAKE = Registration("/realserverfaketools", "Fake", "http://fake:8002")


def test_tasks_share_a_catalogue(tmp_path: Path) -> None:
    one, other = Catalogue(tmp_path), Catalogue(tmp_path)
    assert (one.put(TIME), other.put(TIME), one.all()) == (True, False, {"/currenttime": TIME})
    for number in range(20):
        changed = Registration("/currenttime", f"Time {number}", TIME.url)
        assert other.put(changed) and one.all() == {"/currenttime": changed}
    assert one.put(FAKE) and list(other.all()) == ["/currenttime", "/realserverfaketools"]
    assert other.remove("/currenttime") and not one.remove("/currenttime")
    assert one.all() == {"/realserverfaketools": FAKE}


@pytest.mark.parametrize(
    "path", ["", "/", "time", "/a/b", "/A", "/-a", "/..", "/a_b", f"/{'a' * 64}", *sorted(RESERVED)]
)
def test_a_path_is_one_free_segment(path: str) -> None:
    with pytest.raises(RegistrationError, match="path"):
        Registration(path, "Name", "http://a").checked()


@pytest.mark.parametrize("url", ["", "time:8000", "file:///etc/passwd", "http://"])
def test_a_server_has_a_url_of_http(url: str) -> None:
    with pytest.raises(RegistrationError, match="URL"):
        Registration("/time", "Name", url).checked()


def test_a_changed_server_has_no_result(tmp_path: Path) -> None:
    """The probe of another URL says nothing about this one."""
    catalogue = Catalogue(tmp_path)
    catalogue.put(TIME)
    probes = Probes(catalogue, 300)
    assert probes.due(0) == [TIME]
    probes._results[TIME.path] = Result(TIME, at=100)
    assert (probes.due(399), probes.due(400)) == ([], [TIME])
    probes._results[TIME.path] = Result(TIME, "error", at=100)
    assert (probes.due(100 + RETRY_SECONDS - 0.1), probes.due(100 + RETRY_SECONDS)) == ([], [TIME])
    changed = Registration(TIME.path, TIME.name, "http://other:8000")
    catalogue.put(changed)
    assert probes.result(changed) is None and probes.due(100) == [changed]


def test_a_task_is_healthy_once_its_servers_are_probed(tmp_path: Path) -> None:
    """Until then it would refuse the requests to them; a server whose probe fails keeps no task from its start."""
    probed, responds = threading.Event(), threading.Event()

    async def initialize(_request: web.Request) -> web.Response:
        probed.set()
        await asyncio.to_thread(responds.wait, 20)
        return web.json_response({}, status=500)

    server = web.Application()
    server.router.add_post("/mcp", initialize)
    servers = Catalogue(tmp_path / "servers")
    with served(server) as server_url:
        servers.put(Registration("/late", "Late", server_url))
        access = Access(KEY, "admin", PASSWORD, server_url, "https://auth.example.com", read_scopes(scopes.FILE))
        with served(Api(servers, Catalogue(tmp_path / "agents"), Probes(servers, 300), access).application()) as found:
            assert probed.wait(20)
            assert get(found, "/health") == (503, '{"status": "starting", "service": "mcp-gateway-registry"}')
            responds.set()
            waited(lambda: get(found, "/health")[0] == 200)


async def validate(request: web.Request) -> web.Response:
    """Respond as the auth server, for the tokens right, poor and late."""
    assert request.headers["X-Original-URL"].startswith("/api/")
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if token == "right":
        found = {"username": "robot", "groups": ["registry-users-lob1"], "scopes": ["registry-users-lob1"]}
        return web.json_response(found)
    return web.json_response({"detail": "because"}, status={"poor": 403, "late": 503}.get(token, 401))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API with two registered servers; returns its URL."""
    folder = tmp_path_factory.mktemp("registry")
    servers = Catalogue(folder / "servers")
    for one in (TIME, FAKE):
        servers.put(one)
    auth = web.Application()
    auth.router.add_get("/validate", validate)
    with served(auth) as auth_url:
        access = Access(KEY, "admin", PASSWORD, auth_url, "https://auth.example.com", read_scopes(scopes.FILE))
        with served(Api(servers, Catalogue(folder / "agents"), Probes(servers, 300), access).application()) as found:
            yield found


def get(url: str, path: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(
        url + path, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def paths(text: str) -> list[str]:
    return [one["path"] for one in json.loads(text)["servers"]]


def test_each_caller_sees_what_the_scopes_allow(url: str) -> None:
    content = {"username": "lob2", "groups": ["registry-users-lob2"]}
    cookie = f"{session.COOKIE}={session.signed(KEY, session.COOKIE, 60, content)}"
    assert paths(get(url, "/api/servers", Cookie=cookie)[1]) == ["/realserverfaketools"]
    assert paths(get(url, "/api/servers", Authorization="Bearer right")[1]) == ["/currenttime"]
    assert len(paths(get(url, "/api/servers", Authorization=basic("admin", PASSWORD))[1])) == 2


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("", 401),
        ("Bearer wrong", 401),
        ("Bearer poor", 403),
        ("Bearer late", 401),
        (basic("admin", "wrong"), 401),
        (basic("other", PASSWORD), 401),
        ("Basic x", 401),
    ],
)
def test_other_callers_are_refused(url: str, given: str, status: int) -> None:
    for path in ("/api/servers", "/api/auth/me", "/api/agents"):
        assert get(url, path, Authorization=given, X_User="admin", X_Scopes="registry-admins")[0] == status


def test_the_page_shows_a_login_or_the_user(url: str) -> None:
    status, text = get(url, "/")
    assert status == 200 and 'id="login"' in text and "stand-in" in text
    content = {"username": "<b>", "groups": []}
    cookie = f"{session.COOKIE}={session.signed(KEY, session.COOKIE, 60, content)}"
    assert "&lt;b&gt;" in get(url, "/", Cookie=cookie)[1]
