# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Task definitions of templates on the embedded AWS: what is written arrives, and what cannot is refused."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from embedded_aws.extension.api_shapes import PropertyError, property_names, request_shape
from embedded_aws.extension.tasks.task_definitions import TYPE, register_request
from emulators import IMAGE, Emulator, Stack
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import waited

# CloudFormation's own schema of the type; what it knows and botocore's pinned model does not is refused.
SCHEMA: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", TYPE).schema
NOT_IN_THE_API = {"SharingStrategy"}
WRITTEN_BY_AWS = {"TaskDefinitionArn"}

SECRETS = [{"Name": "PASSWORD", "ValueFrom": "/team/password"}]
HEALTH_CHECK = {"Command": ["CMD-SHELL", "true"], "Interval": 5, "Timeout": 2, "Retries": 1, "StartPeriod": 0}
DEPENDS_ON = [{"ContainerName": "sidecar", "Condition": "HEALTHY"}]
ULIMITS = [{"Name": "nofile", "SoftLimit": 1024, "HardLimit": 2048}]


def containers(**properties: Any) -> dict[str, Any]:
    return {"Type": TYPE, "Properties": {"ContainerDefinitions": [{"Name": "main", "Image": IMAGE, **properties}]}}


def described(emulator: Emulator, stack: Stack, name: str = "Task") -> dict[str, Any]:
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    return emulator.task_definition(stack.ids[name])


def reason_of(emulator: Emulator, resource: dict[str, Any]) -> str:
    stack = emulator.create({"Task": resource})
    assert stack.status == "ROLLBACK_COMPLETE"
    [reason] = stack.reasons
    return reason


def test_secrets_health_check_and_dependencies_arrive(extended: Emulator) -> None:
    main = {"Secrets": SECRETS, "HealthCheck": HEALTH_CHECK, "DependsOn": DEPENDS_ON, "Ulimits": ULIMITS}
    [container] = described(extended, extended.create({"Task": containers(**main)}))["containerDefinitions"]
    assert container["secrets"] == [{"name": "PASSWORD", "valueFrom": "/team/password"}]
    assert container["healthCheck"] == {
        "command": ["CMD-SHELL", "true"],
        "interval": 5,
        "timeout": 2,
        "retries": 1,
        "startPeriod": 0,
    }
    assert container["dependsOn"] == [{"containerName": "sidecar", "condition": "HEALTHY"}]
    assert container["ulimits"] == [{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}]


def test_a_container_starts_with_its_entry_point(extended: Emulator) -> None:
    """The command is the arguments of the entry point, which is never run by itself."""
    group = f"entry-{uuid4().hex[:8]}"
    extended.client("logs").create_log_group(logGroupName=group)
    options = {"awslogs-group": group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "a"}
    started = {"EntryPoint": ["echo", "first"], "Command": ["second"]}
    log = {"LogConfiguration": {"LogDriver": "awslogs", "Options": options}}
    stack = extended.create({"Task": containers(**started, **log)})
    assert described(extended, stack)["containerDefinitions"][0]["entryPoint"] == ["echo", "first"]
    extended.run(stack.ids["Task"])
    assert waited(lambda: extended.lines(group)) == ["first second"]


def test_ministack_alone_empties_them_without_a_word(plain: Emulator) -> None:
    """The day that this fails, the extension has one defect less to fix."""
    stack = plain.create({"Task": containers(Secrets=SECRETS, HealthCheck=HEALTH_CHECK, DependsOn=DEPENDS_ON)})
    [container] = described(plain, stack)["containerDefinitions"]
    assert (container["secrets"], container["healthCheck"], container["dependsOn"]) == ([{}], {}, [{}])


def test_a_new_revision_arrives_whole_too(extended: Emulator) -> None:
    stack = extended.create({"Task": containers(Secrets=SECRETS)})
    updated = extended.update(stack, {"Task": containers(Secrets=SECRETS, HealthCheck=HEALTH_CHECK)})
    assert updated.status == "UPDATE_COMPLETE"
    found = extended.task_definition(updated.ids["Task"])
    assert found["revision"] == 2
    assert found["containerDefinitions"][0]["healthCheck"]["interval"] == 5


