# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests that turn off a resource's protection and remove it, call by call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.catalogue import REMOVABLE
from ansible_collections.gantry.ecs.plugins.module_utils.environment.kinds.data.queue import COUNTS, MISSING
from ansible_collections.gantry.ecs.plugins.module_utils.environment.removal import (
    PAUSE,
    ResourceRemoval,
    ResourceTimeoutError,
)
from botocore.exceptions import ClientError
from botocore.stub import Stubber

NAME = "shop-dev"
STACK = "shop-dev-table"
FILE_SYSTEM = "fs-0123456789abcdef0"
ZONE = "Z0123456789"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/shop-dev-work"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/dev/key-a1B2c3"
DEFINITION = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-dev:3"
MISSING_STACK = f"Stack with id {STACK} does not exist"


class Aws:
    """Clients with the responses that the test sets, in their order; another call fails it."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}
        self._stubs: dict[str, Stubber] = {}
        self.slept: list[float] = []

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service, "eu-west-1", aws_access_key_id="testing-key", aws_secret_access_key="testing-secret"
            )
            self._stubs[service] = Stubber(self._clients[service])
            self._stubs[service].activate()
        return self._clients[service]

    def answers(self, service: str, call: str, answer: dict[str, Any], **request: Any) -> None:
        self.client(service)
        self._stubs[service].add_response(call, answer, request)

    def refuses(self, service: str, call: str, code: str, message: str = "from the test") -> None:
        self.client(service)
        self._stubs[service].add_client_error(call, code, message)

    def table(self, status: str | None, is_protected: bool = False) -> None:
        """Set the next response of DescribeTable; None for a missing table."""
        if status is None:
            self.refuses("dynamodb", "describe_table", "ResourceNotFoundException")
        else:
            description = {"TableStatus": status, "DeletionProtectionEnabled": is_protected}
            self.answers("dynamodb", "describe_table", {"Table": description}, TableName=NAME)

    def stack(self, is_protected: bool) -> None:
        described = {
            "StackName": STACK,
            "StackStatus": "CREATE_COMPLETE",
            "CreationTime": "2026-01-01T00:00:00Z",
            "EnableTerminationProtection": is_protected,
        }
        self.answers("cloudformation", "describe_stacks", {"Stacks": [described]}, StackName=STACK)

    def removal(self, timeout: float = 60, is_check: bool = False) -> ResourceRemoval:
        return ResourceRemoval(self.client, timeout, is_check, clock=lambda: sum(self.slept), sleep=self.slept.append)

    def assert_all_requested(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def aws() -> Iterator[Aws]:
    made = Aws()
    yield made
    made.assert_all_requested()


Prepare = Callable[[Aws], None]


def repository(aws: Aws) -> None:
    aws.answers("ecr", "describe_repositories", {"repositories": [{}]}, repositoryNames=[NAME])


def log_groups(*names: str) -> Prepare:
    groups = [{"logGroupName": name} for name in names]
    return lambda aws: aws.answers("logs", "describe_log_groups", {"logGroups": groups}, logGroupNamePrefix=NAME)


def parameters(*names: str) -> Prepare:
    named = [{"Key": "Name", "Option": "Equals", "Values": [NAME]}]
    answer = {"Parameters": [{"Name": name} for name in names]}
    return lambda aws: aws.answers("ssm", "describe_parameters", answer, ParameterFilters=named)


def definition(status: str) -> Prepare:
    answer = {"taskDefinition": {"taskDefinitionArn": DEFINITION, "status": status}}
    return lambda aws: aws.answers("ecs", "describe_task_definition", answer, taskDefinition=DEFINITION)


def file_system(aws: Aws) -> None:
    described = {
        "OwnerId": "123456789012",
        "CreationToken": "x",
        "CreationTime": "2026-01-01T00:00:00Z",
        "FileSystemId": FILE_SYSTEM,
        "LifeCycleState": "available",
        "NumberOfMountTargets": 0,
        "SizeInBytes": {"Value": 6144},
        "PerformanceMode": "generalPurpose",
        "Tags": [],
    }
    aws.answers("efs", "describe_file_systems", {"FileSystems": [described]}, FileSystemId=FILE_SYSTEM)


def queue(aws: Aws) -> None:
    answer = {"Attributes": {"ApproximateNumberOfMessages": "3"}}
    aws.answers("sqs", "get_queue_attributes", answer, QueueUrl=QUEUE, AttributeNames=list(COUNTS))


def secret(**answer: Any) -> Prepare:
    return lambda aws: aws.answers("secretsmanager", "describe_secret", {"Name": SECRET, **answer}, SecretId=SECRET)


# ---- How a resource's presence is seen, and the one call that removes it; tables are below.

REMOVALS: dict[str, tuple[str, Prepare, tuple[str, str, dict[str, Any]]]] = {
    "repository": (NAME, repository, ("ecr", "delete_repository", {"repositoryName": NAME, "force": True})),
    "log_group": (NAME, log_groups(NAME, f"{NAME}-two"), ("logs", "delete_log_group", {"logGroupName": NAME})),
    "ssm_parameter": (NAME, parameters(NAME), ("ssm", "delete_parameter", {"Name": NAME})),
    "file_system": (FILE_SYSTEM, file_system, ("efs", "delete_file_system", {"FileSystemId": FILE_SYSTEM})),
    "queue": (QUEUE, queue, ("sqs", "delete_queue", {"QueueUrl": QUEUE})),
    "secret": (
        SECRET,
        secret(),
        ("secretsmanager", "delete_secret", {"SecretId": SECRET, "ForceDeleteWithoutRecovery": True}),
    ),
    "task_definition": (
        DEFINITION,
        definition("ACTIVE"),
        ("ecs", "deregister_task_definition", {"taskDefinition": DEFINITION}),
    ),
}
ABSENCES: dict[str, tuple[str, Prepare]] = {
    "repository": (NAME, lambda aws: aws.refuses("ecr", "describe_repositories", "RepositoryNotFoundException")),
    # The prefix matches another log group.
    "log_group": (NAME, log_groups(f"{NAME}-two")),
    "ssm_parameter": (NAME, parameters()),
    "task_definition": (DEFINITION, definition("INACTIVE")),
    "table": (NAME, lambda aws: aws.table(None)),
    "file_system": (FILE_SYSTEM, lambda aws: aws.refuses("efs", "describe_file_systems", "FileSystemNotFound")),
    "queue": (QUEUE, lambda aws: aws.refuses("sqs", "get_queue_attributes", MISSING[1])),
    "hosted_zone": (ZONE, lambda aws: aws.refuses("route53", "get_hosted_zone", "NoSuchHostedZone")),
    # Secrets Manager describes a secret until the time for its recovery is over.
    "secret": (SECRET, secret(DeletedDate="2026-01-01T00:00:00Z")),
}


# Their removals take several calls.
ELSEWHERE = {"database", "database_snapshot", "kms_key"}


def test_every_removable_kind_is_tested() -> None:
    """Tables are below, hosted zones in test_hosted_zone.py, the rest in test_survey_database.py."""
    assert set(ABSENCES) == set(REMOVABLE) - ELSEWHERE == {*REMOVALS, "table", "hosted_zone"}


@pytest.mark.parametrize("kind", REMOVALS)
def test_a_resource_is_removed_by_one_call(aws: Aws, kind: str) -> None:
    id_, prepare, (service, call, request) = REMOVALS[kind]
    prepare(aws)
    aws.answers(service, call, {}, **request)
    ABSENCES[kind][1](aws)
    assert aws.removal().remove(kind, id_)
    assert aws.slept == []


@pytest.mark.parametrize("kind", REMOVALS)
def test_a_removal_ends_when_the_resource_is_gone(aws: Aws, kind: str) -> None:
    id_, prepare, (service, call, request) = REMOVALS[kind]
    prepare(aws)
    aws.answers(service, call, {}, **request)
    prepare(aws)
    ABSENCES[kind][1](aws)
    assert aws.removal().remove(kind, id_)
    assert aws.slept == [PAUSE]


@pytest.mark.parametrize("kind", REMOVALS)
def test_a_removal_in_check_mode_only_reads(aws: Aws, kind: str) -> None:
    id_, prepare, _removal = REMOVALS[kind]
    prepare(aws)
    assert aws.removal(is_check=True).remove(kind, id_)


@pytest.mark.parametrize("kind", ABSENCES)
def test_a_missing_resource_is_not_removed(aws: Aws, kind: str) -> None:
    id_, prepare = ABSENCES[kind]
    prepare(aws)
    assert not aws.removal().remove(kind, id_)


def test_an_unknown_task_definition_is_not_removed(aws: Aws) -> None:
    aws.refuses("ecs", "describe_task_definition", "ClientException")
    assert not aws.removal().remove("task_definition", DEFINITION)


@pytest.mark.parametrize("kind", REMOVALS)
def test_a_refused_removal_is_raised(aws: Aws, kind: str) -> None:
    id_, prepare, (service, call, _request) = REMOVALS[kind]
    prepare(aws)
    aws.refuses(service, call, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        aws.removal().remove(kind, id_)


@pytest.mark.parametrize(
    ("kind", "service", "call"),
    [
        ("repository", "ecr", "describe_repositories"),
        ("log_group", "logs", "describe_log_groups"),
        ("ssm_parameter", "ssm", "describe_parameters"),
        ("task_definition", "ecs", "describe_task_definition"),
        ("table", "dynamodb", "describe_table"),
    ],
)
def test_an_unreadable_resource_never_counts_as_deleted(aws: Aws, kind: str, service: str, call: str) -> None:
    aws.refuses(service, call, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        aws.removal().remove(kind, NAME)


# ---- Stacks


def test_a_stack_s_protection_is_turned_off(aws: Aws) -> None:
    aws.stack(is_protected=True)
    aws.answers(
        "cloudformation", "update_termination_protection", {}, StackName=STACK, EnableTerminationProtection=False
    )
    assert aws.removal().unprotect("stack", STACK)


def test_a_stack_s_protection_stays_in_check_mode(aws: Aws) -> None:
    aws.stack(is_protected=True)
    assert aws.removal(is_check=True).unprotect("stack", STACK)


def test_a_stack_without_protection_is_left_alone(aws: Aws) -> None:
    aws.stack(is_protected=False)
    assert not aws.removal().unprotect("stack", STACK)


def test_only_a_missing_stack_is_no_error(aws: Aws) -> None:
    aws.refuses("cloudformation", "describe_stacks", "ValidationError", MISSING_STACK)
    assert not aws.removal().unprotect("stack", STACK)
    aws.refuses("cloudformation", "describe_stacks", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.removal().unprotect("stack", STACK)


# ---- Tables: DynamoDB refuses every request to change one that is being changed.


def test_a_table_is_unprotected_while_it_is_active(aws: Aws) -> None:
    aws.table("UPDATING", is_protected=True)
    aws.table("UPDATING", is_protected=True)
    aws.table("ACTIVE", is_protected=True)
    aws.answers("dynamodb", "update_table", {}, TableName=NAME, DeletionProtectionEnabled=False)
    aws.table("UPDATING")
    aws.table("ACTIVE")
    assert aws.removal().unprotect("table", NAME)
    assert aws.slept == [PAUSE, PAUSE]


@pytest.mark.parametrize("status", ["ACTIVE", None])
def test_a_table_without_protection_is_left_alone(aws: Aws, status: str | None) -> None:
    aws.table(status)
    assert not aws.removal().unprotect("table", NAME)


def test_an_active_table_is_removed_until_it_is_gone(aws: Aws) -> None:
    aws.table("CREATING")
    aws.table("CREATING")
    aws.table("ACTIVE")
    aws.answers("dynamodb", "delete_table", {}, TableName=NAME)
    aws.table("DELETING")
    aws.table(None)
    assert aws.removal().remove("table", NAME)
    assert aws.slept == [PAUSE, PAUSE]


def test_a_table_stays_in_check_mode(aws: Aws) -> None:
    aws.table("ACTIVE", is_protected=True)
    assert aws.removal(is_check=True).remove("table", NAME)
    aws.table("ACTIVE", is_protected=True)
    assert aws.removal(is_check=True).unprotect("table", NAME)


@pytest.mark.parametrize("timeout", [0, 2, 5])
def test_a_table_that_stays_times_out_at_its_timeout(aws: Aws, timeout: int) -> None:
    aws.table("ACTIVE")
    aws.table("ACTIVE")
    aws.answers("dynamodb", "delete_table", {}, TableName=NAME)
    for _look in range(timeout + 1):
        aws.table("DELETING")
    with pytest.raises(ResourceTimeoutError, match=f"table {NAME} is still DELETING after {timeout} s"):
        aws.removal(timeout).remove("table", NAME)
    assert sum(aws.slept) == timeout
