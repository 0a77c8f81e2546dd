# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo SYSTEM=oneshot` in a clone, from the first command to `make down`; each test needs those before it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from checkout import copy_checkout, install_packages
from oneshot_demo import Demo
from ports import free_port
from waiting import waited

pytestmark = pytest.mark.timeout(900)
COPIES = ("staging", "prod")
PATIENCE = 20
OF_LOAD_TEST = "ddbload-local-cluster"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A clone in which nothing ran yet."""
    directory = tmp_path_factory.mktemp("demo")
    clone = copy_checkout(directory / "clone")
    install_packages(clone)
    made = Demo(free_port(), directory, clone, timeout=700.0)
    try:
        yield made
    finally:
        if listens(made):
            made.make("down")


def listens(demo: Demo) -> bool:
    """Return whether the embedded AWS accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", demo.port)) == 0


def web(demo: Demo, env: str) -> str:
    """Return the URL of an environment's load balancer, up to the path."""
    return f"http://{demo.outputs(env)['load-balancer-main.DnsName']}"


def respond(demo: Demo, path: str, body: str | None = None, env: str = "local") -> tuple[int, str]:
    """Request a path through a load balancer, by POST where there is a body; return status and text."""
    data = None if body is None else body.encode()
    request = urllib.request.Request(web(demo, env) + path, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_one_command_deploys_and_runs_a_job(demo: Demo) -> None:
    """The clone needs neither an account nor a command before `make demo`."""
    first = demo.make("demo", "SYSTEM=oneshot")
    assert first.code == 0, first.output
    assert "Installing" not in first.output
    assert "The results are in results/local/." in first.output
    assert f"load balancer main, internal: {web(demo, 'local')}" in first.words
    for estimate in ("service ui: 1 task of ", "job prompt: 1 vCPU and 4 GB, at most $"):
        assert estimate in first.words
    [run] = (demo.clone / "results" / "local").iterdir()
    kept = json.loads((run / "job.json").read_text())
    assert (kept["system"], kept["job"], kept["exit_code"]) == ("oneshot", "prompt", 0)
    assert "hello" in (run / "log.txt").read_text()


def test_a_second_deploy_changes_nothing(demo: Demo) -> None:
    before = demo.service_tasks("local")
    second = demo.play_oneshot("deploy.yml")
    assert (second.code, second.changed) == (0, 0), second.output
    assert demo.service_tasks("local") == before


def test_network_cluster_and_roles_exist(demo: Demo) -> None:
    """The service admits its load balancer alone, and each task has two roles of its own."""
    outputs, ec2, ecs = demo.outputs("local"), demo.client("ec2"), demo.client("ecs")
    [cluster] = ecs.describe_clusters(clusters=[outputs["cluster.ClusterName"]])["clusters"]
    assert cluster["status"] == "ACTIVE"
    subnets = ec2.describe_subnets(SubnetIds=outputs["network.PrivateSubnetIds"].split(","))["Subnets"]
    assert {each["VpcId"] for each in subnets} == {outputs["network.VpcId"]}
    group = outputs["security-groups.ServiceUi"]
    [described] = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    admitted = [
        (rule["FromPort"], rule["ToPort"], [pair["GroupId"] for pair in rule["UserIdGroupPairs"]], rule["IpRanges"])
        for rule in described["IpPermissions"]
    ]
    assert admitted == [(8000, 8000, [outputs["security-groups.LoadBalancerMain"]], [])]
    roles = set()
    for component in ("service-ui", "job-prompt"):
        arn = outputs[f"{component}.TaskDefinitionArn"]
        definition = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        roles |= {definition["taskRoleArn"], definition["executionRoleArn"]}
    known = {each["Arn"] for each in demo.client("iam").list_roles()["Roles"]}
    assert len(roles) == 4
    assert roles <= known


def test_each_route_passes_the_load_balancer(demo: Demo) -> None:
    """The contract of Oneshot's web page: two pages, the interruption of a task, and the port of the targets."""
    status, page = respond(demo, "/")
    assert status == 200
    assert "Oneshot Dashboard" in page
    status, text = respond(demo, "/api/status")
    counts = json.loads(text)
    assert status == 200
    assert {name for name, value in counts.items() if value == 0} == {
        *("total_tasks", "running_tasks", "completed_tasks", "failed_tasks", "interrupted_tasks")
    }
    status, text = respond(demo, "/api/tasks/t1/interrupt", '{"task_id": "t1"}')
    assert (status, json.loads(text)["status"]) == (200, "success")
    assert respond(demo, "/api/tasks/t1/interrupt", "{}")[0] == 422
    assert respond(demo, "/nowhere")[0] == 404
    targets = demo.client("elbv2").describe_target_groups()["TargetGroups"]
    healthy = [
        target["Target"]["Port"]
        for each in targets
        for target in demo.client("elbv2").describe_target_health(TargetGroupArn=each["TargetGroupArn"])[
            "TargetHealthDescriptions"
        ]
        if target["TargetHealth"]["State"] == "healthy"
    ]
    assert healthy == [8000]


def test_websocket_events_pass_the_load_balancer(demo: Demo) -> None:
    async def talk() -> list[dict[str, Any]]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{web(demo, 'local')}/ws/events") as events,
        ):
            first = await events.receive_json(timeout=PATIENCE)
            await events.send_json({"type": "interrupt_task", "task_id": "t1"})
            return [first, await events.receive_json(timeout=PATIENCE)]

    first, second = asyncio.run(talk())
    assert (first["type"], first["data"]["total_tasks"]) == ("system_status", 0)
    assert (second["type"], second["task_id"], second["status"]) == ("command_response", "t1", "success")


