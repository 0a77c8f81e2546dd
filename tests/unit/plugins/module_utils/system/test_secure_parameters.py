# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The component that puts SSM parameters: what it takes, what it gives, and which services have a secret's value."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.filter.secure_parameters import secure_parameters
from ansible_collections.gantry.ecs.plugins.module_utils.system.arguments import arguments
from ansible_collections.gantry.ecs.plugins.module_utils.system.description import parse
from ansible_collections.gantry.ecs.plugins.module_utils.system.graph import deploy_batches
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.secret_users import (
    copies,
    users,
    writers,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.parameters import (
    needed_outputs,
    parameter_requests,
    taken,
)
from system_strategies import EXISTING, filled, small

PARAMETERS = {
    "admin": {"value": "admin", "description": "A user"},
    "url": {"value": "http://${load-balancer-main.DnsName}/${cluster.ClusterName}?${!x}"},
    "copy": {"secret": "key"},
    "given": {"secret": "given#password"},
    "token": {"generate": 24},
}
OUTPUTS = {
    "load-balancer-main": {"DnsName": "main.example"},
    "cluster": {"ClusterName": "shop-dev"},
    "secrets": {"KeyArn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/dev/key-AbCdEf"},
}


@pytest.fixture
def document() -> dict[str, Any]:
    """The small description with SSM parameters."""
    return filled(small(parameters=PARAMETERS, secrets={"given": {"arn": EXISTING}}))


def test_the_role_takes_the_outputs_that_values_name(document: dict[str, Any]) -> None:
    component = parse(document).components["parameters"]
    assert not component.is_stack and component.role == "parameters"
    assert {each.text for each in component.takes.values()} == {
        *("load-balancer-main.DnsName", "cluster.ClusterName", "secrets.KeyArn")
    }
    batches = deploy_batches(parse(document))
    numbers = {name: number for number, batch in enumerate(batches) for name in batch}
    assert numbers["parameters"] > max(numbers[name] for name in OUTPUTS)
    assert component.gives["AdminArn"] == "parameters_arn_admin"


def test_a_system_without_parameters_has_no_such_component() -> None:
    assert "parameters" not in parse(filled(small())).components


def test_requests_have_the_outputs_in_their_values(document: dict[str, Any]) -> None:
    requests = secure_parameters(document, arguments(parse(document), "parameters", OUTPUTS))
    assert requests == [
        {"name": "admin", "description": "A user", "value": "admin"},
        {"name": "url", "value": "http://main.example/shop-dev?${x}"},
        {"name": "copy", "secret": OUTPUTS["secrets"]["KeyArn"], "json_key": ""},
        {"name": "given", "secret": EXISTING, "json_key": "password"},
        {"name": "token", "generate": 24},
    ]


def test_keys_and_databases_are_outputs_of_their_stacks() -> None:
    sections: Any = {
        "parameters": {"one": {"secret": "database:main#password", "key": "data"}},
        "secrets": {},
    }
    assert [each.reference for each in needed_outputs("one", sections)] == [
        "keys.DataKeyArn",
        "database-main.SecretArn",
    ]
    values = dict(zip(taken(sections), ("arn:secret", "arn:key"), strict=True))
    assert parameter_requests(sections, values) == [
        {"name": "one", "key_id": "arn:key", "secret": "arn:secret", "json_key": "password"}
    ]


def test_a_secret_reaches_services_by_itself_and_by_copies(document: dict[str, Any]) -> None:
    """Workers of a job are services, too; a sidecar has secrets of its own."""
    services, jobs = document["services"], document["jobs"]
    services["worker"]["sidecars"] = {"proxy": {"secrets": {"COPY": "parameter:copy"}, "memory": 8}}
    jobs["mail"]["secrets"] = {"KEY": "key#a"}
    jobs["sum"]["uses"] = {"key": ["read", "write"]}
    assert users("key", document) == ["web", "worker", "mail-workers"]
    assert copies("key", document) == ["copy"]
    assert users("parameter:copy", document) == ["worker"]
    assert users("parameter:token", document) == []
    assert writers("key", document) == ["sum"]


def test_a_databases_secret_reaches_those_that_connect(document: dict[str, Any]) -> None:
    document["databases"] = {"main": {}}
    document["parameters"]["login"] = {"secret": "database:main#password"}
    document["services"]["web"]["uses"] = {"main": ["connect"]}
    document["services"]["worker"]["secrets"] = {"PASSWORD": "parameter:login"}
    assert users("database:main", document) == ["web", "worker"]
