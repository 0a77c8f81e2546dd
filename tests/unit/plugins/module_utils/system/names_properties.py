# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the names of any system: its zone, host names, certificates, records, URLs and target groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import logical_id
from template_case import Case, Found
from template_properties import ports_of

GROUP, RULE = "AWS::ElasticLoadBalancingV2::TargetGroup", "AWS::ElasticLoadBalancingV2::ListenerRule"


def _host_names(case: Case) -> dict[str, str]:
    """Return the host name of each load balancer that has one, in comparable form."""
    domain = case.description.get("domain", {})
    found = {}
    for name, each in case.description["load_balancers"].items():
        if "host" in each:
            text = domain["pattern"].replace("{name}", each["host"]).replace("{zone}", domain["zone"])
            found[name] = text.replace("{region}", "${AWS::Region}").replace("{environment}", "${Environment}")
    return found


def _zone(case: Case) -> str:
    return case.description["domain"]["zone_id"] or "domain.ZoneId"


def a_zone_is_created_where_none_is_given(case: Case) -> Found:
    """The deploy creates the hosted zone exactly where the description has none, and keeps it with its owner's tags."""
    domain = case.description.get("domain")
    zones = list(case.resources("AWS::Route53::HostedZone"))
    if len(zones) != (domain is not None and not domain["zone_id"]):
        yield f"there are {len(zones)} hosted zones"
    for component, name, properties in zones:
        tags = {each["Key"]: each["Value"]["Ref"] for each in properties.get("HostedZoneTags", [])}
        if domain and (properties["Name"], tags) != (domain["zone"], {tag: tag for tag in ("Project", "Environment")}):
            yield f"{component}: {name} is {properties}"
        if case.templates[component]["Resources"][name].get("DeletionPolicy") != "RetainExceptOnCreate":
            yield f"{component}: {name} goes with its stack"


def records_have_the_host_names(case: Case) -> Found:
    """Each host has one alias, of the pattern's name, to its load balancer, whose output has the same name."""
    wanted = {
        name: (
            host,
            "A",
            _zone(case),
            f"load-balancer-{name}.DnsName",
            f"load-balancer-{name}.HostedZoneId",
            True,
        )
        for name, host in _host_names(case).items()
    }
    found = [
        (
            case.value(component, each["Name"]),
            each["Type"],
            case.value(component, each["HostedZoneId"]),
            case.value(component, each["AliasTarget"]["DNSName"]),
            case.value(component, each["AliasTarget"]["HostedZoneId"]),
            each["AliasTarget"].get("EvaluateTargetHealth"),
        )
        for component, _name, each in case.resources("AWS::Route53::RecordSet")
    ]
    if sorted(found) != sorted(wanted.values()):
        yield f"{found} are not {wanted}"
    for name in case.description["load_balancers"]:
        component = f"load-balancer-{name}"
        outputs = case.templates[component]["Outputs"]
        own = _host_names(case).get(name, f"{component}:LoadBalancer.DNSName")
        if case.value(component, outputs["HostName"]["Value"]) != own:
            yield f"{component} has the host name {outputs['HostName']['Value']}, not {own}"


def listeners_have_certificates(case: Case) -> Found:
    """A listener of HTTPS has its own certificate, or that of the host name, which is validated in the zone."""
    used = set()
    for name, balancer in case.description["load_balancers"].items():
        component = f"load-balancer-{name}"
        for each, listener in balancer["listeners"].items():
            found = case.properties(component, f"Listener{logical_id(each)}").get("Certificates", [])
            arns = [case.value(component, one["CertificateArn"]) for one in found]
            own = listener.get("certificate_arn", f"certificates.{logical_id(name)}CertificateArn")
            if arns != ([own] if listener["protocol"] == "HTTPS" else []):
                yield f"{component}: listener {each} has the certificates {arns}"
            if arns and "certificate_arn" not in listener:
                used.add(name)
    wanted = {_host_names(case)[name] for name in used}
    requested = set()
    for component, name, each in case.resources("AWS::CertificateManager::Certificate"):
        domain = case.value(component, each["DomainName"])
        requested.add(domain)
        (option,) = each["DomainValidationOptions"]
        validated = (case.value(component, option["DomainName"]), case.value(component, option["HostedZoneId"]))
        if each["ValidationMethod"] != "DNS" or validated != (domain, _zone(case)):
            yield f"{component}: {name} is validated in {validated}"
    if requested != wanted:
        yield f"certificates of {requested}, not of {wanted}"


