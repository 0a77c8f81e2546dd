# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for the registry: settings and program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mcp_gateway_stand_in.registry.api import Access, Api
from mcp_gateway_stand_in.registry.catalogue import Catalogue
from mcp_gateway_stand_in.registry.front import Front
from mcp_gateway_stand_in.registry.probe import Probes
from mcp_gateway_stand_in.scopes import ScopesError, read_scopes
from mcp_gateway_stand_in.serving import SettingError, Site, address_of, origin_of, port_of, required, serve
from mcp_gateway_stand_in.session import secret_key_of

HTTP_PORT = 80
API_PORT = 7860
PROBE_SECONDS = 300.0  # the original's default
SERVERS, AGENTS = "/app/registry/servers", "/app/registry/agents"  # the original's directories


@dataclass(frozen=True)
class Settings:
    """What the stand-in reads from its environment."""

    access: Access
    servers: Path
    agents: Path
    probe_seconds: float
    address: str
    http_port: int
    api_port: int


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    Raises:
        SettingError: a variable is missing or invalid.
    """
    path = Path(required(environment, "SCOPES_CONFIG_PATH"))
    try:
        scopes = read_scopes(path)
        probe_seconds = float(environment.get("HEALTH_CHECK_INTERVAL_SECONDS") or PROBE_SECONDS)
    except ScopesError as error:
        raise SettingError(f"SCOPES_CONFIG_PATH names {path}: {error}") from error
    except ValueError:
        raise SettingError("HEALTH_CHECK_INTERVAL_SECONDS is not a number of seconds") from None
    return Settings(
        access=Access(
            secret_key=secret_key_of(environment),
            administrator=environment.get("ADMIN_USER") or "admin",
            password=required(environment, "ADMIN_PASSWORD"),
            auth_url=origin_of(required(environment, "AUTH_SERVER_URL")),
            auth_external_url=origin_of(required(environment, "AUTH_SERVER_EXTERNAL_URL")),
            scopes=scopes,
        ),
        servers=Path(environment.get("STAND_IN_SERVERS") or SERVERS),
        agents=Path(environment.get("STAND_IN_AGENTS") or AGENTS),
        probe_seconds=probe_seconds,
        address=address_of(environment),
        http_port=port_of(environment, "STAND_IN_HTTP_PORT", HTTP_PORT),
        api_port=port_of(environment, "PORT", API_PORT),
    )


def run(environment: Mapping[str, str]) -> None:
    """Serve until a signal: the API first, since the reverse proxy leads to it."""
    settings = settings_of(environment)
    servers = Catalogue(settings.servers)
    probes = Probes(servers, settings.probe_seconds)
    api = Api(servers, Catalogue(settings.agents), probes, settings.access)
    api_url = f"http://{settings.address}:{settings.api_port}"
    front = Front(servers, probes, settings.access.auth_url, api_url)
    asyncio.run(
        serve(
            "registry",
            Site(api.application(), settings.address, settings.api_port),
            Site(front.application(), settings.address, settings.http_port),
        )
    )
