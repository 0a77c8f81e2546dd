# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded AWS without MiniStack: its settings, and what stops a start. Molecule starts the real one."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import docker, plan, service
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import port as local_port
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.process import ProcessError
from ports import free_port

NO_DOCKER = {"DOCKER_HOST": "unix:///nonexistent.sock"}
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
ENGINE, EMULATOR = [*SLEEP, "process_engine.py"], [*SLEEP, plan.APPLICATION]


class Docker(BaseHTTPRequestHandler):
    """A Docker engine whose bridge has the loopback's second address."""

    def do_GET(self) -> None:
        bridge = {"IPAM": {"Config": [{"Gateway": "fd00::1"}, {"Gateway": "127.0.0.2"}]}}
        body = {"/_ping": b"OK", "/networks/bridge": json.dumps(bridge).encode()}.get(self.path, b"")
        self.send_response(200 if body else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def docker_host() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Docker)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    settings = Settings(free_port(), tmp_path / ("long" * 30), sys.executable, Path("engine.py"), "warning")
    yield settings
    stop(settings)


@pytest.fixture
def sleepers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes that do nothing, instead of MiniStack and the process engine; they count as healthy."""
    monkeypatch.setattr(plan, "engine_command", lambda *_: ENGINE)
    monkeypatch.setattr(plan, "emulator_command", lambda *_: EMULATOR)
    monkeypatch.setattr(docker, "answers", lambda host, _pid=None: host.endswith("/engine.sock"))
    monkeypatch.setattr(plan, "emulator_answers", lambda _settings: True)


def never() -> bool:
    return False


def stop(settings: Settings) -> bool:
    return service.stop(settings, never)


def preview(settings: Settings, wanted: str = "process") -> service.Outcome:
    return service.preview(settings, wanted, NO_DOCKER)


def start(settings: Settings, wanted: str = "process") -> service.Outcome:
    return service.start(settings, wanted, {"PATH": os.environ["PATH"], **NO_DOCKER}, 5, never)


def test_free_and_used_ports_differ(taken: int) -> None:
    assert not local_port.can_listen("127.0.0.1", taken)
    assert local_port.next_free_port("127.0.0.1", taken) > taken
    assert local_port.can_listen("127.0.0.1", 0)
    assert not local_port.can_listen("203.0.113.1", 0)  # not an address of this machine
    assert local_port.port_owner(taken).startswith(f"process {os.getpid()} (")


def test_a_port_in_use_is_reported_on_one_line(settings: Settings, taken: int) -> None:
    settings = Settings(taken, settings.directory, settings.python, settings.process_engine, "warning")
    with pytest.raises(ProcessError) as error:
        start(settings)
    assert f"port {taken} of 127.0.0.1 is taken by process {os.getpid()} (" in str(error.value)
    assert "-e local_aws_port=" in str(error.value) and "\n" not in str(error.value)


def test_interpreter_without_the_packages(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "PACKAGES", ("json", "no_such_package"))
    with pytest.raises(ProcessError, match=r"lacks packages .*\(no_such_package\).*requirements/local\.txt"):
        start(settings)


def test_a_missing_interpreter_is_an_error(settings: Settings) -> None:
    settings = Settings(settings.port, settings.directory, "/nonexistent/python", settings.process_engine, "warning")
    with pytest.raises(ProcessError, match=r"/nonexistent/python cannot be run .*local_aws_python"):
        start(settings)


def test_a_failed_start_leaves_no_files(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [sys.executable, "-c", "raise SystemExit('broken')", plan.APPLICATION]
    monkeypatch.setattr(plan, "engine_command", lambda *_: ENGINE)
    monkeypatch.setattr(docker, "answers", lambda *_: True)
    monkeypatch.setattr(plan, "emulator_command", lambda *_: broken)
    with pytest.raises(ProcessError, match=r"ministack ended at once; .*: broken"):
        start(settings)
    assert service.running_pids(settings) == {}
    assert settings.folder.secret() is None and not settings.folder.state.exists()
    assert not stop(settings)


@pytest.mark.usefixtures("sleepers")
def test_a_second_start_starts_only_a_missing_part(settings: Settings) -> None:
    """A second start changes nothing, and starts a missing part."""
    assert preview(settings) == service.Outcome(True, "process", [])
    assert not settings.directory.exists()
    assert start(settings) == service.Outcome(True, "process", [])
    for outcome in (preview(settings, "auto"), start(settings, "auto")):
        assert outcome == service.Outcome(False, "process", [])
    for kept in (preview(settings, "docker"), start(settings, "docker")):
        assert not kept.changed and "local_aws_state=stopped" in kept.warnings[0].line()
    settings.engine.stop(1)
    assert preview(settings).changed
    assert start(settings).changed
    assert stop(settings)
    assert not stop(settings)


@pytest.mark.usefixtures("sleepers")
def test_a_running_emulator_keeps_its_port(settings: Settings) -> None:
    start(settings)
    other = replace(settings, port=settings.port % 60000 + 1)
    for ask in (preview, start):
        with pytest.raises(ProcessError, match=rf"runs on port {settings.port} .*-e local_aws_port={settings.port}"):
            ask(other)
    assert stop(other)  # the folder identifies it; the requested port does not count


def test_one_start_or_stop_at_a_time(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.directory.mkdir()
    with (settings.directory / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.monotonic()
        with pytest.raises(ProcessError, match="interrupted"):
            service.stop(settings, lambda: time.monotonic() - began > 0.2)
        monkeypatch.setattr(service, "LOCK_SECONDS", 0.2)
        with pytest.raises(ProcessError, match=r"another start or stop has been at work in .* for 0\.2 s"):
            start(settings)
        assert time.monotonic() - began < 3


def test_folder_that_cannot_be_written(settings: Settings) -> None:
    with tempfile.NamedTemporaryFile() as file:
        inside = replace(settings, directory=Path(file.name) / "state")
        with pytest.raises(ProcessError, match=r"cannot be written \(Not a directory\) -> .*local_aws_directory"):
            start(inside)


def test_a_privileged_port_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(local_port, "can_listen", refuse)
    with pytest.raises(ProcessError, match=r"port \d+ of 127\.0\.0\.1 cannot be used \(Permission denied\)"):
        preview(settings)


def test_another_server_is_not_taken_for_the_emulator(docker_host: str, settings: Settings) -> None:
    port = int(docker_host.rpartition(":")[2])
    other = Settings(port, settings.directory, settings.python, settings.process_engine, "warning")
    assert not plan.emulator_answers(other)
    assert not plan.emulator_answers(settings)


def test_choice_of_the_engine(docker_host: str) -> None:
    assert plan.choose_engine("auto", {"DOCKER_HOST": docker_host}) == ("docker", docker_host)
    assert plan.choose_engine("process", {"DOCKER_HOST": docker_host}) == ("process", "")
    assert plan.choose_engine("auto", NO_DOCKER) == ("process", "")
    with pytest.raises(ProcessError, match=r"no Docker engine answers on unix:///nonexistent\.sock"):
        plan.choose_engine("docker", NO_DOCKER)
    assert docker.docker_host({}) == "unix:///var/run/docker.sock"
    assert not docker.answers("ssh://me@elsewhere")


@pytest.mark.parametrize(
    ("config", "address"),
    [
        ({"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.9"}, "172.17.0.9"),
        ({"Subnet": "172.17.0.0/16"}, "172.17.0.1"),
        ({"Subnet": "fd00::/64", "Gateway": "fd00::1"}, ""),
        ({"Subnet": "fd00::/64"}, ""),
        ({}, ""),
    ],
)
def test_an_engine_has_its_address_from_its_first_start(config: dict[str, str], address: str) -> None:
    """Until its second start, Docker names the subnet of its bridge alone."""
    assert docker.own_address(config) == address


def test_listens_on_the_loopback_and_on_dockers_bridge(docker_host: str, settings: Settings) -> None:
    assert plan.bind_addresses("") == ["127.0.0.1"]
    assert plan.bind_addresses(docker_host) == ["127.0.0.1", "127.0.0.2"]
    command = plan.emulator_command(settings, ["127.0.0.1", "127.0.0.2"])
    assert command[-4:] == ["--bind", f"127.0.0.1:{settings.port}", "--bind", f"127.0.0.2:{settings.port}"]


def test_environment_holds_nothing_of_the_operators_aws(settings: Settings) -> None:
    environ = {
        "HOME": "/home/me",
        "PATH": "/usr/bin",
        "AWS_PROFILE": "prod",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_CONFIG_FILE": "/home/me/.aws/config",
        "PERSIST_STATE": "1",
    }
    environment = plan.emulator_environment(settings, "process", "unix:///x.sock", ["127.0.0.1"], environ)
    assert {name for name in environment if name.startswith("AWS_")} == {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }
    assert environment["AWS_CONFIG_FILE"] == os.devnull
    assert "PERSIST_STATE" not in environment
    assert environment["DOCKER_HOST"] == "unix:///x.sock"
    assert environment["PATH"] == f"{Path(sys.executable).parent}:/usr/bin"
