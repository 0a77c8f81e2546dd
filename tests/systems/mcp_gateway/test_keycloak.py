# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in for Keycloak: grants, logins, the admin API, and what they refuse."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from keycloak_server import PASSWORD, Browser, Server, keycloak, query_of
from mcp_gateway_jobs.requests import send

REALM, BACK = "shop", "https://shop.example/back"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
MAPPERS = [
    {"name": "groups", "protocolMapper": "oidc-group-membership-mapper", "config": {"claim.name": "groups"}},
    {"name": "web", "protocolMapper": "oidc-audience-mapper", "config": {"included.client.audience": "web"}},
]
WEB = {
    "clientId": "web",
    "secret": "secret of web",
    "redirectUris": [BACK],
    "attributes": {"pkce.code.challenge.method": "S256", "post.logout.redirect.uris": "https://shop.example/"},
    "protocolMappers": MAPPERS,
}
OTHER = {"clientId": "other", "secret": "secret of other", "redirectUris": [BACK], "directAccessGrantsEnabled": True}
ROBOT = {
    "clientId": "robot",
    "secret": "secret of robot",
    "standardFlowEnabled": False,
    "serviceAccountsEnabled": True,
    "fullScopeAllowed": False,
    "protocolMappers": MAPPERS,
}
PARAMETERS = {
    "client_id": "web",
    "response_type": "code",
    "scope": "openid",
    "redirect_uri": BACK,
    "state": "s",
    "nonce": "n",
}
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
ALICE = "password of alice"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with keycloak(tmp_path_factory.mktemp("keycloak")) as made:
        assert made.admin("POST", "", {"realm": REALM}) is None
        assert made.admin("POST", f"/{REALM}/groups", {"name": "buyers"}) is None
        for client in (WEB, OTHER, ROBOT):
            assert made.admin("POST", f"/{REALM}/clients", client) is None
        password = {"type": "password", "value": ALICE}
        user = {"username": "Alice", "email": "a@example.com", "credentials": [password], "groups": ["/buyers"]}
        assert made.admin("POST", f"/{REALM}/users", user) is None
        yield made


def code_of(server: Server, **changes: str) -> tuple[Browser, str]:
    """Return a browser after a login, and its code."""
    browser = Browser(server.url)
    status, _location, page = browser.authorize(REALM, **PARAMETERS | PKCE | changes)
    assert status == 200
    status, location, _body = browser.log_in(page, "alice", ALICE)
    assert status == 302 and location.startswith(BACK)
    return browser, query_of(location)["code"]


def exchange(server: Server, code: str, **changes: str) -> tuple[int, dict[str, Any]]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    return server.tokens(REALM, **form | {"client_id": "web", "client_secret": "secret of web"} | changes)


def claims_of(server: Server, token: str, **options: Any) -> dict[str, Any]:
    """Return the claims of a token, by the published keys and another library."""
    keys = jwt.PyJWKClient(f"{server.url}/realms/{REALM}/protocol/openid-connect/certs")
    key = keys.get_signing_key_from_jwt(token)
    found: dict[str, Any] = jwt.decode(
        token, key, algorithms=["RS256"], issuer=f"{server.url}/realms/{REALM}", **options
    )
    return found


def test_a_login_gives_tokens_with_keycloaks_claims(server: Server) -> None:
    _browser, code = code_of(server)
    status, found = exchange(server, code)
    assert (status, found["token_type"], found["expires_in"]) == (200, "Bearer", 300)
    access = claims_of(server, found["access_token"], audience="account")
    assert (access["azp"], access["typ"], access["groups"]) == ("web", "Bearer", ["buyers"])
    assert access["aud"] == ["web", "account"] and set(access["scope"].split()) == {"openid", "profile", "email"}
    assert (access["preferred_username"], access["email"], access["acr"]) == ("alice", "a@example.com", "1")
    assert f"default-roles-{REALM}" in access["realm_access"]["roles"]
    identity = claims_of(server, found["id_token"], audience="web")
    assert (identity["typ"], identity["nonce"], identity["sub"]) == ("ID", "n", access["sub"])
    url = f"{server.url}/realms/{REALM}/protocol/openid-connect/userinfo"
    assert send("GET", url, None, {"Authorization": f"Bearer {found['access_token']}"})["sub"] == access["sub"]


