# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deploy, load test, stop and rollback with real containers; each test needs those before it."""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path
from typing import Any

from conftest import RegistryFixture
from emulator_env import Play

# The embedded AWS shares two cores with the container and the tests.
GENTLE = {"plan": {"type": "constant_rate", "rate": 40, "duration": 8}, "mix": {"put": 7, "get": 3}, "connections": 8}
ENDLESS = {"plan": {"type": "constant_rate", "rate": 20, "duration": 600}, "mix": {"put": 1}, "connections": 4}


def scenario(wanted: dict[str, Any]) -> list[str]:
    return ["-e", json.dumps({"load_test_scenario": wanted | {"thresholds": ["failed == 0", "throttled == 0"]}})]


def images(emulator: RegistryFixture) -> list[dict[str, Any]]:
    """Return the registry's images in the order of the pushes."""
    found = emulator.client("ecr").describe_images(repositoryName="ddbload-local")["imageDetails"]
    return sorted(found, key=lambda image: str(image["imagePushedAt"]))


def deployed_image(emulator: RegistryFixture) -> str:
    definition = emulator.client("ecs").describe_task_definition(taskDefinition="ddbload-local")["taskDefinition"]
    return str(definition["containerDefinitions"][0]["image"])


def test_deploy_builds_pushes_and_pins_the_digest(deployed: tuple[RegistryFixture, Play]) -> None:
    """A deploy builds and pushes the image and names it by its digest."""
    emulator, first = deployed
    (there,) = images(emulator)
    assert re.fullmatch(r"0\.1\.0-[0-9a-f]{16}", there["imageTags"][0])
    assert deployed_image(emulator) == f"{emulator.registry}/ddbload-local@{there['imageDigest']}"
    assert "Build with the classic builder" in first.output or "Build with buildx" in first.output


def test_token_is_in_no_log_and_in_no_file(deployed: tuple[RegistryFixture, Play]) -> None:
    emulator, first = deployed
    data = emulator.client("ecr").get_authorization_token()["authorizationData"][0]
    user, _colon, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert (user, len(password)) == ("AWS", 64)
    settings = Path.home() / ".docker" / "config.json"
    seen = first.output + (settings.read_text() if settings.exists() else "")
    assert password not in seen
    assert data["authorizationToken"] not in seen
    assert list(Path("/tmp").glob("ddbload-image-*")) == []


def test_a_second_deploy_builds_nothing_and_changes_nothing(deployed: tuple[RegistryFixture, Play]) -> None:
    emulator, _first = deployed
    before = emulator.built(), images(emulator)
    second = emulator.play("deploy.yml")
    assert (second.code, second.changed) == (0, 0), second.output
    assert "Build with" not in second.output
    assert (emulator.built(), images(emulator)) == before


def test_deploy_calls_no_engine_for_an_existing_image(deployed: tuple[RegistryFixture, Play]) -> None:
    emulator, _first = deployed
    play = emulator.play("playbooks/build.yml", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert (play.code, play.changed) == (0, 0), play.output


def test_load_test_passes_in_a_pulled_container(
    deployed: tuple[RegistryFixture, Play],
) -> None:
    """A load test passes in a container whose image ECS has pulled from the registry."""
    emulator, _first = deployed
    emulator.engine.docker("image", "rm", "--force", *emulator.built())
    play = emulator.play("run-test.yml", *scenario(GENTLE))
    assert play.code == 0, play.output
    results = json.loads((emulator.newest_run() / "results.json").read_text())
    assert results["exit_code"] == 0
    assert len(emulator.built()) == 1, "ECS has pulled it"


def test_stopped_task_gives_partial_result_and_exit_code_6(deployed: tuple[RegistryFixture, Play]) -> None:
    """A stopped task gives a partial result and exit code 6."""
    emulator, _first = deployed
    with subprocess.Popen(
        [
            "docker",
            "--host",
            emulator.engine.host,
            "events",
            "--filter",
            "event=die",
            "--format",
            "{{json .Actor.Attributes}}",
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as deaths:
        # The launcher stops a task that exceeds its timeout.
        play = emulator.play("run-test.yml", *scenario(ENDLESS | {"deadline": 600}), "-e", "load_test_timeout=12")
        assert deaths.stdout
        death = json.loads(next(line for line in deaths.stdout if "ministack-ecs-" in line))
        deaths.terminate()
    assert play.code == 2
    assert death["exitCode"] == "6"
    results = json.loads((emulator.newest_run() / "results.json").read_text())
    assert (results["partial"], results["exit_code"]) == (True, 6)
    events = [json.loads(line) for line in (emulator.newest_run() / "events.jsonl").read_text().splitlines()]
    summary = next(event for event in events if event["event"] == "run.summary")
    assert summary["stopped"] == "SIGTERM"


def test_rollback_deploys_previous_or_named_digest(deployed: tuple[RegistryFixture, Play]) -> None:
    """A rollback deploys the previous digest, or a named one."""
    emulator, _first = deployed
    older = deployed_image(emulator)
    content = ["Dockerfile", "LICENSE", "README.md", "image", "pyproject.toml", "requirements.txt", "src"]
    other = ["-e", json.dumps({"build_push_content": content})]
    assert emulator.play("deploy.yml", *other).code == 0
    newer = deployed_image(emulator)
    assert newer != older
    play = emulator.play("playbooks/rollback.yml")
    assert play.code == 0, play.output
    assert deployed_image(emulator) == older
    for digest in (newer, older):
        assert digest.partition("@")[2] in play.output, "the digests are listed"
    again = emulator.play("playbooks/rollback.yml", "-e", f"image_tag={newer.partition('@')[2]}")
    assert again.code == 0, again.output
    assert deployed_image(emulator) == newer


REBUILD = ["-e", "build_push_verify=rebuild"]


def test_rebuilt_image_is_the_pushed_one(deployed: tuple[RegistryFixture, Play]) -> None:
    emulator, _first = deployed
    play = emulator.play("playbooks/build.yml", *REBUILD)
    assert play.code == 0, play.output
    assert "Record the result" in play.output, "it was built again"


def test_build_detects_a_forged_image_with_the_same_labels(
    deployed: tuple[RegistryFixture, Play], tmp_path: Path
) -> None:
    emulator, _first = deployed
    ours = images(emulator)[0]
    name = f"{emulator.registry}/ddbload-local"
    (tmp_path / "evil").write_text("payload")
    (tmp_path / "Dockerfile").write_text(f"FROM {name}@{ours['imageDigest']}\nCOPY evil /evil\n")
    tagged = f"{name}:{ours['imageTags'][0]}"
    forged = emulator.engine.docker("build", "--quiet", "--tag", tagged, str(tmp_path)).stdout.strip()
    tag = [{"imageTag": ours["imageTags"][0]}]
    emulator.client("ecr").batch_delete_image(repositoryName="ddbload-local", imageIds=tag)
    try:
        emulator.docker_logged_in("push", tagged)
        play = emulator.play("playbooks/build.yml", *REBUILD)
    finally:
        emulator.client("ecr").batch_delete_image(repositoryName="ddbload-local", imageIds=tag)
        # The engine keeps an image that another one is built on.
        emulator.engine.docker("image", "rm", "--force", forged)
    assert play.code == 2, play.output
    assert "is not trusted: its layers for linux/" in play.output
    assert "(3 of 3 are the same)" in play.output
