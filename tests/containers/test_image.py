# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image: its files, its user, and its behaviour at a signal."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from conftest import RegistryFixture
from container_engine import Engine
from emulator_env import ROOT

LARGEST = 60_000_000  # bytes, compressed
EARLY_ENOUGH = 60  # seconds for a container to end


@pytest.fixture(scope="module")
def layers(image: str, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    archive = tmp_path_factory.mktemp("image") / "image.tar"
    engine.docker("save", "--output", str(archive), image)
    with tarfile.open(archive) as packed:
        manifest = json.load(packed.extractfile("manifest.json") or io.BytesIO())[0]
        return [(packed.extractfile(name) or io.BytesIO()).read() for name in manifest["Layers"]]


@pytest.fixture(scope="module")
def files(layers: list[bytes]) -> dict[str, tarfile.TarInfo]:
    found: dict[str, tarfile.TarInfo] = {}
    for layer in layers:
        with tarfile.open(fileobj=io.BytesIO(layer)) as packed:
            found.update({member.name: member for member in packed})
    return found


def inspected(engine: Engine, image: str) -> dict[str, Any]:
    return dict(json.loads(engine.docker("image", "inspect", image).stdout)[0])


def test_the_image_is_small(layers: list[bytes]) -> None:
    sizes = [len(gzip.compress(layer)) for layer in layers]
    print("compressed layers:", sizes, "of", [len(layer) for layer in layers])
    assert sum(sizes) < LARGEST / 2
    assert sizes[-1] < LARGEST / 50, "a new version of the load tester pushes its own layer alone"


def test_image_has_no_shell_package_manager_or_installer(files: dict[str, tarfile.TarInfo]) -> None:
    programs = {Path(name).name for name, member in files.items() if member.isfile() and member.mode & 0o111}
    assert "ddbload" in programs
    assert programs.isdisjoint({"sh", "bash", "dash", "busybox", "apt", "dpkg", "pip", "pip3", "su", "mount", "perl"})
    assert not [name for name in files if "/pip/" in name or "/ensurepip/" in name or "/setuptools/" in name]
    assert not [name for name, member in files.items() if member.mode & 0o6000], "nothing takes another user's rights"


def test_scanners_find_the_packages(files: dict[str, tarfile.TarInfo]) -> None:
    assert "etc/os-release" in files
    assert any(name.startswith("var/lib/dpkg/status.d/libssl") for name in files)
    assert any(name.startswith("app/botocore-") and name.endswith("/METADATA") for name in files)


def test_labels_describe_the_image(engine: Engine, image: str, base: str) -> None:
    config = inspected(engine, image)["Config"]
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in config["Labels"].items()}
    assert labels["title"] == "ddbload"
    assert labels["licenses"] == "Apache-2.0"
    assert labels["base.name"] == base
    assert labels["version"].startswith("0.1.0-")
    assert len(labels["io.ddbload.content.sha256"]) == 64
    assert config["User"] == "65532:65532"
    assert not config["Entrypoint"]


def test_runs_unprivileged_on_a_read_only_root(engine: Engine, image: str) -> None:
    """The image runs on a read-only root as a user without privileges."""
    script = "import os, ssl, uvloop; print(os.getuid(), len(ssl.create_default_context().get_ca_certs()) > 50)"
    locked = ["--rm", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    ran = engine.docker("run", *locked, image, "ddbload", "--version")
    assert ran.stdout.startswith("ddbload 0.")
    assert engine.docker("run", *locked, image, "python", "-c", script).stdout.split() == ["65532", "True"]


def test_every_module_of_the_load_tester_can_be_imported(engine: Engine, image: str) -> None:
    script = (
        "import importlib, pkgutil, ddbload, botocore.session\n"
        "names = [found.name for found in pkgutil.walk_packages(ddbload.__path__, 'ddbload.')]\n"
        "for name in names:\n"
        "    if not name.endswith('__main__'): importlib.import_module(name)\n"
        "for name in ('dynamodb', 'ssm', 'sts', 'sso', 'sso-oidc'):\n"
        "    botocore.session.get_session().create_client(name, region_name='eu-west-1')\n"
        "print(len(names))\n"
    )
    found = engine.docker("run", "--rm", "--read-only", image, "python", "-c", script).stdout
    source = ROOT / "loadtest_app" / "src" / "ddbload"
    assert int(found) == len(list(source.rglob("*.py"))) - 1, "the package itself is not among its modules"


def test_bad_configuration_is_one_line_and_an_exit_code(engine: Engine, image: str) -> None:
    """A bad configuration is reported by one line and by the exit code."""
    ran = engine.docker("run", "--rm", "--read-only", image, check=False)
    assert ran.returncode == 2
    assert json.loads(ran.stdout)["reason"] == "bad_configuration"


def test_two_builds_give_the_same_layers(engine: Engine, image: str, emulator: RegistryFixture) -> None:
    """The tag identifies the content: a second build gives the same image."""
    context = Path(emulator.directory) / "again"
    root = Path(__file__).parents[2] / "loadtest_app"
    context.mkdir()
    content = ["Dockerfile", "LICENSE", "image", "requirements.txt", "src", ".dockerignore"]
    subprocess.run(["cp", "-R", *content, str(context)], cwd=root, check=True)
    subprocess.run(["cp", "-R", emulator.options["build_push_wheelhouse"], str(context / "wheelhouse")], check=True)
    argument = f"BASE_IMAGE={emulator.options['build_push_base_image']}"
    built = engine.docker(
        "build", "--quiet", "--no-cache", "--network", "none", "--build-arg", argument, str(context)
    ).stdout.split()[-1]
    assert inspected(engine, built)["RootFS"] == inspected(engine, image)["RootFS"]


def test_first_process_handles_sigterm(engine: Engine, image: str, emulator: RegistryFixture) -> None:
    """As the first process, the load tester handles SIGTERM and leaves a partial result."""
    scenario = {"plan": {"type": "constant_rate", "rate": 20, "duration": 120}, "mix": {"put": 1}}
    environment = emulator.task_environment | {
        "DDBLOAD_TABLE": "ddbload-local",
        "DDBLOAD_SCENARIO": json.dumps(scenario),
    }
    arguments = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    started = engine.docker("run", "--detach", "--read-only", *arguments, image).stdout.strip()
    try:
        with subprocess.Popen(
            ["docker", "logs", "--follow", started],
            env=os.environ | {"DOCKER_HOST": engine.host},
            stdout=subprocess.PIPE,
            text=True,
        ) as logs:
            assert logs.stdout
            events = (json.loads(line) for line in logs.stdout)
            assert next(event for event in events if event["event"] == "run.progress" and event["interval"]["ok"])
            engine.docker("stop", "--time", str(EARLY_ENOUGH), started)
            left = list(events)
        summary = next(event for event in left if event["event"] == "run.summary")
        assert (summary["partial"], summary["verdict"], summary["exit_code"]) == (True, "stopped", 6)
        assert engine.docker("wait", started).stdout.strip() == "6"
    finally:
        engine.docker("rm", "--force", started)
