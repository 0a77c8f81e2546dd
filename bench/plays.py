# SPDX-License-Identifier: Apache-2.0
"""Preflight, and a deploy of the load test with nothing to do, beside bare calls of boto3 on the same embedded AWS.

It starts an embedded AWS, deploys the load test, and measures rounds of each tool. Each changes nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from bench import processes
from bench.printing import printed
from bench.rounds import interleaved
from bench.stacks import Deploy, Plays, free_port, table, unchanged

PLAYBOOK = Path(__file__).with_suffix(".yml")
DEPLOY = processes.ROOT / "deploy.yml"
# Names of the load test in env=local start with this.
BASE = "ddbload-local"
BARE = "boto3"
# By what is measured, the playbook of each tool.
PLAYBOOKS = {
    "preflight": {"none": PLAYBOOK, "gantry.ecs.preflight": PLAYBOOK},
    "deploy": {"deploy.yml": DEPLOY},
}


class Tools(Plays):
    """Runs of each tool on an embedded AWS; arguments and attributes are those of ``Plays``."""

    def run(self, what: str, tool: str) -> Deploy:
        """Run a tool.

        Args:
            what: a key of PLAYBOOKS.
            tool: one of its tools, or BARE.

        Raises:
            BenchError: it failed, or changed something.
        """
        if tool == BARE:
            command = [sys.executable, "-m", "bench.bare_plays", self.endpoint, BASE, what]
            return Deploy.of(processes.run(command, self.client_core, self.environment | self.access, 600.0))
        playbook = str(PLAYBOOKS[what][tool])
        return Deploy.of(unchanged(tool, self.play(self.client_core, playbook, "-e", f"bench_tool={tool}")))


def measure(rounds: int) -> dict[str, dict[str, list[Deploy]]]:
    """Measure rounds of each tool, one after the other; returns them by what is measured and by tool."""
    with tempfile.TemporaryDirectory(prefix="ddbload-bench-") as directory:
        tools = Tools(Path(directory), free_port())
        with tools.emulator():
            tools.play(tools.client_core, str(DEPLOY))
            return interleaved(rounds, {what: (*by_tool, BARE) for what, by_tool in PLAYBOOKS.items()}, tools.run)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; returns the exit code: 0, or 2 where it cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m bench.plays", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, of which medians are taken (5)")
    options = parser.parse_args(arguments)
    return printed(lambda: table(measure(options.rounds), "play", BARE))


if __name__ == "__main__":
    sys.exit(main())