def test_a_machine_gets_a_token_of_its_service_account(server: Server) -> None:
    login = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "secret of robot"}
    status, found = server.tokens(REALM, **login)
    assert status == 200 and "id_token" not in found and "refresh_token" not in found
    claims = claims_of(server, found["access_token"], audience="web")
    assert (claims["preferred_username"], claims["groups"], claims["aud"]) == ("service-account-robot", [], "web")
    assert server.tokens(REALM, **login | {"client_secret": "x"})[1]["error"] == "invalid_client"
    assert server.tokens(REALM, **login | {"client_id": "web", "client_secret": "secret of web"})[0] == 400
    assert server.tokens(REALM, **login | {"scope": "admin"})[1]["error"] == "invalid_scope"


def test_a_code_serves_one_request_of_its_client(server: Server) -> None:
    _browser, code = code_of(server)
    assert exchange(server, code)[0] == 200
    assert exchange(server, code)[1]["error"] == "invalid_grant"
    _browser, code = code_of(server)
    changes = {"client_id": "other", "client_secret": "secret of other"}
    assert exchange(server, code, **changes)[1]["error"] == "invalid_grant"
    assert exchange(server, code)[1]["error"] == "invalid_grant"  # another client's attempt has used it


@pytest.mark.parametrize("changes", [{"code_verifier": "w" * 50}, {"code_verifier": ""}, {"redirect_uri": f"{BACK}/x"}])
def test_a_code_needs_its_verifier_and_redirect(server: Server, changes: dict[str, str]) -> None:
    _browser, code = code_of(server)
    assert exchange(server, code, **changes)[0] == 400


def test_a_client_that_needs_pkce_gets_no_form_without(server: Server) -> None:
    for changes in ({}, {"code_challenge": CHALLENGE}, PKCE | {"code_challenge_method": "plain"}):
        status, location, _body = Browser(server.url).authorize(REALM, **PARAMETERS | changes)
        assert (status, query_of(location)["error"]) == (302, "invalid_request")
    assert Browser(server.url).authorize(REALM, **PARAMETERS | {"client_id": "other"})[0] == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": f"{BACK}/more"},
        {"redirect_uri": 'https://evil.example/"\u00e4'},
        {"redirect_uri": ""},
        {"client_id": "nobody"},
        {"client_id": ""},
    ],
)
def test_an_unknown_client_or_redirect_is_a_page(server: Server, changes: dict[str, str]) -> None:
    """A redirect would hand a code or an error to a stranger."""
    status, location, _body = Browser(server.url).authorize(REALM, **PARAMETERS | PKCE | changes)
    assert (status, location) == (400, "")


def test_a_wrong_response_type_or_scope_is_reported(server: Server) -> None:
    for changes in ({"response_type": "token"}, {"scope": "openid admin"}):
        status, location, _body = Browser(server.url).authorize(REALM, **PARAMETERS | PKCE | changes)
        assert status == 302 and query_of(location)["error"].startswith(("un", "invalid_scope"))


def test_a_second_login_needs_no_password(server: Server) -> None:
    browser, _code = code_of(server)
    status, location, _body = browser.authorize(REALM, **PARAMETERS | PKCE)
    assert status == 302 and "code" in query_of(location)
    assert browser.authorize(REALM, **PARAMETERS | PKCE | {"prompt": "login"})[0] == 200
    _status, location, _body = Browser(server.url).authorize(REALM, **PARAMETERS | PKCE | {"prompt": "none"})
    assert query_of(location) == {"error": "login_required", "state": "s"}


def test_the_form_belongs_to_its_browser(server: Server) -> None:
    browser = Browser(server.url)
    _status, _location, page = browser.authorize(REALM, **PARAMETERS | PKCE)
    assert Browser(server.url).log_in(page, "alice", ALICE)[0] == 400
    status, _location, again = browser.log_in(page, "alice", "wrong")
    assert status == 200 and "Invalid username or password" in again
    assert browser.log_in(page, "nobody", ALICE)[0] == 200
    assert browser.log_in(again, "alice", ALICE)[0] == 302


