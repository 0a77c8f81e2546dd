# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of templates on the embedded AWS: what is written arrives or is refused; complete means that tasks run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from embedded_aws.extension.api_shapes import PropertyError
from embedded_aws.extension.services import service_resource
from embedded_aws.extension.services.service_resource import FORCE, KEPT, TYPE, UPDATED, create_request, update_request
from emulators import IMAGE, Emulator
from ministack.services import ecs

SCHEMA: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", TYPE).schema
BREAKER = {"DeploymentCircuitBreaker": {"Enable": True, "Rollback": True}}
STEADY, CRASHING = ["sleep", "600"], ["false"]


def service(command: list[str], **properties: Any) -> dict[str, Any]:
    container = {"Name": "main", "Image": IMAGE, "Command": command}
    said = {"TaskDefinition": {"Ref": "Task"}, "DeploymentConfiguration": BREAKER, **properties}
    return {
        "Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {"ContainerDefinitions": [container]}},
        "Cluster": {"Type": "AWS::ECS::Cluster"},
        "Service": {"Type": TYPE, "Properties": {"Cluster": {"Fn::GetAtt": ["Cluster", "Arn"]}, **said}},
    }


def described(emulator: Emulator, ids: dict[str, str]) -> dict[str, Any]:
    found = emulator.client("ecs").describe_services(cluster=ids["Cluster"], services=[ids["Service"]])
    [only] = found["services"]
    return dict(only)


def test_a_service_is_complete_once_its_tasks_run(extended: Emulator) -> None:
    resources = service(
        STEADY,
        DesiredCount=2,
        EnableExecuteCommand="true",
        HealthCheckGracePeriodSeconds="7",
        PropagateTags="SERVICE",
        EnableECSManagedTags=True,
        PlatformVersion="1.4.0",
        Tags=[{"Key": "team", "Value": "red"}],
    )
    stack = extended.create(resources, {"Ref": {"Ref": "Service"}, "Name": {"Fn::GetAtt": ["Service", "Name"]}})
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    found = described(extended, stack.ids)
    assert (found["runningCount"], found["desiredCount"]) == (2, 2)
    assert stack.outputs == {"Ref": found["serviceArn"], "Name": found["serviceName"]}
    assert found["enableExecuteCommand"] is True
    assert found["healthCheckGracePeriodSeconds"] == 7
    assert (found["propagateTags"], found["enableECSManagedTags"]) == ("SERVICE", True)
    assert found["platformVersion"] == "1.4.0"
    assert {"key": "team", "value": "red"} in found["tags"]
    extended.delete(stack)


def test_ministack_alone_drops_a_property(plain: Emulator) -> None:
    """The day that this fails, the extension has one defect less to fix."""
    stack = plain.create(service(STEADY, EnableExecuteCommand=True, DesiredCount=0, ServiceName="dropped"))
    assert stack.status == "CREATE_COMPLETE"
    found = described(plain, {**stack.ids, "Service": "dropped"})
    assert found["enableExecuteCommand"] is False
    assert found["serviceArn"] != stack.ids["Service"]


def test_tasks_that_crash_fail_the_stack_and_leave_nothing(extended: Emulator) -> None:
    stack = extended.create(service(CRASHING))
    assert stack.status == "ROLLBACK_COMPLETE"
    [reason] = stack.reasons
    assert "its tasks stop; task " in reason
    assert "Essential container exited; container main exited with 1" in reason
    assert reason.endswith(" -> read their stoppedReason (aws ecs describe-tasks) and their logs")
    active = extended.client("ecs").list_services(cluster=f"{stack.name}-Cluster")["serviceArns"]
    assert active == []


def test_an_image_that_is_missing_is_the_cause(extended: Emulator) -> None:
    """MiniStack fails the deployment before the task has its reason; the stack waits for it."""
    resources = service(STEADY)
    resources["Task"]["Properties"]["ContainerDefinitions"][0]["Image"] = IMAGE.replace(":1", ":2")
    stack = extended.create(resources)
    assert stack.status == "ROLLBACK_COMPLETE"
    assert "CannotPullContainerError" in stack.reasons[0]


