# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A realm of Keycloak: its clients, groups, users and client scopes, in Keycloak's representations.

https://www.keycloak.org/docs-api/latest/rest-api/index.html
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from functools import lru_cache
from uuid import uuid4

from joserfc.jwk import RSAKey

from mcp_gateway_stand_in.keycloak.store import Document, Store

MASTER = "master"
KEY_BITS = 2048
SERVICE_ACCOUNT = "service-account-"
DEFAULT_SCOPES = ("profile", "email")
CLIENT_DEFAULTS: Document = {
    "enabled": True,
    "publicClient": False,
    "standardFlowEnabled": True,
    "directAccessGrantsEnabled": False,
    "serviceAccountsEnabled": False,
    "fullScopeAllowed": True,
    "redirectUris": [],
    "attributes": {},
    "protocolMappers": [],
    "defaultClientScopes": list(DEFAULT_SCOPES),
}
REALM_DEFAULTS: Document = {"enabled": True, "accessTokenLifespan": 300, "ssoSessionMaxLifespan": 36000}
SCRYPT = {"n": 2**14, "r": 8, "p": 1}


class Conflict(Exception):
    """A document of this name exists."""


class Realm:
    """One realm in the store."""

    def __init__(self, store: Store, name: str) -> None:
        self.store = store
        self.name = name

    @classmethod
    def create(cls, store: Store, settings: Document) -> Realm:
        """Create a realm with a key of its own.

        Raises:
            Conflict: it exists.
        """
        name = str(settings["realm"])
        if store.get("realm", name):
            raise Conflict(f"Realm {name} exists")
        key = RSAKey.generate_key(KEY_BITS, {"use": "sig", "alg": "RS256", "kid": uuid4().hex})
        store.add("key", name, key.as_dict(private=True))
        if not store.add("realm", name, {"id": str(uuid4()), **REALM_DEFAULTS, **settings}):
            raise Conflict(f"Realm {name} exists")
        return cls(store, name)

    @property
    def settings(self) -> Document:
        """Its representation."""
        return self.store.get("realm", self.name) or {}

    def update(self, changes: Document) -> None:
        """Change its settings."""
        self.store.put("realm", self.name, self.settings | changes)

    def key(self) -> RSAKey:
        """Return the key that signs its tokens."""
        return _key(json.dumps(self.store.get("key", self.name)))

    def kind(self, kind: str) -> str:
        """Return the name of a kind of this realm's documents."""
        return f"{self.name}/{kind}"

    def all(self, kind: str) -> list[Document]:
        """Return its documents of a kind."""
        return self.store.all(self.kind(kind))

    def by_id(self, kind: str, id: str) -> Document | None:
        """Return a document by its id."""
        return self.store.get(self.kind(kind), id)

    def named(self, kind: str, field: str, name: str) -> Document | None:
        """Return a document by the field that holds its name."""
        return next((one for one in self.all(kind) if one[field] == name), None)

    def save(self, kind: str, document: Document) -> None:
        """Write a document."""
        self.store.put(self.kind(kind), document["id"], document)

    def add(self, kind: str, field: str, representation: Document) -> Document:
        """Add a document under a new id and return it.

        Raises:
            Conflict: the realm has one of this name.
        """
        name = str(representation[field])
        if self.named(kind, field, name):
            raise Conflict(f"{name} exists")
        document = {**representation, "id": str(uuid4())}
        self.save(kind, document)
        return document

    def client(self, client_id: str) -> Document | None:
        """Return a client by its client id."""
        return self.named("clients", "clientId", client_id)

    def add_client(self, representation: Document) -> Document:
        """Add a client, with a secret and a service account where it needs them.

        Raises:
            Conflict: the client id exists.
        """
        client = {**CLIENT_DEFAULTS, **representation}
        if not client["publicClient"]:
            client.setdefault("secret", secrets.token_urlsafe(32))
        client["protocolMappers"] = [{"id": str(uuid4()), **one} for one in client["protocolMappers"]]
        client = self.add("clients", "clientId", client)
        if client["serviceAccountsEnabled"]:
            account = {"username": SERVICE_ACCOUNT + client["clientId"].lower(), "enabled": True}
            self.add("users", "username", {**account, "serviceAccountClientId": client["clientId"], "groups": []})
        return client

    def service_account(self, client: Document) -> Document | None:
        """Return the user that stands for a client."""
        return self.named("users", "username", SERVICE_ACCOUNT + client["clientId"].lower())

    def add_user(self, representation: Document) -> Document:
        """Add a user, with the groups and the password of the representation.

        Raises:
            Conflict: the user name exists.
            KeyError: there is no group of a path.
        """
        user = {"enabled": True, **representation, "username": str(representation["username"]).lower()}
        paths = {f"/{group['name']}": group["id"] for group in self.all("groups")}
        user["groups"] = [paths[path] for path in user.get("groups", [])]
        credentials = user.pop("credentials", [])
        user = self.add("users", "username", user)
        for credential in credentials:
            self.set_password(user, credential["value"])
        return user

    def set_password(self, user: Document, password: str) -> None:
        """Set a user's password; the store holds its hash."""
        salt = secrets.token_bytes(16)
        self.save("users", user | {"password": [_text(salt), _text(_hash(password, salt))]})

    def authenticated(self, username: str, password: str) -> Document | None:
        """Return the user of a name and a password; None for a wrong one."""
        user = self.named("users", "username", username.lower())
        salt, expected = map(base64.b64decode, (user or {}).get("password", [_text(b"none"), ""]))
        is_correct = hmac.compare_digest(_hash(password, salt), expected)
        return user if is_correct and user and user["enabled"] else None

    def group_names(self, user: Document) -> list[str]:
        """Return the names of a user's groups."""
        return sorted(group["name"] for group in self.all("groups") if group["id"] in user["groups"])


@lru_cache
def _key(text: str) -> RSAKey:
    """Return a key from its text; the check of its primes takes longer than all else that a request does."""
    return RSAKey.import_key(json.loads(text))


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
