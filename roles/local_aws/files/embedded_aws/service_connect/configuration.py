# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service's Service Connect configuration: what is refused, and the aliases that it publishes.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from embedded_aws.front.model import Timeouts

Record = Mapping[str, Any]
NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,125}[a-z0-9])?")
# Seconds: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TimeoutConfiguration.html
TCP_IDLE_SECONDS, HTTP_IDLE_SECONDS, REQUEST_SECONDS = 3600, 300, 15
# Members without an effect here that would have one on AWS.
REFUSED_OF_SERVICES = ("tls",)
REFUSED = ("accessLogConfiguration",)


@dataclass(frozen=True)
class Port:
    """A named port of a task definition.

    Attributes:
        number: on which its container listens.
        protocol: ``http``, ``http2`` or ``grpc``; empty for TCP.
    """

    number: int
    protocol: str = ""


@dataclass(frozen=True)
class Alias:
    """A name and a port by which clients reach a port of a service."""

    name: str
    port: int
    target: Port
    timeouts: Timeouts


def ports(definition: Record) -> dict[str, Port]:
    """Return the named ports of a task definition."""
    return {
        mapping["name"]: Port(int(mapping["containerPort"]), mapping.get("appProtocol", ""))
        for container in definition.get("containerDefinitions") or []
        for mapping in container.get("portMappings") or []
        if mapping.get("name")
    }


def aliases(configuration: Record, namespace: str, known: Mapping[str, Port]) -> list[Alias]:
    """Return the aliases that a service publishes.

    Args:
        configuration: its serviceConnectConfiguration.
        namespace: name of its namespace.
        known: the named ports of its task definition; a service of another port is left out.
    """
    return [
        Alias(
            alias.get("dnsName") or _default_name(service, namespace),
            int(alias["port"]),
            port,
            _timeouts(service, port),
        )
        for service in (configuration.get("services") or [] if configuration.get("enabled") else [])
        if (port := known.get(service["portName"]))
        for alias in service.get("clientAliases") or [{"port": port.number}]
    ]


def problems(
    configuration: Record, namespace: str, known: Mapping[str, Port], others: Iterable[Alias]
) -> Iterator[str]:
    """Yield what ECS refuses of a configuration, or what has no effect here.

    Args:
        configuration: the serviceConnectConfiguration.
        namespace: name of its namespace.
        known: the named ports of the task definition.
        others: the aliases of the namespace's other services.
    """
    for name in REFUSED:
        if configuration.get(name):
            yield f"{name} is not kept by the embedded AWS -> leave it out in this environment"
    for service in configuration.get("services") or []:
        if service["portName"] not in known:
            yield f"portName {service['portName']} is no named port of the task definition -> name one in portMappings"
        for name in REFUSED_OF_SERVICES:
            if service.get(name):
                yield f"services.{name} is not kept by the embedded AWS -> leave it out in this environment"
        if any(alias.get("testTrafficRules") for alias in service.get("clientAliases") or []):
            yield "clientAliases.testTrafficRules is not kept by the embedded AWS -> leave it out in this environment"
    taken = {(alias.name, alias.port) for alias in others}
    for alias in aliases(configuration, namespace, known):
        if not NAME.fullmatch(alias.name):
            yield f"dnsName {alias.name} is no host name -> use lower-case letters, digits, dots and hyphens"
        if (alias.name, alias.port) in taken:
            yield f"{alias.name}:{alias.port} is published twice in namespace {namespace} -> use another alias"
        taken.add((alias.name, alias.port))


def _default_name(service: Record, namespace: str) -> str:
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectClientAlias.html
    return f"{service.get('discoveryName') or service['portName']}.{namespace}"


def _timeouts(service: Record, port: Port) -> Timeouts:
    given = service.get("timeout") or {}
    idle = HTTP_IDLE_SECONDS if port.protocol else TCP_IDLE_SECONDS
    return Timeouts(
        int(given.get("idleTimeoutSeconds", idle)), int(given.get("perRequestTimeoutSeconds", REQUEST_SECONDS))
    )
