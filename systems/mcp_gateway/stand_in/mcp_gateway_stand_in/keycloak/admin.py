# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of Keycloak's admin REST API that sets a realm up.

https://www.keycloak.org/docs-api/latest/rest-api/index.html
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

from aiohttp import web

from mcp_gateway_stand_in.keycloak.realm import Conflict, Realm
from mcp_gateway_stand_in.keycloak.store import Document, Store

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HIDDEN = ("password",)


class Admin:
    """The routes below /admin.

    Args:
        store: the documents.
        is_administrator: whether an access token is one of an administrator.
    """

    def __init__(self, store: Store, is_administrator: Callable[[str], bool]) -> None:
        self.store = store
        self.is_administrator = is_administrator

    def routes(self) -> list[web.RouteDef]:
        """Return the routes, each for administrators alone."""
        realm = "/admin/realms/{realm}"
        client, user = f"{realm}/clients/{{id}}", f"{realm}/users/{{id}}"
        found: list[tuple[str, str, Handler]] = [
            ("GET", "/admin/realms", self.realms),
            ("POST", "/admin/realms", self.create_realm),
            ("GET", realm, self.get_realm),
            ("PUT", realm, self.update_realm),
            ("GET", f"{realm}/clients", self.listing("clients", "clientId", "clientId")),
            ("POST", f"{realm}/clients", self.create_client),
            ("GET", client, self.reading("clients")),
            ("PUT", client, self.updating("clients", ("id", "protocolMappers", "defaultClientScopes"))),
            ("GET", f"{client}/client-secret", self.get_secret),
            ("POST", f"{client}/client-secret", self.renew_secret),
            ("POST", f"{client}/protocol-mappers/models", self.add_mapper),
            ("GET", f"{client}/service-account-user", self.service_account),
            ("PUT", f"{client}/default-client-scopes/{{scope}}", self.add_default_scope),
            ("GET", f"{realm}/client-scopes", self.listing("scopes", "name", "name")),
            ("POST", f"{realm}/client-scopes", self.creating("scopes", "name")),
            ("GET", f"{realm}/groups", self.listing("groups", "search", "name")),
            ("POST", f"{realm}/groups", self.creating("groups", "name")),
            ("GET", f"{realm}/users", self.listing("users", "username", "username")),
            ("POST", f"{realm}/users", self.create_user),
            ("PUT", user, self.updating("users", ("id", "username", "groups", "password", "credentials"))),
            ("PUT", f"{user}/reset-password", self.reset_password),
            ("GET", f"{user}/groups", self.user_groups),
            ("PUT", f"{user}/groups/{{group}}", self.join_group),
            ("DELETE", f"{user}/groups/{{group}}", self.leave_group),
        ]
        return [web.route(method, path, self.guarded(handler)) for method, path, handler in found]

    def guarded(self, handler: Handler) -> Handler:
        """Return a handler that responds to administrators alone."""

        async def respond(request: web.Request) -> web.StreamResponse:
            scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not self.is_administrator(token):
                return failed(401, "HTTP 401 Unauthorized")
            try:
                return await handler(request)
            except Conflict as error:
                return failed(409, str(error))
            except LookupError as error:
                return failed(404, f"Could not find {error}")

        return respond

    def realm(self, request: web.Request) -> Realm:
        """Return the realm that a request names."""
        name = request.match_info["realm"]
        if not self.store.get("realm", name):
            raise LookupError(f"realm {name}")
        return Realm(self.store, name)

    def found(self, request: web.Request, kind: str, part: str = "id") -> Document:
        """Return the document that a request names."""
        document = self.realm(request).by_id(kind, request.match_info[part])
        if not document:
            raise LookupError(f"{kind} {request.match_info[part]}")
        return document

    def listing(self, kind: str, parameter: str, field: str) -> Handler:
        """Return a handler that lists documents, all or those of a name."""

        async def respond(request: web.Request) -> web.Response:
            wanted = request.query.get(parameter)
            found = self.realm(request).all(kind)
            return web.json_response([shown(one) for one in found if wanted in (None, one[field])])

        return respond

    def reading(self, kind: str) -> Handler:
        """Return a handler that shows a document."""

        async def respond(request: web.Request) -> web.Response:
            return web.json_response(shown(self.found(request, kind)))

        return respond

    def creating(self, kind: str, field: str) -> Handler:
        """Return a handler that adds a document."""

        async def respond(request: web.Request) -> web.Response:
            return created(request, self.realm(request).add(kind, field, await request.json()))

        return respond

    def updating(self, kind: str, fixed: tuple[str, ...]) -> Handler:
        """Return a handler that changes the fields of a document, except some that have routes of their own."""

        async def respond(request: web.Request) -> web.Response:
            changes = {name: value for name, value in (await request.json()).items() if name not in fixed}
            self.realm(request).save(kind, self.found(request, kind) | changes)
            return web.Response(status=204)

        return respond

    async def realms(self, _request: web.Request) -> web.Response:
        """List the realms."""
        return web.json_response(self.store.all("realm"))

    async def create_realm(self, request: web.Request) -> web.Response:
        """Create a realm."""
        realm = Realm.create(self.store, await request.json())
        return web.Response(status=201, headers={"Location": f"{request.path}/{realm.name}"})

    async def get_realm(self, request: web.Request) -> web.Response:
        """Show a realm."""
        return web.json_response(self.realm(request).settings)

    async def update_realm(self, request: web.Request) -> web.Response:
        """Change a realm."""
        self.realm(request).update({**(await request.json()), "realm": request.match_info["realm"]})
        return web.Response(status=204)

    async def create_client(self, request: web.Request) -> web.Response:
        """Add a client."""
        return created(request, self.realm(request).add_client(await request.json()))

    async def get_secret(self, request: web.Request) -> web.Response:
        """Show a client's secret."""
        return web.json_response({"type": "secret", "value": self.found(request, "clients").get("secret")})

    async def renew_secret(self, request: web.Request) -> web.Response:
        """Give a client another secret."""
        client = self.found(request, "clients") | {"secret": secrets.token_urlsafe(32)}
        self.realm(request).save("clients", client)
        return web.json_response({"type": "secret", "value": client["secret"]})

    async def add_mapper(self, request: web.Request) -> web.Response:
        """Add a protocol mapper to a client."""
        client, mapper = self.found(request, "clients"), await request.json()
        if any(one["name"] == mapper["name"] for one in client["protocolMappers"]):
            raise Conflict(f"Protocol mapper {mapper['name']} exists")
        client["protocolMappers"].append({**mapper, "id": str(uuid4())})
        self.realm(request).save("clients", client)
        return web.Response(status=201)

    async def service_account(self, request: web.Request) -> web.Response:
        """Show the user that stands for a client."""
        client = self.found(request, "clients")
        user = self.realm(request).service_account(client)
        if not user:
            return failed(400, f"Service account not enabled for the client '{client['clientId']}'")
        return web.json_response(shown(user))

    async def add_default_scope(self, request: web.Request) -> web.Response:
        """Make a client scope a default of a client."""
        client, scope = self.found(request, "clients"), self.found(request, "scopes", "scope")
        names = dict.fromkeys([*client["defaultClientScopes"], scope["name"]])
        self.realm(request).save("clients", client | {"defaultClientScopes": list(names)})
        return web.Response(status=204)

    async def create_user(self, request: web.Request) -> web.Response:
        """Add a user."""
        return created(request, self.realm(request).add_user(await request.json()))

    async def reset_password(self, request: web.Request) -> web.Response:
        """Set a user's password."""
        self.realm(request).set_password(self.found(request, "users"), (await request.json())["value"])
        return web.Response(status=204)

    async def user_groups(self, request: web.Request) -> web.Response:
        """List the groups of a user."""
        user = self.found(request, "users")
        return web.json_response([one for one in self.realm(request).all("groups") if one["id"] in user["groups"]])

    async def join_group(self, request: web.Request) -> web.Response:
        """Add a user to a group."""
        user, group = self.found(request, "users"), self.found(request, "groups", "group")
        self.realm(request).save("users", user | {"groups": sorted({*user["groups"], group["id"]})})
        return web.Response(status=204)

    async def leave_group(self, request: web.Request) -> web.Response:
        """Remove a user from a group."""
        user, group = self.found(request, "users"), self.found(request, "groups", "group")
        self.realm(request).save("users", user | {"groups": sorted({*user["groups"]} - {group["id"]})})
        return web.Response(status=204)


def shown(document: Document) -> Document:
    """Return a document without what the API never shows."""
    return {name: value for name, value in document.items() if name not in HIDDEN}


def created(request: web.Request, document: Document) -> web.Response:
    """Return the response to a creation: no body, and the URL of what is new."""
    return web.Response(status=201, headers={"Location": f"{request.path}/{document['id']}"})


def failed(status: int, message: str, **fields: Any) -> web.Response:
    """Return an error as Keycloak does."""
    return web.json_response({"errorMessage": message, **fields}, status=status)
