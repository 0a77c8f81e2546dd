# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artefact as on Galaxy, and a fresh installation of it."""

from __future__ import annotations

import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulator_env import ROOT
from fresh_install import FreshInstall, Workplace
from ports import free_port

# The dependencies in galaxy.yml, and their dependencies.
DEPENDENCIES = ("amazon/aws", "community/docker", "community/library_inventory_filtering_v1")


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artefact that ``ansible-galaxy collection build`` builds from the checkout."""
    folder = tmp_path_factory.mktemp("artefact")
    subprocess.run(["ansible-galaxy", "collection", "build", str(ROOT), "--output-path", str(folder)], check=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="session")
def fresh_install(artefact: Path, tmp_path_factory: pytest.TempPathFactory) -> FreshInstall:
    """A user with the collection, its dependencies and its load tester installed."""
    environment = tmp_path_factory.mktemp("python")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # Python does not search a path in a .pth for further .pth files, so it does not find the checkout's ddbload.
    (packages / "pinned.pth").write_text("\n".join(site.getsitepackages()))

    made = FreshInstall(tmp_path_factory.mktemp("home"), environment / "bin" / "python")
    installed = Path(site.getsitepackages()[0]) / "ansible_collections"
    for name in DEPENDENCIES:
        link = made.collections / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(installed / name)
    install = made.call("galaxy", "collection", "install", "--offline", str(artefact))
    assert install.code == 0, install.output
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
    load_tester = made.run("-m", "pip", "install", *offline, str(made.collection / "loadtest_app"))
    assert load_tester.code == 0, load_tester.output
    return made


@pytest.fixture(scope="session")
def workplace(fresh_install: FreshInstall, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """An empty directory; its embedded AWS is stopped at the end."""
    made = Workplace(fresh_install, tmp_path_factory.mktemp("empty"), free_port())
    yield made
    made.play("gantry.ecs.local_aws", local_aws_state="stopped")


@pytest.fixture(scope="session")
def deployed(workplace: Workplace) -> Workplace:
    """The workplace after a deploy."""
    deploy = workplace.play("gantry.ecs.deploy")
    assert deploy.code == 0, deploy.output
    return workplace
