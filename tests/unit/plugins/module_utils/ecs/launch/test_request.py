# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The request that launches tasks, validated by botocore's model, and the laws of tokens, marks and exit codes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.parameters import RequestError
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.request import (
    OVERRIDES_LIMIT,
    environment_container,
    overrides_length,
    run_request,
    task_override,
    without_environment,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import fails
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tokens import (
    CLIENT_TOKEN,
    STARTED_BY,
    TOKEN_VARIABLE,
    batch_token,
    mark_of,
    parse_token_value,
    token_value,
)
from botocore.session import get_session
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

PARAMS: dict[str, Any] = {"cluster": "c", "task_definition": "t"}
RUN_TASK = get_session().get_service_model("ecs").operation_model("RunTask").input_shape

text = st.text(max_size=20)
names = st.text(min_size=1, max_size=20)
tokens = st.from_regex(CLIENT_TOKEN, fullmatch=True)
numbers = st.integers(0, 1000)
values = st.none() | text | st.integers() | st.booleans() | st.lists(st.integers(), max_size=2)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


containers = st.fixed_dictionaries(
    {"name": names},
    optional={
        "command": optional(st.lists(text, max_size=3)),
        "environment": optional(st.dictionaries(names, values, max_size=3)),
        "cpu": optional(st.integers(1)),
        "memory": optional(st.integers(1)),
        "memory_reservation": optional(st.integers(1)),
    },
)
overrides = st.fixed_dictionaries(
    {},
    optional={
        "containers": optional(st.lists(containers, max_size=3, unique_by=lambda one: one["name"])),
        "cpu": optional(text),
        "memory": optional(text),
        "task_role_arn": optional(text),
        "execution_role_arn": optional(text),
        "ephemeral_storage": optional(st.integers(21, 200)),
    },
)
strategies = st.lists(
    st.fixed_dictionaries({"capacity_provider": names, "weight": st.integers(0, 1000), "base": st.integers(0, 9)}),
    min_size=1,
    max_size=3,
)
networks = st.fixed_dictionaries(
    {"subnets": st.lists(names, min_size=1, max_size=3)},
    optional={"security_groups": optional(st.lists(names, max_size=3)), "assign_public_ip": optional(st.booleans())},
)
params = st.fixed_dictionaries(
    {"cluster": names, "task_definition": names},
    optional={
        "launch_type": optional(st.sampled_from(["FARGATE", "EC2", "EXTERNAL"])),
        "capacity_provider_strategy": optional(strategies),
        "network_configuration": optional(networks),
        "overrides": optional(overrides),
        "group": optional(text),
        "tags": optional(st.dictionaries(names, values, max_size=3)),
        "propagate_tags": optional(st.just("TASK_DEFINITION")),
        "platform_version": optional(text),
        "enable_ecs_managed_tags": optional(st.booleans()),
        "enable_execute_command": optional(st.booleans()),
    },
)


def request(parameters: dict[str, Any], **changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "count": 2, "client_token": "token", "started_by": "me", "container": "main", "environment": {},
    }  # fmt: skip
    return run_request(parameters, **{**arguments, **changes})


@given(parameters=params, count=st.integers(1, 10), token=tokens, container=names)
def test_every_request_is_valid_by_the_model_of_ecs(
    parameters: dict[str, Any], count: int, token: str, container: str
) -> None:
    environment = {TOKEN_VARIABLE: token_value(token, 0, 0)}
    made = request(parameters, count=count, client_token=token, container=container, environment=environment)
    report = ParamValidator().validate(made, RUN_TASK)
    assert not report.has_errors(), report.generate_report()
    assert ("launchType" in made) != ("capacityProviderStrategy" in made)


@given(overrides=overrides, container=names, environment=st.dictionaries(names, text, max_size=3))
def test_added_variables_are_set_once_and_the_users_stay(
    overrides: dict[str, Any], container: str, environment: dict[str, str]
) -> None:
    """The added variables are set once, and the user's other variables stay."""
    made = task_override(overrides, container, environment)
    users = {
        one["name"]: {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in (one.get("environment") or {}).items()
            if value is not None
        }
        for one in overrides.get("containers") or []
    }
    if environment:
        users[container] = users.get(container, {}) | environment
    entries = {one["name"]: one.get("environment", []) for one in made.get("containerOverrides", [])}
    assert {name: {one["name"]: one["value"] for one in entry} for name, entry in entries.items()} == users
    assert all(len({one["name"] for one in entry}) == len(entry) for entry in entries.values())


def test_request_holds_only_what_was_given() -> None:
    assert request(PARAMS) == {
        "cluster": "c", "taskDefinition": "t", "count": 2, "launchType": "FARGATE", "clientToken": "token",
        "startedBy": "me",
    }  # fmt: skip


def test_request_in_full() -> None:
    more = {
        "launch_type": "EC2",
        "network_configuration": {"subnets": ["s"], "security_groups": ["g"], "assign_public_ip": True},
        "overrides": {
            "containers": [
                {
                    "name": "a",
                    "command": ["x", True, 2],
                    "environment": {"A": True, "B": 2, "C": {"d": True}, "E": None},
                },
                {"name": "b", "command": None, "environment": None, "cpu": 256, "memory": 512, "memory_reservation": 9},
            ],
            "cpu": "1024",
            "memory": "2048",
            "task_role_arn": "arn:task",
            "execution_role_arn": "arn:execution",
            "ephemeral_storage": 50,
        },
        "group": "g",
        "tags": {"k": 1, "Owner": None},
        "propagate_tags": "TASK_DEFINITION",
        "platform_version": "1.4.0",
        "enable_ecs_managed_tags": True,
        "enable_execute_command": True,
    }
    made = request({**PARAMS, **more}, environment={"I": "0/2"}, container="b")
    assert made["launchType"] == "EC2"
    assert made["networkConfiguration"]["awsvpcConfiguration"] == {
        "subnets": ["s"], "securityGroups": ["g"], "assignPublicIp": "ENABLED",
    }  # fmt: skip
    assert made["overrides"] == {
        "containerOverrides": [
            {
                "name": "a",
                "command": ["x", "true", "2"],
                "environment": [
                    {"name": "A", "value": "true"},
                    {"name": "B", "value": "2"},
                    {"name": "C", "value": '{"d": true}'},
                ],
            },
            {
                "name": "b",
                "cpu": 256,
                "memory": 512,
                "memoryReservation": 9,
                "environment": [{"name": "I", "value": "0/2"}],
            },
        ],
        "cpu": "1024",
        "memory": "2048",
        "taskRoleArn": "arn:task",
        "executionRoleArn": "arn:execution",
        "ephemeralStorage": {"sizeInGiB": 50},
    }
    assert made["tags"] == [{"key": "k", "value": "1"}]
    assert (made["group"], made["platformVersion"], made["propagateTags"]) == ("g", "1.4.0", "TASK_DEFINITION")
    assert made["enableECSManagedTags"] is True and made["enableExecuteCommand"] is True


def test_public_address_is_disabled_explicitly_by_default() -> None:
    """By default the request says explicitly that no public address is assigned."""
    made = request({**PARAMS, "network_configuration": {"subnets": ["s"]}})
    assert made["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"] == "DISABLED"


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (None, {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]}),
        ([], {"launchType": "FARGATE"}),
        ([{"capacityProvider": "FARGATE", "weight": 1}],) * 2,
    ],
)
def test_a_fall_back_replaces_the_strategy(strategy: Any, expected: Any) -> None:
    made = request({**PARAMS, "capacity_provider_strategy": [{"capacity_provider": "FARGATE_SPOT"}]}, strategy=strategy)
    wanted = expected if isinstance(expected, dict) else {"capacityProviderStrategy": expected}
    assert {key: made[key] for key in ("launchType", "capacityProviderStrategy") if key in made} == wanted


