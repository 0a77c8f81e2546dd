# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks on the embedded AWS for the tests, and playbooks that run the module `ecs_task_run`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from base64 import b64decode
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from emulator_env import NO_CREDENTIALS, ROOT, EmulatorEnv

CLUSTER = "ddbload-local"
CONTAINER = "main"
CONFIGURATION = f"""[defaults]
collections_path = {ROOT / ".collections"}
localhost_warning = false
callback_result_format = yaml
[inventory]
inventory_unparsed_warning = false
[connection]
pipelining = true
"""
KEPT = "outcome:"
PLAY_TIMEOUT = 120.0  # seconds; no run of these tests takes longer


@dataclass
class Outcome:
    """How a playbook with one call of the module ended.

    Attributes:
        code: exit code of ansible-playbook.
        output: its whole output.
        result: the module's return values; empty where the playbook did not run the module.
        took_s: seconds from start to end.
    """

    code: int
    output: str
    result: dict[str, Any]
    took_s: float

    @property
    def shown(self) -> str:
        """The output while the module ran."""
        return re.split(r"\n(?:\[ERROR\]|fatal|ok|changed): ", self.output.partition("TASK [Run the tasks]")[2])[0]

    @property
    def shown_log(self) -> list[str]:
        """The numbered lines of the tasks' logs in the output while the module ran."""
        return re.findall(r"\bline \d+", self.shown)

    @property
    def message(self) -> str:
        """The module's message."""
        return str(self.result["msg"])

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The tasks that the module returned."""
        found: list[dict[str, Any]] = self.result["tasks"]
        return found

    @property
    def logs(self) -> list[list[str]]:
        """The lines of every task's log."""
        return [[event["message"] for event in task["log_events"]] for task in self.tasks]


