# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a schema cannot say of a description: names that have to exist, and values that have to go together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import floor
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.estimate.fargate import run_cost
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules import connect
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.automation import (
    job_queue,
    queue_names,
    schedule,
    workers,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.containers import capacity, containers
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.data import data, use
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path, unknown
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.names import same_ids, same_rules, too_long
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.network import network
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.references import forms, known_outputs
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.setup import setup
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    LOAD_BALANCER,
    Deployment,
    Job,
    Scaling,
    Sections,
    Service,
    Workload,
    container_jobs,
)

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html: MiB by CPU units.
MEMORY: Mapping[int, Sequence[int]] = {
    256: (512, 1024, 2048),
    512: range(1024, 4096 + 1, 1024),
    1024: range(2048, 8192 + 1, 1024),
    2048: range(4096, 16384 + 1, 1024),
    4096: range(8192, 30720 + 1, 1024),
    8192: range(16384, 61440 + 1, 4096),
    16384: range(32768, 122880 + 1, 8192),
}
# CloudFormation's limit of a deployment, and ECS's defaults that count in it; minutes.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ecs-service-linearconfiguration.html
LONGEST_DEPLOYMENT = 33 * 60
BAKE_TIME, STEP_BAKE_TIME, CANARY_BAKE_TIME = 15, 6, 10
STEP_PERCENT = 10.0
STRATEGIES: Mapping[str, Sequence[str]] = {
    "step_percent": ("LINEAR",),
    "step_bake_time": ("LINEAR",),
    "canary_percent": ("CANARY",),
    "canary_bake_time": ("CANARY",),
    "pause": ("BLUE_GREEN", "LINEAR", "CANARY"),
}


