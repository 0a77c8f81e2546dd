# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs: each sets up what is missing or differs, changes nothing the second time, and says why it fails."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aiohttp import web
from keycloak_server import ADMINISTRATOR, PASSWORD, Server, keycloak
from mcp_gateway_jobs import realm, registration, requests, scopes, tool
from mcp_gateway_jobs.requests import JobError, RequestError, send, wait
from mcp_gateway_stand_in.registry.api import Access, Api
from mcp_gateway_stand_in.registry.catalogue import Catalogue
from mcp_gateway_stand_in.registry.probe import Probes
from mcp_gateway_stand_in.scopes import Scopes
from moto import mock_aws
from ports import free_port
from secret_store import SecretStore
from threaded_application import served

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "systems" / "mcp_gateway" / "jobs" / "bin" / "mcp-gateway-job"
REALM = "mcp-gateway"
ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:web"
ADMIN_PASSWORD = "administrator of the registry"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with keycloak(tmp_path_factory.mktemp("keycloak")) as made:
        yield made


def environment(url: str, **more: str) -> dict[str, str]:
    return {
        "KEYCLOAK_URL": url,
        "KEYCLOAK_REALM": REALM,
        "KEYCLOAK_ADMIN": ADMINISTRATOR,
        "KEYCLOAK_ADMIN_PASSWORD": PASSWORD,
        "AUTH_SERVER_EXTERNAL_URL": "https://registry.example.com/",
        "REGISTRY_URL": "https://registry.example.com",
        "KEYCLOAK_CLIENT_SECRET_ARN": ARN,
        "LOB1_USER_PASSWORD": "password of lob1-user",
        "WAIT_SECONDS": "20",
        **more,
    }


@pytest.fixture
def store(server: Server) -> SecretStore:
    """The secrets after a run of the job."""
    made = SecretStore()
    realm.run(environment(server.url), made)
    return made


def client(server: Server, name: str = "mcp-gateway-web") -> dict[str, Any]:
    (found,) = server.admin("GET", f"/{REALM}/clients?clientId={name}")
    return dict(found)


def test_the_realm_is_as_its_file_says(server: Server, store: SecretStore) -> None:
    document = json.loads(realm.FILE.read_text())
    assert {one["name"] for one in server.admin("GET", f"/{REALM}/groups")} == set(document["groups"])
    assert len(document["groups"]) == 12
    names = {one["clientId"] for one in server.admin("GET", f"/{REALM}/clients")}
    assert names == {one["representation"]["clientId"] for one in document["clients"]}
    web = client(server)
    assert web["redirectUris"] == ["https://registry.example.com/oauth2/callback/keycloak"]
    assert web["attributes"]["post.logout.redirect.uris"] == "https://registry.example.com/"
    assert store.of(ARN) == web["secret"] and list(store.values) == [ARN]


def test_the_second_run_changes_nothing(server: Server, store: SecretStore) -> None:
    writes = store.writes
    assert realm.run(environment(server.url), store) == []
    assert store.writes == writes == 1


def test_a_user_without_a_password_does_not_exist(server: Server, store: SecretStore) -> None:
    users = {one["username"] for one in server.admin("GET", f"/{REALM}/users")}
    people = {name for name in users if not name.startswith("service-account-")}
    assert people == {"lob1-user"}


def test_what_differs_is_changed_back(server: Server, store: SecretStore) -> None:
    """Settings, mappers and groups changed by hand."""
    web = client(server)
    path = f"/{REALM}/clients/{web['id']}"
    server.admin("PUT", path, {"redirectUris": ["https://evil.example/"], "directAccessGrantsEnabled": True})
    server.admin("PUT", f"/{REALM}", {"accessTokenLifespan": 86400})
    user = server.admin("GET", f"/{REALM}/clients/{client(server, 'lob1-bot')['id']}/service-account-user")
    groups = {one["name"]: one["id"] for one in server.admin("GET", f"/{REALM}/groups")}
    server.admin("PUT", f"/{REALM}/users/{user['id']}/groups/{groups['registry-admins']}")
    server.admin("DELETE", f"/{REALM}/users/{user['id']}/groups/{groups['registry-users-lob1']}")
    assert realm.run(environment(server.url), store) == [
        "realm mcp-gateway changed: accessTokenLifespan",
        "client mcp-gateway-web changed: directAccessGrantsEnabled, redirectUris",
        "user lob1-bot joined registry-users-lob1",
        "user lob1-bot left registry-admins",
    ]
    assert realm.run(environment(server.url), store) == []


