# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The login to the registry: retried with pauses, kept in one file, shown in no result."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.gantry.ecs.plugins.modules import ecr_login
from botocore.retries import standard

TOKEN = base64.b64encode(b"AWS:very-secret-password").decode()
REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


class Registry(ThreadingHTTPServer):
    """ECR's API: responds as scripted, then with a token."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.refusals: list[tuple[int, dict[str, str]]] = []
        self.asked = 0


class Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Registry)
        server.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        granted = {"authorizationToken": TOKEN, "expiresAt": 1800000000, "proxyEndpoint": f"https://{REGISTRY}"}
        status, body = server.refusals.pop(0) if server.refusals else (200, {"authorizationData": [granted]})
        answer = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments: Any) -> None:
        pass


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with Registry() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def run(capsys: pytest.CaptureFixture[str], server: Registry, directory: Path, **options: Any) -> dict[str, Any]:
    access = {
        "region": "eu-west-1",
        "access_key": "testing-key",
        "secret_key": "testing-secret",
        "endpoint_url": f"http://127.0.0.1:{server.server_port}",
    }
    with patch_module_args(access | {"config_directory": str(directory)} | options), pytest.raises(SystemExit):
        ecr_login.main()
    output = capsys.readouterr().out
    assert "very-secret-password" not in output
    assert TOKEN not in output
    return dict(json.loads(output))


def test_the_token_is_in_the_file_and_nowhere_else(
    capsys: pytest.CaptureFixture[str], registry: Registry, tmp_path: Path
) -> None:
    result = run(capsys, registry, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text()) == {"auths": {REGISTRY: {"auth": TOKEN}}}
    assert set(yaml.safe_load(ecr_login.RETURN)) == set(result) - {"changed", "failed", "invocation"}
    assert result["registry"] == REGISTRY


def test_login_keeps_other_logins_and_takes_another_name(
    capsys: pytest.CaptureFixture[str], registry: Registry, tmp_path: Path
) -> None:
    """The file keeps the other logins, and the registry may have another name."""
    seed = tmp_path / "seed"
    seed.mkdir()
    (seed / "config.json").write_text('{"auths": {"mirror": {"auth": "x"}}, "currentContext": "y"}')
    run(capsys, registry, tmp_path, seed_directory=str(seed), registry="127.0.0.1:4566")
    made = json.loads((tmp_path / "config.json").read_text())
    assert set(made["auths"]) == {"mirror", "127.0.0.1:4566"}
    assert made["currentContext"] == "y"


def test_check_mode_writes_nothing(capsys: pytest.CaptureFixture[str], registry: Registry, tmp_path: Path) -> None:
    run(capsys, registry, tmp_path, _ansible_check_mode=True)
    assert list(tmp_path.iterdir()) == []


def test_transient_errors_are_retried_with_growing_pauses(
    capsys: pytest.CaptureFixture[str], registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    # The SDK draws each pause between zero and the longest; here it draws the longest.
    made = standard.ExponentialBackoff.__init__
    monkeypatch.setattr(
        standard.ExponentialBackoff, "__init__", lambda self, *_options, **_more: made(self, random=lambda: 1.0)
    )
    registry.refusals = [(500, {}), (503, {}), (400, {"__type": "ThrottlingException", "message": "Rate exceeded"})]
    run(capsys, registry, tmp_path)
    assert registry.asked == 4
    assert pauses == [1.0, 2.0, 4.0]


def test_a_refusal_is_not_retried_and_is_one_line(
    capsys: pytest.CaptureFixture[str], registry: Registry, tmp_path: Path
) -> None:
    message = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: ecr:GetAuthorizationToken"
    registry.refusals = [(400, {"__type": "AccessDeniedException", "message": message})]
    result = run(capsys, registry, tmp_path)
    assert registry.asked == 1
    assert "cannot log in to the registry (ecr:GetAuthorizationToken)" in result["msg"]
    assert "not authorized" in result["msg"]
    assert "\n" not in result["msg"]
