# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the containers of a task: names, ports, variables, memory, directories and capacity providers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.task_definition import (
    TRACING,
    TRACING_MEMORY,
    derived_variables,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.data import value_from
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Container, Sections, Share, Workload

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-metadata.html
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
OF_ECS = (
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_REGION",
    "ECS_AGENT_URI",
    "ECS_CONTAINER_METADATA_URI",
    "ECS_CONTAINER_METADATA_URI_V4",
)
# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
FORMS: Mapping[str, str] = {
    "CMD": "remove it: the command is run as it is",
    "CMD-SHELL": "write the shell, such as [sh, -c, ...]",
}


def containers(at: Path, workload: Workload, sections: Sections, components: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with the containers of a service or a job.

    Args:
        at: path of the service or job, whose last key is the name of the main container.
        workload: the service or job.
        sections: the description.
        components: names of its components.
    """
    yield from _sidecars(at, workload)
    yield from _ports((*at, "ports"), workload["ports"])
    yield from _container(at, workload, sections, components, {*OF_ECS, *derived_variables(workload, sections)})
    yield from _scratch((*at, "scratch"), workload["scratch"], workload["mounts"])
    for name, sidecar in workload["sidecars"].items():
        where = (*at, "sidecars", name)
        yield from _container(where, sidecar, sections, components, OF_ECS)
        yield from _scratch((*where, "scratch"), sidecar["scratch"], {})


def capacity(at: Path, shares: Mapping[str, Share] | None) -> Iterator[Finding]:
    """Yield what ECS refuses of the shares of capacity providers.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
    """
    if shares is None:
        return
    if len([name for name, share in shares.items() if share["base"]]) > 1:
        yield Finding(at, "has two bases, and ECS takes one", "keep the base of one provider")
    if not any(share["weight"] for share in shares.values()):
        yield Finding(at, "has no weight above 0, so that ECS starts no task", "give one provider a weight")


def _sidecars(at: Path, workload: Workload) -> Iterator[Finding]:
    names, memory = workload["sidecars"], workload["memory"]
    for name in names:
        if name == at[-1]:
            yield Finding((*at, "sidecars", name), "has the name of the main container", "give it a name of its own")
        elif name == TRACING and TRACING in workload:
            yield Finding((*at, "sidecars", name), "has the name of the collector", "give it a name of its own")
    taken = sum(each.get("memory", 0) for each in names.values()) + (TRACING_MEMORY if TRACING in workload else 0)
    if taken >= memory:
        what = f"leave the main container no memory: they take {taken} MiB of {memory}"
        yield Finding((*at, "sidecars"), what, "raise memory of the task, or lower theirs")


def _ports(at: Path, ports: Mapping[str, int]) -> Iterator[Finding]:
    first: dict[int, str] = {}
    for name, port in ports.items():
        if port in first:
            yield Finding((*at, name), f"is {port}, which {first[port]} has, too", "take another port")
        first.setdefault(port, name)


def _container(
    at: Path, container: Container, sections: Sections, components: Collection[str], derived: Collection[str]
) -> Iterator[Finding]:
    if "image" not in container and "image" not in components:
        yield Finding(at, "has no image, and there is no component image", "add image")
    variables = [*(("environment", each) for each in container["environment"])]
    variables += [*(("secrets", each) for each in container["secrets"])]
    for section, variable in variables:
        if variable in derived:
            what = "is a variable that the task has anyway"
            yield Finding((*at, section, variable), what, "remove it, or take another name")
    for variable, text in container["secrets"].items():
        where = (*at, "secrets", variable)
        yield from value_from(where, text, sections)
        if variable in container["environment"]:
            yield Finding(where, "is in environment, too", "keep one of them")
    form = container["health_check"]["command"][0] if "health_check" in container else ""
    if form in FORMS:
        yield Finding((*at, "health_check", "command", 0), f"is {form}, which is no part of it", FORMS[form])


def _scratch(at: Path, scratch: Collection[str], mounts: Collection[str]) -> Iterator[Finding]:
    mounted = {path.rstrip("/") for path in mounts}
    for number, path in enumerate(scratch):
        if path.rstrip("/") in mounted:
            yield Finding((*at, number), f"is {path}, where another volume is", "keep one of them")
        mounted.add(path.rstrip("/"))
