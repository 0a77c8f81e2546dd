# SPDX-License-Identifier: Apache-2.0
"""ddbload of several source directories in turn: the CPU time of a request, and how late requests are sent.

A change of the engine is compared with the engine before it, in the same minutes on the same machine:

    git worktree add ../before main~1
    python -m bench.engines before=../before/loadtest_app/src after=loadtest_app/src --rate 33000
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from bench import processes, server
from bench.comparison import FULL, OPEN_RATES, Clients
from bench.measure import Sample
from bench.printing import printed
from bench.rounds import interleaved
from bench.run import TLS

# The case of a closed plan; all others are requests a second.
CLOSED = 0
COLUMNS = ("plan", "engine", "CPU us/request", "least … most", "late p50 ms", "late p99 ms", "least … most")


def measure(sources: Mapping[str, Path], rates: Sequence[int], rounds: int, seconds: int) -> str:
    """Run each engine at each rate once a round; returns the table.

    Args:
        sources: source directories, by the name of their engine.
        rates: requests a second; CLOSED for 64 callers without pauses.
        rounds: their number.
        seconds: of each run.

    Raises:
        BenchError: a run is not possible, or not all of its requests were successful.
    """
    server_core, client_core = processes.cores()
    with tempfile.TemporaryDirectory(prefix="ddbload-bench-") as directory, server.running(server_core, TLS) as stub:
        engines = {name: Clients(stub, client_core, Path(directory), source) for name, source in sources.items()}

        def run(rate: int, name: str) -> Sample:
            if rate == CLOSED:
                return engines[name].closed(stub.plain_url, FULL.ddbload)
            return engines[name].at_rate(rate, seconds)

        return table(interleaved(rounds, dict.fromkeys(rates, tuple(engines)), run))


def table(measured: Mapping[int, Mapping[str, Sequence[Sample]]]) -> str:
    """Return the samples of each engine at each rate as a Markdown table, with medians over the rounds."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for rate, engines in measured.items():
        plan = "64 callers" if rate == CLOSED else f"{rate:,} a second"
        for name, samples in engines.items():
            costs = [sample.cpu_us_per_request for sample in samples]
            cells = [plan, name, f"{median(costs):.1f}", f"{min(costs):.1f} … {max(costs):.1f}"]
            late = [sample.late_ms for sample in samples if sample.late_ms]
            if late:
                p50, p99 = zip(*late, strict=True)
                cells += [f"{median(p50):.2f}", f"{median(p99):.2f}", f"{min(p99):.1f} … {max(p99):.1f}"]
            else:
                cells += [""] * 3
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; returns the exit code: 2 where the benchmark cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "sources", nargs="+", type=_source, metavar="NAME=DIRECTORY", help="an engine and its source directory"
    )
    parser.add_argument("--rate", type=int, action="append", help="requests a second; 0: 64 callers (0, 1000 … 20000)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, of which medians are taken (5)")
    parser.add_argument("--seconds", type=int, default=2, help="length of a run at a rate (2)")
    options = parser.parse_args(arguments)
    if min(options.rounds, options.seconds) < 1 or min(options.rate or [CLOSED]) < 0:
        parser.error("--rounds and --seconds: at least 1; --rate: at least 0")
    rates = options.rate or [CLOSED, *OPEN_RATES]
    return printed(functools.partial(measure, dict(options.sources), rates, options.rounds, options.seconds))


def _source(text: str) -> tuple[str, Path]:
    name, _equals, path = text.partition("=")
    source = Path(path).resolve()
    if not name or not (source / "ddbload" / "__main__.py").is_file():
        raise argparse.ArgumentTypeError(f"{text}: no directory with ddbload's package -> NAME=.../loadtest_app/src")
    return name, source


if __name__ == "__main__":
    sys.exit(main())
