# Copyright (c) 2026 The gantry.ecs contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The schedule of a job: EventBridge Scheduler starts its task, and keeps the starts that failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.gantry.ecs.plugins.module_utils.system.job_run import job_run
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.kept import KEPT
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.data.queues import SECONDS_A_DAY, queue_alarm
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.network.security_groups import group_of
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.template import (
    BASE,
    Output,
    Parts,
    cluster_name,
    output,
    sub,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.roles import (
    ECS_ARN,
    scheduler_role,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.rendering.workload.task_definition import (
    EXECUTION_ROLE,
    TASK_DEFINITION,
    TASK_ROLE,
    shares,
)
from ansible_collections.gantry.ecs.plugins.module_utils.system.vocabulary import Job, Schedule

SCHEDULE, ROLE, MISSED_RUNS = "Schedule", "ScheduleRole", "MissedRuns"
# Scheduler replaces it by the id of the execution:
# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
RUN_ID = "<aws.scheduler.execution-id>"
# Seconds for which Scheduler tries to start a task.
LONGEST_DELAY = 3600


def schedule_parts(name: str, job: Job, schedule: Schedule) -> Parts:
    """Return the schedule of a job, its role, the queue of the starts that failed, and an alarm on that queue."""
    cluster = cluster_name(job["cluster"])
    overrides = _overrides(name, job)
    return Parts(
        {
            MISSED_RUNS: {
                "Type": "AWS::SQS::Queue",
                **KEPT,
                "Properties": {
                    "QueueName": sub(f"{BASE}-{name}-missed"),
                    "SqsManagedSseEnabled": True,
                    "MessageRetentionPeriod": 14 * SECONDS_A_DAY,
                },
            },
            f"{MISSED_RUNS}Alarm": queue_alarm(
                name,
                "missed",
                f"Runs of job {name} were not started at their time",
                MISSED_RUNS,
                {"MetricName": "ApproximateNumberOfMessagesVisible", "Threshold": 0},
            ),
            ROLE: scheduler_role(
                sub(f"{ECS_ARN}:task-definition/{BASE}-{name}:*"),
                cluster,
                [{"Fn::GetAtt": [role, "Arn"]} for role in (TASK_ROLE, EXECUTION_ROLE)],
                {"Fn::GetAtt": [MISSED_RUNS, "Arn"]},
            ),
            SCHEDULE: {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "Description": f"Runs job {name}",
                    "ScheduleExpression": schedule["expression"],
                    "ScheduleExpressionTimezone": schedule["timezone"],
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "State": "ENABLED" if schedule["enabled"] else "DISABLED",
                    "Target": {
                        "Arn": sub(f"{ECS_ARN}:cluster/${{Cluster}}", Cluster=cluster),
                        "RoleArn": {"Fn::GetAtt": [ROLE, "Arn"]},
                        "DeadLetterConfig": {"Arn": {"Fn::GetAtt": [MISSED_RUNS, "Arn"]}},
                        "RetryPolicy": {
                            "MaximumEventAgeInSeconds": LONGEST_DELAY,
                            "MaximumRetryAttempts": schedule["retries"],
                        },
                        "EcsParameters": _task(name, job),
                        **({"Input": json.dumps(overrides, sort_keys=True)} if overrides else {}),
                    },
                },
            },
        },
        {"ScheduleName": output("The schedule.", {"Ref": SCHEDULE})},
    )


def _task(name: str, job: Job) -> dict[str, Any]:
    return {
        "TaskDefinitionArn": {"Ref": TASK_DEFINITION},
        "TaskCount": 1,
        **(
            {"CapacityProviderStrategy": shares(job["capacity_providers"])}
            if "capacity_providers" in job
            else {"LaunchType": "FARGATE"}
        ),
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {
                "AssignPublicIp": "DISABLED",
                "Subnets": Output("network", "PrivateSubnetIds", is_list=True),
                "SecurityGroups": [group_of("job", name)],
            }
        },
        "EnableECSManagedTags": True,
        "PropagateTags": "TASK_DEFINITION",
    }


def _overrides(name: str, job: Job) -> Mapping[str, Any]:
    """Return the task override of a run with the defaults of its parameters; empty where nothing is filled in."""
    run = job_run(name, job, {}, RUN_ID)
    container = {
        **({"command": run.command} if run.command else {}),
        **(
            {"environment": [{"name": key, "value": value} for key, value in sorted(run.environment.items())]}
            if run.environment
            else {}
        ),
    }
    return {"containerOverrides": [{"name": name, **container}]} if container else {}
