# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service Connect's configuration and addresses, and its aliases with a real Envoy on the loopback."""

from __future__ import annotations

import http.client
import os
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from embedded_aws.front import envoy, health
from embedded_aws.front.addresses import Addresses
from embedded_aws.front.clusters import alias_cluster
from embedded_aws.front.control import Front
from embedded_aws.front.health import Standing
from embedded_aws.front.model import Address, Description, Endpoint, Target, Timeouts
from embedded_aws.service_connect.addresses import AliasAddresses, endpoint_name
from embedded_aws.service_connect.configuration import Alias, Port, aliases, ports, problems
from front_targets import Server
from hypothesis import given
from hypothesis import strategies as st
from waiting import waited

KNOWN = {"web": Port(8080, "http"), "raw": Port(9000)}
RED, BLUE = "arn:aws:servicediscovery:us-east-1:0:namespace/ns-red", "arn:aws:servicediscovery:us-east-1:0:namespace/b"
HTTP, TCP = Timeouts(300, 15), Timeouts(3600, 15)
NETWORK = f"127.255.{os.getpid() % 250}"  # each worker of the tests has another one


def configured(*services: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"enabled": True, "services": list(services), **more}


def test_named_ports_of_a_task_definition() -> None:
    mappings = [{"containerPort": 8080, "name": "web", "appProtocol": "http"}, {"containerPort": 1}]
    containers = [{"portMappings": mappings}, {}, {"portMappings": [{"containerPort": 9000, "name": "raw"}]}]
    assert ports({"containerDefinitions": containers}) == KNOWN


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (
            {"portName": "web", "clientAliases": [{"port": 80, "dnsName": "a"}, {"port": 81}]},
            [Alias("a", 80, KNOWN["web"], HTTP), Alias("web.ns", 81, KNOWN["web"], HTTP)],
        ),
        ({"portName": "raw"}, [Alias("raw.ns", 9000, KNOWN["raw"], TCP)]),
        ({"portName": "web", "discoveryName": "api"}, [Alias("api.ns", 8080, KNOWN["web"], HTTP)]),
        (
            {"portName": "web", "timeout": {"idleTimeoutSeconds": 9, "perRequestTimeoutSeconds": 0}},
            [Alias("web.ns", 8080, KNOWN["web"], Timeouts(9, 0))],
        ),
        ({"portName": "other"}, []),
    ],
)
def test_aliases_of_a_service(service: dict[str, Any], expected: list[Alias]) -> None:
    assert aliases(configured(service), "ns", KNOWN) == expected
    assert aliases({**configured(service), "enabled": False}, "ns", KNOWN) == []


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        (configured({"portName": "web"}), []),
        ({"enabled": True}, []),
        (configured({"portName": "other"}), ["portName other is no named port"]),
        (configured({"portName": "web", "tls": {"kmsKey": "k"}}), ["services.tls is not kept"]),
        (configured(accessLogConfiguration={"format": "JSON"}), ["accessLogConfiguration is not kept"]),
        (
            configured({"portName": "web", "clientAliases": [{"port": 1, "testTrafficRules": {"header": {}}}]}),
            ["clientAliases.testTrafficRules is not kept"],
        ),
        (
            configured({"portName": "web", "clientAliases": [{"port": 80, "dnsName": "Upper"}]}),
            ["dnsName Upper is no host name"],
        ),
        (
            configured({"portName": "web", "clientAliases": [{"port": 80, "dnsName": "taken"}]}),
            ["taken:80 is published twice in namespace ns"],
        ),
        (configured({"portName": "web", "clientAliases": [{"port": 81, "dnsName": "taken"}]}), []),
        (
            configured(
                {"portName": "web", "clientAliases": [{"port": 1, "dnsName": "a"}, {"port": 1, "dnsName": "a"}]}
            ),
            ["a:1 is published twice in namespace ns"],
        ),
    ],
)
def test_problems_of_a_configuration(configuration: dict[str, Any], expected: list[str]) -> None:
    found = list(problems(configuration, "ns", KNOWN, [Alias("taken", 80, KNOWN["web"], HTTP)]))
    assert len(found) == len(expected)
    assert all(" -> " in line and line.startswith(start) for line, start in zip(found, expected, strict=True))