def session_of(directory: Path) -> dict[str, Any]:
    """Return the session that a job's directory holds."""
    [path] = directory.glob("oneshot_*.json")
    return dict(json.loads(path.read_text()))


def test_jobs_keep_exit_codes_sessions_and_log_lines(demo: Demo) -> None:
    """A job completes, fails or is stopped: exit code, session and log say which.

    The embedded AWS reports exit code 0 of each task that StopTask ended.
    """
    data = demo.directory / "local-aws" / "oneshot"
    prompts = {"done": "say hello", "failed": "say no; fail", "stopped": "say begun; sleep 300"}
    tasks = {
        name: demo.start_task("--executor", "direct", "--logs-dir", str(data / name), "--keep-log", prompt)
        for name, prompt in prompts.items()
    }
    waited(lambda: "begun" in demo.log_lines("local", "prompt", tasks["stopped"]))
    demo.client("ecs").stop_task(cluster="oneshot-local", task=tasks["stopped"])
    assert [demo.exit_code(tasks[name]) for name in ("done", "failed")] == [0, 1]
    waited(lambda: "oneshot stand-in: INTERRUPTED" in demo.log_lines("local", "prompt", tasks["stopped"]))
    states = {name: session_of(data / name)["state"] for name in tasks}
    assert states == {"done": "COMPLETED", "failed": "FAILED", "stopped": "INTERRUPTED"}
    lines = {name: demo.log_lines("local", "prompt", task) for name, task in tasks.items()}
    for name, state in states.items():
        assert f"oneshot stand-in: {state}" in lines[name]
    assert "hello" in lines["done"] and "no" in lines["failed"]


def test_every_task_has_a_log_with_retention(demo: Demo) -> None:
    [service] = demo.service_tasks("local")
    assert any("listens on" in line for line in demo.log_lines("local", "ui", service))
    groups = demo.client("logs").describe_log_groups(logGroupNamePrefix="/oneshot/local/")["logGroups"]
    assert {each["logGroupName"].rpartition("/")[2]: each.get("retentionInDays") for each in groups} == {
        "ui": 14,
        "prompt": 14,
    }


def test_a_secret_arrives_in_the_environment(demo: Demo) -> None:
    """The job that names the secret gets its value; no log and no task definition holds it."""
    secret = demo.outputs("local")["secrets.AnthropicArn"]
    value = demo.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]
    code = "import hashlib, os; print(hashlib.sha256(os.environ['ANTHROPIC_API_KEY'].encode()).hexdigest())"
    task = demo.start_task(program=[sys.executable, "-c", code])
    assert demo.exit_code(task) == 0
    assert demo.log_lines("local", "prompt", task) == [hashlib.sha256(value.encode()).hexdigest()]
    arn = demo.outputs("local")["job-prompt.TaskDefinitionArn"]
    assert value not in json.dumps(demo.client("ecs").describe_task_definition(taskDefinition=arn), default=str)
    known = demo.start_task("--executor", "claude", "--logs-dir", str(demo.directory / "claude"), f"say {value}")
    assert demo.exit_code(known) == 0
    assert value not in " ".join(demo.log_lines("local", "prompt", known))


