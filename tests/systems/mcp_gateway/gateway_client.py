# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests from outside to an MCP gateway, by its names and with TLS."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SECONDS = 60.0
REALM = "mcp-gateway"


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Returns a redirect as a response."""

    def redirect_request(self, *_arguments: Any) -> None:
        return None


class GatewayClient(ABC):
    """A client of a gateway.

    Attributes:
        registry_url: of the registry's load balancer, without a path.
        keycloak_url: of Keycloak's.
    """

    registry_url: str
    keycloak_url: str

    @property
    @abstractmethod
    def addresses(self) -> Mapping[str, str]:
        """The address of each host name."""

    @property
    @abstractmethod
    def authority(self) -> Path:
        """The certificate of the authority that issues those of the load balancers."""

    @abstractmethod
    def client_secret(self, client: str) -> str:
        """Return the secret of a client in Keycloak."""

    @abstractmethod
    def realm_key(self) -> jwt.PyJWK:
        """Return the private key of the realm."""

    @property
    def issuer(self) -> str:
        return f"{self.keycloak_url}/realms/{REALM}"

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))

    def certificate_hashes(self) -> list[str]:
        """Return the hashes of the public keys of the load balancers' certificates, as Chromium takes them."""
        return [self._certificate_hash(url) for url in (self.registry_url, self.keycloak_url)]

    def _certificate_hash(self, url: str) -> str:
        parts = urllib.parse.urlsplit(url)
        name, port = str(parts.hostname), parts.port or 443
        with (
            socket.create_connection((self.addresses[name], port), SECONDS) as plain,
            self.context().wrap_socket(plain, server_hostname=name) as secure,
        ):
            certificate = x509.load_der_x509_certificate(secure.getpeercert(True) or b"")
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(key).digest()).decode()

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a request without following redirects; returns status, headers in lower case, and body."""
        opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=self.context()), urllib.request.ProxyHandler({}), NoRedirect
        )
        request = urllib.request.Request(url, body, dict(headers or {}), method=method)
        try:
            with opener.open(request, timeout=SECONDS) as response:
                return response.status, {k.lower(): v for k, v in response.headers.items()}, response.read()
        except urllib.error.HTTPError as error:
            return error.code, {k.lower(): v for k, v in error.headers.items()}, error.read()

    def call(self, path: str, message: Any, token: str = "", **headers: str) -> tuple[int, Any]:
        """Send a JSON-RPC message through the load balancer; bytes are sent as they are."""
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        named = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        named |= {"X-Authorization": f"Bearer {token}"} if token else {}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        status, found, text = self.request("POST", self.registry_url + path, named, body)
        kind = found.get("content-type", "")
        if kind.startswith("text/event-stream"):
            text = next(line[5:] for line in text.splitlines() if line.startswith(b"data:"))
        elif not kind.startswith("application/json"):
            return status, text.decode()  # the load balancer's own response, while a service restarts
        return status, json.loads(text)

    def grant(self, realm: str = REALM, **form: str) -> tuple[int, dict[str, Any]]:
        """Request a token; returns status and response."""
        url = f"{self.keycloak_url}/realms/{realm}/protocol/openid-connect/token"
        status, _headers, text = self.request("POST", url, body=urllib.parse.urlencode(form).encode())
        return status, json.loads(text)

    def token(self, client: str) -> str:
        """Return an access token of a client."""
        secret = self.client_secret(client)
        status, found = self.grant(grant_type="client_credentials", client_id=client, client_secret=secret)
        assert status == 200, found
        return str(found["access_token"])

    @contextmanager
    def names_resolved(self) -> Iterator[None]:
        """Resolve the gateway's names in this process."""
        resolve, addresses = socket.getaddrinfo, dict(self.addresses)

        def resolved(name: Any, *arguments: Any, **named: Any) -> Any:
            text = name.decode() if isinstance(name, bytes) else name
            return resolve(addresses.get(text, name), *arguments, **named)

        socket.getaddrinfo = resolved
        try:
            yield
        finally:
            socket.getaddrinfo = resolve
