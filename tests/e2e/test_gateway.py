# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logins to the deployed MCP gateway: tokens, sessions and scopes, through its load balancers with TLS."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from deployed_gateway import KINDS, LIST, SERVICES, DeployedGateway
from emulator_env import EmulatorEnv
from gateway_pages import click, fetched, log_in, log_out, shown, sign_in
from gateway_tokens import cookie, forged, result, tampered, tool
from hostile_pages import chromium
from mcp import Client, ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp_gateway_stand_in import session
from ports import free_port
from second_environment import NAME as SECOND
from second_environment import inventory, resources
from waiting import waited

pytestmark = pytest.mark.timeout(900)

BERLIN = tool("current_time_by_timezone", tz_name="Europe/Berlin")
TIME, FAKE, TOOLS = "/currenttime/mcp", "/realserverfaketools/mcp", "/airegistry-tools/mcp"
KEYCLOAK = "https://kc.us-east-1.example.com:8443"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedGateway]:
    """The gateway after its first deploy."""
    made = DeployedGateway(EmulatorEnv(free_port(), tmp_path_factory.mktemp("gateway"), timeout=900))
    try:
        first = made.play("deploy.yml")
        assert first.code == 0, first.output
        made.read()
        with made.names_resolved():
            yield made
    finally:
        made.emulator.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


def test_a_request_without_a_token_is_a_401(running: DeployedGateway) -> None:
    for path in (TIME, FAKE, TOOLS):
        status, found = running.call(path, LIST)
        assert (status, found) == (401, {"detail": "the request has no token"})
    status, headers, _body = running.request("GET", running.registry_url + TIME)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")


def test_a_group_with_the_scope_calls_its_tool(running: DeployedGateway) -> None:
    status, found = running.call(TIME, BERLIN, running.token("lob1-bot"))
    assert status == 200 and result(found)["result"][:2] == "20"


def test_other_servers_and_other_tools_are_a_403(running: DeployedGateway) -> None:
    token = running.token("lob1-bot")
    assert running.call(FAKE, tool("quantum_flux_analyzer"), token)[0] == 403
    assert running.call(TIME, tool("time_zone_names"), token)[0] == 403
    assert running.call(TIME, {"jsonrpc": "2.0", "id": 1, "method": "resources/list"}, token)[0] == 403
    token = running.token("lob2-bot")
    assert running.call(TIME, BERLIN, token)[0] == 403
    status, found = running.call(FAKE, tool("quantum_flux_analyzer", energy_level=3), token)
    assert (status, result(found)) == (200, {"energy_level": 3, "flux": 10, "is_fake": True})


def test_a_group_without_mapping_is_a_403(running: DeployedGateway) -> None:
    for groups in (["mcp-registry-user"], [], None):
        assert running.call(TIME, LIST, forged(running, groups=groups))[0] == 403


def test_an_unchanged_token_of_the_forger_is_accepted(running: DeployedGateway) -> None:
    """The refusals of forged tokens come from their changes alone."""
    assert running.call(TIME, BERLIN, forged(running))[0] == 200


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        ({}, {"exp": 1_700_000_000}),
        ({}, {"exp": None}),
        ({}, {"aud": "another-client"}),
        ({}, {"aud": None}),
        ({}, {"iss": "https://kc.example.org/realms/mcp-gateway"}),
        ({}, {"iss": f"{KEYCLOAK}/realms/master"}),
        ({}, {"typ": "ID"}),
        ({"kid": "unknown"}, {}),
        ({"kid": ""}, {}),
        ({}, {"iat": 9_999_999_999}),
    ],
    ids=[
        "expired",
        "no expiry",
        "audience",
        "no audience",
        "issuer",
        "realm",
        "ID token",
        "kid",
        "empty kid",
        "future",
    ],
)
def test_an_invalid_token_is_a_401(running: DeployedGateway, header: dict[str, Any], claims: dict[str, Any]) -> None:
    status, found = running.call(TIME, BERLIN, forged(running, header, **claims))
    assert status == 401 and found["detail"].startswith("the token is invalid")


def test_a_token_that_has_expired_is_a_401(running: DeployedGateway) -> None:
    """A token that was valid a moment ago."""
    expiry = int(time.time()) + 8
    token = forged(running, exp=expiry)
    assert running.call(TIME, BERLIN, token)[0] == 200
    waited(lambda: time.time() > expiry)
    assert running.call(TIME, BERLIN, token)[0] == 401


