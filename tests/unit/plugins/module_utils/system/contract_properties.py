# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the shape of any system's templates: Fargate, health checks, owners of files, parameters, outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from template_case import Case, Found, walk

TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
# The keys of a container's health check in a description, by those of ECS.
CHECK = {
    "Interval": "interval",
    "Timeout": "timeout",
    "Retries": "retries",
    "StartPeriod": "start_period",
}
# The keys of a target group's health check in a description, by those of Elastic Load Balancing.
TARGET_CHECK = {
    "HealthCheckPath": "path",
    "HealthCheckIntervalSeconds": "interval",
    "HealthCheckTimeoutSeconds": "timeout",
    "HealthyThresholdCount": "healthy_threshold",
    "UnhealthyThresholdCount": "unhealthy_threshold",
}
# What a template may import from another one, and what it may give to all.
EXCHANGE = ("Fn::ImportValue", "Export")


def tasks_run_on_fargate(case: Case) -> Found:
    """A task definition is for Fargate alone, with addresses of its own and the described size."""
    sizes = {component: (str(each["cpu"]), str(each["memory"])) for component, _name, each in case.workloads()}
    for component, name, properties in case.resources("AWS::ECS::TaskDefinition"):
        if (properties.get("RequiresCompatibilities"), properties.get("NetworkMode")) != (["FARGATE"], "awsvpc"):
            yield f"{component}: {name} is for {properties.get('RequiresCompatibilities')}"
        if (properties.get("Cpu"), properties.get("Memory")) != sizes[component]:
            yield f"{component}: {name} has not the size {sizes[component]}"
    for component, _name, properties in case.resources("AWS::ECS::Service"):
        providers = {each["CapacityProvider"] for each in properties.get("CapacityProviderStrategy", [])}
        launch = {properties["LaunchType"]} if "LaunchType" in properties else providers
        if ("LaunchType" in properties) == bool(providers) or not launch <= {"FARGATE", "FARGATE_SPOT"}:
            yield f"{component} runs on {launch}"


def health_checks_are_complete(case: Case) -> Found:
    """A container has a health check where one is described, with its command and every time of it."""
    for component, name, workload in case.workloads():
        sections = {name: workload, **workload["sidecars"]}
        for container in case.properties(component, "TaskDefinition")["ContainerDefinitions"]:
            described = sections.get(container["Name"], {}).get("health_check")
            found = container.get("HealthCheck")
            wanted = described and {
                "Command": ["CMD", *described["command"]],
                **{key: described[own] for key, own in CHECK.items()},
            }
            if found != wanted:
                yield f"{component}: container {container['Name']} has the health check {found}"


def target_groups_check_health(case: Case) -> Found:
    """A target group has the described path, status codes, times and thresholds, and a protocol."""
    for component, _name, service in case.services():
        described = list(_targets(service))
        groups = [each for where, _id, each in case.resources(TARGET_GROUP) if where == component]
        if len({each.get("HealthCheckPath") for each in groups}) > len(described):
            yield f"{component} checks other paths than it describes"
        for group in groups:
            found = {own: group.get(key) for key, own in TARGET_CHECK.items()}
            found["matcher"] = group.get("Matcher", {}).get("HttpCode")
            if found not in [{key: each["health_check"][key] for key in found} for each in described]:
                yield f"{component} checks its targets by {found}"
            if {group.get("Protocol"), group.get("HealthCheckProtocol", "HTTP")} != {"HTTP"}:
                yield f"{component} has targets of protocol {group.get('Protocol')}"


def targets_reach_the_described_port(case: Case) -> Found:
    """A load balancer's targets are the described ports of the main container, each once."""
    for component, name, service in case.services():
        wanted = sorted((name, service["ports"][_port_name(service, each)]) for each in _targets(service))
        targets = case.properties(component, "Service").get("LoadBalancers", [])
        if sorted((each["ContainerName"], each["ContainerPort"]) for each in targets) != wanted:
            yield f"{component} has the targets {targets}, not {wanted}"


