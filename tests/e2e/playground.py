# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded AWS of the tests' own, on a free port, and the playbooks run against it as a person would."""

from __future__ import annotations

import configparser
import json
import os
import re
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).parents[2]
PROFILE = "ddbload-local"
NO_CREDENTIALS = ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")


@dataclass
class Play:
    """How a run of ansible-playbook ended."""

    code: int
    output: str
    errors: str = ""  # stderr, where it was kept apart

    @property
    def changed(self) -> int:
        """How many tasks changed something on the environment's host."""
        match = re.search(r"^aws-\w+ .*changed=(\d+)", self.output, re.MULTILINE)
        assert match, self.output
        return int(match[1])

    @property
    def words(self) -> str:
        """The output without its line breaks."""
        return " ".join(self.output.split())


@dataclass
class Place:
    """The embedded AWS and what the playbooks leave behind.

    Attributes:
        port: of the embedded AWS.
        directory: for its logs and for results.
        timeout: seconds for a playbook.
    """

    port: int
    directory: Path
    timeout: float = field(default=240.0, kw_only=True)

    def play(
        self, playbook: str, *arguments: str, env: str | None = "local", apart: bool = False, **environment: str
    ) -> Play:
        """Run a playbook; the environment variables are added to those of the tests.

        Args:
            playbook: its path, or its full name.
            arguments: further ones.
            env: the environment; None to name none.
            apart: whether stderr is kept apart from stdout.
            environment: variables.
        """
        variables = {
            "local_aws_port": self.port,
            "local_aws_directory": str(self.directory / "local-aws"),
            "load_test_results_directory": str(self.directory / "results"),
        }
        if env is not None:
            variables["env"] = env
        own = {name: value for name, value in os.environ.items() if name not in NO_CREDENTIALS}
        done = subprocess.run(
            ["ansible-playbook", playbook, "-e", json.dumps(variables), *arguments],
            cwd=ROOT,
            env=own | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if apart else subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=self.timeout,
            check=False,
        )
        print(done.stdout)
        return Play(done.returncode, done.stdout, done.stderr or "")

    @property
    def access(self) -> dict[str, str]:
        """The environment by which an AWS SDK may call the embedded AWS."""
        return {
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": str(self.directory / "local-aws" / "credentials"),
            "AWS_PROFILE": PROFILE,
        }

    @property
    def key(self) -> str:
        """The access key id of this start of the embedded AWS."""
        parser = configparser.RawConfigParser()
        parser.read_string(Path(self.access["AWS_SHARED_CREDENTIALS_FILE"]).read_text())
        return parser[PROFILE]["aws_access_key_id"]

    def client(self, service: str) -> Any:
        """Return a boto3 client of the embedded AWS."""
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key="embedded-aws-needs-no-secret",
        )

    def newest_run(self) -> Path:
        """Return the folder of the newest run's results."""
        return max((self.directory / "results" / "local").iterdir(), key=lambda path: path.stat().st_mtime_ns)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
