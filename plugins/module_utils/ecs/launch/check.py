# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks before a launch: whether cluster and task definition fit the parameters, and what tasks need around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

from ansible_collections.gantry.ecs.plugins.module_utils.aws.errors import explain
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.follow.log_location import log_notice
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.parameters import FARGATE_PROVIDERS, RequestError
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.request import environment_container, run_request
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.launch.subnets import check_network
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.tokens import TOKEN_VARIABLE, token_value
from ansible_collections.gantry.ecs.plugins.module_utils.images.check import check_image
from ansible_collections.gantry.ecs.plugins.module_utils.text.findings import Findings
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

CONTAINER_OPTIONS = ("log_container", "exit_container")


class Surroundings(NamedTuple):
    """The result of ``check_surroundings``: the existing resources, and the warnings."""

    checked: list[str]
    warnings: list[Problem]


def check_target(ecs: Any, params: Mapping[str, Any]) -> dict[str, Any]:
    """Check that the cluster and the task definition are there and fit the parameters; changes nothing.

    Args:
        ecs: a boto3 ECS client.
        params: the module's parameters.

    Returns:
        The task definition, as DescribeTaskDefinition returns it.

    Raises:
        RequestError: with one problem for each mismatch.
        botocore.exceptions.BotoCoreError, ClientError: ECS refused, was out of reach, or does not know the task
            definition.
    """
    clusters = ecs.describe_clusters(clusters=[params["cluster"]])["clusters"]
    if not clusters or clusters[0].get("status", "ACTIVE") != "ACTIVE":
        found = f"is {clusters[0]['status']}" if clusters else "does not exist"
        raise RequestError(
            Problem(
                "target", f"cluster {params['cluster']} {found}", "deploy it first, or check its name and the region"
            )
        )
    answer = ecs.describe_task_definition(taskDefinition=params["task_definition"])
    definition: dict[str, Any] = answer["taskDefinition"]
    problems = [*_definition_problems(definition, params), *_capacity_problems(clusters[0], definition, params)]
    if problems:
        raise RequestError(*problems)
    _check_request(definition, params)
    return definition


