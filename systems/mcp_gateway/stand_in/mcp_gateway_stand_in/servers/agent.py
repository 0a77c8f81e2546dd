# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agents flight-booking and travel-assistant: Agent2Agent with fixed replies, without a model.

https://a2a-protocol.org/v0.3.0/specification/
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import web

from mcp_gateway_stand_in.serving import Site, address_of, origin_of, port_of, serve

FLIGHT, TRAVEL = "flight-booking-agent", "travel-assistant-agent"
PORT = 9000  # of both; 9001 is the port of one of them on a developer's machine
FLIGHT_URL = "http://flight-booking-agent:9000"
TIMEOUT = aiohttp.ClientTimeout(total=10)
PARSE_ERROR, INVALID_REQUEST, NO_METHOD = -32700, -32600, -32601  # https://www.jsonrpc.org/specification#error_object
SKILLS = {
    FLIGHT: ("book_flight", "Books no flight, and says so."),
    TRAVEL: ("plan_trip", "Plans with the other agent."),
}


class Agent:
    """An agent.

    Args:
        name: of the agent.
        url: of the agent, on its card.
        partner: URL of the agent that it calls; empty for none.
    """

    def __init__(self, name: str, url: str, partner: str) -> None:
        self.name = name
        self.url = url
        self.partner = partner

    def application(self) -> web.Application:
        """Return the application with its routes."""
        made = web.Application()
        made.router.add_routes(
            [
                web.get("/ping", self.ping),
                web.get("/.well-known/agent-card.json", self.card),
                web.post("/", self.call),
            ]
        )
        return made

    async def ping(self, _request: web.Request) -> web.Response:
        """Respond to a health check."""
        return web.json_response({"status": "healthy"})

    async def card(self, _request: web.Request) -> web.Response:
        """Respond with the agent's card."""
        skill, description = SKILLS[self.name]
        return web.json_response(
            {
                "protocolVersion": "0.3.0",
                "name": self.name,
                "description": f"{description} A stand-in.",
                "url": f"{self.url}/",
                "version": "1.0.0",
                "capabilities": {"streaming": False},
                "defaultInputModes": ["text/plain"],
                "defaultOutputModes": ["text/plain"],
                "skills": [{"id": skill, "name": skill, "description": description, "tags": ["stand-in"]}],
            }
        )

    async def call(self, request: web.Request) -> web.Response:
        """Respond to a message."""
        try:
            message = await request.json()
        except ValueError:
            return failed(None, PARSE_ERROR, "the body is not JSON")
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return failed(None, INVALID_REQUEST, "the body is not a request of JSON-RPC")
        if message.get("method") != "message/send":
            return failed(message.get("id"), NO_METHOD, "the agent has message/send alone")
        text = f"{self.name} has read the message"
        if self.partner:
            text += f"; {await self.forwarded(message)}"
        part = {"kind": "text", "text": text}
        result = {"kind": "message", "role": "agent", "messageId": uuid4().hex, "parts": [part]}
        return web.json_response({"jsonrpc": "2.0", "id": message.get("id"), "result": result})

    async def forwarded(self, message: dict[str, Any]) -> str:
        """Return the reply of the other agent to a message."""
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT, raise_for_status=True) as session,
                session.post(f"{self.partner}/", json=message) as response,
            ):
                found = await response.json()
                return str(found["result"]["parts"][0]["text"])
        except (aiohttp.ClientError, TimeoutError, ValueError, LookupError) as error:
            return f"the other agent does not respond: {type(error).__name__}"


def failed(id: Any, code: int, text: str) -> web.Response:
    """Return an error of JSON-RPC."""
    return web.json_response({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": text}})


def run(name: str, environment: Mapping[str, str]) -> None:
    """Serve until a signal.

    Args:
        name: of the agent.
        environment: PORT, TASK_ADDRESS, AGENTCORE_RUNTIME_URL (on the card), FLIGHT_BOOKING_AGENT_URL (of the other).
    """
    address, port = address_of(environment), port_of(environment, "PORT", PORT)
    url = origin_of(environment.get("AGENTCORE_RUNTIME_URL") or f"http://{name}:{port}")
    partner = origin_of(environment.get("FLIGHT_BOOKING_AGENT_URL") or FLIGHT_URL) if name == TRAVEL else ""
    asyncio.run(serve(name, Site(Agent(name, url, partner).application(), address, port)))
