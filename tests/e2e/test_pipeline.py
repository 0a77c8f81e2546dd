# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The workflows of the system oneshot, step by step, against an embedded AWS.

GitHub's actions, docker and the AWS CLI are the stand-ins of workflow_stand_ins: an image is the digest of its build
context and has no layers, whether or not this machine has a container engine. The job validate is `make validate`,
which `make test` runs.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from emulator_env import ROOT, EmulatorEnv
from iam_proxy import IamProxy
from iam_simulator import ACCOUNT
from ports import free_port
from refusal import Deed, is_denied
from workflow_run import JobRun, Runner
from workflow_stand_ins import PROGRAMS, Repository, credentials, setup_python

IMAGES = "000000000000.dkr.ecr.us-east-1.amazonaws.com/images"
# The program of the service on this machine and in the image.
PROGRAM = ("systems/oneshot/stand_in/bin/oneshot-serve", "systems/oneshot/image/oneshot_serve.py")
BROKEN = "raise SystemExit(3)\n"
DESCRIPTION = "systems/oneshot/system.yml"
INVENTORY = "inventories/dev/group_vars/dev.yml"
MAIN = "oneshot.yml"

pytestmark = pytest.mark.timeout(900)


@dataclass
class Pipeline:
    """A team's repository and its runner, on an embedded AWS.

    Attributes:
        emulator: the embedded AWS.
        repository: the repository.
        runner: what runs its workflows at the newest commit.
        proxy: authorizes the calls by the policies of the job's role.
    """

    emulator: EmulatorEnv
    repository: Repository
    runner: Runner
    proxy: IamProxy

    def at(self, commit: str, **event: object) -> Runner:
        """Return the runner at a commit, for an event."""
        self.runner.github = {"sha": commit, "run_id": len(commit), "run_attempt": 1, "event_name": "push", **event}
        self.runner.finished.clear()
        return self.runner

    @property
    def image(self) -> str:
        """The image of the revision that the service runs."""
        ecs = self.emulator.client("ecs")
        (service,) = ecs.describe_services(cluster="oneshot-dev", services=["oneshot-dev-ui"])["services"]
        definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
        return str(definition["containerDefinitions"][0]["image"])

    def deploy(self, commit: str) -> JobRun:
        """Run the jobs that build an image of a commit and deploy it to dev."""
        runner = self.at(commit)
        # The job validate, which `make test` runs, has no outputs.
        runner.finished["validate"] = JobRun(Path(), {}, {}, {}, [])
        built = runner.run("build", MAIN)
        assert built.is_passing, built.output
        return runner.run("dev", MAIN)


