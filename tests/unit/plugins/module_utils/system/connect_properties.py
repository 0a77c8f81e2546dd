# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the clusters and the Service Connect names of any system, and faults that break each of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from template_case import Case, Found


def containers_log_to_their_group(case: Case) -> Found:
    """Each container, and the proxy of Service Connect, logs to a log group of its template that has a retention."""
    for component, container in case.containers():
        yield from _logs(case, component, container["LogConfiguration"])
    for component, _name, properties in case.resources("AWS::ECS::Service"):
        if "ServiceConnectConfiguration" in properties:
            yield from _logs(case, component, properties["ServiceConnectConfiguration"]["LogConfiguration"])


def workloads_stay_in_their_cluster(case: Case) -> Found:
    """The template of a service or job takes the name of its own cluster, and of no other."""
    for component, _name, workload in case.workloads():
        taken = {each for each in case.takes[component].values() if each.endswith(".ClusterName")}
        wanted = {f"{workload['cluster']}.ClusterName"}
        if not taken <= wanted or (component.startswith("service-") and taken != wanted):
            yield f"{component} takes {taken}, not {wanted}"
    shown = {each for each in case.takes.get("dashboard", {}).values() if each.endswith(".ClusterName")}
    if not shown <= {f"{workload['cluster']}.ClusterName" for _component, _name, workload in case.workloads()}:
        yield f"the dashboard shows {shown}"


def services_connect_by_unique_names(case: Case) -> Found:
    """Each service that has a name or calls by one is in the namespace; names are unique, and free for the proxy."""
    services = case.description["services"]
    if ("namespace" in case.templates) != any(each["service_connect"] for each in services.values()):
        yield "the namespace does not exist exactly where a service has a name"
    aliases: list[tuple[str, int]] = []
    for component, name, service in case.services():
        properties = case.properties(component, "Service")
        calls = [each for each in service["calls"] if each in services and services[each]["service_connect"]]
        if ("ServiceConnectConfiguration" in properties) != bool(service["service_connect"] or calls):
            yield f"{component} is in the namespace without a reason, or not"
        connect = properties.get("ServiceConnectConfiguration", {"Enabled": True})
        if not connect["Enabled"] or case.value(component, connect.get("Namespace", "")) not in (
            "",
            "namespace.NamespaceArn",
        ):
            yield f"{component} is in another namespace"
        offered = connect.get("Services", [])
        if [each["PortName"] for each in offered] != list(service["service_connect"]):
            yield f"{component} offers {offered}"
        for each in offered:
            aliases += [(alias["DnsName"], alias["Port"]) for alias in each["ClientAliases"]]
            if each.get("IngressPortOverride") in service["ports"].values():
                yield f"{component}: the proxy of {name} listens where the container does"
    if len(aliases) != len(set(aliases)):
        yield f"{aliases} are not unique"


def _logs(case: Case, component: str, configuration: Mapping[str, Any]) -> Found:
    group = case.value(component, configuration["Options"]["awslogs-group"]).partition(":")[2]
    resource = case.templates[component]["Resources"].get(group, {})
    if configuration["LogDriver"] != "awslogs" or not resource.get("Properties", {}).get("RetentionInDays"):
        yield f"{component} logs to {group}"


def _service(case: Case) -> dict[str, Any]:
    return case.properties("service-web", "Service")


def _other_cluster(case: Case) -> None:
    case.takes["service-web"]["ClusterClusterName"] = "other.ClusterName"


def _in_namespace(case: Case) -> None:
    _service(case)["ServiceConnectConfiguration"] = {"Enabled": True}


def _no_retention(case: Case) -> None:
    del case.properties("service-web", "LogGroup")["RetentionInDays"]


EVERY_CONNECTION = (
    containers_log_to_their_group,
    workloads_stay_in_their_cluster,
    services_connect_by_unique_names,
)
CONNECTION_FAULTS: Mapping[str, Sequence[Callable[[Case], object]]] = {
    "containers_log_to_their_group": (_no_retention,),
    "workloads_stay_in_their_cluster": (_other_cluster,),
    "services_connect_by_unique_names": (_in_namespace, lambda case: case.templates.update(namespace={})),
}
