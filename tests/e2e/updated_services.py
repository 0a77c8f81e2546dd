# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Oneshot's services for tests of updates: a blue/green one and a rolling one, requests to them, and their tasks."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from emulator_env import ROOT, EmulatorEnv, Play
from revision_server import HEADER
from waiting import waited

CLUSTER = "oneshot-local"
REPOSITORY = "stand-in"
IMAGE = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{REPOSITORY}:1"
MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
DEADLINE = 180.0  # seconds for a condition
PAUSE = 0.05  # seconds between two requests of a thread
PORTS = {"ui": 80, "api": 8080}  # of the load balancer, by service


def description(revisions: dict[str, str], **services: dict[str, Any]) -> dict[str, Any]:
    """Return Oneshot's description without its jobs, files and image, and with a second service.

    Args:
        revisions: revision of each service.
        services: further services by name.
    """
    made: dict[str, Any] = yaml.safe_load((ROOT / "systems" / "oneshot" / "system.yml").read_text())
    for section in ("file_systems", "jobs", "limits"):
        del made[section]
    made["components"] = {name: made["components"][name] for name in ("cluster", "network")}
    made["defaults"] = {"log_retention_days": 14, "user": "10001:10001"}
    made["load_balancers"]["main"]["listeners"] = {"http": {"port": 80}, "api": {"port": 8080}}
    common = {
        "image": IMAGE,
        "command": [sys.executable, str(ROOT / "tests" / "e2e" / "revision_server.py")],
        "ports": {"http": 8000},
        "cpu": 256,
        "memory": 512,
        "desired_count": 2,
    }
    health = {"path": "/api/status", "interval": 5, "timeout": 2}
    balancer = {"name": "main", "health_check": health, "deregistration_delay": 2}
    made["services"] = {
        "ui": {
            **common,
            "environment": {"REVISION": revisions["ui"]},
            "load_balancer": {**balancer, "listener": "http"},
            "deployment": {"strategy": "BLUE_GREEN", "bake_time": 1},
        },
        "api": {
            **common,
            "environment": {"REVISION": revisions["api"]},
            "load_balancer": {**balancer, "listener": "api"},
            "deployment": {"strategy": "ROLLING"},
        },
        **services,
    }
    return made


