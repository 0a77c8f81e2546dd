# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An environment from its deploy to its teardown, on an embedded AWS of its own; each test needs those before it."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from emulator_env import NO_CREDENTIALS, ROOT, EmulatorEnv
from ports import free_port

OTHER_IMAGE = ["-e", json.dumps({"build_push_content": ["pyproject.toml", "src"]})]
KEPT = {"table_retain_data": True, "table_deletion_protection": True, "stack_termination_protection": True}
NAME = "ddbload-local"
# The data whose deletion needs a confirmation: the table, the repository, and the logs of a protected stack.
DATA = f"/ddbload/local,{NAME}"
# The stack of a component that was taken out of the description.
OLD = f"{NAME}-service-old"
OLD_GOES_ON = f"stack {OLD} goes on, and no component of the description makes it -> unless another system of project"


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatorEnv]:
    """An embedded AWS with a deployed environment, and data that stays when its stack is deleted."""
    emulator = EmulatorEnv(free_port(), tmp_path_factory.mktemp("life"))
    first = emulator.play("deploy.yml", "-e", json.dumps(KEPT))
    assert first.code == 0, first.output
    yield emulator
    emulator.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


def images(emulator: EmulatorEnv) -> list[str]:
    """Return the tags in the order of their pushes."""
    found = emulator.client("ecr").describe_images(repositoryName=NAME)["imageDetails"]
    return [image["imageTags"][0] for image in sorted(found, key=lambda image: image["imagePushedAt"])]


def outputs(emulator: EmulatorEnv, component: str) -> dict[str, str]:
    described = emulator.client("cloudformation").describe_stacks(StackName=f"{NAME}-{component}")["Stacks"][0]
    return {each["OutputKey"]: each["OutputValue"] for each in described["Outputs"]}


def deployed_image(emulator: EmulatorEnv) -> str:
    definition = outputs(emulator, "task")["TaskDefinitionArn"]
    found = emulator.client("ecs").describe_task_definition(taskDefinition=definition)["taskDefinition"]
    digest = str(found["containerDefinitions"][0]["image"]).partition("@")[2]
    image = emulator.client("ecr").describe_images(repositoryName=NAME, imageIds=[{"imageDigest": digest}])
    return str(image["imageDetails"][0]["imageTags"][0])


def launch(emulator: EmulatorEnv) -> None:
    """Start a task that runs for minutes."""
    network = outputs(emulator, "network")
    where = {"subnets": network["PrivateSubnetIds"].split(","), "securityGroups": [network["TaskSecurityGroupId"]]}
    started = emulator.client("ecs").run_task(
        cluster=NAME,
        taskDefinition=NAME,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": where},
        overrides={"containerOverrides": [{"name": "ddbload", "command": ["sleep", "300"]}]},
    )
    assert started["failures"] == []


def leave_old(emulator: EmulatorEnv) -> None:
    """Make the stack of a component that was taken out of the description."""
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": OLD}}}})
    tags = [{"Key": "Project", "Value": "ddbload"}, {"Key": "Environment", "Value": "local"}]
    emulator.client("cloudformation").create_stack(StackName=OLD, TemplateBody=template, Tags=tags)