def test_a_change_of_tags_registers_no_revision(extended: Emulator) -> None:
    def tagged(value: str) -> dict[str, Any]:
        resource = containers(Secrets=SECRETS)
        resource["Properties"]["Tags"] = [{"Key": "team", "Value": value}]
        return {"Task": resource}

    stack = extended.create(tagged("red"))
    updated = extended.update(stack, tagged("blue"))
    assert updated.ids == stack.ids
    tags = extended.client("ecs").list_tags_for_resource(resourceArn=updated.ids["Task"])["tags"]
    assert tags == [{"key": "team", "value": "blue"}]


def test_the_apis_own_task_definitions_are_kept_whole(extended: Emulator) -> None:
    registered = extended.client("ecs").register_task_definition(
        family="by-api",
        containerDefinitions=[{"name": "main", "image": IMAGE}],
        enableFaultInjection=True,
        tags=[{"key": "team", "value": "red"}],
    )
    assert registered["taskDefinition"]["enableFaultInjection"] is True
    assert extended.task_definition("by-api")["enableFaultInjection"] is True
    assert "tags" not in extended.task_definition("by-api")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"Secrts": SECRETS}, "ContainerDefinitions[0].Secrts is no property that the API knows -> write Secrets"),
        ({"privileged": True}, "ContainerDefinitions[0].privileged is no property"),
        ({"Secrets": [{"Name": "A"}]}, "ContainerDefinitions[0].Secrets[0].ValueFrom is missing -> add it"),
        ({"Secrets": SECRETS[0]}, "ContainerDefinitions[0].Secrets is no list -> write a list"),
        ({"HealthCheck": "true"}, "ContainerDefinitions[0].HealthCheck is no object -> write one"),
        ({"Memory": "lots"}, "ContainerDefinitions[0].Memory has another type than the API takes"),
        ({"Essential": 1}, "ContainerDefinitions[0].Essential has another type than the API takes"),
        ({"User": ["root"]}, "ContainerDefinitions[0].User has another type than the API takes"),
    ],
)
def test_what_the_api_does_not_take_fails_the_stack(
    extended: Emulator, properties: dict[str, Any], expected: str
) -> None:
    reason = reason_of(extended, containers(**properties))
    assert reason.startswith(expected)
    assert "\n" not in reason


def test_what_the_api_refuses_fails_the_stack(extended: Emulator) -> None:
    reason = reason_of(extended, {"Type": TYPE, "Properties": {"ContainerDefinitions": []}})
    assert reason == "RegisterTaskDefinition: TaskDefinition must contain at least one container definition."


def test_a_change_that_the_api_does_not_take_is_undone(extended: Emulator) -> None:
    stack = extended.create({"Task": containers(Secrets=SECRETS)})
    updated = extended.update(stack, {"Task": containers(Secretz=SECRETS)})
    assert updated.status == "UPDATE_ROLLBACK_COMPLETE"
    assert updated.ids == stack.ids


@given(st.text(min_size=1).filter(lambda text: not text.lstrip("-+0123456789_ \t\n\r")))
def test_a_refusal_quotes_no_value(digits: str) -> None:
    value = f"never to be seen {digits}"
    for properties in ({"Memory": value}, {"Environment": value}, {"Secrets": [value]}, {"Privileged": value}):
        with pytest.raises(PropertyError) as raised:
            register_request(containers(**properties)["Properties"], "family")
        assert "never to be seen" not in str(raised.value)


def test_parameters_text_stands_for_numbers_and_booleans() -> None:
    properties = {
        "Cpu": 256,
        "EphemeralStorage": {"SizeInGiB": "21"},
        "ContainerDefinitions": [{"Name": "main", "Image": IMAGE, "Essential": "false", "StopTimeout": "120"}],
    }
    request = register_request(properties, "family")
    assert (request["family"], request["cpu"], request["ephemeralStorage"]) == ("family", "256", {"sizeInGiB": 21})
    [container] = request["containerDefinitions"]
    assert (container["essential"], container["stopTimeout"]) == (False, 120)


