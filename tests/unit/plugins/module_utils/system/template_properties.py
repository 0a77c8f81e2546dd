# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the templates of any system, whatever they describe: references, names, limits, alarms."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import logical_id
from ansible_collections.gantry.ecs.plugins.plugin_utils.package.template_text import dump
from template_case import PSEUDO, Case, Found, conditions, dependencies, references, walk
from template_parser import load

COMMON = {"Project", "Environment"}
# The component with the SSM parameters, which a role applies.
PARAMETERS = "parameters"
WRITTEN = ("network", "cluster", "registry", "table")
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_BYTES, MOST_RESOURCES, MOST_PARAMETERS, MOST_OUTPUTS = 51_200, 500, 200, 200
# Names that are unique in an account's region, and their most characters.
NAMES = {
    "AWS::CloudWatch::Alarm": ("AlarmName", 255),
    "AWS::KMS::Alias": ("AliasName", 256),
    "AWS::RDS::DBCluster": ("DBClusterIdentifier", 63),
    "AWS::RDS::DBInstance": ("DBInstanceIdentifier", 63),
    "AWS::RDS::DBProxy": ("DBProxyName", 63),
    "AWS::SQS::Queue": ("QueueName", 80),
    "AWS::ECS::Service": ("ServiceName", 255),
    "AWS::ECS::TaskDefinition": ("Family", 255),
    "AWS::Logs::LogGroup": ("LogGroupName", 512),
    "AWS::SecretsManager::Secret": ("Name", 512),
}
LONGEST = {"${Project}": "p" * 21, "${Environment}": "e" * 16}
# RDS chooses the paths of its log groups, and KMS the start of an alias.
START = re.compile(
    r"((alias/|/aws/rds/(cluster|proxy)/)?\$\{Project\}-\$\{Environment\}-|/?\$\{Project\}/\$\{Environment\}/)"
)


def references_resolve(case: Case) -> Found:
    """Each reference names a resource, a parameter or a pseudo parameter, each condition a condition."""
    for component, template in case.templates.items():
        known = {*template["Resources"], *template["Parameters"], *PSEUDO}
        for name in references([template["Resources"], template.get("Outputs"), template.get("Conditions")]):
            if name not in known:
                yield f"{component} refers to {name}"
        for name, resource in template["Resources"].items():
            if not dependencies(resource) <= known:
                yield f"{component}: {name} depends on {dependencies(resource) - known}"
        for node in walk(template):
            if isinstance(node, dict) and isinstance(node.get("Fn::Sub"), list):
                text, values = node["Fn::Sub"]
                if unused := [name for name in values if f"${{{name}}}" not in text]:
                    yield f"{component}: {text} does not use {unused}"
        if unknown := set(conditions(template)) - {*template.get("Conditions", {})}:
            yield f"{component} has no condition {unknown}"


def parameters_are_used(case: Case) -> Found:
    """Each parameter and each condition is used."""
    for component, template in case.templates.items():
        if unused := {*template["Parameters"]} - set(references(template)):
            yield f"{component} does not use {unused}"
        if unused := {*template.get("Conditions", {})} - set(conditions(template)):
            yield f"{component} does not use condition {unused}"


def outputs_taken_exist(case: Case) -> Found:
    """Each parameter is of every stack, or an output that the other component's template has."""
    for component, template in case.templates.items():
        own = COMMON | (
            {"PermissionsBoundaryArn"} if "HasPermissionsBoundary" in template.get("Conditions", {}) else set()
        )
        if {*template["Parameters"]} != own | case.takes[component].keys():
            yield f"{component} has other parameters than it takes: {[*template['Parameters']]}"
        for parameter, reference in case.takes[component].items():
            source, _dot, output = reference.removesuffix("?").partition(".")
            role = case.description["components"].get(source, {}).get("role", source)
            if role in WRITTEN:
                outputs = {*load(role)["Outputs"]}
            elif source == PARAMETERS:
                outputs = {f"{logical_id(each)}Arn" for each in case.description["parameters"]}
            elif source in case.templates:
                outputs = {*case.templates[source].get("Outputs", {})}
            else:
                outputs = {*case.description["components"].get(source, {}).get("gives", {})}
            if output not in outputs:
                yield f"{component} takes {reference}"
            is_optional = template["Parameters"].get(parameter, {}).get("Default") == ""
            if is_optional != reference.endswith("?"):
                yield f"{component}: {parameter} is {'' if is_optional else 'not '}optional"


