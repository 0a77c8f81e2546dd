# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions with one fault each, and their nearest neighbours without it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.target_groups import rule_priority
from system_strategies import CERTIFICATE, PARAMETER, small

REMOVED = "(removed)"
Sections = Mapping[str, Any]


class Wrong(NamedTuple):
    """A fault.

    Attributes:
        wrong: what is joined with the small description to have it; ``REMOVED`` takes a key away.
        right: what is joined with that to be without it.
        path: the keys that the problem names.
        what: how the problem continues.
        remedy: what to do.
    """

    wrong: Sections
    right: Sections
    path: str
    what: str
    remedy: str


def described(*sections: Sections) -> dict[str, Any]:
    """Return the small description joined with sections."""
    document = small()
    for each in sections:
        document = _joined(document, each)
    return document


def _joined(one: Any, other: Any) -> Any:
    if not (isinstance(one, Mapping) and isinstance(other, Mapping)):
        return other
    both = {**one, **{key: _joined(one.get(key, {}), value) for key, value in other.items()}}
    return {key: value for key, value in both.items() if value != REMOVED}


def web(**keys: Any) -> Sections:
    """Return a change of service web, which has a port and a load balancer."""
    return {"services": {"web": keys}}


def worker(**keys: Any) -> Sections:
    """Return a change of service worker, which scales on queue work."""
    return {"services": {"worker": keys}}


def job(**keys: Any) -> Sections:
    """Return a change of job sum, which takes from queue work."""
    return {"jobs": {"sum": keys}}


def main(**keys: Any) -> Sections:
    """Return a change of load balancer main, with listeners http and test."""
    return {"load_balancers": {"main": keys}}


def _service(**keys: Any) -> Sections:
    return {"services": {"other": {"ports": {"http": 80}, **keys}}}


def _same_priority() -> str:
    """Return a name of a service whose rule has the priority of the rule of web."""
    target: Any = {"name": "main", "paths": ["/*"]}
    wanted = rule_priority("web", target)
    return next(name for number in range(9999) if rule_priority(name := f"s{number}", target) == wanted)


TWIN = _same_priority()
PLAIN = {"scaling": REMOVED}
LONG = "q" * 31
PUBLIC = {"http": {"port": 443, "protocol": "HTTPS", "certificate_arn": CERTIFICATE}, "test": REMOVED}
UNSHIFTED = {"deployment": {"strategy": "ROLLING", "alarms": []}, "load_balancer": {"test_listener": REMOVED}}

