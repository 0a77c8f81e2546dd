# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy of the embedded AWS that responds with errors, late, or not at all: microburst, as a process."""

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
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from ports import free_port

STARTS_WITHIN = 120.0  # seconds; it imports much


@dataclass
class FaultProxy:
    """The proxy; https://github.com/pingedbrain/microburst describes the rules.

    Attributes:
        url: the URL to call instead of AWS.
    """

    url: str

    def throw(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace the rules and forget the earlier faults."""
        self._control("DELETE", "fired")
        self._control("POST", "rules", list(rules))

    def thrown(self) -> list[dict[str, Any]]:
        """Return the injected faults in order, each with its operation and its effect."""
        found: list[dict[str, Any]] = self._control("GET", "fired?limit=1000")
        return found

    def is_up(self) -> bool:
        """Return whether the proxy responds."""
        try:
            return bool(self._control("GET", "health")["status"] == "ok")
        except OSError:  # not yet, or not in time
            return False

    def warm_up(self) -> None:
        """Have the proxy read its descriptions of AWS's services, which takes seconds."""
        self.throw([{"service": "*", "error": {"code": "ThrottlingException"}}])
        for target in ("AmazonEC2ContainerServiceV20141113.ListClusters", "Logs_20140328.DescribeLogGroups"):
            headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
            with suppress(HTTPError):
                urlopen(Request(self.url, b"{}", headers), timeout=STARTS_WITHIN)
        self.throw([])

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        with urlopen(Request(f"{self.url}/_microburst/{path}", data, method=method), timeout=30) as answer:
            return json.load(answer)


@contextmanager
def fault_proxy(upstream: str, log: Path) -> Iterator[FaultProxy]:
    """Start a proxy of an endpoint, and end it when the caller is done; its output goes to a file."""
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
        # On SIGTERM the proxy waits for the responses that it delays.
        process.kill()
        process.wait()
