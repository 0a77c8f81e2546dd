# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of a description's sections and its schema say the same."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

import jsonschema
import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.system import vocabulary
from system_strategies import schema

# The types by the definition that each describes.
TYPES: Mapping[str, Any] = {
    "health_check": vocabulary.HealthCheck,
    "sidecar": vocabulary.Sidecar,
    "grant": vocabulary.Grant,
    "tracing": vocabulary.Tracing,
    "file_system": vocabulary.FileSystem,
    "secret": vocabulary.Secret,
    "queue": vocabulary.Queue,
    "listener": vocabulary.Listener,
    "load_balancer": vocabulary.LoadBalancer,
    "target": vocabulary.Target,
    "domain": vocabulary.Domain,
    "key": vocabulary.Key,
    "secure_parameter": vocabulary.SecureParameter,
    "database": vocabulary.Database,
    "service_connect": vocabulary.ServiceConnect,
    "setup": vocabulary.Setup,
    "scaling": vocabulary.Scaling,
    "deployment": vocabulary.Deployment,
    "alarms": vocabulary.Alarms,
    "share": vocabulary.Share,
    "service": vocabulary.Service,
    "parameter": vocabulary.Parameter,
    "job_queue": vocabulary.JobQueue,
    "schedule": vocabulary.Schedule,
    "job": vocabulary.Job,
    "limits": vocabulary.Limits,
    "observability": vocabulary.Observability,
}
# Keys that a definition requires and a base of its type does not.
STRICTER = {"sidecar": {"image"}}
# Sections without a type: their values are of another component's role, or name other definitions.
UNTYPED = {"component", "defaults", "capacity_providers"}


def definition(name: str) -> Mapping[str, Any]:
    return typing.cast(Mapping[str, Any], schema["$defs"][name])


def resolved(value: Mapping[str, Any]) -> Mapping[str, Any]:
    name = value.get("$ref", "").rpartition("/")[2]
    return {**(definition(name) if name else {}), **value}


def test_the_schema_is_valid() -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


def test_each_definition_with_keys_has_a_type() -> None:
    assert {name for name, value in schema["$defs"].items() if "properties" in value} == TYPES.keys() | UNTYPED


@pytest.mark.parametrize("name", TYPES)
def test_a_type_has_the_keys_of_its_definition(name: str) -> None:
    """A key that is always there is required by the schema, or has a default in it."""
    properties, required = definition(name)["properties"], definition(name).get("required", [])
    hints = get_type_hints(TYPES[name], include_extras=True)
    assert hints.keys() == properties.keys()
    always = {key for key, value in properties.items() if key in required or "default" in resolved(value)}
    optional = {key for key, hint in hints.items() if get_origin(hint) is typing.NotRequired}
    # A derived type cannot require what its base may lack.
    assert optional - STRICTER.get(name, set()) == properties.keys() - always


@pytest.mark.parametrize("name", TYPES)
def test_literals_are_the_values_of_the_schema(name: str) -> None:
    for key, hint in get_type_hints(TYPES[name]).items():
        if get_origin(hint) is typing.Literal:
            assert set(get_args(hint)) == set(resolved(definition(name)["properties"][key])["enum"])


def test_each_key_is_described_and_each_default_valid() -> None:
    values = [value for each in [schema, *schema["$defs"].values()] for value in each.get("properties", {}).values()]
    assert values
    for value in values:
        whole = resolved(value)
        assert whole["description"].endswith((".", "seconds")), whole
        if "default" in whole:
            jsonschema.Draft202012Validator({**whole, "$defs": schema["$defs"]}).validate(whole["default"])
