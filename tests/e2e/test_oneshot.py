# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System oneshot on an embedded AWS, from the check before the first deploy to the teardown."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulator_env import NO_CREDENTIALS, ROOT, EmulatorEnv, Play
from ports import free_port
from results_bucket import BUCKET, PREFIX, make_bucket, results_bucket, uploaded
from waiting import waited

VISIBILITY = 10  # seconds after which a killed call's messages are visible again
DEADLINE = 90.0
MOST_TASKS = 5
MINUTE = "6"  # seconds that a minute of CloudWatch's periods and of cooldowns lasts
INVENTORY = ROOT / "inventories" / "local" / "group_vars" / "local.yml"


def depth_of(emulator: EmulatorEnv, queue: str) -> int:
    """Return how many messages a queue holds, those in flight included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = emulator.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


class Oneshot:
    """System oneshot on an embedded AWS of its own."""

    def __init__(self, emulator: EmulatorEnv) -> None:
        self.emulator = emulator

    def play(self, playbook: str, *arguments: str, **environment: str) -> Play:
        return self.emulator.play(playbook, "-e", "system=oneshot", *self.settings, *arguments, **environment)

    def job(self, *arguments: str) -> Play:
        return self.play("run-job.yml", "-e", "job=prompt", *arguments)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a play that handles the queue, in a process group of its own."""
        return self.start_play("run-job.yml", "-e", "job=prompt", "-e", "from_queue=true", *arguments)

    def start_play(self, playbook: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a play in a process group of its own."""
        variables = {
            "env": "local",
            "local_aws_port": self.emulator.port,
            "local_aws_directory": str(self.emulator.directory / "local-aws"),
        }
        own = {name: value for name, value in os.environ.items() if name not in NO_CREDENTIALS}
        command = ["ansible-playbook", playbook, "-e", json.dumps(variables), "-e", "system=oneshot"]
        return subprocess.Popen(
            [*command, *self.settings, *arguments],
            cwd=ROOT,
            env=own | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_FORCE_COLOR": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    @property
    def settings(self) -> list[str]:
        """The stand-in of the inventory, with a smaller number of tasks for the queue."""
        values = yaml.safe_load(INVENTORY.read_text())["system_values"]
        prompt = values["oneshot"]["jobs"]["prompt"]
        values["oneshot"]["jobs"]["batch"] = self._batch(prompt)
        prompt["queue"] = {"name": "prompts", "max_running": MOST_TASKS}
        values["oneshot"]["queues"] = {"batches": {"visibility_timeout": 120}}
        results = str(self.emulator.directory / "results")
        return ["-e", json.dumps({"job_results_directory": results, "system_values": values})]

    @staticmethod
    def _batch(prompt: dict[str, Any]) -> dict[str, Any]:
        """Return a job that is the job prompt with workers."""
        return {
            **prompt,
            "parameters": {"executor": {"default": "direct"}, "prompt": {"required": True}},
            "timeout": 60,
            "queue": {
                **prompt["queue"],
                "name": "batches",
                "mode": "workers",
                "max_running": MOST_TASKS,
                "scale_in_cooldown": 30,
                "scale_out_cooldown": 10,
            },
        }

    def stacks(self) -> list[str]:
        """Return the names of the account's stacks."""
        found = self.emulator.client("cloudformation").describe_stacks()["Stacks"]
        return [stack["StackName"] for stack in found if stack["StackStatus"] != "DELETE_COMPLETE"]

    # ---- The queue

    @property
    def queues(self) -> tuple[str, str]:
        """URLs of the queue of prompts and of its dead-letter queue."""
        urls = self.emulator.client("sqs").list_queues()["QueueUrls"]
        [queue] = [url for url in urls if url.endswith("-prompts")]
        [dead] = [url for url in urls if url.endswith("-prompts-dead-letters")]
        return queue, dead

    def send(self, *prompts: str) -> list[str]:
        """Send a message a prompt; returns their ids."""
        sqs, queue = self.emulator.client("sqs"), self.queues[0]
        bodies = [json.dumps({"executor": "direct", "prompt": prompt}) for prompt in prompts]
        return [sqs.send_message(QueueUrl=queue, MessageBody=body)["MessageId"] for body in bodies]

    def depth(self, number: int = 0) -> int:
        """Return how many messages a queue holds, those in flight included."""
        return depth_of(self.emulator, self.queues[number])

    def tasks(self, *statuses: str) -> Counter[str]:
        """Return how many tasks of messages there are by message id."""
        ecs = self.emulator.client("ecs")
        arns = [
            arn
            for status in statuses
            for arn in ecs.list_tasks(cluster="oneshot-local", desiredStatus=status)["taskArns"]
        ]
        described = []
        for first in range(0, len(arns), 100):
            described += ecs.describe_tasks(cluster="oneshot-local", tasks=arns[first : first + 100])["tasks"]
        marks = [str(task.get("startedBy", "")) for task in described]
        return Counter(mark.removeprefix("prompt/") for mark in marks if mark.startswith("prompt/"))

    def run_task(self, started_by: str, prompt: str) -> str:
        """Run a task of job prompt as a launcher does, without one; returns its id once it has stopped."""
        ecs, cluster = self.emulator.client("ecs"), "oneshot-local"
        stacks = self.emulator.client("cloudformation")
        outputs = {
            each["OutputKey"]: each["OutputValue"]
            for name in ("network", "security-groups")
            for each in stacks.describe_stacks(StackName=f"oneshot-local-{name}")["Stacks"][0]["Outputs"]
        }
        network = {"subnets": outputs["PrivateSubnetIds"].split(","), "securityGroups": [outputs["JobPrompt"]]}
        command = [sys.executable, str(ROOT / "systems/oneshot/stand_in/bin/oneshot"), "--executor", "direct", prompt]
        [task] = ecs.run_task(
            cluster=cluster,
            taskDefinition="oneshot-local-prompt",
            launchType="FARGATE",
            startedBy=started_by,
            networkConfiguration={"awsvpcConfiguration": network},
            overrides={"containerOverrides": [{"name": "prompt", "command": command}]},
        )["tasks"]
        arn = task["taskArn"]
        waited(lambda: ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"][0]["lastStatus"] == "STOPPED")
        return str(arn.rpartition("/")[2])

    @property
    def is_paused(self) -> bool:
        """Whether the process of the embedded AWS is stopped by a signal."""
        pid = json.loads((self.emulator.directory / "local-aws" / "ministack.pid").read_text())["pid"]
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.fixture(scope="module")
def oneshot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oneshot]:
    """System oneshot, deployed, and with a queue that shows a killed call's messages again soon."""
    emulator = EmulatorEnv(free_port(), tmp_path_factory.mktemp("oneshot"))
    made = Oneshot(emulator)
    try:
        first = made.play("deploy.yml", DDBLOAD_MINUTE_SECONDS=MINUTE)
        assert first.code == 0, first.output
        queue = made.queues[0]
        emulator.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": str(VISIBILITY)})
        yield made
    finally:
        emulator.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


def test_the_load_balancer_leads_to_the_service(oneshot: Oneshot) -> None:
    front = oneshot.emulator.directory / "local-aws" / "front" / "endpoints.json"
    [balancer] = json.loads(front.read_text())["load_balancers"]
    with urllib.request.urlopen(f"{balancer['listeners'][0]['url']}api/status", timeout=10) as response:
        assert response.status == 200


def test_the_dashboard_shows_the_alarms_of_the_system(oneshot: Oneshot) -> None:
    """Its body has neither placeholders nor alarms that do not exist."""
    cloudwatch = oneshot.emulator.client("cloudwatch")
    text = cloudwatch.get_dashboard(DashboardName="oneshot-local-system")["DashboardBody"]
    shown = [each for widget in json.loads(text)["widgets"] for each in widget["properties"].get("alarms", [])]
    alarms = {each["AlarmArn"]: each for each in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert {*shown} == {*alarms}
    assert all(". Runbook: docs/runbooks.md#" in each["AlarmDescription"] for each in alarms.values())
    assert "${" not in text


def test_a_failing_job_reports_its_cause(oneshot: Oneshot) -> None:
    """The play fails, and job.json keeps exit code and cause, also in the bucket."""
    make_bucket(oneshot.emulator)
    arguments = ["-e", "executor=direct", "-e", "prompt=say hello; fail", "-e", "run_id=failing"]
    play = oneshot.job(*arguments, *results_bucket())
    assert play.code != 0
    assert "failed (exit code 1)" in play.words
    directory = oneshot.emulator.directory / "results" / "local" / "failing"
    kept = json.loads((directory / "job.json").read_text())
    assert (kept["run_id"], kept["system"], kept["job"], kept["exit_code"]) == ("failing", "oneshot", "prompt", 1)
    assert kept["cause"]
    assert "hello" in (directory / "log.txt").read_text()
    assert uploaded(oneshot.emulator, directory)
    assert f"Uploaded to s3://{BUCKET}/{PREFIX}/local/failing" in play.words


def test_a_job_fails_where_its_results_cannot_be_uploaded(oneshot: Oneshot) -> None:
    """The job is done and its results are kept: the line says where they are and why they are not in the bucket."""
    play = oneshot.job(
        "-e", "executor=direct", "-e", "prompt=say hello", "-e", "run_id=kept", *results_bucket("no-such-bucket")
    )
    assert play.code != 0 and "run kept: done." in play.words
    assert f"the results of run kept were not uploaded to s3://no-such-bucket/{PREFIX}/local/kept: " in play.words
    assert (
        f"-> create the bucket, or correct results_bucket; they are in {oneshot.emulator.directory}/results/local/kept"
        in play.words
    )


def test_a_run_is_found_by_its_id_alone(oneshot: Oneshot) -> None:
    """From any machine; a run that ECS has forgotten is found by a line that names it."""
    task_id = oneshot.run_task("prompt/elsewhere", "say long-ago; fail")
    known = oneshot.play("playbooks/job.yml", "-e", "run_id=elsewhere")
    assert known.code == 0, known.output
    assert f"run elsewhere of job prompt: STOPPED, exit code 1, task {task_id}" in known.words
    assert "the prompt contains fail" in known.words
    for line in ("cause: failed (exit code 1)", "duration: ", "cost: about 0.000", f"stream prompt/prompt/{task_id}"):
        assert line in known.words
    forgotten = oneshot.play("playbooks/job.yml", "-e", "run_id=long-ago")
    assert f"run long-ago of job prompt: status not known any more, task {task_id}" in forgotten.words
    assert "not known any more: status, exit code, cause" in forgotten.words
    assert "the prompt contains fail" in forgotten.words


def test_every_promise_of_an_experiment_holds(oneshot: Oneshot) -> None:
    """A task that is stopped, one that is killed, a missing secret, two deploys at once, an AWS that stands still."""
    names = ("stop_task", "kill_task", "missing_secret", "two_deploys", "paused_aws")
    play = oneshot.play("playbooks/chaos.yml", "-e", f"experiment={','.join(names)}", "-e", "chaos_pause=2")
    assert play.code == 0, play.output
    for name in names:
        assert f"Experiment {name}: held after " in play.words
    assert "ended by SIGKILL (exit code 137)" in play.words
    secret = oneshot.emulator.client("secretsmanager").describe_secret(SecretId="oneshot/local/anthropic")
    assert not secret.get("DeletedDate")


def test_an_account_wants_an_experiment_confirmed(oneshot: Oneshot) -> None:
    """No call to AWS comes before."""
    arguments = ("-e", "system=oneshot", "-e", "experiment=stop_task", "-e", "confirm=dev")
    play = oneshot.emulator.play("playbooks/chaos.yml", *arguments, env="prod")
    assert play.code != 0
    assert (
        "Nothing was done, as it was not confirmed -> type the name of the environment, or add -e confirm=prod"
        in play.words
    )
    assert "Check the account, its quotas, the network, the table and the image" not in play.words


def test_an_interrupt_ends_an_experiment(oneshot: Oneshot) -> None:
    play = oneshot.start_play("playbooks/chaos.yml", "-e", "experiment=paused_aws", "-e", "chaos_pause=120")
    waited(lambda: oneshot.is_paused)
    os.killpg(play.pid, signal.SIGINT)
    play.communicate(timeout=DEADLINE)
    assert play.returncode != 0
    # The module ends after Ansible.
    waited(lambda: not oneshot.is_paused)
    assert oneshot.emulator.client("ecs").describe_clusters()["clusters"] is not None


def test_each_message_is_done_exactly_once(oneshot: Oneshot) -> None:
    """Fifteen messages on few tasks at a time; afterwards neither a message nor a task is left."""
    sent = oneshot.send(*["say hello; sleep 0.5"] * 15)
    play = oneshot.start()
    most = 0
    while play.poll() is None:
        most = max(most, oneshot.tasks("RUNNING").total())
        time.sleep(0.2)
    output = play.communicate(timeout=DEADLINE)[0]
    assert play.returncode == 0, output
    assert "15 message(s) done by 15 task(s)" in " ".join(output.split())
    assert {name: oneshot.tasks("RUNNING", "STOPPED")[name] for name in sent} == dict.fromkeys(sent, 1)
    assert 1 < most <= MOST_TASKS
    assert (oneshot.depth(), oneshot.depth(1), oneshot.tasks("RUNNING").total()) == (0, 0, 0)


def test_a_killed_call_loses_and_repeats_nothing(oneshot: Oneshot) -> None:
    """The next call takes up the tasks of the killed one."""
    sent = oneshot.send("sleep 12", "sleep 1")
    killed = oneshot.start()
    waited(lambda: all(oneshot.tasks("RUNNING", "STOPPED")[name] for name in sent))
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=DEADLINE)
    play = oneshot.job("-e", "from_queue=true")
    assert play.code == 0, play.output
    assert {name: oneshot.tasks("RUNNING", "STOPPED")[name] for name in sent} == dict.fromkeys(sent, 1)
    assert (oneshot.depth(), oneshot.depth(1)) == (0, 0)


def test_an_interrupt_puts_back_and_a_failure_is_dead(oneshot: Oneshot) -> None:
    """Ctrl-C stops the task; the next call fails the message of which each receive fails."""
    [name] = oneshot.send("sleep 60; fail")
    interrupted = oneshot.start()
    waited(lambda: oneshot.tasks("RUNNING")[name])
    os.killpg(interrupted.pid, signal.SIGINT)
    output = " ".join(interrupted.communicate(timeout=DEADLINE)[0].split())
    assert interrupted.returncode != 0
    assert f"message {name}: back to the queue" in output
    assert "interrupted by SIGINT" in output
    # The module ends after Ansible.
    waited(lambda: oneshot.tasks("RUNNING").total() == 0)
    assert oneshot.depth() == 1
    queue = oneshot.queues[0]
    oneshot.emulator.client("sqs").purge_queue(QueueUrl=queue)
    [failing] = oneshot.send("fail")
    play = oneshot.job("-e", "from_queue=true")
    assert play.code != 0
    assert f"1 message(s) went to the dead-letter queue; {failing}: " in play.words
    assert (oneshot.depth(), oneshot.depth(1)) == (0, 1)


class Workers:
    """The workers of the job batch, and what they log."""

    def __init__(self, emulator: EmulatorEnv) -> None:
        self.emulator = emulator
        self.sqs, self.ecs = emulator.client("sqs"), emulator.client("ecs")
        self.queue = self.sqs.get_queue_url(QueueName="oneshot-local-batches")["QueueUrl"]

    def send(self, *prompts: str) -> list[str]:
        """Send a message a prompt; returns their ids."""
        bodies = [json.dumps({"prompt": prompt}) for prompt in prompts]
        return [self.sqs.send_message(QueueUrl=self.queue, MessageBody=body)["MessageId"] for body in bodies]

    def depth(self) -> int:
        """Return how many messages the queue holds, those in flight included."""
        return depth_of(self.emulator, self.queue)

    def running(self) -> list[str]:
        """Return the ARNs of the tasks that run."""
        service = {"cluster": "oneshot-local", "serviceName": "oneshot-local-batch-workers"}
        arns = self.ecs.list_tasks(**service)["taskArns"]
        found = self.ecs.describe_tasks(cluster="oneshot-local", tasks=arns)["tasks"] if arns else []
        return [task["taskArn"] for task in found if task["lastStatus"] == "RUNNING"]

    def events(self, name: str) -> Counter[str]:
        """Return how many events of a name there are by message id."""
        pages = self.emulator.client("logs").get_paginator("filter_log_events")
        found = [
            json.loads(event["message"])
            for page in pages.paginate(logGroupName="/oneshot/local/batch-workers", filterPattern="")
            for event in page["events"]
            if event["message"].startswith("{")
        ]
        return Counter(each["run_id"] for each in found if each["event"] == name)


def test_workers_follow_their_queue_from_zero_and_back(oneshot: Oneshot) -> None:
    """25 messages on five workers, each handled once; the worker that is busy for longest outlives the scale-in."""
    workers = Workers(oneshot.emulator)
    waited(lambda: not workers.running())
    sent = workers.send("sleep 15", *["say hello; sleep 0.5"] * 24)
    most: set[int] = set()

    def is_done() -> bool:
        most.add(len(workers.running()))
        return workers.depth() == 0

    waited(is_done)
    assert max(most) == MOST_TASKS
    waited(lambda: not workers.running())
    assert {name: workers.events("message_done")[name] for name in sent} == dict.fromkeys(sent, 1)
    assert workers.events("message_received") == workers.events("message_done")
    assert workers.events("message_put_back").total() == 0


def test_a_stop_of_a_worker_puts_its_message_back(oneshot: Oneshot) -> None:
    """Another worker handles it, at once and not only when it is visible again by itself."""
    workers = Workers(oneshot.emulator)
    [name] = workers.send("sleep 5")
    waited(lambda: workers.events("message_received")[name] and workers.running())
    [task] = workers.running()
    workers.ecs.stop_task(cluster="oneshot-local", task=task)
    waited(lambda: workers.events("message_done")[name])
    # A worker that is scaled in before it is protected puts it back too: each time, another one has it at once.
    received, put_back = (workers.events(event)[name] for event in ("message_received", "message_put_back"))
    assert 1 <= put_back == received - 1
    assert workers.events("message_done")[name] == 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("run-job.yml", "-e", "system=onshot", "-e", "job=prompt"), 'There is no system "onshot"'),
        (("run-job.yml", "-e", "job=promt"), 'System oneshot has no job "promt" -> call with -e job=NAME'),
        (("run-job.yml", "-e", "job=prompt"), 'job prompt needs parameter prompt -> call with -e prompt="'),
        (
            ("run-job.yml", "-e", "job=batch", "-e", "from_queue=true"),
            "workers handle the messages of queue batches -> ",
        ),
        (("playbooks/rollback.yml",), 'System oneshot has no job "rollback" -> take one of prompt'),
        (
            ("playbooks/render.yml", "-e", '{"system_values": {"oneshot": {"services": {"ui": {"port": 1}}}}}'),
            "services.ui.port is no key of this section -> ",
        ),
        (
            ("playbooks/render.yml", "-e", '{"system_values": {"onshot": {}}}'),
            "system_values names onshot, which is no system -> take one of load_test, mcp_gateway, oneshot",
        ),
        (
            ("playbooks/render.yml", "-e", '{"system_values": {"oneshot": ["x"]}}'),
            "inventory variable system_values.oneshot is a list of 1 -> write a mapping",
        ),
        (
            ("deploy.yml", "-e", '{"system_values": {"oneshot": {"services": {"ui": {"image": "example.com/ui:1"}}}}}'),
            "example.com/ui:1: no image of the internet runs here, since tasks are processes of this machine -> ",
        ),
    ],
)
def test_a_wrong_input_is_one_clear_line(oneshot: Oneshot, arguments: tuple[str, ...], line: str) -> None:
    play = oneshot.play(*arguments)
    assert play.code != 0
    assert line in play.words


