# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command of the documentation, run on the embedded AWS in the order of the pages, or checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from command_kinds import check, in_order, is_run
from emulator_env import NO_CREDENTIALS, EmulatorEnv
from fences import DOCUMENTS, ROOT, Command, commands, fences

ALL = [command for path in DOCUMENTS for fence in fences(path, "console") for command in commands(fence)]
PLAYBOOKS = sorted({command.words[1] for command in ALL if command.words[0] == "ansible-playbook"})


def name(command: Command) -> str:
    return f"{command.location} {' '.join(command.words)[:60]}"


@pytest.mark.parametrize("command", ALL, ids=name)
def test_everything_that_a_command_names_exists(command: Command) -> None:
    check(command)


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_playbooks_for_an_account_are_valid(env: str) -> None:
    done = subprocess.run(
        ["ansible-playbook", "--syntax-check", "-e", f"env={env}", *PLAYBOOKS],
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", in_order(ALL), ids=name)
def test_a_command_does_what_a_reader_expects(command: Command, reader: EmulatorEnv) -> None:
    program, *words = command.words
    if program == "ansible-playbook":
        saved = [f"@{reader.directory / word[1:]}" if word.startswith("@") else word for word in words]
        play = reader.play(*saved, env=None)
        # On a busy machine the embedded AWS may miss a page's thresholds, although the command works.
        assert play.code == 0 or "a threshold failed (exit code 3)" in play.words
        return
    for word in words:
        keep_results(reader, word)
    aws = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{reader.port}",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "PYTHONPATH": str(ROOT / "loadtest_app" / "src"),
    }
    own = {name: value for name, value in os.environ.items() if name not in NO_CREDENTIALS}
    done = subprocess.run(
        [program, *words],
        cwd=reader.directory,
        env=own | aws | reader.access,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def keep_results(reader: EmulatorEnv, path: str) -> None:
    """Copy the newest run's results to the path that a command reads.

    A file that has a run's name becomes a run of its own: a group of runs has each run once.
    """
    target = reader.directory / path
    if target.suffix in (".json", ".jsonl") and not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(reader.newest_run() / ("results.json" if target.suffix == ".json" else "events.jsonl"), target)
        if target.suffix == ".json" and target.stem != "results":
            results = json.loads(target.read_text(encoding="utf-8"))
            target.write_text(json.dumps(results | {"run_id": target.stem}), encoding="utf-8")


@pytest.mark.parametrize(
    "words",
    [
        ("ansible-playbook", "deploy.yaml", "-e", "env=dev"),
        ("ansible-playbook", "deploy.yml", "-e", "env=nowhere"),
        ("ansible-playbook", "deploy.yml", "-e", "env=dev", "-e", "network_egres=nat"),
        ("ansible-playbook", "deploy.yml", "-e", "env=dev", "--chek"),
        ("ansible-playbook", "playbooks/new-system.yml", "-e", "name=shop"),
        ("ansible-playbook", "run-job.yml", "-e", "env=dev", "-e", "system=shop"),
        ("make", "deploy"),
        ("aws", "ecs", "stop-tasks"),
        ("aws", "ecs", "stop-task", "--tasks", "x"),
        ("pytest", "tests/nowhere"),
        ("sudo", "make", "demo"),
    ],
)
def test_command_that_names_a_missing_part_is_found(words: tuple[str, ...]) -> None:
    assert not is_run(Command("page:1", words))
    with pytest.raises(AssertionError):
        check(Command("page:1", words))
