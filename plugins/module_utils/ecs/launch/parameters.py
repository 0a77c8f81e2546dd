# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of the parameters of the module ``ecs_task_run`` that need no call of AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tokens import CLIENT_TOKEN, STARTED_BY, TOKEN_VARIABLE
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError
from ansible_collections.gantry.ecs.plugins.module_utils.text.values import texts_of

COUNT_LIMIT = 1000  # the module's own: more is a typing error, or exceeds the quota of most accounts
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
STRATEGY_LIMIT, TAGS_LIMIT = 20, 50
TAG_KEY_LIMIT, TAG_VALUE_LIMIT = 128, 256  # characters
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
WEIGHT_LIMIT, BASE_LIMIT = 1000, 100_000
FARGATE_PROVIDERS = {"FARGATE", "FARGATE_SPOT"}
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html
SUBNETS_LIMIT, SECURITY_GROUPS_LIMIT = 16, 5
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EphemeralStorage.html
STORAGE_LEAST, STORAGE_MOST = 21, 200  # GiB
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
CPU = re.compile(r"[0-9]+|([0-9]+|[0-9]*\.[0-9]+) ?vcpu", re.IGNORECASE)
MEMORY = re.compile(r"[0-9]+|([0-9]+|[0-9]*\.[0-9]+) ?gb", re.IGNORECASE)
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_problem = partial(Problem, "parameter")


class RequestError(ProblemError):
    """Arguments that ECS would refuse."""


def check_params(params: Mapping[str, Any]) -> None:
    """Check the module's parameters.

    Args:
        params: the module's parameters, with their defaults.

    Raises:
        RequestError: with one problem for each wrong parameter.
    """
    problems = [*_target(params), *_times(params)]
    if params["state"] == "run":
        problems += [*_launch(params), *_strategy(params), *_network(params), *_overrides(params), *_tags(params)]
    if problems:
        raise RequestError(*problems)


def _target(params: Mapping[str, Any]) -> Iterator[Problem]:
    """Check the parameters that select tasks."""
    state = params["state"]
    if state == "run":
        if not params.get("task_definition"):
            yield _problem("state run needs task_definition", "name the task definition to run")
        if params.get("tasks"):
            yield _problem("state run takes no tasks", "leave tasks out, or use state watch or absent")
    elif not any(params.get(name) for name in ("tasks", "started_by", "client_token")):
        yield _problem(f"state {state} needs tasks, started_by or client_token", "say which tasks are meant")
    token, mark = params.get("client_token"), params.get("started_by")
    if token is not None and not CLIENT_TOKEN.fullmatch(token):
        yield _problem(
            "client_token is not 1 to 64 visible characters of ASCII",
            "shorten it, leave other characters out",
        )
    if mark is not None and not STARTED_BY.fullmatch(mark):
        yield _problem(
            f"started_by {mark!r} is not 1 to 128 letters, digits, '-', '_' and '/'",
            "leave other characters out",
        )


def _times(params: Mapping[str, Any]) -> Iterator[Problem]:
    for name, least in (("wait_timeout", 1), ("launch_timeout", 0), ("log_tail_wait", 0), ("log_lines", -1)):
        if params[name] < least:
            yield _problem(f"{name} is {params[name]}", f"give {least} or more")
    for entry in params["fail_on"]:
        low, dash, high = str(entry).partition("-")
        numbers = all(re.fullmatch("[0-9]+", one) for one in ([low, high] if dash else [low]))
        if entry != "nonzero" and not (numbers and int(low) <= int(high or low)):
            yield _problem(f"fail_on has {entry!r}", "give an exit code (3), a range (1-5), or nonzero")
    for name, price in (params.get("fargate_prices") or {}).items():
        if price is not None and not 0 <= price < float("inf"):
            yield _problem(f"fargate_prices has {name} {price}", "give USD, 0 or more")


def _launch(params: Mapping[str, Any]) -> Iterator[Problem]:
    if not 1 <= params["count"] <= COUNT_LIMIT:
        yield _problem(f"count is {params['count']}", f"give a number from 1 to {COUNT_LIMIT:,}")
    variable = params.get("index_variable")
    if variable is not None and (not VARIABLE.fullmatch(variable) or variable == TOKEN_VARIABLE):
        yield _problem(
            f"index_variable {variable!r} cannot be set",
            "name an environment variable of letters, digits and '_'",
        )
    control = params.get("control") or {}
    if control and variable is not None:
        yield _problem("control and index_variable exclude each other", "leave index_variable out: tasks take an index")
    if params.get("platform_version") and params.get("launch_type") in ("EC2", "EXTERNAL"):
        yield _problem("platform_version is for Fargate only", "leave it out, or launch_type")


