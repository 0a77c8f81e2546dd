# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The auth server: logins over two tasks, and an OIDC provider that does not respond."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from keycloak_server import ADMINISTRATOR, PASSWORD, Browser, Server, keycloak, query_of
from mcp_gateway_jobs import realm, scopes
from mcp_gateway_stand_in import session
from mcp_gateway_stand_in.auth_server.application import application, settings_of
from mcp_gateway_stand_in.serving import SettingError
from secret_store import SecretStore
from threaded_application import served

REALM, REGISTRY = "mcp-gateway", "https://registry.example.com"
USER_PASSWORD = "password of lob1-user"


def environment(url: str, secret: str, **more: str) -> dict[str, str]:
    return {
        "KEYCLOAK_URL": url,
        "KEYCLOAK_REALM": REALM,
        "KEYCLOAK_CLIENT_ID": "mcp-gateway-web",
        "KEYCLOAK_CLIENT_SECRET": secret,
        "SECRET_KEY": "k" * 64,
        "AUTH_SERVER_EXTERNAL_URL": REGISTRY,
        "REGISTRY_URL": REGISTRY,
        "SCOPES_CONFIG_PATH": str(scopes.FILE),
        "SESSION_COOKIE_SECURE": "false",
        **more,
    }


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, SecretStore]]:
    """Keycloak with the realm of the gateway, and the secrets of its clients."""
    store = SecretStore()
    with keycloak(tmp_path_factory.mktemp("keycloak")) as server:
        login = {
            "KEYCLOAK_ADMIN": ADMINISTRATOR,
            "KEYCLOAK_ADMIN_PASSWORD": PASSWORD,
            "LOB1_USER_PASSWORD": USER_PASSWORD,
        }
        arns = {"KEYCLOAK_CLIENT_SECRET_ARN": "mcp-gateway-web", "LOB1_BOT_SECRET_ARN": "lob1-bot"}
        realm.run({**environment(server.url, "none"), **login, **arns, "KEYCLOAK_REQUIRE_PKCE": "true"}, store)
        yield server, store


@pytest.fixture(scope="module")
def tasks(provider: tuple[Server, SecretStore]) -> Iterator[list[str]]:
    """Two tasks of the auth server; returns their URLs."""
    server, store = provider
    settings = environment(server.url, store.of("mcp-gateway-web"))
    with ExitStack() as stack:
        yield [stack.enter_context(served(application(settings_of(settings)))) for _each in range(2)]


