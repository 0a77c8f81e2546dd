# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job tool: logs in as a machine and calls a tool of an MCP server through the gateway.

Environment: KEYCLOAK_URL, KEYCLOAK_REALM, REGISTRY_URL, CLIENT_ID, CLIENT_SECRET, MCP_SERVER.
Optional: MCP_TOOL, without it the job lists the tools; MCP_ARGUMENTS, a JSON object.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from mcp_gateway_jobs.requests import OPENER, SECONDS, JobError, send, setting

# https://modelcontextprotocol.io/specification/2025-06-18/basic/transports
PROTOCOL = "2025-06-18"
EVENT = "data:"


class Server:
    """An MCP server behind the gateway, by streamable HTTP.

    Args:
        url: of the server at the gateway.
        token: of the caller.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url, self._id = url, 0
        self._headers = {
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "X-Authorization": f"Bearer {token}",
        }

    def initialize(self) -> None:
        """Start a session; a server without sessions names none."""
        client = {"name": "mcp-gateway-job", "version": "1"}
        self.call("initialize", {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client})
        self._headers["MCP-Protocol-Version"] = PROTOCOL
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Call a method and return its result.

        Raises:
            JobError: the gateway refuses, or the server responds with an error.
        """
        self._id += 1
        found = self._send({"jsonrpc": "2.0", "id": self._id, "method": method, "params": parameters})
        if "result" not in found:
            error = found.get("error", {}).get("message", "no result")
            raise JobError(f"{method} at {self._url}: {error} -> check the name and the arguments of the tool")
        result: dict[str, Any] = found["result"]
        return result

    def _send(self, message: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(self._url, json.dumps(message).encode(), self._headers, method="POST")
        try:
            with OPENER.open(request, timeout=SECONDS) as response:
                text = response.read().decode()
                session = response.headers.get("Mcp-Session-Id")
        except urllib.error.HTTPError as error:
            detail = error.read(500).decode(errors="replace")
            raise JobError(f"{message['method']} at {self._url} is a {error.code}: {detail}") from None
        except OSError as error:
            raise JobError(f"{message['method']} at {self._url} has no response: {error}") from None
        if session:
            self._headers["Mcp-Session-Id"] = session
        return message_of(text)


def message_of(text: str) -> dict[str, Any]:
    """Return the JSON-RPC message of a response, in JSON or as an event; an empty one without a message."""
    events = [line.removeprefix(EVENT) for line in text.splitlines() if line.startswith(EVENT)]
    try:
        found = json.loads(events[-1] if events else text or "{}")
    except ValueError:
        raise JobError(f"the MCP server responds with {text[:200]!r}") from None
    return found if isinstance(found, dict) else {}


def run(environment: Mapping[str, str]) -> list[str]:
    """Call the tool, or list the tools; returns the lines to print.

    Raises:
        JobError: a variable is missing, Keycloak or the gateway refuses, or the tool fails.
    """
    server = setting(environment, "MCP_SERVER")
    arguments = _arguments(environment)
    gateway = Server(f"{setting(environment, 'REGISTRY_URL').rstrip('/')}/{server}/mcp", _token(environment))
    gateway.initialize()
    name = environment.get("MCP_TOOL", "")
    if not name:
        tools = gateway.call("tools/list", {})["tools"]
        return [f"{tool['name']}: {tool.get('description', '').strip().partition(chr(10))[0]}" for tool in tools]
    result = gateway.call("tools/call", {"name": name, "arguments": arguments})
    lines = [str(each.get("text", each)) for each in result.get("content", [])]
    if result.get("isError"):
        raise JobError(f"tool {name} of {server} fails: {' '.join(lines)} -> check MCP_ARGUMENTS")
    return lines


def _arguments(environment: Mapping[str, str]) -> dict[str, Any]:
    text = environment.get("MCP_ARGUMENTS") or "{}"
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise JobError(f"MCP_ARGUMENTS is {text!r} -> write a JSON object")
    return found


def _token(environment: Mapping[str, str]) -> str:
    keycloak, realm = setting(environment, "KEYCLOAK_URL").rstrip("/"), setting(environment, "KEYCLOAK_REALM")
    form = {
        "grant_type": "client_credentials",
        "client_id": setting(environment, "CLIENT_ID"),
        "client_secret": setting(environment, "CLIENT_SECRET"),
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{keycloak}/realms/{realm}/protocol/openid-connect/token"
    return str(send("POST", url, urlencode(form).encode(), headers)["access_token"])
