# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions with one fault each in references, domains, listeners and further targets, and their neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.target_groups import (
    rule_name,
    rule_priority,
)
from wrong_descriptions import REMOVED, Sections, Wrong, main, web

OUTPUTS_OF_MAIN = "DnsName, HostedZoneId, HostName, Url, FullName, Arn, ListenerHttpArn, ListenerTestArn"


HTTPS = {"port": 443, "protocol": "HTTPS"}
TARGET: Any = {"name": "main", "paths": ["/*"]}


def _value(text: str) -> Sections:
    return web(environment={"X": text})


REFERENCES: Mapping[str, Wrong] = {
    "a misspelt reference": Wrong(
        _value("${load-balancer-main.dnsName}"),
        _value("${load-balancer-main.DnsName}"),
        "services.web.environment.X",
        "has ${load-balancer-main.dnsName}, which names no output",
        "write ${component.Output}, or ${! in place of ${ for the text itself",
    ),
    "a text that looks like a reference": Wrong(
        web(sidecars={"proxy": {"image": "x:1", "environment": {"X": "${HOME}"}}}),
        web(sidecars={"proxy": {"environment": {"X": "${!HOME}"}}}),
        "services.web.sidecars.proxy.environment.X",
        "has ${HOME}, which names no output",
        "write ${component.Output}, or ${! in place of ${ for the text itself",
    ),
    "an output beside a parameter": Wrong(
        {"jobs": {"mail": {"environment": {"X": "${table.TableName}/{to}"}}}},
        {"jobs": {"mail": {"environment": {"X": "${table.TableName}", "Y": "{to}"}}}},
        "jobs.mail.environment.X",
        "has an output beside a parameter of the job, which each run fills in",
        "give each a variable of its own",
    ),
    "an output of no component": Wrong(
        _value("${load-balancer-man.DnsName}"),
        _value("${load-balancer-main.DnsName}"),
        "services.web.environment.X",
        "has ${load-balancer-man.DnsName}, and load-balancer-man is no component",
        "take one of network, cluster, registry, table, image, security-groups, keys, secrets, "
        "file-systems, queues, database-main, load-balancer-main, service-web, service-worker, service-mail-workers, "
        "job-sum, job-mail, job-failures, dashboard",
    ),
    "an output that a stack lacks": Wrong(
        _value("${load-balancer-main.HostNaem}"),
        _value("${load-balancer-main.DnsName}"),
        "services.web.environment.X",
        "has ${load-balancer-main.HostNaem}, and load-balancer-main has no output HostNaem",
        f"take one of {OUTPUTS_OF_MAIN}",
    ),
    "an output of a stack without outputs": Wrong(
        {"limits": {"monthly_budget_usd": 9}, **_value("${budget.Name}")},
        _value("${load-balancer-main.DnsName}"),
        "services.web.environment.X",
        "has ${budget.Name}, and budget has no output Name",
        "remove it",
    ),
    "an output that a role does not give": Wrong(
        _value("${image.Digest}"),
        _value("${image.ImageUri}"),
        "services.web.environment.X",
        "has ${image.Digest}, which component image does not give",
        "add it to components.image.gives",
    ),
    "an output of its own stack": Wrong(
        _value("${service-web.ServiceName}"),
        _value("${service-worker.ServiceName}"),
        "services.web.environment.X",
        "has ${service-web.ServiceName}, an output of its own stack",
        "remove it: a stack takes the outputs of others",
    ),
    "outputs in a circle": Wrong(
        {
            "components": {"site": {"takes": {"a": "service-web.ServiceName"}}},
            **_value("${site.Url}"),
        },
        {"components": {"site": {"takes": {"a": "service-worker.ServiceName"}}}},
        "services.web.environment.X",
        "has ${site.Url}, and site needs service-web",
        "remove one of both: a stack cannot wait for itself",
    ),
    "an output with the name of a resource": Wrong(
        {"components": {"task": {}}, **_value("${task.Definition}")},
        _value("${task.Arn}"),
        "services.web.environment.X",
        "has ${task.Definition}, whose parameter would have the name of a resource, TaskDefinition",
        "rename task",
    ),
    "an output of its own workers": Wrong(
        {"jobs": {"mail": {"environment": {"X": "${service-mail-workers.ServiceName}"}}}},
        {"jobs": {"mail": {"environment": {"X": "${service-web.ServiceName}"}}}},
        "jobs.mail.environment.X",
        "has ${service-mail-workers.ServiceName}, an output of its own stack",
        "remove it: a stack takes the outputs of others",
    ),
}

DOMAIN = {"domain": {"zone": "example.com"}}
LONG_ZONE = ".".join(["z" * 20] * 3)


def _balancers(**hosts: str) -> Sections:
    return {
        "load_balancers": {name: {"host": host, "listeners": {"http": {"port": 80}}} for name, host in hosts.items()}
    }


def _pattern(pattern: str) -> Sections:
    return {"domain": {"zone": "example.com", "pattern": pattern}}