@given(overrides=overrides)
def test_the_length_of_overrides_is_that_of_their_json(overrides: dict[str, Any]) -> None:
    made = task_override(overrides, "main", {"A": "ü\n"})
    written = json.dumps(made, separators=(",", ":"), ensure_ascii=False)
    assert overrides_length(made) == len(written)
    assert json.loads(written) == made


@pytest.mark.parametrize("added", ["", "x"])
def test_overrides_over_the_limit_are_refused(added: str) -> None:
    """Overrides are accepted up to the limit, and refused beyond it."""
    frame = overrides_length(task_override({}, "main", {"A": "", "B": "1"}))
    environment = {"A": "x" * (OVERRIDES_LIMIT - frame) + added, "B": "1"}
    if added:
        with pytest.raises(RequestError, match=r"8,193 characters.*8,192 -> .*SSM or S3"):
            request(PARAMS, environment=environment)
    else:
        assert request(PARAMS, environment=environment)["overrides"]


def test_variables_go_to_the_overridden_or_essential_container() -> None:
    """Variables go to the first overridden container, or else to the first essential one."""
    definition = {"containerDefinitions": [{"name": "side", "essential": False}, {"name": "main"}, {"name": "more"}]}
    assert environment_container({}, definition) == "main"
    assert environment_container({"overrides": {"cpu": "256"}}, definition) == "main"
    assert environment_container({"overrides": {"containers": [{"name": "side"}]}}, definition) == "side"


