# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of AWS to take protection off a thing and to remove it, call by call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.removal import (
    PAUSE,
    EnvironmentPart,
    PartTimeoutError,
)
from botocore.exceptions import ClientError
from botocore.stub import Stubber

NAME = "shop-dev"
STACK = "shop-dev-table"
DEFINITION = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop-dev:3"
MISSING_STACK = f"Stack with id {STACK} does not exist"


class Aws:
    """Clients whose answers, in their order, the test tells; another call fails it."""

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

    def refuses(self, service: str, call: str, code: str, message: str = "told by the test") -> None:
        self.client(service)
        self._stubs[service].add_client_error(call, code, message)

    def table(self, status: str | None, is_protected: bool = False) -> None:
        """Answer the next look at the table; None for one that is gone."""
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

    def part(self, timeout: float = 60, is_check: bool = False) -> EnvironmentPart:
        return EnvironmentPart(self.client, timeout, is_check, clock=lambda: sum(self.slept), sleep=self.slept.append)

    def assert_all_asked(self) -> None:
        for stub in self._stubs.values():
            stub.assert_no_pending_responses()


@pytest.fixture
def aws() -> Iterator[Aws]:
    made = Aws()
    yield made
    made.assert_all_asked()


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


# ---- What is there, and the one call that removes it; a table is looked after below.

REMOVALS: dict[str, tuple[str, Prepare, tuple[str, str, dict[str, Any]]]] = {
    "repository": (NAME, repository, ("ecr", "delete_repository", {"repositoryName": NAME, "force": True})),
    "log_group": (NAME, log_groups(NAME, f"{NAME}-two"), ("logs", "delete_log_group", {"logGroupName": NAME})),
    "ssm_parameter": (NAME, parameters(NAME), ("ssm", "delete_parameter", {"Name": NAME})),
    "task_definition": (
        DEFINITION,
        definition("ACTIVE"),
        ("ecs", "deregister_task_definition", {"taskDefinition": DEFINITION}),
    ),
}
ABSENCES: dict[str, tuple[str, str, Prepare]] = {
    "a repository": (
        "repository",
        NAME,
        lambda aws: aws.refuses("ecr", "describe_repositories", "RepositoryNotFoundException"),
    ),
    "a log group whose name only begins so": ("log_group", NAME, log_groups(f"{NAME}-two")),
    "an SSM parameter": ("ssm_parameter", NAME, parameters()),
    "a task definition": (
        "task_definition",
        DEFINITION,
        lambda aws: aws.refuses("ecs", "describe_task_definition", "ClientException"),
    ),
    "an inactive task definition": ("task_definition", DEFINITION, definition("INACTIVE")),
    "a table": ("table", NAME, lambda aws: aws.table(None)),
}


@pytest.mark.parametrize("kind", REMOVALS)
def test_a_thing_is_removed_by_one_call(aws: Aws, kind: str) -> None:
    id_, prepare, (service, call, request) = REMOVALS[kind]
    prepare(aws)
    aws.answers(service, call, {}, **request)
    assert aws.part().remove(kind, id_)


@pytest.mark.parametrize("kind", REMOVALS)
def test_in_check_mode_it_is_only_looked_at(aws: Aws, kind: str) -> None:
    id_, prepare, _removal = REMOVALS[kind]
    prepare(aws)
    assert aws.part(is_check=True).remove(kind, id_)


@pytest.mark.parametrize("absence", ABSENCES)
def test_what_is_not_there_is_not_removed(aws: Aws, absence: str) -> None:
    kind, id_, prepare = ABSENCES[absence]
    prepare(aws)
    assert not aws.part().remove(kind, id_)


@pytest.mark.parametrize("kind", REMOVALS)
def test_a_refused_removal_is_passed_on(aws: Aws, kind: str) -> None:
    id_, prepare, (service, call, _request) = REMOVALS[kind]
    prepare(aws)
    aws.refuses(service, call, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        aws.part().remove(kind, id_)


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
def test_what_may_not_be_looked_at_is_never_taken_for_gone(aws: Aws, kind: str, service: str, call: str) -> None:
    aws.refuses(service, call, "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        aws.part().remove(kind, NAME)


# ---- Stacks


def test_a_stack_s_protection_is_taken_off(aws: Aws) -> None:
    aws.stack(is_protected=True)
    aws.answers(
        "cloudformation", "update_termination_protection", {}, StackName=STACK, EnableTerminationProtection=False
    )
    assert aws.part().unprotect("stack", STACK)


def test_a_stack_s_protection_stays_in_check_mode(aws: Aws) -> None:
    aws.stack(is_protected=True)
    assert aws.part(is_check=True).unprotect("stack", STACK)


def test_a_stack_without_protection_is_left_alone(aws: Aws) -> None:
    aws.stack(is_protected=False)
    assert not aws.part().unprotect("stack", STACK)


def test_a_stack_that_is_gone_is_no_error_and_one_that_may_not_be_seen_is(aws: Aws) -> None:
    aws.refuses("cloudformation", "describe_stacks", "ValidationError", MISSING_STACK)
    assert not aws.part().unprotect("stack", STACK)
    aws.refuses("cloudformation", "describe_stacks", "AccessDenied")
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.part().unprotect("stack", STACK)


# ---- Tables: whatever is done to one that is still being changed, DynamoDB refuses.


def test_a_table_s_protection_is_taken_off_between_two_rests(aws: Aws) -> None:
    aws.table("UPDATING", is_protected=True)
    aws.table("UPDATING", is_protected=True)
    aws.table("ACTIVE", is_protected=True)
    aws.answers("dynamodb", "update_table", {}, TableName=NAME, DeletionProtectionEnabled=False)
    aws.table("UPDATING")
    aws.table("ACTIVE")
    assert aws.part().unprotect("table", NAME)
    assert aws.slept == [PAUSE, PAUSE]


@pytest.mark.parametrize("status", ["ACTIVE", None])
def test_a_table_without_protection_is_left_alone(aws: Aws, status: str | None) -> None:
    aws.table(status)
    assert not aws.part().unprotect("table", NAME)


def test_a_table_is_removed_when_it_rests_and_waited_for_until_it_is_gone(aws: Aws) -> None:
    aws.table("CREATING")
    aws.table("CREATING")
    aws.table("ACTIVE")
    aws.answers("dynamodb", "delete_table", {}, TableName=NAME)
    aws.table("DELETING")
    aws.table(None)
    assert aws.part().remove("table", NAME)
    assert aws.slept == [PAUSE, PAUSE]


def test_a_table_stays_in_check_mode(aws: Aws) -> None:
    aws.table("ACTIVE", is_protected=True)
    assert aws.part(is_check=True).remove("table", NAME)
    aws.table("ACTIVE", is_protected=True)
    assert aws.part(is_check=True).unprotect("table", NAME)


@pytest.mark.parametrize("timeout", [0, 2, 5])
def test_a_table_that_does_not_go_is_told_and_no_second_is_wasted(aws: Aws, timeout: int) -> None:
    aws.table("ACTIVE")
    aws.table("ACTIVE")
    aws.answers("dynamodb", "delete_table", {}, TableName=NAME)
    for _look in range(timeout + 1):
        aws.table("DELETING")
    with pytest.raises(PartTimeoutError, match=f"table {NAME} is still DELETING after {timeout} s"):
        aws.part(timeout).remove("table", NAME)
    assert sum(aws.slept) == timeout
