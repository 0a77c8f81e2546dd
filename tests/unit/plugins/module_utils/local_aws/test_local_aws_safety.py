# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops of the embedded AWS where another user was there first, or an earlier version runs."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from urllib.parse import unquote, urlsplit

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import docker, service, shell
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.folder import SOCKET_LIMIT, LocalAwsFolder, proof
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.private_files import ForeignFileError
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.process import ProcessError, start_time
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.service import Settings
from embedded_aws.guard.keys import Keys

NOBODY = 65534
NO_DOCKER = {"DOCKER_HOST": "unix:///nonexistent.sock", "PATH": os.environ["PATH"]}
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED WITH ANOTHER USER'S FOLDER: it takes root")


def never() -> bool:
    return False


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Settings(port, tmp_path / "state", sys.executable, Path("engine.py"), "warning")
    yield made
    with suppress(OSError):
        service.stop(made, never)


def start(settings: Settings) -> service.Outcome:
    return service.start(settings, "process", NO_DOCKER, 3, never)


class Ping(BaseHTTPRequestHandler):
    """A process engine that is not ours."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"OK")

    def address_string(self) -> str:
        return ""

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def impostor(path: Path) -> Iterator[None]:
    server = ThreadingUnixStreamServer(str(path), Ping)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield
    server.shutdown()
    server.server_close()


def test_a_socket_that_another_process_serves_is_not_the_engines(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with impostor(path), subprocess.Popen(SLEEP) as other:
        assert docker.answers(f"unix://{path}")
        assert docker.answers(f"unix://{path}", os.getpid())
        assert not docker.answers(f"unix://{path}", other.pid)
        other.kill()


def test_an_engine_that_another_process_plays_is_no_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "engine_command", lambda *_: [*SLEEP, "process_engine.py"])
    folder = settings.directory / "engine"
    folder.mkdir(parents=True)
    told = r"process-engine runs .* but gave no healthy answer"
    with impostor(folder / "engine.sock"), pytest.raises(ProcessError, match=told):
        service.start(settings, "process", NO_DOCKER, 0.5, never)
    assert service.running_pids(settings) == {}


@as_root
def test_another_users_folder_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    with subprocess.Popen([*SLEEP, service.APPLICATION]) as other:
        settings.directory.mkdir()
        (settings.directory / ".lock").symlink_to(victim)
        forged = {"pid": other.pid, "started": start_time(other.pid), "docker_host": "unix:///tmp/theirs.sock"}
        (settings.directory / "ministack.pid").write_text(json.dumps(forged))
        os.chown(settings.directory, NOBODY, NOBODY)
        for call in (
            lambda: start(settings),
            lambda: service.stop(settings, never),
            lambda: service.preview(settings, "process", NO_DOCKER),
            lambda: service.running_pids(settings),
            lambda: shell.running_lines(settings.directory, {}),
        ):
            with pytest.raises(ForeignFileError, match="belongs to another user"):
                call()
        assert other.poll() is None and victim.read_text() == "kept"
        other.kill()


@pytest.mark.parametrize("names", [["config", "credentials"], ["credentials"], ["state", "thesis.tex"]])
def test_a_folder_with_files_of_the_users_is_left_alone(settings: Settings, names: list[str]) -> None:
    settings.directory.mkdir(mode=0o755)
    for name in names:
        (settings.directory / name).write_text("kept")
    for call in (
        lambda: start(settings),
        lambda: service.stop(settings, never),
        lambda: service.preview(settings, "process", NO_DOCKER),
    ):
        with pytest.raises(ForeignFileError, match=r"holds files of yours .*: choose a new or empty folder: -e local_"):
            call()
    assert {path.name: path.read_text() for path in settings.directory.iterdir()} == dict.fromkeys(names, "kept")
    assert stat.S_IMODE(settings.directory.stat().st_mode) == 0o755


def test_a_lock_that_is_a_link_cuts_no_file_short(settings: Settings, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    settings.directory.mkdir()
    (settings.directory / ".lock").symlink_to(victim)
    for call in (lambda: start(settings), lambda: service.stop(settings, never)):
        with pytest.raises(ForeignFileError, match=r"\.lock is a link: remove it"):
            call()
    assert victim.read_text() == "kept"


def test_a_pid_file_that_names_another_program_kills_nothing(settings: Settings) -> None:
    with subprocess.Popen(SLEEP) as other:
        settings.directory.mkdir()
        for process in settings.processes:
            process.pid_file.write_text(json.dumps({"pid": other.pid, "started": start_time(other.pid)}))
        assert service.running_pids(settings) == {}
        assert not service.stop(settings, never)
        assert other.poll() is None
        other.kill()


def test_one_that_an_earlier_version_started_is_named_and_can_be_stopped(settings: Settings) -> None:
    notes = {"engine": "process", "docker_host": "unix:///nonexistent/engine.sock", "port": str(settings.port)}
    settings.emulator.start([*SLEEP, "ministack.app:app"], NO_DOCKER, notes)
    for call in (lambda: start(settings), lambda: service.preview(settings, "process", NO_DOCKER)):
        with pytest.raises(ProcessError) as error:
            call()
        assert "as if started by an earlier version" in str(error.value) and "\n" not in str(error.value)
        assert "-e local_aws_state=stopped" in str(error.value)
    with pytest.raises(shell.NotRunningError, match="does not run: start it, make demo"):
        shell.running_lines(settings.directory, {})
    assert service.stop(settings, never)


def test_each_start_has_a_secret_of_its_own(tmp_path: Path) -> None:
    folder = LocalAwsFolder(tmp_path / "state")
    folder.path.mkdir()
    secrets = set()
    for _start in range(2):
        path = folder.prepare({})
        secret = folder.secret()
        assert secret is not None and len(secret) > 64 and secret.isalnum()
        assert Keys.read(folder.credentials) == Keys(secret)
        # Both sides reckon the proof alike.
        assert proof(secret, "0" * 32) == Keys(secret).proof("0" * 32)
        assert stat.S_IMODE(folder.credentials.stat().st_mode) == 0o600
        secrets.add(secret)
    (folder.state / "s3").mkdir()
    folder.forget(path)
    assert len(secrets) == 2 and list(folder.path.iterdir()) == []


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder as short as a user's own for the time of a session, where pytest's may be long."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("has_runtime_folder", [True, False])
def test_a_long_folders_socket_is_in_one_that_nobody_foretells(
    tmp_path: Path, short_folder: Path, has_runtime_folder: bool
) -> None:
    folder = LocalAwsFolder(tmp_path / ("long" * 30))
    folder.path.mkdir()
    runtime = {"XDG_RUNTIME_DIR": str(short_folder)} if has_runtime_folder else {}
    first, second = folder.prepare(runtime), folder.prepare(runtime)
    for path in (first, second):
        assert len(str(path)) <= SOCKET_LIMIT and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert (path.parents[1] == short_folder) == has_runtime_folder
        path.touch()
        folder.forget(path)
        assert not path.parent.exists()
    assert first != second


@pytest.mark.parametrize("name", ["lo#cal", "lo?cal", "lo%20cal", "lo;cal"])
def test_a_socket_stands_whole_in_the_url_that_names_it(short_folder: Path, name: str) -> None:
    folder = LocalAwsFolder(short_folder / name)
    folder.path.mkdir()
    path = folder.prepare({})
    assert urlsplit(f"unix://{path}").path == unquote(str(path)) == str(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    folder.forget(path)
    assert not path.parent.exists()


def test_no_path_of_the_embedded_aws_is_one_that_all_share(settings: Settings) -> None:
    environment = service.emulator_environment(settings, "process", "", ["127.0.0.1"], {"TMPDIR": "/tmp"})
    for name in ("STATE_DIR", "S3_DATA_DIR", "TMPDIR", "DDBLOAD_CREDENTIALS"):
        assert Path(environment[name]).is_relative_to(settings.directory)


def test_proxies_of_the_operator_reach_nothing_that_runs(settings: Settings) -> None:
    proxies = dict.fromkeys(("HTTP_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    environment = service.emulator_environment(settings, "docker", "", ["127.0.0.1"], proxies)
    assert proxies.keys().isdisjoint(environment)


def test_the_shells_lines_hold_for_paths_with_anything_in_them(tmp_path: Path) -> None:
    credentials = tmp_path / 'it\'s $(a) `folder`; "quoted"' / "credentials"
    environ = {
        "NO_PROXY": "*.corp, 10.0.0.1",
        "no_proxy": "127.0.0.1",
        "AWS_ENDPOINT_URL_S3": "http://elsewhere",
        "AWS_ACCESS_KEY_ID": "another",
        "AWS_PROFILE": "prod",
    }
    lines = shell.shell_lines(credentials, "http://127.0.0.1:4567", environ)
    script = "\n".join([*lines, "env -0"])
    shown = subprocess.run(["sh", "-c", script], env=NO_DOCKER | environ, capture_output=True, text=True, check=True)
    found = dict(line.partition("=")[::2] for line in shown.stdout.split("\0"))
    assert found["AWS_SHARED_CREDENTIALS_FILE"] == str(credentials)
    assert found["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4567"
    assert (found["AWS_PROFILE"], found["AWS_REGION"]) == ("ddbload-local", "us-east-1")
    assert found["NO_PROXY"] == found["no_proxy"] == "*.corp,10.0.0.1,127.0.0.1,localhost"
    assert "AWS_ACCESS_KEY_ID" not in found and "AWS_ENDPOINT_URL_S3" not in found
    assert Path(found["AWS_CONFIG_FILE"]).is_file()
