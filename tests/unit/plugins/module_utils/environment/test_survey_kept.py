# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources that no stack holds any more, and tasks that run in the cluster."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import error_code
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import STACK_TAG
from ansible_collections.gantry.ecs.plugins.module_utils.environment.survey import find_resources
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.environment.builder import (
    Builder,
    log_group_template,
    refusal,
)
from botocore.exceptions import ClientError, EndpointConnectionError

TASK = "arn:aws:ecs:eu-west-1:123456789012:task/shop-dev"


def made_by(stack: str) -> list[dict[str, str]]:
    return [{"Key": STACK_TAG, "Value": stack}]


@pytest.mark.parametrize(("stack", "is_found"), [("shop-dev-table", True), ("shop-prod-table", False)])
def test_a_kept_table_is_found_by_its_stack_s_tag(shop: Builder, stack: str, is_found: bool) -> None:
    shop.table(made_by(stack))
    found = [(one["kind"], one["stack"], one["protections"]) for one in shop.find()]
    assert found == ([("table", None, ["left_behind"])] if is_found else [])


def test_images_with_two_tags_are_counted_once(shop: Builder) -> None:
    shop.repository(made_by("shop-dev-registry"), images=["1", "1-again"])
    (repository,) = shop.find()
    assert repository["line"] == "repository shop-dev (1 image(s); kept when its stack was deleted)"


def test_an_alarm_is_found_by_its_stack_s_tag(shop: Builder) -> None:
    shop.alarm("shop-dev-kept", made_by("shop-dev-observability"))
    shop.alarm("shop-dev-two-other", made_by("shop-dev-two-observability"))
    shop.alarm("shop-dev-by-hand")
    assert [(one["kind"], one["name"], one["stack"]) for one in shop.find()] == [("alarm", "shop-dev-kept", None)]


def test_an_alarm_that_goes_during_the_survey_is_skipped(shop: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.alarm("shop-dev-going")
    monkeypatch.setattr(shop.clients("cloudwatch"), "list_tags_for_resource", refusal("ResourceNotFoundException"))
    assert shop.find() == []


class Tasks:
    """An ECS client of a cluster with tasks, by their desired status."""

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
    """A paginator without pages."""

    def paginate(self, **_request: Any) -> list[dict[str, Any]]:
        return []


def test_tasks_are_found_until_they_have_stopped(shop: Builder) -> None:
    """A task with the desired status STOPPED runs until its last status is STOPPED."""
    tasks = Tasks(
        {
            "RUNNING": {"begun": "RUNNING", "coming": "PROVISIONING"},
            "STOPPED": {"ended": "STOPPED", "forgotten": "DELETED", "ending": "DEPROVISIONING"},
        }
    )
    resources = find_resources(
        lambda service: tasks if service == "ecs" else shop.clients(service), Account(shop.names)
    )
    assert {one["name"]: one["state"] for one in resources} == {
        "begun": "RUNNING",
        "coming": "PROVISIONING",
        "ending": "DEPROVISIONING",
    }
    assert {one["id"] for one in resources} == {f"{TASK}/{name}" for name in ("begun", "coming", "ending")}


def test_a_reviewed_stack_is_found(shop: Builder) -> None:
    """A stack that only a change set made occupies its name."""
    shop.clients("cloudformation").create_change_set(
        StackName="shop-dev-table",
        ChangeSetName="look",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
    )
    assert [(one["kind"], one["state"]) for one in shop.find()] == [("stack", "REVIEW_IN_PROGRESS")]


def test_ids_that_stacks_hold_are_returned_by_type(shop: Builder) -> None:
    shop.stack("table", {name: log_group_template(f"/shop/dev/{name}") for name in "ba"})
    account = Account(shop.names)
    find_resources(shop.clients, account)
    assert account.held("AWS::Logs::LogGroup") == ["/shop/dev/a", "/shop/dev/b"]
    assert account.held("AWS::DynamoDB::Table") == []


def test_an_error_s_code_is_aws_s_own_or_empty() -> None:
    with pytest.raises(ClientError) as refused:
        refusal("AccessDenied")()
    assert error_code(refused.value) == "AccessDenied"
    assert error_code(EndpointConnectionError(endpoint_url="http://127.0.0.1:9")) == ""
    assert error_code(KeyError("response")) == ""