@given(one=tokens, other=tokens)
def test_mark_is_valid_for_ecs_and_differs_by_token(one: str, other: str) -> None:
    """ECS accepts every mark, and different tokens have different marks."""
    assert STARTED_BY.fullmatch(mark_of(one))
    assert (mark_of(one) == mark_of(other)) == (one == other)


def test_a_mark_contains_the_token_where_it_is_valid() -> None:
    assert mark_of("deploy-4711/migrate") == "ecs_task_run/deploy-4711/migrate"
    assert mark_of("deploy 4711".replace(" ", ":")).startswith("ecs_task_run-sha256/")


@given(one=st.tuples(tokens, numbers, numbers), other=st.tuples(tokens, numbers, numbers))
def test_batch_token_is_valid_for_ecs_and_differs_by_batch(
    one: tuple[str, int, int], other: tuple[str, int, int]
) -> None:
    """ECS accepts every batch's token, and different batches have different tokens."""
    assert CLIENT_TOKEN.fullmatch(batch_token(*one))
    assert (batch_token(*one) == batch_token(*other)) == (one == other)


def test_batch_tokens_of_long_and_unusual_tokens_differ() -> None:
    asked = [("x" * 64, 0, 0), ("x" * 64, 0, 1), ("x" * 63, 0, 0), ("a", 1, 0), ("a/1", 0, 0), ("a/1/0", 0, 0)]
    assert len({batch_token(*one) for one in asked}) == len(asked)


@given(token=tokens, batch=numbers, attempt=numbers)
def test_a_token_value_is_read_as_it_was_written(token: str, batch: int, attempt: int) -> None:
    assert parse_token_value(token_value(token, batch, attempt)) == (token, batch, attempt)


@given(text=text)
def test_a_parsed_token_value_is_valid(text: str) -> None:
    parsed = parse_token_value(text)
    assert parsed is None or token_value(*parsed) == text


@pytest.mark.parametrize("text", ["", "a", "a/1", "/1/2", "a/1/2/", "a/-1/2", "a/01/2", "a/1/²"])
def test_other_text_is_no_token_value(text: str) -> None:
    assert parse_token_value(text) is None


@given(code=numbers, low=numbers, high=numbers)
def test_exit_codes_fail_by_code_by_range_and_by_not_being_zero(code: int, low: int, high: int) -> None:
    assert fails(code, [str(low)]) == (code == low)
    assert fails(code, [f"{low}-{high}"]) == (low <= code <= high)
    assert fails(code, ["nonzero"]) == (code != 0)
    assert fails(code, [str(low), str(high)]) == (fails(code, [str(low)]) or fails(code, [str(high)]))
    assert not fails(code, [])


def test_a_missing_exit_code_is_not_one_to_fail_on() -> None:
    assert not fails(None, ["nonzero", "0-255"])


def test_a_result_shows_no_value_of_the_containers_environment() -> None:
    container = {"name": "main", "environment": {"TOKEN": "secret"}, "command": ["go"]}
    result = {"passed": True, "invocation": {"module_args": {"overrides": {"containers": [container]}}}}
    shown = without_environment(result)
    assert "secret" not in str(shown) and "TOKEN" in str(shown) and "go" in str(shown)
    assert result["invocation"]["module_args"]["overrides"]["containers"][0]["environment"] == {"TOKEN": "secret"}  # type: ignore[index]


@pytest.mark.parametrize("arguments", [{}, {"overrides": None}, {"overrides": {"containers": [{"environment": None}]}}])
def test_a_result_without_an_environment_stays_as_it_is(arguments: dict[str, Any]) -> None:
    result = {"failed": True, "invocation": {"module_args": arguments}}
    assert without_environment(result) == result
    assert without_environment({"failed": True}) == {"failed": True}
