# SPDX-License-Identifier: Apache-2.0
"""Are ddbload's figures true? Servers with computable response times, and the load tester's measurements.

As a command it runs every case and writes the table of docs/truth.md: ``python tests/truth.py``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from command import ENVIRONMENT
from server import Log, Server

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "truth.md"
MARKS = ("<!-- measured: begin -->", "<!-- measured: end -->")
PERCENTILES = {"p50": 50, "p99": 99}
SPARE_S = 30.0
WITNESS_INTERVAL_S = 0.007


class Case(NamedTuple):
    """A constant rate against a scripted server.

    Attributes:
        name: of the case.
        rate: operations a second.
        duration: seconds.
        connections: of the load tester.
        script: of the server.
        stores: whether the server keeps the items; it drains a queue some four times faster where it does not.
        answered_s: the computed instant of the response to an operation planned at an instant; both in seconds.
    """

    name: str
    rate: int
    duration: int
    connections: int
    script: Sequence[Mapping[str, Any]]
    stores: bool
    answered_s: Callable[[float], float]

    def expected_ms(self) -> dict[str, float]:
        """Return the percentiles of latency from the plan that arithmetic gives, in milliseconds."""
        planned = [number / self.rate for number in range(self.rate * self.duration)]
        latencies = sorted((self.answered_s(instant) - instant) * 1000 for instant in planned)
        # At least this percentage is at or below: the rank is rounded up, as in HdrHistogram.
        return {name: latencies[-(-percent * len(latencies) // 100) - 1] for name, percent in PERCENTILES.items()}


class Seen(NamedTuple):
    """The measurements of a case.

    Attributes:
        exit_code: of the load tester.
        summary: its last event.
        log: that of the server.
        keys: that the server holds.
        witness_ms: the median wait of a plain socket beside the load tester for its responses.
        witness_spread_ms: the distance between the quartiles of its waits.
    """

    exit_code: int
    summary: dict[str, Any]
    log: Log
    keys: set[str]
    witness_ms: float
    witness_spread_ms: float

    @property
    def put(self) -> dict[str, Any]:
        """The figures of its puts."""
        put: dict[str, Any] = self.summary["operations"]["put"]
        return put


def after_stall(begin_s: float, end_s: float, each_s: float) -> Callable[[float], float]:
    """Return when a server responds that stalls in a repeated window, and is fast otherwise."""

    def answered_s(instant: float) -> float:
        into = instant % each_s
        return instant + (end_s - into) if begin_s <= into < end_s else instant

    return answered_s


def stall(begin_s: float, end_s: float, each_s: float) -> list[dict[str, Any]]:
    """Return the script of such a server."""
    return [{"when": {"window_s": [begin_s, end_s], "each_s": each_s}, "what": {"stall": True}}]


# A second's stall in every ten; first with a connection for each operation that waits, then with few of them.
STALL = (5.0, 6.0, 10.0)
STALLED_ON_THE_WIRE = Case("stall, 2,000 connections", 1000, 20, 2000, stall(*STALL), False, after_stall(*STALL))
STALLED_IN_THE_QUEUE = Case("stall, 64 connections", 1000, 10, 64, stall(*STALL), False, after_stall(*STALL))
FIXED_MS = 5
FIXED_RULE = {"when": {"operation": ["PutItem", "DescribeTable"]}, "what": {"delay_ms": FIXED_MS}}
FIXED = Case("5 ms, always", 200, 5, 64, [FIXED_RULE], False, lambda instant: instant + FIXED_MS / 1000)
STEADY = Case("no delay", 500, 5, 64, [], True, lambda instant: instant)
CASES = (STALLED_ON_THE_WIRE, STALLED_IN_THE_QUEUE, FIXED, STEADY)


def measure(case: Case) -> Seen:
    """Run the load tester as a command against the server of a case."""
    with Server(case.script, fast=not case.stores) as server:
        settings = {
            "plan": json.dumps({"type": "constant_rate", "rate": case.rate, "duration": case.duration}),
            "connections": case.connections,
            "timeout": 10,
            "keys.count": 1_000_000,
            "item.size": 200,
            "verify.enabled": json.dumps(case.stores),
        }
        command = [sys.executable, "-m", "ddbload", "run", "--table", "test-table", "--endpoint-url", server.url]
        for name, value in settings.items():
            command += ["--set", f"{name}={value}"]
        witness = Witness(server.port)
        witness.start()
        done = subprocess.run(
            command, env=ENVIRONMENT, capture_output=True, text=True, timeout=case.duration + SPARE_S, check=False
        )
        witness_ms, witness_spread_ms = witness.end()
        log, keys = server.log, {item["pk"]["S"] for item in server.table}
    events = [json.loads(line) for line in done.stdout.splitlines()]
    summaries = [event for event in events if event["event"] == "run.summary"]
    if not summaries:
        raise RuntimeError(f"{case.name}: no summary, exit code {done.returncode}: {done.stdout}{done.stderr}")
    return Seen(done.returncode, summaries[0], log, keys, witness_ms, witness_spread_ms)


class Witness(threading.Thread):
    """A plain socket with requests to the same server at the same time: its waits are not caused by the load tester.

    It requests the table's description, so that it does not start the clock of the script's windows.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._ended = threading.Event()
        self._waited: list[float] = []

    def run(self) -> None:
        """Send requests until the end."""
        body = b'{"TableName":"test-table"}'
        head = b"POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.DescribeTable\r\ncontent-length: %d\r\n\r\n"
        question = head % len(body) + body
        with socket.create_connection(("127.0.0.1", self._port)) as wire:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while not self._ended.wait(WITNESS_INTERVAL_S):
                sent = time.perf_counter()
                wire.sendall(question)
                wire.recv(65_536)
                self._waited.append(time.perf_counter() - sent)

    def end(self) -> tuple[float, float]:
        """End it; returns the median of its waits and the distance of their quartiles, in milliseconds."""
        self._ended.set()
        self.join()
        first, median, third = statistics.quantiles(self._waited, n=4)
        return median * 1000, (third - first) * 1000


