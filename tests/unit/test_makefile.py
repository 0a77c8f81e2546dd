# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Makefile: its demos, and the table of its steps."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEMOS = ("load_test", "oneshot", "mcp_gateway")
SYSTEMS = sorted(path.parent.name for path in ROOT.glob("systems/*/system.yml"))


STEPS = f"""
include {ROOT}/Makefile
tests: ; $(call with_table,$(MAKE) --file=steps.mk --keep-going good bad)
good: ; $(call step,a step that passes,true)
bad: ; $(call step,a step that fails,exit 3; echo too far)
"""


def make(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make, as a user would who does not sit in a recipe of make."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", *arguments]
    return subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def demo(system: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `make demo` with options of make."""
    return make(ROOT, *options, "demo", f"SYSTEM={system}", "ARGS=-e local_aws_port=4567")


@pytest.mark.parametrize("system", SYSTEMS)
def test_each_system_has_a_demo(system: str) -> None:
    """It deploys the system, then runs a test or a job of it; both take ARGS."""
    done = demo(system, "--dry-run")
    assert done.returncode == 0, done.stderr
    plays = [line for line in done.stdout.splitlines() if "ansible-playbook deploy.yml" in line]
    runs = [line for line in done.stdout.splitlines() if "ansible-playbook run-" in line]
    assert len(plays) == 1 and runs
    assert "-e local_aws_port=4567" in plays[0] and "-e local_aws_port=4567" in "".join(runs)
    assert system == "load_test" or f"-e system={system} " in plays[0]


def test_an_unknown_system_has_no_demo() -> None:
    done = demo("unknown")
    assert done.returncode != 0
    assert done.stdout == f"there is no demo of system unknown -> take one of: {' '.join(DEMOS)}\n"


def test_the_table_names_the_step_that_fails(tmp_path: Path) -> None:
    """It comes also where a step fails, with each step's seconds; the run fails all the same."""
    (tmp_path / "steps.mk").write_text(STEPS)
    done = make(tmp_path, "--file=steps.mk", "tests")
    assert done.returncode != 0 and "too far" not in done.stdout
    _steps, _title, table = done.stdout.partition("==> Seconds and CPU seconds of each step")
    rows = {row.partition(" CPU  ")[2] for row in table.splitlines()}
    assert rows >= {"a step that passes", "a step that fails (FAILED)", "in all"}
