# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The validation of the module's parameters."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.parameters import RequestError, check_params
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.outcome.result import fails
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tokens import TOKEN_VARIABLE
from hypothesis import given
from hypothesis import strategies as st

PARAMS: dict[str, Any] = {
    "state": "run",
    "task_definition": "t",
    "count": 1,
    "wait_timeout": 3600,
    "launch_timeout": 300,
    "log_tail_wait": 5,
    "log_lines": 1000,
    "fail_on": ["nonzero"],
}


def strategy(*items: str, **more: Any) -> dict[str, Any]:
    return {"capacity_provider_strategy": [{"capacity_provider": one, **more} for one in items]}


def container(**more: Any) -> dict[str, Any]:
    return {"overrides": {"containers": [{"name": "a", **more}]}}


def network(subnets: int, groups: int = 0, **more: Any) -> dict[str, Any]:
    return {"network_configuration": {"subnets": ["s"] * subnets, "security_groups": ["g"] * groups, **more}}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"count": 1000, "index_variable": "SHARD_1"},
        {"client_token": "!" + "x" * 62 + "~", "started_by": "a-Z_0/" + "x" * 122},
        {"wait_timeout": 1, "launch_timeout": 0, "log_tail_wait": 0, "log_lines": -1},
        {"fail_on": []},
        {"fail_on": ["0", "3", "5-5", "10-255", "nonzero"]},
        {"fargate_prices": {"vcpu_hour": 0.0, "gb_hour": None}},
        strategy("FARGATE", "FARGATE_SPOT", weight=1, base=0),
        strategy("mine", weight=1000, base=100_000),
        strategy(*(f"p{number}" for number in range(20))),
        network(1),
        network(16, 5, assign_public_ip=True),
        container(environment={"A": 1}, cpu=1, memory=4, memory_reservation=4),
        {"overrides": {"cpu": "1 vCPU", "memory": "0.5 GB", "ephemeral_storage": 21}},
        {"overrides": {"cpu": ".25 vcpu", "memory": "512", "ephemeral_storage": 200}},
        {"tags": {f"k{number}": "" for number in range(50)}},
        {"tags": {"k" * 128: "v" * 256}},
        {"state": "watch", "task_definition": None, "tasks": ["id"]},
        {"state": "absent", "task_definition": None, "started_by": "me"},
        {"state": "watch", "task_definition": None, "client_token": "token"},
        # A stop ignores what only a launch uses.
        {"state": "absent", "tasks": ["id"], "count": 0},
    ],
)
def test_valid_parameters_are_accepted(changes: dict[str, Any]) -> None:
    assert check_params({**PARAMS, **changes}) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"task_definition": None}, "state run needs task_definition -> "),
        ({"tasks": ["id"]}, "state run takes no tasks -> "),
        ({"state": "watch"}, "state watch needs tasks, started_by or client_token -> "),
        ({"state": "absent", "tasks": []}, "state absent needs tasks, started_by or client_token -> "),
        ({"client_token": ""}, "client_token is not 1 to 64 "),
        ({"client_token": "x" * 65}, "client_token is not 1 to 64 "),
        ({"client_token": "a b"}, "client_token is not 1 to 64 "),
        ({"client_token": "a\n"}, "client_token is not 1 to 64 "),
        ({"started_by": "a.b"}, "started_by 'a.b' is not 1 to 128 letters"),
        ({"started_by": "x" * 129}, "is not 1 to 128 letters"),
        ({"wait_timeout": 0}, "wait_timeout is 0 -> give 1 or more"),
        ({"launch_timeout": -1}, "launch_timeout is -1 -> give 0 or more"),
        ({"log_tail_wait": -1}, "log_tail_wait is -1 -> give 0 or more"),
        ({"log_lines": -2}, "log_lines is -2 -> give -1 or more"),
        ({"fail_on": ["two"]}, "fail_on has 'two' -> give an exit code (3), a range (1-5), or nonzero"),
        ({"fail_on": ["5-1"]}, "fail_on has '5-1'"),
        ({"fail_on": ["-1"]}, "fail_on has '-1'"),
        ({"fail_on": ["1-"]}, "fail_on has '1-'"),
        ({"fail_on": [""]}, "fail_on has ''"),
        ({"fargate_prices": {"gb_hour": -0.1}}, "fargate_prices has gb_hour -0.1 -> "),
        ({"fargate_prices": {"gb_hour": float("nan")}}, "fargate_prices has gb_hour nan -> "),
        ({"count": 0}, "count is 0 -> give a number from 1 to 1,000"),
        ({"count": 1001}, "count is 1001 -> "),
        (
            {"index_variable": "I", "control": {"table_name": "t", "run_id": "r"}},
            "control and index_variable exclude each other -> ",
        ),
        ({"index_variable": "3RD"}, "index_variable '3RD' cannot be set -> "),
        ({"index_variable": TOKEN_VARIABLE}, f"index_variable '{TOKEN_VARIABLE}' cannot be set -> "),
        ({"launch_type": "EC2", "platform_version": "1.4.0"}, "platform_version is for Fargate only -> "),
        ({"launch_type": "EC2", **strategy("mine")}, "exclude each other -> leave one out"),
        (strategy(*(f"p{number}" for number in range(21))), "has 21 providers -> ECS takes 20"),
        (strategy("mine", "mine"), "capacity_provider_strategy names mine more than once -> "),
        (strategy("FARGATE", "mine"), "mixes Fargate with other providers -> "),
        (strategy("FARGATE", "FARGATE_SPOT", base=1), "has more than one base -> "),
        (strategy("FARGATE", weight=0), "gives every provider the weight 0 -> "),
        (strategy("FARGATE", weight=1001), "weight or base of FARGATE is out of range -> "),
        (strategy("FARGATE", base=-1), "weight or base of FARGATE is out of range -> "),
        (network(0), "network_configuration has 0 subnets -> ECS takes 1 to 16"),
        (network(17), "network_configuration has 17 subnets -> "),
        ({"network_configuration": {"subnets": ["s", ""]}}, "network_configuration.subnets has an item that"),
        (
            network(1, security_groups=[""]),
            "network_configuration.security_groups has an item that is null or empty -> ",
        ),
        (network(1, 6), "network_configuration has 6 security_groups -> ECS takes 0 to 5"),
        ({"launch_type": "EC2", **network(1, assign_public_ip=True)}, "assign_public_ip is for Fargate only -> "),
        (
            {"overrides": {"containers": [{"name": "a"}, {"name": "a"}]}},
            "overrides name container a more than once",
        ),
        (container(environment={TOKEN_VARIABLE: "x"}), f"container a set {TOKEN_VARIABLE}, as the module does -> "),
        ({"index_variable": "I", **container(environment={"I": 1})}, "container a set I, as the module does -> "),
        (container(command=["x", None]), "overrides of container a have null as a word of command -> "),
        (container(memory=0), "overrides of container a have memory 0 -> "),
        ({"overrides": {"cpu": "much"}}, "overrides have cpu 'much' -> "),
        ({"overrides": {"memory": "1 TB"}}, "overrides have memory '1 TB' -> "),
        ({"overrides": {"ephemeral_storage": 20}}, "overrides have ephemeral_storage 20 -> give 21 to 200 (GiB)"),
        ({"overrides": {"ephemeral_storage": 201}}, "overrides have ephemeral_storage 201 -> "),
        ({"tags": {f"k{number}": "" for number in range(51)}}, "tags are 51 -> ECS takes 50"),
        ({"tags": {"k": [1]}}, "tag k is a dictionary or a list -> give text, a number or a truth value"),
        ({"tags": {"AWS:mine": ""}}, "tag AWS:mine begins with aws: "),
        ({"tags": {"k": "aws:x"}}, "tag k begins with aws: or has such a value"),
        ({"tags": {"k" * 129: ""}}, "is too long, or empty -> "),
        ({"tags": {"k": "v" * 257}}, "tag 'k' is too long, or empty -> "),
    ],
)
def test_wrong_parameters_are_refused_without_a_request(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(RequestError) as refused:
        check_params({**PARAMS, **changes})
    assert expected in str(refused.value)
    assert " -> " in str(refused.value) and "\n" not in str(refused.value)


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(RequestError, match=r"task_definition.*wait_timeout.*count is 0"):
        check_params({**PARAMS, "task_definition": None, "wait_timeout": 0, "count": 0})


@given(entries=st.lists(st.from_regex(r"[0-9]{1,3}(-[0-9]{1,3})?|nonzero|-|[a-z]{1,3}", fullmatch=True), max_size=3))
def test_accepted_exit_codes_can_be_matched(entries: list[str]) -> None:
    """Accepted values can be compared with an exit code."""
    try:
        check_params({**PARAMS, "fail_on": entries})
    except RequestError:
        return
    assert fails(7, entries) in (True, False)
