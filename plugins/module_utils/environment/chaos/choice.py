# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The experiment that a call names; one that works on processes of this machine is refused on an account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.experiment import Experiment
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.missing_secret import (
    MissingSecret,
    secret_use,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.paused_aws import PausedAws
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.service_under_test import ServiceUnderTest
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.task_end import (
    KILLED,
    TaskEnd,
    kill_process,
    stop_by_ecs,
)
from ansible_collections.gantry.ecs.plugins.module_utils.environment.chaos.two_deploys import TwoDeploys
from ansible_collections.gantry.ecs.plugins.module_utils.local_aws.plan import Settings
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.clusters import full_name
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem, ProblemError

STOP_TASK, KILL_TASK, MISSING_SECRET = "stop_task", "kill_task", "missing_secret"
TWO_DEPLOYS, PAUSED_AWS = "two_deploys", "paused_aws"
EXPERIMENTS = (STOP_TASK, KILL_TASK, MISSING_SECRET, TWO_DEPLOYS, PAUSED_AWS)
# They work on processes of this machine.
LOCAL_ALONE = frozenset({KILL_TASK, PAUSED_AWS})


class Setting(NamedTuple):
    """What an experiment works on.

    Attributes:
        project: first part of the system's names.
        environment: name of the environment.
        sections: the system's description.
        service: the service, by its name in the description; empty for the first one that has tasks.
        local_directory: directory of the embedded AWS; empty for an account.
        pause_s: seconds for which the embedded AWS stands still.
        clusters: what follows project and environment in the name of each cluster, by component.
    """

    project: str
    environment: str
    sections: Sections
    service: str
    local_directory: str
    pause_s: float
    clusters: Mapping[str, str]


def chosen(name: str, setting: Setting, client: Callable[[str], Any]) -> Experiment:
    """Return the experiment of a name.

    Args:
        name: one of `EXPERIMENTS`.
        setting: what it works on.
        client: returns a boto3 client of a service, such as "ecs".

    Raises:
        ProblemError: it needs a part that the system does not have, or this machine's processes on an account.
    """
    if name in LOCAL_ALONE and not setting.local_directory:
        raise ProblemError(
            Problem(
                "account",
                f"experiment {name} works on processes of this machine, and {setting.environment} is an account",
                "take stop_task, or AWS Fault Injection Service by observability.fault_injection",
            )
        )
    base = f"{setting.project}-{setting.environment}"
    if name == MISSING_SECRET:
        use = secret_use(setting.sections)
        if use is None:
            what = "no service or job needs a secret that the deploy creates"
            raise ProblemError(Problem("absent", what, "take another experiment"))
        services = [
            ServiceUnderTest(client, _cluster(setting, base, each), f"{base}-{each}")
            for each in setting.sections["services"]
        ]
        name = full_name(base, setting.clusters.get(use.cluster, ""))
        return MissingSecret(client, setting.project, setting.environment, name, use, lambda: _running(services))
    name_of_service = _service(setting)
    cluster = _cluster(setting, base, name_of_service)
    service = ServiceUnderTest(client, cluster, f"{base}-{name_of_service}")
    if name == STOP_TASK:
        return TaskEnd(service, stop_by_ecs(client("ecs"), cluster))
    if name == TWO_DEPLOYS:
        return TwoDeploys(service, client("ecs"))
    settings = _settings(setting)
    if name == KILL_TASK:
        return TaskEnd(service, kill_process(settings), KILLED)
    return PausedAws(service, settings, _url(setting, settings, client, service.described()), setting.pause_s)


def _cluster(setting: Setting, base: str, service: str) -> str:
    return full_name(base, setting.clusters.get(setting.sections["services"][service]["cluster"], ""))


def _running(services: list[ServiceUnderTest]) -> frozenset[str]:
    return frozenset(task for service in services for task in service.state().tasks)


def _service(setting: Setting) -> str:
    services = setting.sections["services"]
    if setting.service and setting.service not in services:
        raise ProblemError(
            Problem("absent", f"there is no service {setting.service}", f"take one of {', '.join(services)}")
        )
    found = [setting.service] if setting.service else [name for name, each in services.items() if each["desired_count"]]
    if not found:
        raise ProblemError(
            Problem("absent", "the system has no service with tasks", "take missing_secret, or add a service")
        )
    return found[0]


def _settings(setting: Setting) -> Settings:
    """Return the embedded AWS of a directory; its processes are known by the files there."""
    directory = Path(setting.local_directory).absolute()
    return Settings(port=0, directory=directory, python="", process_engine=Path(), log_level="warning")


def _url(setting: Setting, settings: Settings, client: Callable[[str], Any], service: Mapping[str, Any]) -> str:
    """Return the URL of a service's health check behind its load balancer; empty without a load balancer on HTTP."""
    target = setting.sections["services"][_service(setting)].get("load_balancer")
    groups = [each["targetGroupArn"] for each in service.get("loadBalancers", [])]
    if not target or not groups:
        return ""
    [group] = client("elbv2").describe_target_groups(TargetGroupArns=groups[:1])["TargetGroups"]
    names = {arn.split("/")[2] for arn in group.get("LoadBalancerArns", [])}
    listeners = setting.sections["load_balancers"][target["name"]]["listeners"]
    usable = [each for each in listeners.values() if "redirect_to" not in each]
    port = str((listeners[target["listener"]] if "listener" in target else usable[0])["port"])
    for name, known in settings.folder.load_balancers().items():
        if name in names and known["urls"].get(port, "").startswith("http:"):
            return known["urls"][port].rstrip("/") + target["health_check"]["path"]
    return ""
