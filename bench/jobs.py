# SPDX-License-Identifier: Apache-2.0
"""Jobs on ECS: the module ecs_task_run beside bare calls of boto3 on the same embedded AWS.

Each job writes the time of its start and ends. It starts an embedded AWS, and measures rounds of each tool.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import boto3

from bench import processes
from bench.printing import printed
from bench.rounds import interleaved
from bench.server import BenchError
from bench.stacks import ACCOUNT, Plays, free_port

PLAYBOOK = Path(__file__).with_suffix(".yml")
TOOLS = ("none", "ecs_task_run", "boto3")
COUNTS = (1, 20)
NAME = "bench-jobs"
IMAGE = f"{ACCOUNT}.dkr.ecr.{processes.REGION}.amazonaws.com/{NAME}:1"
MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}'
# A job writes the seconds since 1970, so that the launch is measured where it counts: in the task.
COMMAND = [sys.executable, "-c", "import time; print('job', time.time())"]
STARTED = re.compile(r"\bjob (\d+\.\d+)")


class Round(NamedTuple):
    """One run of a tool: seconds from its start to the first job's first line, and to its end; CPU seconds of the tool.

    Without jobs, ``first_line_s`` is None.
    """

    first_line_s: float | None
    wall_s: float
    cpu_s: float


class Jobs(Plays):
    """Runs of jobs on an embedded AWS.

    Args:
        directory: for files.
        port: of the embedded AWS.

    Attributes:
        subnet: id of the jobs' subnet.
    """

    subnet = ""

    def prepare(self) -> None:
        """Make the cluster, the log group, the image and the task definition; the embedded AWS runs."""
        self._client("ecr").create_repository(repositoryName=NAME)
        self._client("ecr").put_image(repositoryName=NAME, imageTag="1", imageManifest=MANIFEST)
        self._client("ecs").create_cluster(clusterName=NAME)
        self._client("logs").create_log_group(logGroupName=NAME)
        options = {"awslogs-group": NAME, "awslogs-region": processes.REGION, "awslogs-stream-prefix": NAME}
        self._client("ecs").register_task_definition(
            family=NAME,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[
                {
                    "name": "job",
                    "image": IMAGE,
                    "command": COMMAND,
                    "logConfiguration": {"logDriver": "awslogs", "options": options},
                }
            ],
        )
        self.subnet = str(self._client("ec2").describe_subnets()["Subnets"][0]["SubnetId"])

    def run(self, tool: str, count: int) -> Round:
        """Run jobs by a tool.

        Raises:
            BenchError: it failed, or a job did not write its line.
        """
        log = self._directory / "log.txt"
        log.unlink(missing_ok=True)
        if tool == "boto3":
            arguments = [self.endpoint, NAME, NAME, self.subnet, str(count)]
            command = [sys.executable, "-m", "bench.bare_jobs", *arguments]
            ended = processes.run(command, self.client_core, self.environment | self.access, 600.0)
            text = ended.stdout
        else:
            settings = {"tool": tool, "cluster": NAME, "family": NAME, "subnet": self.subnet}
            settings |= {"count": str(count), "log": str(log)}
            variables = [word for name, value in settings.items() for word in ("-e", f"bench_{name}={value}")]
            ended = self.play(self.client_core, str(PLAYBOOK), *variables)
            text = log.read_text(encoding="utf-8") if log.exists() else ""
        starts = [float(found) for found in STARTED.findall(text)]
        if tool != "none" and len(starts) != count:
            raise BenchError(f"{tool} shows {len(starts)} of {count} jobs")
        first = min(starts) - ended.started_s if starts else None
        return Round(first, ended.wall_s, ended.user_s + ended.system_s)

    def _client(self, service: str) -> Any:
        access = self.access
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=processes.REGION,
            aws_access_key_id=access["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=access["AWS_SECRET_ACCESS_KEY"],
        )


def table(measured: Mapping[int, Mapping[str, Sequence[Round]]]) -> str:
    """Return the medians as a table in Markdown.

    Args:
        measured: rounds by the number of jobs and by tool; those of one round have the same index.
    """
    lines = [
        "| jobs | tool | to the first line s | wall s | jobs a minute | CPU s | x boto3, wall |",
        "|---|---|---|---|---|---|---|",
    ]
    for count, by_tool in measured.items():
        for tool, rounds in by_tool.items():
            wall, cpu = median(one.wall_s for one in rounds), median(one.cpu_s for one in rounds)
            ratio = median(one.wall_s / other.wall_s for one, other in zip(rounds, by_tool["boto3"], strict=True))
            firsts = [one.first_line_s for one in rounds if one.first_line_s is not None]
            first, rate = (f"{median(firsts):.2f}", f"{60 * count / wall:.0f}") if firsts else ("", "")
            lines.append(f"| {count} | {tool} | {first} | {wall:.2f} | {rate} | {cpu:.2f} | {ratio:.2f} |")
    return "\n".join(lines)


def measure(rounds: int, counts: Sequence[int] = COUNTS) -> dict[int, dict[str, list[Round]]]:
    """Measure rounds of each tool, one after the other; returns them by the number of jobs and by tool."""
    with tempfile.TemporaryDirectory(prefix="ddbload-bench-") as directory:
        jobs = Jobs(Path(directory), free_port())
        with jobs.emulator():
            jobs.prepare()
            return interleaved(rounds, dict.fromkeys(counts, TOOLS), lambda count, tool: jobs.run(tool, count))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code: 0, or 2 where it cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m bench.jobs", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds, of which medians are taken (3)")
    options = parser.parse_args(arguments)
    return printed(lambda: table(measure(options.rounds)))


if __name__ == "__main__":
    sys.exit(main())