def test_a_client_keeps_its_secret_until_it_is_renewed(server: Server, store: SecretStore) -> None:
    before = store.of(ARN)
    assert realm.run(environment(server.url, KEYCLOAK_RENEW_SECRETS="true"), store) == [
        "secret of client mcp-gateway-web written"
    ]
    assert store.of(ARN) != before and store.of(ARN) == client(server)["secret"]


def test_pkce_is_required_on_demand(server: Server, store: SecretStore) -> None:
    name = "pkce.code.challenge.method"
    assert name not in client(server)["attributes"]
    changes = realm.run(environment(server.url, KEYCLOAK_REQUIRE_PKCE="true"), store)
    assert changes == ["client mcp-gateway-web changed: attributes"]
    assert client(server)["attributes"][name] == "S256"


def test_secrets_are_written_to_secrets_manager(server: Server) -> None:
    """The client of boto3, with a placeholder as CloudFormation leaves it."""
    with mock_aws():
        secrets = boto3.client("secretsmanager", "us-east-1")
        arn = secrets.create_secret(Name="web", SecretString="placeholder")["ARN"]
        realm.run(environment(server.url, KEYCLOAK_CLIENT_SECRET_ARN=arn), secrets)
        written = json.loads(secrets.get_secret_value(SecretId=arn)["SecretString"])
        assert written == {"client_secret": client(server)["secret"]}


def test_a_wrong_password_fails_at_once(server: Server) -> None:
    with pytest.raises(RequestError, match=r"is a 401: .*invalid_grant"):
        realm.run(environment(server.url, KEYCLOAK_ADMIN_PASSWORD="wrong", WAIT_SECONDS="600"), SecretStore())


def free_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_a_keycloak_that_does_not_respond_is_named() -> None:
    url = free_url()
    with pytest.raises(JobError, match=f"POST {url}.* has no response.*after 0.1 s -> look into the log"):
        realm.run(environment(url, WAIT_SECONDS="0.1"), SecretStore())


def test_a_missing_variable_or_file_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(JobError, match=r"^KEYCLOAK_URL is not set -> set it"):
        realm.run(environment(""), SecretStore())
    with pytest.raises(JobError, match="REALM_FILE"):
        realm.run(environment(server.url, REALM_FILE=str(tmp_path / "none.json")), SecretStore())
    with pytest.raises(JobError, match="WAIT_SECONDS is 'soon'"):
        realm.run(environment(server.url, WAIT_SECONDS="soon"), SecretStore())


def test_the_scopes_are_written_once(tmp_path: Path) -> None:
    target = tmp_path / "auth_config" / "scopes.yml"
    settings = {"SCOPES_CONFIG_PATH": str(target)}
    assert scopes.run(settings) == [f"{target} written"]
    written = target.stat()
    assert scopes.run(settings) == [] and target.stat().st_mtime_ns == written.st_mtime_ns
    target.write_text("other")
    assert scopes.run(settings) == [f"{target} written"]
    assert target.read_bytes() == scopes.FILE.read_bytes() and target.stat().st_mode & 0o777 == 0o644
    assert list(target.parent.iterdir()) == [target]


def test_scopes_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JobError, match=r"cannot write .* -> mount the file system"):
        scopes.run({"SCOPES_CONFIG_PATH": str(tmp_path / "file" / "scopes.yml")})
    with pytest.raises(JobError, match="SCOPES_CONFIG_PATH is not set"):
        scopes.run({})


async def rpc(request: web.Request) -> web.Response:
    """Respond as an MCP server with the tools that its path names."""
    message = await request.json()
    if "id" not in message:
        return web.Response(status=202)
    tools = [{"name": request.match_info["tools"], "description": "x"}] if request.match_info["tools"] != "none" else []
    results = {"initialize": {"protocolVersion": "2024-11-05"}, "ping": {}, "tools/list": {"tools": tools}}
    return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": results[message["method"]]})


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """A registry's API; returns its URL."""
    catalogue = Catalogue(tmp_path / "servers")
    access = Access("k" * 64, "admin", ADMIN_PASSWORD, "http://127.0.0.1:9", "https://registry.example.com", Scopes())
    with served(Api(catalogue, Catalogue(tmp_path / "agents"), Probes(catalogue, 300), access).application()) as url:
        yield url


@pytest.fixture
def servers() -> Iterator[str]:
    """An MCP server for each path; returns its URL."""
    made = web.Application()
    made.router.add_post("/{tools}/mcp", rpc)
    with served(made) as url:
        yield url


