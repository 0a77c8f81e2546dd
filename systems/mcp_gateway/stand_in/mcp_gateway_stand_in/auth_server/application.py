# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for the auth server: settings, routes, program."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from mcp_gateway_stand_in.auth_server.login import Login
from mcp_gateway_stand_in.auth_server.provider import ACCOUNT, Provider
from mcp_gateway_stand_in.auth_server.validation import Validation
from mcp_gateway_stand_in.scopes import ScopesError, read_scopes
from mcp_gateway_stand_in.serving import SettingError, Site, address_of, origin_of, port_of, required, serve
from mcp_gateway_stand_in.session import secret_key_of

PORT = 8888
MAX_BODY = 4 * 1024**2  # bytes, above the reverse proxy's
M2M_CLIENT_ID = "mcp-gateway-m2m"


@dataclass(frozen=True)
class Settings:
    """What the stand-in reads from its environment."""

    provider: Provider
    secret_key: str
    url: str
    registry_url: str
    scopes: Path
    secure: bool
    domain: str
    address: str
    port: int


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    Raises:
        SettingError: a variable is missing or invalid.
    """
    if (provider := environment.get("AUTH_PROVIDER") or "keycloak") != "keycloak":
        raise SettingError(f"AUTH_PROVIDER is {provider!r}, and the stand-in has keycloak alone")
    url = origin_of(required(environment, "KEYCLOAK_URL"))
    client_id = required(environment, "KEYCLOAK_CLIENT_ID")
    m2m = environment.get("KEYCLOAK_M2M_CLIENT_ID") or M2M_CLIENT_ID
    return Settings(
        provider=Provider(
            url=url,
            external_url=origin_of(environment.get("KEYCLOAK_EXTERNAL_URL") or url),
            realm=required(environment, "KEYCLOAK_REALM"),
            client_id=client_id,
            client_secret=required(environment, "KEYCLOAK_CLIENT_SECRET"),
            audiences=(ACCOUNT, client_id, m2m),
        ),
        secret_key=secret_key_of(environment),
        url=origin_of(required(environment, "AUTH_SERVER_EXTERNAL_URL")),
        registry_url=origin_of(required(environment, "REGISTRY_URL")),
        scopes=Path(required(environment, "SCOPES_CONFIG_PATH")),
        secure=(environment.get("SESSION_COOKIE_SECURE") or "true").lower() == "true",
        domain=environment.get("SESSION_COOKIE_DOMAIN", ""),
        address=address_of(environment),
        port=port_of(environment, "PORT", PORT),
    )


def application(settings: Settings) -> web.Application:
    """Return the application with its routes.

    Raises:
        SettingError: the file of the scopes is invalid.
    """
    try:
        scopes = read_scopes(settings.scopes)
    except ScopesError as error:
        raise SettingError(f"SCOPES_CONFIG_PATH names {settings.scopes}: {error}") from error
    validation = Validation(settings.provider, settings.secret_key, scopes)
    login = Login(
        settings.provider, settings.secret_key, settings.url, settings.registry_url, settings.secure, settings.domain
    )
    made = web.Application(client_max_size=MAX_BODY)
    made.router.add_routes(
        [
            web.get("/health", health),
            web.get("/validate", validation.validate),
            web.post("/validate", validation.validate),
            *login.routes(),
        ]
    )
    return made


async def health(_request: web.Request) -> web.Response:
    """Respond to a health check."""
    return web.json_response({"status": "healthy", "service": "auth-server"})


def run(environment: Mapping[str, str]) -> None:
    """Serve until a signal."""
    settings = settings_of(environment)
    asyncio.run(serve("auth-server", Site(application(settings), settings.address, settings.port)))
