# SPDX-License-Identifier: Apache-2.0
"""The longest time that ddbload's reporting blocks its send loop: many entries with wide histograms, and an abort rule.

``python tests/silence.py`` prints a table with and without the rule. Reads take 2 ms at the server, writes 1 to 600 ms.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from command import ENVIRONMENT
from server import Server

ENTRIES, SECONDS, RATE = 10, 20, 700
READ_MS, SLOWEST_WRITE_MS = 2, 600
SCRIPT = [
    {"when": {"operation": "GetItem"}, "what": {"delay_ms": READ_MS}},
    {"when": {"operation": "PutItem"}, "what": {"slow_start": {"seconds": SECONDS, "delay_ms": SLOWEST_WRITE_MS}}},
]
ABORT = {"threshold": "failed < 50%", "abort": True}


def measure(thresholds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the summary of a run with these thresholds."""
    scenario = {
        "table": "test-table",
        "plan": {"type": "constant_rate", "rate": RATE, "duration": SECONDS},
        "mix": {f"put{number}": {"operation": "put"} for number in range(ENTRIES)} | {"get": 1},
        "connections": 600,
        "item": {"size": 200},
        "verify": {"enabled": False},
        "thresholds": thresholds,
    }
    with Server(SCRIPT, fast=True) as server:
        command = [
            sys.executable,
            "-m",
            "ddbload",
            "run",
            "--endpoint-url",
            server.url,
            "--scenario",
            json.dumps(scenario),
        ]
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return next(event for event in events if event["event"] == "run.summary")


def main() -> None:
    """Print the table."""
    print(f"load average {os.getloadavg()[0]:.1f} before", file=sys.stderr)
    print("| rule that aborts | get p99, ms | lateness p99, ms | lateness max, ms | longest silence, ms | busy |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, thresholds in (("none", []), ("failed < 50%", [ABORT])):
        found = measure(thresholds)
        late = found["plan"]["late_ms"]
        silence = (found.get("generator") or {}).get("longest_silence_ms", "-")
        get = found["operations"]["get"]["latency_ms"]
        print(f"| {name} | {get['p99']} | {late['p99']} | {late['max']} | {silence} | {found['plan']['busy']} |")


if __name__ == "__main__":
    main()
