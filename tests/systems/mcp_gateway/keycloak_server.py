# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for Keycloak in a thread, and requests to it."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from mcp_gateway_jobs.requests import RequestError, send
from mcp_gateway_stand_in.keycloak.application import Keycloak
from mcp_gateway_stand_in.keycloak.store import Store
from threaded_application import served

ADMINISTRATOR, PASSWORD = "admin", "administrator of Keycloak"
TOKEN_SECONDS = 20.0  # of the 60 for which an administrator's token is valid
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Browser:
    """A browser: it keeps cookies, and follows redirects within Keycloak."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}

    def send(self, method: str, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Send a request; returns status, location and body."""
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} | (
            FORM if form else {}
        )
        connection.request(method, f"{parts.path}?{parts.query}", urlencode(form) if form else None, headers)
        response = connection.getresponse()
        for name, value in response.getheaders():
            if name.lower() == "set-cookie":
                key, _equals, text = value.partition(";")[0].partition("=")
                self.cookies[key] = text.strip('"')
        body = response.read().decode()
        connection.close()
        self.cookies = {name: value for name, value in self.cookies.items() if value}
        return response.status, response.headers.get("Location", ""), body

    def authorize(self, realm: str, **parameters: str) -> tuple[int, str, str]:
        """Send an authorization request."""
        return self.send("GET", f"{self.url}/realms/{realm}/protocol/openid-connect/auth?{urlencode(parameters)}")

    def log_in(self, page: str, name: str, password: str) -> tuple[int, str, str]:
        """Send the form of a page."""
        found = re.search(r'action="([^"]+)"', page)
        assert found, page
        return self.send("POST", self.url + unescape(found[1]), {"username": name, "password": password})


def query_of(location: str) -> dict[str, str]:
    """Return the parameters of a redirect."""
    return dict(parse_qsl(urlsplit(location).query))


class Server:
    """A running stand-in."""

    def __init__(self, url: str, database: Path) -> None:
        self.url, self.database = url, database
        self._token, self._until = "", 0.0

    def tokens(self, realm: str, **form: str) -> tuple[int, dict[str, Any]]:
        """Return status and content of a response of the token endpoint."""
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        connection.request("POST", f"/realms/{realm}/protocol/openid-connect/token", urlencode(form), FORM)
        response = connection.getresponse()
        found: dict[str, Any] = json.loads(response.read())
        connection.close()
        return response.status, found

    def administrator(self) -> str:
        """Return a token of the administrator."""
        if time.monotonic() >= self._until:
            login = {
                "grant_type": "password",
                "client_id": "admin-cli",
                "username": ADMINISTRATOR,
                "password": PASSWORD,
            }
            self._token = str(self.tokens("master", **login)[1]["access_token"])
            self._until = time.monotonic() + TOKEN_SECONDS
        return self._token

    def admin(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """Call the admin API; returns the status of an error."""
        headers = {"Authorization": f"Bearer {self.administrator() if token is None else token}"}
        text = None if body is None else json.dumps(body).encode()
        try:
            return send(method, f"{self.url}/admin/realms{path}", text, headers)
        except RequestError as error:
            return error.status


@contextmanager
def keycloak(directory: Path) -> Iterator[Server]:
    """Serve Keycloak from a database in a directory."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    database = directory / "keycloak"
    made = Keycloak(Store(database), f"http://127.0.0.1:{port}")
    made.create_administrator(ADMINISTRATOR, PASSWORD)
    with served(made.application(), port) as url:
        yield Server(url, database)
