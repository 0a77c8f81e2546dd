# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Someone who installs the collection and has no checkout: a home, a Python and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from playground import NO_CREDENTIALS

NOT_THEIRS = (
    *NO_CREDENTIALS,
    "ANSIBLE_CONFIG",
    "ANSIBLE_COLLECTIONS_PATH",
    "PYTHONPATH",
    "VIRTUAL_ENV",
    "XDG_STATE_HOME",
)


@dataclass
class Done:
    """How a program ended."""

    code: int
    output: str


@dataclass
class Newcomer:
    """A user of the machine.

    Attributes:
        home: the home folder; Ansible's default paths are in it.
        python: an interpreter that sees the pinned packages, but nothing of the checkout.
    """

    home: Path
    python: Path

    @property
    def collections(self) -> Path:
        """Ansible's default place for collections."""
        return self.home / ".ansible" / "collections" / "ansible_collections"

    @property
    def collection(self) -> Path:
        """Where ansible-galaxy installs the collection."""
        return self.collections / "gantry" / "ecs"

    def run(self, *arguments: str, folder: Path | None = None) -> Done:
        """Run Python in a folder, by default the home; output and errors come together."""
        own = {name: value for name, value in os.environ.items() if name not in NOT_THEIRS}
        folder = folder or self.home
        own |= {
            "HOME": str(self.home),
            # A shell says so where it is; results go there.
            "PWD": str(folder),
            "ANSIBLE_FORCE_COLOR": "0",
            # Collections of the `ansible` package shall not stand in for a dependency left out of galaxy.yml.
            "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false",
        }
        done = subprocess.run(
            [str(self.python), *arguments],
            cwd=folder,
            env=own,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=240,
            check=False,
        )
        print(done.stdout)
        return Done(done.returncode, done.stdout)

    def call(self, *command: str, folder: Path | None = None) -> Done:
        """Call a program of Ansible's, such as ``galaxy collection list``."""
        return self.run("-m", "ansible", *command, folder=folder)


@dataclass
class Workplace:
    """A folder in which a newcomer works, with an embedded AWS of its own.

    Attributes:
        owner: who works in it.
        folder: empty at first.
        port: of the embedded AWS.
    """

    owner: Newcomer
    folder: Path
    port: int

    def play(self, playbook: str, **variables: object) -> Done:
        """Run a playbook of the installed collection against the environment local."""
        inventory = str(self.owner.collection / "inventories" / "local")
        arguments = ["-i", inventory, "-e", json.dumps({"env": "local", "local_aws_port": self.port} | variables)]
        return self.owner.call("playbook", playbook, *arguments, folder=self.folder)
