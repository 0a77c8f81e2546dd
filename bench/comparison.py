# SPDX-License-Identifier: Apache-2.0
"""The clients of the comparison: the command of each, and the output that is read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench import request
from bench.clients.workload import CALLERS, ITEM_BYTES, TABLE
from bench.measure import Sample, without_start
from bench.processes import ACCESS_KEY, REGION, ROOT, SECRET_KEY, SOURCE, Ended, environment, run
from bench.server import SETUP, BenchError, Server, find

BENCH_PYTHON = ROOT / ".build" / "bench-venv" / "bin" / "python"
# A short run has the fixed costs of every run: start, connections, summary.
SHORT = 1_000
TIMEOUT_S = 120.0
# An open plan has this share of the closed plan's rate, so that connections are idle at times and timers count.
OPEN_SHARE = 0.5
# Requests a second of the open plans that are compared with wrk2, or with wrk at the same rate.
OPEN_RATES = (1_000, 5_000, 10_000, 20_000)
# The start of an open plan is measured by a run of this many seconds at the same rate.
SHORT_S = 1


class Size(NamedTuple):
    """How long each client runs in one round: seconds for wrk and at a constant rate, requests for the others."""

    wrk_s: int
    paced_s: int
    ddbload: int
    peers: Mapping[str, int]


FULL = Size(5, 5, 300_000, {"aiobotocore": 5_000, "aiodynamo": 20_000, "boto3": 5_000})
QUICK = Size(1, 2, 50_000, {"aiobotocore": 1_000, "aiodynamo": 4_000, "boto3": 1_000})


def interpreter() -> str:
    """Return the version of the Python that runs the clients."""
    _check_installed()
    question = "import platform; print(platform.python_version())"
    return subprocess.run([BENCH_PYTHON, "-c", question], capture_output=True, text=True, check=True).stdout.strip()


def wrk2() -> str | None:
    """Return the path of wrk2, which no package contains: that of the variable WRK2, or the one on the path; or None.

    Raises:
        BenchError: WRK2 names no program.
    """
    named = os.environ.get("WRK2")
    if named and not shutil.which(named):
        raise BenchError(f"WRK2={named}: no program -> give the path of wrk2's program, named wrk after its build")
    return named or shutil.which("wrk2")


def closed_plan(operations: int) -> dict[str, Any]:
    """Return ddbload's settings for ``operations`` puts by 64 callers."""
    return _settings(operations, {"type": "closed", "concurrency": CALLERS, "operations": operations})


def open_plan(operations: int, rate: float) -> dict[str, Any]:
    """Return ddbload's settings for ``operations`` puts at a constant rate (a second)."""
    return _settings(operations, {"type": "constant_rate", "rate": rate, "duration": operations / rate})


