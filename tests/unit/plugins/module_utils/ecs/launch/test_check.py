# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks before a launch: cluster and task definition with recorded responses, the other resources on moto."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.check import check_surroundings, check_target
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.parameters import RequestError
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.request import OVERRIDES_LIMIT
from botocore.exceptions import ClientError, NoRegionError
from botocore.stub import Stubber
from moto import mock_aws

KEYS = {"aws_access_key_id": "testing-key", "aws_secret_access_key": "testing-secret"}
AWSLOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "/tasks", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"},
}
CLUSTER = {"clusterName": "c", "status": "ACTIVE", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}
DEFINITION: dict[str, Any] = {
    "taskDefinitionArn": "arn:t:1",
    "status": "ACTIVE",
    "networkMode": "awsvpc",
    "requiresCompatibilities": ["FARGATE"],
    "compatibilities": ["EC2", "FARGATE"],
    "containerDefinitions": [{"name": "main", "image": "nginx:1", "logConfiguration": AWSLOGS}, {"name": "side"}],
}
PARAMS: dict[str, Any] = {
    "cluster": "c",
    "task_definition": "t",
    "count": 25,
    "network_configuration": {"subnets": ["subnet-1"]},
}


def target(
    params: dict[str, Any] | None = None,
    definition: dict[str, Any] | None = None,
    clusters: tuple[dict[str, Any], ...] = (CLUSTER,),
) -> dict[str, Any]:
    ecs = boto3.client("ecs", "eu-west-1", **KEYS)
    with Stubber(ecs) as stubber:
        stubber.add_response("describe_clusters", {"clusters": list(clusters), "failures": []}, {"clusters": ["c"]})
        answer = {"taskDefinition": {**DEFINITION, **(definition or {})}}
        stubber.add_response("describe_task_definition", answer, {"taskDefinition": "t"})
        return check_target(ecs, {**PARAMS, **(params or {})})


def strategy(*names: str) -> dict[str, Any]:
    return {"capacity_provider_strategy": [{"capacity_provider": name} for name in names]}


@pytest.mark.parametrize(
    ("params", "definition"),
    [
        ({}, {}),
        ({"launch_type": "EC2"}, {}),
        (strategy("FARGATE_SPOT"), {}),
        ({"overrides": {"containers": [{"name": "side"}]}, "log_container": "main"}, {}),
        ({"network_configuration": None, "launch_type": "EC2"}, {"networkMode": "bridge"}),
        ({"enable_execute_command": True}, {"taskRoleArn": "arn:role"}),
        ({"enable_execute_command": True, "overrides": {"task_role_arn": "arn:role"}}, {}),
        ({"launch_type": "EXTERNAL"}, {"requiresCompatibilities": ["EXTERNAL"], "compatibilities": []}),
        # An emulator may omit it.
        ({}, {"requiresCompatibilities": [], "compatibilities": []}),
    ],
)
def test_a_valid_request_returns_the_task_definition(params: dict[str, Any], definition: dict[str, Any]) -> None:
    assert target(params, definition)["taskDefinitionArn"] == "arn:t:1"


@pytest.mark.parametrize(
    ("params", "definition", "message"),
    [
        ({}, {"status": "INACTIVE"}, "task definition t is INACTIVE -> "),
        (
            {"overrides": {"containers": [{"name": "mian"}, {"name": "side"}]}},
            {},
            "overrides name mian, task definition t has main, side -> fix the name",
        ),
        ({"log_container": "log"}, {}, "log_container is log, task definition t has main, side -> fix the name"),
        ({"network_configuration": None}, {}, "has network mode awsvpc -> give network_configuration with subnets"),
        ({}, {"networkMode": "host"}, "has network mode host, which takes none -> leave network_configuration out"),
        ({"enable_execute_command": True}, {}, "enable_execute_command needs a task role, task definition t has none"),
        (strategy("mine", "FARGATE"), {}, "cluster c has no capacity provider mine, but FARGATE, FARGATE_SPOT -> "),
        ({}, {"requiresCompatibilities": ["EC2"], "compatibilities": ["EC2"]}, "t is for EC2, not for FARGATE -> "),
        (strategy("FARGATE"), {"requiresCompatibilities": [], "compatibilities": ["EC2"]}, "not for FARGATE -> "),
        ({"launch_type": "EXTERNAL"}, {}, "task definition t is for EC2, FARGATE, not for EXTERNAL -> "),
    ],
)
def test_a_mismatch_is_reported(params: dict[str, Any], definition: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError) as refused:
        target(params, definition)
    assert message in str(refused.value)


def test_all_mismatches_are_reported_at_once() -> None:
    with pytest.raises(RequestError, match=r"INACTIVE.*mian.*EXTERNAL"):
        target({"launch_type": "EXTERNAL", "overrides": {"containers": [{"name": "mian"}]}}, {"status": "INACTIVE"})


@pytest.mark.parametrize(
    ("cluster", "message"), [(None, "does not exist"), ({**CLUSTER, "status": "INACTIVE"}, "is INACTIVE")]
)
def test_an_unusable_cluster_is_an_error(cluster: dict[str, Any] | None, message: str) -> None:
    with pytest.raises(RequestError, match=f"cluster c {message} -> deploy it first, or check its name and the region"):
        target(clusters=(cluster,) if cluster else ())


def test_a_strategy_needs_a_provider_of_the_cluster() -> None:
    with pytest.raises(RequestError, match="no capacity provider FARGATE_SPOT, but none -> add it to the cluster"):
        target(strategy("FARGATE_SPOT"), clusters=({**CLUSTER, "capacityProviders": []},))


