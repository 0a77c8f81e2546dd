# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of builds and pushes: each is one clear line, and no file is left."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import RegistryFixture
from container_engine import Engine, NoEngineError, start
from emulator_env import Play
from ports import free_port
from registry_stub import refusing

ROOT = Path(__file__).parents[2]
DISK = 800  # MiB: the base image fits while it is unpacked
LEFT = 20  # MiB: the image that is built on it does not


@pytest.fixture(scope="module")
def ready(emulator: RegistryFixture) -> RegistryFixture:
    """The embedded AWS with a repository only."""
    assert emulator.play("playbooks/local-aws.yml").code == 0
    ecr = emulator.client("ecr")
    if "fixed" not in [one["repositoryName"] for one in ecr.describe_repositories()["repositories"]]:
        ecr.create_repository(repositoryName="fixed", imageTagMutability="IMMUTABLE")
    return emulator


def build(emulator: RegistryFixture, repository: str = "fixed", tag: str = "1", **options: object) -> Play:
    more = {"repository": repository, "tag": tag, "build_push_registry": emulator.registry} | options
    return emulator.play(str(ROOT / "tests" / "containers" / "build.yml"), "-e", json.dumps(more))


def refusal(play: Play) -> str:
    """Return the one line of the error."""
    assert play.code == 2, play.output
    assert list(Path("/tmp").glob("ddbload-image-*")) == [], "the login is removed"
    lines = [line for line in play.output.splitlines() if line.startswith("[ERROR]") and " -> " in line]
    assert len(lines) == 1, play.output
    return lines[0]


def arguments_of_all_processes() -> str:
    """Return the command lines of all processes on this machine."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):  # the process has ended, or the file is not of a process
            found.append((process / "cmdline").read_text(errors="replace"))
    return "\n".join(found)


def test_token_is_in_no_command_line(ready: RegistryFixture) -> None:
    token = ready.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    secrets = (token, base64.b64decode(token).decode().partition(":")[2])
    seen: set[str] = set()
    looks = 0
    with ThreadPoolExecutor() as pool:
        play = pool.submit(build, ready, tag="token")
        while not play.done():
            lines = arguments_of_all_processes()
            seen.update(secret for secret in secrets if secret in lines)
            looks += "ansible" in lines
    assert play.result().code == 0
    assert looks > 100
    assert seen == set()


def test_no_engine(ready: RegistryFixture) -> None:
    play = ready.play("deploy.yml", "-e", "build_push_base_image=other", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert "no container engine answers" in refusal(play)


def test_missing_repository(ready: RegistryFixture) -> None:
    line = refusal(build(ready, repository="nowhere"))
    assert "Cannot push " in line
    assert "the repository does not exist" in line


def test_immutable_tag_that_another_build_has_pushed(ready: RegistryFixture) -> None:
    assert build(ready).code == 0
    line = refusal(build(ready, __build_push_digest={"sha256": "other"}))
    assert "its tags are immutable" in line
    assert "run it again" in line


def test_denied_push_is_not_repeated(ready: RegistryFixture) -> None:
    said = "User: arn:aws:iam::123456789012:user/x is not authorized to perform: ecr:InitiateLayerUpload"
    with refusing(403, "DENIED", said) as registry:
        line = refusal(build(ready, build_push_registry=registry.address))
        assert registry.pushes == 1
    assert "this may not be done with these credentials" in line
    assert "ecr:InitiateLayerUpload" in line


def test_push_to_an_overloaded_registry_is_repeated(ready: RegistryFixture) -> None:
    with refusing(429, "TOOMANYREQUESTS", "Rate exceeded") as registry:
        line = refusal(build(ready, build_push_registry=registry.address, build_push_retries=2))
        assert registry.pushes >= 3
    assert "the registry is overloaded or limits the rate" in line


def test_no_network_to_the_registry(ready: RegistryFixture) -> None:
    play = build(ready, build_push_registry=f"127.0.0.1:{free_port()}", build_push_retries=1)
    assert "the registry cannot be reached" in refusal(play)


@pytest.fixture(scope="module")
def retrying(ready: RegistryFixture) -> dict[str, Play]:
    """Builds that mostly wait between the attempts of pip and botocore, so that they run at the same time."""
    wanted: dict[str, dict[str, object]] = {
        "index": {"build_push_wheelhouse": "", "build_push_index_url": "https://index.invalid/simple"},
        "login": {"aws_endpoint_url": f"http://127.0.0.1:{free_port()}"},
    }
    with ThreadPoolExecutor() as pool:
        plays = {name: pool.submit(build, ready, **options) for name, options in wanted.items()}
    return {name: play.result() for name, play in plays.items()}


def test_no_network_to_the_package_index(retrying: dict[str, Play]) -> None:
    line = refusal(retrying["index"])
    assert "the build cannot reach the package index" in line
    assert "build_push_wheelhouse" in line


def test_no_base_image(ready: RegistryFixture) -> None:
    line = refusal(build(ready, build_push_base_image=f"127.0.0.1:{free_port()}/base:1"))
    assert "Cannot build" in line
    assert "-> " in line


def test_login_without_a_response(retrying: dict[str, Play]) -> None:
    assert "cannot log in to the registry (ecr:GetAuthorizationToken)" in refusal(retrying["login"])


@pytest.fixture
def full_engine(engine: Engine, ready: RegistryFixture, tmp_path: Path) -> Iterator[Engine]:
    """A separate engine whose disk is nearly full."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: a full disk, since only root can mount a small one")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}m", "none", str(disk)], check=False).returncode:
        pytest.skip("NOT TESTED: a full disk, since mounting is not permitted here")
    try:
        small = start(disk, is_alone=True)
    except NoEngineError as error:
        subprocess.run(["umount", str(disk)], check=True)
        pytest.skip(f"NOT TESTED: a full disk: {error}")
    base = ready.options["build_push_base_image"]
    with subprocess.Popen(["docker", "--host", engine.host, "save", base], stdout=subprocess.PIPE) as saved:
        loaded = subprocess.run(["docker", "--host", small.host, "load", "--quiet"], stdin=saved.stdout, check=False)
    try:
        assert loaded.returncode == 0
        with (disk / "filler").open("wb") as filler:
            os.posix_fallocate(filler.fileno(), 0, shutil.disk_usage(disk).free - LEFT * 2**20)
        yield small
    finally:
        small.stop()
        subprocess.run(["umount", str(disk)], check=True)


def test_full_disk(ready: RegistryFixture, full_engine: Engine) -> None:
    roomy, ready.engine = ready.engine, full_engine
    try:
        line = refusal(build(ready))
    finally:
        ready.engine = roomy
    assert "the disk of the engine is full" in line
    assert "docker system df" in line
