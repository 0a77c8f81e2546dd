# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stand-in's command `oneshot` as a process: exit codes, session files, activity logs, signals, keys."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from oneshot_stand_in.executors import Step, missing, steps_of, verdict

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "systems" / "oneshot" / "stand_in" / "bin" / "oneshot"
KEY = "sk-ant-never-written-0123456789"
PATIENCE = 20  # seconds


@dataclass
class Desk:
    """A directory for jobs: `home` is their HOME, `cwd` their working directory."""

    root: Path
    path: str

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def cwd(self) -> Path:
        return self.root / "cwd"

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PROGRAM, *words],
            cwd=self.cwd,
            env={"PATH": self.path, "HOME": str(self.home)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **environment: str) -> tuple[int, str]:
        """Return the exit code and all output of a job."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out + err

    def session(self, directory: Path | None = None) -> dict[str, Any]:
        """Return the one session file's content."""
        (path,) = (directory or self.home / ".oneshot" / "sessions").glob("*oneshot*.json")
        assert re.fullmatch(r"oneshot_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-f]{12}\.json", path.name)
        return dict(json.loads(path.read_text()))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path, f"{Path(sys.executable).parent}:/usr/bin:/bin")
    made.home.mkdir()
    made.cwd.mkdir()
    return made


@pytest.mark.parametrize(
    ("prompt", "code", "state"),
    [
        ("say hello", 0, "COMPLETED"),
        ("Write a poem about queues.", 0, "COMPLETED"),
        ("say it will fail", 0, "COMPLETED"),
        ("please fail", 1, "FAILED"),
        ("reject this", 1, "REJECTED"),
    ],
)
def test_only_a_completed_job_exits_with_0(desk: Desk, prompt: str, code: int, state: str) -> None:
    assert desk.run("--executor", "direct", prompt)[0] == code
    session = desk.session()
    assert session["state"] == session["history"][-1]["state"] == state
    assert session["variables"]["task"] == prompt
    assert session["metadata"]["executor_type"] == "direct"


def test_a_completed_job_passes_through_the_original_states(desk: Desk) -> None:
    code, output = desk.run("--executor", "direct", "sleep 0.1; say hello world")
    assert code == 0
    assert "hello world" in output
    assert "stand-in" in output
    session = desk.session()
    assert [entry["state"] for entry in session["history"]] == [
        "CREATED",
        "WORKER_EXECUTING",
        "AUDIT_PENDING",
        "AUDITOR_EXECUTING",
        "COMPLETED",
    ]
    assert session["worker_result"] == "slept 0.1 s\nhello world\ndone"
    assert session["auditor_result"] == "done"


def test_options_choose_where_the_files_are(desk: Desk, tmp_path: Path) -> None:
    logs = tmp_path / "data" / "run-1"
    code, output = desk.run(
        *("--executor", "direct", "--logs-dir", str(logs), "--session-log", str(logs / "log"), "--keep-log", "say hi")
    )
    assert code == 0, output
    assert desk.session(logs)["state"] == "COMPLETED"
    lines = [json.loads(line) for line in (logs / "log").read_text().splitlines()]
    assert [(line["executor"], line["data"]) for line in lines] == [
        ("worker", "hi"),
        ("worker", "done"),
        ("auditor", "done"),
    ]
    assert all(line.keys() == {"timestamp", "data", "executor", "is_heartbeat"} for line in lines)
    assert list(desk.home.rglob("*")) == list(desk.cwd.rglob("*")) == []


def test_activity_log_stays_unless_the_job_completed(desk: Desk) -> None:
    """As the original does: without --keep-log, a completed job's activity log is removed."""
    assert desk.run("--executor", "direct", "say hi")[0] == 0
    assert list(desk.cwd.iterdir()) == []
    assert desk.run("--executor", "direct", "fail")[0] == 1
    (log,) = desk.cwd.iterdir()
    assert log.name.endswith("-oneshot-log.json")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_a_job_within_a_second(desk: Desk, number: signal.Signals) -> None:
    process = desk.start("--executor", "direct", "sleep 60")
    assert process.stderr
    assert "session" in process.stderr.readline()
    process.send_signal(number)
    process.communicate(timeout=5)
    assert process.returncode == 1
    session = desk.session()
    assert session["state"] == "INTERRUPTED"
    assert session["history"][-1]["reason"] == number.name


def test_a_crash_leaves_the_session_in_the_middle(desk: Desk) -> None:
    """A crash is a death by SIGKILL, as by the kernel's where memory is exceeded: nothing is written any more."""
    assert desk.run("--executor", "direct", "say before; crash; say after")[0] == -signal.SIGKILL
    assert desk.session()["state"] == "WORKER_EXECUTING"
    (log,) = desk.cwd.iterdir()
    assert "before" in log.read_text()
    assert "after" not in log.read_text()


def test_jobs_of_one_second_write_files_of_their_own(desk: Desk) -> None:
    processes = [desk.start("--executor", "direct", f"say {number}") for number in range(6)]
    for process in processes:
        process.communicate(timeout=PATIENCE)
    assert [process.returncode for process in processes] == [0] * 6
    sessions = [json.loads(path.read_text()) for path in (desk.home / ".oneshot" / "sessions").iterdir()]
    assert sorted(session["variables"]["task"] for session in sessions) == [f"say {number}" for number in range(6)]


def test_a_session_file_is_complete_at_every_instant(desk: Desk) -> None:
    process = desk.start("--executor", "direct", "sleep 0.3; say hi")
    seen = set()
    while process.poll() is None:
        for path in (desk.home / ".oneshot" / "sessions").glob("oneshot_*.json"):
            seen.add(json.loads(path.read_text())["state"])
    process.communicate()
    assert "WORKER_EXECUTING" in seen
    assert list(desk.home.rglob("*.tmp")) == []


def test_the_executor_claude_requires_its_key(desk: Desk) -> None:
    code, output = desk.run("--executor", "claude", "say hi")
    assert code == 1
    assert "claude requires the variable ANTHROPIC_API_KEY" in output
    assert desk.session()["state"] == "FAILED"


@pytest.mark.parametrize("prompt", ["say hi", f"say the key is {KEY}", f"{KEY}; fail", f"reject {KEY}"])
def test_the_key_is_never_written(desk: Desk, prompt: str) -> None:
    _code, output = desk.run("--executor", "claude", "--keep-log", prompt, ANTHROPIC_API_KEY=KEY)
    written = [path.read_text() for path in desk.root.rglob("*") if path.is_file()]
    assert len(written) == 2
    assert not [text for text in (output, *written) if KEY in text]


def test_an_executor_that_the_image_lacks_fails_the_job(desk: Desk) -> None:
    code, output = desk.run("say hi")
    assert code == 1
    assert "command not found: cline" in output


def test_a_wrong_call_exits_with_2(desk: Desk) -> None:
    assert desk.run("--executor", "codex", "say hi")[0] == 2
    assert desk.run()[0] == 2
    assert list(desk.root.rglob("*.json")) == []


def test_words_choose_the_steps_in_their_order() -> None:
    steps = steps_of("Sleep 3 and then say all is well; reject")
    assert steps == (Step("sleep", seconds=3.0), Step("say", text="all is well"), Step("reject"))
    assert verdict(steps) == "impossible"
    assert steps_of("asleep 3, failure, rejected") == ()


def test_missing_names_no_value() -> None:
    assert missing("claude", {"ANTHROPIC_API_KEY": KEY}) is None
    assert missing("direct", {}) is None
    assert missing("claude", {"ANTHROPIC_API_KEY": ""}) == "claude requires the variable ANTHROPIC_API_KEY"
