# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container engine, a base image and a deployed embedded AWS, which the tests share."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.docker import bridge_address

sys.path.insert(0, str(Path(__file__).parent))

from container_engine import Engine, NoEngineError, base_image, obtain, wheelhouse
from emulator_env import EmulatorEnv, Play
from ports import free_port

# The first test waits until the engine, the base image and the deploy are ready.
PATIENCE = 900  # seconds


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Set a longer timeout for these tests."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(PATIENCE))


@dataclass
class RegistryFixture(EmulatorEnv):
    """An embedded AWS whose tasks are real containers."""

    engine: Engine
    options: dict[str, Any]

    def play(self, playbook: str, *arguments: str, env: str | None = "local", **environment: str) -> Play:
        """Run a playbook with the engine."""
        options = json.dumps(self.options)
        return super().play(
            playbook, "-e", options, *arguments, env=env, **{"DOCKER_HOST": self.engine.host} | environment
        )

    @property
    def registry(self) -> str:
        """The registry that the engine pushes to and pulls from."""
        return f"127.0.0.1:{self.port}"

    @property
    def task_environment(self) -> dict[str, str]:
        """The environment variables by which a container calls the embedded AWS."""
        return {
            "AWS_ENDPOINT_URL": f"http://{bridge_address(self.engine.host)}:{self.port}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": "embedded-aws-needs-no-secret",
        }

    def docker_logged_in(self, *arguments: str) -> None:
        """Call the engine with a login to the registry, which is stored in a directory of its own."""
        token = self.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
        login = self.directory / "login"
        login.mkdir(mode=0o700, exist_ok=True)
        (login / "config.json").write_text(json.dumps({"auths": {self.registry: {"auth": token}}}))
        self.engine.docker("--config", str(login), *arguments)

    def built(self) -> list[str]:
        """Return the ids of the engine's images of the load tester."""
        found = self.engine.docker("images", "--no-trunc", "--quiet", f"{self.registry}/ddbload-local").stdout
        return sorted(set(found.split()))


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    try:
        found = obtain(os.environ)
    except NoEngineError as error:
        pytest.skip(f"NOT TESTED WITH REAL CONTAINERS: {error}")
    yield found
    found.stop()


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    try:
        return base_image(engine, os.environ)
    except NoEngineError as error:
        pytest.skip(f"NOT TESTED WITH REAL CONTAINERS: {error}")


@pytest.fixture(scope="session")
def build_options(engine: Engine, base: str) -> dict[str, Any]:
    """The variables with which the role builds without a registry and without a package index."""
    return {
        "local_task_engine": "docker",
        "build_push_base_image": base,
        "build_push_wheelhouse": str(wheelhouse(engine, base)),
        "build_push_network": "none",
    }


@pytest.fixture(scope="session")
def emulator(
    engine: Engine, build_options: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RegistryFixture]:
    """The embedded AWS, before a deploy."""
    made = RegistryFixture(free_port(), tmp_path_factory.mktemp("emulator"), engine, build_options)
    yield made
    made.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")
    leftovers = engine.docker("ps", "--all", "--quiet", "--filter", "name=ministack-ecs-").stdout.split()
    if leftovers:
        engine.docker("rm", "--force", *leftovers)
    images = engine.docker("images", "--quiet", "--filter", f"reference={made.registry}/*").stdout.split()
    if images:
        engine.docker("image", "rm", "--force", *sorted(set(images)))


@pytest.fixture(scope="session")
def deployed(emulator: RegistryFixture) -> tuple[RegistryFixture, Play]:
    """The embedded AWS after a first deploy, and the deploy's result."""
    first = emulator.play("deploy.yml")
    assert first.code == 0, first.output
    return emulator, first


@pytest.fixture(scope="session")
def image(deployed: tuple[RegistryFixture, Play]) -> str:
    """The image's name with its digest; the image is pulled from the registry."""
    emulator, _first = deployed
    definition = emulator.client("ecs").describe_task_definition(taskDefinition="ddbload-local")["taskDefinition"]
    name = str(definition["containerDefinitions"][0]["image"])
    emulator.docker_logged_in("pull", name)
    return name