def answering(emulator: EmulatorEnv, answer: str, *arguments: str) -> tuple[int, str]:
    """Run teardown at a terminal, and type an answer to its question."""
    variables = {
        "env": "local",
        "local_aws_port": emulator.port,
        "local_aws_directory": str(emulator.directory / "local-aws"),
    }
    own = {name: value for name, value in os.environ.items() if name not in NO_CREDENTIALS}
    command = ["ansible-playbook", "playbooks/teardown.yml", "-e", json.dumps(variables), *arguments]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execvpe(command[0], command, own | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"})
    output, is_asked = b"", False
    try:
        while True:
            has_more, _writable, _broken = select.select([terminal], [], [], 1)
            if has_more:
                try:
                    output += os.read(terminal, 4096)
                except OSError:  # Linux reports by this error that the other end is closed
                    break
            is_asked = b"Type local to delete" in output
            # Ansible discards input from before its question, so the answer is typed again after a silence.
            if is_asked and not has_more and b"Check the confirmation" not in output:
                os.write(terminal, f"{answer}\r".encode())
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        _pid, status = os.waitpid(pid, 0)
        os.close(terminal)
    text = output.decode(errors="replace")
    print(text)
    assert is_asked
    return os.waitstatus_to_exitcode(status), text


def left(emulator: EmulatorEnv) -> dict[str, Any]:
    """Return the account's resources, without those of every account."""
    return {
        "stacks": [stack["StackName"] for stack in emulator.client("cloudformation").describe_stacks()["Stacks"]],
        "tables": emulator.client("dynamodb").list_tables()["TableNames"],
        "repositories": emulator.client("ecr").describe_repositories()["repositories"],
        "log groups": emulator.client("logs").describe_log_groups()["logGroups"],
        "parameters": emulator.client("ssm").describe_parameters()["Parameters"],
        "clusters": emulator.client("ecs").list_clusters()["clusterArns"],
        "task definitions": emulator.client("ecs").list_task_definitions()["taskDefinitionArns"],
        "VPCs": [vpc for vpc in emulator.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]],
        "interfaces": emulator.client("ec2").describe_network_interfaces()["NetworkInterfaces"],
        "alarms": emulator.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "topics": emulator.client("sns").list_topics()["Topics"],
    }


def test_new_deploy_has_no_drift(life: EmulatorEnv) -> None:
    """What was taken out of the description is no drift, but a warning."""
    leave_old(life)
    play = life.play("playbooks/drift.yml")
    assert (play.code, play.changed) == (0, 0)
    assert "6 stacks" in play.words
    assert OLD_GOES_ON in play.words


def test_drift_is_reported_with_expected_and_actual(life: EmulatorEnv) -> None:
    """A change by hand is reported with the expected and the actual value."""
    logs = life.client("logs")
    before = logs.describe_log_groups(logGroupNamePrefix="/ddbload/local")["logGroups"][0]["retentionInDays"]
    logs.put_retention_policy(logGroupName="/ddbload/local", retentionInDays=3653)
    try:
        play = life.play("playbooks/drift.yml")
        only_told = life.play("playbooks/drift.yml", "-e", "drift_fail=false")
    finally:
        logs.put_retention_policy(logGroupName="/ddbload/local", retentionInDays=before)
    line = f"{NAME}-task: LogGroup (AWS::Logs::LogGroup, /ddbload/local) RetentionInDays: expected {before}, is 3653"
    for one, code in ((play, 2), (only_told, 0)):
        assert (one.code, one.changed) == (code, 0)
        assert line in one.words


def test_failed_update_names_its_cause_and_is_rolled_back(life: EmulatorEnv) -> None:
    """A failed update names its cause and leaves the stack unchanged."""
    before = deployed_image(life)
    ssm = life.client("ssm")
    ssm.put_parameter(Name="/ddbload/local/total-items", Value="by hand", Type="String")
    try:
        play = life.play("deploy.yml", "-e", json.dumps(KEPT | {"task_classic_plan": True}), *OTHER_IMAGE)
        kept = [one["Name"] for one in ssm.describe_parameters()["Parameters"]]
    finally:
        ssm.delete_parameter(Name="/ddbload/local/total-items")
    assert play.code == 2
    # AWS reports the status CREATE_FAILED.
    assert "TotalItemsSetting (AWS::SSM::Parameter) UPDATE_FAILED" in play.words
    assert "-> the name is taken" in play.words
    assert life.stacks("ddbload")["task"] == "UPDATE_ROLLBACK_COMPLETE"
    assert kept == ["/ddbload/local/total-items"]
    assert deployed_image(life) == before
    assert life.play("playbooks/drift.yml").code == 0


def test_rollback_deploys_the_previous_image(life: EmulatorEnv) -> None:
    deployed = life.play("deploy.yml", "-e", json.dumps(KEPT), *OTHER_IMAGE)
    assert deployed.code == 0
    assert OLD_GOES_ON in deployed.words
    # The command of the warning.
    life.client("cloudformation").delete_stack(StackName=OLD)
    first, second = images(life)
    assert deployed_image(life) == second
    play = life.play("playbooks/rollback.yml")
    assert play.code == 0
    assert play.output.index(second) < play.output.index(first), "the newest comes first"
    assert deployed_image(life) == first


