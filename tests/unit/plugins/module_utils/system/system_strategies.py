# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions of systems: drawn ones, each valid, and a small one that tests change."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ansible_collections.gantry.ecs.plugins.module_utils.system.checks import MEMORY
from ansible_collections.gantry.ecs.plugins.plugin_utils.system_document import SCHEMA, completed, merged
from hypothesis import strategies as st

Section = dict[str, Any]
Item = TypeVar("Item")

COMPONENTS: Mapping[str, Any] = {
    "network": {},
    "cluster": {},
    "registry": {},
    "table": {},
    "image": {
        "kind": "role",
        "role": "build_push",
        "gives": {"ImageUri": "build_push_image", "RepositoryArn": "build_push_repository_arn"},
    },
}
# Names that occur in templates, too, and the longest.
NAMES = (
    *("a", "b", "b2", "project", "environment", "service", "task-role", "log-group", "listener-rule", "dead"),
    *(
        "data-access-point",
        "data",
        "permissions-boundary-arn",
        "to-endpoints",
        "a-very-long-name-of-28-characters"[:28],
    ),
)
# RDS takes 63 characters with project, environment and the number of an instance.
SHORT_NAMES = [name for name in NAMES if len(name) <= 22]
# With environment, region and zone a certificate takes 64 characters.
LONGEST_HOST = 16
PORTS = (80, 443, 8080, 8000, 65535)
RETENTION = (1, 14, 30, 3653)
EXISTING = "arn:aws:secretsmanager:eu-west-1:210987654321:secret:given-a1B2c3"
PARAMETER = "arn:aws:ssm:eu-west-1:210987654321:parameter/given"
KEY = "arn:aws:kms:eu-west-1:210987654321:key/0f0e0d0c-0000-4000-8000-000000000000"
CERTIFICATE = "arn:aws:acm:eu-west-1:210987654321:certificate/0f0e0d0c-0000-4000-8000-000000000000"

schema: Mapping[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))


