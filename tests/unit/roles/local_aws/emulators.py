# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MiniStack of the tests' own, with or without the extension, and stacks on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
from embedded_aws.guard.keys import PROFILE, SHORTEST
from emulator_env import ROOT
from ports import free_port
from waiting import waited

FILES = ROOT / "roles" / "local_aws" / "files"
REPOSITORY = "team/app"
IMAGE = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}:1"
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
SECONDS = 30.0  # for a start, a stack or a task


@dataclass(frozen=True)
class Stack:
    """A stack as it ended.

    Attributes:
        status: such as CREATE_COMPLETE.
        outputs: value by name.
        ids: physical id by logical id.
        reasons: why resources failed, in order.
    """

    name: str
    status: str
    outputs: dict[str, str]
    ids: dict[str, str]
    reasons: list[str]


@dataclass(frozen=True)
class Emulator:
    """A MiniStack that runs."""

    url: str
    log: Path

    def client(self, service: str) -> Any:
        """Return a boto3 client."""
        return _client(self.url, service)

    def create(self, resources: dict[str, Any], outputs: dict[str, Any] | None = None, name: str = "") -> Stack:
        """Create a stack, and wait for its end."""
        name = name or f"stack-{uuid4().hex[:8]}"
        self.client("cloudformation").create_stack(StackName=name, TemplateBody=template(resources, outputs))
        return self.stack(name)

    def update(self, stack: Stack, resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> Stack:
        """Update a stack, and wait for its end."""
        self.client("cloudformation").update_stack(StackName=stack.name, TemplateBody=template(resources, outputs))
        return self.stack(stack.name)

    def delete(self, stack: Stack) -> str:
        """Delete a stack, wait for its end, and return its last status."""
        cloudformation = self.client("cloudformation")
        stack_id = cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]["StackId"]
        cloudformation.delete_stack(StackName=stack.name)

        def ended() -> str:
            status = str(cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]["StackStatus"])
            return "" if status.endswith("_IN_PROGRESS") else status

        return str(waited(ended))

    def stack(self, name: str) -> Stack:
        """Return a stack once it has ended."""
        cloudformation = self.client("cloudformation")

        def ended() -> Any:
            found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

        found = waited(ended)
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        resources = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
        return Stack(
            name,
            found["StackStatus"],
            {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])},
            {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources},
            [
                event.get("ResourceStatusReason", "")
                for event in reversed(events)
                if event["ResourceStatus"] in ("CREATE_FAILED", "UPDATE_FAILED")
            ],
        )

    def stored(self, body: str) -> str:
        """Store a template as an object, and return its URL."""
        s3, key = self.client("s3"), f"{uuid4().hex}.json"
        s3.create_bucket(Bucket="templates")
        s3.put_object(Bucket="templates", Key=key, Body=body.encode())
        return f"{self.url}/templates/{key}"

    def task_definition(self, arn: str) -> dict[str, Any]:
        """Return a task definition as ECS describes it."""
        found: dict[str, Any] = self.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        return found

    def run(self, task_definition: str) -> dict[str, Any]:
        """Run a task to its end, and return it."""
        ecs = self.client("ecs")
        arn = ecs.run_task(cluster="default", taskDefinition=task_definition)["tasks"][0]["taskArn"]

        def ended() -> Any:
            task = ecs.describe_tasks(cluster="default", tasks=[arn])["tasks"][0]
            return task if task["lastStatus"] == "STOPPED" else None

        task: dict[str, Any] = waited(ended)
        return task

    def lines(self, group: str) -> list[str]:
        """Return the lines of a log group."""
        logs = self.client("logs")
        return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]


def template(resources: dict[str, Any], outputs: dict[str, Any] | None = None) -> str:
    """Return a template as text."""
    named = {name: {"Value": value} for name, value in (outputs or {}).items()}
    return json.dumps({"Resources": resources, **({"Outputs": named} if named else {})})


@contextmanager
def emulator(application: str, folder: Path) -> Iterator[Emulator]:
    """Start MiniStack and the process engine on free addresses, and stop them at the end.

    Args:
        application: what hypercorn serves, such as ``ministack.app:app``.
        folder: for the log and the socket; its path is short, as a socket's has to be.
    """
    port, socket, log = free_port(), folder / "engine.sock", folder / "ministack.log"
    running = Emulator(f"http://127.0.0.1:{port}", log)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join([str(FILES), str(Path(__file__).parent)]),
        "GATEWAY_PORT": str(port),
        "DDBLOAD_MINUTE_SECONDS": "6",
        "DOCKER_HOST": f"unix://{socket}",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    serve = ["-m", "hypercorn", application, "--bind", f"127.0.0.1:{port}", "--workers", "0"]
    credentials = folder / "credentials"
    credentials.write_text(f"[{PROFILE}]\naws_access_key_id = {'0' * SHORTEST}\n")
    engine = [str(FILES / "process_engine.py"), "--socket", str(socket), "--registry", running.url]
    engine += ["--credentials", str(credentials)]
    with log.open("w") as output:
        processes = [
            subprocess.Popen([sys.executable, *command], env=environment, stdout=output, stderr=subprocess.STDOUT)
            for command in (engine, serve)
        ]
        try:
            waited(lambda: socket.exists() and _answers(running.url))
            ecr = running.client("ecr")
            ecr.create_repository(repositoryName=REPOSITORY)
            ecr.put_image(repositoryName=REPOSITORY, imageTag="1", imageManifest=json.dumps(MANIFEST))
            yield running
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_ministack/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False


@cache
def _client(url: str, service: str) -> Any:
    return boto3.client(
        service,
        "us-east-1",
        endpoint_url=url,
        aws_access_key_id="embedded-aws-access-key",
        aws_secret_access_key="embedded-aws-needs-no-secret",
    )
