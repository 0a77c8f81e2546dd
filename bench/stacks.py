# SPDX-License-Identifier: Apache-2.0
"""A deploy without changes: one call of cfn_stacks beside one call of amazon.aws.cloudformation for each stack.

It starts an embedded AWS, creates the stacks, and then measures plays that change nothing.
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import json
import os
import re
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from bench import processes
from bench.printing import printed
from bench.rounds import interleaved
from bench.server import BenchError

PLAYBOOK = Path(__file__).with_suffix(".yml")
TIMEOUT_S = 600.0
TOOLS = ("none", "cfn_stacks", "cloudformation")
MADE_UP = 20
ACCOUNT = "000000000000"
PROFILE = "ddbload-local"
# Values of the parameters that have no default in a template of files/cfn.
PARAMETERS: Mapping[str, str] = {
    "Environment": "bench",
    "TableName": "bench",
    "TableArn": f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/bench",
    "ImageUri": f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/bench:1",
    "RepositoryArn": f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/bench",
}
MADE_UP_TEMPLATE = {
    "Parameters": {"Name": {"Type": "String"}},
    "Resources": {
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Name"}}},
        "Value": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Name"}}},
    },
    "Outputs": {"TopicArn": {"Value": {"Ref": "Topic"}}},
}


class Deploy(NamedTuple):
    """The cost of one play: seconds on the clock, and CPU seconds of Ansible and the modules."""

    wall_s: float
    cpu_s: float

    @classmethod
    def of(cls, ended: processes.Ended) -> Deploy:
        """Return the cost of a process and its children."""
        return cls(ended.wall_s, ended.user_s + ended.system_s)


class Plays:
    """Plays against an embedded AWS.

    Args:
        directory: for files.
        port: of the embedded AWS.

    Attributes:
        client_core: core of what is measured; the embedded AWS has the other one.
        environment: environment variables of the plays.
    """

    def __init__(self, directory: Path, port: int) -> None:
        self.port = port
        self._directory = directory
        self._server_core, self.client_core = processes.cores()
        self._settings = (
            "-e",
            "env=local",
            "-e",
            f"local_aws_port={port}",
            "-e",
            f"local_aws_directory={directory}/aws",
        )
        self.environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(processes.ROOT / "ansible.cfg"),
            "ANSIBLE_LOCAL_TEMP": str(directory / "tmp"),
        }

    @contextlib.contextmanager
    def emulator(self) -> Iterator[None]:
        """Run the embedded AWS inside the context."""
        playbook = str(processes.ROOT / "playbooks" / "local-aws.yml")
        self.play(self._server_core, playbook)
        try:
            yield
        finally:
            self.play(self._server_core, playbook, "-e", "local_aws_state=stopped")

    def deploy(self, stacks: Sequence[Mapping[str, Any]], tool: str, is_first: bool = False) -> Deploy:
        """Apply stacks by a tool.

        Args:
            stacks: their options.
            tool: one of TOOLS.
            is_first: whether the play creates the stacks.

        Raises:
            BenchError: it failed, or changed an unchanged stack.
        """
        variables = self._directory / "stacks.json"
        variables.write_text(json.dumps({"bench_stacks": stacks}), encoding="utf-8")
        ended = self.play(self.client_core, str(PLAYBOOK), "-e", f"@{variables}", "-e", f"bench_tool={tool}")
        return Deploy.of(ended if is_first else unchanged(tool, ended))

    @property
    def endpoint(self) -> str:
        """URL of the embedded AWS."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def access(self) -> dict[str, str]:
        """Environment variables that let boto3 call the embedded AWS, while it runs."""
        parser = configparser.RawConfigParser()
        parser.read(self._directory / "aws" / "credentials")
        key = parser[PROFILE]["aws_access_key_id"]
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true"}

    def play(self, core: int, playbook: str, *more: str) -> processes.Ended:
        """Run a playbook with options on a core to its end.

        Raises:
            BenchError: it failed.
        """
        command = ["ansible-playbook", playbook, *self._settings, *more]
        return processes.run(command, core, self.environment, TIMEOUT_S)


def unchanged(tool: str, ended: processes.Ended) -> processes.Ended:
    """Return the end of a play.

    Raises:
        BenchError: it changed something.
    """
    if re.search(r"\bchanged=[1-9]", ended.stdout) or "changed=0" not in ended.stdout:
        raise BenchError(f"{tool} has changed what was as it should be")
    return ended


def own_stacks() -> list[dict[str, Any]]:
    """Return the stacks of the templates of files/cfn."""
    stacks = []
    for path in sorted((processes.ROOT / "files" / "cfn").glob("*.yaml")):
        body = path.read_text(encoding="utf-8")
        declared, _resources, _rest = body.partition("\nResources:\n")
        parameters = {name: value for name, value in PARAMETERS.items() if f"\n  {name}:\n" in declared}
        stacks.append({"stack_name": f"bench-{path.stem}", "template_body": body, "parameters": parameters})
    return stacks


def made_up_stacks(count: int) -> list[dict[str, Any]]:
    """Return stacks of two resources each."""
    body = json.dumps(MADE_UP_TEMPLATE)
    return [
        {"stack_name": f"bench-{number}", "template_body": body, "parameters": {"Name": f"bench-{number}"}}
        for number in range(count)
    ]


def table(
    measured: Mapping[str, Mapping[str, Sequence[Deploy]]], what: str = "stacks", reference: str = "cloudformation"
) -> str:
    """Return the medians as a table in Markdown.

    Args:
        measured: deploys by what is measured and tool; those of one round have the same index.
        what: title of the first column.
        reference: the tool with which the others are compared.
    """
    lines = [
        f"| {what} | tool | wall s | CPU s | x {reference}, wall | CPU |",
        "|---|---|---|---|---|---|",
    ]
    for name, by_tool in measured.items():
        for tool, deploys in by_tool.items():
            pairs = list(zip(deploys, by_tool[reference], strict=True))
            wall = median(one.wall_s / other.wall_s for one, other in pairs)
            cpu = median(one.cpu_s / other.cpu_s for one, other in pairs)
            wall_s, cpu_s = median(one.wall_s for one in deploys), median(one.cpu_s for one in deploys)
            lines.append(f"| {name} | {tool} | {wall_s:.1f} | {cpu_s:.1f} | {wall:.2f} | {cpu:.2f} |")
    return "\n".join(lines)


def measure(rounds: int) -> dict[str, dict[str, list[Deploy]]]:
    """Measure rounds of deploys without changes, one of each tool after the other; returns them by set and tool."""
    own = own_stacks()
    sets = {f"{len(own)} of files/cfn": own, f"{MADE_UP} made up": made_up_stacks(MADE_UP)}
    with tempfile.TemporaryDirectory(prefix="ddbload-bench-") as directory:
        plays = Plays(Path(directory), free_port())
        with plays.emulator():
            for stacks in sets.values():
                plays.deploy(stacks, "cfn_stacks", is_first=True)
            return interleaved(rounds, dict.fromkeys(sets, TOOLS), lambda name, tool: plays.deploy(sets[name], tool))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code: 0, or 2 where it cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m bench.stacks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, of which medians are taken (5)")
    options = parser.parse_args(arguments)
    return printed(lambda: table(measure(options.rounds)))


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


if __name__ == "__main__":
    sys.exit(main())
