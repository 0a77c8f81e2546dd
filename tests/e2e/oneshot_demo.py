# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System oneshot in a clone, its tasks, and further environments beside the deployed one."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator_env import NO_CREDENTIALS, EmulatorEnv, Play
from waiting import waited

PROJECT = "oneshot"
# The variables of a make that runs the tests, and of a shell that chose a checkout. Without tests/startup, the demo is
# that of a user.
STARTUP = ("ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_CALLBACKS_ENABLED", "ANSIBLE_RUN_VARS_PLUGINS", "PYTHONPATH")
FOREIGN = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "ANSIBLE_CONFIG", *STARTUP, *NO_CREDENTIALS)


@dataclass
class Demo(EmulatorEnv):
    """A clone in which `make demo SYSTEM=oneshot` runs, and its embedded AWS.

    Attributes:
        clone: the directory of the clone.
    """

    clone: Path

    def run(self, *command: str) -> Play:
        """Run a command in the clone."""
        own = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        path = f"{self.clone / '.venv' / 'bin'}:{own['PATH']}"
        done = subprocess.run(
            command,
            cwd=self.clone,
            # A shell sets PWD, where role system looks for descriptions.
            env=own | {"ANSIBLE_FORCE_COLOR": "0", "PATH": path, "PWD": str(self.clone)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=self.timeout,
            check=False,
        )
        print(done.stdout)
        return Play(done.returncode, done.stdout)

    def make(self, *targets: str) -> Play:
        """Run make with the embedded AWS of the test."""
        where = f"-e local_aws_port={self.port} -e local_aws_directory={self.directory / 'local-aws'}"
        return self.run("make", *targets, f"ARGS={where}")

    def play_oneshot(self, playbook: str, *arguments: str) -> Play:
        """Run a playbook of the clone on the deployed environment."""
        variables = {
            "env": "local",
            "system": PROJECT,
            "local_aws_port": self.port,
            "local_aws_directory": str(self.directory / "local-aws"),
        }
        return self.run("ansible-playbook", playbook, "-e", json.dumps(variables), *arguments)

    # ---- Stacks

    def stacks_of(self, env: str) -> list[dict[str, Any]]:
        """Return the stacks of an environment, in the order of their creation."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        own = [each for each in found if each["StackName"].startswith(f"{PROJECT}-{env}-")]
        exist = [each for each in own if each["StackStatus"] != "DELETE_COMPLETE"]
        return sorted(exist, key=lambda each: str(each["CreationTime"]))

    def outputs(self, env: str) -> dict[str, str]:
        """Return the outputs of an environment's stacks, by component and name, such as network.VpcId."""
        return {
            f"{stack['StackName'].removeprefix(f'{PROJECT}-{env}-')}.{each['OutputKey']}": each["OutputValue"]
            for stack in self.stacks_of(env)
            for each in stack.get("Outputs", [])
        }

    def copy_environment(self, env: str, copy: str) -> None:
        """Apply the templates of an environment for another one, with the outputs of its own stacks."""
        cloudformation = self.client("cloudformation")
        replaced = {env: copy}
        for stack in self.stacks_of(env):
            name = stack["StackName"].replace(f"{PROJECT}-{env}-", f"{PROJECT}-{copy}-")
            values = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
            cloudformation.create_stack(
                StackName=name,
                TemplateBody=_text(cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"]),
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": replaced.get(value, value)} for key, value in values.items()
                ],
                Tags=[{**tag, "Value": replaced.get(tag["Value"], tag["Value"])} for tag in stack["Tags"]],
                Capabilities=["CAPABILITY_IAM"],
            )
            created = waited(lambda name=name: self._created(name))
            own = {each["OutputKey"]: each["OutputValue"] for each in created.get("Outputs", [])}
            replaced |= {
                each["OutputValue"]: own[each["OutputKey"]] for each in stack.get("Outputs", []) if each["OutputValue"]
            }

    def _created(self, name: str) -> dict[str, Any] | None:
        [stack] = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        assert stack["StackStatus"] in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE"), stack
        return dict(stack) if stack["StackStatus"] == "CREATE_COMPLETE" else None

    # ---- Tasks

    def start_task(self, *words: str, program: Sequence[str] | None = None) -> str:
        """Start a task of job prompt with words after its program, and return its ARN."""
        outputs = self.outputs("local")
        ecs = self.client("ecs")
        definition = outputs["job-prompt.TaskDefinitionArn"]
        [container] = ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"]["containerDefinitions"]
        started = ecs.run_task(
            cluster=outputs["cluster.ClusterName"],
            taskDefinition=definition,
            launchType="FARGATE",
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": outputs["network.PrivateSubnetIds"].split(","),
                    "securityGroups": [outputs["security-groups.JobPrompt"]],
                }
            },
            overrides={
                "containerOverrides": [
                    {"name": container["name"], "command": [*(program or container["command"][:2]), *words]}
                ]
            },
        )
        assert started["failures"] == []
        return str(started["tasks"][0]["taskArn"])

    def described(self, env: str, task: str) -> dict[str, Any]:
        """Return a task of an environment."""
        [found] = self.client("ecs").describe_tasks(cluster=f"{PROJECT}-{env}", tasks=[task])["tasks"]
        return dict(found)

    def exit_code(self, task: str) -> int | None:
        """Wait until a task of the deployed environment has stopped, and return its exit code."""
        stopped = waited(lambda: (each := self.described("local", task))["lastStatus"] == "STOPPED" and each)
        assert stopped
        code: int | None = stopped["containers"][0].get("exitCode")
        return code

    def service_tasks(self, env: str) -> list[str]:
        """Return the ARNs of the running tasks of service ui."""
        ecs = self.client("ecs")
        found = ecs.list_tasks(cluster=f"{PROJECT}-{env}", serviceName=f"{PROJECT}-{env}-ui", desiredStatus="RUNNING")
        return [str(arn) for arn in found["taskArns"]]

    def log_lines(self, env: str, name: str, task: str) -> list[str]:
        """Return what a task of a service or job has written."""
        logs, group = self.client("logs"), f"/{PROJECT}/{env}/{name}"
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
        return [
            str(event["message"])
            for stream in streams
            if stream["logStreamName"].endswith(task.rpartition("/")[2])
            for event in logs.get_log_events(
                logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
            )["events"]
        ]

    # ---- Queues

    def queue(self, env: str) -> str:
        """Return the URL of an environment's queue of prompts."""
        return str(self.client("sqs").get_queue_url(QueueName=f"{PROJECT}-{env}-prompts")["QueueUrl"])

    def depth(self, env: str) -> int:
        """Return how many messages an environment's queue holds, those in flight included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.queue(env), AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


def _text(template: Any) -> str:
    return template if isinstance(template, str) else json.dumps(template)
