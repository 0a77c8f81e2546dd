# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call requests of ECS, and what it then waits for: checks and decisions without calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.observation import (
    ACTIVE,
    ENDED_BADLY,
    ROLLED_BACK,
    ROLLING_BACK,
    SUCCESSFUL,
    UNDER_WAY,
    Deployment,
)
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.progress import Goal
from ansible_collections.gantry.ecs.plugins.module_utils.ecs.service.rollout import (
    family_of,
    revision_number,
    short_name,
)
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

# The count before a stop; UpdateService keeps no other trace of it.
COUNT_TAG = "gantry.ecs/desired-count"
BACK = ROLLING_BACK | ROLLED_BACK
NOT_FOLLOWED = {
    "CODE_DEPLOY": "deploy it with CodeDeploy, or change its deployment controller to ECS",
    "EXTERNAL": "deploy it with the controller that owns its task sets",
}
_problem = partial(Problem, "parameter")


class ServiceRequestError(ProblemError):
    """The service, or the options, do not allow the request."""


@dataclass(frozen=True)
class Plan:
    """What a call does.

    Attributes:
        goal: what it waits for.
        update: options of UpdateService; empty for no call.
        stops: ARN of the service deployment that is rolled back by StopServiceDeployment; empty for none.
        keeps_count: the count to write into the tag before the update; None for none.
        drops_count: whether to remove the tag after the update.
        lines: what it changes, for people.
        warnings: for people.
    """

    goal: Goal
    update: Mapping[str, Any] = field(default_factory=dict)
    stops: str = ""
    keeps_count: int | None = None
    drops_count: bool = False
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether it changes something."""
        return bool(self.update or self.stops)


def parameter_problems(params: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield a problem for each option that does not fit.

    Args:
        params: the module's parameters, with their defaults.
    """
    for name in ("wait_timeout", "fail_early"):
        if params[name] < 0:
            yield _problem(f"{name} is {params[name]}", "give a number from 0")
    if params["desired_count"] is not None and params["desired_count"] < 0:
        yield _problem(f"desired_count is {params['desired_count']}", "give a number from 0")
    if params["state"] != "deployed":
        for name in ("stack_name", "deployment", "force_new_deployment", "pause_action"):
            if params[name]:
                yield _problem(
                    f"{name} is given with state {params['state']}", f"leave {name} out, or use state deployed"
                )
    if params["state"] == "stopped":
        for name in ("task_definition", "desired_count"):
            if params[name] not in (None, ""):
                yield _problem(f"{name} is given with state stopped", f"leave {name} out, or use another state")
    for source in ("stack_name", "deployment"):
        for name in ("desired_count", "force_new_deployment"):
            if params[source] and params[name] not in (None, False):
                what = f"{name} is given with {source}, with which this call requests nothing"
                yield _problem(what, "leave one of them out")


def service_problem(service: Mapping[str, Any], name: str, cluster: str) -> Problem | None:
    """Return why a service cannot be deployed or followed; None where it can.

    Args:
        service: as DescribeServices returns it; empty where it does not exist.
        name: of the service.
        cluster: of the cluster.
    """
    subject = f"service {name} of cluster {cluster}"
    if not service:
        return Problem("absent", f"{subject} does not exist", "deploy it first, or check its name and the region")
    if service.get("status", ACTIVE) != ACTIVE:
        return Problem("absent", f"{subject} is {service['status']}", "deploy it again")
    controller = (service.get("deploymentController") or {}).get("type", "ECS")
    if controller in NOT_FOLLOWED:
        return Problem("controller", f"{subject} has deployment controller {controller}", NOT_FOLLOWED[controller])
    return None


def definition_problem(definition: Mapping[str, Any], service: Mapping[str, Any]) -> Problem | None:
    """Return why a task definition cannot be deployed to a service; None where it can.

    Args:
        definition: as DescribeTaskDefinition returns it.
        service: as DescribeServices returns it.
    """
    arn, runs = str(definition["taskDefinitionArn"]), str(service.get("taskDefinition") or "")
    if runs and family_of(arn) != family_of(runs):
        return Problem(
            "family",
            f"task definition {short_name(arn)} is of another family than {short_name(runs)}, which service "
            f"{service.get('serviceName')} has",
            f"name a revision of family {family_of(runs)}",
        )
    if arn != runs and definition.get("status", ACTIVE) != ACTIVE:
        return Problem(
            "inactive",
            f"task definition {short_name(arn)} is {definition['status']}",
            "register it again; in a template UpdateReplacePolicy: Retain keeps earlier revisions active",
        )
    return None