def validated(url: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], Any]:
    """Return status, headers and content of the verdict on a request to currenttime."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    named |= {"X-Original-URL": "/currenttime/mcp", "X-Original-Method": "POST" if body else "GET"}
    request = urllib.request.Request(f"{url}/validate", body or None, named)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, dict(response.headers.items()), json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers.items()), json.loads(error.read())


def token(provider: tuple[Server, SecretStore]) -> str:
    server, store = provider
    form = {"grant_type": "client_credentials", "client_id": "lob1-bot", "client_secret": store.of("lob1-bot")}
    return str(server.tokens(REALM, **form)[1]["access_token"])


def logged_in(provider: tuple[Server, SecretStore], start: str, end: str) -> Browser:
    """Return a browser after a login that starts at one task and ends at another."""
    at_keycloak, at_gateway = Browser(provider[0].url), Browser(start)
    _status, location, _body = at_gateway.send("GET", f"{start}/oauth2/login/keycloak")
    _status, _location, page = at_keycloak.send("GET", location)
    status, location, _body = at_keycloak.log_in(page, "lob1-user", USER_PASSWORD)
    assert status == 302 and location.startswith(f"{REGISTRY}/oauth2/callback/keycloak?")
    status, location, _body = at_gateway.send("GET", location.replace(REGISTRY, end))
    assert (status, location) == (302, f"{REGISTRY}/")
    return at_gateway


def test_a_login_ends_at_another_task(provider: tuple[Server, SecretStore], tasks: list[str]) -> None:
    """The state of a login is in its cookies, so that no task has to see all of its requests."""
    browser = logged_in(provider, *tasks)
    assert browser.cookies.keys() == {session.COOKIE}
    for url in tasks:
        cookie = f"{session.COOKIE}={browser.cookies[session.COOKIE]}"
        status, headers, found = validated(url, Cookie=cookie)
        assert (status, headers["X-Username"], headers["X-Auth-Method"]) == (200, "lob1-user", "session_cookie")
        assert (found["groups"], headers["X-Scopes"]) == (["registry-users-lob1"], "registry-users-lob1")


def test_a_code_ends_one_login(provider: tuple[Server, SecretStore], tasks: list[str]) -> None:
    """The cookie of a login and its code serve once; a second use is refused by Keycloak."""
    at_keycloak, at_gateway = Browser(provider[0].url), Browser(tasks[0])
    _status, location, _body = at_gateway.send("GET", f"{tasks[0]}/oauth2/login/keycloak")
    _status, _location, page = at_keycloak.send("GET", location)
    _status, location, _body = at_keycloak.log_in(page, "lob1-user", USER_PASSWORD)
    kept = dict(at_gateway.cookies)
    assert at_gateway.send("GET", location.replace(REGISTRY, tasks[0]))[0] == 302
    at_gateway.cookies = kept
    assert at_gateway.send("GET", location.replace(REGISTRY, tasks[0]))[0] == 502


def test_the_login_sends_a_challenge_and_no_secret(provider: tuple[Server, SecretStore], tasks: list[str]) -> None:
    _status, location, _body = Browser(tasks[0]).send("GET", f"{tasks[0]}/oauth2/login/keycloak")
    query = query_of(location)
    assert query.keys() >= {"state", "nonce", "code_challenge"} and query["code_challenge_method"] == "S256"
    assert provider[1].of("mcp-gateway-web") not in location and "verifier" not in query


@pytest.mark.parametrize("error", ["access_denied", "login_required"])
def test_a_refusal_of_the_provider_is_a_401(tasks: list[str], error: str) -> None:
    browser = Browser(tasks[0])
    _status, location, _body = browser.send("GET", f"{tasks[0]}/oauth2/login/keycloak")
    back = f"{tasks[0]}/oauth2/callback/keycloak?state={query_of(location)['state']}&error={error}"
    status, _location, body = browser.send("GET", back)
    assert status == 401 and error in body


def test_x_authorization_counts_before_authorization(provider: tuple[Server, SecretStore], tasks: list[str]) -> None:
    """The header that the original's clients send for the gateway; the other one may be for the server."""
    valid = f"Bearer {token(provider)}"
    assert validated(tasks[0], X_Authorization=valid, Authorization="Bearer other")[0] == 200
    assert validated(tasks[0], X_Authorization="Bearer other", Authorization=valid)[0] == 401
    for scheme in ("", "Basic ", "Bearer"):
        assert validated(tasks[0], Authorization=f"{scheme}{token(provider)}")[0] == 401


def test_a_valid_token_outlives_an_outage_of_keycloak(provider: tuple[Server, SecretStore], tmp_path: Path) -> None:
    """With the keys read, tokens are verified without Keycloak; before that they are refused with 503, not 401."""
    server, store = provider
    with keycloak(server.database.parent) as second:
        second_token = str(
            second.tokens(
                REALM, grant_type="client_credentials", client_id="lob1-bot", client_secret=store.of("lob1-bot")
            )[1]["access_token"]
        )
        settings = settings_of(environment(second.url, "none"))
        unread = settings_of(environment(second.url, "none"))
        with served(application(settings)) as warm:
            assert validated(warm, Authorization=f"Bearer {second_token}")[0] == 200
    with served(application(settings)) as warm, served(application(unread)) as cold:
        assert validated(warm, Authorization=f"Bearer {second_token}")[0] == 200
        status, _headers, found = validated(cold, Authorization=f"Bearer {second_token}")
        assert status == 503 and second.url in found["detail"]


def test_a_secret_is_in_no_representation(provider: tuple[Server, SecretStore]) -> None:
    assert "hidden" not in repr(settings_of(environment("http://kc", "hidden")).provider)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"AUTH_PROVIDER": "entra"}, "the stand-in has keycloak alone"),
        ({"SECRET_KEY": "short"}, "fewer than 32 bytes"),
        ({"KEYCLOAK_CLIENT_SECRET": ""}, "KEYCLOAK_CLIENT_SECRET is not set"),
        ({"PORT": "0"}, "PORT is '0'"),
    ],
)
def test_an_invalid_setting_is_named(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        settings_of(environment("http://kc", "secret") | changes)


def test_a_broken_file_of_scopes_ends_the_start(tmp_path: Path) -> None:
    """No start is better than one in which each request is a 403."""
    path = tmp_path / "scopes.yml"
    path.write_text("group_mappings: []")
    with pytest.raises(SettingError, match=r"SCOPES_CONFIG_PATH names .*group_mappings"):
        application(settings_of(environment("http://kc", "secret", SCOPES_CONFIG_PATH=str(path))))
