# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The artefact as Galaxy would have it, and who installed it."""

from __future__ import annotations

import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from newcomer import Newcomer, Workplace
from playground import ROOT, free_port

# What galaxy.yml names, and what that needs in turn.
DEPENDENCIES = ("amazon/aws", "community/docker", "community/library_inventory_filtering_v1")


@pytest.fixture(scope="session")
def artefact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``ansible-galaxy collection build`` makes of the checkout."""
    folder = tmp_path_factory.mktemp("artefact")
    subprocess.run(["ansible-galaxy", "collection", "build", str(ROOT), "--output-path", str(folder)], check=True)
    (made,) = folder.iterdir()
    return made


@pytest.fixture(scope="session")
def newcomer(artefact: Path, tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    """Someone who has installed the collection, its dependencies and its load tester."""
    environment = tmp_path_factory.mktemp("python")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # A path in a .pth is not searched for further .pth files, so the checkout's own ddbload stays unseen.
    (packages / "pinned.pth").write_text("\n".join(site.getsitepackages()))

    made = Newcomer(tmp_path_factory.mktemp("home"), environment / "bin" / "python")
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
def workplace(newcomer: Newcomer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """An empty folder; its embedded AWS is stopped at the end."""
    made = Workplace(newcomer, tmp_path_factory.mktemp("empty"), free_port())
    yield made
    made.play("gantry.ecs.local_aws", local_aws_state="stopped")


@pytest.fixture(scope="session")
def deployed(workplace: Workplace) -> Workplace:
    """The workplace after a deploy."""
    deploy = workplace.play("gantry.ecs.deploy")
    assert deploy.code == 0, deploy.output
    return workplace
