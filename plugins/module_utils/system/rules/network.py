# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with how requests reach services: the domain, load balancers, listeners and targets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.certificates import certified
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.domain import (
    PLACEHOLDERS,
    host_pattern,
    hosted,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.target_groups import (
    ROLLING,
    rule_name,
    rule_priority,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import COMMON_PARAMETERS
from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.finding import Finding, Path, unknown
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Listener,
    LoadBalancer,
    Sections,
    Service,
    Target,
    targets_of,
)

# https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
MOST_CONDITIONS = 5
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/register-multiple-targetgroups.html
MOST_TARGETS = 5
# Characters of a host name and of each part: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
LONGEST_HOST, LONGEST_LABEL = 253, 63
# https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html
LONGEST_CERTIFIED = 64
# The longest parts of a host name that an environment gives; a region has a name such as ap-southeast-1.
LONGEST_PARTS: Mapping[str, str] = {
    PLACEHOLDERS["environment"]: "e" * COMMON_PARAMETERS["Environment"]["MaxLength"],
    PLACEHOLDERS["region"]: "r" * len("ap-southeast-1"),
}
KNOWN = ("{name}", "{environment}", "{region}", "{zone}")


def network(sections: Sections) -> Iterator[Finding]:
    """Yield what is wrong with the domain, the load balancers and the targets of services."""
    pattern = list(_pattern(sections))
    yield from pattern or _hosts(sections)
    for name, load_balancer in sections["load_balancers"].items():
        yield from _load_balancer(("load_balancers", name), load_balancer)
    for name, service in sections["services"].items():
        yield from _targets(("services", name), service, sections)
    yield from _rules(sections)


def _pattern(sections: Sections) -> Iterator[Finding]:
    if "domain" not in sections:
        return
    at: Path = ("domain", "pattern")
    pattern, hosts = sections["domain"]["pattern"], hosted(sections)
    for found in re.findall(r"\{[^{}]*\}|[^a-z0-9.-]", pattern):
        if found not in KNOWN:
            yield Finding(at, f"has {found}, which stands for nothing", f"take {', '.join(KNOWN)}, letters and digits")
            return
    if not re.search(r"(^|[.])\{zone\}$", pattern):
        yield Finding(at, "does not end in {zone}, so that its names are outside of the zone", "end it in .{zone}")
    elif "{name}" not in pattern and len(hosts) > 1:
        what = f"lacks {{name}}, so that {' and '.join(hosts)} have one host name"
        yield Finding(at, what, "add {name}")


def _hosts(sections: Sections) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name, load_balancer in hosted(sections).items():
        at, host = ("load_balancers", name, "host"), load_balancer["host"]
        other = first.setdefault(host, name)
        if "domain" not in sections:
            yield Finding(at, f"is {host}, and the description has no domain", "add domain with its zone")
        elif other != name:
            yield Finding(at, f"is {host}, which load balancer {other} has, too", "take another")
        else:
            most = LONGEST_CERTIFIED if name in certified(sections) else LONGEST_HOST
            yield from _length(at, host_pattern(host, sections["domain"]), most)


def _length(at: Path, text: str, most: int) -> Iterator[Finding]:
    for part, longest in LONGEST_PARTS.items():
        text = text.replace(part, longest)
    label = max(text.split("."), key=len)
    if len(label) > LONGEST_LABEL:
        what = f"gives a part of the host name up to {len(label)} characters, and {LONGEST_LABEL} are the most"
        yield Finding(at, what, "shorten it, or domain.pattern")
    elif len(text) > most:
        what = f"gives a host name of up to {len(text)} characters, and {most} are the most"
        yield Finding(at, what, "shorten it, domain.pattern or domain.zone")


def _load_balancer(at: Path, load_balancer: LoadBalancer) -> Iterator[Finding]:
    is_public = load_balancer["scheme"] == "internet-facing"
    if is_public and "admits" not in load_balancer:
        remedy = "add admits, such as [203.0.113.0/24]; [0.0.0.0/0] is everybody"
        yield Finding(at, "is internet-facing and does not say who may connect", remedy)
    first: dict[int, str] = {}
    for name, listener in load_balancer["listeners"].items():
        where, other = (*at, "listeners", name), first.setdefault(listener["port"], name)
        if other != name:
            what = f"is {listener['port']}, which listener {other} has, too"
            yield Finding((*where, "port"), what, "take another")
        if listener["protocol"] == "HTTPS" and "certificate_arn" not in listener and "host" not in load_balancer:
            remedy = "add certificate_arn, or host to the load balancer"
            yield Finding(where, "is HTTPS without a certificate", remedy)
        if listener["protocol"] == "HTTP" and "certificate_arn" in listener:
            yield Finding((*where, "certificate_arn"), "has no effect with HTTP", "take protocol: HTTPS")
        if listener["protocol"] == "HTTP" and is_public and "redirect_to" not in listener:
            yield Finding(where, "is HTTP, which is not encrypted", "take protocol: HTTPS, or add redirect_to")
        if "redirect_to" in listener:
            yield from _redirect(where, listener, load_balancer)


def _redirect(at: Path, listener: Listener, load_balancer: LoadBalancer) -> Iterator[Finding]:
    if listener.get("admits") == []:
        yield Finding((*at, "admits"), "admits nobody, and the listener redirects", "remove the listener, or admits")
        return
    for name, other in load_balancer["listeners"].items():
        if other["port"] == listener["redirect_to"] and other.get("admits") == []:
            what = f"is {other['port']}, and listener {name} admits nobody"
            yield Finding((*at, "redirect_to"), what, "take another port, or let that listener admit the same ranges")


def _targets(at: Path, service: Service, sections: Sections) -> Iterator[Finding]:
    if "load_balancer" in service:
        yield from _target((*at, "load_balancer"), service["load_balancer"], service, sections)
    if not service["targets"]:
        return
    strategy = service["deployment"]["strategy"]
    if "load_balancer" not in service:
        what = "are further targets, and the service has no load_balancer"
        yield Finding((*at, "targets"), what, "write one of them into load_balancer")
    elif strategy != ROLLING:
        what = f"is {strategy}, and ECS shifts the traffic of one target only"
        yield Finding((*at, "deployment", "strategy"), what, "take ROLLING, or remove targets")
    elif len(targets_of(service)) > MOST_TARGETS:
        what = f"give the service {len(targets_of(service))} target groups, and {MOST_TARGETS} are the most"
        yield Finding((*at, "targets"), what, "remove some")
    for name, target in service["targets"].items():
        yield from _target((*at, "targets", name), target, service, sections)
        if "test_listener" in target:
            yield Finding((*at, "targets", name, "test_listener"), "has no effect with ROLLING", "remove it")


def _target(at: Path, target: Target, service: Service, sections: Sections) -> Iterator[Finding]:
    timing = target["health_check"]
    if not service["ports"]:
        yield Finding(at, "needs a port of the service", "add ports, such as ports: {http: 8000}")
    else:
        for key, port in (("port", target.get("port")), ("health_check.port", timing.get("port"))):
            if port is not None:
                yield from unknown((*at, *key.split(".")), port, service["ports"], "port of the service", "ports")
    if len(target["paths"]) + len(target.get("hosts", [])) > MOST_CONDITIONS:
        what = f"has more than {MOST_CONDITIONS} paths and hosts, the most of a rule"
        yield Finding(at, what, "remove some, or use a wildcard")
    if "listener" in target and target["listener"] == target.get("test_listener"):
        yield Finding((*at, "test_listener"), "is listener, too", "take another listener")
    if timing["timeout"] >= timing["interval"]:
        what = f"is {timing['timeout']}, as long as interval or longer"
        yield Finding((*at, "health_check", "timeout"), what, f"take less than {timing['interval']}")
    load_balancer = sections["load_balancers"].get(target["name"])
    if load_balancer is None:
        yield from unknown((*at, "name"), target["name"], sections["load_balancers"], "load balancer", "load_balancers")
        return
    where, listeners = f"load_balancers.{target['name']}.listeners", load_balancer["listeners"]
    if all("redirect_to" in listener for listener in listeners.values()):
        what = f"is {target['name']}, of which every listener redirects"
        yield Finding((*at, "name"), what, f"add a listener to {where} that does not")
        return
    for key, name in (("listener", target.get("listener")), ("test_listener", target.get("test_listener"))):
        if name is None:
            continue
        yield from unknown((*at, key), name, listeners, "listener", where)
        if "redirect_to" in listeners.get(name, {}):
            what = f"is {name}, which redirects every request"
            yield Finding((*at, key), what, "take a listener without redirect_to")


def _rules(sections: Sections) -> Iterator[Finding]:
    """Yield each target whose rule has the priority of another rule of its load balancer."""
    seen: dict[tuple[str, int], str] = {}
    for name, service in sections["services"].items():
        for further, target in targets_of(service).items():
            own = rule_name(name, further)
            other = seen.setdefault((target["name"], rule_priority(own, target)), own)
            if other != own:
                what = f"gives its rule the priority of the rule of {other}"
                at = ("targets", further) if further else ("load_balancer",)
                noun = "the target" if further else "the service"
                yield Finding(("services", name, *at), what, f"name longer paths, or rename {noun}")
