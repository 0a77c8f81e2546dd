# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to an environment though no stack holds it any more, and what runs in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.environment.belongings import STACK_TAG, Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.survey import EnvironmentSurvey
from botocore.exceptions import ClientError, EndpointConnectionError

NAMES = Names("shop", "dev", ["table", "registry", "observability"])
TABLE: dict[str, Any] = {
    "TableName": "shop-dev",
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
OWN = [{"Key": "Project", "Value": "shop"}, {"Key": "Environment", "Value": "dev"}]
TASK = "arn:aws:ecs:eu-west-1:123456789012:task/shop-dev"
Clients = Callable[[str], Any]


def made_by(stack: str) -> list[dict[str, str]]:
    return [{"Key": STACK_TAG, "Value": stack}]


def look(clients: Clients) -> list[dict[str, Any]]:
    return EnvironmentSurvey(clients, NAMES).look()


def refused(error_code: str) -> ClientError:
    return ClientError({"Error": {"Code": error_code, "Message": "told by the test"}}, "Call")


@pytest.mark.parametrize(("stack", "is_found"), [("shop-dev-table", True), ("shop-prod-table", False)])
def test_a_table_that_outlived_its_stack_is_found_by_the_stack_s_tag(
    clients: Clients, stack: str, is_found: bool
) -> None:
    clients("dynamodb").create_table(Tags=made_by(stack), **TABLE)
    found = [(one["kind"], one["stack"], one["protections"]) for one in look(clients)]
    assert found == ([("table", None, ["left_behind"])] if is_found else [])


def test_a_repository_that_outlived_its_stack_is_found_with_its_images_counted_once(clients: Clients) -> None:
    ecr = clients("ecr")
    ecr.create_repository(repositoryName="shop-dev", tags=made_by("shop-dev-registry"))
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}
    for tag in ("1", "1-again"):
        ecr.put_image(repositoryName="shop-dev", imageTag=tag, imageManifest=json.dumps(manifest))
    (repository,) = look(clients)
    assert repository["line"] == "repository shop-dev (1 image(s); kept when its stack was deleted)"


def test_an_alarm_is_found_by_its_stack_s_tag_and_no_other_is(clients: Clients) -> None:
    cloudwatch = clients("cloudwatch")
    cloudwatch.put_metric_alarm(AlarmName="shop-dev-kept", Tags=made_by("shop-dev-observability"), **ALARM)
    cloudwatch.put_metric_alarm(AlarmName="shop-dev-two-other", Tags=made_by("shop-dev-two-observability"), **ALARM)
    cloudwatch.put_metric_alarm(AlarmName="shop-dev-by-hand", **ALARM)
    assert [(one["kind"], one["name"], one["stack"]) for one in look(clients)] == [("alarm", "shop-dev-kept", None)]


def test_an_alarm_that_goes_while_it_is_looked_at_is_passed_over(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloudwatch = clients("cloudwatch")
    cloudwatch.put_metric_alarm(AlarmName="shop-dev-going", **ALARM)

    def gone(**_request: Any) -> Any:
        raise cloudwatch.exceptions.ResourceNotFoundException(
            {"Error": {"Code": "ResourceNotFoundException", "Message": "gone"}}, "ListTagsForResource"
        )

    monkeypatch.setattr(cloudwatch, "list_tags_for_resource", gone)
    assert look(clients) == []


class Tasks:
    """ECS with the environment's cluster in which tasks are, by the status that they wish for."""

    class ClusterNotFoundException(Exception):
        pass

    exceptions = type("Exceptions", (), {"ClusterNotFoundException": ClusterNotFoundException})

    def __init__(self, tasks: dict[str, dict[str, str]]) -> None:
        self._tasks = tasks

    def describe_clusters(self, clusters: list[str], include: list[str]) -> dict[str, Any]:
        tags = [{"key": STACK_TAG, "value": "shop-dev-table"}]
        return {"clusters": [{"clusterName": name, "tags": tags} for name in clusters if "TAGS" in include]}

    def get_paginator(self, call: str) -> Any:
        return {"list_tasks": self, "list_task_definitions": Nothing()}[call]

    def paginate(self, cluster: str, desiredStatus: str) -> list[dict[str, Any]]:
        assert cluster == "shop-dev"
        return [{"taskArns": []}, {"taskArns": [f"{TASK}/{id_}" for id_ in self._tasks.get(desiredStatus, {})]}]

    def describe_tasks(self, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert (cluster, bool(tasks)) == ("shop-dev", True)
        known = {id_: status for by_wish in self._tasks.values() for id_, status in by_wish.items()}
        return {"tasks": [{"taskArn": arn, "lastStatus": known[arn.rpartition("/")[2]]} for arn in tasks]}


class Nothing:
    def paginate(self, **_request: Any) -> list[dict[str, Any]]:
        return []


def test_tasks_are_found_until_they_have_stopped_also_those_that_were_told_to(clients: Clients) -> None:
    tasks = Tasks(
        {
            "RUNNING": {"begun": "RUNNING", "coming": "PROVISIONING"},
            "STOPPED": {"ended": "STOPPED", "forgotten": "DELETED", "ending": "DEPROVISIONING"},
        }
    )
    things = EnvironmentSurvey(lambda service: tasks if service == "ecs" else clients(service), NAMES).look()
    assert {one["name"]: one["state"] for one in things} == {
        "begun": "RUNNING",
        "coming": "PROVISIONING",
        "ending": "DEPROVISIONING",
    }
    assert {one["id"] for one in things} == {f"{TASK}/{name}" for name in ("begun", "coming", "ending")}


def test_a_stack_that_was_reviewed_only_is_found_since_it_is_in_the_way(clients: Clients) -> None:
    clients("cloudformation").create_change_set(
        StackName="shop-dev-table",
        ChangeSetName="look",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
    )
    assert [(one["kind"], one["state"]) for one in look(clients)] == [("stack", "REVIEW_IN_PROGRESS")]


def test_the_ids_that_the_stacks_hold_are_told_by_type(clients: Clients) -> None:
    groups = {
        name: {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/shop/dev/{name}"}} for name in "ba"
    }
    clients("cloudformation").create_stack(
        StackName="shop-dev-table", TemplateBody=json.dumps({"Resources": groups}), Tags=OWN
    )
    looked = EnvironmentSurvey(clients, NAMES)
    looked.look()
    assert looked.held("AWS::Logs::LogGroup") == ["/shop/dev/a", "/shop/dev/b"]
    assert looked.held("AWS::DynamoDB::Table") == []


def test_an_error_s_code_is_aws_s_own_or_none() -> None:
    assert error_code(refused("AccessDenied")) == "AccessDenied"
    assert error_code(EndpointConnectionError(endpoint_url="http://127.0.0.1:9")) == ""
    assert error_code(KeyError("response")) == ""
