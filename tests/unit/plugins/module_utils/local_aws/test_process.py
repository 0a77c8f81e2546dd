# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.process import (
    BackgroundProcess,
    ProcessError,
    clean_environment,
    start_time,
    wait_until,
)

PYTHON = Path(sys.executable).name
ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[BackgroundProcess]:
    process = BackgroundProcess("service", tmp_path / "state", ("sleep", "sh", PYTHON))
    yield process
    process.stop(1)


def never() -> bool:
    return False


def test_runs_detached_until_it_is_stopped(process: BackgroundProcess) -> None:
    pid = process.start(["sleep", "60"], ENVIRONMENT, {"engine": "process"})
    assert process.running_pid() == pid
    assert os.getsid(pid) == pid
    assert process.note("engine", "") == "process"
    assert process.stop(5)
    assert process.running_pid() is None
    assert not process.pid_file.exists()
    assert not process.stop(5)


def test_output_is_appended_and_the_environment_is_the_given_one(process: BackgroundProcess) -> None:
    for word in ("one", "two"):
        process.start(["sh", "-c", 'echo "$WORD"; cat; env | grep -c HOME'], {"WORD": word, **ENVIRONMENT}, {})
        assert wait_until(lambda: process.running_pid() is None, 5)
    assert process.log_file.read_text() == "one\n0\ntwo\n0\n"


@pytest.mark.parametrize(
    "content", ["", "4711", "[]", "{}", '{"pid": "x", "started": 1}', '{"pid": 999999999, "started": "1"}']
)
def test_a_stale_pid_file_is_ignored(process: BackgroundProcess, content: str) -> None:
    process.directory.mkdir()
    process.pid_file.write_text(content)
    assert process.running_pid() is None
    assert not process.stop(1)
    assert process.start(["sleep", "60"], ENVIRONMENT, {}) == process.running_pid()


def test_a_reused_pid_is_never_signalled(process: BackgroundProcess) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        process.directory.mkdir()
        process.pid_file.write_text(json.dumps({"pid": other.pid, "started": "before"}))
        assert process.running_pid() is None
        assert not process.stop(1)
        assert other.poll() is None
        other.kill()


def test_zombie_does_not_run() -> None:
    child = subprocess.Popen(["true"])
    assert wait_until(lambda: start_time(child.pid) == "", 5)
    child.wait()


def test_a_process_that_ignores_sigterm_is_killed(process: BackgroundProcess) -> None:
    process.start(["sh", "-c", "trap '' TERM; sleep 60 & echo $!; while :; do sleep 0.05; done"], ENVIRONMENT, {})
    assert wait_until(lambda: process.log_file.read_text().strip() != "", 5)
    assert process.stop(0.3)
    assert wait_until(lambda: start_time(int(process.log_file.read_text())) == "", 5)


def test_process_that_dies_at_its_start_shows_the_end_of_its_log(process: BackgroundProcess) -> None:
    process.start([sys.executable, "-c", "raise SystemExit('no module')"], ENVIRONMENT, {})
    with pytest.raises(ProcessError, match=r"service ended at once; .*service\.log\): no module"):
        process.await_health(never, 10, never)


def test_a_process_that_is_never_healthy_is_an_error(process: BackgroundProcess) -> None:
    process.start(["sleep", "60"], ENVIRONMENT, {})
    with pytest.raises(ProcessError, match=r"gave no healthy answer within 0\.2 s; .*the log is empty"):
        process.await_health(never, 0.2, never)


def test_interrupted_wait_ends_at_once(process: BackgroundProcess) -> None:
    process.start(["sleep", "60"], ENVIRONMENT, {})
    began = time.monotonic()
    with pytest.raises(ProcessError, match="interrupted"):
        process.await_health(never, 30, lambda: time.monotonic() - began > 0.2)
    assert time.monotonic() - began < 2


def test_log_tail_is_one_line(process: BackgroundProcess) -> None:
    assert process.log_tail() == "(no log)"
    process.directory.mkdir()
    process.log_file.write_text("".join(f"line {number}\n\n" for number in range(5000)))
    assert process.log_tail(2) == "line 4998 | line 4999"
    process.log_file.write_text("x" * 9000)
    assert process.log_tail() == "x" * 200


def test_clean_environment_holds_only_what_is_named() -> None:
    environ = {"HOME": "/home/me", "AWS_PROFILE": "prod", "PATH": "/bin"}
    assert clean_environment(environ, ["HOME", "TZ"], {"PATH": "/venv"}) == {"HOME": "/home/me", "PATH": "/venv"}
