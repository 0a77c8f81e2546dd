# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What other users of the machine must not read, and text that is not the operator's: on the embedded AWS."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from playground import Place, Play

SECRET = "hunter2-of-the-test"
SCENARIO = {"plan": {"type": "constant_rate", "rate": 50, "duration": 1}, "mix": {"put": 1}}


def run(place: Place, *arguments: str, environment: dict[str, str] | None = None, **variables: object) -> Play:
    given = {"load_test_scenario": SCENARIO} | variables
    return place.play("run-test.yml", "-e", json.dumps(given), *arguments, **(environment or {}))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def launched(place: Place) -> int:
    ecs = place.client("ecs")
    return sum(
        len(ecs.list_tasks(cluster="ddbload-local", desiredStatus=wish)["taskArns"]) for wish in ("RUNNING", "STOPPED")
    )


@pytest.mark.parametrize("playbook", ["deploy.yml", "playbooks/drift.yml"])
@pytest.mark.parametrize(
    ("name", "value"), [("HTTPS_PROXY", f"http://bob:{SECRET}@127.0.0.1:9"), ("AWS_SESSION_TOKEN", SECRET)]
)
def test_a_secret_in_aws_environment_is_refused_before_any_module(
    place: Place, playbook: str, name: str, value: str
) -> None:
    play = place.play(
        playbook, "-vvv", "-e", json.dumps({"aws_environment": {"AWS_PROFILE": "ddbload-local", name: value}})
    )
    assert play.code == 2
    assert f"aws_environment holds a secret ({name}), and Ansible writes it into the command line" in play.words
    assert SECRET not in play.output
    assert "EXEC /bin/sh" not in play.output


def test_null_in_aws_environment_is_refused_and_never_none(place: Place) -> None:
    play = place.play("playbooks/drift.yml", "-vvv", "-e", json.dumps({"aws_environment": {"AWS_PROFILE": None}}))
    assert play.code == 2
    assert (
        "aws_environment holds null (AWS_PROFILE), which Ansible hands on as the text None -> give a value"
        in play.words
    )
    assert "EXEC /bin/sh" not in play.output


def test_an_aws_environment_that_is_null_is_none(place: Place) -> None:
    play = place.play("playbooks/drift.yml", "-e", '{"aws_environment": null}')
    assert play.code == 2
    assert "the AWS credentials could not be verified" in play.words and "secret_variables" not in play.words


def test_results_are_their_owner_s_also_where_they_were_there_before(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    folder = place.directory / "results" / "local" / "kept"
    (folder / "deeper").mkdir(parents=True)
    for path in (folder.parent, folder, folder / "deeper"):
        path.chmod(0o755)
    (folder / "results.json").write_text("of before")
    (folder / "results.json").chmod(0o644)
    outside = place.directory / "outside"
    outside.write_text("another's")
    outside.chmod(0o644)
    (folder / "link").symlink_to(outside)
    # As long as a comparison needs.
    long = SCENARIO | {"plan": {"type": "constant_rate", "rate": 50, "duration": 14}}
    assert run(place, load_test_run_id="kept", load_test_scenario=long).code == 0
    # Whichever run was quicker on a busy machine.
    assert run(place, load_test_run_id="compared", baseline="kept", load_test_scenario=long).code in (0, 2)
    compared = folder.parent / "compared"
    assert {path.name for path in compared.iterdir()} >= {
        "events.jsonl",
        "results.json",
        "report.html",
        "comparison.html",
    }
    found = [path for path in [folder.parent, *folder.parent.rglob("*")] if not path.is_symlink()]
    assert {mode(path) for path in found if path.is_dir()} == {0o700}
    assert {mode(path) for path in found if path.is_file()} == {0o600}
    assert mode(outside) == 0o644


@pytest.mark.parametrize("run_id", ["--help", "1.2.3", "a/b", "x" * 65, "two\nlines"])
def test_a_run_id_that_aws_does_not_take_launches_nothing(deployed: tuple[Place, Play], run_id: str) -> None:
    place, _first = deployed
    before = launched(place)
    play = run(place, load_test_run_id=run_id)
    assert (play.code, launched(place)) == (2, before)
    told = "take 1 to 64 letters, digits, hyphens and underscores, a letter or digit first"
    assert "load_test_run_id is " in play.words and told in play.words
    assert "client_token" not in play.output and "started_by" not in play.output


def test_a_run_id_of_the_environment_s_stays_text(deployed: tuple[Place, Play], tmp_path: Path) -> None:
    place, _first = deployed
    proof = tmp_path / "proof"
    evil = "{{ lookup('pipe', 'touch " + str(proof) + "') }}"
    play = run(place, environment={"DDBLOAD_RUN_ID": evil})
    assert play.code == 2
    assert "load_test_run_id is " in play.words and "lookup('pipe'" in play.words
    assert not proof.exists()
    assert run(place, environment={"DDBLOAD_RUN_ID": "from-the-environment"}).code == 0
    assert (place.directory / "results" / "local" / "from-the-environment" / "results.json").exists()
    # As an inventory may have it: tasks and results have to be named alike.
    assert run(place, load_test_run_id=True).code == 0
    assert (place.directory / "results" / "local" / "True" / "results.json").exists()


def test_the_task_s_environment_is_not_shown_by_vvv(deployed: tuple[Place, Play]) -> None:
    place, _first = deployed
    play = run(place, "-vvv", load_test_environment={"MY_TOKEN": SECRET})
    assert play.code == 0
    assert "MY_TOKEN" in play.output
    assert SECRET not in play.output
