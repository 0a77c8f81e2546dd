# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load balancers with a real Envoy on the loopback, and small HTTP servers as targets."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import ssl
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from embedded_aws.front import control, envoy
from embedded_aws.front.addresses import Addresses
from embedded_aws.front.configuration import configuration
from embedded_aws.front.control import Front, NewTarget
from embedded_aws.front.model import Address, Description, Target
from front_descriptions import balancer, fixed, forward, group, host, listener, path, redirect, rule
from front_targets import Server
from ports import free_port
from waiting import waited

HTTP_PORT, HTTPS_PORT = 46580, 46543
NETWORK = f"127.78.{os.getpid() % 250}"  # each worker of the tests has another one
BLUE, GREEN, SICK, LATE = (group(name) for name in ("blue", "green", "sick", "late"))
STICKY, EMPTY = group("sticky"), group("empty")
ARNS = [one["TargetGroupArn"] for one in (BLUE, GREEN, SICK, LATE, STICKY, EMPTY)]


@dataclass
class World:
    """A front, the description that it follows, and its targets."""

    front: Front
    description: Description
    directory: Path
    servers: dict[str, Server] = field(default_factory=dict)

    @property
    def address(self) -> Address:
        """Where the HTTP listener listens."""
        return Address(f"{NETWORK}.1", HTTP_PORT)

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], str]:
        """Send a request over a connection of its own; returns status, headers (in lower case) and body."""
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": "app.example.com", **(headers or {})})
            response = connection.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            return response.status, named, response.read().decode()
        finally:
            connection.close()

    def names(self, count: int, path: str = "/") -> list[str]:
        """Return the names of the targets that respond to requests over one connection."""
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        found = []
        for _each in range(count):
            connection.request("GET", path, headers={"Host": "app.example.com"})
            found.append(name_of(connection.getresponse().read().decode()))
        connection.close()
        return found

    def health(self, target_group: dict[str, Any], target: Target) -> tuple[str, str]:
        """Return state and reason of a target."""
        return self.front.health(target_group["TargetGroupArn"], target)[:2]

    def set_targets(self, target_group: dict[str, Any], *targets: Target) -> None:
        """Register exactly these targets."""
        arn = target_group["TargetGroupArn"]
        self.description.targets[arn] = list(targets)  # type: ignore[index]
        self.front.wake()

    def set_weights(self, blue: int, green: int) -> None:
        """Change the weights of the default rule."""
        rules = self.description.rules[listener(HTTP_PORT)["ListenerArn"]]
        rules[-1] = rule("default", forward((BLUE, blue), (GREEN, green)))
        self.front.wake()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    program = envoy.binary()
    assert program is not None, envoy.MISSING
    http_listener, https_listener = listener(HTTP_PORT), listener(HTTPS_PORT, "HTTPS")
    rules = [
        rule(1, fixed(418, "teapot"), path("/teapot*")),
        rule(2, forward((GREEN, 1)), host("green.example.com")),
        rule(3, redirect(Protocol="HTTPS", Port=str(HTTPS_PORT)), path("/secure/*")),
        rule(4, forward((SICK, 1)), path("/sick")),
        rule(5, forward((LATE, 1)), path("/late")),
        rule(6, forward((STICKY, 1)), path("/sticky")),
        rule(7, forward((EMPTY, 1)), path("/empty")),
        rule("default", forward((BLUE, 80), (GREEN, 20))),
    ]
    attributes = {arn: {"deregistration_delay.timeout_seconds": "2"} for arn in ARNS}
    attributes[STICKY["TargetGroupArn"]]["stickiness.enabled"] = "true"
    attributes[balancer()["LoadBalancerArn"]] = {"idle_timeout.timeout_seconds": "2"}
    description = Description(
        load_balancers=[balancer()],
        listeners=[http_listener, https_listener],
        rules={http_listener["ListenerArn"]: rules, https_listener["ListenerArn"]: rules[-1:]},
        target_groups=[BLUE, GREEN, SICK, LATE, STICKY, EMPTY],
        targets={},
        attributes=attributes,
    )
    with tempfile.TemporaryDirectory(prefix="ddbload-test-") as folder:
        # Longer than the path of a socket may be.
        directory = Path(folder) / ("long" * 30) / "front"
        front = Front(program, directory, Addresses(NETWORK), lambda: description, lambda _: ["app.example.com"])
        made = World(front, description, directory)
        for name in ("blue-1", "blue-2", "green-1", "sick-1", "sticky-1", "sticky-2"):
            made.servers[name] = Server(name)
        for target_group in (BLUE, GREEN, SICK, STICKY):
            prefix = target_group["TargetGroupName"]
            made.set_targets(
                target_group, *(one.target for name, one in made.servers.items() if name.startswith(prefix))
            )
        healthy = [(BLUE, "blue-1"), (BLUE, "blue-2"), (GREEN, "green-1"), (SICK, "sick-1"), (STICKY, "sticky-2")]
        waited(lambda: all(made.health(one, made.servers[name].target)[0] == "healthy" for one, name in healthy))
        yield made
        pid = pid_of(made)
        front.stop()
        assert not Path(f"/proc/{pid}").exists()
        assert not (directory.parent / "envoy.pid").exists()
        for server in made.servers.values():
            server.end()


