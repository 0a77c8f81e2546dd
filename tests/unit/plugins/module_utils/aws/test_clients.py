# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients over a server with scripted responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws import clients as aws_clients
from ansible_collections.gantry.ecs.plugins.module_utils.aws.clients import AwsClients, PatientClient
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import is_ambiguous, is_transient
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.aws.clock import Clock
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

WHOLE = json.dumps({"tasks": [], "failures": []}).encode()


class Server(ThreadingHTTPServer):
    """Responds with one body after the other, and repeats the last one."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bodies: list[tuple[int, bytes]] = []
        self.calls = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.server.bodies[min(self.server.calls, len(self.server.bodies) - 1)]
        self.server.calls += 1
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def clients(server: Server) -> AwsClients:
    keys = {"access_key": "a" * 20, "secret_key": "b" * 40}
    url = f"http://127.0.0.1:{server.server_port}"
    return AwsClients(SimpleNamespace(params={"region": "eu-west-1", "endpoint_url": url, **keys}))


@pytest.mark.parametrize("body", [WHOLE[:20], WHOLE[:-1] + b"\xff", b"<html>"])
def test_a_cut_or_garbled_response_is_not_an_empty_one(server: Server, body: bytes) -> None:
    server.bodies = [(200, body)]
    with pytest.raises(ResponseParserError, match="the answer to RunTask is cut or garbled") as raised:
        clients(server).once("ecs").run_task(taskDefinition="t")
    assert is_transient(raised.value) and is_ambiguous(raised.value)
    assert server.calls == 1


def test_a_complete_response_or_error_is_left_to_botocore(server: Server) -> None:
    server.bodies = [(200, WHOLE), (400, json.dumps({"__type": "ClusterNotFoundException"}).encode())]
    ecs = clients(server).once("ecs")
    assert ecs.run_task(taskDefinition="t")["tasks"] == []
    with pytest.raises(ClientError, match="ClusterNotFoundException"):
        ecs.run_task(taskDefinition="t")


def test_a_retrying_client_repeats_transient_errors(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_clients, "PAUSE_FIRST", 0.01)
    throttled = (400, json.dumps({"__type": "ThrottlingException", "message": "Rate exceeded"}).encode())
    server.bodies = [throttled, (500, b"{}"), (200, WHOLE[:9]), (200, WHOLE)]
    client = clients(server).patient("ecs")
    assert client.describe_tasks(tasks=["a"])["tasks"] == []
    assert server.calls == 4
    assert client.meta.region_name == "eu-west-1"


def test_retries_are_limited() -> None:
    clock = Clock()
    began = clock.now

    def call(**request: Any) -> None:
        raise EndpointConnectionError(endpoint_url="http://x")

    with pytest.raises(EndpointConnectionError):
        PatientClient(SimpleNamespace(call=call), clock=clock, sleep=clock.sleep).call()
    assert 40 < clock.now - began <= 60
    clock.now = 0
    with pytest.raises(EndpointConnectionError):
        PatientClient(SimpleNamespace(call=call), lambda: True, clock, clock.sleep).call()
    assert clock.now == 0


def test_clients_are_made_once_until_the_credentials_are_renewed(server: Server) -> None:
    made = clients(server)
    first = made.once("ecs")
    assert made.once("ecs") is first
    assert made.once("logs", "eu-west-2").meta.region_name == "eu-west-2"
    made.renew()
    assert made.once("ecs") is not first


def test_clients_share_a_profiles_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command or a role of the profile is asked once, not for each client, and again after the renewal."""
    command = tmp_path / "credentials.sh"
    keys = '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b"}'
    command.write_text(f"#!/bin/sh\necho asked >> {tmp_path}/asked\necho '{keys}'\n")
    command.chmod(0o700)
    (tmp_path / "config").write_text(f"[profile team]\ncredential_process = {command}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    def asked() -> int:
        return len((tmp_path / "asked").read_text().splitlines())

    made = AwsClients(SimpleNamespace(params={"region": "eu-west-1", "profile": "team"}))
    made.once("ecs")
    made.once("logs")
    assert asked() == 1
    made.renew()
    made.once("ecs")
    assert asked() == 2