HOSTS: Mapping[str, Wrong] = {
    "a host without a domain": Wrong(
        main(host="shop"),
        DOMAIN,
        "load_balancers.main.host",
        "is shop, and the description has no domain",
        "add domain with its zone",
    ),
    "two load balancers of one host": Wrong(
        {**DOMAIN, **_balancers(main="shop", site="shop")},
        _balancers(site="site"),
        "load_balancers.site.host",
        "is shop, which load balancer main has, too",
        "take another",
    ),
    "an unknown part of a host name": Wrong(
        _pattern("{service}.{zone}"),
        _pattern("{name}.{zone}"),
        "domain.pattern",
        "has {service}, which stands for nothing",
        "take {name}, {environment}, {region}, {zone}, letters and digits",
    ),
    "a pattern with an open brace": Wrong(
        _pattern("{name.{zone}"),
        _pattern("{name}.{zone}"),
        "domain.pattern",
        "has {, which stands for nothing",
        "take {name}, {environment}, {region}, {zone}, letters and digits",
    ),
    "a name outside of the zone": Wrong(
        _pattern("{name}.example.org"),
        _pattern("{name}.{zone}"),
        "domain.pattern",
        "does not end in {zone}, so that its names are outside of the zone",
        "end it in .{zone}",
    ),
    "one name of two hosts": Wrong(
        {**_pattern("shop.{zone}"), **_balancers(main="shop", site="site")},
        _pattern("{name}.{zone}"),
        "domain.pattern",
        "lacks {name}, so that main and site have one host name",
        "add {name}",
    ),
    "a long part of a host name": Wrong(
        {**_pattern("{name}-{environment}-{region}.{zone}"), **_balancers(main="s" * 32)},
        _balancers(main="s" * 31),
        "load_balancers.main.host",
        "gives a part of the host name up to 64 characters, and 63 are the most",
        "shorten it, or domain.pattern",
    ),
    "a host name too long for a certificate": Wrong(
        {"domain": {"zone": LONG_ZONE, "pattern": "{name}.{zone}"}, **main(host="sh", listeners={"http": HTTPS})},
        main(host="s"),
        "load_balancers.main.host",
        "gives a host name of up to 65 characters, and 64 are the most",
        "shorten it, domain.pattern or domain.zone",
    ),
    "a redirect that admits nobody": Wrong(
        main(listeners={"away": {"port": 81, "redirect_to": 443, "admits": []}}),
        main(listeners={"away": {"admits": REMOVED}}),
        "load_balancers.main.listeners.away.admits",
        "admits nobody, and the listener redirects",
        "remove the listener, or admits",
    ),
    "a redirect to a listener that admits nobody": Wrong(
        main(listeners={"test": {"admits": []}, "away": {"port": 81, "redirect_to": 8080}}),
        main(listeners={"test": {"admits": ["10.0.0.0/8"]}}),
        "load_balancers.main.listeners.away.redirect_to",
        "is 8080, and listener test admits nobody",
        "take another port, or let that listener admit the same ranges",
    ),
}
ROLLING: Sections = {
    "deployment": {"strategy": "ROLLING", "alarms": []},
    "load_balancer": {"test_listener": REMOVED},
}


def _further(**keys: object) -> Sections:
    return web(**ROLLING, targets={"more": {"name": "main", "listener": "test", "paths": ["/more"], **keys}})


def _same_priority() -> str:
    """Return a name of a further target of web whose rule has the priority of the rule of web."""
    wanted = rule_priority("web", TARGET)
    names = (f"t{number}" for number in range(9999))
    return next(name for name in names if rule_priority(rule_name("web", name), TARGET) == wanted)


TWIN = _same_priority()
TARGETS: Mapping[str, Wrong] = {
    "further targets without a first one": Wrong(
        {"services": {"worker": {"ports": {"http": 80}, "targets": {"more": {"name": "main"}}}}},
        {"services": {"worker": {"load_balancer": {"name": "main", "listener": "test"}}}},
        "services.worker.targets",
        "are further targets, and the service has no load_balancer",
        "write one of them into load_balancer",
    ),
    "further targets of a service that shifts traffic": Wrong(
        web(targets={"more": {"name": "main", "listener": "test", "paths": ["/more"]}}),
        web(**ROLLING),
        "services.web.deployment.strategy",
        "is BLUE_GREEN, and ECS shifts the traffic of one target only",
        "take ROLLING, or remove targets",
    ),
    "more than five targets": Wrong(
        web(**ROLLING, targets={f"t{number}": {"name": "main", "paths": [f"/{number}"]} for number in range(5)}),
        web(targets={"t0": REMOVED}),
        "services.web.targets",
        "give the service 6 target groups, and 5 are the most",
        "remove some",
    ),
    "a further target with a test listener": Wrong(
        _further(test_listener="http"),
        web(targets={"more": {"test_listener": REMOVED}}),
        "services.web.targets.more.test_listener",
        "has no effect with ROLLING",
        "remove it",
    ),
    "a further target of no load balancer": Wrong(
        _further(name="man", listener=REMOVED),
        web(targets={"more": {"name": "main"}}),
        "services.web.targets.more.name",
        "is 'man', which is no load balancer",
        "take one of main",
    ),
    "a check of no port": Wrong(
        _further(health_check={"port": "admin"}),
        web(ports={"admin": 9000}),
        "services.web.targets.more.health_check.port",
        "is 'admin', which is no port of the service",
        "take one of http",
    ),
    "a further target with the priority of the first": Wrong(
        web(**ROLLING, targets={TWIN: TARGET}),
        web(targets={TWIN: {"paths": ["/more/*"]}}),
        f"services.web.targets.{TWIN}",
        "gives its rule the priority of the rule of web",
        "name longer paths, or rename the target",
    ),
    "two targets of one logical id": Wrong(
        web(**ROLLING, targets={each: {"name": "main", "paths": [f"/{each}"]} for each in ("a-b", "a--b")}),
        web(targets={"a--b": REMOVED}),
        "services.web.targets.a--b",
        "has the logical id AB, which a-b has, too",
        "rename one of them",
    ),
}

NAMES: Mapping[str, Wrong] = {**REFERENCES, **HOSTS, **TARGETS}
