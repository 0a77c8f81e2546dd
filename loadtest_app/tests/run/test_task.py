# SPDX-License-Identifier: Apache-2.0
"""The task, as ECS's metadata endpoint describes it."""

import json
import threading
from collections.abc import Iterator
from http.client import IncompleteRead
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from unittest import mock

import pytest
from ddbload.run.task import NO_TASK, Task, read_task
from hypothesis import given
from hypothesis import strategies as st

ARN = "arn:aws:ecs:us-east-1:123456789012:task/cluster/0a1b2c"
VARIABLE = "ECS_CONTAINER_METADATA_URI_V4"


class Metadata(BaseHTTPRequestHandler):
    """Responds to GET /v4/task as the test sets it."""

    answer: ClassVar[tuple[int, bytes]] = (200, b"{}")

    def do_GET(self) -> None:
        status, body = self.answer if self.path == "/v4/task" else (404, b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Stay silent."""


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    server = HTTPServer(("127.0.0.1", 0), Metadata)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield {VARIABLE: f"http://127.0.0.1:{server.server_port}/v4"}
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("machine", "architecture"),
    [("x86_64", "X86_64"), ("aarch64", "ARM64"), ("arm64", "ARM64"), ("riscv64", "X86_64")],
)
def test_task_is_read_from_the_metadata_of_ecs(environment: dict[str, str], machine: str, architecture: str) -> None:
    document = {"TaskARN": ARN, "Limits": {"CPU": 0.5, "Memory": 1024}, "Family": "ddbload"}
    Metadata.answer = (200, json.dumps(document).encode())
    with mock.patch("platform.machine", return_value=machine):
        assert read_task(environment) == Task("0a1b2c", 0.5, 1.0, architecture)


@pytest.mark.parametrize("limits", [{}, {"Limits": None}, {"Limits": {}}])
def test_a_task_without_limits_has_an_id_alone(environment: dict[str, str], limits: dict[str, Any]) -> None:
    Metadata.answer = (200, json.dumps({"TaskARN": ARN} | limits).encode())
    task = read_task(environment)
    assert (task.id, task.vcpu, task.memory_gb) == ("0a1b2c", 0.0, 0.0)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b""),
        (500, b"{}"),
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"null"),
        (200, b"{}"),
        (200, b'{"TaskARN":"a/b","Limits":[1]}'),
        (200, b'{"TaskARN":"a/b","Limits":{"CPU":"much"}}'),
        (200, b'{"TaskARN":"a/b","Limits":{"CPU":null}}'),
    ],
)
def test_an_invalid_response_is_no_task(environment: dict[str, str], status: int, body: bytes) -> None:
    Metadata.answer = (status, body)
    assert read_task(environment) == NO_TASK


def test_a_truncated_response_is_no_task(environment: dict[str, str]) -> None:
    with mock.patch("urllib.request.urlopen", side_effect=IncompleteRead(b"{")):
        assert read_task(environment) == NO_TASK


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9/v4", "nonsense", "http://"])
def test_without_ecs_there_is_no_task(uri: str) -> None:
    assert read_task({}) == read_task({VARIABLE: ""}) == NO_TASK
    assert read_task({VARIABLE: uri}) == NO_TASK


@given(st.floats(0.25, 16), st.floats(0.5, 120), st.integers(1, 64))
def test_processes_share_a_task(vcpu: float, memory_gb: float, processes: int) -> None:
    share = Task("id", vcpu, memory_gb, "ARM64").shared(processes)
    assert (share.id, share.architecture) == ("id", "ARM64")
    assert share.vcpu * processes == pytest.approx(vcpu)
    assert share.memory_gb * processes == pytest.approx(memory_gb)
