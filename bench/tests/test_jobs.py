# SPDX-License-Identifier: Apache-2.0
"""The benchmark of jobs: what it reads from a run, and the table that it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench import jobs, processes
from bench.jobs import Jobs, Round
from bench.processes import Ended
from bench.server import BenchError


def test_ratios_and_rates_are_medians_of_rounds() -> None:
    measured = {
        20: {
            "none": [Round(None, 2.0, 1.0), Round(None, 4.0, 1.0)],
            "ecs_task_run": [Round(3.0, 6.0, 2.0), Round(5.0, 18.0, 4.0)],
            "boto3": [Round(1.0, 2.0, 0.5), Round(1.5, 2.0, 0.5)],
        }
    }
    assert jobs.table(measured).splitlines()[2:] == [
        "| 20 | none |  | 3.00 |  | 1.00 | 1.50 |",
        "| 20 | ecs_task_run | 4.00 | 12.00 | 100 | 3.00 | 6.00 |",
        "| 20 | boto3 | 1.25 | 2.00 | 600 | 0.50 | 1.00 |",
    ]


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """A runner whose commands all end at once, with two jobs' lines in their output."""

    def ended(command: Any, core: int, environment: Any, timeout_s: float) -> Ended:
        return Ended("job 1002.5\nother\njob 1001.25\n", 1000.0, 4.0, 1.0, 0.5, 50.0)

    monkeypatch.setattr(processes, "run", ended)
    monkeypatch.setattr(processes, "cores", lambda: (0, 1))
    (tmp_path / "aws").mkdir()
    (tmp_path / "aws" / "credentials").write_text("[ddbload-local]\naws_access_key_id = made-up\n")
    made = Jobs(tmp_path, 1)
    made.subnet = "subnet-1"
    return made


def test_the_first_line_counts_from_the_start_of_the_tool(runner: Jobs) -> None:
    assert runner.run("boto3", 2) == Round(1.25, 4.0, 1.5)


def test_a_play_without_jobs_has_no_first_line(runner: Jobs) -> None:
    assert runner.run("none", 2) == Round(None, 4.0, 1.5)


@pytest.mark.parametrize("tool", ["boto3", "ecs_task_run"])
def test_a_job_without_a_line_is_a_failure(runner: Jobs, tool: str) -> None:
    with pytest.raises(BenchError, match=f"{tool} shows . of 3 jobs"):
        runner.run(tool, 3)


def test_a_failure_to_measure_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(rounds: int) -> None:
        raise BenchError(f"no emulator in {rounds} rounds")

    monkeypatch.setattr(jobs, "measure", fail)
    assert jobs.main(["--rounds", "2"]) == 2
    assert capsys.readouterr().err == "bench: no emulator in 2 rounds\n"
