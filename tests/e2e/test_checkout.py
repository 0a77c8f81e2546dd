# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkout whose ansible.cfg Ansible ignores."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from checkout import copy_checkout

FOREIGN = ("ANSIBLE_CONFIG", "ANSIBLE_INVENTORY", "ANSIBLE_COLLECTIONS_PATH")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the files under version control, which every user may write."""
    copy = copy_checkout(tmp_path_factory.mktemp("checkout"))
    for path in (copy, copy / "playbooks"):
        path.chmod(0o777)
    return copy


def screen(folder: Path, playbook: str, **environment: str) -> str:
    """Return in one line what ansible-playbook writes when it only lists a playbook's tasks."""
    own = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    done = subprocess.run(
        ["ansible-playbook", playbook, "--list-tasks", "-e", "env=local"],
        cwd=folder,
        env=own | {"HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    "playbook", ["deploy.yml", "run-test.yml", "playbooks/teardown.yml", "playbooks/local-aws.yml"]
)
def test_an_ignored_configuration_is_one_clear_line(checkout: Path, playbook: str) -> None:
    said = screen(checkout, playbook)
    assert f"Ansible does not read {checkout}/ansible.cfg -> " in said
    assert f"chmod o-w {checkout}; " in said
    assert f"export ANSIBLE_CONFIG={checkout}/ansible.cfg" in said
    assert "was not found" not in said


def test_each_remedy_of_an_ignored_configuration_helps(checkout: Path) -> None:
    named = screen(checkout, "deploy.yml", ANSIBLE_CONFIG=str(checkout / "ansible.cfg"))
    checkout.chmod(0o775)
    try:
        closed = screen(checkout, "deploy.yml")
    finally:
        checkout.chmod(0o777)
    for said in (named, closed):
        assert "playbook: deploy.yml" in said
        assert "Ansible does not read" not in said