COMPONENTS = {
    "no network": Wrong(
        {"components": {"network": REMOVED}},
        {"components": {"network": {}}},
        "components",
        "lacks network, which services and jobs need",
        "add it: network: {}",
    ),
    "no cluster": Wrong(
        {"components": {"cluster": REMOVED}},
        {"components": {"cluster": {}}},
        "components",
        "lacks cluster, which services and jobs need",
        "add it: cluster: {}",
    ),
    "a stack with an underscore": Wrong(
        {"components": {"my_cache": {}}},
        {"components": {"my_cache": REMOVED, "my-cache": {"role": "my_cache"}}},
        "components.my_cache",
        "has a name with _, which no stack takes",
        "write my-cache, and role: my_cache",
    ),
    "a job with the name of a service": Wrong(
        {"jobs": {"web": {}}},
        {"jobs": {"web": REMOVED}},
        "jobs.web",
        "has the name of a service",
        "give it a name of its own",
    ),
    "a job with the name of a stack": Wrong(
        {"jobs": {"failures": {}}},
        {"jobs": {"failures": REMOVED, "failure": {}}},
        "jobs.failures",
        "has the name of the stack with failed runs",
        "give it another name",
    ),
    "a job with an underscore": Wrong(
        {"jobs": {"a_b": {}}},
        {"jobs": {"a_b": {"role": "rollback"}}},
        "jobs.a_b",
        "has a name with _, which no stack takes",
        "write a hyphen",
    ),
    "too many tasks": Wrong(
        {"limits": {"max_tasks": 17}},
        {"limits": {"max_tasks": 18}},
        "limits.max_tasks",
        "is 17, and services and jobs may have 18 tasks at the same time",
        "raise it, or lower scaling.max, desired_count or max_running",
    ),
    "a run that may cost more than the limit": Wrong(
        {"limits": {"max_run_usd": 0.02}, "jobs": {"sum": {"timeout": 3600, "cpu": 1024, "memory": 2048}}},
        {"limits": {"max_run_usd": 1}},
        "limits.max_run_usd",
        "is 0.02, and a run of job sum may cost $0.0494",
        "raise it, or lower timeout, cpu or memory of job sum",
    ),
    "two names of one logical id": Wrong(
        {"queues": {"a1": {}, "a-1": {}}},
        {"queues": {"a-1": REMOVED, "b-1": {}}},
        "queues.a-1",
        "has the logical id A1, which a1 has, too",
        "rename one of them",
    ),
    "two security rules of one logical id": Wrong(
        {"services": {"a": {}, "a-to-endpoints": {}}},
        {"services": {"a-to-endpoints": REMOVED, "a-to-endpoint": {}}},
        "services.a",
        "needs the logical id ServiceAToEndpoints, which services.a-to-endpoints needs, too",
        "rename one of them",
    ),
    "a name that is too long": Wrong(
        {"project": "p" * 21, "queues": {LONG: {}}},
        {"project": "p" * 18},
        f"queues.{LONG}",
        "names a resource of type AWS::SQS::Queue with 83 characters where the name of the environment has 16, "
        "and 80 are the most",
        "save 3 in it, or in project",
    ),
    "a stack whose name is too long": Wrong(
        {"components": {"c" * 107: {}}},
        {"components": {"c" * 107: REMOVED, "c" * 106: {}}},
        f"components.{'c' * 107}",
        "names the stack with 129 characters where the name of the environment has 16, and 128 are the most",
        "save 1 in it, or in project",
    ),
}

TAKES = {
    "what no component gives": Wrong(
        {"components": {"table": {"takes": {"table_key_arn": "kee.KeyArn"}}}},
        {"components": {"table": {"takes": {"table_key_arn": "network.KeyArn"}}}},
        "components.table.takes.table_key_arn",
        "takes kee.KeyArn, and kee is no component",
        "add it, or take one of network, cluster, registry, table, image, security-groups, keys, secrets, "
        "file-systems, queues, database-main, load-balancer-main, service-web, service-worker, "
        "service-mail-workers, job-sum, job-mail, job-failures, dashboard",
    ),
    "no output": Wrong(
        {"components": {"table": {"takes": {"table_key_arn": "network"}}}},
        {"components": {"table": {"takes": {"table_key_arn": "network.KeyArn"}}}},
        "components.table.takes.table_key_arn",
        "is 'network'",
        "write component.Output, such as table.TableName",
    ),
    "an output that a role does not give": Wrong(
        {"jobs": {"rollback": {"role": "rollback", "takes": {"rollback_image": "image.Image"}}}},
        {"jobs": {"rollback": {"takes": {"rollback_image": "image.ImageUri"}}}},
        "jobs.rollback.takes.rollback_image",
        "takes image.Image, which component image does not give",
        "add it to components.image.gives",
    ),
    "a stack that gives facts": Wrong(
        {"components": {"table": {"gives": {"Name": "table_name"}}}},
        {"components": {"table": {"gives": REMOVED}}},
        "components.table.gives",
        "is set for a stack",
        "remove it: a stack gives its outputs",
    ),
    "the name of a rendered stack": Wrong(
        {"components": {"queues": {}}},
        {"components": {"queues": REMOVED, "queue": {}}},
        "components.queues",
        "has the name of a rendered stack",
        "give it another name",
    ),
    "components in a circle": Wrong(
        {"components": {"table": {"takes": {"a": "registry.B"}}, "registry": {"takes": {"a": "table.B"}}}},
        {"components": {"table": {"takes": REMOVED}}},
        "components",
        "need each other in a circle: registry needs table needs registry",
        "remove one of these",
    ),
    "an image whose repository nobody may pull from": Wrong(
        {"components": {"image": {"gives": {"RepositoryArn": REMOVED}}}},
        {"components": {"image": {"gives": {"RepositoryArn": "build_push_repository_arn"}}}},
        "services.web",
        "needs image.RepositoryArn, which component image does not give",
        "add it to components.image.gives",
    ),
}

