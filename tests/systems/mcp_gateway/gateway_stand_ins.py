# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-ins of the MCP gateway as processes on the loopback, behind a real Envoy with TLS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import jwt
from embedded_aws.front import envoy
from embedded_aws.front.addresses import Addresses
from embedded_aws.front.control import Front
from embedded_aws.front.model import Description, Target
from front_descriptions import balancer, forward, group, host, listener, rule
from gateway_client import REALM, SECONDS, GatewayClient
from mcp_gateway_jobs import realm, registration, scopes
from mcp_gateway_stand_in.keycloak.store import Store
from ports import free_port
from secret_store import SecretStore
from waiting import waited

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "systems" / "mcp_gateway" / "stand_in" / "bin" / "mcp-gateway-stand-in"
NETWORK = f"127.78.{os.getpid() % 250}"  # each worker of the tests has another one
HTTPS_PORT, MESH_PORT = 27443, 27080
REGISTRY_HOST, KEYCLOAK_HOST = "registry.us-east-1.example.com", "kc.us-east-1.example.com"
REGISTRY_URL, KEYCLOAK_URL = (f"https://{name}:{HTTPS_PORT}" for name in (REGISTRY_HOST, KEYCLOAK_HOST))
SECRET_KEY = "k" * 64
ADMIN_PASSWORD = "administrator of the registry"
KEYCLOAK_ADMIN_PASSWORD = "administrator of Keycloak"
PASSWORDS = {
    "INITIAL_ADMIN_PASSWORD": "password of admin",
    "INITIAL_USER_PASSWORD": "password of testuser",
    "LOB1_USER_PASSWORD": "password of lob1-user",
    "LOB2_USER_PASSWORD": "password of lob2-user",
}
SECRET_VARIABLES = {
    "KEYCLOAK_CLIENT_SECRET_ARN": "mcp-gateway-web",
    "KEYCLOAK_M2M_CLIENT_SECRET_ARN": "mcp-gateway-m2m",
    "REGISTRY_ADMIN_BOT_SECRET_ARN": "registry-admin-bot",
    "LOB1_BOT_SECRET_ARN": "lob1-bot",
    "LOB2_BOT_SECRET_ARN": "lob2-bot",
}


