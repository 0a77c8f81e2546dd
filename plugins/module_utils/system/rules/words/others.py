# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of Compose files, and words of other tools below a key of a description, with what stands for each.

https://docs.docker.com/reference/compose-file/services/
"""

from __future__ import annotations

from ansible_collections.gantry.ecs.plugins.module_utils.system.rules.words.copilot import Words

OF_TASKS: Words = {
    "replicas": "desired_count",
    "env": "environment",
    "healthcheck": "health_check",
    "healthcheck.test": "health_check.command",
    "health_check.test": "command",
    "expose": "ports",
    "volumes": "mounts",
    "tmpfs": "scratch",
    "links": "calls",
    "depends_on": "calls",
    "networks": "calls",
    "stop_grace_period": "stop_timeout",
    "deploy.replicas": "desired_count",
    "deploy.resources": "cpu and memory",
    "deploy.update_config": "deployment",
    "load_balancer.path": "paths",
    "load_balancer.alias": "hosts",
    "load_balancer.stickiness": "sticky",
    "load_balancer.healthcheck": "health_check",
    "load_balancer.target_port": "port",
    "load_balancer.health_check.success_codes": "matcher",
    "scaling.range": "min and max",
    "scaling.cooldown": "scale_in_cooldown and scale_out_cooldown",
    "scaling.cpu_percentage": "cpu",
    "scaling.memory_percentage": "memory",
    "scaling.requests": "requests_per_target",
    "scaling.queue_delay": "backlog",
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
    "redirect_to_https": "redirect_to of a listener",
}
OF_DESCRIPTIONS: Words = {
    "volumes": "file_systems",
    "environments": "system_values, a variable of each inventory",
}
# What to do where no key stands for the word.
TASK_REMEDIES: Words = {
    "environment.<name>.from_cfn": "write the value into environment, or an output as ${component.Output}",
    "build": "add a component of kind role, with role: build_push",
    "restart": "remove it: ECS replaces the tasks of a service",
    "container_name": "remove it: the container has the name of its service or job",
}
QUEUE_REMEDIES: Words = {
    "delay": "remove it: queues have no delay",
    "fifo": "remove it: queues are standard queues",
}
DESCRIPTION_REMEDIES: Words = {
    "version": "remove it",
    "networks": "remove it: component network has the subnets, and calls opens the ports",
    "type": "write each service into services, each job into jobs",
    "variables": "write them into defaults.environment",
}
