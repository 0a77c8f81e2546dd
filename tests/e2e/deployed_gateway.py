# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MCP gateway as deploy.yml puts it on the embedded AWS, and requests to it from outside."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jwt
import yaml
from emulator_env import ROOT, EmulatorEnv, Play
from gateway_client import REALM, GatewayClient
from gateway_tokens import tool
from mcp_gateway_stand_in.keycloak.database_store import Database, DatabaseStore
from updated_services import processes_with

SOURCE = ROOT / "systems" / "mcp_gateway"
LOAD_BALANCERS = ("main", "keycloak")
# The secrets of clients that are not named like their client.
SECRETS = {"mcp-gateway-web": "keycloak-client", "mcp-gateway-m2m": "keycloak-m2m-client"}
PAUSE = 0.2  # seconds between two requests of a thread
TOKEN_SECONDS = 120.0  # of the 300 that Keycloak has an access token live
KINDS = ("tool", "registry", "keycloak", "fake tools", "registry tools", "agents")  # of the requests of a load
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "message/send", "params": {"message": {"parts": []}}}
SERVICES = (
    "auth-server",
    "registry",
    "keycloak",
    "currenttime-server",
    "mcpgw-server",
    "realserverfaketools-server",
    "flight-booking-agent",
    "travel-assistant-agent",
)