def test_a_logout_ends_the_session_of_its_token(server: Server) -> None:
    browser, code = code_of(server)
    token = exchange(server, code)[1]["id_token"]
    url = f"{server.url}/realms/{REALM}/protocol/openid-connect/logout"
    assert browser.send("GET", url)[0] == 400
    stranger = f"{url}?id_token_hint={token}&post_logout_redirect_uri=https://evil.example/"
    assert browser.send("GET", stranger)[0] == 400
    browser, code = code_of(server)
    token = exchange(server, code)[1]["id_token"]
    status, location, _body = browser.send(
        "GET", f"{url}?id_token_hint={token}&post_logout_redirect_uri=https://shop.example/"
    )
    assert (status, location) == (302, "https://shop.example/")
    assert browser.authorize(REALM, **PARAMETERS | PKCE)[0] == 200  # the form again


def test_a_disabled_user_cannot_log_in(server: Server) -> None:
    login = {"grant_type": "password", "client_id": "other", "client_secret": "secret of other"}
    login |= {"username": "alice", "password": ALICE}
    (user,) = server.admin("GET", f"/{REALM}/users?username=alice")
    for enabled, status in ((True, 200), (False, 401), (True, 200)):
        server.admin("PUT", f"/{REALM}/users/{user['id']}", {"enabled": enabled})
        assert server.tokens(REALM, **login)[0] == status


def test_the_admin_api_is_for_administrators_alone(server: Server) -> None:
    login = {"grant_type": "client_credentials", "client_id": "robot", "client_secret": "secret of robot"}
    robot = server.tokens(REALM, **login)[1]["access_token"]
    for token in ("", "x", robot):
        assert server.admin("GET", "", token=token) == 401
        assert server.admin("GET", f"/{REALM}/clients", token=token) == 401
    wrong = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": "x"}
    status, found = server.tokens("master", **wrong)
    assert (status, found["error"]) == (401, "invalid_grant")


def test_the_admin_api_reports_conflicts_and_absence(server: Server) -> None:
    assert server.admin("POST", "", {"realm": REALM}) == 409
    assert server.admin("POST", f"/{REALM}/clients", WEB) == 409
    assert server.admin("POST", f"/{REALM}/groups", {"name": "buyers"}) == 409
    assert server.admin("POST", f"/{REALM}/users", {"username": "ALICE"}) == 409
    assert server.admin("POST", f"/{REALM}/users", {"username": "bob", "groups": ["/none"]}) == 404
    for path in ("/none", f"/{REALM}/clients/none", "/none/clients"):
        assert server.admin("GET", path) == 404


def test_no_response_has_a_users_password(server: Server) -> None:
    (user,) = server.admin("GET", f"/{REALM}/users?username=alice")
    assert user.keys() == {"id", "username", "email", "enabled", "groups"}
    database = server.database.read_bytes()
    assert ALICE.encode() not in database and PASSWORD.encode() not in database
    assert server.database.stat().st_mode & 0o077 == 0


def test_discovery_names_endpoints_that_exist(server: Server) -> None:
    found = send("GET", f"{server.url}/realms/{REALM}/.well-known/openid-configuration", None, {})
    assert found["issuer"] == f"{server.url}/realms/{REALM}"
    assert len(send("GET", found["jwks_uri"], None, {})["keys"]) == 1
    parts = [found[name] for name in ("token_endpoint", "authorization_endpoint", "end_session_endpoint")]
    assert all(url.startswith(found["issuer"]) for url in parts)


def test_the_published_keys_are_public(server: Server) -> None:
    found = send("GET", f"{server.url}/realms/{REALM}/protocol/openid-connect/certs", None, {})
    assert [key.keys() for key in found["keys"]] == [{"kty", "kid", "use", "alg", "n", "e"}]


def test_another_process_has_the_same_keys_and_codes(server: Server) -> None:
    """Two tasks share a database: the other accepts what one issues."""
    _browser, code = code_of(server)
    with keycloak(server.database.parent) as second:
        keys = [
            send("GET", f"{one.url}/realms/{REALM}/protocol/openid-connect/certs", None, {}) for one in (server, second)
        ]
        assert keys[0] == keys[1]
        assert exchange(second, code)[0] == 200
        assert exchange(server, code)[0] == 400