def test_an_update_that_crashes_goes_back(extended: Emulator) -> None:
    stack = extended.create(service(STEADY))
    updated = extended.update(stack, service(CRASHING))
    assert updated.status == "UPDATE_ROLLBACK_COMPLETE"
    found = described(extended, updated.ids)
    assert found["taskDefinition"] == stack.ids["Task"]
    assert found["runningCount"] == 1
    extended.delete(updated)


def test_an_update_reaches_the_service(extended: Emulator) -> None:
    stack = extended.create(service(STEADY, EnableExecuteCommand=True))
    updated = extended.update(stack, service(["sleep", "601"], DesiredCount=2, Tags=[{"Key": "team", "Value": "red"}]))
    assert updated.status == "UPDATE_COMPLETE", updated.reasons
    assert updated.ids["Service"] == stack.ids["Service"]
    found = described(extended, updated.ids)
    assert (found["runningCount"], found["enableExecuteCommand"]) == (2, False)
    assert found["taskDefinition"] == updated.ids["Task"]
    tags = extended.client("ecs").list_tags_for_resource(resourceArn=stack.ids["Service"])["tags"]
    assert {"key": "team", "value": "red"} in tags
    extended.delete(updated)


def test_a_service_that_never_comes_up_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = {"id": "a", "status": "PRIMARY", "rolloutState": "IN_PROGRESS"}
    started = {"serviceName": "a", "clusterArn": "arn:aws:ecs:us-east-1:0:cluster/a", "deployments": [deployment]}
    removed: list[dict[str, Any]] = []
    monkeypatch.setattr(service_resource, "STEADY_SECONDS", 0.0)
    monkeypatch.setitem(ecs._ACTION_MAP, "CreateService", lambda _: (200, {}, json.dumps({"service": started})))
    monkeypatch.setattr(ecs, "_delete_service", removed.append)
    with pytest.raises(
        service_resource.ServiceError, match="the service a has not its tasks running after 0 s -> read"
    ):
        service_resource.create("Service", {"ServiceName": "a"}, "stack")
    assert removed == [{"cluster": started["clusterArn"], "service": "a", "force": True}]


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Monitoring": {}}, "Monitoring is not kept by the embedded"),
        ({"PlacementStrategies": [{"Type": "spread"}]}, "PlacementStrategies is not kept by the embedded AWS"),
        ({"ForceNewDeployment": {"Nonce": "1"}}, "ForceNewDeployment.Nonce is no property that the API knows"),
        (
            {"DeploymentConfiguration": {"Strategy": "LINEAR"}},
            "DeploymentConfiguration.Strategy: the embedded AWS knows",
        ),
    ],
)
def test_what_would_be_dropped_fails_the_stack(extended: Emulator, properties: dict[str, Any], expected: str) -> None:
    stack = extended.create(service(STEADY, **properties))
    assert stack.status == "ROLLBACK_COMPLETE"
    assert stack.reasons[0].startswith(expected)


def test_every_property_of_the_type_is_kept_or_refused() -> None:
    """By CloudFormation's schema: none is left of which this knows nothing."""
    read_only = {name.rpartition("/")[2] for name in SCHEMA["readOnlyProperties"]}
    refused = set()
    for name in SCHEMA["properties"].keys() - read_only:
        member = name[0].lower() + name[1:]
        if member in KEPT or name == FORCE:
            continue
        with pytest.raises(PropertyError):
            create_request({name: {} if "$ref" in SCHEMA["properties"][name] else []}, "service")
        refused.add(name)
    assert refused >= {"VolumeConfigurations", "PlacementConstraints"}


@pytest.mark.parametrize("name", sorted(KEPT - UPDATED.keys() - {"tags"}))
def test_what_cannot_be_changed_is_refused(name: str) -> None:
    with pytest.raises(PropertyError, match=f"{name} cannot be changed by the embedded AWS -> remove the service"):
        update_request({"serviceName": "a"}, {"serviceName": "a", name: "b"})


def test_what_is_taken_out_goes_back_to_its_default() -> None:
    before = {"serviceName": "a", "desiredCount": 2, "healthCheckGracePeriodSeconds": 7, "tags": []}
    assert update_request(before, {"serviceName": "a"}) == {"healthCheckGracePeriodSeconds": 0}