def filled(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a valid description with its defaults."""
    return completed(document, schema)


def small(**sections: Any) -> dict[str, Any]:
    """Return a description with a service behind a load balancer, a job from a queue and one of workers, joined."""
    document = {
        "name": "shop",
        "project": "shop",
        "components": COMPONENTS,
        "file_systems": {"data": {}},
        "keys": {"data": {}},
        "secrets": {"key": {}, "web": {"generate": 32, "json_key": "client_secret", "key": "data"}},
        "databases": {"main": {"database_name": "shop", "username": "shop", "key": "data"}},
        "queues": {"work": {"visibility_timeout": 4000}, "mails": {"visibility_timeout": 4000}},
        "load_balancers": {"main": {"listeners": {"http": {"port": 80}, "test": {"port": 8080}}}},
        "services": {
            "web": {
                "ports": {"http": 8000},
                "mounts": {"/data": "data"},
                "secrets": {"KEY": "key", "CLIENT": "web#client_secret", "PASSWORD": "database:main#password"},
                "uses": {"web": ["write"], "main": ["connect"]},
                "health_check": {"command": ["healthy"]},
                "load_balancer": {"name": "main", "listener": "http", "test_listener": "test"},
                "deployment": {"strategy": "BLUE_GREEN", "alarms": ["errors"]},
            },
            "worker": {"uses": {"work": ["receive"]}, "scaling": {"min": 0, "max": 3, "backlog": _backlog("work")}},
        },
        "jobs": {
            "sum": {"calls": ["web"], "queue": {"name": "work"}},
            "mail": {
                "command": ["mail", "{to}"],
                "parameters": {"to": {"default": "all"}},
                "queue": {"name": "mails", "mode": "workers", "max_running": 4},
                "schedule": {"expression": "rate(1 day)"},
            },
        },
    }
    joined = merged(document, sections)
    assert isinstance(joined, dict)
    return joined


def _backlog(queue: str) -> Section:
    return {"queue": queue, "per_task": 5}


@st.composite
def drawn_systems(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a valid description, joined with the values of an environment and completed."""
    document = draw(descriptions())
    counts = st.fixed_dictionaries({}, optional=dict.fromkeys(document.get("services", {}), counted))
    values = {"services": draw(counts)} if draw(st.booleans()) else {}
    return filled(merged(document, values))


counted = st.fixed_dictionaries({"desired_count": st.integers(0, 3)}, optional={"execute_command": st.booleans()})


@st.composite
def descriptions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a valid description without defaults."""
    has_domain = draw(st.booleans())
    keys = draw(_named(key, 2))
    known: Section = {
        **({"domain": draw(domains)} if has_domain else {}),
        "keys": keys,
        "file_systems": draw(_named(file_system, 2)),
        "secrets": draw(_named(secrets(keys), 3)),
        "parameters": draw(_named(parameters(keys), 2)),
        "databases": draw(st.dictionaries(st.sampled_from(SHORT_NAMES), databases(keys), max_size=2)),
        "queues": draw(_named(queue, 2)),
        "load_balancers": draw(_named(load_balancers(has_domain), 2)),
    }
    ports = {name: draw(_ports) for name in draw(_names(3))}
    # A job has no name of a service.
    jobs = [name for name in draw(_names(3)) if name not in ports]
    known["services"] = {name: draw(services(name, known, ports)) for name in ports}
    draw(_service_connect(known["services"]))
    # No job resolves a name of Service Connect.
    plain = {name: {} if "service_connect" in known["services"][name] else each for name, each in ports.items()}
    known["jobs"] = {name: draw(jobs_of(known, plain)) for name in jobs}
    components = draw(_clusters([*known["services"].values(), *known["jobs"].values()]))
    _one_worker_a_queue(known["jobs"])
    _own_hosts(known["load_balancers"])
    if draw(st.booleans()):
        known["jobs"]["rollback"] = {"role": "rollback", "takes": {"rollback_repository": "registry.RepositoryName"}}
    known["limits"] = draw(limits)
    known["observability"] = draw(observability)
    if draw(st.booleans()):
        known["defaults"] = draw(
            st.fixed_dictionaries({}, optional={"user": st.just("1000"), "stop_timeout": st.just(9)})
        )
    written = {name: section for name, section in known.items() if section or draw(st.booleans())}
    return {"name": "drawn", "project": "drawn", "components": components, **written}


@st.composite
def _clusters(draw: st.DrawFn, workloads_of: Sequence[Section]) -> Section:
    """Draw components, with a second cluster for some of the services and jobs."""
    if not draw(st.booleans()):
        return {**COMPONENTS}
    for each in workloads_of:
        if draw(st.booleans()):
            each["cluster"] = "second"
    insights = {"cluster_container_insights": "disabled"}
    second = {"role": "cluster", "arguments": {"cluster_name": "two", **insights}}
    return {**COMPONENTS, "cluster": {"arguments": insights}, "second": second}


@st.composite
def _service_connect(draw: st.DrawFn, drawn: Section) -> None:
    """Give some services a name of Service Connect, which another service or they themselves use."""
    for number, (name, service) in enumerate(drawn.items()):
        if not service["ports"] or not draw(st.booleans()):
            continue
        caller = drawn[draw(st.sampled_from(sorted(drawn)))]
        caller["calls"] = list(dict.fromkeys([*caller["calls"], name]))
        names = ({}, {"dns_name": f"{name}.internal"}, {"port": 7000 + number}, {"ingress_port": 20000 + number})
        port = draw(st.sampled_from(sorted(service["ports"])))
        service["service_connect"] = {port: draw(st.sampled_from(names))}


def _one_worker_a_queue(jobs: Mapping[str, Section]) -> None:
    """Leave the workers to the first job of each queue: two would take each other's messages."""
    seen: set[str] = set()
    for job in jobs.values():
        queue = job.get("queue", {})
        if queue.get("mode") == "workers" and (queue["name"] in seen or not job.get("command")):
            job["queue"] = {"name": queue["name"], "parameter": "prompt"}
        elif queue.get("mode") == "workers":
            seen.add(queue["name"])


def _own_hosts(load_balancers: Mapping[str, Section]) -> None:
    """Give each load balancer with a host one that no other has."""
    for name, each in load_balancers.items():
        if "host" in each:
            each["host"] = name[:LONGEST_HOST].rstrip("-")


def _names(most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(NAMES), unique=True, max_size=most)


def _named(each: st.SearchStrategy[Section], most: int) -> st.SearchStrategy[Section]:
    return st.dictionaries(st.sampled_from(NAMES), each, max_size=most)


def _subset(of: Sequence[Item]) -> st.SearchStrategy[list[Item]]:
    return st.lists(st.sampled_from(list(of)), unique=True, max_size=2) if of else st.just([])


_ports = st.lists(st.sampled_from(PORTS), unique=True, max_size=2).map(
    lambda each: dict(zip(("http", "grpc"), each, strict=False))
)
file_system = st.fixed_dictionaries(
    {}, optional={"path": st.just("/x/y"), "uid": st.integers(0, 70000), "backup": st.booleans()}
)
key = st.fixed_dictionaries({}, optional={"pending_window_days": st.integers(7, 30)})


def secrets(keys: Section) -> st.SearchStrategy[Section]:
    """Draw a secret that the deploy creates, or one that exists."""
    json_key = st.fixed_dictionaries({"generate": st.integers(16, 128), "json_key": st.just("client_secret")})
    return st.one_of(
        st.fixed_dictionaries({}, optional={"generate": st.integers(16, 128), "key_arn": st.just(KEY)}),
        st.fixed_dictionaries({}, optional={"generate": st.integers(16, 128)} | _of_keys(keys)),
        st.builds(
            lambda generated, encrypted: generated | encrypted,
            json_key,
            st.fixed_dictionaries({}, optional=_of_keys(keys)),
        ),
        st.fixed_dictionaries({"arn": st.just(EXISTING)}, optional={"key_arn": st.just(KEY)}),
        st.fixed_dictionaries({"parameter_arn": st.just(PARAMETER)}),
    )


def parameters(keys: Section) -> st.SearchStrategy[Section]:
    """Draw an SSM parameter that the deploy puts."""
    sources = st.sampled_from(({"value": "x"}, {"value": "${network.VpcId}"}, {"generate": 32}))
    encrypted = st.fixed_dictionaries({}, optional=_of_keys(keys))
    return st.builds(lambda source, more: {**source, **more}, sources, encrypted)


def databases(keys: Section) -> st.SearchStrategy[Section]:
    """Draw a database, with a proxy or without."""
    capacity = st.fixed_dictionaries({"min": st.sampled_from((0.5, 2)), "max": st.sampled_from((2, 16))})
    return st.fixed_dictionaries(
        {"database_name": st.just("shop"), "username": st.just("shop")},
        optional={
            "capacity": capacity,
            "instances": st.integers(1, 3),
            "proxy": st.booleans(),
            "deletion_protection": st.booleans(),
        }
        | _of_keys(keys),
    )


def _of_keys(keys: Section) -> dict[str, st.SearchStrategy[str]]:
    return {"key": st.sampled_from(sorted(keys))} if keys else {}


# Longer than any job that takes from it.
queue = st.fixed_dictionaries(
    {"visibility_timeout": st.integers(3601, 43200)}, optional={"max_receives": st.integers(1, 1000)}
)
domains = st.fixed_dictionaries(
    {"zone": st.sampled_from(("example.com", "a.b.example.org"))},
    optional={
        "zone_id": st.just("Z0123456789"),
        "pattern": st.sampled_from(("{name}.{zone}", "{name}-{environment}.{region}.{zone}")),
    },
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "max_tasks": st.just(10**6),
        "night_off": st.sampled_from(("20:00-06:00", "23:59-00:00")),
        "budget": st.fixed_dictionaries(
            {"monthly_budget_usd": st.just(100)}, optional={"budget_email": st.just("a@example.org")}
        ),
    },
).map(lambda drawn: {key: value for key, value in drawn.items() if key != "budget"} | drawn.get("budget", {}))
observability = st.fixed_dictionaries({}, optional={"dashboard": st.booleans(), "fault_injection": st.booleans()})
health_check = st.fixed_dictionaries({"command": st.just(["healthy"])}, optional={"interval": st.integers(5, 300)})
sidecar = st.fixed_dictionaries(
    {"image": st.just("public.ecr.aws/x/y:1")},
    optional={
        "health_check": health_check,
        "essential": st.booleans(),
        "memory": st.integers(6, 64),
        "environment": st.just({"B": False}),
    },
)

