# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Workers of a job: a service without load balancer whose tasks take messages from the job's queue.

Their containers run the queue worker of the image, which runs the job's command for each message. The job keeps its
own task definition, since a run on demand cannot replace the entry point.
"""

from __future__ import annotations

import json
from typing import Any, cast

from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import placeholders
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.references import escaped, unescaped
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import cluster_name
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.roles import ECS_ARN
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import (
    Alarms,
    Deployment,
    Grant,
    Job,
    Scalar,
    Scaling,
    Sections,
    Service,
    Workload,
    container_jobs,
)

WORKERS = "workers"
# The variable with the settings of the queue worker, as JSON.
SETTINGS_VARIABLE = "QUEUE_WORKER"
WORKER_COMMAND = ("queue-worker",)
# A worker handles one message at a time.
PER_TASK = 1.0
SCALE_IN_COOLDOWN, SCALE_OUT_COOLDOWN = 300, 60
# What the schema gives a service that says nothing else.
DEPLOYMENT: Deployment = {
    "strategy": "ROLLING",
    "minimum_healthy_percent": 100,
    "maximum_percent": 200,
    "circuit_breaker": {"threshold": 3, "rollback": True},
    "pause_timeout": 1440,
}
ALARMS: Alarms = {"cpu": 90, "memory": 90, "errors": 10}


def workers_of(name: str) -> str:
    """Return the name of the service with the workers of a job."""
    return f"{name}-workers"


def worker_jobs(sections: Sections) -> dict[str, Job]:
    """Return the jobs whose queue is handled by workers."""
    jobs = container_jobs(sections)
    return {name: job for name, job in jobs.items() if "queue" in job and job["queue"]["mode"] == WORKERS}


def with_workers(sections: Sections) -> Sections:
    """Return the sections of a description with a service for the workers of each job that has them."""
    workers = {workers_of(name): _workers(job) for name, job in worker_jobs(sections).items()}
    return {**sections, "services": {**sections["services"], **workers}}


def protection(cluster: str) -> Grant:
    """Return the permission of a task to protect itself with its own role; ``cluster`` is the component.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection-endpoint.html
    """
    # The template has the parameter, since its service takes the cluster, too.
    tasks = f"{ECS_ARN}:task/${{{cluster_name(cluster).parameter}}}/*"
    return {"actions": ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"], "resources": [tasks]}


def worker_settings(job: Job) -> dict[str, Any]:
    """Return what the queue worker has to know of a job: its queue, its parameters, and how a run ends."""
    queue = job["queue"]
    return {
        "queue_variable": f"{queue['name'].upper().replace('-', '_')}_QUEUE_URL",
        "parameters": job["parameters"],
        "environment": {key: _plain(value) for key, value in job["environment"].items() if placeholders([value])},
        "success_exit_codes": job["success_exit_codes"],
        "timeout": job["timeout"],
        "stop_timeout": job["stop_timeout"],
        **({"parameter": queue["parameter"]} if "parameter" in queue else {}),
    }


def _plain(value: Scalar) -> Scalar:
    return unescaped(value) if isinstance(value, str) else value


def _workers(job: Job) -> Service:
    queue = job["queue"]
    words = {*job["uses"].get(queue["name"], ()), "receive"}
    kept = {key: value for key, value in job.items() if key in Workload.__annotations__}
    scaling: Scaling = {
        "min": 0,
        "max": queue["max_running"],
        "backlog": {"queue": queue["name"], "per_task": queue.get("per_task", PER_TASK)},
        "scale_in_cooldown": queue.get("scale_in_cooldown", SCALE_IN_COOLDOWN),
        "scale_out_cooldown": queue.get("scale_out_cooldown", SCALE_OUT_COOLDOWN),
    }
    service = {
        **kept,
        "entry_point": list(queue.get("worker_command", WORKER_COMMAND)),
        "command": [*job["entry_point"], *job["command"]],
        "environment": {
            **{key: value for key, value in job["environment"].items() if not placeholders([value])},
            SETTINGS_VARIABLE: escaped(json.dumps(worker_settings(job), sort_keys=True)),
        },
        "uses": {**job["uses"], queue["name"]: sorted(words)},
        "grants": [*job["grants"], protection(job["cluster"])],
        "cluster": job["cluster"],
        "service_connect": {},
        "targets": {},
        "desired_count": 1,
        "scaling": scaling,
        "deployment": DEPLOYMENT,
        "alarms": ALARMS,
        "execute_command": False,
        **({"capacity_providers": job["capacity_providers"]} if "capacity_providers" in job else {}),
    }
    return cast(Service, service)
