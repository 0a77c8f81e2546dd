# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role load_test names a run as text, and stops where ECS does not take the name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[4]
TASKS = ROOT / "roles" / "load_test" / "tasks" / "main.yml"
REFUSED = ["--help", "1.2.3", "a/b", "x" * 65, "two\nlines", " "]
TAKEN = {"a": "a", "x" * 64: "x" * 64, "Run-1_b": "Run-1_b", True: "True", 7: "7"}


def keep(value: str) -> dict[str, Any]:
    return {"ansible.builtin.set_fact": {"kept": "{{ kept | default([]) + [" + value + "] }}"}}


def outcomes(directory: Path, run_ids: list[Any]) -> list[str]:
    """Name runs with the role's tasks; returns each name, or the message where the role stops."""
    tasks: list[dict[str, Any]] = yaml.safe_load(TASKS.read_text(encoding="utf-8"))
    first = next(index for index, task in enumerate(tasks) if task["name"] == "Name the run")
    naming = tasks[first : first + 2]
    assert "ansible.builtin.assert" in naming[1]
    blocks = [
        {
            "vars": {"load_test_run_id": run_id},
            "block": [*naming, keep("__load_test_id")],
            "rescue": [keep("ansible_failed_result.msg")],
        }
        for run_id in run_ids
    ]
    write = {"content": "{{ kept | to_json }}", "dest": str(directory / "kept.json"), "mode": "0600"}
    play = {"hosts": "localhost", "gather_facts": False, "tasks": [*blocks, {"ansible.builtin.copy": write}]}
    (directory / "playbook.json").write_text(json.dumps([play]))
    subprocess.run(
        ["ansible-playbook", "playbook.json", "-e", f"ansible_python_interpreter={sys.executable}"],
        cwd=directory,
        check=True,
        capture_output=True,
    )
    found: list[str] = json.loads((directory / "kept.json").read_text())
    return found


def test_a_run_has_a_name_that_ecs_takes_or_does_not_start(tmp_path: Path) -> None:
    """A run id that ECS does not take stops the role; any other becomes the run's name, as text."""
    *named, generated = outcomes(tmp_path, [*REFUSED, *TAKEN, ""])
    for run_id, message in zip(REFUSED, named, strict=False):
        assert f"load_test_run_id is {json.dumps(run_id)} -> take 1 to 64 letters, digits, hyphens" in message
    assert named[len(REFUSED) :] == list(TAKEN.values())
    assert 20 < len(generated) <= 64
