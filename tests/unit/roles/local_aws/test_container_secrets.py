# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a task on the embedded AWS: they are in its environment, or it does not start."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from embedded_aws.extension.tasks.container_secrets import SecretReference, secret_reference
from emulators import IMAGE, Emulator
from hypothesis import given
from hypothesis import strategies as st

SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:team/db-a1b2c3"
WORDS = st.text(st.characters(codec="ascii", categories=("L", "N")), max_size=8)


def task(log_group: str, secrets: list[dict[str, Any]], *also: str) -> dict[str, Any]:
    """Return the resources of a task that prints the secrets it got; what it needs besides is named."""
    names = " ".join(f'"${secret["Name"]}"' for secret in secrets)
    options = {"awslogs-group": log_group, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "task"}
    container = {
        "Name": "main",
        "Image": IMAGE,
        "Command": ["sh", "-c", f"printf '%s\\n' {names}"],
        "Secrets": secrets,
        "LogConfiguration": {"LogDriver": "awslogs", "Options": options},
    }
    return {
        "Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": log_group}},
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {"ContainerDefinitions": [container]},
            "DependsOn": ["Log", *also],
        },
    }


def printed(emulator: Emulator, resources: dict[str, Any], log_group: str) -> list[str]:
    stack = emulator.create(resources)
    assert stack.status == "CREATE_COMPLETE", stack.reasons
    ended = emulator.run(stack.ids["Task"])
    assert ended["containers"][0]["exitCode"] == 0, ended["stoppedReason"]
    return emulator.lines(log_group)


def fresh(prefix: str) -> str:
    return f"/{prefix}/{uuid4().hex[:8]}"


def test_a_task_has_the_stacks_secret_in_its_environment(extended: Emulator) -> None:
    group = fresh("log")
    value = '{"password": "correct horse", "port": 5432}'
    resources = task(
        group,
        [
            {"Name": "WHOLE", "ValueFrom": {"Ref": "Password"}},
            {"Name": "PASSWORD", "ValueFrom": {"Fn::Sub": "${Password}:password::"}},
            {"Name": "PORT", "ValueFrom": {"Fn::Sub": "${Password}:port::"}},
        ],
    )
    resources["Password"] = {"Type": "AWS::SecretsManager::Secret", "Properties": {"SecretString": value}}
    assert printed(extended, resources, group) == [value, "correct horse", "5432"]


def test_a_secure_string_arrives_decrypted(extended: Emulator) -> None:
    group, name = fresh("log"), fresh("parameter")
    extended.client("ssm").put_parameter(Name=name, Value="correct horse", Type="SecureString")
    arn = f"arn:aws:ssm:us-east-1:000000000000:parameter{name}"
    secrets = [{"Name": "BY_NAME", "ValueFrom": name}, {"Name": "BY_ARN", "ValueFrom": arn}]
    assert printed(extended, task(group, secrets), group) == ["correct horse", "correct horse"]


def test_valuefrom_names_a_stage_or_a_version(extended: Emulator) -> None:
    group, secretsmanager = fresh("log"), extended.client("secretsmanager")
    made = secretsmanager.create_secret(Name=fresh("secret"), SecretString="first")
    secretsmanager.put_secret_value(SecretId=made["ARN"], SecretString="second")
    secrets = [
        {"Name": "CURRENT", "ValueFrom": made["ARN"]},
        {"Name": "PREVIOUS", "ValueFrom": f"{made['ARN']}::AWSPREVIOUS:"},
        {"Name": "FIRST", "ValueFrom": f"{made['ARN']}:::{made['VersionId']}"},
    ]
    assert printed(extended, task(group, secrets), group) == ["second", "first", "first"]


@pytest.mark.parametrize("suffix", [":other::", "::AWSPENDING:", ":::00000000-0000-0000-0000-000000000000"])
def test_a_task_whose_secret_cannot_be_had_does_not_start(extended: Emulator, suffix: str) -> None:
    made = extended.client("secretsmanager").create_secret(Name=fresh("secret"), SecretString='{"a": "correct horse"}')
    stack = extended.create(task(fresh("log"), [{"Name": "A", "ValueFrom": made["ARN"] + suffix}]))
    ended = extended.run(stack.ids["Task"])
    assert ended["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets")
    assert made["ARN"] in ended["stoppedReason"]
    assert "correct horse" not in str(ended)


def test_a_task_waits_for_the_value_of_an_empty_secret(extended: Emulator) -> None:
    """A template's secret without a value has none, and the task starts once there is one."""
    group = fresh("log")
    secret = {"Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Description": "of the team"}}}
    stack = extended.create(secret | task(group, [{"Name": "A", "ValueFrom": {"Ref": "Secret"}}]))
    arn, client = stack.ids["Secret"], extended.client("secretsmanager")
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.get_secret_value(SecretId=arn)
    reason = extended.run(stack.ids["Task"])["stoppedReason"]
    assert arn in reason and "can't find the specified secret value for staging label: AWSCURRENT" in reason
    client.put_secret_value(SecretId=arn, SecretString="correct horse")
    assert not extended.run(stack.ids["Task"])["stoppedReason"].startswith("ResourceInitializationError")


@given(WORDS, WORDS, WORDS)
def test_a_reference_is_read_as_it_is_written(key: str, stage: str, version: str) -> None:
    assert secret_reference(f"{SECRET}:{key}:{stage}:{version}") == SecretReference(SECRET, key, stage, version)
    assert secret_reference(SECRET) == SecretReference(SECRET)


@pytest.mark.parametrize(
    "name", ["password", "/team/password", "arn:aws:ssm:eu-west-1:000000000000:parameter/secretsmanager/password"]
)
def test_anything_else_is_a_parameter_of_ssm(name: str) -> None:
    assert secret_reference(name) is None