class Account:
    """The team's account: policies and roles as systems/oneshot/README.md sets them up, and who may take a role.

    Args:
        emulator: the embedded AWS, which runs.
        proxy: authorizes each call by the policies of the role that a job has taken.
    """

    def __init__(self, emulator: EmulatorEnv, proxy: IamProxy) -> None:
        self.emulator, self.proxy = emulator, proxy
        self.policies: dict[str, str] = {}

    def set_up(self) -> dict[str, str]:
        """Create the repository of images, the policies and the roles; return the roles by environment."""
        self.emulator.client("ecr").create_repository(repositoryName="images")
        written = self.emulator.directory / "policies"
        values = {
            "policies_account_id": ACCOUNT,
            "policies_directory": str(written),
            "policies_repository_arns": [f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/images"],
        }
        play = self.emulator.play(
            "playbooks/policies.yml", "-e", "system=oneshot", "-e", json.dumps(values | {"env": "dev"}), env=None
        )
        assert play.code == 0, play.output
        iam = self.emulator.client("iam")
        for path in sorted(written.glob("*.json")):
            if not path.stem.endswith("-trust"):
                made = iam.create_policy(PolicyName=path.stem, PolicyDocument=path.read_text())
                self.policies[path.stem] = made["Policy"]["Arn"]
        return {"build": self._role("build", "builder"), "dev": self._role("dev", "deployer", "runner")}

    def _role(self, environment: str, *names: str) -> str:
        cloudformation = self.emulator.client("cloudformation")
        arns = [arn for name in names for stem, arn in self.policies.items() if f"oneshot-dev-{name}" in stem]
        parameters = {"Environment": environment, "Subject": "acme/shop", "PolicyArns": ",".join(arns)}
        cloudformation.create_stack(
            StackName=f"github-{environment}",
            TemplateBody=(ROOT / "systems" / "oneshot" / "ci" / "github-oidc.yaml").read_text(),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        waiter = cloudformation.get_waiter("stack_create_complete")
        waiter.wait(StackName=f"github-{environment}", WaiterConfig={"Delay": 1})
        (stack,) = cloudformation.describe_stacks(StackName=f"github-{environment}")["Stacks"]
        (output,) = stack["Outputs"]
        return str(output["OutputValue"])

    def access(self, role: str, environment: str) -> dict[str, str]:
        """Return a role's access to the embedded AWS; the role has to trust jobs of the environment."""
        iam, name = self.emulator.client("iam"), role.rpartition("/")[2]
        (trust,) = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        subject = trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
        assert subject == f"repo:acme/shop:environment:{environment}"
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        versions = [
            iam.get_policy_version(PolicyArn=one["PolicyArn"], VersionId="v1")["PolicyVersion"] for one in attached
        ]
        self.proxy.hold([one["Document"] for one in versions])
        return {
            "AWS_ACCESS_KEY_ID": self.emulator.key,
            "AWS_SECRET_ACCESS_KEY": "embedded-aws-needs-no-secret",
            "AWS_ENDPOINT_URL": self.proxy.url,
        }


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The pipeline of a repository whose environment dev is an embedded AWS, with the stand-in of Oneshot."""
    directory = tmp_path_factory.mktemp("pipeline")
    emulator = EmulatorEnv(free_port(), directory)
    repository = Repository(directory / "repository")
    local = yaml.safe_load((ROOT / "inventories" / "local" / "group_vars" / "local.yml").read_text())
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/oneshot-dev-boundary"
    values = {
        "system_values": local["system_values"],
        "local_aws_directory": str(directory / "data"),
        "deploy_role_arn": f"arn:aws:iam::{ACCOUNT}:role/oneshot-dev-cloudformation",
        "network_permissions_boundary_arn": boundary,
        "system_permissions_boundary_arn": boundary,
    }
    with (repository.directory / INVENTORY).open("a") as file:
        file.write(yaml.safe_dump(values))
    (directory / "jobs").mkdir()
    try:
        assert emulator.play("playbooks/local-aws.yml").code == 0
        proxy = IamProxy(emulator.port, lambda port: replace(emulator, port=port).client)
        account = Account(emulator, proxy)
        roles = {name: {"DEPLOY_ROLE_ARN": role, "AWS_REGION": "us-east-1"} for name, role in account.set_up().items()}
        runner = Runner(
            repository.directory,
            directory / "jobs",
            {
                "actions/checkout": repository.checkout,
                "actions/setup-python": setup_python,
                "aws-actions/configure-aws-credentials": credentials(account.access),
            },
            {},
            {"": {"IMAGE_REPOSITORY": IMAGES}, **roles},
            {
                "PATH": os.pathsep.join([str(PROGRAMS), str(Path(sys.executable).parent), os.environ["PATH"]]),
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "LANG": "C.UTF-8",
            },
        )
        with proxy.serving():
            yield Pipeline(emulator, repository, runner, proxy)
    finally:
        emulator.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


def test_a_commit_is_built_deployed_verified_and_used(pipeline: Pipeline) -> None:
    """Each step passes; the service runs the digest that the build pushed, and a job does its work."""
    done = pipeline.deploy(pipeline.repository.commit("Run Oneshot"))
    assert done.is_passing, done.output
    digest = pipeline.runner.finished["build"].outputs["digest"]
    _deployed, verified, used = done.steps[-3:]
    assert f"oneshot-dev-ui runs {IMAGES}@{digest} in 1 tasks" in verified.words
    assert re.search(r"Job prompt, run \S+: done\.", used.words)
    assert pipeline.proxy.refused == set()


def test_the_role_handles_the_queue_and_nothing_else(pipeline: Pipeline) -> None:
    """The derived policies let a job's role work off the queue, and refuse what is of another environment or system."""
    (run,) = [one for name, one in pipeline.runner.finished.items() if name == "dev"]
    proxy = pipeline.proxy
    url = f"http://127.0.0.1/{ACCOUNT}/oneshot-dev-prompts"
    message = {"executor": "direct", "prompt": "say hello"}
    proxy.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(message))
    play = "ansible-playbook run-job.yml -e system=oneshot -e env=dev -e job=prompt -e from_queue=true"
    done = pipeline.runner.step(run, {"run": f".venv/bin/{play}"})
    assert done.code == 0, done.output
    assert "1 message(s) done by 1 task(s)" in done.words
    assert proxy.refused == set()
    for deed in (
        call("sqs", "receive_message", QueueUrl=url.replace("-dev-", "-prod-")),
        call("sqs", "delete_queue", QueueUrl=url),
        call("ecs", "run_task", cluster="oneshot-dev", taskDefinition="oneshot-dev-ui:1"),
        call("ecs", "update_service", cluster="oneshot-dev", service="oneshot-dev-ui", desiredCount=0),
        call("cloudformation", "delete_stack", StackName="oneshot-prod-service-ui"),
        call("secretsmanager", "get_secret_value", SecretId=f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:x"),
        call("iam", "create_role", RoleName="oneshot-dev-mine", AssumeRolePolicyDocument="{}"),
    ):
        assert is_denied(deed, proxy)


def call(client: str, method: str, **request: Any) -> Deed:
    """Return a call of a method of a client."""
    return lambda caller: getattr(caller.client(client), method)(**request)


def test_a_pull_request_shows_the_changed_value_alone(pipeline: Pipeline) -> None:
    """The job renders both commits without credentials; its summary has one line that goes and one that comes."""
    base = pipeline.repository.commit("Nothing new")
    description = (pipeline.repository.directory / DESCRIPTION).read_text()
    assert description.count("memory: 1024") == 1
    change = pipeline.repository.commit("More", {DESCRIPTION: description.replace("memory: 1024", "memory: 2048")})
    event = {"pull_request": {"base": {"sha": base}}}
    run = pipeline.at(change, event_name="pull_request", event=event).run("render", MAIN, environment="staging")
    assert run.is_passing, run.output
    assert not [name for name in run.variables if name.startswith("AWS_ACCESS")]
    assert re.findall(r"^[-+](?![-+]).*", run.summary, re.MULTILINE) == [
        "-      Memory: '1024'",
        "+      Memory: '2048'",
    ]
    assert run.summary.startswith("### What changes in staging\n")


def test_a_broken_version_fails_the_job_and_the_check(pipeline: Pipeline) -> None:
    """The deploy fails, since the new tasks end; so does the check alone, since ECS has rolled the service back."""
    before = pipeline.image
    done = pipeline.deploy(pipeline.repository.commit("Break it", dict.fromkeys(PROGRAM, BROKEN)))
    assert [step.code == 0 for step in done.steps] == [True, True, True, True, False]
    assert done.steps[-1].title == "Deploy the image by its digest"
    assert "failed (exit code 3)" in done.steps[-1].words
    (verify,) = [one for one in done.definition["steps"] if one.get("name") == "Check that this image is what runs"]
    alone = pipeline.runner.step(done, verify)
    assert (alone.code, alone.title) == (1, "Check that this image is what runs")
    assert "the deployment is ROLLBACK_SUCCESSFUL" in alone.words
    assert before == pipeline.image != done.variables["IMAGE"]
    assert pipeline.proxy.refused == set()