def test_every_property_of_the_type_has_its_member() -> None:
    """By CloudFormation's schema; the names that botocore's model does not know are listed, and refused."""
    assert missing_names(SCHEMA, request_shape("ecs", "RegisterTaskDefinition")) == NOT_IN_THE_API | WRITTEN_BY_AWS


def missing_names(schema: dict[str, Any], shape: Any) -> set[str]:
    schema = resolved(schema)
    if shape.type_name == "list":
        return missing_names(schema["items"], shape.member)
    if shape.type_name != "structure":
        return set()
    names = property_names(shape)
    inner = [
        missing_names(item, shape.members[names[name]]) for name, item in schema["properties"].items() if name in names
    ]
    return (schema["properties"].keys() - names.keys()).union(*inner)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    reference = schema.get("$ref")
    found: dict[str, Any] = SCHEMA["definitions"][reference.rpartition("/")[2]] if reference else schema
    return found


def drawn(schema: dict[str, Any], shape: Any) -> st.SearchStrategy[Any]:
    """Draw what CloudFormation's schema allows, in the types of a template, with what the API requires."""
    schema = resolved(schema)
    match schema.get("type", "object"):
        case "array":
            return st.lists(drawn(schema["items"], shape.member), min_size=1, max_size=2)
        case "object" if "properties" in schema:
            names = property_names(shape)
            known = {key: item for key, item in schema["properties"].items() if key in names}
            needed = {key for key in known if names[key] in shape.required_members} | set(schema.get("required", ()))
            properties = {key: drawn(item, shape.members[names[key]]) for key, item in known.items()}
            return st.fixed_dictionaries(
                {key: properties[key] for key in sorted(needed)},
                optional={key: item for key, item in properties.items() if key not in needed},
            )
        case "object":
            return st.dictionaries(TEXT, TEXT, min_size=1, max_size=2)
        case "boolean":
            return st.booleans() | st.sampled_from(["true", "false"])
        case "integer":
            return st.integers(0, 4096) | st.integers(0, 4096).map(str)
    return TEXT


TEXT = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
TASK_DEFINITIONS = drawn(SCHEMA, request_shape("ecs", "RegisterTaskDefinition"))


def comparable(value: Any, keep_keys: bool = False) -> Any:
    """Return what a template or the API says with names in small letters and values as text, to compare the two."""
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if isinstance(value, dict):
        renamed = {"proxyconfigurationproperties": "properties"}
        return {
            key if keep_keys else renamed.get(key.lower(), key.lower()): comparable(
                item, key.lower() in ("options", "dockerlabels", "driveropts", "labels")
            )
            for key, item in value.items()
        }
    return str(value).lower() if isinstance(value, bool) else str(value)


def missing(written: Any, found: Any, path: str = "") -> list[str]:
    """Return the paths at which something written is not found, or not as written."""
    if isinstance(written, dict) and isinstance(found, dict):
        return [gap for key, item in written.items() for gap in missing(item, found.get(key), f"{path}.{key}")]
    if isinstance(written, list) and isinstance(found, list) and len(written) == len(found):
        return [gap for i, item in enumerate(written) for gap in missing(item, found[i], f"{path}[{i}]")]
    return [] if written == found else [path]


@settings(max_examples=40)
@given(properties=TASK_DEFINITIONS)
def test_every_task_definition_arrives_whole(extended: Emulator, properties: dict[str, Any]) -> None:
    stack = extended.create({"Task": {"Type": TYPE, "Properties": properties}})
    found = described(extended, stack)
    tags = extended.client("ecs").list_tags_for_resource(resourceArn=stack.ids["Task"])["tags"]
    assert missing(comparable(properties), comparable({**found, "tags": tags})) == []