workload_keys = st.fixed_dictionaries(
    {},
    optional={
        "image": st.sampled_from(("image.ImageUri", "docker.io/library/x:1")),
        "command": st.just(["run", "{prompt}"]),
        "entry_point": st.just(["/entry"]),
        "environment": st.sampled_from(
            (
                {"A": 1, "B": True, "C": "text", "D": 0.5},
                {"A": "${network.VpcId}/${AWS::Region}", "B": "${!HOME}", "C": "${network.PrivateSubnetIds}"},
            )
        ),
        "health_check": health_check,
        "user": st.just("10001:10001"),
        "read_only": st.booleans(),
        "scratch": st.sampled_from((["/tmp"], ["/tmp", "/work"])),
        "architecture": st.sampled_from(("X86_64", "ARM64")),
        "ephemeral_storage": st.integers(21, 200),
        "log_retention_days": st.sampled_from(RETENTION),
        "sidecars": st.dictionaries(st.sampled_from(("proxy", "agent")), sidecar, max_size=2),
        "tracing": st.just({"image": "public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3"}),
        "grants": st.just([{"actions": ["bedrock:InvokeModel"], "resources": ["arn:${AWS::Partition}:bedrock:::m/x"]}]),
    },
)
target_keys = st.fixed_dictionaries(
    {}, optional={"sticky": st.sampled_from((0, 3600)), "deregistration_delay": st.just(5)}
)
receiving = st.lists(st.sampled_from(("send", "receive")), unique=True, min_size=1)
reading = st.lists(st.sampled_from(("read", "write")), unique=True, min_size=1)


