# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An embedded AWS on a free port, and playbooks that run against it from the command line."""

from __future__ import annotations

import configparser
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
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
    errors: str = ""  # stderr, where it is separate

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
class EmulatorEnv:
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
            arguments: further arguments of ansible-playbook.
            env: the environment; None to name no environment.
            apart: whether stderr is separate from stdout.
            environment: environment variables.
        """
        command, variables = self._call(playbook, arguments, env, environment)
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if apart else subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=self.timeout,
            check=False,
        )
        print(done.stdout)
        return Play(done.returncode, done.stdout, done.stderr or "")

    def start(self, playbook: str, *arguments: str, output: Path, **environment: str) -> subprocess.Popen[str]:
        """Start a playbook in a process group of its own, and return at once.

        Args:
            playbook: its path.
            arguments: further arguments of ansible-playbook.
            output: the file that takes stdout and stderr.
            environment: environment variables.
        """
        command, variables = self._call(playbook, arguments, "local", environment)
        with output.open("w") as lines:
            return subprocess.Popen(
                command,
                cwd=ROOT,
                env=variables,
                stdout=lines,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )

    def _call(
        self, playbook: str, arguments: Iterable[str], env: str | None, environment: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command of a playbook, and its environment variables."""
        variables = {
            "local_aws_port": self.port,
            "local_aws_directory": str(self.directory / "local-aws"),
            "load_test_results_directory": str(self.directory / "results"),
        }
        if env is not None:
            variables["env"] = env
        own = {name: value for name, value in os.environ.items() if name not in NO_CREDENTIALS}
        settings = {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"}
        return ["ansible-playbook", playbook, "-e", json.dumps(variables), *arguments], own | settings | environment

    @property
    def access(self) -> dict[str, str]:
        """The environment variables by which an AWS SDK calls the embedded AWS."""
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

    def stacks(self, project: str) -> dict[str, str]:
        """Return the status of each stack of a project's environment, by its component."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        prefix = f"{project}-local-"
        return {
            stack["StackName"].removeprefix(prefix): stack["StackStatus"]
            for stack in found
            if stack["StackName"].startswith(prefix)
        }

    def newest_run(self) -> Path:
        """Return the directory of the newest run's results."""
        return max((self.directory / "results" / "local").iterdir(), key=lambda path: path.stat().st_mtime_ns)