LOAD_BALANCERS = {
    "a public load balancer that admits nobody in particular": Wrong(
        main(scheme="internet-facing", listeners=PUBLIC) | web(**UNSHIFTED),
        main(admits=["203.0.113.0/24"]),
        "load_balancers.main",
        "is internet-facing and does not say who may connect",
        "add admits, such as [203.0.113.0/24]; [0.0.0.0/0] is everybody",
    ),
    "a public listener without TLS": Wrong(
        main(scheme="internet-facing", admits=[], listeners={**PUBLIC, "plain": {"port": 80}}) | web(**UNSHIFTED),
        main(listeners={"plain": {"redirect_to": 443}}),
        "load_balancers.main.listeners.plain",
        "is HTTP, which is not encrypted",
        "take protocol: HTTPS, or add redirect_to",
    ),
    "HTTPS without a certificate": Wrong(
        main(listeners={"test": {"protocol": "HTTPS"}}),
        main(listeners={"test": {"certificate_arn": CERTIFICATE}}),
        "load_balancers.main.listeners.test",
        "is HTTPS without a certificate",
        "add certificate_arn, or host to the load balancer",
    ),
    "a certificate without HTTPS": Wrong(
        main(listeners={"test": {"certificate_arn": CERTIFICATE}}),
        main(listeners={"test": {"protocol": "HTTPS"}}),
        "load_balancers.main.listeners.test.certificate_arn",
        "has no effect with HTTP",
        "take protocol: HTTPS",
    ),
    "no port behind a load balancer": Wrong(
        {"services": {"web": {"ports": REMOVED}}, "jobs": {"sum": {"calls": []}}},
        web(ports={"http": 80}),
        "services.web.load_balancer",
        "needs a port of the service",
        "add ports, such as ports: {http: 8000}",
    ),
    "an unknown port": Wrong(
        web(load_balancer={"port": "htp"}),
        web(load_balancer={"port": "http"}),
        "services.web.load_balancer.port",
        "is 'htp', which is no port of the service",
        "take one of http",
    ),
    "too many conditions": Wrong(
        web(load_balancer={"paths": ["/a", "/b", "/c"], "hosts": ["a.b", "c.d", "e.f"]}),
        web(load_balancer={"hosts": ["a.b", "c.d"]}),
        "services.web.load_balancer",
        "has more than 5 paths and hosts, the most of a rule",
        "remove some, or use a wildcard",
    ),
    "the same listener for tests": Wrong(
        web(load_balancer={"test_listener": "http"}),
        web(load_balancer={"test_listener": "test"}),
        "services.web.load_balancer.test_listener",
        "is listener, too",
        "take another listener",
    ),
    "a check as long as its interval": Wrong(
        web(load_balancer={"health_check": {"interval": 5, "timeout": 5}}),
        web(load_balancer={"health_check": {"timeout": 4}}),
        "services.web.load_balancer.health_check.timeout",
        "is 5, as long as interval or longer",
        "take less than 5",
    ),
    "an unknown load balancer": Wrong(
        web(load_balancer={"name": "mian"}),
        web(load_balancer={"name": "main"}),
        "services.web.load_balancer.name",
        "is 'mian', which is no load balancer",
        "take one of main",
    ),
    "an unknown listener": Wrong(
        web(load_balancer={"listener": "https"}),
        web(load_balancer={"listener": "http"}),
        "services.web.load_balancer.listener",
        "is 'https', which is no listener",
        "take one of http, test",
    ),
    "an unknown test listener": Wrong(
        web(load_balancer={"test_listener": "tests"}),
        web(load_balancer={"test_listener": "test"}),
        "services.web.load_balancer.test_listener",
        "is 'tests', which is no listener",
        "take one of http, test",
    ),
    "only listeners that redirect": Wrong(
        main(listeners={"http": {"redirect_to": 443}, "test": {"redirect_to": 443}}) | web(**UNSHIFTED),
        main(listeners={"http": {"redirect_to": REMOVED}}),
        "services.web.load_balancer.name",
        "is main, of which every listener redirects",
        "add a listener to load_balancers.main.listeners that does not",
    ),
    "a listener that redirects": Wrong(
        main(listeners={"http": {"redirect_to": 443}}),
        main(listeners={"http": {"redirect_to": REMOVED}}),
        "services.web.load_balancer.listener",
        "is http, which redirects every request",
        "take a listener without redirect_to",
    ),
    "two rules of one priority": Wrong(
        {"services": {TWIN: {"ports": {"http": 80}, "load_balancer": {"name": "main"}}}},
        {"services": {TWIN: {"load_balancer": {"paths": ["/longer/*"]}}}},
        f"services.{TWIN}.load_balancer",
        "gives its rule the priority of the rule of web",
        "name longer paths, or rename the service",
    ),
    "two listeners of one port": Wrong(
        main(listeners={"more": {"port": 9000}, "most": {"port": 9000}}),
        main(listeners={"most": {"port": 9001}}),
        "load_balancers.main.listeners.most.port",
        "is 9000, which listener more has, too",
        "take another",
    ),
}