@st.composite
def load_balancers(draw: st.DrawFn, has_domain: bool) -> Section:
    """Draw a load balancer; it has a listener that does not redirect."""
    is_public = draw(st.booleans())
    ports = draw(st.lists(st.sampled_from(PORTS), unique=True, min_size=1, max_size=3))
    https = {"protocol": "HTTPS", "certificate_arn": CERTIFICATE}
    listeners = {
        f"l{number}": {"port": port, **(https if is_public or draw(st.booleans()) else {})}
        for number, port in enumerate(ports)
    }
    if len(ports) > 1 and draw(st.booleans()):
        listeners = {"redirect": {"port": ports[0], "redirect_to": 443}} | {
            name: each for name, each in listeners.items() if name != "l0"
        }
    found: Section = {"listeners": listeners}
    if has_domain and draw(st.booleans()):
        found["host"] = "given"
        for listener in listeners.values():
            if draw(st.booleans()):
                listener.pop("certificate_arn", None)
    for listener in listeners.values():
        # A redirect leads to a listener that admits somebody.
        if "redirect_to" not in listener and draw(st.booleans()) and listener["port"] != 443:
            listener["admits"] = draw(st.sampled_from(([], ["198.51.100.0/24"])))
    if is_public:
        found |= {"scheme": "internet-facing", "admits": draw(st.sampled_from((["0.0.0.0/0"], ["203.0.113.0/24"], [])))}
    return found