def _definition_problems(definition: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[Problem]:
    name = f"task definition {params['task_definition']}"
    if definition.get("status", "ACTIVE") != "ACTIVE":
        yield Problem("target", f"{name} is {definition['status']}", "register it again, or name another revision")
    yield from name_problems(definition, params)
    overrides = params.get("overrides") or {}
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking.html
    needs_network, has_network = definition.get("networkMode") == "awsvpc", bool(params.get("network_configuration"))
    if needs_network and not has_network:
        yield Problem("target", f"{name} has network mode awsvpc", "give network_configuration with subnets")
    if has_network and not needs_network:
        mode = definition.get("networkMode") or "bridge"
        yield Problem("target", f"{name} has network mode {mode}, which takes none", "leave network_configuration out")
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
    has_role = definition.get("taskRoleArn") or overrides.get("task_role_arn")
    if params.get("enable_execute_command") and not has_role:
        yield Problem(
            "target", f"enable_execute_command needs a task role, {name} has none", "give overrides task_role_arn"
        )


def name_problems(definition: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each container that the parameters name and the task definition does not have.

    Args:
        definition: the task definition, as DescribeTaskDefinition returns it.
        params: the module's parameters.
    """
    known = [one["name"] for one in definition["containerDefinitions"]]
    overridden = [one["name"] for one in (params.get("overrides") or {}).get("containers") or []]
    wanted = {"overrides name": overridden}
    wanted |= {f"{option} is": [params[option]] for option in CONTAINER_OPTIONS if params.get(option)}
    name = params.get("task_definition") or definition.get("taskDefinitionArn", "").rpartition("/")[2]
    for what, names in wanted.items():
        if missing := [one for one in names if one not in known]:
            yield Problem(
                "target", f"{what} {', '.join(missing)}, task definition {name} has {', '.join(known)}", "fix the name"
            )


def _capacity_problems(
    cluster: Mapping[str, Any], definition: Mapping[str, Any], params: Mapping[str, Any]
) -> Iterator[Problem]:
    strategy = [one["capacity_provider"] for one in params.get("capacity_provider_strategy") or []]
    providers = cluster.get("capacityProviders")
    if providers is not None and (missing := [one for one in strategy if one not in providers]):
        # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html
        yield Problem(
            "target",
            f"cluster {params['cluster']} has no capacity provider {', '.join(missing)}, "
            f"but {', '.join(providers) or 'none'}",
            "add it to the cluster, or choose one of these",
        )
    if not strategy:
        launch_type = params.get("launch_type") or "FARGATE"
    elif FARGATE_PROVIDERS.issuperset(strategy):
        launch_type = "FARGATE"
    else:
        return
    fitting = {*definition.get("requiresCompatibilities", []), *definition.get("compatibilities", [])}
    if fitting and launch_type not in fitting:
        yield Problem(
            "target",
            f"task definition {params['task_definition']} is for {', '.join(sorted(fitting))}, not for {launch_type}",
            "fix launch_type, or requiresCompatibilities of the task definition",
        )


def _check_request(definition: Mapping[str, Any], params: Mapping[str, Any]) -> None:
    """Build the longest request of the launch, so that no later one turns out to be too long."""
    count = int(params["count"])
    environment = {TOKEN_VARIABLE: token_value(params.get("client_token") or "x" * 36, count, 99)}
    if params.get("index_variable"):
        environment[params["index_variable"]] = f"{count}/{count}"
    run_request(
        params,
        count=1,
        client_token="x",
        started_by="x",
        container=environment_container(params, definition),
        environment=environment,
    )


def check_surroundings(
    client: Callable[[str], Any], definition: Mapping[str, Any], params: Mapping[str, Any]
) -> Surroundings:
    """Check that what the tasks need is there: subnets, security groups, images of ECR, log groups; changes nothing.

    Args:
        client: gives a boto3 client of a service, such as "ec2".
        definition: the task definition, as DescribeTaskDefinition returns it.
        params: the module's parameters.

    Returns:
        What was found; the warnings name what the caller may not look at.

    Raises:
        RequestError: with one problem for each missing resource.
    """
    findings = Findings()

    def look(what: str, service: str, check: Callable[..., None], *arguments: Any) -> None:
        try:
            check(client(service), *arguments, findings)
        except (BotoCoreError, ClientError) as error:
            findings.warnings.append(explain(error, "not checked", what))

    containers = definition["containerDefinitions"]
    if network := params.get("network_configuration"):
        look("subnets and security groups", "ec2", check_network, network, params["count"])
    for image in dict.fromkeys(one["image"] for one in containers):
        look(f"image {image}", "ecr", check_image, image)
    for group, region in dict.fromkeys(_log_groups(containers)):
        look(f"log group {group}", "logs", _check_log_group, group, region)
    if notice := log_notice(definition, params):
        findings.warnings.append(notice)
    if findings.problems:
        raise RequestError(*findings.problems)
    return Surroundings(findings.checked, findings.warnings)


def _log_groups(containers: list[Mapping[str, Any]]) -> Iterator[tuple[str, str | None]]:
    """Name the log groups that have to be there, with their regions."""
    for one in containers:
        configuration = one.get("logConfiguration") or {}
        options = configuration.get("options") or {}
        is_made = str(options.get("awslogs-create-group")).lower() == "true"
        if configuration.get("logDriver") == "awslogs" and options.get("awslogs-group") and not is_made:
            yield options["awslogs-group"], options.get("awslogs-region")


def _check_log_group(logs: Any, group: str, region: str | None, findings: Findings) -> None:
    """Look for a log group: without it no task starts.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html
    """
    if region and region != logs.meta.region_name:
        findings.not_checked(f"log group {group} is in {region}, not in {logs.meta.region_name}")
        return
    # The names come in order, so that the group itself is the first of those that begin with its name.
    answer = logs.describe_log_groups(logGroupNamePrefix=group, limit=1)
    if group in [one["logGroupName"] for one in answer["logGroups"]]:
        findings.checked.append(f"log group {group}")
    else:
        findings.problems.append(
            Problem("target", f"log group {group} does not exist", "create it, or set awslogs-create-group")
        )
