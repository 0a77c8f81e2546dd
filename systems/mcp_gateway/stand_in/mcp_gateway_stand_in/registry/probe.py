# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry's own probe of the MCP servers: a server is reachable through the gateway only while its probe is good.

https://modelcontextprotocol.io/specification/2025-06-18/basic/lifecycle
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from mcp_gateway_stand_in.registry.catalogue import Catalogue, Registration

PROTOCOL = "2024-11-05"
TIMEOUT = aiohttp.ClientTimeout(total=10)
ACCEPT = {"Accept": "application/json, text/event-stream"}
SESSION = "Mcp-Session-Id"
STEP_SECONDS = 0.5  # between two looks at what is registered
RETRY_SECONDS = 2.0  # before a server that fails is probed again
CLIENT = {"name": "registry-probe", "version": "1"}


@dataclass(frozen=True)
class Result:
    """The result of a probe.

    Attributes:
        registration: of the server.
        error: why the probe fails; empty where it is good.
        tools: name and description of each tool.
        at: the time of the probe, of the monotonic clock, in seconds.
    """

    registration: Registration
    error: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    at: float = field(default_factory=time.monotonic)


async def probe(registration: Registration) -> Result:
    """Initialize a session with a server, ping it and list its tools."""
    try:
        async with aiohttp.ClientSession(timeout=TIMEOUT, headers=ACCEPT) as session:
            hello = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": CLIENT}
            _result, session_id = await _call(session, registration, "initialize", hello)
            if session_id:
                session.headers[SESSION] = session_id
            await _send(session, registration, {"jsonrpc": "2.0", "method": "notifications/initialized"})
            await _call(session, registration, "ping")
            listed, _session_id = await _call(session, registration, "tools/list")
            tools = tuple((tool["name"], tool.get("description") or "") for tool in listed["tools"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
        return Result(registration, f"{type(error).__name__}: {error}")
    return Result(registration, tools=tools)


async def _call(
    session: aiohttp.ClientSession, registration: Registration, method: str, parameters: dict[str, Any] | None = None
) -> tuple[dict[str, Any], str]:
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
    if parameters is not None:
        message["params"] = parameters
    text, session_id = await _send(session, registration, message)
    found = json.loads(text)
    if "result" not in found:
        raise ValueError(f"{method}: {found.get('error')}")
    return found["result"], session_id


async def _send(session: aiohttp.ClientSession, registration: Registration, message: dict[str, Any]) -> tuple[str, str]:
    async with session.post(f"{registration.url}/mcp", json=message) as response:
        response.raise_for_status()
        text = await response.text()
        if response.content_type == "text/event-stream":
            text = next(line[5:] for line in reversed(text.splitlines()) if line.startswith("data:"))
        return text, response.headers.get(SESSION, "")


class Probes:
    """The last result of each server.

    Args:
        catalogue: the registered servers.
        seconds: between two probes of a server.

    Attributes:
        are_made: whether each server of the start has a result, good or not.
    """

    def __init__(self, catalogue: Catalogue, seconds: float) -> None:
        self.catalogue = catalogue
        self.seconds = seconds
        self.are_made = False
        self._results: dict[str, Result] = {}

    def result(self, registration: Registration) -> Result | None:
        """Return the last result of a server as it is registered now; None before the first one."""
        found = self._results.get(registration.path)
        return found if found and found.registration == registration else None

    async def probe(self, registration: Registration) -> Result:
        """Probe a server and keep the result."""
        found = self._results[registration.path] = await probe(registration)
        return found

    def due(self, now: float) -> list[Registration]:
        """Return the servers to probe now."""
        return [one for one in self.catalogue.all().values() if self._is_due(one, now)]

    def _is_due(self, registration: Registration, now: float) -> bool:
        result = self.result(registration)
        if not result:
            return True
        return now - result.at >= (min(self.seconds, RETRY_SECONDS) if result.error else self.seconds)

    async def follow(self, _application: web.Application) -> AsyncIterator[None]:
        """Probe the servers while the application runs."""
        task = asyncio.create_task(self._follow())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _follow(self) -> None:
        while True:
            await asyncio.gather(*(self.probe(one) for one in self.due(time.monotonic())))
            self.are_made = True
            await asyncio.sleep(STEP_SECONDS)
