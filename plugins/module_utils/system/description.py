# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A system's description as values: its components, what each takes from the others, and the jobs that run in it.

Components are those that the description lists, and a stack for each of its other sections, whose template is rendered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple, cast

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.scaling import owns_count
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import with_workers
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.parameters import (
    given,
    needed_outputs,
    taken,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.queues import QUEUES
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import PARAMETERS
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import group_of
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.stacks import (
    ignored_drift,
    job_component,
    service_component,
    stacks,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    Rendered,
    cluster_name,
    logical_id,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.clusters import (
    cluster_arguments,
    cluster_names,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.names import rendered_from
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Job as JobSection
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections, container_jobs
from ansible_collections.gantry.ecs.plugins.module_utils.text.problem import Problem

OPTIONAL = "?"
# The role that runs a job whose task is in the description.
JOB_ROLE = "job"


class DescriptionError(Exception):
    """A description is not valid.

    Attributes:
        finding: what is wrong with it.
        problem: the same, in words that name the keys.
    """

    def __init__(self, path: Path, what: str, remedy: str) -> None:
        self.finding = Finding(path, what, remedy)
        self.problem = Problem("description", f"{self.finding.keys} {what}".strip(), remedy)
        super().__init__(self.problem.line())


class Reference(NamedTuple):
    """An output of a component, as ``table.TableName``; one with a ``?`` may be missing and is empty then."""

    component: str
    output: str
    is_optional: bool

    @property
    def text(self) -> str:
        """The output as a description names it, such as table.TableName."""
        return f"{self.component}.{self.output}"


@dataclass(frozen=True)
class Taker:
    """What a role does in a system, with what it takes from the components.

    Attributes:
        name: its name.
        role: the role, without the collection's name.
        takes: arguments of the role that are outputs of components.
    """

    name: str
    role: str
    takes: Mapping[str, Reference]

    @property
    def needs(self) -> set[str]:
        """Names of the components whose outputs it takes."""
        return {reference.component for reference in self.takes.values()}


@dataclass(frozen=True)
class Component(Taker):
    """A part of a system that a deploy applies; the name of its stack ends in its name.

    Attributes:
        is_stack: whether it is a CloudFormation stack; other components are roles that run between stacks.
        arguments: arguments of the role that the description states.
        gives: outputs of a component that is no stack: facts of its role, by the output's name.
        previews: what stands for an output in check mode while the component does not exist.
        rendered: its template, where that is rendered from the description; ``takes`` are parameters of it then.
    """

    is_stack: bool
    arguments: Mapping[str, Any]
    gives: Mapping[str, str]
    previews: Mapping[str, Any]
    rendered: Rendered | None = None

    @property
    def needs(self) -> set[str]:
        """Names of the components that are deployed before it."""
        return super().needs | set(self.rendered.after if self.rendered else ())


class Job(Taker):
    """A run in a deployed system."""


@dataclass(frozen=True)
class System:
    """A system.

    Attributes:
        name: its name, that of its directory under ``systems/``.
        project: the start of the names of its stacks, unless the inventory says otherwise.
        components: by name, in the order of the description.
        jobs: by name.
        ignored_drift: differences from the templates that are no drift, as logical id and path of the property.
        services: names of the ECS services, without project and environment, by component.
        counts: number of tasks of each ECS service by its name, where Application Auto Scaling does not own it.
        clusters: what follows project and environment in the name of a cluster, by component; empty for nothing.
        cluster_of: the same for the cluster of each service, and of each job that is a task, by their names.
    """

    name: str
    project: str
    components: Mapping[str, Component]
    jobs: Mapping[str, Job]
    ignored_drift: Sequence[str]
    services: Mapping[str, str]
    counts: Mapping[str, int]
    clusters: Mapping[str, str]
    cluster_of: Mapping[str, str]


def parse(document: Mapping[str, Any]) -> System:
    """Return the system of a description.

    Args:
        document: the description, checked against its schema, with the defaults filled in.

    Raises:
        DescriptionError: a component takes from one that does not exist, or components need each other in a circle.
    """
    sections = with_workers(cast(Sections, {key: document[key] for key in Sections.__annotations__ if key in document}))
    name = str(document["name"])
    derived = cluster_arguments(sections, document["components"])
    listed = {
        each: _component(each, section, derived.get(each, {})) for each, section in document["components"].items()
    }
    rendered = {each: _rendered(each, one) for each, one in stacks(name, sections).items()}
    for each in listed.keys() & rendered.keys():
        raise DescriptionError(("components", each), "has the name of a rendered stack", "give it another name")
    components = {**listed, **rendered, **_secure_parameters(sections, listed)}
    jobs = {each: _job(each, job) for each, job in sections["jobs"].items()}
    for path, takes in _all_takes(listed.values(), jobs.values()):
        for argument, reference in takes.items():
            _check_reference(components, (*path, "takes", argument), f"takes {reference.text}", reference)
    for each, path in rendered_from(sections, rendered).items():
        for reference in components[each].takes.values():
            _check_reference(components, path, f"needs {reference.text}", reference)
    for each in sections["parameters"]:
        for output in needed_outputs(each, sections):
            reference = _reference(output.reference, ("parameters", each))
            _check_reference(components, ("parameters", each), f"needs {reference.text}", reference)
    _check_order(components)
    services = {service_component(each): each for each in sections["services"]}
    counts = {
        each: service["desired_count"]
        for each, service in sections["services"].items()
        if not owns_count(service, sections["limits"])
    }
    clusters = cluster_names(document["components"])
    workloads = {**sections["services"], **container_jobs(sections)}
    return System(
        name=name,
        project=str(document["project"]),
        components=components,
        jobs=jobs,
        ignored_drift=ignored_drift(sections),
        services=services,
        counts=counts,
        clusters=clusters,
        cluster_of={each: clusters.get(workload["cluster"], "") for each, workload in workloads.items()},
    )


def _component(name: str, section: Mapping[str, Any], derived: Mapping[str, Any]) -> Component:
    path: Path = ("components", name)
    is_stack = section["kind"] == "stack"
    gives = section.get("gives", {})
    if is_stack and gives:
        raise DescriptionError((*path, "gives"), "is set for a stack", "remove it: a stack gives its outputs")
    return Component(
        name=name,
        role=section.get("role", name),
        is_stack=is_stack,
        takes=_takes(section.get("takes", {}), path),
        arguments={**derived, **section.get("arguments", {})},
        gives=gives,
        previews=section.get("previews", {}),
    )


def _rendered(name: str, rendered: Rendered) -> Component:
    takes = _takes(rendered.takes, (name,))
    return Component(
        name=name, role="stack", takes=takes, is_stack=True, arguments={}, gives={}, previews={}, rendered=rendered
    )


def _secure_parameters(sections: Sections, listed: Collection[str]) -> dict[str, Component]:
    """Return the component that puts the SSM parameters; none where the description has no parameters."""
    if not sections["parameters"]:
        return {}
    if PARAMETERS in listed:
        what = "has the name of the component that puts the section parameters"
        raise DescriptionError(("components", PARAMETERS), what, "give it another name")
    takes = _takes(taken(sections), (PARAMETERS,))
    component = Component(PARAMETERS, PARAMETERS, takes, False, {}, given(sections), {})
    return {PARAMETERS: component}


def _job(name: str, section: JobSection) -> Job:
    path: Path = ("jobs", name)
    if "role" in section:
        return Job(name, section["role"], _takes(section.get("takes", {}), path))
    own = job_component(name)
    takes = {
        "job_cluster": cluster_name(section["cluster"]).reference,
        "job_task_definition": f"{own}.TaskDefinitionArn",
        "job_container": f"{own}.ContainerName",
        "job_subnets": "network.PrivateSubnetIds",
        "job_security_group": group_of("job", name).reference,
    }
    if "queue" in section:
        takes["job_queue_url"] = f"{QUEUES}.{logical_id(section['queue']['name'])}QueueUrl"
    return Job(name, JOB_ROLE, _takes(takes, path))


def _takes(section: Mapping[str, str], path: Path) -> dict[str, Reference]:
    return {argument: _reference(text, (*path, "takes", argument)) for argument, text in section.items()}


def _reference(text: str, path: Path) -> Reference:
    component, dot, output = text.removesuffix(OPTIONAL).partition(".")
    if not (component and dot and output.isidentifier()):
        raise DescriptionError(path, f"is {text!r}", "write component.Output, such as table.TableName")
    return Reference(component, output, text.endswith(OPTIONAL))


def _all_takes(components: Iterable[Component], jobs: Iterable[Job]) -> Iterable[tuple[Path, Mapping[str, Reference]]]:
    yield from ((("components", each.name), each.takes) for each in components)
    yield from ((("jobs", each.name), each.takes) for each in jobs)


def _check_reference(components: Mapping[str, Component], path: Path, verb: str, reference: Reference) -> None:
    source = components.get(reference.component)
    if source is None:
        raise DescriptionError(
            path,
            f"{verb}, and {reference.component} is no component",
            f"add it, or take one of {', '.join(components)}",
        )
    if not source.is_stack and reference.output not in source.gives:
        raise DescriptionError(
            path,
            f"{verb}, which component {source.name} does not give",
            f"add it to components.{source.name}.gives",
        )


def _check_order(components: Mapping[str, Component]) -> None:
    try:
        TopologicalSorter({name: each.needs for name, each in components.items()}).prepare()
    except CycleError as error:
        circle = " needs ".join(reversed(error.args[1]))
        what = f"need each other in a circle: {circle}"
        raise DescriptionError(("components",), what, "remove one of these") from None