def check(sections: Sections, components: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Return what is wrong with a description that its schema accepts.

    Args:
        sections: the description's sections, with the defaults filled in.
        components: its components, with their defaults.
    """
    found = [*_findings(sections, components), *same_ids(sections, components)]
    # These render the description, which has to be valid.
    for rule in (same_rules, too_long, known_outputs):
        found = found or list(rule(sections, components))
    return found


def deployment_minutes(deployment: Deployment) -> float:
    """Return the minutes that a deployment takes at least: its bake times and, where it is linear, those of its steps.

    The number of steps is that of CloudFormation's documentation of LinearConfiguration.
    """
    strategy = deployment["strategy"]
    bake = deployment.get("bake_time", 0 if strategy == "ROLLING" else BAKE_TIME)
    if strategy == "CANARY":
        return bake + deployment.get("canary_bake_time", CANARY_BAKE_TIME)
    if strategy == "LINEAR":
        steps = 100 / deployment.get("step_percent", STEP_PERCENT)
        waits = steps - 1 if steps == int(steps) else floor(steps)
        return bake + waits * deployment.get("step_bake_time", STEP_BAKE_TIME)
    return bake


def _findings(sections: Sections, components: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    for name, component in components.items():
        if component["kind"] == "stack" and "_" in name:
            remedy = f"write {name.replace('_', '-')}, and role: {component.get('role', name)}"
            yield Finding(("components", name), "has a name with _, which no stack takes", remedy)
    for needed in ("network", *({"cluster"} & connect.needed_clusters(sections))):
        if needed not in components and _is_rendered(sections):
            yield Finding(("components",), f"lacks {needed}, which services and jobs need", f"add it: {needed}: {{}}")
    yield from data(sections)
    yield from network(sections)
    for name, service in sections["services"].items():
        yield from _workload(("services", name), service, sections, components)
        yield from _service(("services", name), service, sections)
    for name, job in sections["jobs"].items():
        if name in sections["services"]:
            yield Finding(("jobs", name), "has the name of a service", "give it a name of its own")
        if "role" not in job:
            if "_" in name:
                yield Finding(("jobs", name), "has a name with _, which no stack takes", "write a hyphen")
            yield from _workload(("jobs", name), job, sections, components)
            yield from _job(("jobs", name), job, sections)
        elif "schedule" in job:
            yield Finding(("jobs", name, "schedule"), "is that of a role, which no schedule runs", "remove it")
    yield from connect.clusters(sections, components)
    yield from connect.same_arguments(sections, components)
    yield from connect.names(sections)
    yield from connect.calls_of_jobs(sections)
    yield from queue_names(sections)
    yield from workers(sections)
    yield from forms(sections)
    yield from setup(sections)
    yield from _limits(sections)


def _is_rendered(sections: Sections) -> bool:
    named = ("services", "load_balancers", "file_systems", "databases")
    return any(sections[name] for name in named) or bool(container_jobs(sections))  # type: ignore[literal-required]


def _workload(at: Path, workload: Workload, sections: Sections, components: Collection[str]) -> Iterator[Finding]:
    cpu, memory = workload["cpu"], workload["memory"]
    if memory not in MEMORY[cpu]:
        what = f"is {memory} with cpu {cpu}, which Fargate does not pair"
        yield Finding((*at, "memory"), what, f"take {_choice(MEMORY[cpu])}")
    for path, name in workload["mounts"].items():
        yield from unknown((*at, "mounts", path), name, sections["file_systems"], "file system", "file_systems")
    yield from containers(at, workload, sections, components)
    for number, called in enumerate(workload["calls"]):
        yield from _call((*at, "calls", number), called, sections)
    for name, words in workload["uses"].items():
        yield from use((*at, "uses", name), words, sections, components)


def _call(at: Path, called: str, sections: Sections) -> Iterator[Finding]:
    if called.startswith(LOAD_BALANCER):
        name = called.removeprefix(LOAD_BALANCER)
        yield from unknown(at, name, sections["load_balancers"], "load balancer", "load_balancers")
    elif called not in sections["services"]:
        yield from unknown(at, called, sections["services"], "service", "services")
    elif not sections["services"][called]["ports"]:
        yield Finding(at, f"is {called}, which has no port", f"add one: services.{called}.ports")


def _service(at: Path, service: Service, sections: Sections) -> Iterator[Finding]:
    yield from capacity((*at, "capacity_providers"), service.get("capacity_providers"))
    if "scaling" in service:
        yield from _scaling((*at, "scaling"), service["scaling"], service, sections)
    yield from _deployment((*at, "deployment"), service["deployment"], service)


def _scaling(at: Path, scaling: Scaling, service: Service, sections: Sections) -> Iterator[Finding]:
    policies = [key for key in ("cpu", "memory", "requests_per_target", "backlog") if key in scaling]
    if not policies:
        yield Finding(at, "has no policy", "add cpu, memory, requests_per_target or backlog")
    if scaling["min"] > scaling["max"]:
        yield Finding((*at, "min"), f"is {scaling['min']}, more than max", f"take {scaling['max']} at most")
    if "requests_per_target" in scaling and "load_balancer" not in service:
        yield Finding((*at, "requests_per_target"), "needs a load balancer", "add load_balancer to the service")
    if "backlog" in scaling:
        queue = scaling["backlog"]["queue"]
        yield from unknown((*at, "backlog", "queue"), queue, sections["queues"], "queue", "queues")
        if len(policies) > 1:
            what = f"stands beside {policies[0]}, and one policy undoes what the other does"
            yield Finding((*at, "backlog"), what, "keep one of them")
    elif scaling["min"] == 0:
        yield Finding((*at, "min"), "is 0, from which only a backlog brings a task back", "take 1, or add backlog")


def _deployment(at: Path, deployment: Deployment, service: Service) -> Iterator[Finding]:
    strategy, has_targets = deployment["strategy"], "load_balancer" in service
    for key, strategies in STRATEGIES.items():
        if key in deployment and strategy not in strategies:
            remedy = f"remove it, or take strategy {' or '.join(strategies)}"
            yield Finding((*at, key), f"has no effect with strategy {strategy}", remedy)
    if strategy in ("LINEAR", "CANARY") and not has_targets:
        what = f"is {strategy}, and there is no traffic to shift"
        yield Finding((*at, "strategy"), what, "add load_balancer to the service, or take ROLLING")
    if deployment["minimum_healthy_percent"] == deployment["maximum_percent"]:
        what = "is minimum_healthy_percent, so that no task can be replaced"
        yield Finding((*at, "maximum_percent"), what, "raise it, or lower minimum_healthy_percent")
    minutes = deployment_minutes(deployment)
    if minutes > LONGEST_DEPLOYMENT:
        what = f"takes {minutes:g} minutes at least, and CloudFormation waits for {LONGEST_DEPLOYMENT}"
        yield Finding(at, what, "shorten the bake times, or take larger steps")
    for number, kind in enumerate(deployment.get("alarms", [])):
        where = (*at, "alarms", number)
        if kind in ("errors", "unhealthy", "latency") and not has_targets:
            yield Finding(where, f"is {kind}, which needs a load balancer", "remove it, or add load_balancer")
        elif kind == "latency" and "latency" not in service["alarms"]:
            yield Finding(where, "is latency, which has no limit", "set alarms.latency of the service")


def _job(at: Path, job: Job, sections: Sections) -> Iterator[Finding]:
    yield from capacity((*at, "capacity_providers"), job.get("capacity_providers"))
    for name, parameter in job["parameters"].items():
        where = (*at, "parameters", name)
        if parameter["required"] and "default" in parameter:
            yield Finding(where, "is required and has a default", "keep one of them")
        choice = parameter.get("one_of")
        if choice and "default" in parameter and parameter["default"] not in choice:
            yield Finding((*where, "default"), f"is {parameter['default']!r}", f"take one of {', '.join(choice)}")
    if "schedule" in job:
        yield from schedule(at, job["schedule"], job, sections["queues"])
    queue = job.get("queue")
    if queue is None:
        return
    yield from job_queue((*at, "queue"), queue, job)
    yield from unknown((*at, "queue", "name"), queue["name"], sections["queues"], "queue", "queues")
    if "parameter" in queue:
        where = (*at, "queue", "parameter")
        yield from unknown(where, queue["parameter"], job["parameters"], "parameter of the job", "parameters")
    found = sections["queues"].get(queue["name"])
    if found and found["visibility_timeout"] <= job["timeout"]:
        what = f"is {found['visibility_timeout']}, and a run of job {at[-1]} may take {job['timeout']} seconds"
        remedy = f"take more than {job['timeout']}, so that no message is handled twice"
        yield Finding(("queues", queue["name"], "visibility_timeout"), what, remedy)


def _limits(sections: Sections) -> Iterator[Finding]:
    most = sections["limits"].get("max_tasks")
    counts = [
        *(
            service["scaling"]["max"] if "scaling" in service else service["desired_count"]
            for service in sections["services"].values()
        ),
        *(job["queue"]["max_running"] if "queue" in job else 1 for job in sections["jobs"].values()),
    ]
    if most is not None and sum(counts) > most:
        what = f"is {most}, and services and jobs may have {sum(counts)} tasks at the same time"
        yield Finding(("limits", "max_tasks"), what, "raise it, or lower scaling.max, desired_count or max_running")
    limit = sections["limits"].get("max_run_usd")
    for name, job in container_jobs(sections).items():
        if limit is not None and run_cost(job) > limit:
            what = f"is {limit}, and a run of job {name} may cost ${run_cost(job):.4f}"
            yield Finding(("limits", "max_run_usd"), what, f"raise it, or lower timeout, cpu or memory of job {name}")


def _choice(values: Sequence[int]) -> str:
    if isinstance(values, range):
        return f"{values[0]} to {values[-1]} in steps of {values.step}"
    return ", ".join(map(str, values))