def test_a_token_of_another_realm_is_a_401(running: DeployedGateway) -> None:
    """The administrator of Keycloak has no permission in the realm of the gateway."""
    password = running.parameter("keycloak-admin-password")
    login = {"grant_type": "password", "client_id": "admin-cli", "username": "admin", "password": password}
    status, found = running.grant("master", **login)
    assert status == 200
    assert running.call(TIME, BERLIN, found["access_token"])[0] == 401


def test_tampered_and_unsigned_tokens_are_a_401(running: DeployedGateway) -> None:
    for token in tampered(running):
        assert running.call(TIME, BERLIN, token)[0] == 401


def test_the_form_of_a_body_changes_nothing(running: DeployedGateway) -> None:
    token = running.token("lob1-bot")
    bodies = [json.dumps(BERLIN, indent=8).encode(), json.dumps(BERLIN, indent=1).replace("\n", "\r\n").encode()]
    bodies.append(json.dumps(dict(reversed(BERLIN.items()))).encode())
    assert [running.call(TIME, body, token)[0] for body in bodies] == [200] * 3
    refused = json.dumps(tool("time_zone_names"), indent=8).encode()
    assert running.call(TIME, refused, token)[0] == 403
    assert running.call(TIME, refused.replace(b"tools/call", b"tools\\u002fcall"), token)[0] == 403


def test_a_large_body_is_judged_as_what_it_is(running: DeployedGateway) -> None:
    """Beyond the buffers of proxies, a call of a tool stays a call of that tool."""
    token = running.token("lob1-bot")
    for size in (20_000, 300_000):
        allowed = {**BERLIN, "padding": "x" * size}
        refused = {"padding": "x" * size, **tool("time_zone_names")}
        assert (running.call(TIME, allowed, token)[0], running.call(TIME, refused, token)[0]) == (200, 403)
    assert running.call(TIME, {**BERLIN, "padding": "x" * 1024**2}, token)[0] == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no json",
        b"[]",
        b'{"jsonrpc": "2.0", "id": 1}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "method": "tools/list"}',
        json.dumps(LIST).encode("utf-16"),
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": ["current_time_by_timezone"]}}',
    ],
)
def test_a_body_with_two_meanings_is_a_400(running: DeployedGateway, body: bytes) -> None:
    assert running.call(TIME, body, running.token("registry-admin-bot"))[0] == 400


def test_each_message_of_a_batch_needs_its_scope(running: DeployedGateway) -> None:
    batch = [BERLIN, tool("time_zone_names")]
    assert running.call(TIME, batch, running.token("lob1-bot"))[0] == 403


def test_a_path_cannot_name_another_server(running: DeployedGateway) -> None:
    """The proxy and the auth server read the same server from a path, or the path is refused."""
    token = running.token("lob1-bot")
    call = tool("quantum_flux_analyzer")
    for path in ("/currenttime/..%2frealserverfaketools/mcp", "/currenttime/%2e%2e/realserverfaketools/mcp"):
        assert running.call(path, call, token)[0] in (400, 403, 404)
    assert running.call("/validate", LIST, token)[0] == 404
    assert running.call("/nowhere/mcp", LIST, token)[0] == 404


def test_identity_headers_of_the_caller_are_dropped(running: DeployedGateway) -> None:
    """The MCP server sees the identity that the auth server found, and no credentials."""
    forged_headers = dict.fromkeys(("X_User", "X_Username", "X_Scopes", "X_Client_Id"), "registry-admin")
    token = running.token("registry-admin-bot")
    status, found = running.call(TOOLS, tool("debug_auth_context"), token, Cookie="a=b", **forged_headers)
    assert status == 200
    seen = result(found)
    assert seen["x-username"] == "service-account-registry-admin-bot"
    assert seen["x-client-id"] == "registry-admin-bot"
    assert "registry-admins" in seen["x-scopes"].split() and "registry-admin" not in seen["x-scopes"].split()
    assert (seen["x-server-name"], seen["x-tool-name"]) == ("airegistry-tools", "debug_auth_context")
    assert seen["credentials"] == ""


def test_a_page_of_another_origin_is_refused(running: DeployedGateway) -> None:
    token = running.token("lob1-bot")
    for origin, status in ((running.registry_url, 200), ("https://evil.example", 403), ("null", 403)):
        assert running.call(TIME, BERLIN, token, Origin=origin)[0] == status


