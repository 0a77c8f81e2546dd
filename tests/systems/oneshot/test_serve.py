# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's command `oneshot-serve` as a process: routes, WebSocket, signals, addresses."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from oneshot_stand_in.serve import GRACE_SECONDS, PING_SECONDS, settings_of
from ports import free_port

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "systems" / "oneshot" / "stand_in" / "bin" / "oneshot-serve"
PATIENCE = 20  # seconds
ADDRESS = "127.77.46.1"
COUNTS = ("total_tasks", "running_tasks", "completed_tasks", "failed_tasks", "interrupted_tasks")


class Served:
    """A running server."""

    def __init__(self, **environment: str) -> None:
        self.port = free_port(ADDRESS)
        self.process = subprocess.Popen(
            [PROGRAM],
            env={
                "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
                "TASK_ADDRESS": ADDRESS,
                "PORT": str(self.port),
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout
        self.first_line = self.process.stdout.readline()

    def request(self, method: str, path: str, body: str | None = None) -> tuple[int, str]:
        connection = http.client.HTTPConnection(ADDRESS, self.port, timeout=PATIENCE)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    def end(self) -> int:
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode


@contextlib.contextmanager
def served(**environment: str) -> Iterator[Served]:
    server = Served(**environment)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.communicate()


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(ONESHOT_PING_SECONDS="0.2") as started:
        yield started


def test_the_page_says_that_it_is_a_stand_in(server: Served) -> None:
    code, text = server.request("GET", "/")
    assert code == 200
    assert "Oneshot Dashboard" in text
    assert "stand-in" in text


def test_status_is_zero_without_work(server: Served) -> None:
    code, text = server.request("GET", "/api/status")
    status = json.loads(text)
    assert code == 200
    assert status.keys() == {*COUNTS, "max_concurrent", "timestamp"}
    assert [status[name] for name in COUNTS] == [0] * 5
    assert status["max_concurrent"] == 5


def test_an_interruption_needs_a_task_id_in_its_body(server: Served) -> None:
    code, text = server.request("POST", "/api/tasks/t1/interrupt", '{"task_id": "t1"}')
    assert (code, json.loads(text)) == (200, {"status": "success", "message": "Task t1 interrupted"})
    for body in ("", "{}", "[]", "no json", '{"task_id": 5}'):
        assert server.request("POST", "/api/tasks/t1/interrupt", body)[0] == 422


def test_other_routes_are_refused_in_json(server: Served) -> None:
    assert server.request("GET", "/nowhere") == (404, '{"detail": "Not Found"}')
    assert server.request("POST", "/api/status") == (405, '{"detail": "Method Not Allowed"}')


@contextlib.asynccontextmanager
async def events_of(server: Served) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = f"http://{ADDRESS}:{server.port}/ws/events"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as opened:
        yield opened


async def received(events: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    return dict(await events.receive_json(timeout=PATIENCE))


def test_websocket_sends_the_status_then_pings_after_silence(server: Served) -> None:
    async def talk() -> None:
        async with events_of(server) as events:
            first = await received(events)
            assert first["type"] == "system_status"
            assert first["data"]["total_tasks"] == 0
            assert await received(events) == {"type": "ping"}
            assert await received(events) == {"type": "ping"}
            await events.send_json({"type": "interrupt_task", "task_id": "t1"})
            assert await received(events) == {
                "type": "command_response",
                "command": "interrupt_task",
                "task_id": "t1",
                "status": "success",
            }

    asyncio.run(talk())


def test_websocket_that_sends_no_json_is_closed(server: Served) -> None:
    async def talk() -> None:
        async with events_of(server) as events:
            await received(events)
            await events.send_str("no json")
            message = await events.receive(PATIENCE)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.INTERNAL_ERROR)

    asyncio.run(talk())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_requests_under_way_finish(number: signal.Signals) -> None:
    """New connections are refused, the response under way says Connection: close, and the exit code is 0."""
    body = b'{"task_id": "t1"}'
    head = f"POST /api/tasks/t1/interrupt HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with served() as server, socket.create_connection((ADDRESS, server.port), PATIENCE) as connection:
        # The first response shows that the connection is accepted, before the second request is cut in two.
        connection.sendall(b"GET /api/status HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"Connection: close" not in connection.recv(65536)
        connection.sendall(head + body[:5])
        # A request on a second connection is answered after the first one's bytes have arrived.
        server.request("GET", "/api/status")
        server.process.send_signal(number)
        wait_for_refusal(server)
        assert server.process.poll() is None
        connection.sendall(body[5:])
        response = connection.makefile("rb").read()
        assert response.startswith(b"HTTP/1.1 200 OK")
        assert b"Connection: close" in response
        assert b"Task t1 interrupted" in response
        assert server.end() == 0


def test_a_stop_closes_websockets_and_idle_connections() -> None:
    async def talk(server: Served) -> None:
        async with events_of(server) as events:
            await received(events)
            server.process.send_signal(signal.SIGTERM)
            message = await events.receive(PATIENCE)
            assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)

    with served() as server, socket.create_connection((ADDRESS, server.port), PATIENCE) as idle:
        asyncio.run(talk(server))
        assert idle.recv(1) == b""
        assert server.end() == 0


def test_a_request_that_never_ends_is_cut_after_the_grace() -> None:
    head = b"POST /api/tasks/t1/interrupt HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    with (
        served(ONESHOT_GRACE_SECONDS="0.3") as server,
        socket.create_connection((ADDRESS, server.port), PATIENCE) as connection,
    ):
        connection.sendall(head)
        server.request("GET", "/api/status")
        server.process.send_signal(signal.SIGTERM)
        assert server.end() == 0


def wait_for_refusal(server: Served) -> None:
    """Connect until the server no longer listens; a connection that the end of listening cuts is reset."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection((ADDRESS, server.port), PATIENCE).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue
    pytest.fail("the server still listens")


def test_it_reports_where_it_listens_and_a_taken_port(server: Served) -> None:
    assert server.first_line == f"oneshot-serve (stand-in) listens on http://{ADDRESS}:{server.port}\n"
    with served(PORT=str(server.port)) as second:
        assert "cannot listen" in second.first_line
        assert second.end() == 1


def test_a_port_that_is_no_number_exits_with_2() -> None:
    with served(PORT="none") as server:
        assert server.end() == 2


def test_the_address_depends_on_task_and_container(tmp_path: Path) -> None:
    marker = tmp_path / ".dockerenv"
    assert settings_of({}, [marker]).address == "127.0.0.1"
    assert settings_of({"TASK_ADDRESS": ""}, [marker]).address == "127.0.0.1"
    marker.touch()
    assert settings_of({}, [marker]).address == "0.0.0.0"
    assert settings_of({"TASK_ADDRESS": "127.77.1.2"}, [marker]).address == "127.77.1.2"


def test_the_defaults_are_those_of_the_original() -> None:
    settings = settings_of({}, [])
    assert (settings.port, settings.ping) == (8000, PING_SECONDS) == (8000, 30.0)
    assert settings.grace == GRACE_SECONDS < 30
    with pytest.raises(ValueError, match="PORT is 70000"):
        settings_of({"PORT": "70000"}, [])
