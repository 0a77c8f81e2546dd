# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Oneshot as nested stacks on the embedded AWS: written, uploaded, created, updated and deleted."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from emulator_env import EmulatorEnv, Play
from updated_services import MANIFEST
from waiting import waited

pytestmark = pytest.mark.timeout(900)

BUCKET, STACK, BASE = "packages", "oneshot-local-package", "oneshot-local"
WAITING = {"ServiceUiStack", "JobPromptStack"}


class Packaged:
    """A package of Oneshot and the stack that it becomes."""

    def __init__(self, emulator: EmulatorEnv, directory: Path) -> None:
        self._emulator, self._directory = emulator, directory

    def client(self, service: str) -> Any:
        return self._emulator.client(service)

    def write(self) -> tuple[Play, str]:
        """Write and upload the package; return the play and the URL of the parent."""
        variables = {"system": "oneshot", "package_bucket": BUCKET, "package_directory": str(self._directory)}
        play = self._emulator.play("playbooks/package.yml", "-e", json.dumps(variables))
        assert play.code == 0, play.output
        return play, play.words.partition("template_url: ")[2].split()[0]

    def changed(self, url: str, before: str, after: str) -> str:
        """Upload the package with another text in the template of service ui; return the URL of the parent."""
        parent = (self._directory / "packaged.yaml").read_text()
        [child] = re.findall(r"TemplateURL: (\S*/service-ui-\w+\.yaml)", parent)
        text = (self._directory / "stacks" / "service-ui.yaml").read_text()
        assert before in text
        other = self._stored("service-ui.yaml", text.replace(before, after), url)
        return self._stored("parent.yaml", parent.replace(child, other), url)

    def _stored(self, key: str, text: str, url: str) -> str:
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        return f"{url.partition(f'/{BUCKET}/')[0]}/{BUCKET}/{key}"

    def apply(self, call: str, url: str, parameters: Mapping[str, str]) -> str:
        """Create or update the stack, and return its status at the end."""
        getattr(self.client("cloudformation"), call)(
            StackName=STACK,
            TemplateURL=url,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )
        return str(waited(self._ended))

    def delete(self) -> str:
        """Delete the stack, and return its status at the end."""
        cloudformation = self.client("cloudformation")
        stack_id = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=STACK)
        return str(waited(lambda: self._ended(stack_id)))

    def _ended(self, name: str = STACK) -> str:
        [stack] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        status = str(stack["StackStatus"])
        return "" if status.endswith("_IN_PROGRESS") else status

    @property
    def children(self) -> dict[str, str]:
        """Names of the nested stacks, by logical id."""
        found = self.client("cloudformation").describe_stack_resources(StackName=STACK)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    @property
    def outputs(self) -> dict[str, str]:
        """Outputs of the parent."""
        [stack] = self.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def service(self) -> dict[str, Any]:
        """Return service ui."""
        [service] = self.client("ecs").describe_services(cluster=BASE, services=[f"{BASE}-ui"])["services"]
        return dict(service)

    def updates(self, logical_ids: set[str]) -> dict[str, str]:
        """Return when children were last updated, by logical id."""
        cloudformation = self.client("cloudformation")
        children = self.children
        return {
            each: str(cloudformation.describe_stacks(StackName=children[each])["Stacks"][0].get("LastUpdatedTime"))
            for each in logical_ids
        }


def test_oneshot_lives_as_nested_stacks(emulator: EmulatorEnv, tmp_path: Path) -> None:
    """First without the image, then with it; an update changes one child, and a deletion keeps what holds data."""
    assert emulator.play("playbooks/local-aws.yml").code == 0
    packaged = Packaged(emulator, tmp_path / "package")
    packaged.client("s3").create_bucket(Bucket=BUCKET)
    first, url = packaged.write()
    assert first.changed > 0
    second, again = packaged.write()
    assert (second.changed, again) == (0, url)

    assert packaged.apply("create_stack", url, {}) == "CREATE_COMPLETE"
    assert not WAITING & packaged.children.keys()
    ecr, repository = packaged.client("ecr"), packaged.outputs["RegistryRepositoryUri"]
    ecr.put_image(repositoryName=BASE, imageTag="1", imageManifest=json.dumps(MANIFEST))
    [described] = ecr.describe_repositories(repositoryNames=[BASE])["repositories"]
    image = {"ImageUri": f"{repository}:1", "ImageRepositoryArn": described["repositoryArn"]}
    assert packaged.apply("update_stack", url, image) == "UPDATE_COMPLETE"
    assert packaged.children.keys() > WAITING
    assert packaged.service()["runningCount"] == 1

    with pytest.raises(ClientError, match="No updates are to be performed"):
        packaged.apply("update_stack", url, image)
    others = packaged.children.keys() - {"ServiceUiStack"}
    before, definition = packaged.updates(set(others)), packaged.service()["taskDefinition"]
    changed = packaged.changed(url, "Name: HOME", "Name: HOME_DIRECTORY")
    assert packaged.apply("update_stack", changed, image) == "UPDATE_COMPLETE"
    assert packaged.service()["taskDefinition"] != definition
    assert packaged.service()["runningCount"] == 1
    assert packaged.updates(set(others)) == before

    assert packaged.delete() == "DELETE_COMPLETE"
    _check_what_is_left(packaged)


def _check_what_is_left(packaged: Packaged) -> None:
    """Check that secrets, queues and file systems are left, and nothing else."""
    cloudformation = packaged.client("cloudformation")
    names = {
        each["StackName"]
        for page in cloudformation.get_paginator("list_stacks").paginate()
        for each in page["StackSummaries"]
        if each["StackName"].startswith(STACK) and each["StackStatus"] != "DELETE_COMPLETE"
    }
    assert names == set()
    assert not [each for each in packaged.client("ecs").list_clusters()["clusterArns"] if each.endswith(f"/{BASE}")]
    assert not [
        each
        for each in packaged.client("logs").describe_log_groups()["logGroups"]
        if each["logGroupName"].startswith("/oneshot/local/")
    ]
    kept = packaged.client("secretsmanager").list_secrets()["SecretList"]
    assert [each["Name"] for each in kept if each["Name"].startswith("oneshot/local/")] == ["oneshot/local/anthropic"]
    urls = packaged.client("sqs").list_queues(QueueNamePrefix=BASE)["QueueUrls"]
    assert {url.rpartition("/")[2] for url in urls} == {f"{BASE}-prompts", f"{BASE}-prompts-dead-letters"}
