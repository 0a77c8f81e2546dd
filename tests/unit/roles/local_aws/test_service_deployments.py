# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments of services on the embedded AWS: what ECS reports of them is what happens."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from embedded_aws.extension.services import target_health
from embedded_aws.extension.services.deployments import first_cause
from emulators import Emulator
from hypothesis import given
from hypothesis import strategies as st
from services import BREAKER, CRASHING, STEADY, running_service
from waiting import waited


def test_a_first_deployment_is_reported_to_its_end(extended: Emulator) -> None:
    with running_service(extended, STEADY, desiredCount=2) as service:
        [deployment] = service.deployments()
        assert deployment["status"] == "IN_PROGRESS"
        [deployment] = service.steady()
        assert deployment["status"] == "SUCCESSFUL"
        assert deployment["startedAt"] <= deployment["finishedAt"] <= deployment["updatedAt"]
        target = deployment["targetServiceRevision"]
        assert (target["requestedTaskCount"], target["runningTaskCount"], target["pendingTaskCount"]) == (2, 2, 0)
        assert deployment["deploymentCircuitBreaker"] == {
            "status": "MONITORING_COMPLETE",
            "failureCount": 0,
            "threshold": 3,
        }
        found = service.describe()
        assert found["currentServiceDeployment"] == deployment["serviceDeploymentArn"]
        assert [each["arn"] for each in found["currentServiceRevisions"]] == [target["arn"]]
        revision = service.revision(target["arn"])
        assert revision["taskDefinition"] == found["taskDefinition"]
        assert [image["containerName"] for image in revision["containerImages"]] == ["main"]
        assert found["events"][0]["message"].endswith("has reached a steady state.")


def test_a_forced_deployment_replaces_every_task(extended: Emulator) -> None:
    with running_service(extended, STEADY) as service:
        [first] = service.steady()
        before = waited(service.running)
        service.update(forceNewDeployment=True)
        newest, *_rest = service.steady()
        assert newest["status"] == "SUCCESSFUL"
        assert [each["arn"] for each in newest["sourceServiceRevisions"]] == [first["targetServiceRevision"]["arn"]]
        waited(lambda: service.running() and not service.running() & before)
        assert len(service.deployments()) == 2
        assert service.deployments()[1] == first


