# SPDX-License-Identifier: Apache-2.0
"""The load tester as a command against a test server, and its output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from ddbload.results import merge as results
from ddbload.results.file import save
from server import Request

SOURCE = Path(__file__).parents[1] / "src"
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONPATH": str(SOURCE),
    "AWS_ACCESS_KEY_ID": "invented-test-key",
    "AWS_SECRET_ACCESS_KEY": "invented-test-secret",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
TABLE = "test-table"
RUN_ID = "r"
# A run that hangs fails its test instead of hanging it.
PATIENCE_S = 60.0

Scenario = Mapping[str, Any]
Event = dict[str, Any]


class Seen(NamedTuple):
    """The output of a run: its exit code, its events in order, the merged results, its standard error."""

    code: int
    events: list[Event]
    results: dict[str, Any]
    errors: str

    def of(self, kind: str) -> list[Event]:
        """Return the events of one kind."""
        return [event for event in self.events if event["event"] == kind]

    def last(self, kind: str) -> Event:
        """Return the last event of one kind."""
        return self.of(kind)[-1]

    @property
    def message(self) -> str:
        """The reason why the run did not pass, in one line; empty where it passed."""
        failures = self.of("run.failed")
        return str(failures[-1]["message"]) if failures else ""

    def operation(self, name: str = "put") -> dict[str, Any]:
        """Return the merged figures of an entry of the mix."""
        figures: dict[str, Any] = self.results["operations"][name]
        return figures


def seen(code: int, output: str, errors: str) -> Seen:
    """Read what a run wrote."""
    lines = output.splitlines()
    events = [json.loads(line) for line in lines]
    return Seen(code, [event for event in events if "event" in event], results.merge(lines), errors)


def arguments(url: str, scenario: Scenario | None, more: Sequence[str] = ()) -> list[str]:
    """Return the command line of a run; the table is the server's own where the scenario names none."""
    command = [sys.executable, "-m", "ddbload", "run", "--run-id", RUN_ID, "--endpoint-url", url]
    if scenario is not None:
        command += ["--scenario", json.dumps({"table": TABLE, "seed": 7} | dict(scenario))]
    return [*command, *more]


def run(url: str, scenario: Scenario | None, *more: str, **environment: str) -> Seen:
    """Run a scenario to its end; without one the environment defines it."""
    with Running(url, scenario, *more, **environment) as running:
        return running.end()


class Running:
    """A running load tester, for a ``with``; it is killed at the end of the block."""

    def __init__(self, url: str, scenario: Scenario | None, *more: str, **environment: str) -> None:
        self._command = arguments(url, scenario, more)
        self._environment = ENVIRONMENT | environment
        self._lines: list[str] = []

    def __enter__(self) -> Running:
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_for(self, kind: str, is_right: Callable[[Event], bool] = lambda _event: True) -> Event:
        """Read up to an event of a kind and return it.

        Raises:
            EOFError: the run ended without one.
        """
        assert self.process.stdout
        for line in self.process.stdout:
            self._lines.append(line)
            event: Event = json.loads(line)
            if event.get("event") == kind and is_right(event):
                return event
        raise EOFError(f"no {kind}: {''.join(self._lines[-3:])}{self.process.communicate()[1]}")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def end(self) -> Seen:
        """Wait for its end, and return its output."""
        rest, errors = self.process.communicate(timeout=PATIENCE_S)
        return seen(self.process.returncode, "".join(self._lines) + rest, errors)


