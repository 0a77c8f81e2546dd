# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the clusters of a system, and with how its services connect to each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.automation.workers import with_workers
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.namespace import (
    connected_services,
    endpoints,
    has_namespace,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.clusters import (
    NAME,
    ROLE,
    Listed,
    cluster_arguments,
    cluster_names,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path, unknown
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Sections,
    Service,
    container_jobs,
)

# ECS refuses an IngressPortOverride up to it: https://github.com/hashicorp/terraform-provider-aws/issues/28293
LAST_RESERVED_PORT = 1024
CLUSTER_NAME = re.compile(r"[a-z](-?[a-z0-9]){0,30}")


def clusters(sections: Sections, components: Listed) -> Iterator[Finding]:
    """Yield what is wrong with the clusters that components create, and with those that services and jobs name."""
    known = cluster_names(components)
    first: dict[str, str] = {}
    for name, suffix in known.items():
        if suffix and not CLUSTER_NAME.fullmatch(suffix):
            remedy = "take lower-case letters, digits and single hyphens, a letter first"
            yield Finding(("components", name, "arguments", NAME), f"is {suffix!r}", remedy)
        other = first.setdefault(suffix, name)
        if other != name:
            what = f"has the name of the cluster of {other}"
            yield Finding(("components", name), what, f"give it a {NAME} of its own in arguments")
    for at, cluster in _used(sections):
        # The default is needed by all that name no other: a finding of its own says that it is missing.
        if cluster != ROLE or cluster in components:
            yield from unknown((*at, "cluster"), cluster, known, "component with role cluster", "components")


def same_arguments(sections: Sections, components: Listed) -> Iterator[Finding]:
    """Yield each component that lacks an argument of another component with its role.

    An argument is a variable, which is still set when the role is called for the next component.
    """
    derived = cluster_arguments(with_workers(sections), components)
    of_roles: dict[str, dict[str, set[str]]] = {}
    for name, each in components.items():
        stated = {*each.get("arguments", {}), *each.get("takes", {}), *derived.get(name, {})}
        of_roles.setdefault(each.get("role", name), {})[name] = stated
    for stated_by in of_roles.values():
        for argument in sorted(set().union(*stated_by.values())):
            having = [name for name, stated in stated_by.items() if argument in stated]
            for name in stated_by:
                if name not in having:
                    what = f"has no argument {argument}, and {having[0]}, which has its role, gives it one"
                    yield Finding(("components", name), what, f"add {argument} to its arguments")


def names(sections: Sections) -> Iterator[Finding]:
    """Yield what is wrong with the names of Service Connect."""
    if "namespace" in sections and not has_namespace(sections):
        what = "has no effect, since no service has service_connect"
        yield Finding(("namespace",), what, "remove it, or add service_connect to a service")
    first: dict[tuple[str, int], str] = {}
    called = {each for service in sections["services"].values() for each in connected_services(service, sections)}
    for name, service in sections["services"].items():
        at: Path = ("services", name, "service_connect")
        if service["service_connect"] and name not in called:
            what = "has names that no service uses, since none calls it"
            yield Finding(at, what, f"add {name} to calls of a service, or remove service_connect")
        unknown_ports = [each for each in service["service_connect"] if each not in service["ports"]]
        for port_name in unknown_ports:
            yield from unknown((*at, port_name), port_name, service["ports"], "port of the service", "ports")
        if not unknown_ports:
            yield from _ingress_ports(at, service)
            yield from _dns_names(at, name, service, first, sections)


def calls_of_jobs(sections: Sections) -> Iterator[Finding]:
    """Yield the calls of jobs to services with names that only tasks of services resolve.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect.html
    """
    for name, job in container_jobs(sections).items():
        for called in connected_services(job, sections):
            target = sections["services"][called].get("load_balancer")
            remedy = f"call load_balancer:{target['name']}" if target else "call a load balancer in front of it"
            what = f"is {called}, whose names of Service Connect no job can resolve"
            yield Finding(("jobs", name, "calls", list(job["calls"]).index(called)), what, remedy)


def _used(sections: Sections) -> Iterator[tuple[Path, str]]:
    yield from ((("services", name), service["cluster"]) for name, service in sections["services"].items())
    yield from ((("jobs", name), job["cluster"]) for name, job in container_jobs(sections).items())


def needed_clusters(sections: Sections) -> set[str]:
    """Return the components with the clusters of the services and jobs."""
    return {cluster for _at, cluster in _used(sections)}


def _ingress_ports(at: Path, service: Service) -> Iterator[Finding]:
    first: dict[int, str] = {}
    for port_name, section in service["service_connect"].items():
        if "ingress_port" not in section:
            continue
        port, where = section["ingress_port"], (*at, port_name, "ingress_port")
        other = first.setdefault(port, port_name)
        if port in service["ports"].values():
            yield Finding(where, f"is {port}, on which the container listens", "take another, or remove it")
        elif port <= LAST_RESERVED_PORT:
            yield Finding(where, f"is {port}, which ECS refuses", f"take a port above {LAST_RESERVED_PORT}")
        elif other != port_name:
            yield Finding(where, f"is {port}, which {other} has, too", "take another")


def _dns_names(
    at: Path, name: str, service: Service, first: dict[tuple[str, int], str], sections: Sections
) -> Iterator[Finding]:
    domain: Mapping[str, Any] = sections.get("domain", {})
    for each in endpoints(name, service):
        alias, own = (each.dns_name, each.port), f"{name}.service_connect.{each.port_name}"
        other = first.setdefault(alias, own)
        if other != own:
            what = f"is {each.dns_name}:{each.port}, which services.{other} is, too"
            yield Finding((*at, each.port_name), what, "give one of them another dns_name or port")
        if domain and f".{each.dns_name}".endswith(f".{domain['zone']}"):
            what = f"is in {domain['zone']}, where load balancers have their names"
            remedy = "take a name outside the domain, such as that of the service"
            yield Finding((*at, each.port_name, "dns_name"), what, remedy)
