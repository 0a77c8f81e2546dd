# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of AWS Copilot's manifests and of Compose files, and the keys of a description that stand for them.

https://aws.github.io/copilot-cli/docs/manifest/lb-web-service/
https://docs.docker.com/reference/compose-file/services/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Path: TypeAlias = "tuple[str | int, ...]"
# Keys of a description by the other tool's word. A dot leads into a mapping.
Words: TypeAlias = "Mapping[str, str]"

OF_TASKS: Words = {
    "count": "desired_count",
    "count.range": "scaling.min and scaling.max",
    "count.cpu_percentage": "scaling.cpu",
    "count.memory_percentage": "scaling.memory",
    "count.requests": "scaling.requests_per_target",
    "count.queue_delay": "scaling.backlog",
    "count.cooldown": "scaling.scale_in_cooldown and scaling.scale_out_cooldown",
    "count.spot": "capacity_providers",
    "replicas": "desired_count",
    "http": "load_balancer",
    "http.path": "load_balancer.paths",
    "http.alias": "load_balancer.hosts, and host of the load balancer",
    "http.additional_rules": "targets",
    "http.healthcheck": "load_balancer.health_check",
    "http.stickiness": "load_balancer.sticky",
    "http.target_port": "load_balancer.port",
    "http.deregistration_delay": "load_balancer.deregistration_delay",
    "load_balancer.path": "paths",
    "load_balancer.alias": "hosts",
    "load_balancer.stickiness": "sticky",
    "load_balancer.healthcheck": "health_check",
    "variables": "environment",
    "env": "environment",
    "entrypoint": "entry_point",
    "healthcheck": "health_check",
    "healthcheck.test": "health_check.command",
    "health_check.test": "command",
    "image.location": "image",
    "image.port": "ports",
    "image.healthcheck": "health_check",
    "expose": "ports",
    "platform": "architecture",
    "exec": "execute_command",
    "volumes": "mounts",
    "storage": "mounts",
    "storage.volumes": "mounts",
    "storage.ephemeral": "ephemeral_storage",
    "storage.readonly_fs": "read_only",
    "tmpfs": "scratch",
    "on": "schedule",
    "on.schedule": "schedule.expression",
    "retries": "schedule.retries",
    "links": "calls",
    "depends_on": "calls",
    "networks": "calls",
    "network.vpc.security_groups": "calls",
    "network.connect": "service_connect",
    "network.connect.alias": "service_connect.<port>.dns_name",
    "stop_grace_period": "stop_timeout",
    "logging.retention": "log_retention_days",
    "deploy.replicas": "desired_count",
    "deploy.resources": "cpu and memory",
    "deploy.update_config": "deployment",
    "observability.tracing": "tracing",
    "publish.topics": "uses",
    "subscribe.queue": "uses",
    "deployment.rolling": "minimum_healthy_percent and maximum_percent",
    "deployment.rollback_alarms": "alarms",
    "scaling.range": "min and max",
    "scaling.cpu_percentage": "cpu",
    "scaling.memory_percentage": "memory",
    "scaling.requests": "requests_per_target",
}
OF_QUEUES: Words = {
    "retention": "retention_days",
    "timeout": "visibility_timeout",
    "dead_letter": "max_receives",
    "dead_letter.tries": "max_receives",
}
OF_LOAD_BALANCERS: Words = {
    "alias": "host",
    "allowed_source_ips": "admits",
    "certificates": "host, or certificate_arn of a listener",
    "domain": "host",
    "hostname": "host",
    "internal": "scheme",
}
OF_DESCRIPTIONS: Words = {
    "volumes": "file_systems",
    "environments": "system_values, a variable of each inventory",
}
# What to do where no key stands for the word.
TASK_REMEDIES: Words = {
    "image.build": "add a component of kind role, with role: build_push",
    "build": "add a component of kind role, with role: build_push",
    "env_file": "write its lines into environment",
    "network.vpc.placement": "remove it: tasks run in the private subnets of component network",
    "http.allowed_source_ips": "write the ranges into admits of the load balancer",
    "taskdef_overrides": "remove it: a component with a template of its own is the way",
    "restart": "remove it: ECS replaces the tasks of a service",
    "container_name": "remove it: the container has the name of its service or job",
    "type": "remove it: an entry of services is a service, an entry of jobs is a job",
}
DESCRIPTION_REMEDIES: Words = {
    "version": "remove it",
    "networks": "remove it: component network has the subnets, and calls opens the ports",
    "type": "write each service into services, each job into jobs",
    "variables": "write them into defaults.environment",
}
# Sections of tasks, with the number of keys that lead to one.
TASKS: Mapping[str, int] = {"services": 2, "jobs": 2, "defaults": 1}


def suggestions(path: Path, value: Any) -> Iterator[tuple[Path, str]]:
    """Yield the words of other tools at an unknown key, each with what to do.

    Args:
        path: of the key.
        value: at the key; the words in a mapping come before the key itself.
    """
    keys, remedies, start = _tables(path)
    found = [
        (path + inner, word)
        for inner in _inside(value, ())
        if (word := ".".join(map(str, start + inner))) in keys or word in remedies
    ]
    inner_words = [each for each in found if each[0] != path]
    for where, word in inner_words or found:
        yield where, remedies.get(word) or f"did you mean {keys[word]}?"


def _tables(path: Path) -> tuple[Words, Words, Path]:
    """Return the words and remedies of a section, and the keys of a path in it."""
    section = str(path[0])
    if section in TASKS and len(path) > TASKS[section]:
        inside = path[TASKS[section] :]
        if inside[0] == "sidecars" and len(inside) > 2:
            inside = inside[2:]
        return OF_TASKS, TASK_REMEDIES, inside
    if section == "queues":
        return OF_QUEUES, {}, path[2:]
    if section == "load_balancers":
        return OF_LOAD_BALANCERS, {}, path[2:]
    return OF_DESCRIPTIONS, DESCRIPTION_REMEDIES, path


def _inside(value: Any, path: Path) -> Iterator[Path]:
    """Yield the path itself, and that of each key in nested mappings."""
    yield path
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _inside(each, (*path, key))
