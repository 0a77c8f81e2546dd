# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections of a system's description as types.

Keys, defaults and limits are those of ``systems/schema.json``, which is checked first. A key with a default is always
there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NotRequired, TypeAlias, TypedDict

# Before the name of a load balancer in ``calls``; other names are services.
LOAD_BALANCER = "load_balancer:"
# Before a name in the ``secrets`` of a container; other names are secrets.
PARAMETER, DATABASE = "parameter:", "database:"
# Before a reference in an environment value, and before a text that looks like one.
REFERENCE, ESCAPED_REFERENCE = "${", "${!"

Scalar: TypeAlias = "str | int | float | bool"


class HealthCheck(TypedDict):
    """Container health check of ECS; times in seconds."""

    command: Sequence[str]
    interval: int
    timeout: int
    retries: int
    start_period: int


class Container(TypedDict):
    """What the main container and a sidecar have in common; ``stop_timeout`` in seconds."""

    image: NotRequired[str]
    command: Sequence[str]
    entry_point: Sequence[str]
    environment: Mapping[str, Scalar]
    secrets: Mapping[str, str]
    health_check: NotRequired[HealthCheck]
    user: NotRequired[str]
    read_only: bool
    scratch: Sequence[str]
    stop_timeout: int


class Sidecar(Container):
    """A container beside the main one; ``memory`` in MiB."""

    essential: bool
    memory: NotRequired[int]


class Grant(TypedDict):
    """A statement of the task role."""

    actions: Sequence[str]
    resources: Sequence[str]


class Tracing(TypedDict):
    """The collector of traces."""

    image: str


class Workload(Container):
    """What a service and a job have in common: a task definition; ``cpu`` in units, ``memory`` in MiB."""

    cpu: int
    memory: int
    architecture: Literal["X86_64", "ARM64"]
    ephemeral_storage: NotRequired[int]
    ports: Mapping[str, int]
    mounts: Mapping[str, str]
    sidecars: Mapping[str, Sidecar]
    tracing: NotRequired[Tracing]
    log_retention_days: int
    calls: Sequence[str]
    uses: Mapping[str, Sequence[str]]
    grants: Sequence[Grant]


class TargetHealthCheck(TypedDict):
    """Health check of a target group; times in seconds."""

    port: NotRequired[str]
    path: str
    matcher: str
    interval: int
    timeout: int
    healthy_threshold: int
    unhealthy_threshold: int
    grace_period: int


class Target(TypedDict):
    """How requests reach a service; ``sticky`` and ``deregistration_delay`` in seconds."""

    name: str
    listener: NotRequired[str]
    test_listener: NotRequired[str]
    port: NotRequired[str]
    paths: Sequence[str]
    hosts: NotRequired[Sequence[str]]
    sticky: int
    deregistration_delay: int
    health_check: TargetHealthCheck


class Backlog(TypedDict):
    """Scaling on the messages of a queue."""

    queue: str
    per_task: float


class Scaling(TypedDict):
    """Application Auto Scaling; cooldowns in seconds."""

    min: int
    max: int
    cpu: NotRequired[float]
    memory: NotRequired[float]
    requests_per_target: NotRequired[float]
    backlog: NotRequired[Backlog]
    scale_in_cooldown: int
    scale_out_cooldown: int


class CircuitBreaker(TypedDict):
    """Circuit breaker of a rolling deployment; ``threshold`` in failed tasks."""

    threshold: int
    rollback: bool


class Deployment(TypedDict):
    """How a new revision replaces the old one; bake times and ``pause_timeout`` in minutes."""

    strategy: Literal["ROLLING", "BLUE_GREEN", "LINEAR", "CANARY"]
    minimum_healthy_percent: int
    maximum_percent: int
    circuit_breaker: CircuitBreaker
    bake_time: NotRequired[int]
    step_percent: NotRequired[float]
    step_bake_time: NotRequired[int]
    canary_percent: NotRequired[float]
    canary_bake_time: NotRequired[int]
    alarms: NotRequired[Sequence[str]]
    pause: NotRequired[Sequence[str]]
    pause_timeout: int
    force: NotRequired[str]


class Alarms(TypedDict):
    """Limits of a service's alarms."""

    cpu: float
    memory: float
    errors: int
    latency: NotRequired[float]


class Share(TypedDict):
    """Share of a capacity provider."""

    base: int
    weight: int


class ServiceConnect(TypedDict):
    """A name of Service Connect for a port of a service."""

    dns_name: NotRequired[str]
    port: NotRequired[int]
    ingress_port: NotRequired[int]


class Service(Workload):
    """An ECS service."""

    cluster: str
    service_connect: Mapping[str, ServiceConnect]
    desired_count: int
    load_balancer: NotRequired[Target]
    targets: Mapping[str, Target]
    scaling: NotRequired[Scaling]
    deployment: Deployment
    alarms: Alarms
    capacity_providers: NotRequired[Mapping[str, Share]]
    execute_command: bool


class Parameter(TypedDict):
    """A parameter of a job's runs."""

    required: bool
    default: NotRequired[str]
    one_of: NotRequired[Sequence[str]]
    pattern: NotRequired[str]
    description: NotRequired[str]