def surveyed(demo: Demo, *environments: tuple[str, str]) -> list[set[str]]:
    """Return the stacks that module environment_info lists for each project and environment."""
    components = sorted({each["StackName"].removeprefix("oneshot-local-") for each in demo.stacks_of("local")})
    arguments = {
        "project": "{{ item[0] }}",
        "environment": "{{ item[1] }}",
        "components": components,
        "endpoint_url": f"http://127.0.0.1:{demo.port}",
        "region": "us-east-1",
    }
    kept = demo.directory / "surveyed.json"
    tasks: list[dict[str, Any]] = [
        {"gantry.ecs.environment_info": arguments, "loop": [list(each) for each in environments], "register": "found"},
        {"ansible.builtin.copy": {"content": "{{ found.results | to_json }}", "dest": str(kept), "mode": "0600"}},
    ]
    play = {"hosts": "localhost", "gather_facts": False, "environment": demo.access, "tasks": tasks}
    playbook = demo.directory / "survey.yml"
    playbook.write_text(yaml.safe_dump([play]))
    done = demo.run("ansible-playbook", str(playbook))
    assert done.code == 0, done.output
    return [
        {each["name"] for each in found["resources"] if each["kind"] == "stack"}
        for found in json.loads(kept.read_text())
    ]


def test_environments_do_not_touch_each_other(demo: Demo) -> None:
    """Three environments of Oneshot, and a stack of the load test, in one account: a job from one queue, and lists."""
    for env in COPIES:
        demo.copy_environment("local", env)
    template = json.dumps({"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {}}}})
    tags = [{"Key": "Project", "Value": "ddbload"}, {"Key": "Environment", "Value": "local"}]
    demo.client("cloudformation").create_stack(StackName=OF_LOAD_TEST, TemplateBody=template, Tags=tags)
    tasks = {env: waited(lambda env=env: demo.service_tasks(env)) for env in COPIES}
    for env in ("local", *COPIES):
        body = json.dumps({"executor": "direct", "prompt": f"say {env}"})
        demo.client("sqs").send_message(QueueUrl=demo.queue(env), MessageBody=body)
    job = demo.play_oneshot("run-job.yml", "-e", "job=prompt", "-e", "from_queue=true")
    assert job.code == 0, job.output
    assert {env: demo.depth(env) for env in ("local", *COPIES)} == {"local": 0, "staging": 1, "prod": 1}
    for env in COPIES:
        assert demo.service_tasks(env) == tasks[env]
        all_tasks = demo.client("ecs").list_tasks(cluster=f"oneshot-{env}")["taskArns"]
        assert all_tasks == tasks[env]
    environments = [("oneshot", env) for env in ("local", *COPIES)]
    *found, of_load_test = surveyed(demo, *environments, ("ddbload", "local"))
    for (_project, env), stacks in zip(environments, found, strict=True):
        assert stacks == {each["StackName"] for each in demo.stacks_of(env)}
    assert of_load_test == {OF_LOAD_TEST}


def test_a_teardown_leaves_other_environments(demo: Demo) -> None:
    before = {env: (demo.stacks_of(env), demo.service_tasks(env)) for env in COPIES}
    data = "oneshot-local-sessions,oneshot/local/anthropic"
    torn = demo.play_oneshot("playbooks/teardown.yml", "-e", "confirm=local", "-e", f"confirm_data={data}")
    assert torn.code == 0, torn.output
    assert demo.stacks_of("local") == []
    assert not demo.client("logs").describe_log_groups(logGroupNamePrefix="/oneshot/local/")["logGroups"]
    for env in COPIES:
        assert (demo.stacks_of(env), demo.service_tasks(env)) == before[env]
        assert respond(demo, "/api/status", env=env)[0] == 200
        assert demo.depth(env) == 1
    [left] = demo.client("cloudformation").describe_stacks(StackName=OF_LOAD_TEST)["Stacks"]
    assert left["StackStatus"] == "CREATE_COMPLETE"


def test_the_embedded_aws_stops(demo: Demo) -> None:
    done = demo.make("down")
    assert done.code == 0, done.output
    assert not listens(demo)
