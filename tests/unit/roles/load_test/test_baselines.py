# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role load_test finds its baselines by run id or path, and stops before the launch where it cannot compare."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROLE = Path(__file__).parents[4] / "roles" / "load_test"
NAMES = ("Find the baselines", "Stop where there is no such baseline", "Stop where a run is compared with itself")
# A baseline as it is given, and the runs that are found.
FOUND: list[tuple[Any, list[str]]] = [
    ("", []),
    (None, []),
    ([], []),
    ("monday", ["monday"]),
    ("monday,tuesday", ["monday", "tuesday"]),
    (" tuesday , monday,", ["tuesday", "monday"]),
    (["monday", "tuesday"], ["monday", "tuesday"]),
    (["{path}", "tuesday"], ["other, run", "tuesday"]),
    (7, ["7"]),
    ([7, "monday"], ["7", "monday"]),
]
MISSING = "there is no {}/local/nowhere/results.json -> name the baseline by its run id, or by the path"
REPEATED = "baseline names a run twice, or the run itself: {} -> name each earlier run once"
REFUSED: list[tuple[Any, str]] = [
    ("nowhere", MISSING),
    ("monday,nowhere", MISSING),
    (["monday", "nowhere"], MISSING),
    ("monday,tuesday,monday", REPEATED.format("monday, tuesday, monday")),
    (["monday", "{monday}"], REPEATED.format("monday, {monday}")),
    ("today", REPEATED.format("today")),
]


def keep(value: str) -> dict[str, Any]:
    return {"ansible.builtin.set_fact": {"kept": "{{ kept | default([]) + [" + value + "] }}"}}


def outcomes(directory: Path, given: list[Any]) -> list[Any]:
    """Find baselines with the role's tasks; returns the paths of each, or the message where the role stops."""
    tasks = yaml.safe_load((ROLE / "tasks" / "main.yml").read_text(encoding="utf-8"))
    finding = [task for task in tasks if task["name"] in NAMES]
    assert [task["name"] for task in finding] == [*NAMES]
    blocks = [
        {
            "vars": {"baseline": baseline},
            "block": [*finding, keep("__load_test_baseline_results")],
            "rescue": [keep("ansible_failed_result.msg")],
        }
        for baseline in given
    ]
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [str(ROLE / "defaults" / "main.yml"), str(ROLE / "vars" / "main.yml")],
        "vars": {"env": "local", "__load_test_id": "today"},
        "tasks": [
            *blocks,
            {
                "ansible.builtin.copy": {
                    "content": "{{ kept | to_json }}",
                    "dest": str(directory / "kept.json"),
                    "mode": "0600",
                }
            },
        ],
    }
    (directory / "playbook.json").write_text(json.dumps([play]))
    variables = {"load_test_results_directory": str(directory), "ansible_python_interpreter": sys.executable}
    done = subprocess.run(
        ["ansible-playbook", "playbook.json", "-e", json.dumps(variables)],
        cwd=directory,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[Any] = json.loads((directory / "kept.json").read_text())
    return found


def test_baselines_are_found_or_nothing_is_launched(tmp_path: Path) -> None:
    """Baselines are text with commas or a list, of ids and paths; one that cannot be compared stops the role."""
    for name in ("monday", "tuesday", "7", "today", "other, run"):
        (tmp_path / "local" / name).mkdir(parents=True)
        (tmp_path / "local" / name / "results.json").write_text("{}")
    paths = {
        name: str(tmp_path / "local" / run / "results.json")
        for name, run in (("path", "other, run"), ("monday", "monday"))
    }

    def given(baseline: Any) -> Any:
        is_list = isinstance(baseline, list)
        return [part.format(**paths) if isinstance(part, str) else part for part in baseline] if is_list else baseline

    found = outcomes(tmp_path, [given(baseline) for baseline, _outcome in [*FOUND, *REFUSED]])
    for (baseline, runs), results in zip(FOUND, found, strict=False):
        assert results == [str(tmp_path / "local" / run / "results.json") for run in runs], baseline
    for (baseline, said), message in zip(REFUSED, found[len(FOUND) :], strict=True):
        assert said.format(tmp_path, **paths) in message, baseline
