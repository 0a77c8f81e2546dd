# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploy, load test, stop and roll back with real containers, as a person would; the tests build on one another."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from conftest import Yard
from playground import Play

# The emulator shares two cores with the container and the tests.
GENTLE = {"plan": {"type": "constant_rate", "rate": 40, "duration": 8}, "mix": {"put": 7, "get": 3}, "connections": 8}
ENDLESS = {"plan": {"type": "constant_rate", "rate": 20, "duration": 600}, "mix": {"put": 1}, "connections": 4}


def scenario(wanted: dict[str, Any]) -> list[str]:
    return ["-e", json.dumps({"load_test_scenario": wanted | {"thresholds": ["failed == 0", "throttled == 0"]}})]


def images(yard: Yard) -> list[dict[str, Any]]:
    """Return what the registry has, in the order of the pushes."""
    found = yard.client("ecr").describe_images(repositoryName="ddbload-local")["imageDetails"]
    return sorted(found, key=lambda image: str(image["imagePushedAt"]))


def deployed_image(yard: Yard) -> str:
    definition = yard.client("ecs").describe_task_definition(taskDefinition="ddbload-local")["taskDefinition"]
    return str(definition["containerDefinitions"][0]["image"])


def test_a_deploy_builds_pushes_and_names_the_image_by_its_digest(deployed: tuple[Yard, Play]) -> None:
    yard, first = deployed
    (there,) = images(yard)
    assert re.fullmatch(r"0\.1\.0-[0-9a-f]{16}", there["imageTags"][0])
    assert deployed_image(yard) == f"{yard.registry}/ddbload-local@{there['imageDigest']}"
    assert "Build with the classic builder" in first.output or "Build with buildx" in first.output


def test_the_token_is_in_no_log_and_stays_nowhere(deployed: tuple[Yard, Play]) -> None:
    yard, first = deployed
    data = yard.client("ecr").get_authorization_token()["authorizationData"][0]
    user, _colon, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert (user, len(password)) == ("AWS", 64)
    settings = Path.home() / ".docker" / "config.json"
    seen = first.output + (settings.read_text() if settings.exists() else "")
    assert password not in seen
    assert data["authorizationToken"] not in seen
    assert list(Path("/tmp").glob("ddbload-image-*")) == []


def test_a_second_deploy_builds_nothing_and_changes_nothing(deployed: tuple[Yard, Play]) -> None:
    yard, _first = deployed
    before = yard.built(), images(yard)
    second = yard.play("deploy.yml")
    assert (second.code, second.changed) == (0, 0), second.output
    assert "Build with" not in second.output
    assert (yard.built(), images(yard)) == before


def test_no_engine_is_asked_for_what_the_registry_has(deployed: tuple[Yard, Play]) -> None:
    yard, _first = deployed
    play = yard.play("playbooks/build.yml", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert (play.code, play.changed) == (0, 0), play.output


def test_a_load_test_runs_in_a_container_pulled_from_the_registry_and_passes(deployed: tuple[Yard, Play]) -> None:
    yard, _first = deployed
    yard.engine.docker("image", "rm", "--force", *yard.built())
    play = yard.play("run-test.yml", *scenario(GENTLE))
    assert play.code == 0, play.output
    results = json.loads((yard.newest_run() / "results.json").read_text())
    assert results["exit_code"] == 0
    assert len(yard.built()) == 1, "ECS has pulled it"


def test_stopping_the_task_gives_a_partial_result_and_exit_code_6(deployed: tuple[Yard, Play]) -> None:
    yard, _first = deployed
    with subprocess.Popen(
        [
            "docker",
            "--host",
            yard.engine.host,
            "events",
            "--filter",
            "event=die",
            "--format",
            "{{json .Actor.Attributes}}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as deaths:
        # The launcher stops what takes longer than it may.
        play = yard.play("run-test.yml", *scenario(ENDLESS | {"deadline": 600}), "-e", "load_test_timeout=12")
        assert deaths.stdout
        death = json.loads(next(line for line in deaths.stdout if "ministack-ecs-" in line))
        deaths.terminate()
    assert play.code == 2
    assert death["exitCode"] == "6"
    results = json.loads((yard.newest_run() / "results.json").read_text())
    assert (results["partial"], results["exit_code"]) == (True, 6)
    events = [json.loads(line) for line in (yard.newest_run() / "events.jsonl").read_text().splitlines()]
    summary = next(event for event in events if event["event"] == "run.summary")
    assert summary["stopped"] == "SIGTERM"


def test_a_rollback_deploys_the_digest_before_and_any_other_by_its_name(deployed: tuple[Yard, Play]) -> None:
    yard, _first = deployed
    older = deployed_image(yard)
    time.sleep(1.1)  # the registry tells the time of a push in seconds
    content = ["Dockerfile", "LICENSE", "README.md", "image", "pyproject.toml", "requirements.txt", "src"]
    other = ["-e", json.dumps({"build_push_content": content})]
    assert yard.play("deploy.yml", *other).code == 0
    newer = deployed_image(yard)
    assert newer != older
    play = yard.play("playbooks/rollback.yml")
    assert play.code == 0, play.output
    assert deployed_image(yard) == older
    for digest in (newer, older):
        assert digest.partition("@")[2] in play.output, "the digests are listed"
    again = yard.play("playbooks/rollback.yml", "-e", f"image_tag={newer.partition('@')[2]}")
    assert again.code == 0, again.output
    assert deployed_image(yard) == newer


REBUILD = ["-e", "build_push_verify=rebuild"]


def test_an_image_that_is_built_again_is_the_one_that_was_pushed(deployed: tuple[Yard, Play]) -> None:
    yard, _first = deployed
    play = yard.play("playbooks/build.yml", *REBUILD)
    assert play.code == 0, play.output
    assert "Keep what came of it" in play.output, "it was built again"


def test_a_forged_image_with_our_labels_is_found_out_by_a_build(deployed: tuple[Yard, Play], tmp_path: Path) -> None:
    yard, _first = deployed
    ours = images(yard)[0]
    name = f"{yard.registry}/ddbload-local"
    (tmp_path / "evil").write_text("payload")
    (tmp_path / "Dockerfile").write_text(f"FROM {name}@{ours['imageDigest']}\nCOPY evil /evil\n")
    tagged = f"{name}:{ours['imageTags'][0]}"
    forged = yard.engine.docker("build", "--quiet", "--tag", tagged, str(tmp_path)).stdout.strip()
    tag = [{"imageTag": ours["imageTags"][0]}]
    yard.client("ecr").batch_delete_image(repositoryName="ddbload-local", imageIds=tag)
    try:
        yard.docker_logged_in("push", tagged)
        play = yard.play("playbooks/build.yml", *REBUILD)
    finally:
        yard.client("ecr").batch_delete_image(repositoryName="ddbload-local", imageIds=tag)
        # The engine removes no image that this one is built on.
        yard.engine.docker("image", "rm", "--force", forged)
    assert play.code == 2, play.output
    assert "is not to be trusted: its layers for linux/" in play.output
    assert "(3 of 3 are the same)" in play.output
