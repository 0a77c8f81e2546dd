# SPDX-License-Identifier: Apache-2.0
"""The benchmark: CPU time of a request by ddbload and by other clients, memory, and time to the first request."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from bench import comparison, measure, processes, server
from bench.comparison import FULL, QUICK, Clients, closed_plan

TLS = processes.ROOT / ".build" / "bench-tls"
OUTPUT = processes.ROOT / "bench.json"
MEMORY_RUNS = (1_000_000, 10_000_000)
MEMORY_TIMEOUT_S = 3600.0
STARTS = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code: 0, 1 for a missed target with --check, 2 where it cannot be run."""
    options = _options(arguments)
    # SIGTERM stops the started processes, as Ctrl-C does.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    try:
        document = _measure(options)
    except server.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("bench: stopped", file=sys.stderr)
        return 130
    options.output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(measure.table(document))
    if options.docs:
        text = options.docs.read_text(encoding="utf-8")
        options.docs.write_text(measure.filled_in(text, document), encoding="utf-8")
    if disturbance := measure.disturbance(document):
        print(f"bench: {disturbance}", file=sys.stderr)
    missed = [target for target, passed in measure.judged(document) if not passed]
    for target in missed:
        print(f"bench: missed: {target}", file=sys.stderr)
    return 1 if missed and options.check else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds, of which medians are taken (5)")
    parser.add_argument("--quick", action="store_true", help="short rounds: a look, not a measurement")
    parser.add_argument("--memory", action="store_true", help="also runs of 1 and 10 million requests (minutes)")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="file for the figures as JSON (bench.json)")
    parser.add_argument("--docs", type=Path, metavar="FILE", help="also fill the tables in, as in docs/benchmark.md")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a target is missed")
    options = parser.parse_args(arguments)
    if options.rounds < 1:
        parser.error("--rounds: at least 1")
    if options.docs and not (options.docs.is_file() and measure.MEASURED in options.docs.read_text(encoding="utf-8")):
        # An error here comes before the measurement of minutes.
        parser.error(f"--docs {options.docs}: the file does not exist, or has no marks for the figures")
    return options


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    server_core, client_core = processes.cores()
    size = QUICK if options.quick else FULL
    with (
        tempfile.TemporaryDirectory(prefix="ddbload-bench-") as directory,
        server.running(server_core, TLS) as stub,
    ):
        clients = Clients(stub, client_core, Path(directory))
        rounds = []
        for number in range(options.rounds):
            _say(f"round {number + 1} of {options.rounds}")
            rounds.append(clients.round(size))
        document: dict[str, Any] = measure.clients(rounds)
        _say(f"start to first request, {STARTS} times")
        document["start"] = measure.start([clients.start_ms() for _time in range(STARTS)])
        peaks_mb = {}
        for operations in MEMORY_RUNS if options.memory else (size.ddbload,):
            _say(f"memory of a run of {operations:,} requests")
            ended, _sample = clients.ddbload(stub.plain_url, closed_plan(operations), MEMORY_TIMEOUT_S)
            peaks_mb[operations] = ended.peak_mb
        document["memory"] = measure.memory(peaks_mb)
    document["conditions"] = _conditions(options)
    return document


def _conditions(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": options.rounds,
        "quick": options.quick,
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": comparison.interpreter(),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
