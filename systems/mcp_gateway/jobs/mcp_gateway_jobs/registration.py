# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job registration: registers the MCP servers and agents of data/registrations.json.

Its gate: the registry's /health responds before, and afterwards the registry sees a tool of each server.
Environment: REGISTRY_URL (of port 7860 or of the front), ADMIN_PASSWORD; optional: ADMIN_USER, REGISTRATIONS_FILE,
WAIT_SECONDS.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from mcp_gateway_jobs.requests import JobError, RequestError, seconds_of, send, setting, wait

FILE = Path(__file__).resolve().parents[1] / "data" / "registrations.json"
# A name of Service Connect may resolve minutes after its service is stable.
WAIT_SECONDS = 900.0


class Registry:
    """The registry's API, as its administrator."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self.url = url.rstrip("/")
        login = base64.b64encode(f"{name}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {login}"}

    def trouble(self) -> str:
        """Return why the registry is not healthy; empty where it is."""
        try:
            send("GET", f"{self.url}/health", None, {})
        except RequestError as error:
            return str(error)
        return ""

    def register(self, server: dict[str, Any]) -> bool:
        """Register a server; returns whether that changed anything."""
        form = {**server, "tags": ",".join(server.get("tags", []))}
        headers = {**self.headers, "Content-Type": "application/x-www-form-urlencoded"}
        found = send("POST", f"{self.url}/api/internal/register", urlencode(form).encode(), headers)
        return bool(found["changed"])

    def register_agent(self, agent: dict[str, Any]) -> bool:
        """Register an agent; returns whether that changed anything."""
        headers = {**self.headers, "Content-Type": "application/json"}
        found = send("POST", f"{self.url}/api/agents/register", json.dumps(agent).encode(), headers)
        return bool(found["changed"])

    def without_tools(self, paths: set[str]) -> str:
        """Return why a server has no tools; empty where each has one."""
        try:
            servers = send("GET", f"{self.url}/api/servers", None, self.headers)["servers"]
        except RequestError as error:
            return str(error)
        seen = {one["path"] for one in servers if one["tools"]}
        errors = {one["path"]: one["error"] for one in servers}
        return "; ".join(f"no tool of {path} is seen {errors.get(path, '')}".rstrip() for path in sorted(paths - seen))


def run(environment: Mapping[str, str]) -> list[str]:
    """Register the servers and the agents; returns what has changed.

    Raises:
        JobError: the registry does not respond, refuses, or sees no tool of a server.
    """
    name = environment.get("ADMIN_USER") or "admin"
    registry = Registry(setting(environment, "REGISTRY_URL"), name, setting(environment, "ADMIN_PASSWORD"))
    document = registrations(environment)
    seconds = seconds_of(environment, WAIT_SECONDS)
    wait(registry.trouble, seconds)
    changes = [f"server {one['path']} registered" for one in document["servers"] if registry.register(one)]
    changes += [f"agent {one['path']} registered" for one in document["agents"] if registry.register_agent(one)]
    wait(lambda: registry.without_tools({one["path"] for one in document["servers"]}), seconds)
    return changes


def registrations(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the servers and agents to register.

    Raises:
        JobError: the file is missing or not JSON.
    """
    path = Path(environment.get("REGISTRATIONS_FILE") or FILE)
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobError(f"cannot read {path}: {error} -> name another file in REGISTRATIONS_FILE") from None
    return document