def _strategy(params: Mapping[str, Any]) -> Iterator[Problem]:
    strategy: Sequence[Mapping[str, Any]] = params.get("capacity_provider_strategy") or []
    if not strategy:
        return
    names = [one["capacity_provider"] for one in strategy]
    if params.get("launch_type"):
        yield _problem("launch_type and capacity_provider_strategy exclude each other", "leave one out")
    if len(names) > STRATEGY_LIMIT:
        yield _problem(f"capacity_provider_strategy has {len(names)} providers", f"ECS takes {STRATEGY_LIMIT}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield _problem(f"capacity_provider_strategy names {', '.join(twice)} more than once", "name each once")
    if 0 < len(FARGATE_PROVIDERS & set(names)) < len(set(names)):
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html
        yield _problem("capacity_provider_strategy mixes Fargate with other providers", "choose one kind")
    if sum(1 for one in strategy if one.get("base")) > 1:
        yield _problem("capacity_provider_strategy has more than one base", "give one provider a base")
    if not any(one.get("weight", 1) for one in strategy):
        yield _problem("capacity_provider_strategy gives every provider the weight 0", "give one at least 1")
    for one in strategy:
        if not (0 <= one.get("weight", 1) <= WEIGHT_LIMIT and 0 <= one.get("base", 0) <= BASE_LIMIT):
            yield _problem(
                f"capacity_provider_strategy: weight or base of {one['capacity_provider']} is out of range",
                f"weight goes from 0 to {WEIGHT_LIMIT:,}, base from 0 to {BASE_LIMIT:,}",
            )


def _network(params: Mapping[str, Any]) -> Iterator[Problem]:
    network = params.get("network_configuration") or {}
    for name, least, most in (("subnets", 1, SUBNETS_LIMIT), ("security_groups", 0, SECURITY_GROUPS_LIMIT)):
        number = len(network.get(name) or [])
        if network and not least <= number <= most:
            yield _problem(f"network_configuration has {number} {name}", f"ECS takes {least} to {most}")
        # Ansible makes an empty text of null.
        if not all(network.get(name) or []):
            yield _problem(
                f"network_configuration.{name} has an item that is null or empty",
                "give its id, or leave it out",
            )
    if network.get("assign_public_ip") and params.get("launch_type") in ("EC2", "EXTERNAL"):
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html
        yield _problem("assign_public_ip is for Fargate only", "leave it out, and give the subnets a NAT gateway")


def _overrides(params: Mapping[str, Any]) -> Iterator[Problem]:
    overrides = params.get("overrides") or {}
    containers = overrides.get("containers") or []
    names = [one["name"] for one in containers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield _problem(f"overrides name container {', '.join(twice)} more than once", "put its overrides together")
    ours = {TOKEN_VARIABLE, params.get("index_variable")}
    for one in containers:
        for name in one.get("environment") or {}:
            if name in ours:
                yield _problem(f"overrides of container {one['name']} set {name}, as the module does", "leave it out")
        if None in (one.get("command") or []):
            yield _problem(
                f"overrides of container {one['name']} have null as a word of command",
                "write a word, or none",
            )
        for name in ("cpu", "memory", "memory_reservation"):
            if one.get(name) is not None and one[name] < 1:
                yield _problem(f"overrides of container {one['name']} have {name} {one[name]}", "give 1 or more")
    for name, pattern, example in (("cpu", CPU, '"1024"'), ("memory", MEMORY, '"2048"')):
        value = overrides.get(name)
        if value is not None and not pattern.fullmatch(value):
            yield _problem(f"overrides have {name} {value!r}", f"give CPU units or MiB as a string, such as {example}")
    storage = overrides.get("ephemeral_storage")
    if storage is not None and not STORAGE_LEAST <= storage <= STORAGE_MOST:
        yield _problem(f"overrides have ephemeral_storage {storage}", f"give {STORAGE_LEAST} to {STORAGE_MOST} (GiB)")


def _tags(params: Mapping[str, Any]) -> Iterator[Problem]:
    for key, given in (params.get("tags") or {}).items():
        if isinstance(given, Mapping | list):
            yield _problem(f"tag {key} is a dictionary or a list", "give text, a number or a truth value")
    tags = texts_of(params.get("tags"))
    if len(tags) > TAGS_LIMIT:
        yield _problem(f"tags are {len(tags)}", f"ECS takes {TAGS_LIMIT}")
    for key, value in tags.items():
        if key.lower().startswith("aws:") or value.lower().startswith("aws:"):
            yield _problem(f"tag {key} begins with aws: or has such a value, which is AWS' own", "name it otherwise")
        if not 0 < len(key) <= TAG_KEY_LIMIT or len(value) > TAG_VALUE_LIMIT:
            yield _problem(
                f"tag {key[:20]!r} is too long, or empty",
                f"ECS takes keys of {TAG_KEY_LIMIT} and values of {TAG_VALUE_LIMIT} characters",
            )
