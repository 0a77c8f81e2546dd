# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates of Oneshot's services by deploys under a constant stream of requests, good ones and broken ones."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from emulator_env import EmulatorEnv
from ports import free_port
from revision_server import BROKEN_EXIT_CODE, BROKEN_LINE
from updated_services import CLUSTER, IMAGE, MANIFEST, REPOSITORY, Updates
from waiting import waited

pytestmark = pytest.mark.timeout(900)

MINUTE_SECONDS = "3"  # of bake times
PAUSED_SECONDS = 4.0
CAUSE_SECONDS = 30.0  # from the end of the first task to its printed cause
REPLACEMENT_SECONDS = 10.0  # from the start of a task to its first response
WORKER = {
    "image": IMAGE,
    "command": ["sleep", "600"],
    "cpu": 256,
    "memory": 512,
    "secrets": {"ANTHROPIC_API_KEY": "anthropic"},
}


@pytest.fixture(scope="module")
def updates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Updates]:
    """Both services, deployed in revision one."""
    emulator = EmulatorEnv(free_port(), tmp_path_factory.mktemp("updates"))
    try:
        started = emulator.play("playbooks/local-aws.yml", DDBLOAD_MINUTE_SECONDS=MINUTE_SECONDS)
        assert started.code == 0, started.output
        ecr = emulator.client("ecr")
        ecr.create_repository(repositoryName=REPOSITORY)
        ecr.put_image(repositoryName=REPOSITORY, imageTag="1", imageManifest=json.dumps(MANIFEST))
        made = Updates(emulator)
        made.describe()
        first = made.deploy()
        assert first.code == 0, first.output
        yield made
    finally:
        emulator.play("playbooks/local-aws.yml", "-e", "local_aws_state=stopped")


def test_rolling_and_blue_green_updates_fail_no_request(updates: Updates) -> None:
    """Both revisions of both services respond, and each response is good."""
    updates.describe({"ui": "two", "api": "two"})
    with updates.requests("ui") as ui, updates.requests("api") as api:
        waited(lambda: ui.served("one") > 20 and api.served("one") > 20)
        play = updates.deploy()
        assert play.code == 0, play.output
        more = {"ui": ui.served("two") + 20, "api": api.served("two") + 20}
        waited(lambda: ui.served("two") > more["ui"] and api.served("two") > more["api"])
    assert (ui.failures, api.failures) == ([], [])
    assert (ui.revisions, api.revisions) == ({"one", "two"}, {"one", "two"})
    assert sum(ui.responses.values()) > 200 and sum(api.responses.values()) > 200
    assert "traffic has shifted" in play.words
    print(ui.responses, api.responses)


def test_broken_updates_are_rolled_back_with_their_causes(updates: Updates) -> None:
    """A rolling and a blue/green one: their requests go on with the revision before, and the play names both causes."""
    before = {name: updates.definition(name) for name in ("ui", "api")}
    updates.describe({"ui": "broken", "api": "broken"})
    with updates.requests("ui") as ui, updates.requests("api") as api:
        play = updates.start_deploy()
        printed_at = play.until(f"(exit code {BROKEN_EXIT_CODE})")
        ended = play.end()
        more = {"ui": ui.served("two") + 20, "api": api.served("two") + 20}
        waited(lambda: ui.served("two") > more["ui"] and api.served("two") > more["api"])
    died_at = min(task["stoppedAt"].timestamp() for task in updates.failed_tasks("api"))
    print(f"{printed_at - died_at:.1f} s from the end of the first task to its printed cause")
    assert printed_at - died_at < CAUSE_SECONDS
    assert ended.code != 0
    _lines, _failed, message = ended.words.partition("TASK [gantry.ecs.system : Check that the services are deployed]")
    for name in ("ui", "api"):
        first = min(updates.failed_tasks(name), key=lambda task: task["stoppedAt"])["taskArn"].rpartition("/")[2]
        assert f"task {first} log: oneshot-serve: {BROKEN_LINE}" in ended.words
        assert f"task {first}: failed (exit code {BROKEN_EXIT_CODE})" in message
        assert updates.definition(name) == before[name]
    assert "rolling back to oneshot-local-ui:2" in ended.words
    assert ended.output.count("Task failed") == 1
    assert (ui.failures, api.failures) == ([], [])
    assert (ui.revisions, api.revisions) == ({"two"}, {"two"})


