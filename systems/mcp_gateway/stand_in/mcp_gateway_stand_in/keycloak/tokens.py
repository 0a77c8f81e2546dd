# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokens that a realm issues, with the claims that Keycloak gives them.

https://www.keycloak.org/docs/latest/server_admin/index.html#_oidc_token_categories
"""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from mcp_gateway_stand_in.keycloak.realm import MASTER, Realm
from mcp_gateway_stand_in.keycloak.store import Document

ALGORITHM = "RS256"
GROUPS_MAPPER = "oidc-group-membership-mapper"
AUDIENCE_MAPPER = "oidc-audience-mapper"
ACCOUNT = "account"  # the client whose roles each user has, and so an audience of most tokens
PROFILE_CLAIMS = {"given_name": "firstName", "family_name": "lastName", "email": "email"}


class TokenError(Exception):
    """A token is invalid."""


class Tokens:
    """Issues the tokens of one realm.

    Args:
        realm: the realm.
        issuer: its URL, which is in every token.
    """

    def __init__(self, realm: Realm, issuer: str) -> None:
        self.realm = realm
        self.issuer = issuer

    def access(self, client: Document, user: Document, scope: str, session: str = "") -> tuple[str, int]:
        """Return an access token and its lifetime in seconds."""
        lifetime = client["attributes"].get("access.token.lifespan") or self.realm.settings["accessTokenLifespan"]
        claims = self._common(client, user, int(lifetime), session) | {"typ": "Bearer", "scope": scope}
        if audience := _audience(client):
            claims["aud"] = audience[0] if len(audience) == 1 else audience
        if client["fullScopeAllowed"]:
            roles = [f"default-roles-{self.realm.name}", "offline_access", *user.get("realmRoles", [])]
            claims["realm_access"] = {"roles": sorted(roles)}
            claims["resource_access"] = {ACCOUNT: {"roles": ["manage-account", "view-profile"]}}
        if user.get("serviceAccountClientId"):
            claims |= {"client_id": client["clientId"], "clientId": client["clientId"]}
        return self._signed(claims), int(lifetime)

    def identity(self, client: Document, user: Document, nonce: str | None, session: str) -> str:
        """Return an ID token."""
        lifetime = int(self.realm.settings["accessTokenLifespan"])
        claims = self._common(client, user, lifetime, session) | {"typ": "ID", "aud": client["clientId"]}
        return self._signed(claims | ({"nonce": nonce} if nonce else {}))

    def claims(self, token: str, kind: str = "Bearer", expired: bool = False) -> Document:
        """Return the claims of a token of this realm.

        Args:
            token: the token.
            kind: its type.
            expired: whether an expired one is accepted.

        Raises:
            TokenError: it is invalid.
        """
        try:
            claims: Document = jwt.decode(token, self.realm.key(), [ALGORITHM]).claims
        except (JoseError, ValueError) as error:
            raise TokenError(str(error)) from None
        if (claims.get("iss"), claims.get("typ")) != (self.issuer, kind):
            raise TokenError("issuer or type")
        if claims["exp"] <= time.time() and not expired:
            raise TokenError("expired")
        return claims

    def is_administrator(self, token: str) -> bool:
        """Whether an access token is one of an administrator."""
        try:
            claims = self.claims(token)
        except TokenError:
            return False
        return self.realm.name == MASTER and "admin" in claims["realm_access"]["roles"]

    def keys(self) -> dict[str, Any]:
        """Return the public keys, as a JSON Web Key Set."""
        return dict(KeySet([self.realm.key()]).as_dict(private=False))

    def _common(self, client: Document, user: Document, lifetime: int, session: str) -> Document:
        now = int(time.time())
        claims: Document = {
            "exp": now + lifetime,
            "iat": now,
            "jti": str(uuid4()),
            "iss": self.issuer,
            "sub": user["id"],
            "azp": client["clientId"],
            "acr": "1",
            "email_verified": bool(user.get("emailVerified")),
            "preferred_username": user["username"],
        }
        if session:
            claims["sid"] = session
        claims |= {claim: user[field] for claim, field in PROFILE_CLAIMS.items() if user.get(field)}
        for mapper in client["protocolMappers"]:
            if mapper["protocolMapper"] == GROUPS_MAPPER:
                claims[mapper["config"]["claim.name"]] = self.realm.group_names(user)
        return claims

    def _signed(self, claims: Document) -> str:
        key = self.realm.key()
        return jwt.encode({"alg": ALGORITHM, "typ": "JWT", "kid": key.kid}, claims, key, [ALGORITHM])


def _audience(client: Document) -> list[str]:
    mapped = [
        mapper["config"]["included.client.audience"]
        for mapper in client["protocolMappers"]
        if mapper["protocolMapper"] == AUDIENCE_MAPPER
    ]
    return [*mapped, *([ACCOUNT] if client["fullScopeAllowed"] else [])]
