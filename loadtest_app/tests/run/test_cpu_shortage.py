# SPDX-License-Identifier: Apache-2.0
"""A load tester without enough CPU reports that as the cause, not the table or its connections."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import Running, Scenario, Seen
from server import Server

CONTROL_GROUPS = Path("/sys/fs/cgroup")
ATTEMPTS = 4
# A small quota, so that the server has enough CPU on a busy machine.
QUOTA, PERIOD_US = 0.05, 100_000
QUICK = {"precision": 0.2, "confirmations": 1, "trial": 1.0, "settle": 0.2, "rest": 0.05}
BASE = {"connections": 64, "item": {"size": 200}, "keys": {"count": 1_000_000}, "verify": {"enabled": False}}


@contextmanager
def quota_group() -> Iterator[Path]:
    """Create a control group with a quota; skips where the machine does not permit it."""
    is_second_version = (CONTROL_GROUPS / "cgroup.controllers").exists()
    group = (CONTROL_GROUPS if is_second_version else CONTROL_GROUPS / "cpu") / f"ddbload-{os.getpid()}"
    quota_us = round(QUOTA * PERIOD_US)
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        try:
            if is_second_version:
                (group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
            else:
                (group / "cpu.cfs_quota_us").write_text(str(quota_us))
        except OSError as error:
            pytest.skip(f"no control group can have a quota here: {error}")
        yield group
    finally:
        group.rmdir()


def run_within(group: Path, scenario: Scenario) -> Seen:
    """Run the load tester with the quota of a control group, and the server without it."""
    with Server() as server, Running(server.url, BASE | dict(scenario)) as running:
        (group / "cgroup.procs").write_text(str(running.process.pid))
        return running.end()


def test_a_quota_is_named_as_the_limit_of_a_search() -> None:
    # Where other processes use the server's CPU, the server is the slower one.
    for _attempt in range(ATTEMPTS):
        with quota_group() as group:
            seen = run_within(
                group,
                {"plan": {"type": "find_max", "start": 50, "ceiling": 40_000} | QUICK, "thresholds": ["p99 < 50ms"]},
            )
        found = seen.results["search"]
        if found["limited_by"] == "generator":
            break
    assert (found["limited_by"], seen.results["verification"]) == ("generator", None)
    assert any(event["generator_limited"] for event in seen.of("run.trial"))


def test_a_quota_breaks_a_plan_that_it_cannot_carry() -> None:
    with quota_group() as group:
        seen = run_within(group, {"plan": {"type": "constant_rate", "rate": 1500, "duration": 4}})
    assert (seen.code, seen.results["plan"]["kept"]) == (3, False)
    assert "this machine had too little CPU (the load tester computed for " in seen.message
    assert "give the task more CPU" in seen.message
    assert not any("connections" in text for text in seen.results["warnings"])
    used = seen.last("run.summary")["generator"]
    assert used["used_s"] < used["waited_s"]


def test_other_processes_that_use_the_cpu_are_reported() -> None:
    """The load tester has the lowest priority on the CPU that others use, and a plan that needs half of it."""
    core = {min(os.sched_getaffinity(0))}
    with Server() as server:
        scenario = BASE | {"plan": {"type": "constant_rate", "rate": 3000, "duration": 3}}
        others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
        try:
            for other in others:
                os.sched_setaffinity(other.pid, core)
            with Running(server.url, scenario) as running:
                running.wait_for("run.started")
                os.sched_setaffinity(running.process.pid, core)
                os.setpriority(os.PRIO_PROCESS, running.process.pid, 19)
                seen = running.end()
        finally:
            for other in others:
                other.kill()
                other.wait()
    texts = [*seen.results["warnings"], seen.message]
    assert any("waited " in text and " s for a CPU" in text for text in texts)
    assert not any("connections were busy" in text for text in texts)


def test_a_stopped_process_is_the_cause_of_lateness() -> None:
    """Operations are late for a second, and the warning does not name the connections."""
    with Server() as server:
        scenario = BASE | {"processes": 1, "plan": {"type": "constant_rate", "rate": 200, "duration": 3}}
        with Running(server.url, scenario) as running:
            running.wait_for("run.progress")
            running.send(signal.SIGSTOP)
            time.sleep(1.0)  # the length of the stop
            running.send(signal.SIGCONT)
            seen = running.end()
    silence_ms = seen.results["generator"]["longest_silence_ms"]
    assert silence_ms > 900
    texts = [*seen.results["warnings"], seen.message]
    assert any("the load tester did not run for" in text or "too little CPU" in text for text in texts)
    assert not any("connections were busy" in text for text in texts)
