# SPDX-License-Identifier: Apache-2.0
"""Launching and following many tasks: the module ecs_task_run in a playbook, over a fake ECS with assumed latencies.

It prints the duration of the launch, the age of a line on arrival, the calls a minute, how long the
module runs after the last task has stopped, and how soon all tasks have stopped after Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.fleet_aws import FleetAws
from bench.printing import printed
from bench.processes import ROOT
from bench.server import BenchError

PLAYBOOK = Path(__file__).with_suffix(".yml")
MARK = "DDBLOAD_BENCH_FLEET"  # environment variable of the processes that are measured
GRACE_S = 600.0
POLL_S = 0.05
TICKS = os.sysconf("SC_CLK_TCK")
# Seconds of a call: assumed, since the benchmark does not call AWS.
LATENCIES = {
    "RunTask": 0.3,
    "DescribeTasks": 0.1,
    "StopTask": 0.15,
    "GetLogEvents": 0.06,
    "FilterLogEvents": 0.25,
    "UpdateItem": 0.02,
}


class Measured(NamedTuple):
    """The measurements of one run.

    Attributes:
        tasks: their number.
        launch_s: from the first to the last RunTask.
        ages_s: the age of each line on arrival, except those of the end.
        minutes: from the first call to the last.
        calls: the number of calls by operation.
        most: the largest number of calls of an operation within a second.
        throttled: the number of throttled calls.
        return_s: from the last STOPPED to the playbook's end, or after Ctrl-C to the module's.
        cpu_s: CPU seconds of the module.
        memory_mib: its peak memory.
        lines: lines that arrived, lines that were written, and lines that arrived twice.
        ordered: whether the lines of each task arrived in order.
        stopped_s: after Ctrl-C: seconds to the write, to the last STOPPED, and to the playbook's end.
    """

    tasks: int
    launch_s: float
    ages_s: list[float]
    minutes: float
    calls: Counter[str]
    most: Counter[str]
    throttled: int
    return_s: float
    cpu_s: float
    memory_mib: float
    lines: tuple[int, int, int]
    ordered: bool
    stopped_s: tuple[float, float, float] | None


class Tail(threading.Thread):
    """Follows a file of lines, and records their age.

    Attributes:
        ages: for each line its task, its number, when it was written (s since 1970), and its age in seconds.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.ages: list[tuple[int, int, float, float]] = []
        self._path, self._over = path, threading.Event()

    def run(self) -> None:
        """Read until `stop`, and then the rest."""
        position = 0
        while True:
            over = self._over.wait(POLL_S)
            with contextlib.suppress(FileNotFoundError), self._path.open("rb") as file:
                file.seek(position)
                content = file.read()
                whole = content[: content.rfind(b"\n") + 1]
                position += len(whole)
                now = time.time()
                for line in whole.splitlines():
                    event = json.loads(line)
                    self.ages.append((event["task"], event["line"], event["ts"], now - event["ts"]))
            if over:
                return

    def stop(self) -> None:
        """End after the rest of the file."""
        self._over.set()
        self.join()


class ModuleProcess:
    """The module's process, found by a mark in its environment; it may outlive the playbook.

    Attributes:
        cpu_s: its CPU seconds so far.
        memory_mib: its peak memory so far.
    """

    def __init__(self, mark: str) -> None:
        self.cpu_s = self.memory_mib = 0.0
        self._mark = f"{MARK}={mark}".encode()
        self._path: Path | None = None

    def look(self) -> bool:
        """Measure the process; returns whether it runs."""
        try:
            self._path = self._path or self._find()
            if self._path is None:
                return False
            fields = (self._path / "stat").read_text().rpartition(")")[2].split()
            status = (self._path / "status").read_text()
        except OSError:
            return False
        if fields[0] == "Z":
            return False
        self.cpu_s = (int(fields[11]) + int(fields[12])) / TICKS
        peak = next((line for line in status.splitlines() if line.startswith("VmHWM:")), "VmHWM: 0 kB")
        self.memory_mib = max(self.memory_mib, int(peak.split()[1]) / 1024)
        return True

    def _find(self) -> Path | None:
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (path / "cmdline").read_bytes().split(b"\0")
                # Ansible pipes the module's program to a separate Python.
                is_python = b"python" in command[0] and not any(b"ansible-playbook" in word for word in command)
                if is_python and self._mark in (path / "environ").read_bytes():
                    return path
        return None