def test_a_user_sees_the_servers_of_the_scopes_alone(running: DeployedGateway) -> None:
    def paths(client: str) -> list[str]:
        headers = {"Authorization": f"Bearer {running.token(client)}"}
        status, _headers, body = running.request("GET", f"{running.registry_url}/api/servers", headers)
        assert status == 200
        return [one["path"] for one in json.loads(body)["servers"]]

    assert paths("lob1-bot") == ["/airegistry-tools", "/currenttime"]
    assert paths("lob2-bot") == ["/airegistry-tools", "/realserverfaketools"]
    assert len(paths("mcp-gateway-m2m")) == 3


async def _with_sdk(running: DeployedGateway, client: str) -> tuple[list[str], str]:
    headers = {"X-Authorization": f"Bearer {running.token(client)}"}
    async with (
        httpx2.AsyncClient(verify=running.context(), headers=headers) as http,
        streamable_http_client(running.registry_url + TIME, http_client=http) as streams,
        ClientSession(*streams[:2]) as opened,
    ):
        hello = await opened.initialize()
        assert hello.server_info.name == "currenttime"
        tools = [one.name for one in (await opened.list_tools()).tools]
        called = await opened.call_tool("current_time_by_timezone", {"tz_name": "Asia/Tokyo"})
        return tools, str((called.structured_content or {})["result"])


@pytest.mark.parametrize("client", ["lob1-bot", "mcp-gateway-m2m"])
def test_the_sdk_initializes_lists_and_calls(running: DeployedGateway, client: str) -> None:
    """The client of the MCP Python SDK, as it is, with the token of a machine."""
    tools, found = asyncio.run(_with_sdk(running, client))
    assert "current_time_by_timezone" in tools and "JST" in found


def test_the_sdks_client_discovers_its_protocol(running: DeployedGateway) -> None:
    async def go() -> str:
        headers = {"X-Authorization": f"Bearer {running.token('lob1-bot')}"}
        async with (
            httpx2.AsyncClient(verify=running.context(), headers=headers) as http,
            Client(streamable_http_client(running.registry_url + TIME, http_client=http)) as client,
        ):
            called = await client.call_tool("current_time_by_timezone", {"tz_name": "Asia/Tokyo"})
            return str((called.structured_content or {})["result"])

    assert "JST" in asyncio.run(go())


def test_a_session_id_holds_with_two_replicas(running: DeployedGateway) -> None:
    """Two tasks serve the requests of one session, and one of them does once the other is stopped."""
    waited(lambda: len(running.tasks("currenttime-server")) == 2)
    token = running.token("lob1-bot")
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    assert running.call(TIME, {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}, token)[0] == 200
    found = [running.call(TIME, BERLIN, token, Mcp_Session_Id="0123456789abcdef")[0] for _each in range(40)]
    assert found == [200] * 40
    running.stop("currenttime-server")
    waited(lambda: running.call(TIME, BERLIN, token, Mcp_Session_Id="0123456789abcdef")[0] == 200)
    waited(lambda: len(running.tasks("currenttime-server")) == 2)


def test_a_cookie_of_another_secret_key_is_rejected(running: DeployedGateway) -> None:
    """The same cookie under the current key is accepted."""
    groups = ["registry-users-lob1"]
    key = running.secret("secret-key")
    assert running.call(TIME, BERLIN, **cookie(key, groups))[0] == 200
    for wrong in (cookie("x" * 64, groups), cookie(key, groups, -1), cookie(key, groups, name="other")):
        assert running.call(TIME, BERLIN, **wrong)[0] == 401
        assert running.request("GET", f"{running.registry_url}/api/auth/me", wrong)[0] == 401