class Service:
    """A stand-in as a process, with exactly this environment."""

    def __init__(self, name: str, log: Path, health: str, **environment: str) -> None:
        self.name, self.log, self.health, self.environment = name, log, health, environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **changes: str) -> None:
        """Start the process, with changes of its environment."""
        self.environment |= changes
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        keep = {name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [PROGRAM, self.name],
                env={"PATH": path, **keep, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def is_healthy(self) -> bool:
        """Whether its health check passes; an end of the process fails the test with its log."""
        assert self.process and self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(self.health, timeout=5) as response:
                return bool(response.status == 200)
        except OSError:
            return False

    def stop(self) -> int:
        """Stop the process; returns its exit code."""
        assert self.process
        self.process.terminate()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()

    def restart(self, **changes: str) -> None:
        """Stop and start the process, and wait until it is healthy."""
        self.stop()
        self.start(**changes)
        waited(self.is_healthy)


@dataclass
class Gateway(GatewayClient):
    """All stand-ins, and requests to them from outside."""

    registry_url, keycloak_url = REGISTRY_URL, KEYCLOAK_URL

    directory: Path
    secrets: SecretStore = field(default_factory=SecretStore)
    services: dict[str, Service] = field(default_factory=dict)
    front: Front | None = None

    @property
    def scopes_path(self) -> Path:
        return self.directory / "auth_config" / "scopes.yml"

    @property
    def address(self) -> str:
        """The address of the load balancer."""
        return f"{NETWORK}.1"

    @property
    def addresses(self) -> Mapping[str, str]:
        """The address of each host name."""
        return dict.fromkeys((REGISTRY_HOST, KEYCLOAK_HOST), self.address)

    @property
    def authority(self) -> Path:
        """The certificate of the authority that the load balancer's certificates are from."""
        return self.directory / "front" / "ca.pem"

    def add(self, key: str, name: str, port: int, health: str, **environment: str) -> Service:
        url = f"http://127.0.0.1:{port}{health}"
        self.services[key] = Service(name, self.directory / f"{key}.log", url, **environment)
        return self.services[key]

    def job_environment(self, **more: str) -> dict[str, str]:
        """Return the environment of the jobs."""
        return {
            "KEYCLOAK_URL": f"http://127.0.0.1:{self.port('keycloak')}",
            "KEYCLOAK_REALM": REALM,
            "KEYCLOAK_ADMIN": "admin",
            "KEYCLOAK_ADMIN_PASSWORD": KEYCLOAK_ADMIN_PASSWORD,
            "AUTH_SERVER_EXTERNAL_URL": REGISTRY_URL,
            "REGISTRY_URL": REGISTRY_URL,
            "KEYCLOAK_REQUIRE_PKCE": "true",
            "SCOPES_CONFIG_PATH": str(self.scopes_path),
            "WAIT_SECONDS": str(SECONDS),
            **PASSWORDS,
            **SECRET_VARIABLES,
            **more,
        }

    def registration_environment(self) -> dict[str, str]:
        """Return the environment of the job registration, with the addresses of these servers."""
        document = json.loads(registration.FILE.read_text())
        ports = {
            "/currenttime": MESH_PORT,
            "/airegistry-tools": self.port("mcpgw"),
            "/realserverfaketools": self.port("fake"),
        }
        for server in document["servers"]:
            address = self.address if server["path"] == "/currenttime" else "127.0.0.1"
            server["proxy_pass_url"] = f"http://{address}:{ports[server['path']]}"
        for agent, key in zip(document["agents"], ("flight", "travel"), strict=True):
            agent["url"] = f"http://127.0.0.1:{self.port(key)}"
        path = self.directory / "registrations.json"
        path.write_text(json.dumps(document))
        url = f"http://127.0.0.1:{self.port('registry')}"
        return self.job_environment(REGISTRY_URL=url, ADMIN_PASSWORD=ADMIN_PASSWORD, REGISTRATIONS_FILE=str(path))

    def port(self, key: str) -> int:
        return int(urllib.parse.urlsplit(self.services[key].health).port or 0)

    def target(self, key: str, port: int = 0) -> Target:
        return Target("127.0.0.1", port or self.port(key))

    def client_secret(self, client: str) -> str:
        """Return the secret of a client in Keycloak."""
        return self.secrets.of(client)

    def realm_key(self) -> jwt.PyJWK:
        """Return the private key of the realm, from the file of the stand-in for Keycloak."""
        found = Store(self.directory / "keycloak" / "database").get("key", REALM)
        assert found
        return jwt.PyJWK.from_dict(found)


def _services(made: Gateway) -> None:
    ports = [free_port() for _each in range(13)]
    keycloak, management, auth, registry, front, replica, mcpgw, fake, flight, travel, first, *_rest = ports
    inside = f"http://127.0.0.1:{keycloak}"
    made.add(
        "keycloak",
        "keycloak",
        keycloak,
        "/health/ready",
        KC_HOSTNAME=KEYCLOAK_URL,
        KC_HTTP_PORT=str(keycloak),
        KC_HTTP_MANAGEMENT_PORT=str(management),
        KEYCLOAK_ADMIN="admin",
        KEYCLOAK_ADMIN_PASSWORD=KEYCLOAK_ADMIN_PASSWORD,
        STAND_IN_DATABASE=str(made.directory / "keycloak" / "database"),
    )
    common = {
        "SECRET_KEY": SECRET_KEY,
        "AUTH_SERVER_EXTERNAL_URL": REGISTRY_URL,
        "SCOPES_CONFIG_PATH": str(made.scopes_path),
    }
    made.add(
        "auth",
        "auth-server",
        auth,
        "/health",
        **common,
        PORT=str(auth),
        REGISTRY_URL=REGISTRY_URL,
        KEYCLOAK_URL=inside,
        KEYCLOAK_EXTERNAL_URL=KEYCLOAK_URL,
        KEYCLOAK_REALM=REALM,
        KEYCLOAK_CLIENT_ID="mcp-gateway-web",
    )
    made.add(
        "registry",
        "registry",
        registry,
        "/health",
        **common,
        PORT=str(registry),
        STAND_IN_HTTP_PORT=str(front),
        STAND_IN_SERVERS=str(made.directory / "servers"),
        STAND_IN_AGENTS=str(made.directory / "agents"),
        AUTH_SERVER_URL=f"http://127.0.0.1:{auth}",
        ADMIN_PASSWORD=ADMIN_PASSWORD,
    )
    made.add("time-1", "currenttime-server", first, "/health", PORT=str(first), MCP_ALLOWED_HOSTS=made.address)
    made.add("time-2", "currenttime-server", replica, "/health", PORT=str(replica), MCP_ALLOWED_HOSTS=made.address)
    url = f"http://127.0.0.1:{registry}"
    login = {"REGISTRY_BASE_URL": url, "REGISTRY_PASSWORD": ADMIN_PASSWORD}
    made.add("mcpgw", "mcpgw-server", mcpgw, "/health", PORT=str(mcpgw), **login)
    made.add("fake", "realserverfaketools-server", fake, "/health", PORT=str(fake))
    made.add("flight", "flight-booking-agent", flight, "/ping", PORT=str(flight))
    made.add(
        "travel",
        "travel-assistant-agent",
        travel,
        "/ping",
        PORT=str(travel),
        FLIGHT_BOOKING_AGENT_URL=f"http://127.0.0.1:{flight}",
    )


def _load_balancer(made: Gateway, program: Path) -> None:
    front_port = int(made.services["registry"].environment["STAND_IN_HTTP_PORT"])
    registry, keycloak, clock = (group(name) for name in ("registry", "keycloak", "clock"))
    registry["HealthCheckPort"] = str(made.port("registry"))
    keycloak["HealthCheckPath"] = "/"
    https, mesh = listener(HTTPS_PORT, "HTTPS"), listener(MESH_PORT)
    description = Description(
        load_balancers=[balancer()],
        listeners=[https, mesh],
        rules={
            https["ListenerArn"]: [
                rule(1, forward((keycloak, 1)), host(KEYCLOAK_HOST)),
                rule("default", forward((registry, 1))),
            ],
            mesh["ListenerArn"]: [rule("default", forward((clock, 1)))],
        },
        target_groups=[registry, keycloak, clock],
        targets={
            registry["TargetGroupArn"]: [made.target("registry", front_port)],
            keycloak["TargetGroupArn"]: [made.target("keycloak")],
            clock["TargetGroupArn"]: [made.target("time-1"), made.target("time-2")],
        },
    )
    front = Front(
        program,
        made.directory / "front",
        Addresses(NETWORK),
        lambda: description,
        lambda _: [REGISTRY_HOST, KEYCLOAK_HOST],
    )
    groups = [
        (one, target) for one in (registry, keycloak, clock) for target in description.targets[one["TargetGroupArn"]]
    ]
    made.front = front
    front.wake()
    waited(lambda: all(front.health(one["TargetGroupArn"], target)[0] == "healthy" for one, target in groups))


@contextmanager
def gateway(directory: Path) -> Iterator[Gateway]:
    """Start the stand-ins and run the jobs in their order; the services that a job restarts start after it."""
    program = envoy.binary()
    assert program is not None, envoy.MISSING
    made = Gateway(directory)
    _services(made)
    try:
        for key, service in made.services.items():
            if key not in ("auth", "registry"):
                service.start()
        waited(made.services["keycloak"].is_healthy)
        realm.run(made.job_environment(), made.secrets)
        scopes.run(made.job_environment())
        made.services["auth"].start(KEYCLOAK_CLIENT_SECRET=made.secrets.of("mcp-gateway-web"))
        made.services["registry"].start()
        for service in made.services.values():
            waited(service.is_healthy)
        _load_balancer(made, program)
        registration.run(made.registration_environment())
        with made.names_resolved():
            yield made
    finally:
        for service in made.services.values():
            if service.process:
                service.stop()
        if made.front:
            made.front.stop()