@given(st.lists(st.tuples(st.sampled_from([RED, BLUE]), st.sampled_from("abcdef")), max_size=20))
def test_no_two_names_have_one_address(keys: list[tuple[str, str]]) -> None:
    """A name of a namespace keeps its address; the same name of another namespace has another one."""
    given_out = AliasAddresses(4741)
    found = {key: given_out.host(*key) for key in keys}
    assert len(set(found.values())) == len(found)
    assert {key: given_out.host(*key) for key in keys} == found
    assert all(host.startswith(f"127.255.{4741 % 256}.") for host in found.values())


@pytest.mark.parametrize(("port", "remedy"), [(80, "use a port from 1024 on"), (8080, "stop what listens there")])
def test_a_port_that_is_not_free_is_named(port: int, remedy: str) -> None:
    given_out = AliasAddresses(4741, can_listen=lambda _host, _port: False)
    with pytest.raises(ValueError, match=f"a:{port} cannot be served, .* -> {remedy}"):
        given_out.check(RED, Alias("a", port, KNOWN["web"], HTTP))


def test_all_addresses_in_use_is_an_error() -> None:
    given_out = AliasAddresses(4741)
    for number in range(254):
        given_out.host(RED, str(number))
    with pytest.raises(ValueError, match=r"no address of .* is free for more"):
        given_out.host(RED, "more")


def test_namespaces_have_endpoints_of_their_own() -> None:
    alias = Alias("a.b", 80, KNOWN["web"], HTTP)
    assert endpoint_name(RED, alias) != endpoint_name(BLUE, alias)
    assert endpoint_name(RED, alias).startswith("connect-a-b-80-")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({"eds_health_status": "HEALTHY"}, Standing.READY),
        ({"eds_health_status": "HEALTHY", "failed_active_health_check": True}, Standing.WAITING),
        ({"eds_health_status": "HEALTHY", "pending_active_hc": True}, Standing.WAITING),
        ({"eds_health_status": "DRAINING", "failed_active_health_check": True}, Standing.DRAINING),
    ],
)
def test_the_standing_of_a_task(flags: dict[str, Any], expected: Standing) -> None:
    endpoint = Endpoint("connect-a", Address("127.255.0.1", 80), "http", HTTP)
    host = {"address": {"socket_address": {"address": "127.77.0.1", "port_value": 8080}}, "health_status": flags}
    clusters = {"cluster_statuses": [{"name": name, "host_statuses": [host]} for name in ("connect-a", "web")]}
    assert health.standings([endpoint], clusters) == {("connect-a", Target("127.77.0.1", 8080)): expected}


@pytest.mark.parametrize(("protocol", "is_http2"), [("", False), ("http", False), ("http2", True), ("grpc", True)])
def test_targets_of_http2_get_http2(protocol: str, is_http2: bool) -> None:
    endpoint = Endpoint("connect-a", Address("127.255.0.1", 80), protocol, HTTP)
    assert ("typed_extension_protocol_options" in alias_cluster(endpoint, "/x")) is is_http2


@dataclass
class World:
    """A front, and the aliases that it serves."""

    front: Front
    endpoints: dict[str, Endpoint]

    def change(self, name: str, **changes: Any) -> None:
        self.endpoints[name] = replace(self.endpoints[name], **changes)
        self.front.wake()

    def get(self, name: str, path: str = "/", seconds: float = 10) -> tuple[int, str]:
        """Send an HTTP request over a connection of its own; returns status and body."""
        connection = http.client.HTTPConnection(*self.endpoints[name].address, timeout=seconds)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def is_ready(self, name: str, server: Server) -> bool:
        return self.front.is_ready(name, server.target)

    def names(self, name: str, count: int) -> Counter[str]:
        """Return which servers respond to requests."""
        bodies = [self.get(name)[1] for _each in range(count)]
        return Counter(server for body in bodies for server in ("one", "two") if f'"{server}"' in body)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    protocols = {"web": "http", "raw": "", "http2": "http2", "slow": "http"}
    endpoints = {
        name: Endpoint(name, Address(f"{NETWORK}.{number}", 46590), protocol, Timeouts(60, 1 if name == "slow" else 15))
        for number, (name, protocol) in enumerate(protocols.items(), 1)
    }
    with tempfile.TemporaryDirectory(prefix="ddbload-test-") as folder:
        front = Front(envoy.binary(), Path(folder) / "front", Addresses("127.78.251"))
        made = World(front, endpoints)
        front.describe = lambda: Description(endpoints=list(made.endpoints.values()))
        front.wake()
        waited(lambda: answers(made))
        yield made
        front.stop()