def test_a_killed_task_fails_only_requests_in_progress(updates: Updates) -> None:
    """With two tasks behind the load balancer only the requests in progress at the killed one may fail."""
    with updates.requests("ui") as found:
        waited(lambda: found.responses.total() > 20)
        killed, killed_at = updates.kill_task("ui"), time.time()
        waited(lambda: killed in [task["taskArn"] for task in updates.tasks("ui", "STOPPED")])
        waited(lambda: len(updates.tasks("ui")) == 2)
        more = found.responses.total() + 20
        waited(lambda: found.responses.total() > more)
    print(found.failures)
    assert len(found.failures) <= 2
    assert all(what == "status 502" and instant < killed_at + 1 for instant, what in found.failures)


def test_the_only_task_is_replaced_and_then_responds(updates: Updates) -> None:
    """Requests fail from the end of the only task until its replacement responds, and not after that."""
    updates.ecs.update_service(cluster=CLUSTER, service=f"{CLUSTER}-api", desiredCount=1)
    waited(lambda: len(updates.tasks("api")) == 1)
    with updates.requests("api") as found:
        waited(lambda: found.responses.total() > 20)
        updates.kill_task("api")
        killed_at, more = time.time(), found.responses.total() + 100
        waited(lambda: found.responses.total() > more)
    [replacement] = updates.tasks("api")
    last = max((instant for instant, _what in found.failures), default=killed_at)
    print(f"{len(found.failures)} failed requests in {last - killed_at:.1f} s")
    assert last < replacement["startedAt"].timestamp() + REPLACEMENT_SECONDS
    assert {what for _instant, what in found.failures} <= {"status 502", "status 503"}


def test_manual_changes_are_named_and_services_corrected(updates: Updates) -> None:
    """Drift names what CloudFormation compares; a deploy gives a service its task definition and count back.

    The emulator does not respond for some seconds while the deploy follows the service.
    """
    updates.describe({"ui": "two", "api": "two"})
    definition, queue = updates.definition("api"), updates.physical_id("queues", "PromptsQueue")
    changed = updates.copy_definition(definition)
    updates.ecs.update_service(cluster=CLUSTER, service=f"{CLUSTER}-api", desiredCount=1, taskDefinition=changed)
    sqs, logs = updates.emulator.client("sqs"), updates.emulator.client("logs")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "7"})
    logs.put_retention_policy(logGroupName="/oneshot/local/api", retentionInDays=1)
    drift = updates.play("playbooks/drift.yml")
    assert drift.code != 0
    assert "PromptsQueue" in drift.words and "VisibilityTimeout: expected 4200, is 7" in drift.words
    assert "LogGroup" in drift.words and "RetentionInDays: expected 14, is 1" in drift.words
    play = updates.start_deploy()
    play.until("instead of")
    with updates.paused_emulator():
        time.sleep(PAUSED_SECONDS)
    ended = play.end()
    assert ended.code == 0
    # The deployment before this one was rolled back; its tasks are not reported again.
    assert "exit code" not in ended.words
    assert "; 2 task(s) instead of 1" in ended.words
    assert updates.definition("api") == definition
    assert len(updates.tasks("api")) == 2


def test_a_first_deploy_names_the_secret_that_has_no_value(updates: Updates) -> None:
    """The stack deletes the service that it could not create; the play still names the cause of its task."""
    updates.more["worker"] = WORKER
    updates.describe()
    play = updates.deploy()
    secrets = updates.emulator.client("secretsmanager")
    [arn] = [one["ARN"] for one in secrets.list_secrets()["SecretList"]]
    secrets.put_secret_value(SecretId=arn, SecretString="a key")  # for the next deploy
    assert play.code != 0
    _lines, _failed, message = play.words.partition("TASK [gantry.ecs.system : Check that the services are deployed]")
    assert "service oneshot-local-worker: stack oneshot-local-service-worker is ROLLBACK_COMPLETE: task " in message
    assert "a secret has no value" in message and arn.partition(":secret:")[2] in message
    assert "-> put one: aws secretsmanager put-secret-value" in message


def test_the_next_deploys_take_up_what_a_killed_one_started(updates: Updates) -> None:
    """Two deploys at the same time wait for the killed one's operations, and neither starts another deployment."""
    updates.describe({"ui": "three"})
    before = len(updates.deployments("ui"))
    with updates.requests("ui") as found:
        killed = updates.start_deploy()
        waited(lambda: len(updates.deployments("ui")) > before)
        killed.kill()
        assert updates.deployments("ui")[0]["status"] == "IN_PROGRESS"
        deploys = [updates.start_deploy(), updates.start_deploy()]
        ends = [deploy.end() for deploy in deploys]
        more = found.served("three") + 20
        waited(lambda: found.served("three") > more)
    assert [end.code for end in ends] == [0, 0]
    assert len(updates.deployments("ui")) == before + 1
    assert (found.failures, found.revisions) == ([], {"two", "three"})
    assert len(updates.tasks("worker")) == 1