def urls_lead_to_listeners(case: Case) -> Found:
    """The URL of a load balancer is that of one of its listeners, of HTTPS on 443 where it has that."""
    for name, balancer in case.description["load_balancers"].items():
        component = f"load-balancer-{name}"
        outputs = case.templates[component]["Outputs"]
        host = case.value(component, outputs["HostName"]["Value"])
        scheme, _colon, rest = case.value(component, outputs["Url"]["Value"]).partition("://")
        port = rest.removeprefix(host).removeprefix(":") or {"https": "443", "http": "80"}[scheme]
        direct = {
            (each["protocol"].lower(), str(each["port"]))
            for each in balancer["listeners"].values()
            if "redirect_to" not in each
        }
        if not rest.startswith(host) or (scheme, port) not in direct:
            yield f"{component}: {scheme}://{rest} is none of {direct}"
        if ("https", "443") in direct and (scheme, port) != ("https", "443"):
            yield f"{component}: {scheme}://{rest}, and it has HTTPS"


def target_groups_are_checked(case: Case) -> Found:
    """Each target group has protocol, path and thresholds, and checks a port that the load balancer may reach."""
    for component, _name, service in case.services():
        for target, _listener, group in _targets(service):
            properties = case.properties(component, group)
            check = target["health_check"]
            wanted = {
                "Protocol": "HTTP",
                "Port": ports_of(service, target)[0],
                "HealthCheckPath": check["path"],
                "HealthyThresholdCount": check["healthy_threshold"],
                "UnhealthyThresholdCount": check["unhealthy_threshold"],
            }
            if {key: properties.get(key) for key in wanted} != wanted:
                yield f"{component}: {group} is {properties}"
            checked = properties.get("HealthCheckPort", str(properties["Port"]))
            if checked != str(ports_of(service, target)[1]):
                yield f"{component}: {group} checks port {checked}"


def further_targets_are_complete(case: Case) -> Found:
    """Each further target is in the service, has a rule that the service waits for, and an alarm of its own."""
    for component, name, service in case.services():
        resources, properties = case.templates[component]["Resources"], case.properties(component, "Service")
        in_service = [each["TargetGroupArn"]["Ref"] for each in properties.get("LoadBalancers", [])]
        groups = [group for _target, _listener, group in _targets(service)]
        if in_service != groups:
            yield f"{component} registers with {in_service}, not with {groups}"
        for target, listener, group in _targets(service):
            rule = group.replace("TargetGroup", "ListenerRule")
            balancer = case.description["load_balancers"][target["name"]]
            first, *_more = [one for one, each in balancer["listeners"].items() if "redirect_to" not in each]
            arn = f"load-balancer-{target['name']}.Listener{logical_id(listener or first)}Arn"
            if case.value(component, case.properties(component, rule)["ListenerArn"]) != arn:
                yield f"{component}: {rule} is of another listener"
            if service["targets"] and rule not in resources["Service"].get("DependsOn", []):
                yield f"{component} does not wait for {rule}"
        for further, target in service["targets"].items():
            alarm = case.properties(component, f"{logical_id('unhealthy', further)}Alarm")
            if case.value(component, alarm["AlarmName"]) != f"${{Project}}-${{Environment}}-{name}-unhealthy-{further}":
                yield f"{component}: {alarm['AlarmName']}"
            (metric,) = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
            dimensions = {each["Name"]: case.value(component, each["Value"]) for each in metric["Dimensions"]}
            if dimensions != {
                "TargetGroup": f"{component}:TargetGroup{logical_id(further)}.TargetGroupFullName",
                "LoadBalancer": f"load-balancer-{target['name']}.FullName",
            }:
                yield f"{component}: {further} is watched by {dimensions}"


def _targets(service: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str | None, str]]:
    """Yield each target with its listener and the logical id of its first target group."""
    if "load_balancer" in service:
        yield service["load_balancer"], service["load_balancer"].get("listener"), "TargetGroup"
    for name, target in service["targets"].items():
        yield target, target.get("listener"), f"TargetGroup{logical_id(name)}"


EVERY_NAME = (
    a_zone_is_created_where_none_is_given,
    records_have_the_host_names,
    listeners_have_certificates,
    urls_lead_to_listeners,
    target_groups_are_checked,
    further_targets_are_complete,
)