@pytest.fixture(autouse=True)
def weights(world: World) -> Iterator[None]:
    """Restore the weights, also after a test that fails."""
    yield
    world.set_weights(80, 20)


def pid_of(world: World) -> int:
    return int(json.loads((world.directory.parent / "envoy.pid").read_text())["pid"])


def name_of(body: str) -> str:
    return str(json.loads(body)["name"])


def test_envoy_is_configured_for_a_change_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for one inside of a record; a step without a change only observes."""
    made: list[float] = []

    def counted(*arguments: Any) -> Any:
        made.append(time.monotonic())
        return configuration(*arguments)

    def has_rested() -> bool:
        made.clear()
        time.sleep(4 * control.STEP_SECONDS)
        return not made

    monkeypatch.setattr(control, "configuration", counted)
    waited(has_rested)
    world.set_weights(0, 100)
    waited(lambda: made)
    world.set_weights(80, 20)
    waited(has_rested)


def test_rules_route_by_path_and_host(world: World) -> None:
    assert world.get("/teapot/1")[::2] == (418, "teapot")
    assert name_of(world.get("/", {"Host": "GREEN.example.com:80"})[2]) == "green-1"
    assert name_of(world.get("/")[2]).startswith(("blue", "green"))


def test_redirect_leads_to_the_listener_of_its_port(world: World) -> None:
    status, headers, _body = world.get("/secure/a?b=c", {"Host": f"app.example.com:{HTTP_PORT}"})
    assert (status, headers["location"]) == (301, f"https://app.example.com:{HTTPS_PORT}/secure/a?b=c")


def test_targets_get_the_forwarded_headers(world: World) -> None:
    body = world.get("/", {"X-Forwarded-For": "192.0.2.1"})[2]
    headers = {name.lower(): value for name, value in json.loads(body)["headers"].items()}
    with socket.create_connection(world.address) as connection:
        own = connection.getsockname()[0]
    assert headers["x-forwarded-for"].replace(" ", "") == f"192.0.2.1,{own}"
    assert (headers["x-forwarded-proto"], headers["x-forwarded-port"]) == ("http", str(HTTP_PORT))
    assert headers["host"] == "app.example.com"
    assert [name for name in headers if "envoy" in name] == []


def test_weights_share_the_requests(world: World) -> None:
    """400 requests by 80 to 20: five standard deviations of the binomial distribution are 40."""
    found = Counter(name.partition("-")[0] for name in world.names(400))
    assert 280 <= found["blue"] <= 360
    assert found["blue"] + found["green"] == 400


def test_weight_zero_gets_no_request(world: World) -> None:
    """A shift of all weight reaches a connection that is open already."""
    connection = http.client.HTTPConnection(*world.address, timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    world.set_weights(0, 100)

    def name() -> str:
        connection.request("GET", "/")
        return name_of(connection.getresponse().read().decode())

    waited(lambda: {name() for _each in range(20)} == {"green-1"})
    assert {name() for _each in range(50)} == {"green-1"}
    connection.close()


def test_rapid_changes_end_in_the_last_one(world: World) -> None:
    """Envoy can miss the second of two changes within a moment."""
    for _round in range(10):
        world.set_weights(100, 0)
        waited(lambda: "green-1" not in world.names(1))
        world.set_weights(0, 100)
        waited(lambda: set(world.names(5)) == {"green-1"}, 5)


def test_unhealthy_target_gets_no_request(world: World) -> None:
    server = world.servers["blue-2"]
    server.status = 500
    waited(lambda: world.health(BLUE, server.target) == ("unhealthy", "Target.ResponseCodeMismatch"))
    assert "blue-2" not in set(world.names(60))
    server.status = 200
    waited(lambda: world.health(BLUE, server.target)[0] == "healthy")
    waited(lambda: "blue-2" in set(world.names(20)))


def test_no_healthy_target_is_a_503(world: World) -> None:
    """An unhealthy target, no target at all, and one whose port nobody listens on."""
    server = world.servers["sick-1"]
    assert world.get("/sick")[0] == 200
    server.status = 503
    waited(lambda: world.health(SICK, server.target)[0] == "unhealthy")
    assert (world.get("/sick")[0], world.get("/empty")[0]) == (503, 503)
    server.end()
    waited(lambda: world.health(SICK, server.target)[1] == "Target.FailedHealthChecks")


def test_target_that_breaks_a_connection_is_a_502(world: World) -> None:
    assert world.get("/reset")[0] == 502


def test_late_target_is_initial_until_it_passes(world: World) -> None:
    """A target that listens later than it is registered needs one passed health check, not the healthy threshold."""
    target = Target("127.0.0.1", free_port())
    world.set_targets(LATE, target)
    waited(lambda: world.health(LATE, target) == ("initial", "Elb.InitialHealthChecking"))
    assert world.get("/late")[0] == 503
    world.servers["late-1"] = Server("late-1", target.port)
    waited(lambda: world.health(LATE, target)[0] == "healthy", 5)
    assert name_of(world.get("/late")[2]) == "late-1"


def test_target_that_never_listens_is_unhealthy(world: World) -> None:
    """Its first health checks fail as often as the unhealthy threshold says."""
    target = Target("127.0.0.1", 9)
    world.set_targets(LATE, target)
    waited(lambda: world.health(LATE, target)[0] == "initial")
    waited(lambda: world.health(LATE, target)[0] == "unhealthy", 8)
    world.set_targets(LATE)


def test_deregistered_target_drains_without_a_failure(world: World) -> None:
    """Under constant requests a target leaves, finishes its slow request, and ends; every response is a 200."""
    server = Server("blue-3", address="127.0.0.3")
    world.servers["blue-3"] = server
    server.seconds = 1.0
    stay = [world.servers[name].target for name in ("blue-1", "blue-2")]
    world.set_targets(BLUE, *stay, server.target)
    waited(lambda: world.health(BLUE, server.target)[0] == "healthy")
    found: Counter[int] = Counter()
    slow: list[tuple[int, str]] = []
    ended = threading.Event()

    def load() -> None:
        while not ended.is_set():
            found[world.get("/")[0]] += 1

    def slow_load() -> None:
        status, _headers, body = world.get("/slow")
        slow.append((status, name_of(body)))

    threads = [threading.Thread(target=load) for _each in range(3)]
    slow_threads = [threading.Thread(target=slow_load) for _each in range(12)]
    for thread in (*threads, *slow_threads):
        thread.start()
    arn = BLUE["TargetGroupArn"]
    waited(lambda: world.front._busy.get(("blue-0123456789abcdef", server.target)))
    assert not world.front.is_drained(arn, "127.0.0.3")
    world.set_targets(BLUE, *stay)
    waited(lambda: world.health(BLUE, server.target) == ("draining", "Target.DeregistrationInProgress"))
    waited(lambda: world.front.is_drained(arn, "127.0.0.3"))
    server.end()
    for thread in slow_threads:
        thread.join()
    waited(lambda: server.target not in world.front.draining(arn))
    ended.set()
    for thread in threads:
        thread.join()
    assert set(found) == {200} and found[200] > 20
    assert {status for status, _name in slow} == {200} and "blue-3" in {name for _status, name in slow}


def test_sticky_session_stays_with_its_target(world: World) -> None:
    first, headers, body = world.get("/sticky")
    assert first == 200 and headers["set-cookie"].startswith("AWSALB=")
    cookie = {"Cookie": headers["set-cookie"].partition(";")[0]}
    assert {name_of(world.get("/sticky", cookie)[2]) for _each in range(20)} == {name_of(body)}
    assert len(set(world.names(20, "/sticky"))) == 2


def test_tls_is_verified_by_the_authority(world: World) -> None:
    endpoints = json.loads((world.directory / "endpoints.json").read_text())
    context = ssl.create_default_context(cafile=endpoints["certificate_authority"])
    for name in ("app.example.com", world.address.host):
        with (
            socket.create_connection((world.address.host, HTTPS_PORT), 5) as plain,
            context.wrap_socket(plain, server_hostname=name) as secure,
        ):
            secure.sendall(b"GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n")
            response = secure.makefile("rb").read()
        assert response.startswith(b"HTTP/1.1 200") and b'"x-forwarded-proto": "https"' in response
    with socket.create_connection((world.address.host, HTTPS_PORT), 5) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="other.example.com")


def test_https_listener_speaks_http2(world: World) -> None:
    context = ssl.create_default_context(cafile=str(world.directory / "ca.pem"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((world.address.host, HTTPS_PORT), 5) as plain,
        context.wrap_socket(plain, server_hostname="app.example.com") as secure,
    ):
        assert secure.selected_alpn_protocol() == "h2"


def test_websocket_passes(world: World) -> None:
    key = base64.b64encode(b"0123456789abcdef").decode()
    with socket.create_connection(world.address, 5) as connection:
        lines = ["GET / HTTP/1.1", "Host: app.example.com", "Connection: Upgrade", "Upgrade: websocket"]
        lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        received = b""
        while not received.endswith(b"\r\n\r\n"):
            received += connection.recv(1)
        assert received.startswith(b"HTTP/1.1 101")
        connection.sendall(b"ping")
        assert connection.recv(4) == b"PING"


def test_idle_request_ends_with_a_504(world: World) -> None:
    """The attribute idle_timeout.timeout_seconds holds for a target that does not respond."""
    server = world.servers["sticky-1"]
    server.seconds = 4.0
    world.servers["sticky-2"].seconds = 4.0
    world.description.rules[listener(HTTP_PORT)["ListenerArn"]].insert(0, rule(8, forward((STICKY, 1)), path("/slow")))
    world.front.wake()
    started = time.monotonic()
    status = waited(lambda: next((code for code in (world.get("/slow")[0],) if code != 200), None))
    assert status == 504 and time.monotonic() - started < 10
    del world.description.rules[listener(HTTP_PORT)["ListenerArn"]][0]


def test_ended_envoy_is_started_again(world: World) -> None:
    pid = pid_of(world)
    os.kill(pid, signal.SIGKILL)
    waited(lambda: pid_of(world) != pid)

    def responds() -> bool:
        try:
            return world.get("/teapot")[0] == 418
        except OSError:
            return False

    waited(responds)


def test_fault_of_a_change_is_logged_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """The load balancers serve on, and follow the next change."""
    broken = group("broken", HealthCheckPort="none")
    arn = broken["TargetGroupArn"]
    rules = world.description.rules[listener(HTTP_PORT)["ListenerArn"]]
    world.description.target_groups.append(broken)
    world.set_targets(broken, Target("127.0.0.1", 9))
    rules.insert(0, rule(9, forward((broken, 1)), path("/broken")))
    world.front._new[arn, Target("127.0.0.1", 9)] = NewTarget(0, admitted=True)
    world.front.wake()
    waited(lambda: "could not follow a change" in caplog.text)
    assert world.get("/teapot")[0] == 418
    del rules[0]
    world.description.target_groups.remove(broken)
    world.set_weights(0, 1)
    waited(lambda: set(world.names(5)) == {"green-1"})
    assert caplog.text.count("could not follow a change") == 1


def test_only_this_user_reaches_the_administration(world: World) -> None:
    socket_file = world.directory / "admin.sock"
    assert world.directory.stat().st_mode & 0o077 == 0
    assert socket_file.stat().st_mode & 0o077 == 0
    assert [path.name for path in world.directory.iterdir() if path.stat().st_mode & 0o077] == []


def test_no_other_host_reaches_a_load_balancer(world: World) -> None:
    """Every socket of Envoy listens on a loopback address: proc_pid_net(5) has them in hexadecimal, reversed."""
    process = Path(f"/proc/{pid_of(world)}")
    own = {str(entry.readlink()) for entry in (process / "fd").iterdir() if entry.is_symlink()}
    rows = [row.split() for row in (process / "net" / "tcp").read_text().splitlines()[1:]]
    listening = {row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own}
    assert listening and all(address.endswith("7F") for address in listening)
    rows6 = [row.split() for row in (process / "net" / "tcp6").read_text().splitlines()[1:]]
    assert not [row for row in rows6 if row[3] == "0A" and f"socket:[{row[9]}]" in own]


def test_changes_that_envoy_missed_are_written_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that Envoy does not see is repeated: the first one is suppressed here."""
    suppressed: list[str] = []
    write: Callable[[Path, str], None] = envoy.replace_file

    def missed(path: Path, content: str) -> None:
        if path.name.startswith("routes-") and len(suppressed) < 2:
            suppressed.append(path.name)
        else:
            write(path, content)

    monkeypatch.setattr(envoy, "replace_file", missed)
    world.set_weights(0, 100)
    waited(lambda: len(suppressed) == 2)
    waited(lambda: set(world.names(10)) == {"green-1"}, 5)
