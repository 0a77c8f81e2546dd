# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user with the collection installed and without a checkout: a home directory and a Python."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from emulator_env import NO_CREDENTIALS

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
class FreshInstall:
    """A user of the machine.

    Attributes:
        home: the home directory; Ansible's default paths are in it.
        python: an interpreter that finds the pinned packages, but not the checkout.
    """

    home: Path
    python: Path

    @property
    def collections(self) -> Path:
        """Ansible's default directory for collections."""
        return self.home / ".ansible" / "collections" / "ansible_collections"

    @property
    def collection(self) -> Path:
        """The directory into which ansible-galaxy installs the collection."""
        return self.collections / "gantry" / "ecs"

    def run(self, *arguments: str, folder: Path | None = None) -> Done:
        """Run Python in a directory, by default the home; the output includes stderr."""
        own = {name: value for name, value in os.environ.items() if name not in NOT_THEIRS}
        folder = folder or self.home
        own |= {
            "HOME": str(self.home),
            # A shell sets PWD to its directory, and results are written there.
            "PWD": str(folder),
            "ANSIBLE_FORCE_COLOR": "0",
            # Collections of the `ansible` package must not replace a dependency that galaxy.yml omits.
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
        """Call one of Ansible's programs, for example ``galaxy collection list``."""
        return self.run("-m", "ansible", *command, folder=folder)


@dataclass
class Workplace:
    """A working directory with its own embedded AWS.

    Attributes:
        owner: the user of the directory.
        folder: the directory, empty at first.
        port: of the embedded AWS.
    """

    owner: FreshInstall
    folder: Path
    port: int

    def play(self, playbook: str, **variables: object) -> Done:
        """Run a playbook of the installed collection against the environment local."""
        inventory = str(self.owner.collection / "inventories" / "local")
        arguments = ["-i", inventory, "-e", json.dumps({"env": "local", "local_aws_port": self.port} | variables)]
        return self.owner.call("playbook", playbook, *arguments, folder=self.folder)
