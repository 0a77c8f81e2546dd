# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that a description derives: logical ids, which have to differ, and names in AWS, which have a length."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import (
    with_workers,
    worker_jobs,
    workers_of,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.references import (
    database_component,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.certificates import (
    COMPONENT as CERTIFICATES,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.load_balancer import (
    component as load_balancer_component,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.records import COMPONENT as RECORDS
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import (
    calls,
    nodes,
    public_calls,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.observability.job_failures import (
    COMPONENT as JOB_FAILURES,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.stacks import (
    job_component,
    service_component,
    stacks,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    COMMON_PARAMETERS,
    logical_id,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections, container_jobs

LONGEST_ENVIRONMENT: int = COMMON_PARAMETERS["Environment"]["MaxLength"]
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
LONGEST_STACK = 128
# The property with the name, and the most characters that its service takes, as CloudFormation documents them:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
LONGEST: Mapping[str, tuple[str, int]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::CloudWatch::Dashboard": ("DashboardName", 255),
    "AWS::ECS::Service": ("ServiceName", 255),
    "AWS::ECS::TaskDefinition": ("Family", 255),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": ("Name", 32),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("Name", 32),
    "AWS::Events::Rule": ("Name", 64),
    "AWS::IAM::Role": ("RoleName", 64),
    "AWS::KMS::Alias": ("AliasName", 256),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::RDS::DBCluster": ("DBClusterIdentifier", 63),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier", 63),
    "AWS::RDS::DBProxy": ("DBProxyName", 63),
    "AWS::RDS::DBSubnetGroup": ("DBSubnetGroupName", 255),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::SSM::Parameter": ("Name", 1011),
    "AWS::Scheduler::Schedule": ("Name", 64),
    "AWS::SecretsManager::Secret": ("Name", 512),
}
# Sections of which all entries are in one template, or give outputs of one component.
SHARED = ("keys", "file_systems", "secrets", "parameters", "queues")


def same_ids(sections: Sections, components: Collection[str]) -> Iterator[Finding]:
    """Yield each name that has the logical id of another name in its template, which would replace its resources.

    Args:
        sections: the description.
        components: names of its components.
    """
    groups: list[tuple[Path, Collection[str]]] = [
        (("components",), components),
        *(((name,), sections[name]) for name in SHARED),  # type: ignore[literal-required]
        (("databases",), sections["databases"]),
        (("load_balancers",), sections["load_balancers"]),
        *(
            (("load_balancers", name, "listeners"), load_balancer["listeners"])
            for name, load_balancer in sections["load_balancers"].items()
        ),
        *((("services", name, "targets"), service["targets"]) for name, service in sections["services"].items()),
        (("services",), sections["services"]),
        (("jobs",), container_jobs(sections)),
    ]
    for name in container_jobs(sections):
        if job_component(name) == JOB_FAILURES:
            yield Finding(("jobs", name), "has the name of the stack with failed runs", "give it another name")
    for path, names in groups:
        first: dict[str, str] = {}
        for name in names:
            other = first.setdefault(logical_id(name), name)
            if other != name:
                what = f"has the logical id {logical_id(name)}, which {other} has, too"
                yield Finding((*path, name), what, "rename one of them")


def same_rules(sections: Sections, components: Collection[str]) -> Iterator[Finding]:
    """Yield each service and job whose name, with that of another one, gives two security rules one logical id.

    Args:
        sections: the description, in which each name that is called exists.
        components: names of its components.
    """
    paths = {
        "service": "services",
        "job": "jobs",
        "load_balancer": "load_balancers",
        "file_system": "file_systems",
        "database": "databases",
        "proxy": "databases",
    }
    sections = with_workers(sections)
    own = [(node, node.logical_id) for node in nodes(sections)]
    own += [(node, node.endpoints_id) for node in nodes(sections) if node.kind in ("service", "job")]
    own += [(call.caller, call.logical_id) for call in (*calls(sections), *public_calls(sections))]
    first: dict[str, Path] = {}
    for node, each in own:
        path = (paths[node.kind], node.name)
        if each in first and first[each] != path:
            what = f"needs the logical id {each}, which {'.'.join(map(str, first[each]))} needs, too"
            yield Finding(path, what, "rename one of them")
        first.setdefault(each, path)


def too_long(sections: Sections, components: Collection[str]) -> Iterator[Finding]:
    """Yield each name in AWS that is too long with the longest name of an environment.

    Args:
        sections: the description, without another finding.
        components: names of the components that it lists.
    """
    sections = with_workers(sections)
    project, environment = sections["project"], "e" * LONGEST_ENVIRONMENT
    base, rendered = f"{project}-{environment}", stacks(project, sections)
    for component in (*components, *rendered):
        path = _paths(sections).get(component, ("components", component))
        yield from _length(path, "the stack", f"{base}-{component}", LONGEST_STACK)
    for component, each in rendered.items():
        for resource in each.template["Resources"].values():
            key, most = LONGEST.get(resource["Type"], ("", 0))
            text = _text(resource["Properties"].get(key)) if key else ""
            if text:
                full = text.replace("${Project}", project)
                full = full.replace("${Environment}", environment)
                noun = f"a resource of type {resource['Type']}"
                yield from _length(_path(component, text, sections), noun, full, most)


def rendered_from(sections: Sections, components: Iterable[str]) -> dict[str, Path]:
    """Return the paths of the sections from which components are rendered, by component."""
    own = _paths(sections)
    return {each: own.get(each, (each.replace("-", "_"),)) for each in components}


def _length(path: Path, noun: str, text: str, most: int) -> Iterator[Finding]:
    if len(text) > most:
        what = (
            f"names {noun} with {len(text)} characters where the name of the environment has {LONGEST_ENVIRONMENT}, "
            f"and {most} are the most"
        )
        yield Finding(path, what, f"save {len(text) - most} in it, or in project")


def _text(value: Any) -> str:
    """Return a name as the template writes it; nothing where it refers to other resources."""
    text = value.get("Fn::Sub") if isinstance(value, Mapping) else value
    return text if isinstance(text, str) else ""


def _paths(sections: Sections) -> Mapping[str, Path]:
    """Return the paths of the sections that have a stack of their own, by component."""
    own: Sequence[tuple[str, Path]] = [
        *((service_component(name), ("services", name)) for name in sections["services"]),
        *((job_component(name), ("jobs", name)) for name in container_jobs(sections)),
        *((service_component(workers_of(name)), ("jobs", name, "queue")) for name in worker_jobs(sections)),
        *((load_balancer_component(name), ("load_balancers", name)) for name in sections["load_balancers"]),
        *((database_component(name), ("databases", name)) for name in sections["databases"]),
        *((each, ("load_balancers",)) for each in (CERTIFICATES, RECORDS)),
    ]
    return dict(own)


def _path(component: str, text: str, sections: Sections) -> Path:
    """Return the path of what a name in a template is of: the longest name of the section that is in it."""
    found = _paths(sections).get(component)
    if found:
        return found
    section = component.replace("-", "_")
    names: Collection[str] = sections.get(section, {})  # type: ignore[assignment]
    inside = sorted((name for name in names if f"-{name}" in text or f"/{name}" in text), key=len)
    return (section, inside[-1]) if inside else (section,)