def test_rollback_deploys_the_named_image(life: EmulatorEnv) -> None:
    """A rollback deploys the named image, if it exists."""
    first, second = images(life)
    assert life.play("playbooks/rollback.yml", "-e", f"image_tag={second}").code == 0
    assert deployed_image(life) == second
    unknown = life.play("playbooks/rollback.yml", "-e", "image_tag=nowhere")
    assert (unknown.code, unknown.changed) == (2, 0)
    assert f"there is no image nowhere -> name another with -e image_tag=, of {second}, {first}" in unknown.words


def test_run_uses_the_classic_plan_in_ssm(life: EmulatorEnv) -> None:
    """A run uses the classic plan that the stack keeps in SSM."""
    plan = {"task_classic_plan": True, "task_classic_total_items": 150, "task_classic_concurrency_limit": 5}
    assert life.play("deploy.yml", "-e", json.dumps(KEPT | plan)).code == 0
    play = life.play("run-test.yml", "-e", "load_test_scenario_source=ssm")
    assert play.code == 0
    assert "The scenario is what SSM holds under /ddbload/local" in play.words
    results = json.loads((life.newest_run() / "results.json").read_text())
    assert {name: part["ok"] for name, part in results["operations"].items()} == {"put": 150}


def test_teardown_deletes_no_data_without_confirmation(life: EmulatorEnv) -> None:
    before = left(life)
    for words in (["confirm=local"], ["confirm=local", "confirm_data=other"]):
        play = life.play("playbooks/teardown.yml", *[part for word in words for part in ("-e", word)])
        assert (play.code, play.changed) == (2, 0)
        assert f"add -e confirm_data={DATA}" in play.words
        assert "deletion protection is on, its stack keeps it when it is deleted" in play.words
    assert left(life) == before


def test_teardown_unconfirmed_or_in_check_mode_deletes_nothing(life: EmulatorEnv) -> None:
    """A teardown without confirmation or in check mode deletes nothing."""
    before = left(life)
    nobody = life.play("playbooks/teardown.yml", "-e", f"confirm_data={DATA}")
    assert (nobody.code, nobody.changed) == (2, 0)
    assert "-e confirm=local" in nobody.words
    code, output = answering(life, "yes", "-e", f"confirm_data={DATA}")
    assert code == 2
    assert "as it was not confirmed" in output
    only_told = life.play("playbooks/teardown.yml", "--check", "-e", f"confirm_data={DATA}")
    assert only_told.code == 0
    assert only_told.changed > 0
    assert left(life) == before


def test_teardown_deletes_all_of_the_environment_and_no_more(life: EmulatorEnv) -> None:
    """A teardown deletes everything of its environment and nothing of others."""
    # Resources that services and users create beside the stacks, and resources of a neighbour.
    life.client("logs").create_log_group(logGroupName=f"/aws/ecs/containerinsights/{NAME}/performance")
    life.client("logs").create_log_group(logGroupName="/ddbload/local-two")
    life.client("ssm").put_parameter(Name="/ddbload/local/note", Value="by hand", Type="String")
    audit = "/ddbload/local/other-teams-audit"
    life.client("logs").create_log_group(logGroupName=audit, tags={"Owner": "other-team"})
    leave_old(life)
    launch(life)
    # A log group outside the stacks needs a confirmation, as a table does; those of the stacks are deleted with them.
    refused = life.play(
        "playbooks/teardown.yml", "-e", "confirm=local", "-e", f"confirm_data={DATA},/ddbload/local/note"
    )
    assert (refused.code, refused.changed) == (2, 0)
    assert f"log group {audit} (0 bytes; no stack made it)" in refused.words
    assert f"undescribed stack {OLD} (CREATE_COMPLETE; no component of the description makes it)" in refused.words
    code, output = answering(life, "local", "-e", f"confirm_data={DATA},/ddbload/local/note,{audit},{OLD}")
    assert code == 0, output
    assert "(RUNNING)" in output
    after = left(life)
    assert [group["logGroupName"] for group in after.pop("log groups")] == ["/ddbload/local-two"]
    assert {kind: found for kind, found in after.items() if found} == {}


def test_a_second_teardown_changes_nothing(life: EmulatorEnv) -> None:
    play = life.play("playbooks/teardown.yml", "-e", "confirm=local")
    assert (play.code, play.changed) == (0, 0)
    assert "Environment local has no resources." in play.words