def settings_of(tmp_path: Path, registry: str, **urls: str) -> dict[str, str]:
    file = tmp_path / "registrations.json"
    found = [
        {"path": f"/{name}", "name": name, "proxy_pass_url": url, "tags": ["a", "b"]} for name, url in urls.items()
    ]
    agents = [{"path": "/agent", "name": "Agent", "url": "http://agent:9000", "tags": []}]
    file.write_text(json.dumps({"servers": found, "agents": agents}))
    login = {"REGISTRY_URL": registry, "ADMIN_PASSWORD": ADMIN_PASSWORD}
    return {**login, "REGISTRATIONS_FILE": str(file), "WAIT_SECONDS": "2"}


def test_servers_and_agents_are_registered_once(tmp_path: Path, registry: str, servers: str) -> None:
    settings = settings_of(tmp_path, registry, time=f"{servers}/clock/", news=f"{servers}/paper")
    assert registration.run(settings) == [
        "server /time registered",
        "server /news registered",
        "agent /agent registered",
    ]
    assert registration.run(settings) == []
    settings = settings_of(tmp_path, registry, time=f"{servers}/watch", news=f"{servers}/paper")
    assert registration.run(settings) == ["server /time registered"]


def test_the_job_ends_once_a_tool_of_each_server_is_seen(tmp_path: Path, registry: str, servers: str) -> None:
    settings = settings_of(tmp_path, registry, time=f"{servers}/clock", none=f"{servers}/none", away=free_url())
    with pytest.raises(JobError, match=r"no tool of /away is seen Client.*; no tool of /none is seen, after 2 s"):
        registration.run(settings)


def test_the_job_waits_for_the_registry(tmp_path: Path, registry: str, servers: str) -> None:
    settings = settings_of(tmp_path, free_url(), time=f"{servers}/clock") | {"WAIT_SECONDS": "0.1"}
    with pytest.raises(JobError, match=r"GET .*/health has no response"):
        registration.run(settings)
    with pytest.raises(RequestError, match="is a 401"):
        registration.run(settings_of(tmp_path, registry, time=servers) | {"ADMIN_PASSWORD": "wrong"})
    with pytest.raises(RequestError, match=r"is a 400: .*reserved"):
        registration.run(settings_of(tmp_path, registry, api=servers))


async def elsewhere(_request: web.Request) -> web.Response:
    return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/"})


async def text(_request: web.Request) -> web.Response:
    return web.Response(text="no json")


def test_a_redirect_is_an_error(tmp_path: Path) -> None:
    """A password would reach another host."""
    made = web.Application()
    made.router.add_get("/elsewhere", elsewhere)
    made.router.add_get("/text", text)
    with served(made) as url:
        with pytest.raises(RequestError) as caught:
            send("GET", f"{url}/elsewhere", None, {"Authorization": "secret"})
        assert caught.value.status == 307
        with pytest.raises(RequestError, match="not JSON"):
            send("GET", f"{url}/text", None, {})
    with pytest.raises(RequestError, match="not a URL of HTTP"):
        send("GET", f"file://{tmp_path}", None, {})


def test_a_wait_ends_with_the_last_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "STEP_SECONDS", 0.01)
    reasons = iter(["a", "b", ""])
    wait(lambda: next(reasons), 60)
    with pytest.raises(JobError, match=r"^c, after 0 s"):
        wait(lambda: "c", 0)


def test_the_program_reports_what_a_job_does(tmp_path: Path) -> None:
    target = str(tmp_path / "scopes.yml")

    def run(*arguments: str, **variables: str) -> tuple[int, str, str]:
        command = ["python3", "-S", str(PROGRAM), *arguments]  # without packages
        path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        done = subprocess.run(command, env=path | variables, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    assert run("scopes", SCOPES_CONFIG_PATH=target) == (0, f"{target} written\n", "")
    assert run("scopes", SCOPES_CONFIG_PATH=target) == (0, "nothing to change\n", "")
    line = "scopes: SCOPES_CONFIG_PATH is not set -> set it in the environment of the job\n"
    assert run("scopes") == (1, "", line)
    for arguments in ((), ("other",), ("scopes", "realm")):
        assert run(*arguments) == (2, "", "usage: mcp-gateway-job JOB, one of realm, scopes, registration, tool\n")


@pytest.mark.parametrize("arguments", ["[]", "{", "1"])
def test_arguments_of_a_tool_are_an_object(arguments: str) -> None:
    with pytest.raises(JobError, match="write a JSON object"):
        tool.run({"MCP_SERVER": "currenttime", "MCP_ARGUMENTS": arguments})


def test_a_message_arrives_as_json_or_as_an_event() -> None:
    message = {"jsonrpc": "2.0", "id": 1, "result": {}}
    text = json.dumps(message)
    assert [tool.message_of(each) for each in (text, f"event: message\ndata: {text}\n\n", "")] == [message, message, {}]
    with pytest.raises(JobError, match="the MCP server responds with '<html>'"):
        tool.message_of("<html>")