def names_of_service_connect_lead_to_ports(case: Case) -> Found:
    """A name of Service Connect is that of a port of the task, is unique, and the proxy has a port of its own."""
    aliases: list[tuple[str, int]] = []
    for component, _name, _service in case.services():
        containers = case.properties(component, "TaskDefinition")["ContainerDefinitions"]
        mappings = [mapping for each in containers for mapping in each.get("PortMappings", [])]
        connect = case.properties(component, "Service").get("ServiceConnectConfiguration", {})
        for each in connect.get("Services", []):
            if each["PortName"] not in {mapping.get("Name") for mapping in mappings}:
                yield f"{component} has no port {each['PortName']}"
            if each.get("IngressPortOverride") in {mapping["ContainerPort"] for mapping in mappings}:
                yield f"{component}: port {each['IngressPortOverride']} is taken twice"
            aliases += [(alias["DnsName"], alias["Port"]) for alias in each["ClientAliases"]]
    if len(aliases) != len(set(aliases)):
        yield f"{aliases} are not unique"


def access_points_belong_to_their_owner(case: Case) -> Found:
    """Whoever mounts a file system acts as its user and group, which own the directory, too."""
    points = {each["AccessPointTags"][0]["Value"]["Fn::Sub"]: each for each in _of(case, "AWS::EFS::AccessPoint")}
    if len(points) != len(case.description["file_systems"]):
        yield f"{len(points)} access points"
        return
    for name, section in case.description["file_systems"].items():
        point = points[f"${{Project}}-${{Environment}}-{name}"]
        owner, directory = point["PosixUser"], point["RootDirectory"]["CreationInfo"]
        ids = {(owner["Uid"], owner["Gid"]), (directory["OwnerUid"], directory["OwnerGid"])}
        if ids != {(str(section["uid"]), str(section["gid"]))}:
            yield f"the access point of {name} has the owners {ids}"
        if directory["Permissions"] != section["permissions"]:
            yield f"the access point of {name} has the permissions {directory['Permissions']}"


def logs_are_kept_as_described(case: Case) -> Found:
    """The log group of a service or job keeps its lines for the described days."""
    for component, _name, workload in case.workloads():
        days = case.properties(component, "LogGroup").get("RetentionInDays")
        if days != workload["log_retention_days"]:
            yield f"{component} keeps its lines for {days} days"


def parameters_hold_no_secret(case: Case) -> Found:
    """A parameter has no default but an empty one, with NoEcho none, and no output is the value of a secret."""
    for component, template in case.templates.items():
        for name, parameter in template["Parameters"].items():
            if parameter.get("Default", "") != "" or ("Default" in parameter and parameter.get("NoEcho")):
                yield f"{component}: parameter {name} has the default {parameter['Default']!r}"
        for name, output in template.get("Outputs", {}).items():
            if any("resolve:" in node for node in walk(output["Value"]) if isinstance(node, str)):
                yield f"{component}: output {name} is the value of a secret"


def nothing_is_exported(case: Case) -> Found:
    """Templates exchange values by parameters and outputs, so that a stack locks no other one."""
    for component, template in case.templates.items():
        for node in walk(template):
            if isinstance(node, dict) and (found := [key for key in EXCHANGE if key in node]):
                yield f"{component} has {found}"


def _targets(service: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "load_balancer" in service:
        yield service["load_balancer"]
    yield from service["targets"].values()


def _port_name(service: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    return str(target.get("port", next(iter(service["ports"]))))


def _of(case: Case, kind: str) -> Iterator[dict[str, Any]]:
    return (properties for _component, _name, properties in case.resources(kind))


EVERY_CONTRACT = (
    tasks_run_on_fargate,
    health_checks_are_complete,
    target_groups_check_health,
    targets_reach_the_described_port,
    names_of_service_connect_lead_to_ports,
    access_points_belong_to_their_owner,
    logs_are_kept_as_described,
    parameters_hold_no_secret,
    nothing_is_exported,
)