def answers(world: World) -> bool:
    """Return whether all aliases respond, of which Envoy takes one after the other."""
    try:
        with socket.create_connection(world.endpoints["raw"].address, timeout=5):
            return all(world.get(name)[0] == 503 for name in ("web", "http2", "slow"))
    except OSError:
        return False


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    made = [Server(name) for name in ("one", "two")]
    yield made
    for server in made:
        server.end()


def test_an_alias_without_tasks_responds_503(world: World) -> None:
    assert world.get("web")[0] == world.get("http2")[0] == 503
    with socket.create_connection(world.endpoints["raw"].address, timeout=5) as connection:
        try:
            ended = connection.recv(1) == b""
        except ConnectionResetError:
            ended = True
    assert ended


@pytest.mark.parametrize("name", ["web", "raw"])
def test_tasks_take_turns_once_their_ports_accept(world: World, servers: list[Server], name: str) -> None:
    """A task that does not listen yet gets no connection."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        late = Target("127.0.0.1", closed.getsockname()[1])
    world.change(name, targets=(*(server.target for server in servers), late))
    waited(lambda: all(world.is_ready(name, server) for server in servers))
    found = world.names(name, 10)
    assert sum(found.values()) == 10 and min(found["one"], found["two"]) >= 3
    assert not world.front.is_ready(name, late)
    started = Server("late", late.port)
    waited(lambda: world.front.is_ready(name, late))
    started.end()
    world.change(name, targets=())
    waited(lambda: not world.is_ready(name, servers[0]))


class Refused:
    """The administration of an Envoy that has no time for it.

    Attributes:
        times: it was asked.
    """

    times = 0

    def __call__(self, _path: str) -> str:
        self.times += 1
        raise TimeoutError


def test_a_draining_task_ends_its_requests(
    world: World, servers: list[Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It leaves only when its last request has its response, and gets no new one; also while Envoy cannot be asked."""
    leaving, staying = servers
    leaving.seconds = 3
    world.change("web", targets=(leaving.target,))
    waited(lambda: world.is_ready("web", leaving))
    slow: list[tuple[int, str]] = []
    request = threading.Thread(target=lambda: slow.append(world.get("web", "/slow")))
    request.start()
    waited(lambda: world.front._busy.get(("web", leaving.target)))
    world.change("web", targets=(staying.target,), draining=(leaving.target,))
    waited(lambda: world.front.has_left("web", leaving.target, is_idle=False))
    assert not world.front.has_left("web", leaving.target, is_idle=True)
    with monkeypatch.context() as patched:
        patched.setattr(world.front._envoy, "get", refused := Refused())
        waited(lambda: refused.times > 2)
        assert not world.front.has_left("web", leaving.target, is_idle=True)
    waited(lambda: world.is_ready("web", staying))
    assert world.names("web", 5) == {"two": 5}
    request.join()
    assert slow[0][0] == 200 and '"one"' in slow[0][1]
    waited(lambda: world.front.has_left("web", leaving.target, is_idle=True))
    world.change("web", targets=(), draining=())


def test_a_request_has_its_timeout(world: World, servers: list[Server]) -> None:
    servers[0].seconds = 3
    world.change("slow", targets=(servers[0].target,))
    waited(lambda: world.is_ready("slow", servers[0]))
    assert world.get("slow", "/slow")[0] == 504
