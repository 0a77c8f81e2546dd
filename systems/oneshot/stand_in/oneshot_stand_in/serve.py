# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command `oneshot-serve`: the original's routes, with no task ever running."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

PORT = 8000
PING_SECONDS = 30.0  # of silence, after which the server sends a ping
GRACE_SECONDS = 25.0  # below ECS's default of 30 s before SIGKILL
SEND_SECONDS = 1.0  # in which a finished response leaves, and a WebSocket's client closes too
MAX_CONCURRENT = 5  # the original's default
# Docker and Podman create one of these in a container. Fargate does not: TASK_ADDRESS names the address there.
CONTAINER_MARKERS = (Path("/.dockerenv"), Path("/run/.containerenv"))
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Oneshot Dashboard (stand-in)</title></head>
<body>
<h1>Oneshot Dashboard</h1>
<p>This is a stand-in with the routes of Oneshot. It runs no tasks.</p>
<p><a href="/api/status">Status</a></p>
</body>
</html>
"""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Settings:
    """Where the server listens, and its times in seconds."""

    address: str
    port: int
    ping: float = PING_SECONDS
    grace: float = GRACE_SECONDS


def settings_of(environment: Mapping[str, str], markers: Sequence[Path] = CONTAINER_MARKERS) -> Settings:
    """Return the settings of an environment.

    Args:
        environment: `TASK_ADDRESS`, `PORT`, and for tests `ONESHOT_PING_SECONDS` and `ONESHOT_GRACE_SECONDS`.
        markers: files that exist in a container alone, where all addresses are the container's own.

    Raises:
        ValueError: a variable is not a number, or the port is out of range.
    """
    in_container = any(marker.exists() for marker in markers)
    address = environment.get("TASK_ADDRESS") or ("0.0.0.0" if in_container else "127.0.0.1")
    port = int(environment.get("PORT") or PORT)
    if not 0 < port < 65536:
        raise ValueError(f"PORT is {port}, and not between 1 and 65535")
    ping = float(environment.get("ONESHOT_PING_SECONDS") or PING_SECONDS)
    grace = float(environment.get("ONESHOT_GRACE_SECONDS") or GRACE_SECONDS)
    return Settings(address, port, ping, grace)


def status() -> dict[str, Any]:
    """Return the response to GET /api/status; the counts are zero, as in an original without work."""
    counts = ("total_tasks", "running_tasks", "completed_tasks", "failed_tasks", "interrupted_tasks")
    now = datetime.now(UTC).replace(tzinfo=None).isoformat()
    return {**dict.fromkeys(counts, 0), "max_concurrent": MAX_CONCURRENT, "timestamp": now}


class Server:
    """The routes, and the connections that a stop has to close."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stopping = False
        self.sockets: set[web.WebSocketResponse] = set()
        self.requests = 0  # under way
        self.idle = asyncio.Event()

    def application(self) -> web.Application:
        """Return the application with its routes."""

        @web.middleware
        async def respond(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self.respond(request, handler)

        made = web.Application(middlewares=[respond])
        made.router.add_get("/", self.dashboard)
        made.router.add_get("/api/status", self.get_status)
        made.router.add_post("/api/tasks/{task_id}/interrupt", self.interrupt)
        made.router.add_get("/ws/events", self.events)
        return made

    async def respond(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Report errors as FastAPI does, and end the connection after a response while the server stops."""
        self.requests += 1
        self.idle.clear()
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = web.json_response({"detail": error.reason}, status=error.status)
        finally:
            self.requests -= 1
            if not self.requests:
                self.idle.set()
        if self.stopping and not response.prepared:
            response.force_close()
        return response

    async def dashboard(self, _request: web.Request) -> web.Response:
        """Respond with the page."""
        return web.Response(text=PAGE, content_type="text/html")

    async def get_status(self, _request: web.Request) -> web.Response:
        """Respond with the counts of tasks."""
        return web.json_response(status())

    async def interrupt(self, request: web.Request) -> web.Response:
        """Accept the interruption of any task, also of an unknown one, as the original does."""
        try:
            named = (await request.json())["task_id"]
        except (ValueError, TypeError, KeyError):
            named = None
        if not isinstance(named, str):
            return web.json_response({"detail": "the body needs the string task_id"}, status=422)
        return web.json_response({"status": "success", "message": f"Task {request.match_info['task_id']} interrupted"})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Send the status, then respond to commands, and ping after each silence."""
        socket = web.WebSocketResponse(timeout=SEND_SECONDS)
        await socket.prepare(request)
        self.sockets.add(socket)
        try:
            await socket.send_json({"type": "system_status", "data": status()})
            while not socket.closed:
                try:
                    message = await socket.receive(self.settings.ping)
                except TimeoutError:
                    await socket.send_json({"type": "ping"})
                    continue
                if message.type != WSMsgType.TEXT:
                    break
                if (response := command_response(message.json())) is not None:
                    await socket.send_json(response)
        except (ValueError, ConnectionError):
            await socket.close(code=WSCloseCode.INTERNAL_ERROR)
        finally:
            self.sockets.discard(socket)
        return socket

    async def drain(self, site: web.TCPSite) -> None:
        """Accept no connection any more, close the WebSockets, and wait for the requests under way, in the grace.

        aiohttp's own shutdown drops what is still arriving of a request's body, so this comes before it.
        """
        self.stopping = True
        await site.stop()
        await asyncio.gather(*(socket.close(code=WSCloseCode.GOING_AWAY) for socket in self.sockets))
        if self.requests:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.idle.wait(), self.settings.grace)

    async def run(self) -> None:
        """Serve until SIGINT or SIGTERM; then finish the requests under way."""
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        runner = web.AppRunner(self.application(), shutdown_timeout=SEND_SECONDS, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.settings.address, self.settings.port)
            await site.start()
            print(
                f"oneshot-serve (stand-in) listens on http://{self.settings.address}:{self.settings.port}", flush=True
            )
            await stop.wait()
            await self.drain(site)
        finally:
            await runner.cleanup()
        print("oneshot-serve (stand-in) has stopped", flush=True)


def command_response(command: Any) -> dict[str, Any] | None:
    """Return the response to a command of a WebSocket; None for an unknown one."""
    kind = command.get("type") if isinstance(command, dict) else None
    if kind == "get_status":
        return {"type": "system_status", "data": status()}
    if kind == "interrupt_task" and command.get("task_id"):
        named = {"command": kind, "task_id": command["task_id"]}
        return {"type": "command_response", **named, "status": "success"}
    return None


def main() -> int:
    """Run the command; return its exit code: 0 after a signal, 1 where it cannot listen, 2 for a wrong setting."""
    try:
        settings = settings_of(os.environ)
    except ValueError as error:
        print(f"oneshot-serve: {error}", file=sys.stderr)
        return 2
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(Server(settings).run())
    except OSError as error:
        print(f"oneshot-serve: cannot listen: {error}", file=sys.stderr)
        return 1
    return 0
