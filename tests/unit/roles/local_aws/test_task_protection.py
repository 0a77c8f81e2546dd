# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scale-in protection on the embedded AWS: only a user stops a protected task."""

from __future__ import annotations

import json
import time

import pytest
from botocore.exceptions import ClientError
from embedded_aws.extension.services import protection
from emulators import IMAGE, Emulator
from hypothesis import given
from hypothesis import strategies as st
from services import STEADY, Service, running_service
from waiting import waited

ARN = "arn:aws:ecs:us-east-1:000000000000:task/jobs/1"
# Protects itself by its agent, says what the agent answers, and goes on.
WORKER = """
import json, os, time, urllib.request
def agent(method, body=None):
    url = os.environ["ECS_AGENT_URI"] + "/task-protection/v1/state"
    data = json.dumps(body).encode() if body else None
    headers = {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method)) as answer:
        return json.loads(answer.read())
agent("PUT", {"ProtectionEnabled": True, "ExpiresInMinutes": 5})
print(json.dumps(agent("GET")), flush=True)
time.sleep(600)
"""


def protect(service: Service, *arns: str, enabled: bool = True) -> None:
    answer = service.ecs.update_task_protection(
        cluster=service.name, tasks=list(arns), protectionEnabled=enabled, expiresInMinutes=10
    )
    assert answer["failures"] == []
    assert [(each["taskArn"], each["protectionEnabled"]) for each in answer["protectedTasks"]] == [
        (arn, enabled) for arn in arns
    ]


def test_scale_in_stops_the_tasks_that_are_not_protected(extended: Emulator) -> None:
    with running_service(extended, STEADY, desiredCount=3) as service:
        service.steady()
        kept = sorted(service.tasks(), key=lambda task: str(task["createdAt"]))[-1]["taskArn"]
        protect(service, kept)
        service.update(desiredCount=1)
        waited(lambda: service.running() == {kept})
        service.update(desiredCount=0)
        assert service.running() == {kept}
        protect(service, kept, enabled=False)
        waited(lambda: not service.running())


def test_a_deployment_leaves_a_protected_task(extended: Emulator) -> None:
    with running_service(extended, STEADY) as service:
        service.steady()
        [kept] = service.running()
        protect(service, kept)
        service.update(forceNewDeployment=True)
        assert service.steady()[0]["status"] == "SUCCESSFUL"
        assert kept in service.running()
        assert len(service.running()) == 2
        protect(service, kept, enabled=False)
        waited(lambda: len(service.running()) == 1 and kept not in service.running())


def test_a_user_stops_a_protected_task(extended: Emulator) -> None:
    with running_service(extended, STEADY) as service:
        service.steady()
        [kept] = service.running()
        protect(service, kept)
        service.ecs.stop_task(cluster=service.name, task=kept)
        waited(lambda: service.running() and kept not in service.running())


def test_a_task_protects_itself_by_its_agent(extended: Emulator) -> None:
    logs = extended.client("logs")
    with running_service(extended, STEADY) as service:
        logs.create_log_group(logGroupName=service.name)
        options = {"awslogs-group": service.name, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "a"}
        container = {
            "name": "main",
            "image": IMAGE,
            "command": ["python", "-c", WORKER],
            "logConfiguration": {"logDriver": "awslogs", "options": options},
        }
        made = service.ecs.register_task_definition(family=service.name, containerDefinitions=[container])
        service.update(taskDefinition=made["taskDefinition"]["taskDefinitionArn"])
        [line] = waited(lambda: extended.lines(service.name))
        said = json.loads(line)["protection"]
        assert said["ProtectionEnabled"] is True and said["ExpirationDate"].endswith("Z")
        found = service.ecs.get_task_protection(cluster=service.name, tasks=[said["TaskArn"]])["protectedTasks"]
        assert found[0]["expirationDate"].timestamp() - time.time() == pytest.approx(300, abs=60)


def test_a_task_without_a_service_is_not_protected(extended: Emulator) -> None:
    with running_service(extended, STEADY, desiredCount=0) as service:
        arn = service.ecs.run_task(cluster=service.name, taskDefinition=service.name)["tasks"][0]["taskArn"]
        missing = f"{arn[:-4]}beef"
        answer = service.ecs.update_task_protection(cluster=service.name, tasks=[arn, missing], protectionEnabled=True)
        assert answer["protectedTasks"] == []
        assert [each["reason"] for each in answer["failures"]] == ["TASK_NOT_VALID", "MISSING"]
        with pytest.raises(ClientError, match="expiresInMinutes must be between 1 and 2880"):
            service.ecs.update_task_protection(
                cluster=service.name, tasks=[arn], protectionEnabled=True, expiresInMinutes=0
            )
        service.ecs.stop_task(cluster=service.name, task=arn)


@given(now_s=st.floats(0, 2e9), left_s=st.floats(-1e4, 1e4))
def test_protection_ends_at_its_instant(now_s: float, left_s: float) -> None:
    until_s = now_s + left_s
    found = protection.state({"taskArn": ARN, "_protected_until": until_s}, now_s)
    assert found["protectionEnabled"] is (until_s > now_s)
    assert ("expirationDate" in found) is found["protectionEnabled"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"ProtectionEnabled": true}', {"protectionEnabled": True}),
        (b'{"ProtectionEnabled": false, "ExpiresInMinutes": 7}', {"protectionEnabled": False, "expiresInMinutes": 7}),
    ],
)
def test_an_agent_reads_a_request(body: bytes, expected: dict[str, object]) -> None:
    operation, request = protection.endpoint_request("PUT", ARN, body)
    assert operation == "UpdateTaskProtection"
    assert request == {"cluster": "jobs", "tasks": [ARN], **expected}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"ProtectionEnabled": "yes"}'])
def test_an_agent_refuses_a_request_without_a_state(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"ProtectionEnabled|Expecting value"):
        protection.endpoint_request("PUT", ARN, body)


def test_an_agent_answers_with_a_failure() -> None:
    failed = {"protectedTasks": [], "failures": [{"arn": ARN, "reason": "TASK_NOT_VALID", "detail": "no service"}]}
    assert protection.endpoint_answer(ARN, failed) == {
        "failure": {"Arn": ARN, "Reason": "TASK_NOT_VALID", "Detail": "no service"}
    }
    refused = {"__type": "InvalidParameterException", "message": "too long"}
    assert protection.endpoint_answer(ARN, refused)["error"]["Code"] == "InvalidParameterException"
