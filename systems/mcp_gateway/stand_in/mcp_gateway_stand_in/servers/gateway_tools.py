# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MCP server mcpgw: tools over the registry, which it calls as its administrator."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from mcp.server import MCPServer
from mcp.server.mcpserver import Context

from mcp_gateway_stand_in.servers import mcp_server
from mcp_gateway_stand_in.serving import origin_of, required

NAME, PORT = "mcpgw-server", 8003
TIMEOUT = aiohttp.ClientTimeout(total=10)
IDENTITY_HEADERS = ("x-user", "x-username", "x-client-id", "x-scopes", "x-auth-method", "x-server-name", "x-tool-name")
CREDENTIAL_HEADERS = ("authorization", "x-authorization", "cookie")
server = MCPServer("mcpgw", log_level="WARNING")


async def registered(environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the servers of the registry.

    Args:
        environment: REGISTRY_BASE_URL, REGISTRY_USERNAME and REGISTRY_PASSWORD.
    """
    url = origin_of(required(environment, "REGISTRY_BASE_URL"))
    login = aiohttp.BasicAuth(environment.get("REGISTRY_USERNAME") or "admin", environment["REGISTRY_PASSWORD"])
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT, auth=login, raise_for_status=True) as session,
        session.get(f"{url}/api/servers") as response,
    ):
        found: list[dict[str, Any]] = (await response.json())["servers"]
        return found


@server.tool()
async def list_services() -> list[str]:
    """Return the paths of the registered servers."""
    return [str(one["path"]) for one in await registered(os.environ)]


@server.tool()
async def intelligent_tool_finder(natural_language_query: str, top_n_tools: int = 1) -> list[dict[str, str]]:
    """Return the tools whose names and descriptions have the most words of a query.

    Args:
        natural_language_query: any text.
        top_n_tools: the number of tools to return at most.
    """
    return best(natural_language_query, await registered(os.environ))[:top_n_tools]


@server.tool()
async def debug_auth_context(context: Context[Any]) -> dict[str, str]:
    """Return the identity that the gateway passes, and the names of credentials that reach this server."""
    headers = context.headers or {}
    found = {name: headers.get(name, "") for name in IDENTITY_HEADERS}
    return found | {"credentials": " ".join(name for name in CREDENTIAL_HEADERS if name in headers)}


def best(query: str, services: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return the tools with a word of a query, those with the most words first."""
    wanted = words(query)
    found = [
        (len(wanted & words(f"{tool['name']} {tool['description']}")), str(one["path"]), str(tool["name"]))
        for one in services
        for tool in one["tools"]
    ]
    ordered = sorted((one for one in found if one[0]), key=lambda one: (-one[0], one[1:]))
    return [{"service_path": path, "tool_name": tool} for _count, path, tool in ordered]


def words(text: str) -> set[str]:
    """Return the words of a text, in lower case."""
    return set(re.findall(r"[a-z0-9]+", text.lower()))


def run(environment: Mapping[str, str]) -> None:
    """Serve until a signal."""
    for name in ("REGISTRY_BASE_URL", "REGISTRY_PASSWORD"):
        required(environment, name)
    mcp_server.run(server, NAME, PORT, environment)
