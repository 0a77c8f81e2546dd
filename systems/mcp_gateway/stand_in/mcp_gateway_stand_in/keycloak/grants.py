# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The grants of OAuth 2.0 over a realm: authorization code with PKCE, client credentials, password.

Authlib judges the requests; this file has the data that it reads and writes.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Payload,
    OAuth2Request,
    grants,
)
from authlib.oauth2.rfc7636 import CodeChallenge

from mcp_gateway_stand_in.keycloak.realm import Realm
from mcp_gateway_stand_in.keycloak.store import Document
from mcp_gateway_stand_in.keycloak.tokens import Tokens

CODE_SECONDS = 60.0  # Keycloak's default for an authorization code
PKCE_ATTRIBUTE = "pkce.code.challenge.method"
FLOWS = {
    "authorization_code": "standardFlowEnabled",
    "client_credentials": "serviceAccountsEnabled",
    "password": "directAccessGrantsEnabled",
}


class Request(OAuth2Request):
    """A request to an endpoint, as Authlib reads it."""

    def __init__(self, method: str, uri: str, headers: Mapping[str, str], pairs: list[tuple[str, str]]) -> None:
        # The load balancer ends TLS, so the scheme that arrives here says nothing.
        super().__init__(method, uri.replace("http://", "https://", 1), headers=headers)
        self.payload = Payload(pairs)

    @property
    def form(self) -> dict[str, str]:
        """The parameters."""
        return self.payload.data


class Payload(OAuth2Payload):
    """The parameters of a request."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    @property
    def data(self) -> dict[str, str]:
        """The last value of each parameter."""
        return dict(self._pairs)

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        """All values of each parameter."""
        values = defaultdict(list)
        for name, value in self._pairs:
            values[name].append(value)
        return values


class Client:
    """A client, as Authlib reads it."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def get_client_id(self) -> str:
        """Return the client id."""
        return str(self.document["clientId"])

    def get_default_redirect_uri(self) -> None:
        """Return None: a request names its redirect URI."""

    def get_allowed_scope(self, scope: str | None) -> str:
        """Return the scope of a token: the client's default scopes, and what a request adds.

        Raises:
            InvalidScopeError: the client may not have a scope.
        """
        default = self.document["defaultClientScopes"]
        wanted = (scope or "").split()
        if not {"openid", *default}.issuperset(wanted):
            raise InvalidScopeError()
        return " ".join(dict.fromkeys([*wanted, *default]))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether a redirect URI is registered; each is compared as a whole."""
        return redirect_uri in self.document["redirectUris"]

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is the client's secret."""
        return hmac.compare_digest(client_secret.encode(), str(self.document.get("secret", "")).encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether the client authenticates by a method."""
        return bool((method == "none") == self.document["publicClient"])

    def check_response_type(self, response_type: str) -> bool:
        """Whether the client uses a response type."""
        return response_type == "code" and bool(self.document["standardFlowEnabled"])

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether the client uses a grant."""
        return bool(self.document.get(FLOWS.get(grant_type, ""), False))


@dataclass
class Code:
    """An authorization code, as Authlib reads it."""

    document: Document

    @property
    def code_challenge(self) -> str | None:
        """The challenge of PKCE."""
        return _text(self.document["code_challenge"])

    @property
    def code_challenge_method(self) -> str | None:
        """The method of the challenge."""
        return _text(self.document["code_challenge_method"])

    def get_redirect_uri(self) -> str:
        """Return the redirect URI of the request."""
        return str(self.document["redirect_uri"])

    def get_scope(self) -> str:
        """Return the scope."""
        return str(self.document["scope"])


class AuthorizationCode(grants.AuthorizationCodeGrant):
    """A code for the browser, then a token for the client."""

    def save_authorization_code(self, code: str, request: Request) -> None:
        """Write a code."""
        data = request.payload.data
        document = {
            "client": request.client.get_client_id(),
            "user": request.user["id"],
            "session": request.user["session"],
            "scope": request.scope,
            **{name: data.get(name) for name in ("redirect_uri", "nonce", "code_challenge", "code_challenge_method")},
        }
        realm = self.server.realm
        realm.store.put(realm.kind("codes"), code, document, CODE_SECONDS)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """Return a code and delete it, so that it serves one request alone, whatever comes of that."""
        realm = self.server.realm
        found = realm.store.take(realm.kind("codes"), code)
        return Code(found) if found and found["client"] == client.get_client_id() else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Do nothing: the query has deleted it."""

    def authenticate_user(self, authorization_code: Code) -> Document | None:
        """Return the user of a code."""
        user = self.server.realm.by_id("users", authorization_code.document["user"])
        return user if user and user["enabled"] else None


class ClientCredentials(grants.ClientCredentialsGrant):
    """A token for the client itself."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic", "client_secret_post"]


class Password(grants.ResourceOwnerPasswordCredentialsGrant):
    """A token for a user's name and password."""

    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["client_secret_basic", "client_secret_post", "none"]

    def authenticate_user(self, username: str, password: str) -> Document:
        """Return the user of a name and a password.

        Raises:
            InvalidGrantError: one of them is wrong, with Keycloak's status.
        """
        realm: Realm = self.server.realm
        if not (user := realm.authenticated(username, password)):
            raise InvalidGrantError(description="Invalid user credentials", status_code=401)
        return user


class Challenge(CodeChallenge):
    """PKCE: a client may need it, and each challenge is a hash."""

    SUPPORTED_CODE_CHALLENGE_METHOD: ClassVar = ["S256"]

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse a request without a challenge where the client needs one."""
        data = grant.request.payload.data
        needed = grant.request.client.document["attributes"].get(PKCE_ATTRIBUTE)
        if (needed or data.get("code_challenge")) and data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("Missing parameter: code_challenge_method")
        if needed and not data.get("code_challenge"):
            raise InvalidRequestError("Missing parameter: code_challenge")
        super().validate_code_challenge(grant, redirect_uri)


class Server(AuthorizationServer):
    """The authorization server of one realm."""

    def __init__(self, realm: Realm, tokens: Tokens) -> None:
        super().__init__()
        self.realm = realm
        self.tokens = tokens
        self.register_grant(AuthorizationCode, [Challenge(required=True)])
        self.register_grant(ClientCredentials)
        self.register_grant(Password)

    def query_client(self, client_id: str) -> Client | None:
        """Return a client."""
        found = self.realm.client(client_id)
        return Client(found) if found and found["enabled"] else None

    def create_oauth2_request(self, request: Request) -> Request:
        """Return the request."""
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, dict[str, str]]:
        """Return status, body and headers of a response."""
        return status, body, dict(headers)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Do nothing: no code listens."""

    def save_token(self, token: Document, request: Request) -> None:
        """Put the ID token beside an access token of a login; tokens are not kept."""
        code = request.authorization_code
        if code and "openid" in code.get_scope().split():
            document = code.document
            token["id_token"] = self.tokens.identity(
                request.client.document, request.user, document["nonce"], document["session"]
            )
            token["session_state"] = document["session"]

    def generate_token(
        self,
        grant_type: str,
        client: Client,
        user: Document | None = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: bool = True,
    ) -> Document:
        """Return the response of the token endpoint, without an ID token."""
        user = user or self.realm.service_account(client.document)
        assert user
        allowed = client.get_allowed_scope(scope)
        token, seconds = self.tokens.access(client.document, user, allowed)
        return {"access_token": token, "expires_in": seconds, "token_type": "Bearer", "scope": allowed}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
