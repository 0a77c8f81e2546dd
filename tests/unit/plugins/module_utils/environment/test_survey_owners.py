# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resources of another owner with an environment's names are not found; those of no owner are protected."""

from __future__ import annotations

import json

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.account import Account
from ansible_collections.gantry.ecs.plugins.module_utils.environment.deletion import deletion, protected_data
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.survey import find_resources
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.environment.builder import (
    KEYS,
    Builder,
    Clients,
    log_group_template,
    names_of,
    refusal,
)

PERFORMANCE = "/aws/ecs/containerinsights/a-b-c/performance"


@pytest.fixture
def deployed(neighbour: Builder) -> Builder:
    """The neighbour's environment with resources of every kind, in stacks and left over from them."""
    resources = {
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "a-b-c", **KEYS}},
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "a-b-c"}},
    }
    neighbour.stack("cluster", resources)
    neighbour.repository(neighbour.tags("table"))
    neighbour.task_definition(neighbour.tags("cluster"))
    neighbour.alarm("a-b-c-x", neighbour.tags("table"))
    neighbour.log_group(PERFORMANCE)
    return neighbour


def test_a_neighbour_s_resources_are_never_found(own: Builder, deployed: Builder) -> None:
    account = Account(own.names)
    assert find_resources(own.clients, account) == []
    assert account.foreign == ["stack a-b-c-cluster belongs to project a-b, environment c"]


def test_the_neighbour_finds_its_own_resources(deployed: Builder) -> None:
    account = Account(deployed.names)
    assert names_of(find_resources(deployed.clients, account)) == {
        ("stack", "a-b-c-cluster"),
        ("table", "a-b-c"),
        ("repository", "a-b-c"),
        ("task_definition", "a-b-c:1"),
        ("alarm", "a-b-c-x"),
        ("log_group", PERFORMANCE),
    }
    assert account.foreign == []


def test_a_neighbour_s_tasks_are_never_found(own: Builder, deployed: Builder) -> None:
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
    started = deployed.clients("ecs").run_task(
        cluster="a-b-c", taskDefinition="a-b-c", launchType="FARGATE", networkConfiguration=network
    )
    task = str(started["tasks"][0]["taskArn"]).rpartition("/")[2]
    assert ("task", task) in names_of(deployed.find())
    assert names_of(own.find()) == set()


def test_resources_that_no_stack_created_are_protected(own: Builder) -> None:
    own.log_group("/a/b-c/audit", [{"Key": "Owner", "Value": "other-team"}])
    own.log_group("/aws/ecs/containerinsights/a-b-c/notes")
    own.log_group(PERFORMANCE)
    own.task_definition()
    resources = own.find()
    by_hand = {"/a/b-c/audit", "/aws/ecs/containerinsights/a-b-c/notes", "a-b-c:1"}
    assert {one["name"] for one in resources} == by_hand | {PERFORMANCE}
    assert protected_data(resources) == sorted(by_hand)
    assert "log group /a/b-c/audit (0 bytes; no stack made it)" in [one["line"] for one in resources]


def test_resources_that_a_deleted_stack_left_are_not(own: Builder) -> None:
    own.log_group("/a/b-c", own.tags("cluster"))
    own.task_definition(own.tags("cluster"))
    resources = own.find()
    assert names_of(resources) == {("log_group", "/a/b-c"), ("task_definition", "a-b-c:1")}
    assert protected_data(resources) == []


def test_tags_of_another_owner_exclude_a_resource(own: Builder) -> None:
    own.log_group("/a/b-c/audit", [{"Key": "Project", "Value": "audit"}])
    own.parameter("/a/b-c/audit", [{"Key": "Environment", "Value": "all"}])
    assert own.find() == []


@pytest.mark.parametrize("is_protected", [True, False])
def test_the_logs_of_a_protected_stack_are_protected(own: Builder, is_protected: bool) -> None:
    group = log_group_template("/a/b-c/flow-logs")
    own.stack("table", {"FlowLogs": group}, EnableTerminationProtection=is_protected)
    assert protected_data(own.find()) == (["/a/b-c/flow-logs"] if is_protected else [])


def test_tags_that_may_not_be_read_protect_a_resource(own: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        own.log_group(f"/a/b-c/{name}", own.tags())
    monkeypatch.setattr(own.clients("logs"), "list_tags_for_resource", refusal("AccessDeniedException"))
    account = Account(own.names)
    assert protected_data(find_resources(own.clients, account)) == ["/a/b-c/one", "/a/b-c/two"]
    (line,) = account.not_checked
    assert line.startswith("tags of log groups: ")


def test_a_stack_without_component_has_to_be_named(shop: Builder) -> None:
    """A service that was taken out of the description keeps its stack; another system may have made it as well."""
    shop.stack("table", {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": {"TableName": "shop-dev", **KEYS}}})
    shop.stack("service-web", {"LogGroup": log_group_template("/shop/dev/web")})
    found = {(one["kind"], one["name"]): one for one in shop.find()}
    left = found["undescribed_stack", "shop-dev-service-web"]
    because = "no component of the description makes it"
    assert left["line"] == f"undescribed stack shop-dev-service-web (CREATE_COMPLETE; {because})"
    assert found["log_group", "/shop/dev/web"]["stack"] == "shop-dev-service-web"
    assert found["log_group", "/shop/dev/web"]["protections"] == []
    resources = list(found.values())
    assert deletion(resources, [])["refused"] == [left["line"]]
    named = deletion(resources, ["shop-dev-service-web"])
    assert named["refused"] == [] and left not in named["stacks"] and left not in named["remnants"]


def test_stacks_of_others_are_never_found(shop: Builder, clients: Clients) -> None:
    """Their names begin alike, or they are nested, deleted, or without owner."""
    neighbour = Builder(clients, Names("shop", "dev-two", ["table"]))
    neighbour.stack("service-web", {"LogGroup": log_group_template("/shop/dev-two")})
    template = json.dumps({"Resources": {"LogGroup": log_group_template("/mine")}})
    clients("cloudformation").create_stack(StackName="shop-dev-mine", TemplateBody=template)
    shop.stack("gone", {"LogGroup": log_group_template("/shop/dev/gone")})
    clients("cloudformation").delete_stack(StackName="shop-dev-gone")
    assert shop.find() == []


def test_without_permission_the_other_stacks_are_not_checked(shop: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    cloudformation = shop.clients("cloudformation")
    page = cloudformation.get_paginator
    denied = refusal("AccessDenied")
    monkeypatch.setattr(cloudformation, "get_paginator", lambda name: denied() if name == "list_stacks" else page(name))
    account = Account(shop.names)
    shop.stack("table", {"LogGroup": log_group_template("/shop/dev")})
    assert names_of(find_resources(shop.clients, account)) == {("stack", "shop-dev-table"), ("log_group", "/shop/dev")}
    assert [line.partition(":")[0] for line in account.not_checked] == ["undescribed stack"]
