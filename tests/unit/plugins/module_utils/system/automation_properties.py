# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the workers and the schedules of any system."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import logical_id
from template_case import Case, Found

TRACKING = "TargetTrackingScalingPolicyConfiguration"
PROTECTION = {"ecs:GetTaskProtection", "ecs:UpdateTaskProtection"}


def workers_scale_on_their_queue_from_zero(case: Case) -> Found:
    """Workers scale between 0 and max_running, on the backlog of their queue alone, with a rule for the first task."""
    for name, job in _worker_jobs(case):
        component, queue = f"service-{name}-workers", job["queue"]
        target = case.properties(component, "ScalableTarget")
        smallest, largest = target["MinCapacity"], target["MaxCapacity"]
        if (smallest, largest) != (0, queue["max_running"]) and "night_off" not in case.description["limits"]:
            yield f"{component} has {smallest} to {largest} tasks"
        policies = [
            (logical, properties)
            for where, logical, properties in case.resources("AWS::ApplicationAutoScaling::ScalingPolicy")
            if where == component
        ]
        if [logical for logical, _properties in policies] != ["BacklogPolicy", "FirstTaskPolicy"]:
            yield f"{component} scales by {policies}"
            continue
        tracking = policies[0][1][TRACKING]
        if tracking["TargetValue"] != queue.get("per_task", 1):
            yield f"{component} scales at {tracking['TargetValue']} messages a task"
        metrics = {each["Id"]: each for each in tracking["CustomizedMetricSpecification"]["Metrics"]}
        wanted = f"queues.{logical_id(queue['name'])}QueueName"
        for each in ("visible", "inflight"):
            dimension = metrics[each]["MetricStat"]["Metric"]["Dimensions"][0]["Value"]
            if case.value(component, dimension) != wanted:
                yield f"{component}: {each} is of {dimension}"
        actions = case.properties(component, "FirstTaskAlarm")["AlarmActions"]
        if [case.value(component, each) for each in actions] != [f"{component}:FirstTaskPolicy"]:
            yield f"{component}: its first task is started by {actions}"


def workers_run_the_command_of_their_job(case: Case) -> Found:
    """A worker knows queue, command and parameters of its job, and may protect the tasks of the cluster."""
    for name, job in _worker_jobs(case):
        component = f"service-{name}-workers"
        container = case.properties(component, "TaskDefinition")["ContainerDefinitions"][0]
        variables = {each["Name"]: each["Value"] for each in container["Environment"]}
        if container["Command"] != [*job["entry_point"], *job["command"]]:
            yield f"{component} runs {container['Command']}"
        if container["EntryPoint"] != job["queue"].get("worker_command", ["queue-worker"]):
            yield f"{component} starts {container['EntryPoint']}"
        settings = json.loads(variables.get("QUEUE_WORKER", "{}"))
        queue = case.value(component, variables.get(settings.get("queue_variable")))
        if queue != f"queues.{logical_id(job['queue']['name'])}QueueUrl":
            yield f"{component} takes messages from {queue}"
        if (settings.get("parameters"), settings.get("timeout")) != (job["parameters"], job["timeout"]):
            yield f"{component} has other settings than its job: {settings}"
        cluster = f"${{{logical_id(job['cluster'])}ClusterName}}"
        actions = {
            action
            for statement in case.statements(component, "TaskRole")
            if all(each.endswith(f":task/{cluster}/*") for each in statement["Resource"])
            for action in statement["Action"]
        }
        if actions != PROTECTION:
            yield f"{component} may {actions} on tasks"


def schedules_start_their_job_alone(case: Case) -> Found:
    """A schedule starts the task definition of its job in the cluster, keeps what it could not start, and no more."""
    for name, job in case.description["jobs"].items():
        component = f"job-{name}"
        if "role" in job or ("Schedule" in case.templates[component]["Resources"]) != ("schedule" in job):
            yield from () if "role" in job else (f"{component}: its schedule is not the described one",)
            continue
        if "schedule" not in job:
            continue
        properties, target = _schedule(case, component)
        wanted = "ENABLED" if job["schedule"]["enabled"] else "DISABLED"
        if (properties["ScheduleExpression"], properties["State"]) != (job["schedule"]["expression"], wanted):
            yield f"{component}: {properties}"
        if target["EcsParameters"]["TaskDefinitionArn"] != {"Ref": "TaskDefinition"}:
            yield f"{component} starts {target['EcsParameters']['TaskDefinitionArn']}"
        if case.value(component, target["DeadLetterConfig"]["Arn"]) != f"{component}:MissedRuns.Arn":
            yield f"{component} keeps failed starts elsewhere"
        permitted = {
            action: sorted(statement["Resource"])
            for statement in case.statements(component, "ScheduleRole")
            for action in statement["Action"]
        }
        start = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:"
        if permitted != {
            "ecs:RunTask": [f"{start}task-definition/${{Project}}-${{Environment}}-{name}:*"],
            "ecs:TagResource": [f"{start}task/{job['cluster']}.ClusterName/*"],
            "iam:PassRole": [f"{component}:ExecutionRole.Arn", f"{component}:TaskRole.Arn"],
            "sqs:SendMessage": [f"{component}:MissedRuns.Arn"],
        }:
            yield f"{component}: Scheduler may {permitted}"
        for container in json.loads(target.get("Input", "{}")).get("containerOverrides", []):
            if container["name"] != name or "{prompt}" in str(container):
                yield f"{component} starts {container}"


def _worker_jobs(case: Case) -> list[tuple[str, dict[str, Any]]]:
    jobs = case.description["jobs"].items()
    return [(name, job) for name, job in jobs if job.get("queue", {}).get("mode") == "workers"]


def _schedule(case: Case, component: str) -> tuple[dict[str, Any], dict[str, Any]]:
    properties = case.properties(component, "Schedule")
    return properties, properties["Target"]


EVERY_AUTOMATION = (
    workers_scale_on_their_queue_from_zero,
    workers_run_the_command_of_their_job,
    schedules_start_their_job_alone,
)