class DeployedGateway(GatewayClient):
    """The gateway in an environment of an embedded AWS.

    Args:
        emulator: the embedded AWS.
        environment: name of the environment.
        arguments: of each play, beside those that name system and environment.
    """

    def __init__(self, emulator: EmulatorEnv, environment: str = "local", arguments: Sequence[str] = ()) -> None:
        self.emulator = emulator
        self.environment = environment
        self.base = f"mcp-gateway-{environment}"
        self._arguments = arguments
        self._directory = emulator.directory / environment / "systems" / "mcp_gateway"
        self._directory.mkdir(parents=True)
        for name in ("jobs", "stand_in"):
            (self._directory / name).symlink_to(SOURCE / name)
        self.describe()

    def describe(self, **environments: Mapping[str, str]) -> None:
        """Write the description, with more variables of some services, named with underscores."""
        description = yaml.safe_load((SOURCE / "system.yml").read_text())
        for name, variables in environments.items():
            description["services"][name.replace("_", "-")].setdefault("environment", {}).update(variables)
        (self._directory / "system.yml").write_text(yaml.safe_dump(description, sort_keys=False))

    def play(self, playbook: str, *arguments: str) -> Play:
        """Run a playbook for the gateway."""
        variables = {"system": "mcp_gateway", "system_directories": [str(self._directory.parent)]}
        given = ["-e", json.dumps(variables), *self._arguments, *arguments]
        return self.emulator.play(playbook, *given, env=self.environment)

    def read(self) -> None:
        """Read what the deploy has made."""
        self._balancers = {name: self.outputs(f"load-balancer-{name}") for name in LOAD_BALANCERS}
        self.registry_url, self.keycloak_url = (self._balancers[name]["Url"] for name in LOAD_BALANCERS)

    def outputs(self, component: str) -> dict[str, str]:
        """Return the outputs of a stack."""
        name = f"{self.base}-{component}"
        [stack] = self.emulator.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    # ---- As a client

    @property
    def addresses(self) -> Mapping[str, str]:
        """The address of each host name."""
        return {each["HostName"]: each["DnsName"] for each in self._balancers.values()}

    @property
    def authority(self) -> Path:
        """The certificate of the authority that issues those of the load balancers."""
        return self.emulator.directory / "local-aws" / "front" / "ca.pem"

    def secret(self, name: str) -> str:
        """Return the text of a secret of the description."""
        secrets = self.emulator.client("secretsmanager")
        return str(secrets.get_secret_value(SecretId=f"mcp-gateway/{self.environment}/{name}")["SecretString"])

    def client_secret(self, client: str) -> str:
        """Return the secret of a client in Keycloak."""
        return str(json.loads(self.secret(SECRETS.get(client, client)))["client_secret"])

    def parameter(self, name: str) -> str:
        """Return the value of an SSM parameter of the description."""
        path = f"/mcp-gateway/{self.environment}/{name}"
        found = self.emulator.client("ssm").get_parameter(Name=path, WithDecryption=True)
        return str(found["Parameter"]["Value"])

    def realm_key(self) -> jwt.PyJWK:
        """Return the private key of the realm, from the database."""
        found = self.outputs("database-keycloak")
        names = ("keycloak-database-username", "keycloak-database-password")
        user, password = (self.parameter(name) for name in names)
        store = DatabaseStore(Database(found["Endpoint"], int(found["Port"]), found["DatabaseName"], user, password))
        try:
            key = store.get("key", REALM)
        finally:
            store.close()
        assert key
        return jwt.PyJWK.from_dict(key)

    # ---- Its services

    def cluster(self, service: str) -> str:
        return f"{self.base}-keycloak" if service == "keycloak" else self.base

    def tasks(self, service: str) -> dict[str, str]:
        """Return the task definition of each running task of a service."""
        ecs, cluster = self.emulator.client("ecs"), self.cluster(service)
        arns = ecs.list_tasks(cluster=cluster, serviceName=f"{self.base}-{service}", desiredStatus="RUNNING")[
            "taskArns"
        ]
        found = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        return {each["taskArn"]: each["taskDefinitionArn"] for each in found if each["lastStatus"] == "RUNNING"}

    def stop(self, service: str) -> None:
        """Stop one task of a service."""
        task = next(iter(self.tasks(service)))
        self.emulator.client("ecs").stop_task(cluster=self.cluster(service), task=task)

    def logs(self) -> str:
        """Return all lines that tasks have logged."""
        logs, lines = self.emulator.client("logs"), []
        for group in logs.describe_log_groups()["logGroups"]:
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                lines += [event["message"] for event in page["events"]]
        return "\n".join(lines)

    def processes(self) -> list[int]:
        """Return the pids of the stand-ins that run for its environments."""
        found = processes_with(f"AWS_ENDPOINT_URL=http://127.0.0.1:{self.emulator.port}", "ECS_CONTAINER_METADATA_URI")
        return [pid for pid in found if b"mcp-gateway-" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def call_agents(self) -> tuple[int, bytes]:
        """Send a message to an agent, which sends it to the other one; returns the status, 0 without both, and text."""
        headers, message = {"Content-Type": "application/json"}, json.dumps(MESSAGE).encode()
        url = f"http://{self.connect_address('travel-assistant-agent')}/"
        status, _headers, text = self.request("POST", url, headers, message)
        return status if b"flight-booking-agent has read the message" in text else 0, text

    def connect_address(self, service: str) -> str:
        """Return host and port at which the namespace's clients reach a service."""
        file = self.emulator.directory / "local-aws" / "front" / "listeners.json"
        listeners = json.loads(file.read_text())["resources"]
        [found] = [each["address"] for each in listeners if each["name"].startswith(f"connect-{service}-")]
        return f"{found['socket_address']['address']}:{found['socket_address']['port_value']}"

    @contextmanager
    def load(self) -> Iterator[Load]:
        """Send requests that reach each of the eight services, each kind in a thread of its own, until the end."""
        found, ended = Load(), threading.Event()

        def send(name: str, request: Any) -> None:
            while not ended.wait(PAUSE):
                try:
                    status, *response = request()
                except Exception as error:
                    found.failures.append((time.time(), f"{name}: {error!r}"))
                    continue
                if status == 200:
                    found.served[name] += 1
                else:
                    found.failures.append((time.time(), f"{name}: status {status} {response}"))

        token, call = Token(self), tool("current_time_by_timezone", tz_name="Europe/Berlin")
        requests = {
            "tool": lambda: self.call("/currenttime/mcp", call, token.valid()),
            "registry": lambda: self.request("GET", f"{self.registry_url}/health"),
            "keycloak": lambda: self.request("GET", f"{self.issuer}/.well-known/openid-configuration"),
            "fake tools": lambda: self.call("/realserverfaketools/mcp", tool("quantum_flux_analyzer"), token.valid()),
            "registry tools": lambda: self.call("/airegistry-tools/mcp", LIST, token.valid()),
            "agents": self.call_agents,
        }
        threads = [threading.Thread(target=send, args=each) for each in requests.items()]
        for thread in threads:
            thread.start()
        try:
            yield found
        finally:
            ended.set()
            for thread in threads:
                thread.join()


class Token:
    """An access token of the client of machines, renewed before it expires."""

    def __init__(self, gateway: DeployedGateway) -> None:
        self._gateway = gateway
        self._lock = threading.Lock()
        self._text, self._until = "", 0.0

    def valid(self) -> str:
        """Return a token that is valid for a while."""
        with self._lock:
            if time.monotonic() > self._until:
                self._text = self._gateway.token("mcp-gateway-m2m")
                self._until = time.monotonic() + TOKEN_SECONDS
            return self._text


class Load:
    """What became of requests.

    Attributes:
        served: number of good responses by kind.
        failures: what is wrong with each of the others, with its instant in seconds of the epoch.
    """

    def __init__(self) -> None:
        self.served: Counter[str] = Counter()
        self.failures: list[tuple[float, str]] = []
