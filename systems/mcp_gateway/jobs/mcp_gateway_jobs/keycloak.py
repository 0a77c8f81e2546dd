# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keycloak's admin REST API, as far as a realm is set up by it; each step changes only what differs.

https://www.keycloak.org/docs-api/latest/rest-api/index.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlencode

from mcp_gateway_jobs.requests import RequestError, send, wait

Document = dict[str, Any]
CLIENT_SECONDS = 30.0  # of the 60 for which an administrator's token is valid


class Keycloak:
    """The API, for one realm.

    Args:
        url: of Keycloak.
        realm: name of the realm to set up.
        name: of the administrator.
        password: of the administrator.

    Attributes:
        changes: what has changed, in order.
    """

    def __init__(self, url: str, realm: str, name: str, password: str) -> None:
        self.url = url.rstrip("/")
        self.realm = realm
        self.changes: list[str] = []
        self._login = {"grant_type": "password", "client_id": "admin-cli", "username": name, "password": password}
        self._token = ""
        self._until = 0.0

    def wait(self, seconds: float) -> None:
        """Wait until the administrator can log in.

        Raises:
            RequestError: the name or the password is wrong.
            JobError: Keycloak does not respond in time.
        """

        def attempt() -> str:
            try:
                self._authorization()
            except RequestError as error:
                if error.status in (400, 401):
                    raise
                return str(error)
            return ""

        wait(attempt, seconds)

    def ensure_realm(self, settings: Document) -> None:
        """Create the realm, or change its settings."""
        try:
            found = self._get("")
        except RequestError as error:
            if error.status != 404:
                raise
            self._send("POST", f"{self.url}/admin/realms", {**settings, "realm": self.realm, "enabled": True})
            self.changes.append(f"realm {self.realm} created")
            return
        self._update("", found, settings, f"realm {self.realm}")

    def ensure_named(self, kind: str, representation: Document) -> str:
        """Create a group or a client scope by its name; returns its id."""
        return self._ensure(kind, "name", representation["name"], "", representation)

    def ensure_client(self, representation: Document, scopes: Iterable[str] = ()) -> str:
        """Create a client, or change it; returns its id.

        Args:
            representation: of the client.
            scopes: the ids of more client scopes that its tokens have.
        """
        client_id = representation["clientId"]
        query = f"?{urlencode({'clientId': client_id})}"
        id = self._ensure("clients", "clientId", client_id, query, representation)
        path = f"/clients/{id}"
        found = self._get(path)
        # A change of a client leaves its mappers and scopes, which have routes of their own.
        settings = {name: value for name, value in representation.items() if name != "protocolMappers"}
        self._update(path, found, settings, f"client {client_id}")
        names = {mapper["name"] for mapper in found.get("protocolMappers", [])}
        for mapper in representation.get("protocolMappers", []):
            if mapper["name"] not in names:
                self._send("POST", self._path(f"{path}/protocol-mappers/models"), mapper)
                self.changes.append(f"mapper {mapper['name']} of client {client_id} created")
        for scope in scopes:
            self._send("PUT", self._path(f"{path}/default-client-scopes/{scope}"))
        return id

    def secret(self, client: str, renew: bool = False) -> str:
        """Return the secret of a client, on demand a new one."""
        path = self._path(f"/clients/{client}/client-secret")
        found = self._send("POST", path) if renew else self._send("GET", path)
        return str(found["value"])

    def service_account(self, client: str) -> str:
        """Return the id of the user that stands for a client."""
        return str(self._get(f"/clients/{client}/service-account-user")["id"])

    def ensure_user(self, representation: Document, password: str) -> str:
        """Create a user with a password; the password of an existing user stays. Returns the user's id."""
        name = representation["username"]
        credentials = [{"type": "password", "value": password, "temporary": False}]
        query = f"?{urlencode({'username': name, 'exact': 'true'})}"
        document = {"enabled": True, "emailVerified": True, **representation, "credentials": credentials}
        return self._ensure("users", "username", name, query, document)

    def ensure_groups(self, user: str, name: str, groups: dict[str, str]) -> None:
        """Put a user into exactly these groups.

        Args:
            user: id of the user.
            name: of the user, for the report.
            groups: id of each group by its name.
        """
        path = f"/users/{user}/groups"
        found = {group["name"]: group["id"] for group in self._get(path)}
        for group in sorted(groups.keys() - found.keys()):
            self._send("PUT", self._path(f"{path}/{groups[group]}"))
            self.changes.append(f"user {name} joined {group}")
        for group in sorted(found.keys() - groups.keys()):
            self._send("DELETE", self._path(f"{path}/{found[group]}"))
            self.changes.append(f"user {name} left {group}")

    def _ensure(self, kind: str, field: str, name: str, query: str, representation: Document) -> str:
        id = self._find(kind, field, name, query)
        if not id:
            self._send("POST", self._path(f"/{kind}"), representation)
            self.changes.append(f"{kind.removesuffix('s')} {name} created")
            id = self._find(kind, field, name, query)
        return id

    def _find(self, kind: str, field: str, name: str, query: str) -> str:
        return next((str(one["id"]) for one in self._get(f"/{kind}{query}") if one[field] == name), "")

    def _update(self, path: str, found: Document, wanted: Document, name: str) -> None:
        different = {key: value for key, value in wanted.items() if not _holds(found.get(key), value)}
        if different:
            merged = {key: _merged(found.get(key), value) for key, value in different.items()}
            self._send("PUT", self._path(path), found | merged)
            self.changes.append(f"{name} changed: {', '.join(sorted(different))}")

    def _get(self, path: str) -> Any:
        return self._send("GET", self._path(path))

    def _path(self, path: str) -> str:
        return f"{self.url}/admin/realms/{quote(self.realm)}{path}"

    def _send(self, method: str, url: str, body: Any = None) -> Any:
        headers = {"Authorization": self._authorization(), "Content-Type": "application/json"}
        return send(method, url, None if body is None else json.dumps(body).encode(), headers)

    def _authorization(self) -> str:
        if time.monotonic() >= self._until:
            url = f"{self.url}/realms/master/protocol/openid-connect/token"
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            self._token = send("POST", url, urlencode(self._login).encode(), headers)["access_token"]
            self._until = time.monotonic() + CLIENT_SECONDS
        return f"Bearer {self._token}"


def _holds(found: Any, wanted: Any) -> bool:
    """Whether a value has all that is wanted: Keycloak adds attributes of its own, and lists have no order."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(_holds(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return sorted(map(str, found)) == sorted(map(str, wanted))
    return bool(found == wanted)


def _merged(found: Any, wanted: Any) -> Any:
    return {**found, **wanted} if isinstance(found, dict) and isinstance(wanted, dict) else wanted
