# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins of the MCP gateway as processes: what becomes of a login when one of them changes or ends."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from gateway_stand_ins import (
    ADMIN_PASSWORD,
    KEYCLOAK_ADMIN_PASSWORD,
    PASSWORDS,
    REGISTRY_URL,
    SECRET_KEY,
    Gateway,
    gateway,
)
from gateway_tokens import cookie, tool
from mcp_gateway_jobs import realm, registration
from waiting import waited

BERLIN = tool("current_time_by_timezone", tz_name="Europe/Berlin")
TIME, FAKE, TOOLS = "/currenttime/mcp", "/realserverfaketools/mcp", "/airegistry-tools/mcp"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("gateway")) as made:
        yield made


def test_port_7860_believes_no_identity_header(running: Gateway) -> None:
    """The API is no way around the reverse proxy."""
    url = f"http://127.0.0.1:{running.port('registry')}"
    headers = {"X-User": "admin", "X-Username": "admin", "X-Scopes": "registry-admins", "X-Auth-Method": "keycloak"}
    for path in ("/api/auth/me", "/api/servers"):
        assert running.request("GET", url + path, headers)[0] == 401
    assert running.request("POST", f"{url}/api/internal/register", headers, b"path=/evil")[0] == 401
    token = {"Authorization": f"Bearer {running.token('registry-admin-bot')}"}
    assert running.request("POST", f"{url}/api/internal/register", token, b"path=/evil")[0] == 403


def test_each_replica_alone_serves_the_session(running: Gateway) -> None:
    """With one of the two tasks stopped, the other one has the requests of the same session."""
    token = running.token("lob1-bot")
    for stopped in ("time-1", "time-2"):
        running.services[stopped].stop()
        waited(lambda: running.call(TIME, BERLIN, token, Mcp_Session_Id="0123456789abcdef")[0] == 200)
        running.services[stopped].start()
        waited(running.services[stopped].is_healthy)


def test_a_rotated_secret_key_ends_the_old_sessions(running: Gateway) -> None:
    """After a restart with another SECRET_KEY both services accept its cookies, and none of the old key."""
    old, new = (cookie(key, ["registry-users-lob1"]) for key in (SECRET_KEY, "n" * 64))
    me = f"{REGISTRY_URL}/api/auth/me"

    def statuses(given: dict[str, str]) -> tuple[int, int]:
        return running.call(TIME, BERLIN, **given)[0], running.request("GET", me, given)[0]

    assert (statuses(old), statuses(new)) == ((200, 200), (401, 401))
    try:
        for name in ("auth", "registry"):
            running.services[name].restart(SECRET_KEY="n" * 64)
        waited(lambda: statuses(new) == (200, 200))
        assert statuses(old) == (401, 401)
    finally:
        for name in ("auth", "registry"):
            running.services[name].restart(SECRET_KEY=SECRET_KEY)
        waited(lambda: statuses(old) == (200, 200))


def test_a_renewed_client_secret_reaches_its_client(running: Gateway) -> None:
    """The job realm writes new secrets; Keycloak refuses the old one from then on."""
    old = running.secrets.of("lob2-bot")
    changes = realm.run(running.job_environment(KEYCLOAK_RENEW_SECRETS="true"), running.secrets)
    assert "secret of client lob2-bot written" in changes
    running.services["auth"].restart(KEYCLOAK_CLIENT_SECRET=running.secrets.of("mcp-gateway-web"))
    assert running.secrets.of("lob2-bot") != old
    status, found = running.grant(grant_type="client_credentials", client_id="lob2-bot", client_secret=old)
    assert (status, found["error"]) == (401, "invalid_client")
    assert running.call(FAKE, tool("quantum_flux_analyzer"), running.token("lob2-bot"))[0] == 200


def test_the_jobs_change_nothing_the_second_time(running: Gateway) -> None:
    writes = running.secrets.writes
    assert realm.run(running.job_environment(), running.secrets) == []
    assert running.secrets.writes == writes
    assert registration.run(running.registration_environment()) == []


def test_a_server_whose_probe_fails_is_a_503(running: Gateway) -> None:
    """It is back as soon as a probe is good, without a restart of the registry."""
    running.services["registry"].restart(HEALTH_CHECK_INTERVAL_SECONDS="1")
    token = running.token("lob2-bot")
    call = tool("quantum_flux_analyzer")
    waited(lambda: running.call(FAKE, call, token)[0] == 200)
    running.services["fake"].stop()
    waited(lambda: running.call(FAKE, call, token)[0] == 503)
    running.services["fake"].start()
    waited(lambda: running.call(FAKE, call, token)[0] == 200)


def test_an_mcp_server_refuses_a_foreign_host(running: Gateway) -> None:
    """A page whose own name resolves to the loopback sends that name."""
    url = f"http://127.0.0.1:{running.port('fake')}/mcp"
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    body = json.dumps(LIST).encode()
    assert running.request("POST", url, headers, body)[0] == 200
    assert running.request("POST", url, headers | {"Host": "evil.example"}, body)[0] == 421
    assert running.request("POST", url, headers | {"Origin": "http://evil.example"}, body)[0] == 403


def test_an_agent_calls_the_other_agent(running: Gateway) -> None:
    message = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": {"parts": []}}}
    url = f"http://127.0.0.1:{running.port('travel')}"
    _status, _headers, card = running.request("GET", f"{url}/.well-known/agent-card.json")
    assert json.loads(card)["name"] == "travel-assistant-agent"
    status, _headers, text = running.request(
        "POST", f"{url}/", {"Content-Type": "application/json"}, json.dumps(message).encode()
    )
    parts = json.loads(text)["result"]["parts"]
    assert status == 200
    assert parts[0]["text"] == "travel-assistant-agent has read the message; flight-booking-agent has read the message"


def test_no_log_has_a_secret(running: Gateway) -> None:
    """Neither keys nor passwords nor tokens, after all that the other tests do."""
    secrets = [SECRET_KEY, ADMIN_PASSWORD, KEYCLOAK_ADMIN_PASSWORD, *PASSWORDS.values()]
    secrets += [running.secrets.of(client) for client in running.secrets.values]
    for service in running.services.values():
        text = service.log.read_text()
        assert [secret for secret in secrets if secret in text] == [] and "eyJ" not in text
        assert "Traceback" not in text, text