@st.composite
def workloads(draw: st.DrawFn, known: Section, ports: Mapping[str, Section]) -> Section:
    """Draw what a service and a job have in common; it refers to known names only."""
    cpu = draw(st.sampled_from(sorted(MEMORY)))
    called = [name for name, each in ports.items() if each]
    callable_names = [*called, *(f"load_balancer:{name}" for name in known["load_balancers"])]
    hidden = [draw(_secret_text(name, known)) for name in draw(_subset(list(known["secrets"])))]
    others = [f"database:{name}#{key}" for name in known["databases"] for key in ("username", "password")]
    others += [f"parameter:{name}" for name in known["parameters"]]
    found: Section = {
        "cpu": cpu,
        "memory": draw(st.sampled_from(list(MEMORY[cpu]))),
        "calls": draw(_subset(callable_names)),
        "mounts": {f"/m{number}": name for number, name in enumerate(draw(_subset(list(known["file_systems"]))))},
        "secrets": {f"SECRET_{number}": text for number, text in enumerate([*hidden, *draw(_subset(others))])},
        "uses": {name: draw(words) for name, words in draw(_subset(list(_usable(known).items())))},
    }
    if draw(st.booleans()):
        found["uses"]["table"] = draw(reading)
    return found | draw(workload_keys)


def _usable(known: Section) -> dict[str, st.SearchStrategy[list[str]]]:
    """Return what a task may do with what it uses, by name; a name in two sections is none of them."""
    words = {"queues": receiving, "secrets": reading, "databases": st.just(["connect"])}
    named = [(name, section) for section in words for name in known[section]]
    counts = Counter(name for name, _section in named)
    return {
        name: words[section]
        for name, section in named
        if counts[name] == 1 and "parameter_arn" not in known[section][name]
    }


def _secret_text(name: str, known: Section) -> st.SearchStrategy[str]:
    secret = known["secrets"][name]
    if "json_key" in secret:
        return st.just(f"{name}#{secret['json_key']}")
    # Neither an SSM parameter nor a generated value has keys.
    return st.just(name) if {"parameter_arn", "generate"} & secret.keys() else st.sampled_from((name, f"{name}#key"))


@st.composite
def services(draw: st.DrawFn, name: str, known: Section, ports: Mapping[str, Section]) -> Section:
    """Draw a service."""
    found = draw(workloads(known, ports)) | {"ports": ports[name]}
    if known["load_balancers"] and ports[name] and draw(st.booleans()):
        found["load_balancer"] = draw(targets(name, known, ports[name]))
    has_targets = "load_balancer" in found
    if has_targets and draw(st.booleans()):
        further = draw(st.lists(st.sampled_from(("more", "gradio-ui")), unique=True, max_size=2))
        found["targets"] = {each: draw(targets(f"{name}/{each}", known, ports[name])) for each in further}
        for each in found["targets"].values():
            each.pop("test_listener", None)
    found |= draw(service_keys) | {"deployment": draw(deployments[has_targets])}
    if found.get("targets"):
        found["deployment"] = draw(rolling)
    if draw(st.booleans()):
        found["scaling"] = draw(scalings(known, has_targets))
    if "latency" not in found.get("alarms", {}):
        kept = [kind for kind in found["deployment"].get("alarms", []) if kind != "latency"]
        found["deployment"] = found["deployment"] | {"alarms": kept}
    return found


@st.composite
def targets(draw: st.DrawFn, name: str, known: Section, ports: Section) -> Section:
    """Draw how requests reach a service: by a path or a host of its own."""
    behind = draw(st.sampled_from(sorted(known["load_balancers"])))
    listeners = known["load_balancers"][behind]["listeners"]
    usable = [each for each, listener in listeners.items() if "redirect_to" not in listener]
    production = draw(st.sampled_from(usable))
    own = draw(st.sampled_from(({"paths": [f"/{name}/*"]}, {"hosts": [f"{name}.example.org"]})))
    found = {"name": behind, **own}
    if production != usable[0] or draw(st.booleans()):
        found["listener"] = production
    other = [each for each in usable if each != production]
    if other and draw(st.booleans()):
        found["test_listener"] = other[0]
    if draw(st.booleans()):
        found["port"] = draw(st.sampled_from(sorted(ports)))
    if draw(st.booleans()):
        found["health_check"] = {"port": draw(st.sampled_from(sorted(ports)))}
    return found | draw(target_keys)