def workers_of(running: Running) -> list[int]:
    """Return the process ids of a run's workers, in their order."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text(encoding="utf-8")
    return [int(pid) for pid in children.split()]


def killed(url: str, scenario: Scenario, after_s: float, *more: str, worker: int = 0) -> Seen:
    """Kill the first process as the kernel does for lack of memory: worker 0, or that of the segment."""
    with Running(url, scenario, *more) as running:
        running.wait_for("run.progress", lambda event: event["worker"] == worker and event["elapsed_s"] > after_s)
        os.kill(workers_of(running)[0], signal.SIGKILL)
        return running.end()


def after(name: str, seen: Seen, url: str, folder: Path, *more: str) -> tuple[int, dict[str, Any]]:
    """Run a command on the results of an ended run; returns its exit code and its output."""
    file = folder / "results.json"
    save(file, seen.results)
    command = [sys.executable, "-m", "ddbload", name, str(file), "--endpoint-url", url, *more]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)


def totals(figures: Mapping[str, Any]) -> Counter[str]:
    """Return the number of an operation's requests by outcome."""
    counts = Counter({name: figures[name] for name in ("ok", "expected", "contention")})
    for name in ("throttled", "cancelled", "failed"):
        counts[name] = sum(figures[name].values())
    return +counts


def adds_up(merged: Mapping[str, Any]) -> bool:
    """Return whether every operation that was sent has exactly one outcome, and the plan counts all of them."""
    operations = merged["operations"].values()
    ended = all(figures["sent"] == totals(figures).total() for figures in operations)
    plan = merged["plan"]
    whole = plan["planned"] == plan["sent"] + plan["never_sent"] + plan["passed_over"]
    return ended and whole and plan["sent"] == sum(figures["sent"] for figures in operations)


def is_checked(check: Mapping[str, Any], keys: int) -> bool:
    """Return whether a check found each key of a table; an indeterminate write may be there or not."""
    found = int(check["present"])
    is_good = not (check["lost"] or check["corrupt"] or check["phantom"])
    return is_good and found <= keys <= found + check["indeterminate"]


def apart_from_lateness(warnings: Sequence[str]) -> list[str]:
    """Return the warnings without that of late operations, which other work on the machine may cause."""
    return [text for text in warnings if "operations were sent up to" not in text]


def constant(rate: float, duration: float) -> dict[str, Any]:
    """Return a plan of a constant rate."""
    return {"type": "constant_rate", "rate": rate, "duration": duration}


def closed(concurrency: int, operations: int) -> dict[str, Any]:
    """Return a plan of this many callers."""
    return {"type": "closed", "concurrency": concurrency, "operations": operations}


def rule(what: Mapping[str, Any], **when: Any) -> dict[str, Any]:
    """Return a rule of the server's script."""
    return {"when": when, "what": dict(what)}


class Limited:
    """A script that accepts a number of puts a second, and applies a fault to the others."""

    def __init__(self, what: Mapping[str, Any], limit: float, burst: float) -> None:
        """Take the fault, the puts a second, and the size of a burst."""
        self._what = what
        self._limit, self._burst = limit, burst
        self._tokens, self._latest_s = burst, 0.0

    def __call__(self, request: Request) -> Mapping[str, Any] | None:
        if request.operation != "PutItem":
            return None
        self._tokens = min(self._burst, self._tokens + self._limit * (request.elapsed_s - self._latest_s))
        self._latest_s = request.elapsed_s
        if self._tokens < 1:
            return self._what
        self._tokens -= 1
        return None


# The behaviour of a table beyond its limit, and the threshold that then fails.
LIMITS = {
    "throttles": ({"throttle": {"reason": "TableWriteKeyRangeThroughputExceeded"}}, "throttled < 1%"),
    "delays": ({"delay_ms": 250}, "put.p99 < 200ms"),
}


class Arrivals:
    """A script, for a server in a thread, that delays all requests equally, and records their instants."""

    def __init__(self, delay_ms: float = 0.0) -> None:
        self.instants: list[float] = []
        self._delay_ms = delay_ms

    def __call__(self, request: Request) -> dict[str, Any] | None:
        if request.operation in ("DescribeTable", "connect"):
            return None
        self.instants.append(request.elapsed_s)
        return {"delay_ms": self._delay_ms} if self._delay_ms else None

    def levels(self) -> list[int]:
        """Return the number of requests in flight at each arrival, itself included; each takes the delay at least."""
        delay_s = self._delay_ms / 1000
        return [
            sum(instant - delay_s < before for before in self.instants[:position]) + 1
            for position, instant in enumerate(self.instants)
        ]