class JobQueue(TypedDict):
    """The queue whose messages start runs; cooldowns in seconds."""

    name: str
    mode: Literal["task_per_message", "workers"]
    max_running: int
    parameter: NotRequired[str]
    per_task: NotRequired[float]
    scale_in_cooldown: NotRequired[int]
    scale_out_cooldown: NotRequired[int]
    worker_command: NotRequired[Sequence[str]]


class Schedule(TypedDict):
    """When EventBridge Scheduler runs a job."""

    expression: str
    timezone: str
    enabled: bool
    retries: int


class Setup(TypedDict):
    """What a job that is part of a deploy comes after, waits for and restarts."""

    after: Sequence[str]
    waits_for: Sequence[str]
    restarts: Sequence[str]


class Job(Workload):
    """A task on demand, or with ``role`` a role that runs in the deployed system; ``timeout`` in seconds."""

    role: NotRequired[str]
    takes: NotRequired[Mapping[str, str]]
    parameters: Mapping[str, Parameter]
    timeout: int
    success_exit_codes: Sequence[int]
    queue: NotRequired[JobQueue]
    schedule: NotRequired[Schedule]
    setup: NotRequired[Setup]
    cluster: str
    capacity_providers: NotRequired[Mapping[str, Share]]


class FileSystem(TypedDict):
    """An EFS file system with one access point."""

    path: NotRequired[str]
    uid: int
    gid: int
    permissions: str
    backup: bool


class Domain(TypedDict):
    """The domain of the load balancers' host names."""

    zone: str
    zone_id: str
    pattern: str


class Key(TypedDict):
    """A KMS key."""

    description: NotRequired[str]
    pending_window_days: int


class SecureParameter(TypedDict):
    """An SSM parameter of type SecureString; ``generate`` in characters."""

    description: NotRequired[str]
    value: NotRequired[str]
    secret: NotRequired[str]
    generate: NotRequired[int]
    key: NotRequired[str]


class Capacity(TypedDict):
    """Limits of a database in Aurora capacity units."""

    min: float
    max: float


class Database(TypedDict):
    """An Aurora Serverless v2 cluster."""

    engine: Literal["aurora-mysql"]
    engine_version: str
    database_name: str
    username: str
    capacity: Capacity
    instances: int
    backup_retention_days: int
    key: NotRequired[str]
    proxy: bool
    deletion_protection: bool


class Secret(TypedDict):
    """A secret; ``generate`` in characters."""

    description: NotRequired[str]
    generate: NotRequired[int]
    json_key: NotRequired[str]
    arn: NotRequired[str]
    parameter_arn: NotRequired[str]
    key_arn: NotRequired[str]
    key: NotRequired[str]


class Queue(TypedDict):
    """An SQS queue; ``visibility_timeout`` and ``max_age`` in seconds."""

    visibility_timeout: int
    retention_days: int
    max_receives: int
    max_age: int


class Listener(TypedDict):
    """A listener of a load balancer."""

    port: int
    protocol: Literal["HTTP", "HTTPS"]
    certificate_arn: NotRequired[str]
    redirect_to: NotRequired[int]
    admits: NotRequired[Sequence[str]]


class LoadBalancer(TypedDict):
    """An Application Load Balancer; ``idle_timeout`` in seconds."""

    scheme: Literal["internal", "internet-facing"]
    admits: NotRequired[Sequence[str]]
    host: NotRequired[str]
    listeners: Mapping[str, Listener]
    idle_timeout: int
    deletion_protection: bool


class Limits(TypedDict):
    """Limits of cost."""

    monthly_budget_usd: NotRequired[float]
    budget_email: NotRequired[str]
    max_tasks: NotRequired[int]
    max_run_usd: NotRequired[float]
    night_off: NotRequired[str]


class Observability(TypedDict):
    """Whether there is a dashboard, and an experiment of AWS Fault Injection Service for each service."""

    dashboard: bool
    fault_injection: bool


class Sections(TypedDict):
    """The sections from which templates are rendered, and the start of the names in them."""

    project: str
    domain: NotRequired[Domain]
    keys: Mapping[str, Key]
    file_systems: Mapping[str, FileSystem]
    secrets: Mapping[str, Secret]
    parameters: Mapping[str, SecureParameter]
    databases: Mapping[str, Database]
    queues: Mapping[str, Queue]
    namespace: NotRequired[str]
    load_balancers: Mapping[str, LoadBalancer]
    services: Mapping[str, Service]
    jobs: Mapping[str, Job]
    limits: Limits
    observability: Observability


def targets_of(service: Service) -> dict[str, Target]:
    """Return the targets of a service by name; that of its load_balancer, the first, has the name ""."""
    return {**({"": service["load_balancer"]} if "load_balancer" in service else {}), **service["targets"]}


def container_jobs(sections: Sections) -> dict[str, Job]:
    """Return the jobs that are tasks; a job with a role is run by that role."""
    return {name: job for name, job in sections["jobs"].items() if "role" not in job}