@dataclass
class Launch:
    """A running playbook."""

    process: subprocess.Popen[bytes]
    folder: Path
    begun: float = field(default_factory=time.monotonic)

    @property
    def output(self) -> str:
        """Its output so far, without the lines that only this program reads."""
        return re.sub(f"{KEPT}.*", KEPT, (self.folder / "screen").read_text())

    def wait_for(self, text: str, seconds: float = 60.0) -> None:
        """Wait until its output has a text."""
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert self.process.poll() is None, self.output
            assert time.monotonic() < deadline, self.output
            time.sleep(0.1)

    def interrupt(self) -> None:
        """Send what Ctrl-C in a terminal sends."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> Outcome:
        """Wait for its end."""
        try:
            code = self.process.wait(timeout=PLAY_TIMEOUT)
        finally:
            if self.process.poll() is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            print(self.output)
        kept = re.search(f"{KEPT}([A-Za-z0-9+/=]+)", (self.folder / "screen").read_text())
        result = json.loads(b64decode(kept[1])) if kept else {}
        return Outcome(code, self.output, result, time.monotonic() - self.begun)


@dataclass
class LaunchEnv:
    """An embedded AWS with a task definition whose command the test gives."""

    emulator: EmulatorEnv
    folder: Path

    @property
    def url(self) -> str:
        """The URL of the embedded AWS."""
        return f"http://127.0.0.1:{self.emulator.port}"

    @cached_property
    def ecs(self) -> Any:
        """A boto3 client of ECS whose calls have no fault."""
        return self.emulator.client("ecs")

    @cached_property
    def subnet(self) -> str:
        """Id of a subnet."""
        return str(self.emulator.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"])

    @cached_property
    def group(self) -> str:
        """Name of the log group."""
        name = f"/launch-test/{uuid4().hex[:8]}"
        self.emulator.client("logs").create_log_group(logGroupName=name)
        return name

    @cached_property
    def image(self) -> str:
        """The deployed image."""
        deployed = self.ecs.describe_task_definition(taskDefinition=CLUSTER)["taskDefinition"]
        return str(deployed["containerDefinitions"][0]["image"])

    @cached_property
    def definition(self) -> str:
        """ARN of the task definition."""
        return self.define(self.image)

    def define(self, image: str) -> str:
        """Register a task definition with an image; returns its ARN."""
        return self.define_containers({"name": CONTAINER, "image": image, "command": ["true"]})

    def define_containers(self, *containers: dict[str, Any]) -> str:
        """Register a task definition with containers that log; a container without an image gets the deployed one.

        Returns:
            Its ARN.
        """
        options = {
            "awslogs-group": self.group,
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "launch",
        }
        common = {"image": self.image, "logConfiguration": {"logDriver": "awslogs", "options": options}}
        answer = self.ecs.register_task_definition(
            family="launch-test",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[common | container for container in containers],
        )
        return str(answer["taskDefinition"]["taskDefinitionArn"])

    def start(self, *arguments: str, endpoint: str | None = None, timeout: int | None = None, **options: Any) -> Launch:
        """Start a playbook with one call of the module.

        Args:
            arguments: of ansible-playbook.
            endpoint: the URL to call instead of AWS; the embedded AWS by default.
            timeout: Ansible's limit of the task's time, s; None for no limit.
            options: the module's options, added to those of every test.
        """
        folder = self.folder / uuid4().hex[:8]
        folder.mkdir()
        given = {
            "cluster": CLUSTER,
            "region": "us-east-1",
            "endpoint_url": endpoint or self.url,
            "wait_timeout": 60,
            "log_tail_wait": 1,
        }
        if options.get("state", "run") == "run":
            given |= {"task_definition": self.definition, "network_configuration": {"subnets": [self.subnet]}}
        # A module that writes a file takes as long as the rest of the playbook.
        keep = {"msg": f"{KEPT}{{{{ outcome | to_json | b64encode }}}}"}
        tasks = [
            {
                "name": "Run the tasks",
                "gantry.ecs.ecs_task_run": given | options,
                "register": "outcome",
                "ignore_errors": True,
            }
            | ({"timeout": timeout} if timeout else {}),
            {"name": "Keep the outcome", "ansible.builtin.debug": keep},
            {"name": "End as it did", "ansible.builtin.fail": {}, "when": "outcome is failed"},
        ]
        play = {"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": tasks}
        (folder / "play.yml").write_text(json.dumps([play]))
        (folder / "ansible.cfg").write_text(CONFIGURATION)
        own = {name: value for name, value in os.environ.items() if name not in NO_CREDENTIALS}
        with (folder / "screen").open("wb") as screen:
            process = subprocess.Popen(
                ["ansible-playbook", "play.yml", *arguments],
                cwd=folder,
                env=own
                | self.emulator.access
                | {"ANSIBLE_CONFIG": str(folder / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"},
                stdout=screen,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return Launch(process, folder)

    def run(self, *arguments: str, **options: Any) -> Outcome:
        """Run a playbook with one call of the module to its end; the arguments are those of ``start``."""
        return self.start(*arguments, **options).end()

    def launch(self, started_by: str, overrides: dict[str, Any]) -> None:
        """Launch a task without the module."""
        self.ecs.run_task(
            cluster=CLUSTER,
            taskDefinition=self.definition,
            startedBy=started_by,
            launchType="FARGATE",
            overrides={"containerOverrides": overrides["containers"]},
            networkConfiguration={"awsvpcConfiguration": {"subnets": [self.subnet]}},
        )

    def launched(self, started_by: str) -> list[dict[str, Any]]:
        """Return ECS's descriptions of every task with a mark, stopped ones included."""
        arns: list[str] = []
        for status in ("RUNNING", "STOPPED"):
            pages = self.ecs.get_paginator("list_tasks")
            for page in pages.paginate(cluster=CLUSTER, startedBy=started_by, desiredStatus=status):
                arns += page["taskArns"]
        known = list(dict.fromkeys(arns))
        return self.ecs.describe_tasks(cluster=CLUSTER, tasks=known)["tasks"] if known else []

    def all_stopped(self, started_by: str, seconds: float = 30.0) -> bool:
        """Return whether every task with a mark stops within a time."""
        deadline = time.monotonic() + seconds
        while any(task["lastStatus"] != "STOPPED" for task in self.launched(started_by)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True


def a_mark() -> str:
    """Return a unique mark for a test's tasks."""
    return f"launch-test/{uuid4().hex[:12]}"


def python(program: str) -> dict[str, Any]:
    """Return overrides that have a task run a Python program."""
    return {"containers": [{"name": CONTAINER, "command": ["python3", "-u", "-c", program]}]}


def counting(lines: int, pause: float = 0.0, end: str = "") -> dict[str, Any]:
    """Return overrides that have a task write numbered lines, pause after each, and then run a statement."""
    return python(
        f"import os, sys, time\nfor n in range({lines}):\n    print(f'line {{n}}'); time.sleep({pause})\n{end}"
    )


def counting_until(gate: Path, shown: int, lines: int, end: str = "") -> dict[str, Any]:
    """Return overrides that have a task write numbered lines, wait for a file after some, and then run a statement.

    Args:
        gate: the file.
        shown: how many lines the task writes before it waits.
        lines: how many lines it writes in all.
        end: the statement.
    """
    return python(
        f"import os, sys, time\nfor n in range({lines}):\n"
        f"    while n >= {shown} and not os.path.exists({str(gate)!r}):\n        time.sleep(0.1)\n"
        f"    print(f'line {{n}}')\n{end}"
    )


def counted(lines: int) -> list[str]:
    """Return the lines that the task writes."""
    return [f"line {number}" for number in range(lines)]
