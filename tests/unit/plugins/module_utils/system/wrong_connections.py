# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions with one fault each in clusters or Service Connect, and their nearest neighbours without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wrong_descriptions import REMOVED, Wrong


def api(names: Mapping[str, Any], **keys: Any) -> dict[str, Any]:
    """Return a change: service worker has the port api and names, and web calls it."""
    return {
        "services": {
            "worker": {"ports": {"api": 9000}, "service_connect": names, **keys},
            "web": {"calls": ["worker"]},
        }
    }


def named(name: str) -> dict[str, Any]:
    """Return a change: a second cluster with that name."""
    stated = {"cluster_name": name, "cluster_container_insights": "disabled"}
    return {"components": {"other": {"role": "cluster", "arguments": stated}}}


CONNECTIONS: Mapping[str, Wrong] = {
    "an unknown cluster": Wrong(
        {"services": {"web": {"cluster": "network"}}},
        {"services": {"web": {"cluster": "cluster"}}},
        "services.web.cluster",
        "is 'network', which is no component with role cluster",
        "take one of cluster",
    ),
    "a second cluster with the name of the first": Wrong(
        named(""),
        named("two"),
        "components.other",
        "has the name of the cluster of cluster",
        "give it a cluster_name of its own in arguments",
    ),
    "a name that is none of a cluster": Wrong(
        named("Two"),
        named("two"),
        "components.other.arguments.cluster_name",
        "is 'Two'",
        "take lower-case letters, digits and single hyphens, a letter first",
    ),
    "an argument that one of two clusters has": Wrong(
        {"components": {"other": {"role": "cluster", "arguments": {"cluster_name": "two"}}}},
        named("two"),
        "components.other",
        "has no argument cluster_container_insights, and cluster, which has its role, gives it one",
        "add cluster_container_insights to its arguments",
    ),
    "a namespace without a name": Wrong(
        {"namespace": "shop"},
        {"namespace": REMOVED},
        "namespace",
        "has no effect, since no service has service_connect",
        "remove it, or add service_connect to a service",
    ),
    "names that no service uses": Wrong(
        {"services": {"worker": {"ports": {"api": 9000}, "service_connect": {"api": {}}}}},
        {"services": {"web": {"calls": ["worker"]}}},
        "services.worker.service_connect",
        "has names that no service uses, since none calls it",
        "add worker to calls of a service, or remove service_connect",
    ),
    "a name for an unknown port": Wrong(
        api({"http": {}}),
        {"services": {"worker": {"service_connect": {"http": REMOVED, "api": {}}}}},
        "services.worker.service_connect.http",
        "is 'http', which is no port of the service",
        "take one of api",
    ),
    "an ingress port on which the container listens": Wrong(
        api({"api": {"ingress_port": 9000}}),
        api({"api": {"ingress_port": 9001}}),
        "services.worker.service_connect.api.ingress_port",
        "is 9000, on which the container listens",
        "take another, or remove it",
    ),
    "an ingress port that ECS refuses": Wrong(
        api({"api": {"ingress_port": 1024}}),
        api({"api": {"ingress_port": 1025}}),
        "services.worker.service_connect.api.ingress_port",
        "is 1024, which ECS refuses",
        "take a port above 1024",
    ),
    "one ingress port twice": Wrong(
        api({"api": {"ingress_port": 9900}, "other": {"ingress_port": 9900}}, ports={"api": 9000, "other": 9001}),
        api({"other": {"ingress_port": 9901}}, ports={"api": 9000, "other": 9001}),
        "services.worker.service_connect.other.ingress_port",
        "is 9900, which api has, too",
        "take another",
    ),
    "one name and port twice": Wrong(
        api({"api": {"port": 80}, "other": {"port": 80}}, ports={"api": 9000, "other": 9001}),
        api({"other": {"port": 81}}, ports={"api": 9000, "other": 9001}),
        "services.worker.service_connect.other",
        "is worker:80, which services.worker.service_connect.api is, too",
        "give one of them another dns_name or port",
    ),
    "a name of a load balancer": Wrong(
        api({"api": {"dns_name": "api.example.com"}}) | {"domain": {"zone": "example.com"}},
        {"services": {"worker": {"service_connect": {"api": {"dns_name": "api.example.org"}}}}},
        "services.worker.service_connect.api.dns_name",
        "is in example.com, where load balancers have their names",
        "take a name outside the domain, such as that of the service",
    ),
    "a job that calls a service behind a load balancer by a name": Wrong(
        {"services": {"web": {"service_connect": {"http": {}}}, "worker": {"calls": ["web"]}}},
        {"jobs": {"sum": {"calls": ["load_balancer:main"]}}},
        "jobs.sum.calls.0",
        "is web, whose names of Service Connect no job can resolve",
        "call load_balancer:main",
    ),
    "a job that calls a service by a name": Wrong(
        api({"api": {}}) | {"jobs": {"sum": {"calls": ["worker"]}}},
        {"jobs": {"sum": {"calls": []}}},
        "jobs.sum.calls.0",
        "is worker, whose names of Service Connect no job can resolve",
        "call a load balancer in front of it",
    ),
}