@pytest.mark.parametrize("index_variable", [None, "SHARD"])
def test_overrides_count_with_the_added_variables(index_variable: str | None) -> None:
    frame = len('{"containerOverrides":[{"name":"main","environment":[{"name":"A","value":""}]}]}')
    environment = {"A": "x" * (OVERRIDES_LIMIT - frame)}
    with pytest.raises(RequestError, match="with the variables that the module adds"):
        target(
            {
                "overrides": {"containers": [{"name": "main", "environment": environment}]},
                "index_variable": index_variable,
            }
        )


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        clients = {name: boto3.client(name, "eu-west-1", **KEYS) for name in ("ec2", "ecr", "logs")}
        clients["logs"].create_log_group(logGroupName="/tasks")
        yield clients


def subnet_of(aws: dict[str, Any]) -> str:
    return str(aws["ec2"].describe_subnets()["Subnets"][0]["SubnetId"])


def test_existing_resources_have_no_problem(aws: dict[str, Any]) -> None:
    subnet = subnet_of(aws)
    params = {**PARAMS, "network_configuration": {"subnets": [subnet]}}
    checked, warnings = check_surroundings(aws.__getitem__, DEFINITION_OF_ONE, params)
    assert checked == [f"subnet {subnet}", "log group /tasks"]
    assert warnings == [("not_checked", "not checked: image nginx:1 is not in a private registry of ECR", "")]


def test_all_that_is_missing_is_named_at_once(aws: dict[str, Any]) -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1"
    definition = definition_of(image, {"awslogs-group": "/task"})
    with pytest.raises(RequestError, match=rf"subnet subnet-1 .*; image {image} .*; log group /task does not exist"):
        check_surroundings(aws.__getitem__, definition, PARAMS)


def test_a_log_group_that_the_task_creates_is_not_missing(aws: dict[str, Any]) -> None:
    definition = definition_of("nginx:1", {"awslogs-group": "/new", "awslogs-create-group": "true"})
    assert check_surroundings(aws.__getitem__, definition, {**PARAMS, "network_configuration": None}).checked == []


def test_a_log_group_of_another_region_is_not_checked(aws: dict[str, Any]) -> None:
    definition = definition_of("nginx:1", {"awslogs-group": "/far", "awslogs-region": "us-east-1"})
    found = check_surroundings(aws.__getitem__, definition, {**PARAMS, "network_configuration": None})
    assert "not checked: log group /far is in us-east-1, not in eu-west-1" in [each.what for each in found.warnings]


def test_a_task_without_a_readable_log(aws: dict[str, Any]) -> None:
    definition = {"containerDefinitions": [{"name": "main", "image": "nginx:1"}]}
    found = check_surroundings(aws.__getitem__, definition, {**PARAMS, "network_configuration": None})
    assert found.warnings[-1].what.startswith("the lines of container main are elsewhere ")


def test_a_check_without_its_permission_is_a_warning(aws: dict[str, Any]) -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/app:1"
    with Stubber(aws["ec2"]) as ec2, Stubber(aws["ecr"]) as ecr, Stubber(aws["logs"]) as logs:
        ec2.add_client_error("describe_subnets", "UnauthorizedOperation", "not you")
        ecr.add_client_error("describe_images", "AccessDeniedException", "not you")
        logs.add_client_error("describe_log_groups", "AccessDeniedException", "not you")
        found = check_surroundings(aws.__getitem__, definition_of(image, {"awslogs-group": "/tasks"}), PARAMS)
    assert found.checked == []
    names = ["subnets and security groups", f"image {image}", "log group /tasks"]
    assert [warning.what.partition("): ")[0] for warning in found.warnings] == [f"not checked ({one}" for one in names]
    assert all("not you" in warning.what for warning in found.warnings)


def test_missing_resource_is_reported_despite_a_denied_check(aws: dict[str, Any]) -> None:
    """A missing resource is reported where another check lacks its permission."""
    with Stubber(aws["logs"]) as logs:
        logs.add_client_error("describe_log_groups", "AccessDeniedException", "not you")
        with pytest.raises(RequestError, match="subnet subnet-1 does not exist"):
            check_surroundings(aws.__getitem__, DEFINITION_OF_ONE, PARAMS)


def test_a_client_that_cannot_be_created_is_a_warning() -> None:
    def client(service: str) -> Any:
        raise NoRegionError

    assert "region" in check_surroundings(client, DEFINITION_OF_ONE, PARAMS).warnings[0].line()


def test_a_missing_task_definition_is_left_to_the_caller() -> None:
    """The caller reports a task definition that does not exist."""
    ecs = boto3.client("ecs", "eu-west-1", **KEYS)
    with Stubber(ecs) as stubber:
        stubber.add_response("describe_clusters", {"clusters": [CLUSTER]})
        stubber.add_client_error("describe_task_definition", "ClientException", "Unable to describe task definition.")
        with pytest.raises(ClientError, match="Unable to describe"):
            check_target(ecs, PARAMS)


def definition_of(image: str, options: dict[str, str]) -> dict[str, Any]:
    configuration = {"logDriver": "awslogs", "options": {"awslogs-stream-prefix": "p", **options}}
    return {"containerDefinitions": [{"name": "main", "image": image, "logConfiguration": configuration}]}


DEFINITION_OF_ONE = definition_of("nginx:1", {"awslogs-group": "/tasks", "awslogs-region": "eu-west-1"})