def _settings(operations: int, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings of ddbload by scenario field: no other function names its fields."""
    return {
        "plan": plan,
        "connections": CALLERS,
        "mix": {"put": 1},
        "item.size": ITEM_BYTES,
        # Every put writes another key, as in a long run, so that caches by key do not help.
        "keys.count": 2 * operations,
        # Only the puts are measured; the server keeps no items to verify.
        "verify.enabled": False,
    }


class Clients:
    """The clients, against one running server."""

    def __init__(self, server: Server, core: int, directory: Path, source: Path = SOURCE) -> None:
        """Take the core of the clients, a directory for their files, and the source of ddbload."""
        self.server = server
        self.core = core
        self.directory = directory
        self.environment = environment(server.certificate, source)
        self.wrk2 = wrk2()
        self.paced = "wrk2" if self.wrk2 else "wrk_paced"

    def wrk(self, url: str, seconds: int, rate: int | None = None) -> Sample:
        """Send the same bytes by wrk over 64 connections for a number of seconds.

        Args:
            url: of the server.
            seconds: how long.
            rate: requests a second, by wrk2 where it is installed, and by wrk's delay() elsewhere; None for as many as
                the connections carry.
        """
        path = self.directory / "request"
        request.write(path, url, REGION, ACCESS_KEY, SECRET_KEY)
        script = ROOT / "bench" / "clients" / "put_item.lua"
        program, rates, pauses = find("wrk"), [], []
        if rate is not None:
            if self.wrk2:
                program, rates = self.wrk2, [f"-R{rate}"]
            else:
                pauses = [str(rate)]
        options = ["-t1", f"-c{CALLERS}", f"-d{seconds}s", *rates, "-s", str(script), url, "--", str(path), *pauses]
        ended = run([program, *options], self.core, self.environment, TIMEOUT_S)
        said = _last_document(ended.stdout, "wrk")
        if said["failed"]:
            raise BenchError(f"wrk: {said['failed']:,} of {said['requests']:,} requests failed")
        return Sample(said["requests"], ended.user_s, ended.system_s, ended.wall_s)

    def ddbload(self, url: str, settings: Mapping[str, Any], timeout_s: float = TIMEOUT_S) -> tuple[Ended, Sample]:
        """Run the real command; the sample includes start and summary."""
        _check_installed()
        command = [str(BENCH_PYTHON), "-m", "ddbload", "run", "--table", TABLE, "--endpoint-url", url]
        for name, value in settings.items():
            command += ["--set", f"{name}={json.dumps(value)}"]
        ended = run(command, self.core, self.environment, timeout_s)
        summary = _last_document(ended.stdout, "ddbload")
        put, late_ms = summary["operations"]["put"], summary["plan"]["late_ms"]
        if not put["sent"] or put["ok"] != put["sent"]:
            raise BenchError(f"ddbload: {put['ok']:,} of {put['sent']:,} requests were ok")
        late = (late_ms["p50"], late_ms["p99"]) if settings["plan"]["type"] == "constant_rate" else None
        return ended, Sample(put["sent"], ended.user_s, ended.system_s, ended.wall_s, late)

    def closed(self, url: str, requests: int) -> Sample:
        """Run ddbload's closed plan, without its start."""
        short = self.ddbload(url, closed_plan(SHORT))[1]
        return _without_start(self.ddbload(url, closed_plan(requests))[1], short)

    def at_rate(self, rate: int, seconds: int) -> Sample:
        """Run ddbload's open plan for some seconds at a rate (requests a second), without its start.

        The short run that is subtracted has the same rate, since a request costs more at a low rate than at a high one.
        """
        url = self.server.plain_url
        short = self.ddbload(url, open_plan(rate * SHORT_S, rate))[1]
        return _without_start(self.ddbload(url, open_plan(rate * (SHORT_S + seconds), rate))[1], short)

    def peer(self, name: str, requests: int) -> Sample:
        """Run one of the other clients, which measures itself after its start."""
        _check_installed()
        command = [str(BENCH_PYTHON), "-m", f"bench.clients.{name}_client", self.server.plain_url, str(requests)]
        return Sample(**_last_document(run(command, self.core, self.environment, TIMEOUT_S).stdout, name))

    def round(self, size: Size) -> dict[str, Sample]:
        """Run every client once, one after the other."""
        samples = {}
        for suffix, url in (("", self.server.plain_url), ("_tls", self.server.tls_url)):
            samples[f"wrk{suffix}"] = self.wrk(url, size.wrk_s)
            samples[f"ddbload{suffix}"] = self.closed(url, size.ddbload)
        half = round(samples["ddbload"].requests_per_s * OPEN_SHARE)
        samples["ddbload_open"] = self.at_rate(half, size.paced_s)
        for rate in OPEN_RATES:
            samples[f"{self.paced}_{rate}"] = self.wrk(self.server.plain_url, size.paced_s, rate)
            samples[f"ddbload_{rate}"] = self.at_rate(rate, size.paced_s)
        for name, requests in size.peers.items():
            samples[name] = self.peer(name, requests)
        return samples

    def start_ms(self) -> float:
        """Return the milliseconds from the start of ddbload's process to its first PutItem at the server."""
        self.server.log.write_text("", encoding="ascii")
        ended, _sample = self.ddbload(self.server.logged_url, closed_plan(CALLERS))
        first_s = self.server.first_put_s()
        if first_s is None:
            raise BenchError("the server saw no PutItem")
        return (first_s - ended.started_s) * 1000


def _check_installed() -> None:
    if not BENCH_PYTHON.exists():
        raise BenchError(f"the clients are not installed: {SETUP}")


def _without_start(whole: Sample, short: Sample) -> Sample:
    try:
        return without_start(whole, short)
    except ValueError as error:
        raise BenchError(f"ddbload: {error}: the machine is too busy to measure on") from error


def _last_document(text: str, name: str) -> dict[str, Any]:
    """Return the last line of a client's output, which is JSON."""
    try:
        document: dict[str, Any] = json.loads(text.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise BenchError(f"{name} said nothing that could be read: {text[-200:]!r}") from error
    return document
