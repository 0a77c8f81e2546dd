# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setup jobs, SSM parameters and the rotation of a secret, by plays on an embedded AWS."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from emulator_env import EmulatorEnv, Play
from ports import free_port
from updated_services import IMAGE, MANIFEST, REPOSITORY
from waiting import waited

pytestmark = pytest.mark.timeout(900)

BASE = "shop-local"
FAILING = "the realm cannot be read"
PROGRAM = """\
import hashlib, os, time
for name in ("KEY", "ADMIN"):
    print(name, hashlib.sha256(os.environ[name].encode()).hexdigest(), flush=True)
time.sleep(3600)
"""


def job(text: str, code: int = 0, **keys: Any) -> dict[str, Any]:
    """Return a job that prints a text and ends with a code."""
    return {"command": [sys.executable, "-c", f"import sys; print({text!r}); sys.exit({code})"], **keys}


def description(second: dict[str, Any]) -> dict[str, Any]:
    """Return a system with a service, setup jobs, secrets and SSM parameters.

    Args:
        second: the setup job that comes after the first one.
    """
    return {
        "name": "shop",
        "project": "shop",
        "components": {"network": {}, "cluster": {}},
        "defaults": {"image": IMAGE, "cpu": 256, "memory": 512, "log_retention_days": 14, "user": "10001:10001"},
        "secrets": {"key": {"generate": 32}},
        "parameters": {
            "admin": {"value": "admin"},
            "cluster-name": {"value": "${cluster.ClusterName}"},
            "copy": {"secret": "key"},
            "token": {"generate": 24},
        },
        "services": {"web": {"command": [sys.executable, "-c", PROGRAM], "secrets": {"KEY": "key", "ADMIN": "key"}}},
        "jobs": {
            # In the reverse of their order.
            "second": {**second, "setup": {"after": ["first"], "waits_for": ["web"]}},
            "first": job("first is set up", setup={"waits_for": ["web"], "restarts": ["web"]}),
        },
    }


class Shop:
    """The system on an embedded AWS of its own."""

    def __init__(self, emulator: EmulatorEnv) -> None:
        self.emulator = emulator
        self.file = emulator.directory / "systems" / "shop" / "system.yml"
        self.file.parent.mkdir(parents=True)
        self.transcript = ""
        self.values: set[str] = set()

    def describe(self, second: dict[str, Any]) -> None:
        self.file.write_text(yaml.safe_dump(description(second)))

    def play(self, playbook: str, *arguments: str) -> Play:
        """Run a playbook, and keep its output and the values that are secret at its end."""
        variables = {"system": "shop", "system_directories": [str(self.file.parents[1])]}
        done = self.emulator.play(playbook, "--diff", "-e", json.dumps(variables), *arguments)
        self.transcript += done.output
        self.values |= {self.secret(), self.parameter("token"), self.parameter("copy")}
        return done

    def secret(self) -> str:
        """Return the value of the secret."""
        return str(self.emulator.client("secretsmanager").get_secret_value(SecretId="shop/local/key")["SecretString"])

    def parameter(self, name: str) -> str:
        """Return the value of an SSM parameter."""
        found = self.emulator.client("ssm").get_parameter(Name=f"/shop/local/{name}", WithDecryption=True)
        return str(found["Parameter"]["Value"])

    def setups(self) -> list[str]:
        """Return the setup jobs of which a run is kept."""
        found = self.emulator.client("ssm").get_parameters_by_path(Path="/shop/local/setup")["Parameters"]
        return sorted(each["Name"].rpartition("/")[2] for each in found)

    def tasks(self) -> list[str]:
        """Return the ids of the tasks of the service that run."""
        arns = self.emulator.client("ecs").list_tasks(cluster=BASE, serviceName=f"{BASE}-web")["taskArns"]
        return [arn.rpartition("/")[2] for arn in arns]

    def printed(self, task: str) -> list[str]:
        """Return the lines of a task of the service."""
        logs = self.emulator.client("logs")
        events = logs.get_log_events(logGroupName="/shop/local/web", logStreamName=f"web/web/{task}")["events"]
        return [str(event["message"]) for event in events]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """The system, whose second setup job fails in the first deploy."""
    emulator = EmulatorEnv(free_port(), tmp_path_factory.mktemp("setup"))
    try:
        started = emulator.play("playbooks/local-aws.yml")
        assert started.code == 0, started.output
        ecr = emulator.client("ecr")
        ecr.create_repository(repositoryName=REPOSITORY)
        ecr.put_image(repositoryName=REPOSITORY, imageTag="1", imageManifest=json.dumps(MANIFEST))
        yield Shop(emulator)
    finally:
        emulator.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


def test_a_failed_setup_job_ends_the_deploy_in_one_line(shop: Shop) -> None:
    """The first job is run before it, with new tasks of its service, and is not run again by the next deploy."""
    shop.describe(job(FAILING, 3))
    play = shop.play("deploy.yml")
    assert play.code != 0
    assert "setup job second failed:" in play.words and "exit code 3" in play.words
    assert "deploy again, which runs it again" in play.words
    first, new_tasks, second = (play.words.index(each) for each in ("first is set up", "Start new tasks", FAILING))
    assert first < new_tasks < second
    assert shop.setups() == ["first"]


def test_the_next_deploy_runs_what_is_left(shop: Shop) -> None:
    shop.describe(job("second is set up"))
    play = shop.play("deploy.yml")
    assert play.code == 0, play.output
    assert "second is set up" in play.words and "first is set up" not in play.words
    assert shop.setups() == ["first", "second"]


def test_a_deploy_with_nothing_new_changes_nothing(shop: Shop) -> None:
    """It runs no setup job, and keeps the generated value."""
    token, tasks = shop.parameter("token"), shop.tasks()
    play = shop.play("deploy.yml")
    assert (play.code, play.changed) == (0, 0), play.output
    assert (shop.parameter("token"), shop.tasks()) == (token, tasks)
    assert "Each setup job was run with this revision: first, second" in play.words


def test_parameters_have_their_values_and_owner(shop: Shop) -> None:
    assert (shop.parameter("admin"), shop.parameter("cluster-name")) == ("admin", BASE)
    assert shop.parameter("copy") == shop.secret() and len(shop.parameter("token")) == 24
    ssm = shop.emulator.client("ssm")
    tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/shop/local/token")["TagList"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {
        "Project": "shop",
        "Environment": "local",
        "gantry.ecs/source": "generated",
    }


def test_a_rotated_secret_reaches_tasks_and_copies(shop: Shop) -> None:
    """The tasks are new ones, whose environment has the new value; the version before stays."""
    before, tasks = shop.secret(), shop.tasks()
    play = shop.play("playbooks/rotate-secret.yml", "-e", "secret=key", "-e", "confirm=local")
    assert play.code == 0, play.output
    after = shop.secret()
    assert after != before and shop.parameter("copy") == after
    manager = shop.emulator.client("secretsmanager")
    previous = manager.get_secret_value(SecretId="shop/local/key", VersionStage="AWSPREVIOUS")
    assert previous["SecretString"] == before
    [task] = shop.tasks()
    assert task not in tasks
    lines = waited(lambda: shop.printed(task))
    assert f"KEY {hashlib.sha256(after.encode()).hexdigest()}" in lines


def test_no_output_shows_a_value(shop: Shop) -> None:
    """No play of this file has printed one of the values that the secret and the parameters have had."""
    assert len(shop.values) >= 3 and all(len(value) >= 24 for value in shop.values)
    assert [value for value in shop.values if value in shop.transcript] == []