CONTAINERS = {
    "memory that does not go with cpu": Wrong(
        web(cpu=512, memory=512),
        web(memory=1024),
        "services.web.memory",
        "is 512 with cpu 512, which Fargate does not pair",
        "take 1024 to 4096 in steps of 1024",
    ),
    "an unknown file system": Wrong(
        web(mounts={"/data": "dat"}),
        web(mounts={"/data": "data"}),
        'services.web.mounts."/data"',
        "is 'dat', which is no file system",
        "take one of data",
    ),
    "no image": Wrong(
        {
            "components": {"image": REMOVED},
            "services": {"web": {"image": "x:1"}, "worker": {"image": "x:1"}},
            "jobs": {"mail": {"image": "x:1"}},
        },
        job(image="x:1"),
        "jobs.sum",
        "has no image, and there is no component image",
        "add image",
    ),
    "an unknown secret": Wrong(
        web(secrets={"KEY": "kee"}),
        web(secrets={"KEY": "key"}),
        "services.web.secrets.KEY",
        "is 'kee', which is no secret",
        "take one of key, web",
    ),
    "a variable that is a secret, too": Wrong(
        web(environment={"KEY": "x"}),
        web(environment={"KEY": REMOVED}),
        "services.web.secrets.KEY",
        "is in environment, too",
        "keep one of them",
    ),
    "a secret of a sidecar that is a variable, too": Wrong(
        web(sidecars={"proxy": {"image": "x:1", "environment": {"KEY": "x"}, "secrets": {"KEY": "key"}}}),
        web(sidecars={"proxy": {"environment": {"KEY": REMOVED}}}),
        "services.web.sidecars.proxy.secrets.KEY",
        "is in environment, too",
        "keep one of them",
    ),
    "a key of an SSM parameter": Wrong(
        {"secrets": {"key": {"parameter_arn": PARAMETER}}} | web(secrets={"KEY": "key#user"}),
        web(secrets={"KEY": "key"}),
        "services.web.secrets.KEY",
        "is key#user, and the SSM parameter of key has no keys",
        "write key, or take a secret of Secrets Manager",
    ),
    "a variable of ECS": Wrong(
        web(environment={"AWS_REGION": "eu-west-1"}),
        web(environment={"AWS_REGION": REMOVED, "REGION": "eu-west-1"}),
        "services.web.environment.AWS_REGION",
        "is a variable that the task has anyway",
        "remove it, or take another name",
    ),
    "a secret with the name of a variable of ECS": Wrong(
        job(secrets={"ECS_CONTAINER_METADATA_URI_V4": "key"}),
        job(secrets={"ECS_CONTAINER_METADATA_URI_V4": REMOVED, "ECS_CLUSTER": "key"}),
        "jobs.sum.secrets.ECS_CONTAINER_METADATA_URI_V4",
        "is a variable that the task has anyway",
        "remove it, or take another name",
    ),
    "the variable of a queue": Wrong(
        worker(environment={"WORK_QUEUE_URL": "x"}),
        worker(environment={"WORK_QUEUE_URL": REMOVED, "OTHER_QUEUE_URL": "x"}),
        "services.worker.environment.WORK_QUEUE_URL",
        "is a variable that the task has anyway",
        "remove it, or take another name",
    ),
    "a health check with its form": Wrong(
        web(health_check={"command": ["CMD", "/healthy"]}),
        web(health_check={"command": ["/healthy"]}),
        "services.web.health_check.command.0",
        "is CMD, which is no part of it",
        "remove it: the command is run as it is",
    ),
    "a health check by a shell": Wrong(
        job(sidecars={"proxy": {"image": "x:1", "health_check": {"command": ["CMD-SHELL", "curl -f x"]}}}),
        job(sidecars={"proxy": {"health_check": {"command": ["sh", "-c", "curl -f x"]}}}),
        "jobs.sum.sidecars.proxy.health_check.command.0",
        "is CMD-SHELL, which is no part of it",
        "write the shell, such as [sh, -c, ...]",
    ),
    "two names of one port": Wrong(
        web(ports={"admin": 8000}),
        web(ports={"admin": 8001}),
        "services.web.ports.admin",
        "is 8000, which http has, too",
        "take another port",
    ),
    "a sidecar with the name of its service": Wrong(
        web(sidecars={"web": {"image": "x:1"}}),
        web(sidecars={"web": REMOVED, "worker": {"image": "x:1"}}),
        "services.web.sidecars.web",
        "has the name of the main container",
        "give it a name of its own",
    ),
    "a sidecar with the name of the collector": Wrong(
        web(sidecars={"tracing": {"image": "x:1"}}, tracing={"image": "x:1"}),
        web(tracing=REMOVED),
        "services.web.sidecars.tracing",
        "has the name of the collector",
        "give it a name of its own",
    ),
    "sidecars that take all memory": Wrong(
        web(sidecars={"a": {"image": "x:1", "memory": 256}, "b": {"image": "x:1", "memory": 256}}),
        web(sidecars={"b": {"memory": 255}}),
        "services.web.sidecars",
        "leave the main container no memory: they take 512 MiB of 512",
        "raise memory of the task, or lower theirs",
    ),
    "a scratch directory at a mount": Wrong(
        web(scratch=["/tmp", "/data/"]),
        web(scratch=["/tmp", "/data/cache"]),
        "services.web.scratch.1",
        "is /data/, where another volume is",
        "keep one of them",
    ),
    "a scratch directory of a sidecar twice": Wrong(
        web(sidecars={"proxy": {"image": "x:1", "scratch": ["/tmp", "/tmp/"]}}),
        web(sidecars={"proxy": {"scratch": ["/tmp", "/run"]}}),
        "services.web.sidecars.proxy.scratch.1",
        "is /tmp/, where another volume is",
        "keep one of them",
    ),
    "two bases of capacity providers": Wrong(
        web(capacity_providers={"FARGATE": {"base": 1}, "FARGATE_SPOT": {"base": 1}}),
        web(capacity_providers={"FARGATE_SPOT": {"base": 0}}),
        "services.web.capacity_providers",
        "has two bases, and ECS takes one",
        "keep the base of one provider",
    ),
    "no weight of a capacity provider": Wrong(
        job(capacity_providers={"FARGATE": {"base": 1, "weight": 0}, "FARGATE_SPOT": {"weight": 0}}),
        job(capacity_providers={"FARGATE_SPOT": {"weight": 1}}),
        "jobs.sum.capacity_providers",
        "has no weight above 0, so that ECS starts no task",
        "give one provider a weight",
    ),
    "a call of an unknown load balancer": Wrong(
        job(calls=["load_balancer:mian"]),
        job(calls=["load_balancer:main"]),
        "jobs.sum.calls.0",
        "is 'mian', which is no load balancer",
        "take one of main",
    ),
    "a call of an unknown service": Wrong(
        job(calls=["web", "wev"]),
        job(calls=["web"]),
        "jobs.sum.calls.1",
        "is 'wev', which is no service",
        "take one of web, worker",
    ),
    "a call of a service without a port": Wrong(
        job(calls=["worker"]),
        worker(ports={"http": 80}),
        "jobs.sum.calls.0",
        "is worker, which has no port",
        "add one: services.worker.ports",
    ),
    "a use of nothing": Wrong(
        worker(uses={"wrk": ["receive"]}),
        worker(uses={"wrk": REMOVED, "work": ["receive"]}),
        "services.worker.uses.wrk",
        "is no queue, secret or database, and no component",
        "take one of work, mails, key, web, main, network, cluster, registry, table, image",
    ),
    "a use that a queue does not have": Wrong(
        worker(uses={"work": ["receive", "write"]}),
        worker(uses={"work": ["receive", "send"]}),
        "services.worker.uses.work",
        "has write, which a task cannot do with a queue",
        "take send or receive",
    ),
    "a use that a table does not have": Wrong(
        worker(uses={"table": ["send"]}),
        worker(uses={"table": ["read"]}),
        "services.worker.uses.table",
        "has send, which a task cannot do with a table",
        "take read or write",
    ),
}

