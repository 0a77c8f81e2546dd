# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OIDC provider as the auth server sees it: verified tokens, codes for tokens, URLs for the browser."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import aiohttp
import jwt

ALGORITHMS = ("RS256",)  # fixed, so that a token cannot choose
KEYS_SECONDS = 3600.0  # for which the provider's keys are kept
RETRY_SECONDS = 5.0  # between two readings of the keys because of unknown ones
TIMEOUT = aiohttp.ClientTimeout(total=10)
REQUIRED = ("exp", "iat", "iss", "aud", "sub")
ACCOUNT = "account"


class TokenError(Exception):
    """A token is invalid."""


class ProviderError(Exception):
    """The provider does not respond, or refuses."""


@dataclass
class Provider:
    """A realm of Keycloak.

    Attributes:
        url: of Keycloak, from here.
        external_url: of Keycloak, from a browser.
        realm: the name of the realm.
        client_id: of the auth server.
        client_secret: of the auth server.
        audiences: of which an access token needs one.
    """

    url: str
    external_url: str
    realm: str
    client_id: str
    client_secret: str = field(repr=False)
    audiences: Iterable[str]
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict, repr=False)
    _read_at: float = float("-inf")
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    def issuers(self) -> list[str]:
        """Return the issuers of its tokens: Keycloak without a fixed hostname takes that of the request."""
        return [f"{url}/realms/{self.realm}" for url in dict.fromkeys((self.external_url, self.url))]

    def endpoint(self, name: str, external: bool = False) -> str:
        """Return the URL of an endpoint, from here or from a browser."""
        url = self.external_url if external else self.url
        return f"{url}/realms/{self.realm}/protocol/openid-connect/{name}"

    def browser_url(self, name: str, **parameters: str) -> str:
        """Return the URL of an endpoint for a browser, with parameters."""
        return f"{self.endpoint(name, external=True)}?{urlencode(parameters)}"

    async def access_claims(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token.

        Raises:
            TokenError: it is invalid.
            ProviderError: the provider does not respond.
        """
        claims = await self._verified(token, self.audiences)
        if claims.get("typ") != "Bearer":
            raise TokenError("the token is not an access token")
        return claims

    async def identity_claims(self, token: str, nonce: str) -> dict[str, Any]:
        """Return the claims of an ID token.

        Raises:
            TokenError: it is invalid.
            ProviderError: the provider does not respond.
        """
        claims = await self._verified(token, [self.client_id])
        if (claims.get("typ"), claims.get("nonce")) != ("ID", nonce):
            raise TokenError("the token is not the ID token of this login")
        return claims

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> dict[str, Any]:
        """Return the tokens for a code.

        Raises:
            ProviderError: the provider does not respond, or refuses.
        """
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        fields |= {"client_id": self.client_id, "client_secret": self.client_secret, "code_verifier": verifier}
        try:
            async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
                response = await session.post(self.endpoint("token"), data=fields)
                found: dict[str, Any] = await response.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ProviderError(f"{self.url}: {error}") from error
        if response.status != 200 or "id_token" not in found:
            raise ProviderError(f"{self.url} refuses the code: {found.get('error')}")
        return found

    async def _verified(self, token: str, audiences: Iterable[str]) -> dict[str, Any]:
        try:
            key_id = jwt.get_unverified_header(token).get("kid", "")
            key = await self._key(key_id)
            options: Any = {"require": list(REQUIRED)}
            claims: dict[str, Any] = jwt.decode(
                token, key, algorithms=ALGORITHMS, audience=audiences, issuer=self.issuers(), options=options
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise TokenError(str(error)) from None
        return claims

    async def _key(self, key_id: str) -> jwt.PyJWK:
        async with self._reading:
            age = time.monotonic() - self._read_at
            if age > KEYS_SECONDS or (key_id not in self._keys and age > RETRY_SECONDS):
                self._keys = await self._read_keys()
                self._read_at = time.monotonic()
        if key_id not in self._keys:
            raise TokenError("no key of the provider has the token's kid")
        return self._keys[key_id]

    async def _read_keys(self) -> dict[str, jwt.PyJWK]:
        try:
            async with aiohttp.ClientSession(timeout=TIMEOUT, raise_for_status=True) as session:
                response = await session.get(self.endpoint("certs"))
                keys = jwt.PyJWKSet.from_dict(await response.json()).keys
        except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWTError) as error:
            raise ProviderError(f"{self.url}: {error}") from error
        return {key.key_id: key for key in keys if key.key_id and key.algorithm_name in ALGORITHMS}