def run(aws: FleetAws, control: bool, interrupt_after_s: float | None = None) -> Measured:
    """Run the playbook over a fake.

    Args:
        aws: the fake.
        control: whether there is a control table, so that ten tasks are launched a call.
        interrupt_after_s: seconds of load before Ctrl-C; None for no interrupt.

    Raises:
        BenchError: the playbook failed, or does not end.
    """
    port = aws.server.server_address[1]
    with tempfile.TemporaryDirectory(prefix="ddbload-bench-") as directory:
        log_file = Path(directory, "events.jsonl")
        variables = {
            "ansible_python_interpreter": sys.executable,
            "bench_count": aws.count,
            "bench_control": {"table_name": "control", "run_id": "bench"} if control else None,
            "bench_index_variable": None if control else "DDBLOAD_SEGMENT",
            "bench_endpoint": f"http://127.0.0.1:{port}",
            "bench_log_file": str(log_file),
        }
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            MARK: str(port),
        }
        tail, module = Tail(log_file), ModuleProcess(str(port))
        tail.start()
        with Path(directory, "output").open("w+b") as output:
            playbook = subprocess.Popen(
                ["ansible-playbook", str(PLAYBOOK), "-i", "localhost,", "-c", "local", "-e", json.dumps(variables)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                interrupted_at, ended_at = _wait(playbook, module, aws, interrupt_after_s)
            finally:
                if playbook.poll() is None:
                    os.killpg(playbook.pid, signal.SIGTERM)
            module_ended_at = time.time()
            tail.stop()
            output.seek(0)
            if playbook.returncode and interrupt_after_s is None:
                raise BenchError(f"the playbook failed: {output.read().decode()[-2000:]}")
    aws.server.shutdown()
    return _measured(aws, tail, module, interrupted_at, ended_at, module_ended_at)


def _wait(
    playbook: subprocess.Popen[bytes], module: ModuleProcess, aws: FleetAws, interrupt_after_s: float | None
) -> tuple[float, float]:
    """Wait for the end of the playbook and the module; returns the instants of Ctrl-C and of the playbook's end."""
    deadline = time.time() + GRACE_S + aws.runs_s
    interrupted_at = ended_at = 0.0
    while True:
        runs = module.look()
        now = time.time()
        if not ended_at and playbook.poll() is not None:
            ended_at = now
        if ended_at and not runs:
            return interrupted_at, ended_at
        has_load = len(aws.tasks) == aws.count and now > aws.tasks[-1].started_at + (interrupt_after_s or 0.0)
        if interrupt_after_s is not None and not interrupted_at and has_load:
            interrupted_at = now
            os.killpg(playbook.pid, signal.SIGINT)
        if now > deadline:
            raise BenchError("the playbook does not end")
        time.sleep(POLL_S)


def _measured(
    aws: FleetAws, tail: Tail, module: ModuleProcess, interrupted_at: float, ended_at: float, module_ended_at: float
) -> Measured:
    launches = [at for at, name in aws.calls if name == "RunTask"]
    last_stopped = max(task.stopped_at for task in aws.tasks)
    came = [(task, line) for task, line, _at, _age in tail.ages]
    by_task: dict[int, list[int]] = {}
    for task, line in came:
        by_task.setdefault(task, []).append(line)
    stopped = None
    if interrupted_at:
        written = aws.stop_written_at - interrupted_at if aws.stop_written_at else float("nan")
        stopped = (written, last_stopped - interrupted_at, ended_at - interrupted_at)
    return Measured(
        tasks=len(aws.tasks),
        launch_s=launches[-1] - launches[0],
        # The last lines are read once a task has stopped, not live.
        ages_s=[age for _task, _line, at, age in tail.ages if at + age < last_stopped],
        minutes=(aws.calls[-1][0] - aws.calls[0][0]) / 60,
        calls=Counter(name for _at, name in aws.calls),
        most=_most_in_a_second(aws.calls),
        throttled=aws.throttled,
        return_s=(module_ended_at if interrupted_at else ended_at) - last_stopped,
        cpu_s=module.cpu_s,
        memory_mib=module.memory_mib,
        lines=(len(set(came)), aws.lines, len(came) - len(set(came))),
        ordered=all(lines == sorted(lines) for lines in by_task.values()),
        stopped_s=stopped,
    )


def _most_in_a_second(calls: Iterable[tuple[float, str]]) -> Counter[str]:
    times: dict[str, list[float]] = {}
    for at, name in calls:
        times.setdefault(name, []).append(at)
    most: Counter[str] = Counter()
    for name, ats in times.items():
        first = 0
        for last, at in enumerate(ats):
            while ats[first] <= at - 1:
                first += 1
            most[name] = max(most[name], last - first + 1)
    return most


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that this share of the values does not exceed; 0 without values."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def table(runs: Sequence[Measured]) -> str:
    """Return the runs as a table in Markdown, a column a run."""

    def rate(one: Measured, name: str) -> str:
        return f"{one.calls[name] / one.minutes:.0f}, {one.most[name]}" if one.calls[name] else "none"

    rows = {
        "launch, first to last RunTask": [f"{one.launch_s:.1f} s" for one in runs],
        "RunTask calls": [str(one.calls["RunTask"]) for one in runs],
        "age of a line p50 / p99 / max": [
            " / ".join(f"{percentile(one.ages_s, part):.1f}" for part in (0.5, 0.99, 1.0)) + " s" for one in runs
        ],
        "FilterLogEvents a minute, most in a second": [rate(one, "FilterLogEvents") for one in runs],
        "GetLogEvents": [rate(one, "GetLogEvents") for one in runs],
        "DescribeTasks a minute, most in a second": [rate(one, "DescribeTasks") for one in runs],
        "throttled": [str(one.throttled) for one in runs],
        "last STOPPED to return": [f"{one.return_s:.1f} s" for one in runs],
        "CPU, peak memory of the module": [f"{one.cpu_s:.0f} s, {one.memory_mib:.0f} MiB" for one in runs],
        "lines that came": [
            f"{one.lines[0]:,} of {one.lines[1]:,}, {one.lines[2]} twice, {'in' if one.ordered else 'out of'} order"
            for one in runs
        ],
        "Ctrl-C to write / last STOPPED / playbook's end": [
            " / ".join(f"{seconds:.1f}" for seconds in one.stopped_s) + " s" if one.stopped_s else "" for one in runs
        ],
        "StopTask calls": [str(one.calls["StopTask"]) for one in runs],
    }
    lines = ["| tasks | " + " | ".join(str(one.tasks) for one in runs) + " |", "|---" * (len(runs) + 1) + "|"]
    return "\n".join([*lines, *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items())])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; returns the exit code: 0, or 2 where it cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--tasks", type=int, nargs="+", default=[100, 500], help="numbers of tasks (100 500)")
    parser.add_argument("--seconds", type=int, default=60, help="seconds of each task's load (60)")
    parser.add_argument("--start", type=float, default=2.0, help="seconds from a task's creation to its start (2)")
    parser.add_argument("--delay", type=float, default=0.3, help="seconds after which a line can be read (0.3)")
    parser.add_argument("--interrupt", type=float, help="press Ctrl-C after this many seconds of load")
    parser.add_argument("--without-control", action="store_true", help="launch by an index variable, a task a call")
    for name, seconds in LATENCIES.items():
        parser.add_argument(f"--{name}", type=float, default=seconds, help=f"seconds that a {name} takes ({seconds})")
    options = parser.parse_args(arguments)
    latency_s = {name: getattr(options, name) for name in LATENCIES}

    def measure() -> str:
        measured = []
        for count in options.tasks:
            aws = FleetAws(latency_s, options.start, options.seconds, options.delay, count)
            measured.append(run(aws, not options.without_control, options.interrupt))
            print(f"bench: {count} tasks are done", file=sys.stderr)
        return table(measured)

    return printed(measure)


if __name__ == "__main__":
    sys.exit(main())