SERVICES = {
    "scaling without a policy": Wrong(
        web(scaling={"min": 1, "max": 2}),
        web(scaling={"cpu": 60}),
        "services.web.scaling",
        "has no policy",
        "add cpu, memory, requests_per_target or backlog",
    ),
    "more than the most": Wrong(
        web(scaling={"min": 3, "max": 2, "cpu": 60}),
        web(scaling={"min": 2}),
        "services.web.scaling.min",
        "is 3, more than max",
        "take 2 at most",
    ),
    "requests without a load balancer": Wrong(
        _service(scaling={"min": 1, "max": 2, "requests_per_target": 60}),
        _service(load_balancer={"name": "main", "paths": ["/other/*"]}),
        "services.other.scaling.requests_per_target",
        "needs a load balancer",
        "add load_balancer to the service",
    ),
    "a backlog of an unknown queue": Wrong(
        worker(scaling={"backlog": {"queue": "wrk"}}),
        worker(scaling={"backlog": {"queue": "work"}}),
        "services.worker.scaling.backlog.queue",
        "is 'wrk', which is no queue",
        "take one of work, mails",
    ),
    "a backlog beside another policy": Wrong(
        worker(scaling={"cpu": 60}),
        worker(scaling={"cpu": REMOVED}),
        "services.worker.scaling.backlog",
        "stands beside cpu, and one policy undoes what the other does",
        "keep one of them",
    ),
    "no task without a backlog": Wrong(
        web(scaling={"min": 0, "max": 2, "cpu": 60}),
        web(scaling={"min": 1}),
        "services.web.scaling.min",
        "is 0, from which only a backlog brings a task back",
        "take 1, or add backlog",
    ),
    "a key of another strategy": Wrong(
        web(deployment={"step_percent": 10}),
        web(deployment={"strategy": "LINEAR"}),
        "services.web.deployment.step_percent",
        "has no effect with strategy BLUE_GREEN",
        "remove it, or take strategy LINEAR",
    ),
    "no traffic to shift": Wrong(
        worker(deployment={"strategy": "CANARY"}),
        worker(deployment={"strategy": "BLUE_GREEN"}),
        "services.worker.deployment.strategy",
        "is CANARY, and there is no traffic to shift",
        "add load_balancer to the service, or take ROLLING",
    ),
    "no task can be replaced": Wrong(
        worker(deployment={"maximum_percent": 100}),
        worker(deployment={"minimum_healthy_percent": 99}),
        "services.worker.deployment.maximum_percent",
        "is minimum_healthy_percent, so that no task can be replaced",
        "raise it, or lower minimum_healthy_percent",
    ),
    "a deployment that takes too long": Wrong(
        web(deployment={"strategy": "LINEAR", "step_percent": 10, "step_bake_time": 220, "bake_time": 1}),
        web(deployment={"bake_time": 0}),
        "services.web.deployment",
        "takes 1981 minutes at least, and CloudFormation waits for 1980",
        "shorten the bake times, or take larger steps",
    ),
    "an alarm without a load balancer": Wrong(
        worker(deployment={"alarms": ["cpu", "unhealthy"]}),
        worker(deployment={"alarms": ["cpu"]}),
        "services.worker.deployment.alarms.1",
        "is unhealthy, which needs a load balancer",
        "remove it, or add load_balancer",
    ),
    "an alarm without a limit": Wrong(
        web(deployment={"alarms": ["latency"]}),
        web(alarms={"latency": 0.5}),
        "services.web.deployment.alarms.0",
        "is latency, which has no limit",
        "set alarms.latency of the service",
    ),
}

