# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What MiniStack hands to tasks, and which containers it may have an engine make."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.auth
import pytest
from docker.api.container import ContainerApiMixin
from embedded_aws.extension import grants
from embedded_aws.extension.tasks import containers
from embedded_aws.guard.guard import Guard, Verdict
from embedded_aws.guard.keys import Keys
from ministack.services import ecr, ecs

KEYS = Keys("ddbload" + "0123456789abcdef" * 4)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """A client of a container engine that makes everything, as MiniStack has it; what was requested of it."""
    requested: list[dict[str, Any]] = []

    class Engine(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            requested.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps({"Id": "a", "Warnings": []}).encode()
            self.send_response(201)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setattr(
        ContainerApiMixin, "create_container_from_config", ContainerApiMixin.create_container_from_config
    )
    monkeypatch.setattr(docker.auth, "get_config_header", docker.auth.get_config_header)
    containers.install(KEYS, ["127.0.0.1:4566"], "/own/tasks")
    client = docker.APIClient(base_url=f"tcp://127.0.0.1:{server.server_port}", version="1.43")
    yield client, requested
    client.close()
    server.shutdown()
    server.server_close()


def make(client: Any, **host_config: Any) -> None:
    client.create_container("image", ["true"], host_config=client.create_host_config(**host_config))


@pytest.mark.parametrize(
    ("host_config", "words"),
    [
        ({"privileged": True}, "privileged"),
        ({"binds": ["/:/host:rw"]}, r"a path of this machine \(/\)"),
        ({"binds": ["./here:/host:ro"]}, "a path of this machine"),
        ({"binds": ["/own/tasks/../credentials:/host:ro"]}, "a path of this machine"),
        ({"binds": ["/own/tasks-of-others/a:/host:ro"]}, "a path of this machine"),
        ({"binds": ["/own/tasks:/host:ro"]}, "a path of this machine"),
        ({"mounts": [docker.types.Mount("/host", "/etc", type="bind")]}, r"a path of this machine \(/etc\)"),
        ({"cap_add": ["SYS_ADMIN"]}, "added capabilities"),
        ({"devices": ["/dev/kmsg:/dev/kmsg:r"]}, "devices"),
        ({"pid_mode": "host"}, "PidMode host"),
        ({"ipc_mode": "host"}, "IpcMode host"),
        ({"network_mode": "host"}, "NetworkMode host"),
        ({"network_mode": "container:other"}, "NetworkMode container:other"),
        ({"userns_mode": "host"}, "UsernsMode host"),
        ({"security_opt": ["seccomp=unconfined"]}, "security options"),
        ({"volumes_from": ["other"]}, "another container's volumes"),
    ],
)
def test_no_container_gets_hold_of_the_machine(
    engine: tuple[Any, list[dict[str, Any]]], host_config: dict[str, Any], words: str
) -> None:
    client, requested = engine
    with pytest.raises(docker.errors.APIError, match=f"makes no container with .*{words}.* -> leave it out"):
        make(client, **host_config)
    assert requested == []


def test_a_task_as_fargate_runs_it_is_made(engine: tuple[Any, list[dict[str, Any]]]) -> None:
    client, requested = engine
    make(
        client,
        mem_limit="512m",
        network_mode="bridge",
        binds=["a-volume:/data:rw", "/own/tasks/file-systems/fs-1:/files:rw"],
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
    )
    make(client, privileged=False, extra_hosts={"host.docker.internal": "host-gateway"})
    assert len(requested) == 2


def test_embedded_registrys_images_are_pulled_with_its_login(engine: tuple[Any, list[dict[str, Any]]]) -> None:
    """Images of the embedded registry are pulled with its login."""
    client, _requested = engine
    login = json.loads(base64.urlsafe_b64decode(docker.auth.get_config_header(client, "127.0.0.1:4566")))
    assert login == {"username": "AWS", "password": KEYS.registry}
    assert docker.auth.get_config_header(client, "registry.example") is None


@pytest.fixture
def unfixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what `grants.install` replaces put back after the test."""
    monkeypatch.setenv("GATEWAY_PORT", "4566")
    monkeypatch.setattr(ecs, "_register_metadata", ecs._register_metadata)
    for name in ("_get_authorization_token", "_get_download_url_for_layer"):
        monkeypatch.setattr(ecr, name, getattr(ecr, name))


@pytest.mark.usefixtures("unfixed")
@pytest.mark.parametrize("in_containers", [True, False])
def test_a_task_gets_the_tasks_key_and_no_proxy_to_here(in_containers: bool) -> None:
    grants.install(KEYS, in_containers=in_containers)
    environment = {"NO_PROXY": "10.0.0.1"}
    container = {"name": "main", "image": "app:1"}
    ecs._register_metadata("task", "cluster", {}, container, "FARGATE", environment, False, "172.17.0.1")
    assert environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] == KEYS.task
    assert environment.get("AWS_ACCESS_KEY_ID") == (KEYS.task if in_containers else None)
    assert environment["NO_PROXY"] == "10.0.0.1,172.17.0.1,localhost"
    assert KEYS.secret not in str(environment)


@pytest.mark.usefixtures("unfixed")
def test_keys_of_a_tasks_own_are_kept() -> None:
    grants.install(KEYS, in_containers=True)
    environment = {"AWS_ACCESS_KEY_ID": "own"}
    ecs._register_metadata(
        "task", "cluster", {}, {"name": "a", "image": "b"}, "FARGATE", environment, False, "10.0.0.1"
    )
    assert environment["AWS_ACCESS_KEY_ID"] == "own"


@pytest.mark.usefixtures("unfixed")
def test_another_token_of_ministacks_is_no_silent_hole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ecr, "_get_authorization_token", lambda _data: (200, {}, b"{}"))
    grants.install(KEYS, in_containers=False)
    with pytest.raises(RuntimeError, match="another token"):
        ecr._get_authorization_token({})


@pytest.mark.usefixtures("unfixed")
def test_the_address_of_a_layer_passes_the_guard() -> None:
    grants.install(KEYS, in_containers=True)
    ecr._create_repository({"repositoryName": "app"})
    try:
        _status, _headers, body = ecr._get_download_url_for_layer({"repositoryName": "app", "layerDigest": "sha256:1"})
    finally:
        ecr._repositories.pop("app")
    address = urlsplit(json.loads(body)["downloadUrl"])
    assert (address.netloc, address.path) == ("127.0.0.1:4566", "/v2/app/blobs/sha256:1")
    assert KEYS.secret not in address.query
    guard = Guard(KEYS, frozenset({address.netloc}))
    called = [("Host", address.netloc)]
    assert guard.decide("GET", address.path, address.query, called).verdict is Verdict.ALLOW
    assert guard.decide("GET", address.path, "", called).verdict is Verdict.NO_LOGIN


@pytest.mark.usefixtures("unfixed")
def test_a_layer_of_no_repository_has_no_address() -> None:
    grants.install(KEYS, in_containers=True)
    status, _headers, body = ecr._get_download_url_for_layer({"repositoryName": "none", "layerDigest": "sha256:1"})
    assert (status, json.loads(body)["__type"]) == (400, "RepositoryNotFoundException")
