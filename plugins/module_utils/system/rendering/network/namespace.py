# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service Connect: the namespace of a system, and the names by which its services connect to each other.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    Parts,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Sections, Service, Workload

COMPONENT = "namespace"
RESOURCE = "Namespace"
# The name of the proxy's log streams.
PROXY = "service-connect"


class Endpoint(NamedTuple):
    """A name of Service Connect.

    Attributes:
        port_name: of the container's port.
        dns_name: host name for clients.
        port: for clients.
        ingress_port: on which the proxy in the task of the service listens.
    """

    port_name: str
    dns_name: str
    port: int
    ingress_port: int


def endpoints(name: str, service: Service) -> list[Endpoint]:
    """Return the names of a service; each entry of service_connect names a port of it."""
    return [
        Endpoint(
            port_name,
            section.get("dns_name", name),
            section.get("port", service["ports"][port_name]),
            section.get("ingress_port", service["ports"][port_name]),
        )
        for port_name, section in service["service_connect"].items()
    ]


def called_ports(name: str, service: Service) -> list[int]:
    """Return the ports on which the tasks of a service accept its callers: those of its names, or all without names."""
    return [each.ingress_port for each in endpoints(name, service)] or list(service["ports"].values())


def connected_services(workload: Workload, sections: Sections) -> list[str]:
    """Return the services that a workload calls by a name of Service Connect."""
    services = sections["services"]
    return [name for name in workload["calls"] if name in services and services[name]["service_connect"]]


def has_namespace(sections: Sections) -> bool:
    """Return whether a service of the system has a name of Service Connect."""
    return any(service["service_connect"] for service in sections["services"].values())


def namespace_parts(sections: Sections) -> Parts:
    """Return the namespace.

    It is an HTTP namespace: Service Connect uses neither a hosted zone nor a query of DNS, so a private DNS namespace
    would only cost a hosted zone.
    """
    own_name = sections.get("namespace")
    return Parts(
        {
            RESOURCE: {
                "Type": "AWS::ServiceDiscovery::HttpNamespace",
                "Properties": {"Name": own_name or sub(BASE), "Description": "Names of Service Connect"},
            }
        },
        {"NamespaceArn": output("ARN of the namespace.", {"Fn::GetAtt": [RESOURCE, "Arn"]})},
    )


def service_connect(
    name: str, service: Service, sections: Sections, log_configuration: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the Service Connect configuration of a service; empty where it has no name and calls by none.

    Args:
        name: of the service.
        service: the service.
        sections: the description.
        log_configuration: of the proxy that ECS adds to each task.
    """
    if not service["service_connect"] and not connected_services(service, sections):
        return {}
    offered = [_service(name, each, service["ports"][each.port_name]) for each in endpoints(name, service)]
    return {
        "Enabled": True,
        "Namespace": Output(COMPONENT, "NamespaceArn"),
        **({"Services": offered} if offered else {}),
        "LogConfiguration": log_configuration,
    }


def services_before(name: str, sections: Sections) -> list[str]:
    """Return the services that are deployed before a service, since only its later tasks know their names.

    Of services that call each other, the one that the description lists first is deployed first.
    """
    order = {each: number for number, each in enumerate(sections["services"])}
    return [
        called
        for called in connected_services(sections["services"][name], sections)
        if called != name and (order[called] < order[name] or name not in _reached(called, sections))
    ]


def _reached(name: str, sections: Sections) -> set[str]:
    """Return the services that a service calls by names of Service Connect, be it by way of others."""
    return set(_walk([name], sections))


def _walk(names: Sequence[str], sections: Sections) -> Iterator[str]:
    seen: set[str] = set()
    left = list(names)
    while left:
        new = [each for each in connected_services(sections["services"][left.pop()], sections) if each not in seen]
        seen.update(new)
        left += new
        yield from new


def _service(name: str, endpoint: Endpoint, container_port: int) -> dict[str, Any]:
    override = endpoint.ingress_port != container_port
    return {
        "PortName": endpoint.port_name,
        # One name a namespace; no service's name contains an underscore.
        "DiscoveryName": f"{name}_{endpoint.port_name}",
        "ClientAliases": [{"DnsName": endpoint.dns_name, "Port": endpoint.port}],
        **({"IngressPortOverride": endpoint.ingress_port} if override else {}),
    }
