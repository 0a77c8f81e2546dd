# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process engine, as docker-py sees it: the client that the emulated ECS uses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker
import pytest
from embedded_aws.guard.keys import Keys
from waiting import waited

PROGRAM = Path(__file__).parents[4] / "roles" / "local_aws" / "files" / "process_engine.py"
ECR = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/team/app"
IMAGE = f"{ECR}:1"
DIGEST = "sha256:" + "a" * 64
TASK = {"com.amazonaws.ecs.task-arn": "arn:aws:ecs:eu-west-1:000000000000:task/a/1"}
KEYS = Keys("the-secret-of-this-start-of-the-emulator")


class Registry(BaseHTTPRequestHandler):
    """A registry with one image: team/app, in eu-west-1, tagged 1."""

    def do_GET(self) -> None:
        login = b64encode(f"AWS:{KEYS.registry}".encode()).decode()
        found = self.path == "/v2/team/app/manifests/1" and self.headers["Authorization"] == f"Basic {login}"
        self.send_response(200 if found else 404)
        self.end_headers()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        here = f"={KEYS.secret}/20260101/eu-west-1/ecr/" in self.headers["Authorization"]
        here = here and body["repositoryName"] == "team/app"
        known = [{"imageTag": "1"}, {"imageDigest": DIGEST}]
        found = [image for image in body["imageIds"] if here and image in known]
        answer = json.dumps({"images": [{"registryId": "000000000000", "imageId": image} for image in found]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    socket: Path

    def client(self) -> Any:
        return docker.DockerClient(base_url=f"unix://{self.socket}", timeout=10)


@pytest.fixture(scope="module")
def registry() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def command(socket: Path, registry: str) -> list[str]:
    credentials = socket.parents[1] / "credentials"
    options = {"--socket": str(socket), "--registry": registry, "--credentials": str(credentials)}
    return [sys.executable, str(PROGRAM), *(word for pair in options.items() for word in pair)]


@contextmanager
def running_engine(registry: str, *options: str) -> Iterator[Running]:
    with tempfile.TemporaryDirectory(prefix="ddbload-test-") as folder:
        socket = Path(folder) / "engine" / "engine.sock"
        (Path(folder) / "credentials").write_text(f"[ddbload-local]\naws_access_key_id = {KEYS.secret}\n")
        process = subprocess.Popen(
            [*command(socket, registry), *options],
            env={"PATH": os.environ["PATH"], "OPERATORS_SECRET": "never to be seen"},
            stdout=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 10
            while not socket.exists():
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            yield Running(process, socket)
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def shared(registry: str) -> Iterator[Running]:
    with running_engine(registry) as running:
        yield running


@pytest.fixture
def engine(shared: Running) -> Iterator[Any]:
    client = shared.client()
    yield client
    for container in client.containers.list(all=True):
        container.remove(force=True)


@pytest.fixture
def running(registry: str) -> Iterator[Running]:
    """An engine of its own, for a test that ends it."""
    with running_engine(registry) as running:
        yield running


def run(engine: Any, *argv: str, **options: Any) -> Any:
    labels = TASK | options.pop("labels", {})
    return engine.containers.run(options.pop("image", IMAGE), list(argv), detach=True, labels=labels, **options)


def shell(engine: Any, script: str, **options: Any) -> Any:
    return run(engine, "sh", "-c", script, **options)


def exit_code(container: Any) -> int:
    return int(container.wait()["StatusCode"])


def await_line(container: Any) -> bytes:
    return bytes(next(iter(container.logs(stream=True, follow=True))))


def is_gone(pid: int) -> bool:
    # What was killed goes as soon as the machine has time for it.
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("code", [0, 3, 255])
def test_exit_code(engine: Any, code: int) -> None:
    container = shell(engine, f"exit {code}")
    assert exit_code(container) == code
    container.reload()
    assert container.status == "exited"
    assert container.attrs["State"]["ExitCode"] == code


@pytest.mark.parametrize(("name", "code"), [("KILL", 137), ("TERM", 143)])
def test_death_by_signal(engine: Any, name: str, code: int) -> None:
    assert exit_code(shell(engine, f"kill -{name} $$")) == code


def test_environment_is_what_the_task_gave(engine: Any) -> None:
    container = shell(engine, "env", environment={"A": "b=c", "URL": "http://host.docker.internal:1/x", "EMPTY": ""})
    exit_code(container)
    seen = dict(line.split("=", 1) for line in container.logs().decode().splitlines())
    assert seen["A"] == "b=c" and seen["EMPTY"] == "" and seen["URL"] == "http://127.0.0.1:1/x"
    assert seen["PATH"].startswith(str(Path(sys.executable).parent))
    own = {"PATH", "HOME", "LANG", "TASK_ADDRESS"}
    assert set(seen) <= own | {"A", "URL", "EMPTY", "PWD", "SHLVL", "_", "OLDPWD"}


def address_of(container: Any) -> str:
    container.reload()
    [network] = container.attrs["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


def test_containers_of_one_task_share_its_address(engine: Any) -> None:
    first, second = (shell(engine, "echo $TASK_ADDRESS; sleep 60") for _each in range(2))
    other = shell(engine, "echo $TASK_ADDRESS; sleep 60", labels={key: f"{value}-2" for key, value in TASK.items()})
    assert address_of(first) == address_of(second) != address_of(other)
    for container in (first, second, other):
        assert await_line(container).decode().strip() == address_of(container)


def test_an_address_is_kept_until_the_task_is_gone(engine: Any) -> None:
    """The rest of a task's containers keep it; a task that has ended does so too, until ECS removes it."""
    first, second = shell(engine, "exit 0"), shell(engine, "sleep 60")
    exit_code(first)
    address = address_of(first)
    first.remove()
    assert address_of(shell(engine, "exit 0")) == address == address_of(second)


def test_works_in_a_folder_of_its_own(engine: Any) -> None:
    container = shell(engine, "touch file; pwd; ls")
    exit_code(container)
    folder, names = container.logs().decode().splitlines()
    assert names == "file"
    assert not Path(folder).exists()


def test_every_line_is_one_chunk(engine: Any) -> None:
    script = "import sys\nfor i in range(2000): print(i)\nprint('x' * 262144)\nprint('y' * 100000, end='')"
    container = run(engine, sys.executable, "-c", script)
    lines = list(container.logs(stream=True, follow=True))
    assert lines[:2000] == [f"{number}\n".encode() for number in range(2000)]
    assert lines[2000:] == [b"x" * 262144 + b"\n", b"y" * 100000 + b"\n"]


def test_stderr_and_tail(engine: Any) -> None:
    container = shell(engine, "echo one; echo two; sleep 0.1; echo bad >&2")
    exit_code(container)
    assert container.logs(stdout=False) == b"bad\n"
    assert container.logs(stderr=False) == b"one\ntwo\n"
    assert container.logs(tail=1) == b"bad\n"
    assert container.logs(tail=0) == b""


def test_log_is_whole_although_the_container_is_removed(engine: Any) -> None:
    container = shell(engine, "trap 'sleep 0.2; echo last; exit 6' TERM; echo first; while :; do sleep 0.05; done")
    heard: list[bytes] = []
    follower = threading.Thread(target=lambda: heard.extend(container.logs(stream=True, follow=True)))
    follower.start()
    while not heard:
        time.sleep(0.02)
    container.stop(timeout=5)
    container.remove(v=True)
    follower.join(5)
    assert heard == [b"first\n", b"last\n"]
    with pytest.raises(docker.errors.NotFound):
        engine.containers.get(container.id)


def test_stop_kills_after_the_grace(engine: Any) -> None:
    container = shell(engine, "trap '' TERM; echo on; while :; do sleep 0.05; done")
    await_line(container)
    began = time.monotonic()
    container.stop(timeout=1)
    assert 0.9 < time.monotonic() - began < 3
    assert exit_code(container) == 137


def test_end_of_the_process_ends_its_children(engine: Any) -> None:
    container = shell(engine, "sleep 60 & echo $!")
    assert exit_code(container) == 0
    assert is_gone(int(container.logs()))


def test_kill(engine: Any) -> None:
    container = shell(engine, "echo on; exec sleep 60")
    await_line(container)
    container.kill(signal="SIGINT")
    assert exit_code(container) == 130
    with pytest.raises(docker.errors.APIError, match="is not running"):
        container.kill()


def test_running_container_is_not_removed_unless_forced(engine: Any) -> None:
    container = shell(engine, "exec sleep 60")
    with pytest.raises(docker.errors.APIError, match="container is running"):
        container.remove()
    container.remove(force=True)
    assert engine.containers.list(all=True) == []


@pytest.mark.parametrize("image", [IMAGE, f"{ECR}@{DIGEST}", "localhost:4566/team/app:1"])
def test_images_of_the_registry(engine: Any, image: str) -> None:
    assert engine.images.get(image)
    assert exit_code(run(engine, "true", image=image)) == 0


@pytest.mark.parametrize(
    "image", [f"{ECR}:2", f"{ECR}", IMAGE.replace("eu-west", "us-east"), f"{ECR}@sha256:{'b' * 64}", "busybox"]
)
def test_missing_image(engine: Any, image: str) -> None:
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get(image)
    with pytest.raises(docker.errors.NotFound, match="manifest unknown"):
        run(engine, "true", image=image)


@pytest.mark.parametrize(("image", "is_foreign"), [("public.ecr.aws/nginx/nginx:1", True), (f"{ECR}:2", False)])
def test_an_image_of_the_internet_needs_an_engine(engine: Any, image: str, is_foreign: bool) -> None:
    with pytest.raises(docker.errors.NotFound) as raised:
        run(engine, "true", image=image)
    assert ("-> start Docker" in str(raised.value)) == is_foreign


def test_missing_command(engine: Any) -> None:
    for _attempt in range(2):  # the emulator tries a second time under the same name, and shows that error
        with pytest.raises(docker.errors.APIError, match='"no-such-command": executable file not found in \\$PATH'):
            run(engine, "no-such-command", name="one")
    with pytest.raises(docker.errors.APIError, match="no command specified"):
        run(engine)
    assert engine.containers.list(all=True) == []


def test_name_is_taken_once(engine: Any) -> None:
    run(engine, "true", name="one")
    with pytest.raises(docker.errors.APIError, match="already in use"):
        run(engine, "true", name="one")
    assert engine.containers.get("one").name == "one"


def test_list_by_labels(engine: Any) -> None:
    shell(engine, "exec sleep 60", name="stays", labels={"a": "1", "b": "2"})
    exit_code(run(engine, "true", name="ended", labels={"a": "1"}))

    def names(**options: Any) -> list[str]:
        return sorted(container.name for container in engine.containers.list(**options))

    assert names() == ["stays"]
    assert names(all=True, filters={"label": "a=1"}) == ["ended", "stays"]
    assert names(all=True, filters={"label": ["a", "b=2"]}) == ["stays"]
    assert names(all=True, filters={"label": "a=2"}) == []


def test_container_of_no_task_is_refused(engine: Any) -> None:
    with pytest.raises(docker.errors.APIError, match="only containers of ECS tasks"):
        engine.containers.run(IMAGE, ["true"], detach=True, labels={"com.amazonaws.ecs.cluster": "a"})


def health(engine: Any, container: Any) -> str:
    """Return the health of a container; empty where it has none."""
    return str((engine.containers.get(container.id).attrs["State"].get("Health") or {}).get("Status", ""))


def test_a_container_has_the_health_of_its_check(engine: Any) -> None:
    """The check has the container's variables; a hanging one fails, and is gone with the container."""
    check = {"interval": 10**9, "timeout": 10**9, "retries": 1}
    script = 'test "$STATE" = fine && exit 0; echo $$ > "$FILE"; exec sleep 600'
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pid"
        fine, hanging = (
            run(
                engine,
                "sleep",
                "600",
                environment={"STATE": state, "FILE": str(file)},
                healthcheck=check | {"test": script},
            )
            for state in ("fine", "sick")
        )
        waited(lambda: health(engine, fine) == "healthy")
        waited(lambda: health(engine, hanging) == "unhealthy")
        waited(file.exists)
        hanging.kill()
        waited(lambda: not Path(f"/proc/{file.read_text().strip()}").exists())
    assert health(engine, run(engine, "true")) == ""


def test_the_operators_list_holds_for_health_checks(registry: str) -> None:
    with running_engine(registry, "--program", "sleep") as running:
        engine = running.client()
        check = {"test": ["CMD", "true"], "interval": 10**9}
        assert health(engine, run(engine, "sleep", "600", healthcheck=check)) == ""


def test_only_programs_on_the_operators_list_run(registry: str) -> None:
    with running_engine(registry, "--program", "true", "--program", "sh") as running:
        engine = running.client()
        assert exit_code(run(engine, "true")) == 0
        assert exit_code(shell(engine, "exit 3")) == 3
        for program in ("env", "/tmp/true", "./sh"):
            with pytest.raises(docker.errors.APIError, match=f"{program} is not among .* -> .*local_aws_programs"):
                run(engine, program)


def test_many_at_once(shared: Running, engine: Any) -> None:
    def one(number: int) -> tuple[int, bytes]:
        container = shell(shared.client(), f"echo {number}; exit {number}")
        return exit_code(container), bytes(container.logs())

    with ThreadPoolExecutor(25) as pool:
        assert list(pool.map(one, range(25))) == [(number, f"{number}\n".encode()) for number in range(25)]


def test_registry_that_does_not_answer() -> None:
    with (
        running_engine("http://127.0.0.1:9") as running,
        pytest.raises(docker.errors.APIError, match="does not answer"),
    ):
        running.client().images.get(IMAGE)


def test_engines_end_ends_its_processes(running: Running) -> None:
    stubborn = shell(running.client(), "trap '' TERM; sleep 60 & echo $$ $!; while :; do sleep 0.05; done")
    pids = [int(pid) for pid in await_line(stubborn).split()]
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(10) == 0
    assert all(is_gone(pid) for pid in pids)
    assert not running.socket.parent.exists()


def test_socket_of_a_killed_engine_is_taken_over(running: Running, registry: str) -> None:
    running.process.kill()
    running.process.wait(5)
    assert running.socket.exists()
    again = subprocess.Popen(command(running.socket, registry), stdout=subprocess.PIPE)
    assert again.stdout and b"nothing isolates them" in again.stdout.readline()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            assert running.client().ping()
            break
        except docker.errors.DockerException:
            time.sleep(0.05)
    assert running.socket.parent.stat().st_mode & 0o777 == 0o700
    again.terminate()
    assert again.wait(5) == 0
    assert not running.socket.parent.exists()


def test_superseded_engine_leaves_its_successors_socket(running: Running, registry: str) -> None:
    """Engine that was superseded leaves the socket of its successor."""
    before = running.socket.stat().st_ino
    with subprocess.Popen(command(running.socket, registry), stdout=subprocess.DEVNULL) as successor:
        deadline = time.monotonic() + 10
        while not running.socket.exists() or running.socket.stat().st_ino == before:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        running.process.terminate()
        assert running.process.wait(10) == 0
        assert running.client().ping()
        successor.terminate()
        assert successor.wait(10) == 0
    assert not running.socket.exists()