def logical_ids_are_unique(case: Case) -> Found:
    """Logical ids are alphanumeric and unique, also by the parameters; no part of the description is lost."""
    for component, template in case.templates.items():
        for name in (*template["Resources"], *template["Parameters"], *template.get("Outputs", {})):
            if not re.fullmatch(r"[A-Za-z0-9]{1,255}", name):
                yield f"{component}: {name}"
        if both := template["Resources"].keys() & template["Parameters"].keys():
            yield f"{component}: {both} are resources and parameters"
    created = [each for each in case.description["secrets"].values() if not {"arn", "parameter_arn"} & each.keys()]
    expected = {
        "keys": (2 * len(case.description["keys"]), len(case.description["keys"])),
        "file-systems": (5 * len(case.description["file_systems"]), 4 * len(case.description["file_systems"])),
        "queues": (4 * len(case.description["queues"]), 4 * len(case.description["queues"])),
        "secrets": (len(created), len(created)),
    }
    for component, counts in expected.items():
        template = case.templates.get(component, {"Resources": {}, "Outputs": {}})
        if (len(template["Resources"]), len(template["Outputs"])) != counts:
            yield f"{component} has not {counts} resources and outputs"


def resources_need_no_circle(case: Case) -> Found:
    """No resources need each other in a circle."""
    for component, template in case.templates.items():
        resources = template["Resources"]
        try:
            TopologicalSorter(
                {name: dependencies(each) & resources.keys() for name, each in resources.items()}
            ).prepare()
        except CycleError as error:
            yield f"{component}: {error.args[1]}"


def names_carry_project_and_environment(case: Case) -> Found:
    """Names start with project and environment, are unique, and short enough for the longest of both."""
    found: Counter[tuple[str, str]] = Counter()
    for kind, (key, most) in NAMES.items():
        for component, name, properties in case.resources(kind):
            text = case.value(component, properties.get(key, ""))
            found[kind, text] += 1
            if not START.match(text):
                yield f"{component}: {name} is named {text}"
            if "${Service" in text or text.count("${Project}") > 1:
                yield f"{component}: {name} is named {text}, which repeats the start"
            for part, longest in LONGEST.items():
                text = text.replace(part, longest)
            if len(text) > most:
                yield f"{component}: {name} may have {len(text)} characters, {most} are the most"
    yield from (f"{count} of {kind} are named {text}" for (kind, text), count in found.items() if count > 1)


def templates_are_within_the_limits(case: Case) -> Found:
    """A template is below the limits of CloudFormation."""
    for component, template in case.templates.items():
        sizes = {
            "bytes": (_size(template), MOST_BYTES),
            "resources": (len(template["Resources"]), MOST_RESOURCES),
            "parameters": (len(template["Parameters"]), MOST_PARAMETERS),
            "outputs": (len(template.get("Outputs", {})), MOST_OUTPUTS),
        }
        yield from (f"{component} has {size} {what}" for what, (size, most) in sizes.items() if size > most)


def _size(template: Mapping[str, Any]) -> int:
    """Return at least the bytes of a template as it is sent; JSON is longer than that YAML, and written faster."""
    size = len(json.dumps(template, indent=2).encode())
    return size if size <= MOST_BYTES else len(dump(template).encode())


def alarms_treat_missing_data(case: Case) -> Found:
    """Each alarm says how it treats missing data."""
    for component, name, properties in case.resources("AWS::CloudWatch::Alarm"):
        if properties.get("TreatMissingData") not in ("breaching", "notBreaching", "ignore", "missing"):
            yield f"{component}: {name}"


def logs_are_kept_for_a_time(case: Case) -> Found:
    """Each log group has a retention; each container writes to a log group of its template."""
    for component, name, properties in case.resources("AWS::Logs::LogGroup"):
        if not isinstance(properties.get("RetentionInDays"), int):
            yield f"{component}: {name} keeps its lines for ever"
    for component, container in case.containers():
        group = container.get("LogConfiguration", {}).get("Options", {}).get("awslogs-group", {}).get("Ref")
        resource = case.templates[component]["Resources"].get(group)
        if resource is None or resource["Type"] != "AWS::Logs::LogGroup":
            yield f"{component}: container {container['Name']} logs to {group}"


def capacities_are_in_order(case: Case) -> Found:
    """The smallest capacity is at most the largest."""
    for component, template in case.templates.items():
        for node in walk(template["Resources"]):
            if isinstance(node, dict) and node.get("MinCapacity", 0) > node.get("MaxCapacity", 0):
                yield f"{component}: {node['MinCapacity']} > {node['MaxCapacity']}"


