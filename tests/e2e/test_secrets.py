# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that other users of the machine must not read, and untrusted text: on the embedded AWS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from emulator_env import EmulatorEnv, Play

SECRET = "hunter2-of-the-test"
SCENARIO = {"plan": {"type": "constant_rate", "rate": 50, "duration": 1}, "mix": {"put": 1}}


def run(emulator: EmulatorEnv, *arguments: str, environment: dict[str, str] | None = None, **variables: object) -> Play:
    given = {"load_test_scenario": SCENARIO} | variables
    return emulator.play("run-test.yml", "-e", json.dumps(given), *arguments, **(environment or {}))


def launched(emulator: EmulatorEnv) -> int:
    ecs = emulator.client("ecs")
    return sum(
        len(ecs.list_tasks(cluster="ddbload-local", desiredStatus=wish)["taskArns"]) for wish in ("RUNNING", "STOPPED")
    )


@pytest.mark.parametrize("playbook", ["deploy.yml", "playbooks/drift.yml"])
@pytest.mark.parametrize(
    ("name", "value"), [("HTTPS_PROXY", f"http://bob:{SECRET}@127.0.0.1:9"), ("AWS_SESSION_TOKEN", SECRET)]
)
def test_secret_in_aws_environment_is_refused(emulator: EmulatorEnv, playbook: str, name: str, value: str) -> None:
    """A secret in aws_environment is refused before any module runs."""
    play = emulator.play(
        playbook, "-vvv", "-e", json.dumps({"aws_environment": {"AWS_PROFILE": "ddbload-local", name: value}})
    )
    assert play.code == 2
    assert f"aws_environment holds a secret ({name}), and Ansible writes it into the command line" in play.words
    assert SECRET not in play.output
    assert "EXEC /bin/sh" not in play.output


def test_null_in_aws_environment_is_refused_and_never_none(emulator: EmulatorEnv) -> None:
    play = emulator.play("playbooks/drift.yml", "-vvv", "-e", json.dumps({"aws_environment": {"AWS_PROFILE": None}}))
    assert play.code == 2
    assert (
        "aws_environment holds null (AWS_PROFILE), which Ansible hands on as the text None -> give a value"
        in play.words
    )
    assert "EXEC /bin/sh" not in play.output


def test_null_aws_environment_is_empty(emulator: EmulatorEnv) -> None:
    play = emulator.play("playbooks/drift.yml", "-e", '{"aws_environment": null}')
    assert play.code == 2
    assert "the AWS credentials could not be verified" in play.words and "secret_variables" not in play.words


def test_invalid_run_id_launches_nothing(deployed: tuple[EmulatorEnv, Play]) -> None:
    emulator, _first = deployed
    before = launched(emulator)
    play = run(emulator, load_test_run_id="two\nlines")
    assert (play.code, launched(emulator)) == (2, before)
    remedy = "take 1 to 64 letters, digits, hyphens and underscores, a letter or digit first"
    assert "load_test_run_id is " in play.words and remedy in play.words
    assert "client_token" not in play.output and "started_by" not in play.output


def test_run_id_from_the_environment_stays_text(deployed: tuple[EmulatorEnv, Play], tmp_path: Path) -> None:
    emulator, _first = deployed
    proof = tmp_path / "proof"
    evil = "{{ lookup('pipe', 'touch " + str(proof) + "') }}"
    play = run(emulator, environment={"DDBLOAD_RUN_ID": evil})
    assert play.code == 2
    assert "load_test_run_id is " in play.words and "lookup('pipe'" in play.words
    assert not proof.exists()


def test_task_environment_is_not_in_the_output_of_vvv(deployed: tuple[EmulatorEnv, Play]) -> None:
    """-vvv does not show the task's environment; the run's name comes from the environment of the playbook."""
    emulator, _first = deployed
    named = {"DDBLOAD_RUN_ID": "from-the-environment"}
    play = run(emulator, "-vvv", environment=named, load_test_environment={"MY_TOKEN": SECRET})
    assert play.code == 0
    assert (emulator.directory / "results" / "local" / "from-the-environment" / "results.json").exists()
    assert "MY_TOKEN" in play.output
    assert SECRET not in play.output