def deploy_plan(
    service: Mapping[str, Any], newest: Deployment | None, definition: str, params: Mapping[str, Any]
) -> Plan:
    """Return what to request so that a task definition and a count run.

    Args:
        service: as DescribeServices returns it, with its tags.
        newest: its newest deployment; None where it has none.
        definition: ARN of the requested task definition; empty for that of the newest deployment.
        params: the module's parameters.
    """
    name, runs = str(service["serviceName"]), str(service.get("taskDefinition") or "")
    count, warnings, is_restored = _count(service, params)
    update: dict[str, Any] = {}
    lines = []
    is_of_definition = newest is not None and definition in ("", newest.task_definition)
    if params["deployment"]:
        goal = Goal(name, definition, None, params["fail_early"])
        return Plan(goal, warnings=tuple(warnings))
    if definition and definition != runs:
        update["taskDefinition"] = definition
        lines.append(f"{short_name(definition)} instead of {short_name(runs)}")
    has_failed = bool(definition and newest and is_of_definition and newest.status in ENDED_BADLY)
    if params["force_new_deployment"] or (has_failed and "taskDefinition" not in update):
        update["forceNewDeployment"] = True
        lines.append(f"a new deployment of {short_name(definition or runs)}")
    if count is not None and count != service.get("desiredCount"):
        update["desiredCount"] = count
        lines.append(f"{count} task(s) instead of {service.get('desiredCount')}")
    starts = "taskDefinition" in update or "forceNewDeployment" in update
    # What a rollback has brought back is what was requested.
    is_rollback = bool(not starts and newest and newest.status in BACK and newest.source == definition)
    goal = Goal(
        service=name,
        task_definition=definition or (runs if starts else ""),
        desired_count=count,
        fail_early=params["fail_early"],
        earlier=newest.arn if starts and newest else "",
        is_rollback=is_rollback,
        is_past=bool(is_rollback and newest and newest.status in ROLLED_BACK),
    )
    return Plan(goal, update, drops_count=is_restored, lines=tuple(lines), warnings=tuple(warnings))


def stop_plan(service: Mapping[str, Any]) -> Plan:
    """Return what to request so that a service has no tasks.

    Args:
        service: as DescribeServices returns it.
    """
    desired, goal = service.get("desiredCount", 0), Goal(str(service["serviceName"]), is_stop=True)
    if not desired:
        return Plan(goal)
    return Plan(goal, {"desiredCount": 0}, keeps_count=desired, lines=(f"0 task(s) instead of {desired}",))


def rollback_plan(
    service: Mapping[str, Any], newest: Deployment | None, earlier: Sequence[str], params: Mapping[str, Any]
) -> Plan:
    """Return what to request so that the revision before runs.

    Args:
        service: as DescribeServices returns it.
        newest: its newest deployment; None where it has none.
        earlier: ARNs of task definitions that were deployed or registered before, the newest first.
        params: the module's parameters.

    Raises:
        ServiceRequestError: there is no revision before.
    """
    name, runs = str(service["serviceName"]), str(service.get("taskDefinition") or "")
    count = params["desired_count"]
    goal = Goal(name, runs, count, params["fail_early"], is_rollback=True)
    more = {} if count in (None, service.get("desiredCount")) else {"desiredCount": count}
    if newest and newest.source and newest.source != newest.task_definition:
        is_back = revision_number(newest.task_definition) < revision_number(newest.source)
        if newest.status in UNDER_WAY and newest.can_be_stopped and not is_back:
            goal = Goal(name, newest.source, count, 0, is_rollback=True)
            is_requested = newest.status.startswith("ROLLBACK")
            lines = () if is_requested else (f"{short_name(newest.source)} instead of {short_name(runs)}",)
            return Plan(goal, more, stops="" if is_requested else newest.arn, lines=lines)
        if newest.status in ROLLED_BACK:
            return Plan(Goal(name, newest.source, count, 0, is_rollback=True, is_past=True), more)
        if newest.can_be_stopped and newest.status in UNDER_WAY | {SUCCESSFUL} and is_back:
            return Plan(goal, more)
    source = [newest.source] if newest and newest.source else []
    candidates = [arn for arn in (*source, *earlier) if arn != runs and family_of(arn) == family_of(runs)]
    found = next((arn for arn in candidates if revision_number(arn) < revision_number(runs)), "")
    if not found:
        raise ServiceRequestError(
            Problem(
                "no_revision",
                f"service {name} has no revision before {short_name(runs)}",
                "name the task definition to deploy: task_definition",
            )
        )
    goal = Goal(name, found, count, params["fail_early"], earlier=newest.arn if newest else "")
    lines = (f"{short_name(found)} instead of {short_name(runs)}",)
    return Plan(goal, {"taskDefinition": found, **more}, lines=lines)


def _count(service: Mapping[str, Any], params: Mapping[str, Any]) -> tuple[int | None, list[str], bool]:
    """Return the count to request, warnings, and whether the count is that of the tag."""
    kept = next((one.get("value") for one in service.get("tags") or [] if one.get("key") == COUNT_TAG), None)
    if params["desired_count"] is not None:
        return params["desired_count"], [], kept is not None
    if service.get("desiredCount") or params["deployment"]:
        return None, [], False
    if kept and str(kept).isdigit():
        return int(kept), [], True
    return None, ["the service wants 0 tasks, so that nothing runs -> give desired_count"], False