@dataclass
class BackgroundPlay:
    """A playbook that runs.

    Attributes:
        process: ansible-playbook, in a process group of its own.
        output: the file of its output.
    """

    process: subprocess.Popen[str]
    output: Path

    @property
    def text(self) -> str:
        return self.output.read_text()

    def until(self, text: str) -> float:
        """Wait until a text is displayed; returns the instant, in seconds of the epoch."""
        waited(lambda: text in self.text or self.process.poll() is not None)
        assert text in self.text, self.text
        return time.time()

    def kill(self) -> None:
        """End ansible-playbook, its workers and their modules by SIGKILL."""
        # It starts no worker meanwhile; each one has a process group of its own.
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGSTOP)
        for pid in (self.process.pid, *descendants(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(DEADLINE)

    def end(self) -> Play:
        """Wait for its end."""
        try:
            code = self.process.wait(DEADLINE * 2)
        finally:
            if self.process.poll() is None:
                self.kill()
            print(self.text)
        return Play(code, self.text)


def descendants(pid: int) -> list[int]:
    """Return the pids of a process's children, of their children, and so on."""
    children: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(file.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(file.parent.name))
    found = children.get(pid, [])
    return found + [each for child in found for each in descendants(child)]


def processes_with(*marks: str) -> list[int]:
    """Return the pids of the processes with these marks in their environment."""
    found = []
    for file in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            variables = file.read_bytes().decode(errors="replace").split("\0")
            if all(any(variable.startswith(mark) for variable in variables) for mark in marks):
                found.append(int(file.parent.name))
    return found


class Requests:
    """Requests to a service that were sent one after the other.

    Attributes:
        responses: number of responses by status and revision.
        failures: what is wrong with each of the others, with its instant in seconds of the epoch.
    """

    def __init__(self) -> None:
        self.responses: Counter[tuple[int, str]] = Counter()
        self.failures: list[tuple[float, str]] = []

    @property
    def revisions(self) -> set[str]:
        """The revisions that have responded."""
        return {revision for status, revision in self.responses if status == 200}

    def served(self, revision: str) -> int:
        """Return the number of good responses of a revision."""
        return self.responses[200, revision]


@contextmanager
def requests(address: str) -> Iterator[Requests]:
    """Send requests over a kept connection and over new ones until the end.

    Args:
        address: host and port.
    """
    found, ended = Requests(), threading.Event()

    def send(keeps: bool) -> None:
        connection = http.client.HTTPConnection(address, timeout=5)
        while not ended.wait(PAUSE):
            try:
                connection.request("GET", "/api/status")
                response = connection.getresponse()
                response.read()
                if response.status == 200:
                    found.responses[200, response.headers[HEADER]] += 1
                else:
                    found.failures.append((time.time(), f"status {response.status}"))
            except (OSError, http.client.HTTPException) as error:
                found.failures.append((time.time(), repr(error)))
                connection.close()
            if not keeps:
                connection.close()
        connection.close()

    threads = [threading.Thread(target=send, args=(keeps,)) for keeps in (True, False)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        ended.set()
        for thread in threads:
            thread.join()


class Updates:
    """The services on an embedded AWS of its own."""

    def __init__(self, emulator: EmulatorEnv) -> None:
        self.emulator = emulator
        self.file = emulator.directory / "systems" / "oneshot" / "system.yml"
        self.file.parent.mkdir(parents=True)
        self.revisions = {"ui": "one", "api": "one"}
        self.more: dict[str, dict[str, Any]] = {}
        self._plays = 0

    @property
    def arguments(self) -> list[str]:
        """The arguments of each play."""
        variables = {
            "system": "oneshot",
            "system_directories": [str(self.file.parents[1])],
            "system_values": {"oneshot": {"services": {}}},
        }
        return ["-e", json.dumps(variables)]

    def describe(self, revisions: dict[str, str] | None = None) -> None:
        """Write the description, with other revisions of some services."""
        self.revisions |= revisions or {}
        self.file.write_text(yaml.safe_dump(description(self.revisions, **self.more)))

    def play(self, playbook: str, *arguments: str) -> Play:
        return self.emulator.play(playbook, *self.arguments, *arguments)

    def deploy(self, *arguments: str) -> Play:
        return self.play("deploy.yml", *arguments)

    def start_deploy(self) -> BackgroundPlay:
        self._plays += 1
        output = self.emulator.directory / f"play-{self._plays}.log"
        return BackgroundPlay(self.emulator.start("deploy.yml", *self.arguments, output=output), output)

    # ---- The account

    @property
    def ecs(self) -> Any:
        return self.emulator.client("ecs")

    def requests(self, name: str) -> AbstractContextManager[Requests]:
        """Send requests to a service until the end."""
        file = self.emulator.directory / "local-aws" / "front" / "endpoints.json"
        [balancer] = json.loads(file.read_text())["load_balancers"]
        [url] = [one["url"] for one in balancer["listeners"] if one["port"] == PORTS[name]]
        return requests(urlsplit(url).netloc)

    def service(self, name: str) -> dict[str, Any]:
        found = self.ecs.describe_services(cluster=CLUSTER, services=[f"{CLUSTER}-{name}"])
        return dict(found["services"][0])

    def tasks(self, name: str, status: str = "RUNNING") -> list[dict[str, Any]]:
        """Return the tasks of a service that have reached a status."""
        service = f"{CLUSTER}-{name}"
        arns = self.ecs.list_tasks(cluster=CLUSTER, serviceName=service, desiredStatus=status)["taskArns"]
        found = self.ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []
        return [task for task in found if task["lastStatus"] == status]

    def definition(self, name: str) -> str:
        """Return the ARN of the task definition that a service has."""
        return str(self.service(name)["taskDefinition"])

    def failed_tasks(self, name: str) -> list[dict[str, Any]]:
        """Return the tasks of a service that have ended by themselves."""
        return [task for task in self.tasks(name, "STOPPED") if task["stopCode"] == "EssentialContainerExited"]

    def copy_definition(self, arn: str) -> str:
        """Register another revision of a task definition by hand; returns its ARN."""
        described = self.ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        names = ("family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "cpu", "memory")
        made = self.ecs.register_task_definition(**{name: described[name] for name in names})
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def deployments(self, name: str) -> list[dict[str, Any]]:
        """Return the service deployments of a service, the newest first."""
        found = self.ecs.list_service_deployments(cluster=CLUSTER, service=f"{CLUSTER}-{name}")
        return list(found["serviceDeployments"])

    def kill_task(self, name: str) -> str:
        """End the process of a task of a service by SIGKILL; returns the task's ARN."""
        task = self.tasks(name)[0]
        [address] = [one["value"] for one in task["attachments"][0]["details"] if one["name"] == "privateIPv4Address"]
        [pid] = processes_with(f"TASK_ADDRESS={address}", "REVISION=")
        os.kill(pid, signal.SIGKILL)
        return str(task["taskArn"])

    @contextmanager
    def paused_emulator(self) -> Iterator[None]:
        """Stop the emulator's process meanwhile, so that it gives no responses."""
        record = json.loads((self.emulator.directory / "local-aws" / "ministack.pid").read_text())
        os.kill(record["pid"], signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(record["pid"], signal.SIGCONT)

    def revision(self, name: str) -> str:
        """Return the revision of the task definition that a service has."""
        definition = self.ecs.describe_task_definition(taskDefinition=self.definition(name))
        [container] = definition["taskDefinition"]["containerDefinitions"]
        return str({one["name"]: one["value"] for one in container["environment"]}["REVISION"])

    def physical_id(self, component: str, logical_id: str) -> str:
        """Return the physical id of a resource of a stack."""
        found = self.emulator.client("cloudformation").describe_stack_resource(
            StackName=f"{CLUSTER}-{component}", LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])
