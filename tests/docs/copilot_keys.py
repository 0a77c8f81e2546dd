# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that AWS Copilot documents for each kind of manifest.

https://aws.github.io/copilot-cli/docs/manifest/overview/ and the pages below it, as of version 1.34. A mapping that has
the keys of another one is listed without them: http.additional_rules those of http, nlb.additional_listeners those of
nlb, the queue of a topic those of subscribe.queue, each metric of count its cooldown.
"""

from __future__ import annotations

HEALTH_CHECK = ["command", "interval", "retries", "timeout", "start_period"]
TARGET_HEALTH_CHECK = [
    "path",
    "port",
    "success_codes",
    "healthy_threshold",
    "unhealthy_threshold",
    "interval",
    "timeout",
    "grace_period",
]
IMAGE = [
    "image",
    "image.build",
    *(f"image.build.{key}" for key in ("dockerfile", "context", "target", "cache_from", "args")),
    "image.location",
    "image.credentials",
    "image.labels",
    "image.depends_on",
]
EFS = "storage.volumes.<name>.efs"
# What a service and a job have.
WORKLOAD = [
    "name",
    "type",
    *IMAGE,
    "entrypoint",
    "command",
    "cpu",
    "memory",
    "platform",
    "platform.osfamily",
    "platform.architecture",
    "network.vpc.placement",
    "network.vpc.security_groups",
    "variables",
    "variables.<name>.from_cfn",
    "env_file",
    "secrets",
    "secrets.<name>.secretsmanager",
    "secrets.<name>.from_cfn",
    "storage.volumes",
    "storage.volumes.<name>.path",
    "storage.volumes.<name>.read_only",
    EFS,
    *(f"{EFS}.{key}" for key in ("id", "root_dir", "uid", "gid", "auth")),
    "logging.image",
    "logging.destination",
    "logging.enableMetadata",
    "logging.secretOptions",
    "logging.configFilePath",
    "publish.topics",
    "environments",
]
SIDECAR = [
    *("port", "image", "essential", "credentialsParameter", "variables", "secrets", "env_file", "mount_points"),
    *("labels", "depends_on", "entrypoint", "command", "healthcheck"),
]
SERVICE = [
    *WORKLOAD,
    "image.healthcheck",
    *(f"image.healthcheck.{key}" for key in HEALTH_CHECK),
    "count",
    "count.spot",
    "count.range",
    "count.range.min",
    "count.range.max",
    "count.range.spot_from",
    "count.cooldown",
    "count.cooldown.in",
    "count.cooldown.out",
    "count.cpu_percentage",
    "count.memory_percentage",
    "exec",
    "deployment.rolling",
    "deployment.rollback_alarms",
    "network.connect",
    "network.connect.alias",
    "storage.ephemeral",
    "storage.readonly_fs",
    "logging.retention",
    "logging.env_file",
    "observability.tracing",
    "taskdef_overrides",
    "sidecars",
    *(f"sidecars.<name>.{key}" for key in SIDECAR),
]
BACKEND = [
    *SERVICE,
    "image.port",
    "count.requests",
    "count.response_time",
    "http",
    "http.path",
    "http.alb",
    "http.healthcheck",
    *(f"http.healthcheck.{key}" for key in TARGET_HEALTH_CHECK),
    *(
        f"http.{key}"
        for key in (
            *("deregistration_delay", "target_container", "target_port", "stickiness", "allowed_source_ips", "alias"),
            *("hosted_zone", "version", "additional_rules"),
        )
    ),
]
WEB = [*BACKEND, "http.redirect_to_https", "nlb"]
WORKER = [
    *SERVICE,
    "count.queue_delay",
    "count.queue_delay.acceptable_latency",
    "count.queue_delay.msg_processing_time",
    "subscribe",
    "subscribe.topics",
    "subscribe.queue",
    *(
        f"subscribe.queue.{key}"
        for key in ("delay", "retention", "timeout", "fifo", "dead_letter", "dead_letter.tries")
    ),
]
JOB = [*WORKLOAD, "on", "on.schedule", "retries", "timeout"]
ENVIRONMENT = [
    *(f"network.vpc.{key}" for key in ("id", "cidr", "subnets", "subnets.public", "subnets.private")),
    *(f"network.vpc.{key}" for key in ("security_group", "flow_logs", "flow_logs.retention")),
    "cdn",
    *(f"http.public{key}" for key in ("", ".certificates", ".access_logs", ".ssl_policy", ".ingress")),
    "http.public.ingress.cdn",
    "http.public.ingress.source_ips",
    *(f"http.private{key}" for key in ("", ".certificates", ".subnets", ".ssl_policy", ".ingress", ".ingress.vpc")),
    "observability.container_insights",
]
PIPELINE = ["source", "build", "stages"]
# The keys of services and jobs; those of App Runner and of static sites that no other kind has are tags and files.
WORKLOADS = {*WEB, *WORKER, *JOB, "tags", "files"}
