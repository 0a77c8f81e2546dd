# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the MCP servers serve: streamable HTTP without sessions, so that each request may reach another task."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from types import FrameType

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.responses import JSONResponse

from mcp_gateway_stand_in.serving import address_of, port_of

GRACE_SECONDS = 20  # below ECS's default of 30 s before SIGKILL


async def health(_request: Request) -> JSONResponse:
    """Respond to a health check."""
    return JSONResponse({"status": "healthy"})


def run(server: MCPServer, name: str, port: int, environment: Mapping[str, str]) -> None:
    """Serve until a signal.

    Args:
        server: the tools.
        name: by which other services reach it.
        port: its default port.
        environment: PORT, TASK_ADDRESS, and more hosts that clients may name in MCP_ALLOWED_HOSTS.
    """
    server.custom_route("/health", methods=["GET"])(health)
    address, port = address_of(environment), port_of(environment, "PORT", port)
    # A page whose name resolves to this address reaches it from a browser, with a Host of its own.
    hosts = [f"{host}:*" for host in (address, name, *environment.get("MCP_ALLOWED_HOSTS", "").split(",")) if host]
    security = TransportSecuritySettings(enable_dns_rebinding_protection=True, allowed_hosts=hosts)
    application = server.streamable_http_app(stateless_http=True, transport_security=security, host=address)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignored)  # uvicorn sends a signal again to the handler before its own
    print(f"{name} (stand-in) listens on http://{address}:{port}", flush=True)
    uvicorn.run(application, host=address, port=port, log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS)
    print(f"{name} (stand-in) has stopped", flush=True)


def _ignored(_number: int, _frame: FrameType | None) -> None:
    """Let uvicorn end by itself."""