@pytest.fixture(scope="module")
def browser(running: DeployedGateway, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = chromium()
    program = driver.find()
    if not program:
        pytest.skip(f"NOT TESTED IN A BROWSER: {driver.MISSING}")
    named = ", ".join(f"MAP {name} {address}" for name, address in running.addresses.items())
    rules = f"--host-resolver-rules={named}"
    # The browser has no store for the authority: it accepts these certificates alone.
    accepted = f"--ignore-certificate-errors-spki-list={','.join(running.certificate_hashes())}"
    with driver.Browser(program, tmp_path_factory.mktemp("profile"), rules, accepted) as started:
        yield started


def test_a_browser_logs_in_calls_and_logs_out(running: DeployedGateway, browser: Any) -> None:
    """Authorization code with PKCE, a session for tools of the user's scopes, and a logout of both sides."""
    browser.events.clear()
    log_in(browser, running, "lob1-user", running.secret("lob1-user"))
    assert shown(browser, "document.getElementById('user')?.textContent") == "lob1-user"
    servers = browser.evaluate("document.getElementById('servers').textContent")
    assert "/currenttime" in servers and "/realserverfaketools" not in servers
    login = next(url for url in browser.fetched() if "/protocol/openid-connect/auth?" in url)
    assert "code_challenge_method=S256" in login and "code_challenge=" in login

    status, text = fetched(browser, "/api/auth/me")
    assert status == 200 and json.loads(text)["groups"] == ["registry-users-lob1"]
    assert fetched(browser, TIME, BERLIN)[0] == 200
    assert fetched(browser, FAKE, tool("quantum_flux_analyzer"))[0] == 403

    cookies = {
        one["name"]: one for one in browser.call("Network.getCookies", urls=[f"{running.registry_url}/"])["cookies"]
    }
    found = cookies[session.COOKIE]
    assert (found["httpOnly"], found["secure"], found["sameSite"]) == (True, True, "Lax")
    assert session.LOGIN_COOKIE not in cookies and session.COOKIE not in browser.evaluate("document.cookie")

    log_out(browser, running)
    assert fetched(browser, "/api/auth/me")[0] == 401
    click(browser, "login")
    shown(browser, "!!document.getElementById('kc-login')")  # the session of Keycloak has ended too


def test_a_wrong_password_shows_the_form_again(running: DeployedGateway, browser: Any) -> None:
    log_in(browser, running, "lob1-user", "wrong")
    error = shown(browser, "document.getElementById('input-error')?.textContent")
    assert error == "Invalid username or password."
    sign_in(browser, running, "lob1-user", running.secret("lob1-user"))
    assert shown(browser, "document.getElementById('user')?.textContent") == "lob1-user"
    log_out(browser, running)


def test_a_user_without_scopes_logs_in_without_permissions(running: DeployedGateway, browser: Any) -> None:
    log_in(browser, running, "testuser", running.secret("initial-user"))
    assert shown(browser, "document.getElementById('user')?.textContent") == "testuser"
    assert browser.evaluate("document.getElementById('servers').textContent") == ""
    assert fetched(browser, TIME, BERLIN)[0] == 403
    log_out(browser, running)


def test_a_login_of_another_browser_is_refused(running: DeployedGateway) -> None:
    """A code and a state without the cookie of the login, and a target outside of the registry."""
    status, headers, _body = running.request("GET", f"{running.registry_url}/oauth2/login/keycloak")
    assert status == 302 and headers["location"].startswith(f"{running.issuer}/protocol/openid-connect/auth?")
    state = dict(parse_qsl(urlsplit(headers["location"]).query))["state"]
    back = f"{running.registry_url}/oauth2/callback/keycloak?{urlencode({'code': 'x', 'state': state})}"
    assert running.request("GET", back)[0] == 400
    cookie = {"Cookie": headers["set-cookie"].partition(";")[0]}
    assert running.request("GET", back.replace(state, "y"), cookie)[0] == 400
    assert running.request("GET", back, cookie)[0] == 502  # only now Keycloak judges the code
    for target in ("https://evil.example/", f"{running.registry_url}.evil.example/", "//evil.example"):
        query = urlencode({"redirect_uri": target})
        assert running.request("GET", f"{running.registry_url}/oauth2/login/keycloak?{query}")[0] == 400


# ---- Its life


def test_an_update_of_all_services_fails_no_request(running: DeployedGateway) -> None:
    """Each service gets another task definition while all of them have requests."""
    before = {name: set(running.tasks(name).values()) for name in SERVICES}
    running.describe(**{name.replace("-", "_"): {"REVISION": "two"} for name in SERVICES})
    with running.load() as load:
        waited(lambda: min(load.served[name] for name in KINDS) > 10)
        play = running.play("deploy.yml")
        assert play.code == 0, play.output
        served = dict(load.served)
        waited(lambda: load.failures or all(load.served[name] > number + 10 for name, number in served.items()))
    assert load.failures == [], [line for line in running.logs().splitlines() if "judges no request" in line]
    after = {name: set(running.tasks(name).values()) for name in SERVICES}
    assert [name for name in SERVICES if len(after[name]) != 1 or after[name] & before[name]] == []


def test_one_failing_service_rolls_back_alone(running: DeployedGateway) -> None:
    """The play names the cause, and no other service has new tasks."""
    before = {name: running.tasks(name) for name in SERVICES}
    revisions = {name.replace("-", "_"): {"REVISION": "two"} for name in SERVICES}
    running.describe(**{**revisions, "flight_booking_agent": {"REVISION": "three", "PORT": "none"}})
    failed = running.play("deploy.yml")
    assert failed.code != 0
    assert "PORT" in failed.words and "exit code 2" in failed.words
    after = {name: running.tasks(name) for name in SERVICES}
    assert after == before
    running.describe(**revisions)


def test_a_second_deploy_changes_nothing(running: DeployedGateway) -> None:
    """Not even after a deploy that failed, of which nothing is left."""
    before = {name: running.tasks(name) for name in SERVICES}
    second = running.play("deploy.yml")
    assert (second.code, second.changed) == (0, 0), second.output
    assert {name: running.tasks(name) for name in SERVICES} == before


def test_a_renewed_client_secret_reaches_its_client(running: DeployedGateway, browser: Any) -> None:
    """One playbook: from then on Keycloak refuses the old secret, and logins hold."""
    old = running.client_secret("mcp-gateway-web")
    play = running.play("playbooks/rotate-secret.yml", "-e", "secret=keycloak-client", "-e", "confirm=local")
    assert play.code == 0, play.output
    new = running.client_secret("mcp-gateway-web")
    assert new != old and old not in play.output and new not in play.output
    form = {"grant_type": "client_credentials", "client_id": "mcp-gateway-web"}
    assert running.grant(**form, client_secret=old)[1]["error"] == "invalid_client"
    # The auth server changes the code for tokens with the new secret.
    log_in(browser, running, "lob1-user", running.secret("lob1-user"))
    assert shown(browser, "document.getElementById('user')?.textContent") == "lob1-user"
    log_out(browser, running)
    assert running.call(TIME, BERLIN, running.token("lob1-bot"))[0] == 200


def test_a_rotated_key_ends_the_sessions_before(running: DeployedGateway) -> None:
    """Both services that sign sessions have the new key."""
    old = cookie(running.secret("secret-key"), ["registry-users-lob1"])
    assert running.call(TIME, BERLIN, **old)[0] == 200
    play = running.play("playbooks/rotate-secret.yml", "-e", "secret=secret-key", "-e", "confirm=local")
    assert play.code == 0, play.output
    new = cookie(running.secret("secret-key"), ["registry-users-lob1"])
    me = f"{running.registry_url}/api/auth/me"
    assert (running.call(TIME, BERLIN, **new)[0], running.request("GET", me, new)[0]) == (200, 200)
    assert (running.call(TIME, BERLIN, **old)[0], running.request("GET", me, old)[0]) == (401, 401)


def test_no_log_has_a_secret(running: DeployedGateway) -> None:
    """Neither keys nor passwords nor tokens, after all that the other tests do."""
    text, manager = running.logs(), running.emulator.client("secretsmanager")
    for secret in manager.list_secrets()["SecretList"]:
        found = manager.get_secret_value(SecretId=secret["ARN"])["SecretString"]
        values = json.loads(found).values() if found.startswith("{") else [found]
        assert [secret["Name"] for value in values if len(str(value)) > 15 and str(value) in text] == []
    assert "eyJ" not in text
    assert "Traceback" not in text


def test_drift_names_each_changed_resource(running: DeployedGateway) -> None:
    """One of each kind of the gateway that the embedded AWS compares, changed by hand and put back."""
    logs, secrets, iam = (running.emulator.client(name) for name in ("logs", "secretsmanager", "iam"))
    group, secret = "/mcp-gateway/local/registry", "mcp-gateway/local/lob1-bot"
    [role] = [one["RoleName"] for one in iam.list_roles()["Roles"] if "service-registry-TaskRole" in one["RoleName"]]
    description = secrets.describe_secret(SecretId=secret)["Description"]
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    anyone = {**trust, "Statement": [{**trust["Statement"][0], "Principal": {"AWS": "*"}}]}
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    secrets.update_secret(SecretId=secret, Description="changed by hand")
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(anyone))
    drifted = running.play("playbooks/drift.yml")
    assert drifted.code != 0
    for found in (
        f"LogGroup (AWS::Logs::LogGroup, {group}) RetentionInDays: expected 30, is 1",
        f"Description: expected {description}, is changed by hand",
        f"TaskRole (AWS::IAM::Role, {role}) AssumeRolePolicyDocument/Statement/0/Principal/AWS: expected none, is *",
    ):
        assert found in drifted.words
    assert set(re.findall(rf"{running.base}-[a-z-]+(?=: )", drifted.words)) == {
        f"{running.base}-secrets",
        f"{running.base}-service-registry",
    }
    logs.put_retention_policy(logGroupName=group, retentionInDays=30)
    secrets.update_secret(SecretId=secret, Description=description)
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust))
    assert running.play("playbooks/drift.yml").code == 0