def security_groups_admit_calls_only(case: Case) -> Found:
    """One group a node, one ingress and one egress rule a call, and nothing else but listeners and endpoints."""
    component = "security-groups"
    groups = {name for _component, name, _properties in case.resources("AWS::EC2::SecurityGroup")}
    nodes = [
        *((("service" if section == "services" else "job"), name) for section, name in _tasks(case)),
        *(("load_balancer", name) for name in case.description["load_balancers"]),
        *(("file_system", name) for name in case.description["file_systems"]),
        *(("database", name) for name in case.description["databases"]),
        *(("proxy", name) for name, each in case.description["databases"].items() if each["proxy"]),
    ]
    outputs = case.templates.get(component, {}).get("Outputs", {})
    if len(groups) != len(nodes) or {*outputs} != {logical_id(*node) for node in nodes}:
        yield f"groups {groups} are not those of {nodes}"
    group_of = {name: outputs[name]["Value"]["Fn::GetAtt"][0] for name in outputs}
    calls = sorted((group_of.get(one, ""), group_of.get(other, ""), port) for one, other, port in _calls(case))
    for direction, own, peer in (
        ("Ingress", "GroupId", "SourceSecurityGroupId"),
        ("Egress", "DestinationSecurityGroupId", "GroupId"),
    ):
        rules = [
            properties
            for *_names, properties in case.resources(f"AWS::EC2::SecurityGroup{direction}")
            if "CidrIp" not in properties
        ]
        between = [rule for rule in rules if isinstance(rule.get(own), dict) and "Fn::GetAtt" in rule[own]]
        found = sorted((rule[peer]["Fn::GetAtt"][0], rule[own]["Fn::GetAtt"][0], rule["FromPort"]) for rule in between)
        if found != calls:
            yield f"{direction}: {found} are not the calls {calls}"
        if any(rule["FromPort"] != rule["ToPort"] or rule["IpProtocol"] != "tcp" for rule in rules):
            yield f"{direction}: a rule of several ports"
        rest = [rule for rule in rules if rule not in between]
        endpoints = sorted(rule["SourceSecurityGroupId"]["Fn::GetAtt"][0] for rule in rest if direction == "Ingress")
        wanted = sorted(group_of.get(logical_id(*node), "") for node in nodes if node[0] in ("service", "job"))
        if direction == "Ingress" and (
            endpoints != wanted
            or {case.value(component, rule["GroupId"]) for rule in rest} - {"network.EndpointSecurityGroupId?"}
        ):
            yield f"endpoints admit {endpoints}, not {wanted}"
        if direction == "Egress" and rest:
            yield f"{rest} leave to something else"


def open_ranges_are_those_of_listeners(case: Case) -> Found:
    """A range of addresses is admitted by load balancers only, where the description names it."""
    for component, name, properties in case.resources("AWS::EC2::SecurityGroup"):
        balancers = {f"LoadBalancer{logical_id(each)}": one for each, one in case.description["load_balancers"].items()}
        balancer = balancers.get(_output_of(case, component, name))
        private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
        ranges = [] if balancer is None else balancer.get("admits", private)
        listeners = [] if balancer is None else balancer["listeners"].values()
        wanted = sorted((each["port"], cidr) for each in listeners for cidr in each.get("admits", ranges))
        found = sorted(
            (rule["FromPort"], rule.get("CidrIp", "")) for rule in properties.get("SecurityGroupIngress", [])
        )
        if found != wanted:
            yield f"{name} admits {found}, not {wanted}"
        if not properties.get("SecurityGroupEgress"):
            yield f"{name} may send anywhere"
    callers, called = _public_calls(case)
    for component, name, properties in case.resources("AWS::EC2::SecurityGroupIngress"):
        if {"CidrIpv6", "SourcePrefixListId"} & properties.keys():
            yield f"{component}: {name} admits a range"
        if "CidrIp" in properties:
            group = _output_of(case, component, case.value(component, properties["GroupId"])[len(component) + 1 :])
            number = _gateway(case, component, properties["CidrIp"])
            if number is None:
                yield f"{component}: {name} admits a range"
            if (group, properties["FromPort"]) not in called:
                yield f"{component}: {name} admits a call that nobody makes"
            called.get((group, properties["FromPort"]), set()).discard(number)
    yield from (f"{call} is closed to the gateways {numbers}" for call, numbers in called.items() if numbers)
    found_callers = {
        (_output_of(case, component, each["GroupId"]["Fn::GetAtt"][0]), each["FromPort"])
        for component, _name, each in case.resources("AWS::EC2::SecurityGroupEgress")
        if "CidrIp" in each
    }
    if found_callers != callers:
        yield f"{found_callers} leave the network, not {callers}"


