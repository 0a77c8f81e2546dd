# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before the embedded AWS that answers with errors, late, or not at all: microburst, as a process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from playground import free_port

STARTS_WITHIN = 20.0  # seconds


@dataclass
class FaultProxy:
    """The proxy: https://github.com/pingedbrain/microburst says what a rule may hold.

    Attributes:
        url: what to call in AWS's place.
    """

    url: str

    def throw(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Follow these rules from now on, and forget what was thrown before."""
        self._control("DELETE", "fired")
        self._control("POST", "rules", list(rules))

    def thrown(self) -> list[dict[str, Any]]:
        """Return every fault that was thrown: its operation and what was done, in order."""
        found: list[dict[str, Any]] = self._control("GET", "fired?limit=1000")
        return found

    def is_up(self) -> bool:
        """Tell whether it answers."""
        try:
            return bool(self._control("GET", "health")["status"] == "ok")
        except URLError:
            return False

    def warm_up(self) -> None:
        """Have it read its descriptions of AWS's services, which takes it seconds."""
        self.throw([{"service": "*", "error": {"code": "ThrottlingException"}}])
        for target in ("AmazonEC2ContainerServiceV20141113.ListClusters", "Logs_20140328.DescribeLogGroups"):
            headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
            with suppress(HTTPError):
                urlopen(Request(self.url, b"{}", headers), timeout=60)
        self.throw([])

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}/_microburst/{path}", data, method=method), timeout=10) as answer:
            return json.load(answer)


@contextmanager
def fault_proxy(upstream: str, log: Path) -> Iterator[FaultProxy]:
    """Start a proxy before an endpoint, and end it when the caller is done; what it says goes to a file."""
    port = free_port()
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "microburst", "--upstream", upstream, "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        proxy = FaultProxy(f"http://127.0.0.1:{port}")
        deadline = time.monotonic() + STARTS_WITHIN
        while not proxy.is_up():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        proxy.warm_up()
        yield proxy
    finally:
        # Told to end, it would wait for the answers that it holds back.
        process.kill()
        process.wait()
