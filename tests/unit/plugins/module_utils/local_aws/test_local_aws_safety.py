# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops of the embedded AWS beside another user's files or an earlier version's process."""

from __future__ import annotations

import json
import os
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
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws import docker, plan, service, shell
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.folder import SOCKET_LIMIT, LocalAwsFolder, proof
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.private_files import ForeignFileError
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.process import ProcessError, start_time
from embedded_aws.guard.keys import Keys
from ports import free_port

NOBODY = 65534
NO_DOCKER = {"DOCKER_HOST": "unix:///nonexistent.sock", "PATH": os.environ["PATH"]}
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED WITH ANOTHER USER'S FOLDER: it takes root")


def never() -> bool:
    return False


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = Settings(free_port(), tmp_path / "state", sys.executable, Path("engine.py"), "warning")
    yield made
    with suppress(OSError):
        service.stop(made, never)


def start(settings: Settings) -> service.Outcome:
    return service.start(settings, "process", NO_DOCKER, 3, never)


class Ping(BaseHTTPRequestHandler):
    """A process engine of another program."""

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


def test_a_socket_of_another_process_is_not_the_engine_s(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with impostor(path), subprocess.Popen(SLEEP) as other:
        assert docker.answers(f"unix://{path}")
        assert docker.answers(f"unix://{path}", os.getpid())
        assert not docker.answers(f"unix://{path}", other.pid)
        other.kill()


def test_a_start_refuses_an_engine_without_the_proof(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "engine_command", lambda *_: [*SLEEP, "process_engine.py"])
    folder = settings.directory / "engine"
    folder.mkdir(parents=True)
    message = r"process-engine runs .* but gave no healthy answer"
    with impostor(folder / "engine.sock"), pytest.raises(ProcessError, match=message):
        service.start(settings, "process", NO_DOCKER, 0.5, never)
    assert service.running_pids(settings) == {}


@as_root
def test_another_users_folder_is_left_alone(settings: Settings, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    with subprocess.Popen([*SLEEP, plan.APPLICATION]) as other:
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
def test_a_folder_with_other_files_is_left_alone(settings: Settings, names: list[str]) -> None:
    settings.directory.mkdir(mode=0o755)
    for name in names:
        (settings.directory / name).write_text("kept")
    for call in (
        lambda: start(settings),
        lambda: service.stop(settings, never),
        lambda: service.preview(settings, "process", NO_DOCKER),
    ):
        with pytest.raises(ForeignFileError, match=r"holds files of yours .* -> choose a new or empty folder"):
            call()
    assert {path.name: path.read_text() for path in settings.directory.iterdir()} == dict.fromkeys(names, "kept")
    assert stat.S_IMODE(settings.directory.stat().st_mode) == 0o755


def test_a_lock_that_is_a_link_truncates_no_file(settings: Settings, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    settings.directory.mkdir()
    (settings.directory / ".lock").symlink_to(victim)
    for call in (lambda: start(settings), lambda: service.stop(settings, never)):
        with pytest.raises(ForeignFileError, match=r"\.lock is a link -> remove it"):
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


def test_process_of_an_earlier_version_is_named_and_stopped(settings: Settings) -> None:
    """A process that an earlier version started is named and can be stopped."""
    notes = {"engine": "process", "docker_host": "unix:///nonexistent/engine.sock", "port": str(settings.port)}
    settings.emulator.start([*SLEEP, "ministack.app:app"], NO_DOCKER, notes)
    for call in (lambda: start(settings), lambda: service.preview(settings, "process", NO_DOCKER)):
        with pytest.raises(ProcessError) as error:
            call()
        assert "as if started by an earlier version" in str(error.value) and "\n" not in str(error.value)
        assert "-e local_aws_state=stopped" in str(error.value)
    with pytest.raises(shell.NotRunningError, match="does not run -> start it: make demo"):
        shell.running_lines(settings.directory, {})
    assert service.stop(settings, never)


def test_each_start_has_another_secret(tmp_path: Path) -> None:
    folder = LocalAwsFolder(tmp_path / "state")
    folder.path.mkdir()
    secrets = set()
    for _start in range(2):
        path = folder.prepare({})
        secret = folder.secret()
        assert secret is not None and len(secret) > 64 and secret.isalnum()
        assert Keys.read(folder.credentials) == Keys(secret)
        # Both sides compute the same proof.
        assert proof(secret, "0" * 32) == Keys(secret).proof("0" * 32)
        assert stat.S_IMODE(folder.credentials.stat().st_mode) == 0o600
        secrets.add(secret)
    (folder.state / "s3").mkdir()
    (folder.databases / "000000000000.us-east-1.kept").mkdir(parents=True)
    folder.forget(path)
    assert len(secrets) == 2 and list(folder.path.iterdir()) == []


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short path, as a session's runtime folder has; pytest's may be long."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.parametrize("has_runtime_folder", [True, False])
def test_the_socket_of_a_long_path_is_unpredictable(
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
def test_the_url_of_a_socket_contains_its_whole_path(short_folder: Path, name: str) -> None:
    folder = LocalAwsFolder(short_folder / name)
    folder.path.mkdir()
    path = folder.prepare({})
    assert urlsplit(f"unix://{path}").path == unquote(str(path)) == str(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    folder.forget(path)
    assert not path.parent.exists()


def test_no_path_of_the_embedded_aws_is_shared(settings: Settings) -> None:
    environment = plan.emulator_environment(settings, "process", "", ["127.0.0.1"], {"TMPDIR": "/tmp"})
    for name in ("STATE_DIR", "S3_DATA_DIR", "TMPDIR", "DDBLOAD_CREDENTIALS"):
        assert Path(environment[name]).is_relative_to(settings.directory)


def test_the_operator_s_proxies_are_not_passed_on(settings: Settings) -> None:
    proxies = dict.fromkeys(("HTTP_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    environment = plan.emulator_environment(settings, "docker", "", ["127.0.0.1"], proxies)
    assert proxies.keys().isdisjoint(environment)


def test_shell_lines_quote_paths_with_any_characters(tmp_path: Path) -> None:
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
