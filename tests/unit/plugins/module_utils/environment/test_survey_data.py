# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems, queues and secrets of a system: data that no deploy makes again is named before a deletion."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.deletion import (
    protected_data,
    refused,
    remnants,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.names import Names
from ansible_collections.gantry.ecs.plugins.module_utils.environment.resource import Resource
from ansible_collections.gantry.ecs.tests.unit.plugins.module_utils.environment.builder import (
    Builder,
    Clients,
    names_of,
    refusal,
)

FILE_SYSTEM = {
    "Type": "AWS::EFS::FileSystem",
    "Properties": {"FileSystemTags": [{"Key": "Name", "Value": "shop-dev-data"}]},
}
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "shop-dev-work"}}


@pytest.fixture
def shop(clients: Clients) -> Builder:
    """Project shop, environment dev, with all sections that hold data."""
    return Builder(clients, Names("shop", "dev", ["file-systems", "queues", "secrets"]))


def data_of(builder: Builder) -> list[Resource]:
    return [each for each in builder.find() if each["kind"] != "stack"]


def queue(builder: Builder, component: str = "queues") -> str:
    """Create a queue with the tags of a component's stack; returns its URL."""
    tags = {each["Key"]: each["Value"] for each in builder.tags(component)}
    return str(builder.clients("sqs").create_queue(QueueName=f"{builder.names.base}-work", tags=tags)["QueueUrl"])


def secret(builder: Builder, component: str = "secrets", **value: Any) -> None:
    """Create a secret with the tags of a component's stack."""
    name = f"{builder.names.path[1:]}/key"
    builder.clients("secretsmanager").create_secret(Name=name, Tags=builder.tags(component), **value)


def test_a_file_system_is_refused_in_its_stack_and_after_it(shop: Builder) -> None:
    shop.stack("file-systems", {"Data": FILE_SYSTEM})
    (held,) = data_of(shop)
    assert (held["name"], held["stack"], held["protections"]) == (
        "shop-dev-data",
        "shop-dev-file-systems",
        ["irreplaceable"],
    )
    assert refused([held], []) == [held]
    assert remnants([held], ["shop-dev-data"]) == []
    efs = shop.clients("efs")
    efs.tag_resource(ResourceId=held["id"], Tags=shop.tags("file-systems"))
    kept = {**held, "stack": None, "protections": ["irreplaceable", "left_behind"]}
    assert remnants([kept], []) == []  # type: ignore[list-item]
    assert remnants([kept], ["shop-dev-data"]) == [kept]  # type: ignore[list-item]


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_queue_with_messages_is_refused(shop: Builder, is_deleted: bool) -> None:
    """An empty one is not: the next deploy makes it again. What a stack has kept is found by its tag."""
    if is_deleted:
        url = queue(shop)
    else:
        shop.stack("queues", {"Work": QUEUE})
        (url,) = shop.clients("sqs").list_queues()["QueueUrls"]
    (empty,) = data_of(shop)
    assert (empty["name"], empty["protections"]) == ("shop-dev-work", [])
    assert remnants([empty], []) == ([empty] if is_deleted else [])
    shop.clients("sqs").send_message(QueueUrl=url, MessageBody="x")
    shop.clients("sqs").send_message(QueueUrl=url, MessageBody="y", DelaySeconds=60)
    (full,) = data_of(shop)
    assert "about 2 message(s)" in full["line"]
    assert refused([full], []) == [full]
    assert protected_data([full]) == ["shop-dev-work"]


def test_a_queue_listed_by_another_host_is_one_queue(shop: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.stack("queues", {"Work": {**QUEUE, "Properties": {**QUEUE["Properties"], "Tags": shop.tags("queues")}}})
    clients, sqs = shop.clients, shop.clients("sqs")
    elsewhere = [url.replace("://", "://localhost.") for url in sqs.list_queues()["QueueUrls"]]
    pages = SimpleNamespace(paginate=lambda **_filter: [{"QueueUrls": elsewhere}])
    monkeypatch.setattr(sqs, "get_paginator", lambda _operation: pages)
    shop.clients = lambda service: sqs if service == "sqs" else clients(service)
    (found,) = data_of(shop)
    assert (found["name"], found["stack"]) == ("shop-dev-work", "shop-dev-queues")


def test_a_message_in_flight_counts(shop: Builder) -> None:
    url = queue(shop)
    shop.clients("sqs").send_message(QueueUrl=url, MessageBody="x")
    assert shop.clients("sqs").receive_message(QueueUrl=url)["Messages"]
    (found,) = data_of(shop)
    assert "irreplaceable" in found["protections"]


def test_the_queue_of_failed_runs_is_no_data(clients: Clients) -> None:
    """The logs say of a failed run what its message says."""
    builder = Builder(clients, Names("shop", "dev", ["queues", "job-failures"]))
    builder.stack("job-failures", {"Failures": QUEUE})
    (url,) = clients("sqs").list_queues()["QueueUrls"]
    clients("sqs").send_message(QueueUrl=url, MessageBody="x")
    (found,) = data_of(builder)
    assert found["protections"] == []


@pytest.mark.parametrize(("value", "is_refused"), [({"SecretString": "x"}, True), ({}, False)])
def test_a_secret_with_a_value_is_refused(shop: Builder, value: dict[str, str], is_refused: bool) -> None:
    secret(shop, **value)
    (found,) = data_of(shop)
    assert found["name"] == "shop/dev/key"
    assert refused([found], []) == ([found] if is_refused else [])
    assert "x" not in found["line"].split()


def test_data_of_another_environment_is_not_found(clients: Clients) -> None:
    """Both have the same names throughout; the tags decide."""
    sections = ["file-systems", "queues", "secrets"]
    own, neighbour = Builder(clients, Names("a", "b-c", sections)), Builder(clients, Names("a-b", "c", sections))
    queue(neighbour)
    secret(neighbour, SecretString="x")
    clients("efs").create_file_system(CreationToken="x", Tags=neighbour.tags("file-systems"))
    assert data_of(own) == []
    assert {kind for kind, _name in names_of(data_of(neighbour))} == {"queue", "secret", "file_system"}


def test_a_system_without_data_needs_no_permission_for_it(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the load test lists no file systems, queues and secrets."""
    builder = Builder(clients, Names("shop", "dev", ["table"]))
    for service, call in (("efs", "describe_file_systems"), ("sqs", "list_queues"), ("secretsmanager", "list_secrets")):
        monkeypatch.setattr(clients(service), call, refusal("AccessDenied"))
        monkeypatch.setattr(clients(service), "get_paginator", refusal("AccessDenied"))
    assert builder.find() == []
