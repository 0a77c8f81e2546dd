# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose the things are that have an environment's names: another's are never found, nobody's need a second word."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.belongings import STACK_TAG, Names, protected_data
from ansible_collections.gantry.ecs.plugins.module_utils.environment.survey import EnvironmentSurvey
from botocore.exceptions import ClientError

# Both make the stack a-b-c-table, and everything else of that name.
NAMES, NEIGHBOUR = Names("a", "b-c", ["table", "cluster"]), Names("a-b", "c", ["table", "cluster"])
PERFORMANCE = "/aws/ecs/containerinsights/a-b-c/performance"
KEYS: dict[str, Any] = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
ALARM: dict[str, Any] = {
    "EvaluationPeriods": 1,
    "ComparisonOperator": "GreaterThanThreshold",
    "Namespace": "n",
    "MetricName": "m",
    "Period": 60,
    "Statistic": "Sum",
    "Threshold": 1,
}
CONTAINERS: list[Any] = [{"name": "main", "image": "x", "memory": 128}]
Clients = Callable[[str], Any]


def pairs(names: Names, stack: str = "", small: bool = False) -> list[dict[str, str]]:
    """Return the tags that a stack of an environment hands on to what it makes."""
    tags = dict(names.owner) | ({STACK_TAG: f"{names.base}-{stack}"} if stack else {})
    key, value = ("key", "value") if small else ("Key", "Value")
    return [{key: each, value: text} for each, text in tags.items()]


def look(clients: Clients, names: Names) -> list[dict[str, Any]]:
    return EnvironmentSurvey(clients, names).look()


def named(things: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["kind"], one["name"]) for one in things}


@pytest.fixture
def neighbour(clients: Clients) -> Clients:
    """An account with all that a neighbour of the same names has, in stacks and left over from them."""
    template = {
        "Parameters": {key: {"Type": "String"} for key in NEIGHBOUR.owner},
        "Resources": {
            "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "a-b-c", **KEYS}},
            "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "a-b-c"}},
        },
    }
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in NEIGHBOUR.owner.items()]
    clients("cloudformation").create_stack(
        StackName="a-b-c-cluster", TemplateBody=json.dumps(template), Parameters=parameters
    )
    clients("ecr").create_repository(repositoryName="a-b-c", tags=pairs(NEIGHBOUR, "table"))
    clients("ecs").register_task_definition(
        family="a-b-c", containerDefinitions=CONTAINERS, tags=pairs(NEIGHBOUR, "cluster", small=True)
    )
    clients("cloudwatch").put_metric_alarm(AlarmName="a-b-c-x", Tags=pairs(NEIGHBOUR, "table"), **ALARM)
    clients("logs").create_log_group(logGroupName=PERFORMANCE)
    return clients


def test_a_neighbour_of_the_same_names_is_never_found(neighbour: Clients) -> None:
    survey = EnvironmentSurvey(neighbour, NAMES)
    assert survey.look() == []
    assert survey.foreign == ["stack a-b-c-cluster belongs to project a-b, environment c"]


def test_the_neighbour_finds_all_of_it(neighbour: Clients) -> None:
    survey = EnvironmentSurvey(neighbour, NEIGHBOUR)
    assert named(survey.look()) == {
        ("stack", "a-b-c-cluster"),
        ("table", "a-b-c"),
        ("repository", "a-b-c"),
        ("task_definition", "a-b-c:1"),
        ("alarm", "a-b-c-x"),
        ("log_group", PERFORMANCE),
    }
    assert survey.foreign == []


def test_a_neighbour_s_tasks_are_never_found(neighbour: Clients) -> None:
    tasks = _running(neighbour)
    assert ("task", tasks) in named(look(neighbour, NEIGHBOUR))
    assert named(look(neighbour, NAMES)) == set()


def _running(clients: Clients) -> str:
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
    started = clients("ecs").run_task(
        cluster="a-b-c", taskDefinition="a-b-c", launchType="FARGATE", networkConfiguration=network
    )
    return str(started["tasks"][0]["taskArn"]).rpartition("/")[2]


def test_what_no_stack_made_needs_a_second_word(clients: Clients) -> None:
    clients("logs").create_log_group(logGroupName="/a/b-c/audit", tags={"Owner": "other-team"})
    clients("logs").create_log_group(logGroupName="/aws/ecs/containerinsights/a-b-c/notes")
    clients("logs").create_log_group(logGroupName=PERFORMANCE)
    clients("ecs").register_task_definition(family="a-b-c", containerDefinitions=CONTAINERS)
    things = look(clients, NAMES)
    by_hand = {"/a/b-c/audit", "/aws/ecs/containerinsights/a-b-c/notes", "a-b-c:1"}
    assert {one["name"] for one in things} == by_hand | {PERFORMANCE}
    assert protected_data(things) == sorted(by_hand)
    assert "log group /a/b-c/audit (0 bytes; no stack made it)" in [one["line"] for one in things]


def test_what_a_stack_of_ours_left_needs_none(clients: Clients) -> None:
    tags = dict(NAMES.owner) | {STACK_TAG: "a-b-c-cluster"}
    clients("logs").create_log_group(logGroupName="/a/b-c", tags=tags)
    clients("ecs").register_task_definition(
        family="a-b-c", containerDefinitions=CONTAINERS, tags=pairs(NAMES, "cluster", small=True)
    )
    things = look(clients, NAMES)
    assert named(things) == {("log_group", "/a/b-c"), ("task_definition", "a-b-c:1")}
    assert protected_data(things) == []


def test_what_says_that_it_is_another_s_is_left_alone(clients: Clients) -> None:
    clients("logs").create_log_group(logGroupName="/a/b-c/audit", tags={"Project": "audit"})
    clients("ssm").put_parameter(
        Name="/a/b-c/audit", Value="1", Type="String", Tags=[{"Key": "Environment", "Value": "all"}]
    )
    assert look(clients, NAMES) == []


@pytest.mark.parametrize("is_protected", [True, False])
def test_the_logs_of_a_protected_stack_need_a_second_word(clients: Clients, is_protected: bool) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/a/b-c/flow-logs"}}
    clients("cloudformation").create_stack(
        StackName="a-b-c-table",
        TemplateBody=json.dumps({"Resources": {"FlowLogs": group}}),
        Tags=pairs(NAMES),
        EnableTerminationProtection=is_protected,
    )
    things = look(clients, NAMES)
    assert protected_data(things) == (["/a/b-c/flow-logs"] if is_protected else [])


def test_whose_tags_may_not_be_read_needs_a_second_word(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_request: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "told by the test"}}, "Call")

    for name in ("one", "two"):
        clients("logs").create_log_group(logGroupName=f"/a/b-c/{name}", tags=dict(NAMES.owner))
    monkeypatch.setattr(clients("logs"), "list_tags_for_resource", refuse)
    survey = EnvironmentSurvey(clients, NAMES)
    assert protected_data(survey.look()) == ["/a/b-c/one", "/a/b-c/two"]
    (line,) = survey.not_checked
    assert line.startswith("tags of log groups: ")