JOBS = {
    "a schedule of a role": Wrong(
        {"jobs": {"rollback": {"role": "rollback", "schedule": {"expression": "rate(1 day)"}}}},
        {"jobs": {"rollback": {"schedule": REMOVED}}},
        "jobs.rollback.schedule",
        "is that of a role, which no schedule runs",
        "remove it",
    ),
    "a required parameter with a default": Wrong(
        job(parameters={"day": {"required": True, "default": "x"}}),
        job(parameters={"day": {"required": False}}),
        "jobs.sum.parameters.day",
        "is required and has a default",
        "keep one of them",
    ),
    "a default that is not permitted": Wrong(
        job(parameters={"day": {"one_of": ["a", "b"], "default": "c"}}),
        job(parameters={"day": {"default": "b"}}),
        "jobs.sum.parameters.day.default",
        "is 'c'",
        "take one of a, b",
    ),
    "an unknown queue": Wrong(
        job(queue={"name": "wrk"}),
        job(queue={"name": "work"}),
        "jobs.sum.queue.name",
        "is 'wrk', which is no queue",
        "take one of work, mails",
    ),
    "an unknown parameter": Wrong(
        job(queue={"parameter": "day"}),
        job(parameters={"day": {}}),
        "jobs.sum.queue.parameter",
        "is 'day', which is no parameter of the job",
        "add it to parameters",
    ),
    "a message that is visible again too soon": Wrong(
        job(timeout=4000),
        job(timeout=3999),
        "queues.work.visibility_timeout",
        "is 4000, and a run of job sum may take 4000 seconds",
        "take more than 4000, so that no message is handled twice",
    ),
}

ALL: Mapping[str, Wrong] = COMPONENTS | TAKES | LOAD_BALANCERS | CONTAINERS | SERVICES | JOBS