def data_of(gateway: DeployedGateway) -> str:
    """Return the data that a teardown wants to be named before it deletes anything."""
    refused = gateway.play("playbooks/teardown.yml", "-e", f"confirm={gateway.environment}")
    assert refused.code != 0
    named = re.search(r"add -e confirm_data=(\S+);", refused.words)
    assert named, refused.output
    return named[1]


@pytest.mark.timeout(1800)
def test_two_systems_have_two_environments_each(running: DeployedGateway) -> None:
    """They share no resource, a token of one is invalid at the other, and one is deleted alone."""
    emulator = running.emulator
    arguments = ("-i", str(inventory(emulator.directory)))
    second = DeployedGateway(emulator, SECOND, arguments)
    assert second.play("deploy.yml").code == 0
    for environment, given in (("local", ()), (SECOND, arguments)):
        deployed = emulator.play("deploy.yml", "-e", "system=oneshot", *given, env=environment)
        assert deployed.code == 0, deployed.output
    bases = ["-".join(each) for each in itertools.product(("mcp-gateway", "oneshot"), ("local", SECOND))]
    found = {base: resources(emulator, base) for base in bases}
    assert min(map(len, found.values())) > 40
    assert [pair for pair in itertools.combinations(bases, 2) if found[pair[0]] & found[pair[1]]] == []

    second.read()
    with second.names_resolved():
        tokens = {each: each.token("lob1-bot") for each in (running, second)}
        statuses = {(a.base, b.base): a.call(TIME, BERLIN, tokens[b])[0] for a in tokens for b in tokens}
    assert statuses == {(a.base, b.base): 200 if a is b else 401 for a in tokens for b in tokens}

    before = {name: running.tasks(name) for name in SERVICES}
    torn = second.play("playbooks/teardown.yml", "-e", f"confirm={SECOND}", "-e", f"confirm_data={data_of(second)}")
    assert torn.code == 0, torn.output
    assert resources(emulator, second.base) == set()
    assert [resources(emulator, base) == found[base] for base in bases] == [True, False, True, True]
    assert {name: running.tasks(name) for name in SERVICES} == before
    assert running.call(TIME, BERLIN, tokens[running])[0] == 200


def test_a_teardown_keeps_data_until_it_is_named(running: DeployedGateway) -> None:
    """What remains is what the zone, the database and the files hold; then nothing of the gateway does."""
    assert running.processes()
    data = data_of(running)
    assert running.call(TIME, BERLIN, running.token("lob1-bot"))[0] == 200
    torn = running.play("playbooks/teardown.yml", "-e", "confirm=local", "-e", f"confirm_data={data}")
    assert torn.code == 0, torn.output
    client = running.emulator.client
    assert running.emulator.stacks("mcp-gateway") == {}
    assert client("rds").describe_db_clusters()["DBClusters"] == []
    assert client("route53").list_hosted_zones()["HostedZones"] == []
    assert client("ssm").describe_parameters()["Parameters"] == []
    # Oneshot's two environments go on.
    names = [secret["Name"] for secret in client("secretsmanager").list_secrets()["SecretList"]]
    names += [file_system["Name"] for file_system in client("efs").describe_file_systems()["FileSystems"]]
    assert [name for name in names if not name.startswith("oneshot")] == []
    waited(lambda: running.processes() == [])