def test_a_crashing_deployment_is_rolled_back(extended: Emulator) -> None:
    """The circuit breaker trips at its count, and the tasks of the revision before serve on."""
    with running_service(extended, STEADY) as service:
        [first] = service.steady()
        before = service.running()
        service.update(taskDefinition=service.define(CRASHING))
        newest, _first = service.steady()
        assert newest["status"] == "ROLLBACK_SUCCESSFUL"
        assert newest["rollback"]["serviceRevisionArn"] == first["targetServiceRevision"]["arn"]
        assert newest["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
        assert "circuit breaker was triggered" in newest["statusReason"]
        assert service.running() == before
        assert (
            service.describe()["taskDefinition"]
            == service.revision(newest["rollback"]["serviceRevisionArn"])["taskDefinition"]
        )


def test_a_crashing_first_deployment_is_stopped(extended: Emulator) -> None:
    with running_service(extended, CRASHING) as service:
        [deployment] = service.steady()
        assert deployment["status"] == "STOPPED"
        assert deployment["deploymentCircuitBreaker"]["failureCount"] == 3
        assert service.running() == set()


def test_without_rollback_the_old_tasks_serve_on(extended: Emulator) -> None:
    breaker = {"deploymentCircuitBreaker": {**BREAKER, "rollback": False}}
    with running_service(extended, STEADY, deploymentConfiguration=breaker) as service:
        service.steady()
        before = service.running()
        service.update(taskDefinition=service.define(CRASHING))
        assert service.steady()[0]["status"] == "STOPPED"
        assert service.running() == before


def test_a_user_stops_a_deployment(extended: Emulator) -> None:
    """The second revision never gets its task running, so its deployment is in progress until it is stopped."""
    with running_service(extended, STEADY, deploymentConfiguration={}) as service:
        [first] = service.steady()
        service.update(taskDefinition=service.define(CRASHING))
        arn = service.deployments()[0]["serviceDeploymentArn"]
        assert service.deployments()[0]["status"] == "IN_PROGRESS"
        stopped = service.ecs.stop_service_deployment(serviceDeploymentArn=arn)
        assert stopped["serviceDeploymentArn"] == arn
        newest = service.steady()[0]
        assert newest["status"] == "ROLLBACK_SUCCESSFUL"
        assert newest["rollback"]["serviceRevisionArn"] == first["targetServiceRevision"]["arn"]
        with pytest.raises(ClientError, match="ConflictException"):
            service.ecs.stop_service_deployment(serviceDeploymentArn=arn)


def test_failing_tasks_restart_after_growing_pauses(extended: Emulator) -> None:
    with running_service(extended, CRASHING, deploymentConfiguration={}) as service:
        started = time.monotonic()
        ended = waited(lambda: len(found := service.tasks("STOPPED")) >= 4 and found)
        assert time.monotonic() - started > 0.25 + 0.5 + 1.0
        assert len(ended) < 10


def test_a_service_without_tasks_is_empty(extended: Emulator) -> None:
    """A desired count of 0 stops every task, and a count of 1 starts one without a deployment."""
    with running_service(extended, STEADY, desiredCount=2) as service:
        service.steady()
        service.update(desiredCount=0)
        waited(lambda: not service.running())
        assert service.describe()["runningCount"] == 0
        service.update(desiredCount=1)
        waited(lambda: len(service.running()) == 1)
        assert len(service.deployments()) == 1


def test_deployments_are_listed_by_status(extended: Emulator) -> None:
    with running_service(extended, STEADY) as service:
        service.steady()
        named = {"cluster": service.name, "service": service.name}
        assert service.ecs.list_service_deployments(**named, status=["STOPPED"])["serviceDeployments"] == []
        [found] = service.ecs.list_service_deployments(**named, status=["SUCCESSFUL"])["serviceDeployments"]
        assert found["serviceArn"] == service.describe()["serviceArn"]
        missing = found["serviceDeploymentArn"][:-1]
        described = service.ecs.describe_service_deployments(serviceDeploymentArns=[missing])
        assert described["failures"] == [{"arn": missing, "reason": "MISSING"}]


def test_what_has_no_effect_is_refused_by_the_api(extended: Emulator) -> None:
    with (
        running_service(extended, STEADY) as service,
        pytest.raises(ClientError, match="placementStrategy is not kept"),
    ):
        service.update(placementStrategy=[{"type": "spread"}])


def stopped(name: str, at: str, **more: Any) -> dict[str, Any]:
    return {"taskArn": f"a/{name}", "stoppedAt": at, "stoppedReason": "Essential container exited", **more}


def test_the_first_cause_is_that_of_the_first_task() -> None:
    """A task that the service itself has stopped is no cause."""
    exits = {"containers": [{"name": "web", "exitCode": 3}, {"name": "log"}]}
    tasks = [
        stopped("c", "3"),
        stopped("b", "2", **exits),
        stopped("a", "1", stopCode="UserInitiated"),
        {"taskArn": "a/d", "stoppedAt": None},
    ]
    assert first_cause(tasks) == "task b: Essential container exited; container web exited with 3"
    assert first_cause(tasks[2:]) == ""


def test_a_task_that_fails_health_checks_is_a_cause() -> None:
    reason = "Task failed ELB health checks in (target-group web)"
    exits = {"containers": [{"name": "web", "exitCode": 0}]}
    draining = {"taskArn": "a/b", "stoppedAt": None, "_stopping": reason}
    ended = stopped("a", "1", stopCode="ServiceSchedulerInitiated", _stopping=reason, **exits)
    assert first_cause([draining]) == f"task b: {reason}"
    assert first_cause([draining, ended]) == f"task a: {reason}"


@given(grace_s=st.floats(0, 100), age_s=st.floats(0, 100), state=st.sampled_from(["healthy", "unhealthy", "initial"]))
def test_an_unhealthy_task_fails_after_its_grace_period(grace_s: float, age_s: float, state: str) -> None:
    task = {"arn": "a", "address": "127.77.0.1", "started_s": 1000.0}
    found = target_health.failed([task], {"127.77.0.1": state}, grace_s, 1000.0 + age_s)
    assert found == (["a"] if state == "unhealthy" and (1000.0 + age_s) - 1000.0 >= grace_s else [])


def test_scale_in_is_no_stop_of_a_user(extended: Emulator) -> None:
    with running_service(extended, STEADY) as service:
        service.steady()
        service.update(desiredCount=0)
        [task] = waited(lambda: service.tasks("STOPPED"))
        assert task["stopCode"] == "ServiceSchedulerInitiated"
        assert task["stoppedReason"].startswith("Scaling activity initiated by (deployment ecs-svc/")


def test_a_service_names_its_deployment_in_its_tasks(extended: Emulator) -> None:
    with running_service(extended, STEADY) as service:
        service.steady()
        [task] = service.tasks()
        assert task["startedBy"] == service.describe()["deployments"][0]["id"]