def _deployments(has_targets: bool) -> st.SearchStrategy[Section]:
    """Draw how a new revision replaces the old one."""
    kinds = ("errors", "unhealthy", "latency", "cpu", "memory") if has_targets else ("cpu", "memory")
    minutes = st.integers(0, 30)
    common: dict[str, st.SearchStrategy[Any]] = {
        "bake_time": minutes,
        "alarms": st.lists(st.sampled_from(kinds), unique=True, max_size=3),
        "force": st.just("1"),
    }
    shift = common | {"pause": st.just(["POST_SCALE_UP"]), "pause_timeout": st.just(60)}
    rolling = common | {"circuit_breaker": st.just({"threshold": 5, "rollback": False})}
    found = [_strategy("ROLLING", rolling), _strategy("BLUE_GREEN", shift)]
    if has_targets:
        found.append(_strategy("LINEAR", shift | {"step_percent": st.integers(3, 100), "step_bake_time": minutes}))
        found.append(_strategy("CANARY", shift | {"canary_percent": st.just(2.5), "canary_bake_time": minutes}))
    return st.one_of(found)


def _strategy(name: str, optional: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Section]:
    return st.fixed_dictionaries({"strategy": st.just(name)}, optional=optional)


rolling = _strategy("ROLLING", {"force": st.just("1")})
deployments = {has_targets: _deployments(has_targets) for has_targets in (False, True)}
service_keys = st.fixed_dictionaries(
    {},
    optional={
        "desired_count": st.integers(0, 5),
        "alarms": st.fixed_dictionaries({"latency": st.just(0.5)}, optional={"cpu": st.integers(1, 100)}),
        "execute_command": st.booleans(),
        "capacity_providers": st.sampled_from(
            ({"FARGATE": {"base": 1}}, {"FARGATE": {}, "FARGATE_SPOT": {"weight": 3}})
        ),
    },
)


@st.composite
def scalings(draw: st.DrawFn, known: Section, has_targets: bool) -> Section:
    """Draw scaling on a backlog alone, or on other metrics."""
    largest = draw(st.integers(1, 9))
    if known["queues"] and draw(st.booleans()):
        backlog = {"queue": draw(st.sampled_from(sorted(known["queues"]))), "per_task": 2}
        return {"min": draw(st.integers(0, largest)), "max": largest, "backlog": backlog}
    keys = ["cpu", "memory", *(["requests_per_target"] if has_targets else [])]
    chosen = draw(st.lists(st.sampled_from(keys), unique=True, min_size=1))
    return {"min": draw(st.integers(1, largest)), "max": largest, **dict.fromkeys(chosen, 60)}


workers_keys = st.fixed_dictionaries(
    {"mode": st.just("workers")},
    optional={
        "max_running": st.integers(1, 9),
        "per_task": st.just(2),
        "scale_in_cooldown": st.integers(0, 3600),
        "worker_command": st.just(["python", "-m", "worker"]),
    },
)
schedules = st.fixed_dictionaries(
    {"expression": st.sampled_from(("rate(1 day)", "cron(0 6 ? * MON-FRI *)"))},
    optional={"timezone": st.just("Europe/Berlin"), "enabled": st.booleans(), "retries": st.integers(0, 185)},
)


@st.composite
def jobs_of(draw: st.DrawFn, known: Section, ports: Mapping[str, Section]) -> Section:
    """Draw a job whose task is in the description."""
    found = draw(workloads(known, ports))
    found["timeout"] = draw(st.integers(1, 3600))
    found["parameters"] = {"prompt": {"required": True}}
    if known["queues"] and draw(st.booleans()):
        queue = {"name": draw(st.sampled_from(sorted(known["queues"]))), "parameter": "prompt"}
        found["queue"] = queue | draw(st.one_of(st.just({}), workers_keys))
    if draw(st.booleans()):
        found["parameters"] = {"prompt": {"default": "hello"}}
        found["schedule"] = draw(schedules)
    return found