def test_a_render_shows_what_a_change_does(oneshot: Oneshot, tmp_path: Path) -> None:
    """The first one names its templates; the next one shows the changed lines of a template, and no other template."""
    first, second = (
        oneshot.play("playbooks/render.yml", "-e", json.dumps({"render_directory": str(tmp_path), **more}))
        for more in ({}, {"system_values": {"oneshot": {"services": {"ui": {"cpu": 1024, "memory": 2048}}}}})
    )
    assert (first.code, second.code) == (0, 0)
    assert "(item=service-ui)" in first.output and "AWSTemplateFormatVersion" not in first.output
    assert "+      Cpu: '1024'" in second.output and "/file-systems.yaml" not in second.output


def test_a_deployed_system_is_at_rest_until_its_teardown(oneshot: Oneshot) -> None:
    """A check and drift report no change; the teardown leaves another environment's stack, and nothing of its own.

    Data that no deploy makes again is named twice: without that, nothing is deleted.
    """
    emulator = oneshot.emulator
    emulator.client("sqs").set_queue_attributes(QueueUrl=oneshot.queues[0], Attributes={"VisibilityTimeout": "4200"})
    checked = oneshot.play("deploy.yml", "--check", "--diff")
    assert (checked.code, checked.changed) == (0, 0), checked.output
    drift = oneshot.play("playbooks/drift.yml")
    assert drift.code == 0
    assert "resources match their templates" in drift.words
    template = json.dumps({"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {}}}})
    neighbour = "ddbload-local-cluster"
    tags = [{"Key": "Project", "Value": "ddbload"}, {"Key": "Environment", "Value": "local"}]
    emulator.client("cloudformation").create_stack(StackName=neighbour, TemplateBody=template, Tags=tags)
    emulator.client("sqs").send_message(QueueUrl=oneshot.queues[0], MessageBody="{}")
    refused = oneshot.play("playbooks/teardown.yml", "-e", "confirm=local")
    assert refused.code != 0
    named = re.search(r"add -e confirm_data=(\S+);", refused.words)
    assert named, refused.output
    data = named[1]
    assert {"oneshot-local-prompts", "oneshot-local-sessions", "oneshot/local/anthropic"} <= {*data.split(",")}
    assert set(oneshot.stacks()) > {neighbour, "oneshot-local-queues", "oneshot-local-service-ui"}
    torn = oneshot.play("playbooks/teardown.yml", "-e", "confirm=local", "-e", f"confirm_data={data}")
    assert torn.code == 0, torn.output
    assert oneshot.stacks() == [neighbour]
    assert not emulator.client("logs").describe_log_groups(logGroupNamePrefix="/oneshot/")["logGroups"]
    assert not emulator.client("sqs").list_queues().get("QueueUrls")
    assert not emulator.client("efs").describe_file_systems()["FileSystems"]
    assert not emulator.client("secretsmanager").list_secrets()["SecretList"]
