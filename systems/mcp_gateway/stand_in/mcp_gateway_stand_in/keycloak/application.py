# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for Keycloak: settings, routes, program."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from mcp_gateway_stand_in.keycloak.admin import Admin
from mcp_gateway_stand_in.keycloak.database_store import Database, DatabaseStore
from mcp_gateway_stand_in.keycloak.grants import Request, Server
from mcp_gateway_stand_in.keycloak.login import Login, page
from mcp_gateway_stand_in.keycloak.realm import MASTER, Conflict, Realm
from mcp_gateway_stand_in.keycloak.store import Store
from mcp_gateway_stand_in.keycloak.tokens import ALGORITHM, TokenError, Tokens
from mcp_gateway_stand_in.serving import Site, address_of, origin_of, port_of, required, serve

PORT = 8080
MANAGEMENT_PORT = 9000
NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Settings:
    """What the stand-in reads from its environment."""

    url: str
    database: Database | Path
    administrator: str
    password: str
    address: str
    port: int
    management_port: int


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Return the settings of an environment.

    Raises:
        SettingError: a variable is missing or invalid.
    """
    hostname = required(environment, "KC_HOSTNAME")
    return Settings(
        url=origin_of(hostname if "://" in hostname else f"https://{hostname}"),
        database=database_of(environment),
        administrator=required(environment, "KEYCLOAK_ADMIN"),
        password=required(environment, "KEYCLOAK_ADMIN_PASSWORD"),
        address=address_of(environment),
        port=port_of(environment, "KC_HTTP_PORT", PORT),
        management_port=port_of(environment, "KC_HTTP_MANAGEMENT_PORT", MANAGEMENT_PORT),
    )


def database_of(environment: Mapping[str, str]) -> Database | Path:
    """Return the database of ``KC_DB_URL``; without one, the file of ``STAND_IN_DATABASE``.

    Raises:
        SettingError: a variable is missing or invalid.
    """
    if not (url := environment.get("KC_DB_URL", "")):
        return Path(required(environment, "STAND_IN_DATABASE"))
    return Database.of(url, required(environment, "KC_DB_USERNAME"), required(environment, "KC_DB_PASSWORD"))


class Keycloak:
    """The endpoints of all realms.

    Args:
        store: the documents.
        url: under which browsers and clients reach it; the issuer of each token starts with it.
    """

    def __init__(self, store: Store, url: str) -> None:
        self.store = store
        self.url = url

    def create_administrator(self, name: str, password: str) -> None:
        """Create the realm of administrators, once; as in Keycloak, a later password changes nothing."""
        with contextlib.suppress(Conflict):
            realm = Realm.create(self.store, {"realm": MASTER, "accessTokenLifespan": 60})
            realm.add_client({"clientId": "admin-cli", "publicClient": True, "directAccessGrantsEnabled": True})
            user = realm.add_user({"username": name, "realmRoles": ["admin"]})
            realm.set_password(user, password)

    def application(self) -> web.Application:
        """Return the application with its routes."""
        made = web.Application()
        realm, protocol = "/realms/{realm}", "/realms/{realm}/protocol/openid-connect"
        made.router.add_routes(
            [
                web.get("/", self.welcome),
                web.get("/health/ready", ready),
                web.get("/health/live", ready),
                web.get(f"{realm}/.well-known/openid-configuration", self.configuration),
                web.get(f"{protocol}/certs", self.keys),
                web.get(f"{protocol}/auth", self.authorize),
                web.post(f"{protocol}/token", self.token),
                web.get(f"{protocol}/userinfo", self.user_info),
                web.get(f"{protocol}/logout", self.log_out),
                web.post(f"{realm}/login-actions/authenticate", self.authenticate),
            ]
        )
        made.router.add_routes(Admin(self.store, self.tokens(Realm(self.store, MASTER)).is_administrator).routes())
        return made

    def tokens(self, realm: Realm) -> Tokens:
        """Return what issues the tokens of a realm."""
        return Tokens(realm, f"{self.url}/realms/{realm.name}")

    def server(self, request: web.Request) -> Server:
        """Return the authorization server of the realm that a request names."""
        name = request.match_info["realm"]
        if not self.store.get("realm", name):
            raise web.HTTPNotFound(text="Realm does not exist")
        realm = Realm(self.store, name)
        return Server(realm, self.tokens(realm))

    def login(self, request: web.Request) -> Login:
        """Return the login to the realm that a request names."""
        server = self.server(request)
        return Login(server, f"/realms/{server.realm.name}/", self.url.startswith("https://"))

    async def welcome(self, _request: web.Request) -> web.Response:
        """Show that it runs."""
        return page("Keycloak", "<p>It runs.</p>")

    async def configuration(self, request: web.Request) -> web.Response:
        """Respond to discovery: https://openid.net/specs/openid-connect-discovery-1_0.html."""
        issuer = self.server(request).tokens.issuer
        protocol = f"{issuer}/protocol/openid-connect"
        return web.json_response(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{protocol}/auth",
                "token_endpoint": f"{protocol}/token",
                "userinfo_endpoint": f"{protocol}/userinfo",
                "end_session_endpoint": f"{protocol}/logout",
                "jwks_uri": f"{protocol}/certs",
                "grant_types_supported": ["authorization_code", "client_credentials", "password"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
        )

    async def keys(self, request: web.Request) -> web.Response:
        """Respond with the public keys."""
        return web.json_response(self.server(request).tokens.keys())

    async def authorize(self, request: web.Request) -> web.Response:
        """Start a login."""
        return await self.login(request).authorize(request)

    async def authenticate(self, request: web.Request) -> web.Response:
        """Judge a name and a password."""
        return await self.login(request).authenticate(request)

    async def log_out(self, request: web.Request) -> web.Response:
        """End a session."""
        return await self.login(request).log_out(request)

    async def token(self, request: web.Request) -> web.Response:
        """Issue tokens."""
        fields = [(name, str(value)) for name, value in (await request.post()).items()]
        oauth = Request("POST", str(request.url), request.headers, fields)
        status, body, _headers = self.server(request).create_token_response(oauth)
        return web.json_response(dict(body), status=status, headers=NO_STORE)

    async def user_info(self, request: web.Request) -> web.Response:
        """Respond with the claims about the user of an access token."""
        scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        try:
            claims = self.server(request).tokens.claims(token if scheme.lower() == "bearer" else "")
        except TokenError:
            return web.json_response({"error": "invalid_token"}, status=401, headers={"WWW-Authenticate": "Bearer"})
        names = ("sub", "preferred_username", "email", "email_verified", "groups")
        return web.json_response({name: claims[name] for name in names if name in claims}, headers=NO_STORE)


async def ready(_request: web.Request) -> web.Response:
    """Respond to a health check."""
    return web.json_response({"status": "UP", "checks": []})


def run(environment: Mapping[str, str]) -> None:
    """Serve until a signal."""
    settings = settings_of(environment)
    store = Store(settings.database) if isinstance(settings.database, Path) else DatabaseStore(settings.database)
    keycloak = Keycloak(store, settings.url)
    keycloak.create_administrator(settings.administrator, settings.password)
    management = web.Application()
    management.router.add_routes([web.get("/health/ready", ready), web.get("/health/live", ready)])
    asyncio.run(
        serve(
            "keycloak",
            Site(keycloak.application(), settings.address, settings.port),
            Site(management, settings.address, settings.management_port),
        )
    )