def _gateway(case: Case, component: str, cidr: Any) -> int | None:
    """Return the index of the NAT gateway whose address a range is; None for another range."""
    text, values = cidr["Fn::Sub"] if isinstance(cidr, dict) else ("", {})
    index, addresses = values["Address"]["Fn::Select"] if text == "${Address}/32" else (None, "")
    return index if case.value(component, addresses) == "network.ZonedNatAddresses" else None


def _public_calls(case: Case) -> tuple[set[tuple[str, int]], dict[tuple[str, int], set[int | None]]]:
    """Return who leaves the network on a port other than 443, and which ports admit the three NAT gateways."""
    callers: set[tuple[str, int]] = set()
    called: dict[tuple[str, int], set[int | None]] = {}
    for section, name in _tasks(case):
        for each in case.description[section][name]["calls"]:
            kind, _colon, other = each.rpartition(":")
            balancer = case.description["load_balancers"][other] if kind else {}
            if balancer.get("scheme") == "internet-facing":
                ports = [one["port"] for one in balancer["listeners"].values() if one.get("admits") != []]
                called |= {(logical_id("load_balancer", other), port): {0, 1, 2} for port in ports}
                callers |= {(logical_id(section[:-1], name), port) for port in ports if port != 443}
    return callers, called


def _output_of(case: Case, component: str, group: str) -> str:
    outputs = case.templates[component]["Outputs"]
    return next(
        (name for name, each in outputs.items() if each["Value"]["Fn::GetAtt"][0] == group.partition(".")[0]), ""
    )


def _tasks(case: Case) -> list[tuple[str, str]]:
    return [
        (section, name)
        for section in ("services", "jobs")
        for name, each in case.description[section].items()
        if "role" not in each
    ]


def _calls(case: Case) -> set[tuple[str, str, Any]]:
    """Return who connects to whom on which port, by outputs of the security groups."""
    found: set[tuple[str, str, Any]] = set()
    for section, name in _tasks(case):
        workload = case.description[section][name]
        caller = logical_id("service" if section == "services" else "job", name)
        found |= {(caller, logical_id("file_system", each), 2049) for each in workload["mounts"].values()}
        for called in workload["calls"]:
            kind, _colon, other = called.rpartition(":")
            if kind and case.description["load_balancers"][other]["scheme"] == "internet-facing":
                continue
            if kind:
                listeners = case.description["load_balancers"][other]["listeners"]
                found |= {(caller, logical_id("load_balancer", other), each["port"]) for each in listeners.values()}
            else:
                service = case.description["services"][other]
                names = service["service_connect"].items()
                ports = [each.get("ingress_port", service["ports"][name]) for name, each in names]
                found |= {(caller, logical_id("service", other), port) for port in ports or service["ports"].values()}
        for used in (name for name, words in workload["uses"].items() if "connect" in words):
            front = "proxy" if case.description["databases"][used]["proxy"] else "database"
            found.add((caller, logical_id(front, used), 3306))
        for target in (workload.get("load_balancer"), *workload.get("targets", {}).values()):
            for port in ports_of(workload, target) if target else ():
                found.add((logical_id("load_balancer", target["name"]), caller, port))
    for name, each in case.description["databases"].items():
        if each["proxy"]:
            found.add((logical_id("proxy", name), logical_id("database", name), 3306))
    return found


def ports_of(service: Any, target: Any) -> tuple[int, int]:
    """Return the ports that a load balancer reaches and checks."""
    first = next(iter(service["ports"]))
    port = target.get("port", first)
    return service["ports"][port], service["ports"][target["health_check"].get("port", port)]


EVERY_TEMPLATE = (
    references_resolve,
    parameters_are_used,
    outputs_taken_exist,
    logical_ids_are_unique,
    resources_need_no_circle,
    names_carry_project_and_environment,
    templates_are_within_the_limits,
    alarms_treat_missing_data,
    logs_are_kept_for_a_time,
    capacities_are_in_order,
    security_groups_admit_calls_only,
    open_ranges_are_those_of_listeners,
)