def error_percent(seen: float, expected: float) -> float:
    """Return the error of a figure, in percent of the expected one."""
    return (seen / expected - 1) * 100


def tables(results: Sequence[tuple[Case, Seen]]) -> str:
    """Return the measured figures beside the expected ones, as Markdown."""
    lines = [
        "| server | figure | arithmetic, ms | from the plan, ms | off by, ms | error | from the send, ms | late, ms |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    for case, seen in results:
        for name, expected in case.expected_ms().items():
            latency, service = seen.put["latency_ms"][name], seen.put["service_ms"][name]
            # A figure of zero has no percentage.
            error = f"{error_percent(latency, expected):+,.2f} %" if expected else ""
            lines.append(
                f"| {case.name} | {name} | {expected:,.3f} | {latency:,.3f} | {latency - expected:+,.3f} | {error} "
                f"| {service:,.3f} | {seen.summary['plan']['late_ms'][name]:,.3f} |"
            )
    lines += [
        "",
        "| server | due, a second | reached | error | planned | sent | server saw | plain socket's p50, ms |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for case, seen in results:
        reached = seen.summary["plan"]["rate_reached"]
        lines.append(
            f"| {case.name} | {case.rate:,} | {reached:,.2f} | {error_percent(reached, case.rate):+.3f} % "
            f"| {case.rate * case.duration:,} | {seen.put['sent']:,} | {seen.log.requests['PutItem']:,} "
            f"| {seen.witness_ms:,.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the cases and write the table."""
    parser = argparse.ArgumentParser(description="Run servers that arithmetic foretells, and write what was seen.")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="Markdown file whose marked part is replaced")
    path: Path = parser.parse_args().document
    before, begin, rest = path.read_text(encoding="utf-8").partition(MARKS[0])
    _old, end, after = rest.partition(MARKS[1])
    if not begin or not end:
        sys.exit(f"{path} has no part marked {MARKS[0]} to {MARKS[1]}")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    where = f"{os.cpu_count()} cores, Python {platform.python_version()}, load average {os.getloadavg()[0]:.2f} before"
    results = []
    for case in CASES:
        print(f"{case.name}: {case.rate:,} a second for {case.duration} s", file=sys.stderr, flush=True)
        results.append((case, measure(case)))
    measured = f"Measured {today}; {where}.\n\n{tables(results)}"
    print(measured)
    path.write_text(f"{before}{begin}\n{measured}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
